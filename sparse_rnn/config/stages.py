"""What a run trains in which steps: weights of the tasks, and stages of one after another.

A stage has a number of gradient steps, or ends where the network is good enough (`Criterion`). When
it ends is then a function of the scores so far, and the steps at which stages have ended are all
that needs to be written down: `planned` says from them what is trained in which step, and `limit`
where the next end is certain.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from sparse_rnn.config.options import Options, read_words
from sparse_rnn.data import frozen_weights
from sparse_rnn.errors import InvalidArgument, unknown_keyword
from sparse_rnn.evaluation.scores import MEASURES, TaskScores
from sparse_rnn.system.arguments import choice, finite, whole

Weighting = tuple[Any, ...]
"""Names of tasks; or a weight of each rule slot; or pairs of a name and a weight."""

_AT_MOST = "at_most"
_OVER = "over_tasks"
_OVERS = ("mean", "least")


class Criterion(Options):
    """Where a stage ends: a measure and what it has to reach, as a frozen mapping.

    Example:
        >>> Criterion({"performance": 0.9, "at_most": 2000})
        {'performance': 0.9, 'at_most': 2000}
    """

    SETTING: ClassVar[str] = "stages"
    PREFIX: ClassVar[str] = "stages"

    @property
    def measure(self) -> str:
        """Name of the measure."""
        return next(name for name in self if name in MEASURES)

    @property
    def at_most(self) -> int | None:
        """Gradient steps after which the stage ends whatever the score; None: it does not."""
        return self.get(_AT_MOST)

    def met(self, scores: TaskScores, tasks: Collection[str]) -> bool:
        """Whether scores are good enough, of the tasks of the stage."""
        own = TaskScores.from_rows(row for row in scores.rows() if row["task"] in tasks)
        if _OVER in self:
            return bool(getattr(own, self.measure).min() >= self[self.measure])
        return own.mean(self.measure) >= self[self.measure]


Stage = tuple[Weighting, int | Criterion]
"""What is trained, and for how many gradient steps or until when."""

Trained = tuple[tuple[Weighting, int], ...]
"""What is trained and for how many gradient steps, one after another; the last one stays."""

_ALLOWED = "pairs of tasks or weights and a number of steps or a criterion"


def parse_weights(value: object, argument: str = "weights") -> Weighting | None:
    """Read weights, and bring them into the one form that all equal ones share.

    A command line writes them as ``Go+Anti`` or ``Go=3+DMS=0``.

    Args:
        value: As for `modcog.BatchSampler`; pairs of a name and a weight are a mapping too.
        argument: Name for the error messages.

    Raises:
        InvalidArgument: They are none.

    Example:
        >>> parse_weights(["Go", "Anti"]), parse_weights({"Go": 3}), parse_weights("Go=3+DMS=0")
        (('Anti', 'Go'), (('Go', 3.0),), (('DMS', 0.0), ('Go', 3.0)))
    """
    if value is None or (isinstance(value, str) and not value):
        return None
    if isinstance(value, str) and ("+" in value or "=" in value):
        value = _read(value, argument)
    if isinstance(value, list | tuple):
        members = cast("Sequence[Any]", value)
        if members and all(_is_pair(member) for member in members):
            if len({name for name, _ in members}) < len(members):
                raise InvalidArgument(argument, value, "one weight a task")
            value = dict(members)
    frozen = frozen_weights(value, argument)
    if frozen is None:  # An empty mapping.
        raise InvalidArgument(argument, value, "at least one task")
    return frozen if isinstance(frozen[0], float) else tuple(sorted(set(cast("Any", frozen))))


def parse_stages(value: object) -> tuple[Stage, ...] | None:
    """Read stages: pairs of tasks or weights, and a number of gradient steps or a criterion.

    A command line writes them as ``Go+Anti:500,DMS:500``, and a criterion as
    ``Go:performance=0.9+at_most=2000``.

    Raises:
        InvalidArgument: They are none.
        UnknownKeyword: A criterion has an entry that is none.

    Example:
        >>> parse_stages([("Go", {"performance": 0.9, "at_most": 500}), (["Anti", "DMS"], 300)])
        ((('Go',), {'performance': 0.9, 'at_most': 500}), (('Anti', 'DMS'), 300))
        >>> parse_stages("Go:500,Anti+DMS:300") == parse_stages(
        ...     [("Go", 500), (["Anti", "DMS"], 300)]
        ... )
        True
    """
    if value is None or (isinstance(value, str) and not value):
        return None
    if isinstance(value, str):
        value = [_stage(part) for part in value.split(",")]
    if not isinstance(value, list | tuple) or not value:
        raise InvalidArgument("stages", value, _ALLOWED)
    stages: list[Stage] = []
    for number, pair in enumerate(cast("Sequence[Any]", value)):
        argument = f"stages[{number}]"
        if not isinstance(pair, list | tuple) or len(cast("Sequence[Any]", pair)) != 2:
            raise InvalidArgument(argument, pair, _ALLOWED)
        weights, until = cast("Sequence[Any]", pair)
        weights = parse_weights(weights, argument)
        if weights is None:
            raise InvalidArgument(argument, pair, _ALLOWED)
        if isinstance(until, Mapping):
            stages.append((weights, _criterion(cast("Mapping[Any, Any]", until), argument)))
        else:
            stages.append((weights, whole(f"{argument} steps", until, 1)))
    if isinstance(stages[-1][1], Criterion):
        allowed = "a number of steps, as the last stage stays to the end of the run"
        remedy = "A run ends at a score with stop_at."
        raise InvalidArgument(f"stages[{len(stages) - 1}]", stages[-1][1], allowed, remedy)
    return tuple(stages)


def least_steps(stages: Sequence[Stage]) -> int:
    """Gradient steps that a run has room for all of its stages with, however long they get.

    A stage that may take any number of them counts as one.

    Example:
        >>> least_steps(parse_stages([("Go", {"performance": 0.9, "at_most": 500}), ("DMS", 300)]))
        800
    """
    return sum(_most(until) or 1 for _, until in stages)


def is_bounded(stages: Sequence[Stage]) -> bool:
    """Whether each stage ends after some number of gradient steps, whatever the scores."""
    return all(_most(until) is not None for _, until in stages)


def is_decided(stages: Sequence[Stage]) -> bool:
    """Whether no stage ends at a criterion."""
    return not any(isinstance(until, Criterion) for _, until in stages)


def limit(stages: Sequence[Stage], ends: Sequence[int]) -> int | None:
    """The gradient step at which the present stage ends, whatever its score.

    Args:
        stages: The stages.
        ends: The step at which each of them has ended that has.

    Returns:
        The step; None where that is not certain, and of the last stage, which stays.

    Example:
        >>> stages = parse_stages([("Go", {"performance": 0.9, "at_most": 500}), ("DMS", 300)])
        >>> limit(stages, []), limit(stages, [200])
        (500, None)
    """
    if len(ends) >= len(stages) - 1:
        return None
    most = _most(stages[len(ends)][1])
    return None if most is None else _begin(ends) + most


def planned(stages: Sequence[Stage], ends: Sequence[int], steps: int) -> Trained:
    """What is trained in which steps, as far as that is decided; the present stage stays.

    Args:
        stages: The stages.
        ends: The step at which each of them has ended that has.
        steps: Gradient steps of the run.

    Returns:
        All stages, each with its number of steps. One that may end at any evaluation has all steps
        of the run: those behind it do not come before it has ended, and yet belong to the run.

    Example:
        >>> stages = parse_stages([("Go", {"performance": 0.9, "at_most": 500}), ("DMS", 300)])
        >>> planned(stages, [], 800), planned(stages, [200], 800)
        (((('Go',), 800), (('DMS',), 300)), ((('Go',), 200), (('DMS',), 300)))
    """
    lengths = [end - begin for begin, end in zip((0, *ends), ends, strict=False)]
    open_ones = (until if isinstance(until, int) else steps for _, until in stages[len(ends) :])
    pairs = zip(stages, [*lengths, *open_ones], strict=True)
    return tuple((weights, length) for (weights, _), length in pairs)


@dataclass(frozen=True)
class StagePlan:
    """What a run trains and evaluates in which step, as far as it is decided.

    Attributes:
        stages: The stages, or None.
        steps: Gradient steps of the run.
        eval_every: Gradient steps between evaluations.
    """

    stages: tuple[Stage, ...] | None
    steps: int
    eval_every: int

    def trained(self, ends: Sequence[int] = ()) -> Trained | None:
        """The stages with their numbers of steps, see `planned`; None without stages.

        Args:
            ends: The step at which each stage has ended that has.
        """
        return None if self.stages is None else planned(self.stages, ends, self.steps)

    def exam_due(self, step: int, ends: Sequence[int] = ()) -> bool:
        """Whether the network is evaluated after a gradient step.

        Args:
            step: The step, counted from 1.
            ends: The step at which each stage has ended that has, before this one.
        """
        certain = (self.steps, limit(self.stages or (), ends))
        return step % self.eval_every == 0 or step in certain


def _begin(ends: Sequence[int]) -> int:
    return ends[-1] if ends else 0


def _most(until: int | Criterion) -> int | None:
    return until if isinstance(until, int) else until.at_most


def _criterion(given: Mapping[Any, Any], argument: str) -> Criterion:
    """Check a criterion, and write it in the one way that all equal ones share."""
    options = {str(name): value for name, value in given.items()}
    for name in options:
        if name not in (*MEASURES, _AT_MOST, _OVER):
            known = (*MEASURES, _AT_MOST, _OVER)
            raise unknown_keyword(argument, name, known, "a measure, or at_most or over_tasks")
    measures = [name for name in options if name in MEASURES]
    if len(measures) != 1:
        allowed = f"a criterion with one measure: {', '.join(MEASURES)}"
        raise InvalidArgument(argument, dict(options), allowed)
    measure = measures[0]
    allowed = "a score above 0, and at most 1, which is every trial right"
    level = finite(f"{argument}.{measure}", options[measure], allowed, above=0, most=1)
    found: dict[str, Any] = {measure: float(level)}
    if options.get(_AT_MOST) is not None:
        found[_AT_MOST] = whole(f"{argument}.{_AT_MOST}", options[_AT_MOST], 1)
    over = choice(f"{argument}.{_OVER}", options.get(_OVER, _OVERS[0]), _OVERS)
    return Criterion(found if over == _OVERS[0] else {**found, _OVER: over})


def _is_pair(value: object) -> bool:
    if not isinstance(value, list | tuple):
        return False
    members = cast("Sequence[object]", value)
    return len(members) == 2 and isinstance(members[0], str) and not isinstance(members[1], str)


def _stage(text: str) -> tuple[str, object]:
    tasks, _, until = text.rpartition(":")
    if "=" in until:
        words = cast("dict[str, Any]", read_words(Criterion, until.replace("+", ",")))
        count = words.get(_AT_MOST)
        if isinstance(count, float) and count.is_integer():
            words[_AT_MOST] = int(count)
        return tasks.strip(), words
    return tasks.strip(), int(until) if until.strip().isdecimal() else until


def _read(text: str, argument: str) -> Mapping[str, float] | list[str]:
    """Weights as a command line writes them."""
    pairs = [part.strip().partition("=") for part in text.split("+")]
    if not any(sign for _, sign, _ in pairs):
        return [name for name, _, _ in pairs]
    try:
        found = {name: float(weight) for name, sign, weight in pairs if sign}
    except ValueError:
        found = {}
    if len(found) < len(pairs):
        raise InvalidArgument(argument, text, "NAME+NAME or NAME=WEIGHT+NAME=WEIGHT")
    return found
