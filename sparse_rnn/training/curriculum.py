"""What a run trains in which step, as scores decide it: stages up to a criterion, or a policy.

A `Curriculum` says what is trained from the scores that the run has kept. `Staged` is that of a run
with stages; `Policy` asks a function of the caller's, and writes down what it answers.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol, cast

from sparse_rnn.config.stages import StagePlan, Trained, parse_weights
from sparse_rnn.data import TaskStream
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.evaluation.scores import MEASURES, TaskScores
from sparse_rnn.runs.decisions import Decisions
from sparse_rnn.system.arguments import instance
from sparse_rnn.training.group import Group
from sparse_rnn.training.stages import Marks, Staged

_LOG = logging.getLogger("sparse_rnn")

Asked = Callable[[Mapping[int, TaskScores]], Any]
"""A policy of the caller's: the scores so far by step -> tasks or weights."""

_ALLOWED = "a mapping from tasks to weights, a weight of each rule slot, or names of tasks"
_RECORD = "curriculum"


class Curriculum(Protocol):
    """What a run trains from a step on, given the scores that it has kept so far."""

    def keeps(self, marks: Marks, step: int, scores: TaskScores) -> bool:
        """Whether scores on the way are kept, since what comes next depends on them."""
        ...

    def trained(self, marks: Marks) -> Trained | None:
        """What is trained in which steps, as far as it is decided; None: what always is."""
        ...

    def facts(self) -> Mapping[str, Any]:
        """What a checkpoint holds of it beside the scores, in JSON types."""
        ...

    def restore(self, marks: Marks, facts: Mapping[str, Any]) -> None:
        """Take what a checkpoint holds.

        Raises:
            KeyError: It holds something else; so also TypeError and ValueError.
        """
        ...


class Policy:
    """Asks a function what is trained: before the first step, and after each evaluation.

    What it answers is written down, and is what a resumed run trains. The function is asked again
    about the same scores in the same order, so that one with a state of its own has it back.

    Args:
        function: The function, with what `sparse_rnn.fit` says of it.
        name: What it is called.
        steps: Gradient steps of the run.
        stream: A stream of all tasks of the run.
        group: The processes of the run; the first one asks, for all.
    """

    def __init__(
        self, function: Asked, name: str, steps: int, stream: TaskStream, group: Group
    ) -> None:
        self._function = function
        self._name = name
        self._steps = steps
        self._stream = stream
        self._group = group
        self._answers: list[tuple[float, ...]] = []  # in this process
        self._decided: list[tuple[int, tuple[float, ...]]] = []
        self._warned = False

    @property
    def decisions(self) -> Decisions:
        """What was decided so far."""
        steps = tuple(step for step, _ in self._decided)
        return Decisions(self._stream.tasks, steps, tuple(shares for _, shares in self._decided))

    def keeps(self, marks: Marks, step: int, scores: TaskScores) -> bool:
        """All of them: the function sees every evaluation on the way."""
        del marks, step, scores
        return True

    def trained(self, marks: Marks) -> Trained:
        """Ask what was not asked yet; weights that stay as they were are one entry.

        Raises:
            InvalidArgument: An answer is no weights of these tasks; so also UnknownName.
        """
        moments = (0, *sorted(marks))
        for number in range(len(self._answers), len(moments)):
            seen = {step: _kept(marks[step]) for step in moments[1 : number + 1]}
            self._answers.append(self._ask(moments[number], seen))
        new = zip(moments, self._answers, strict=False)
        self._decided.extend(list(new)[len(self._decided) :])
        self._compare()
        begun = [
            (step, shares)
            for number, (step, shares) in enumerate(self._decided)
            if number == 0 or shares != self._decided[number - 1][1]
        ]
        ends = [*(step for step, _ in begun[1:]), self._steps]
        return tuple((shares, end - step) for (step, shares), end in zip(begun, ends, strict=True))

    def facts(self) -> Mapping[str, Any]:
        """What was decided: step and probability of each rule slot."""
        return {_RECORD: [[step, list(shares)] for step, shares in self._decided]}

    def restore(self, marks: Marks, facts: Mapping[str, Any]) -> None:
        """Take what was decided, which is what is trained, whatever the function says now.

        Raises:
            KeyError: It is not written down; so also TypeError and ValueError.
        """
        decided = [(int(step), tuple(map(float, shares))) for step, shares in facts[_RECORD]]
        moments = (0, *sorted(marks))
        fit = all(len(shares) == len(self._stream.tasks) for _, shares in decided)
        if not fit or tuple(step for step, _ in decided) != moments[: len(decided)]:
            raise ValueError("what was decided fits neither the evaluations nor the tasks")
        self._decided = decided

    def _ask(self, step: int, seen: Mapping[int, TaskScores]) -> tuple[float, ...]:
        def ask() -> list[float]:
            argument = f"curriculum (what {self._name!r} answered at step {step})"
            given: Any = self._function(MappingProxyType(seen))
            if given is None or (isinstance(given, str) and not given):
                raise InvalidArgument(argument, given, _ALLOWED)
            # None stands for all tasks; so does a mapping that leaves them all out.
            all_alike = isinstance(given, Mapping) and not cast("Mapping[Any, Any]", given)
            weights = None if all_alike else parse_weights(given, argument)
            return list(self._stream.shares(weights, argument))

        return tuple(self._group.decide(ask))

    def _compare(self) -> None:
        """Say it where a function is none of the scores that it is given."""
        pairs = zip(self._decided, self._answers, strict=False)
        other = [step for (step, decided), answer in pairs if decided != answer]
        if other and not self._warned:
            self._warned = True
            _LOG.warning(
                "The curriculum %r answers otherwise about step %d than it did before the run was "
                "interrupted. The run keeps what was recorded, and what follows may not be what "
                "it would have been.",
                *(self._name, other[0]),
            )


def curriculum_of(
    plan: StagePlan, policy: tuple[str, Asked] | None, held_out: object, group: Group
) -> Staged | Policy | None:
    """What decides what a run trains; None where nothing changes.

    Args:
        plan: The stages of the run, if it has any, and its steps.
        policy: A function of the caller's and what it is called, or None.
        held_out: What it is evaluated on.
        group: The processes of the run.

    Raises:
        InvalidArgument: That is no stream of tasks, which could be drawn more or less often.
    """
    if policy is None and plan.stages is None:
        return None
    stream = instance("held_out", held_out, TaskStream)
    if policy is None:
        return Staged(plan, stream)
    name, function = policy
    return Policy(function, name, plan.steps, stream, group)


def _kept(scores: TaskScores) -> TaskScores:
    """Scores that nobody changes by mistake: they are what later answers depend on."""
    for name in ("n_trials", "chance", *MEASURES):
        getattr(scores, name).setflags(write=False)
    return scores
