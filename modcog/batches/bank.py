"""Trial banks: padded whole trials with everything that an analysis sorts them by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modcog.batches.conditions import design
from modcog.batches.targets import TARGETS, check_kind
from modcog.catalog.rules import rule_input_of
from modcog.catalog.settings import tasks_of
from modcog.errors import InvalidArgument, known_name, mapping, whole_number
from modcog.hashing import Purpose, Random, derive, generator, mix, seed_of
from modcog.rendering.renderers import RENDERERS
from modcog.rendering.rule_input import RuleInput
from modcog.system.files import read_npz, whole_file
from modcog.system.limits import TRIALS
from modcog.trials.draws import trial_keys
from modcog.trials.periods import period_labels
from modcog.trials.plan import Trials, concatenate, place
from modcog.trials.sampling import sample, sample_keys
from modcog.trials.spec import TaskSpec
from modcog.trials.tables import period_names

SPLITS = ("train", "validation", "test")
"""Splits of a bank; the trials of one are independent of those of the others."""

SHARES = (0.5, 0.25, 0.25)
"""Probability of each split that a condition falls into it, where conditions are split."""

SPLIT_BY = ("trials", "conditions")

MOST_DRAWN = 4096
"""So many trials are looked at before a split is found to have none of a task's conditions."""


@dataclass(frozen=True, eq=False)
class TrialBank:
    """Whole trials, one a column, padded at the end.

    Attributes:
        inputs: float32 ``[steps, n, 1 + 2 dim_ring + d]`` with d rule channels.
        targets: int64 ``[steps, n]``; 0 = fixate, 1 + k = direction k. Of other kinds float32
            ``[steps, n, outputs]``, 0 on padding.
        mask: float32 ``[steps, n]``; 0 on padding.
        period: int8 ``[steps, n]``, index into `period_names`; -1 on padding.
        period_names: str ``[periods]``.
        length: int64 ``[n]``, steps of the trial.
        task: str ``[n]``, name of the task.
        base: str ``[n]``, name of the base task.
        family: str ``[n]``: reach, decision or matching.
        modifiers: str ``[n]``, such as "IntL_SeqR"; "" without.
        rule: int64 ``[n]``, rule slot.
        direction: int64 ``[n]``, ring index of the first stimulus.
        responds: bool ``[n]``, whether the correct behaviour is a response.
        base_response: int64 ``[n]``, ring index of the answer before any modifier; -1 without.
        response: int64 ``[n]``, ring index of the answer at the first decision step; -1 without.
        angle: float64 ``[n]``, the unquantised answer at that step in rad; NaN without.
        match: int64 ``[n]``, 1 for match, 0 for non-match, -1 where the question has no meaning.
        dt: Time step in ms, float64 ``[]``.
    """

    inputs: NDArray[np.float32]
    targets: NDArray[Any]
    mask: NDArray[np.float32]
    period: NDArray[np.int8]
    period_names: NDArray[np.str_]
    length: NDArray[np.int64]
    task: NDArray[np.str_]
    base: NDArray[np.str_]
    family: NDArray[np.str_]
    modifiers: NDArray[np.str_]
    rule: NDArray[np.int64]
    direction: NDArray[np.int64]
    responds: NDArray[np.bool_]
    base_response: NDArray[np.int64]
    response: NDArray[np.int64]
    angle: NDArray[np.float64]
    match: NDArray[np.int64]
    dt: NDArray[np.float64]

    def __len__(self) -> int:
        """Number of trials."""
        return len(self.length)

    def save(self, path: Path | str) -> None:
        """Write the bank to a compressed ``.npz`` file, which holds no pickle.

        The file is whole or absent; an older one is replaced at the end.
        """
        columns = {f.name: getattr(self, f.name) for f in fields(self)}
        with whole_file(Path(path)) as part, part.open("wb") as file:
            np.savez_compressed(file, **columns)

    @classmethod
    def load(cls, path: Path | str) -> TrialBank:
        """Read a bank that `save` wrote.

        Raises:
            FileNotFoundError: There is no such file.
            InvalidArgument: The file is damaged, is no trial bank, or no regular file.
        """
        try:
            columns = read_npz(Path(path), _LAYOUT)
            _check_layout(columns)
        except InvalidArgument:
            raise
        except ValueError as error:
            allowed = "a file that TrialBank.save wrote"
            raise InvalidArgument("path", str(path), allowed, f"({error})") from error
        return cls(**columns)


_LAYOUT: Mapping[str, tuple[type[np.generic], str]] = MappingProxyType(
    {
        "inputs": (np.float32, "tnc"),
        "targets": (np.int64, "tn"),
        "mask": (np.float32, "tn"),
        "period": (np.int8, "tn"),
        "period_names": (np.str_, "p"),
        "length": (np.int64, "n"),
        **dict.fromkeys(("task", "base", "family", "modifiers"), (np.str_, "n")),
        **dict.fromkeys(("rule", "direction"), (np.int64, "n")),
        "responds": (np.bool_, "n"),
        **dict.fromkeys(("base_response", "response"), (np.int64, "n")),
        "angle": (np.float64, "n"),
        "match": (np.int64, "n"),
        "dt": (np.float64, ""),
    }
)
"""Type and axes of each column: time, trial, channel, period (and output, of some targets)."""


def _check_layout(columns: Mapping[str, NDArray[Any]]) -> None:
    sizes: dict[str, int] = {}
    for name, (kind, axes) in _LAYOUT.items():
        column = columns[name]
        if name == "targets" and column.ndim == 3:  # of another kind than labels
            kind, axes = np.float32, "tno"
        if not np.issubdtype(column.dtype, kind) or column.ndim != len(axes):
            raise ValueError(f"{name} is {column.dtype} with {column.ndim} axes")
        for axis, size in zip(axes, column.shape, strict=True):
            if sizes.setdefault(axis, size) != size:
                raise ValueError(f"{name} has the shape {column.shape}, unlike the others")


def trial_bank(  # noqa: PLR0913 - each is a choice of its own
    tasks: object,
    n: int,
    seed: Random = 0,
    *,
    split: str = "train",
    split_by: str = "trials",
    given: Mapping[str, ArrayLike] | None = None,
    conditions: Mapping[str, ArrayLike] | None = None,
    rule_input: bool | None = None,
    rules: object = None,
    targets: str = "labels",
    **settings: Any,
) -> TrialBank:
    """Draw a bank of trials.

    Splits share no draw: their trials have noise of their own, and none of them is a trial of a
    `modcog.BatchSampler` or of another bank. But what a trial shows apart from its noise comes
    again where there are few such trials: Go has 32, a ring and a direction, and no noise at all,
    so that its training trials are its validation trials. For trials whose stimuli were never shown
    in training, split by conditions. A condition is what is shown: the period, ring, direction and
    strength of all stimuli of a trial, whatever the durations, the noise and the task.

    Args:
        tasks: Name of a suite or of one task, or a list of task names and `TaskSpec`, one per rule
            slot.
        n: Trials of each rule slot; with `conditions`, of each combination in each rule slot.
        seed: A whole number, a list of them, a `numpy.random.SeedSequence`, or a
            `numpy.random.Generator` from which a seed is drawn, a new one for each bank. The trials
            of a rule slot do not depend on the other slots.
        split: "train", "validation" or "test".
        split_by: "trials": each split draws from all trials. "conditions": each condition falls, by
            the seed, into one split alone, with probability 1/2, 1/4 and 1/4, and a split draws
            from the trials of its conditions. Frequencies of answers and matches then differ a
            little between splits. Splits of conditions share a seed, which is not drawn then.
        given: Quantities to fix instead of drawing them, as for `modcog.sample`: a value for all
            trials, or n of them, one for each trial of a rule slot. All tasks draw them.
        conditions: Quantities of which all combinations are shown, as for `modcog.conditions`: name
            -> values. The last one named varies fastest, then come the n repeats.
        rule_input: Whether the inputs end with rule channels, as in `modcog.BatchSampler`.
        rules: What the rule channels show, as for `modcog.BatchSampler`.
        targets: The kind of targets, as for `modcog.BatchSampler`.
        **settings: Task settings, as for `modcog.task`: ``dt``, ``dim_ring``, ``noise``, ...

    Returns:
        The bank, ordered by rule slot.

    Raises:
        UnknownName: A name is not known, or a task draws no quantity of a given name.
        InvalidArgument: An argument is out of range; a task has no condition in this split; a
            quantity is given twice, or one value a trial where conditions are split, which leaves
            no say in which trials these are.

    Example:
        >>> from modcog import trial_bank
        >>> train = trial_bank("cog-20", 50, seed=0)
        >>> held_out = trial_bank("cog-20", 10, seed=0, split="validation")
        >>> train.inputs.shape, len(held_out), train.period_names[:2]
        ((27, 1000, 53), 200, array(['fixation', 'stimulus'], dtype='<U8'))
        >>> tuning = trial_bank("DlyGo", 2, conditions={"location": range(16)}, given={"ring": 0})
        >>> tuning.response[:6]
        array([0, 0, 1, 1, 2, 2])
    """
    specs = tasks_of(tasks, **settings)
    shown = rule_input_of(specs, rules, rule_input, default=True)
    check_kind(targets)
    n = whole_number("n", n, "trials", most=TRIALS)
    known_name("split", split, SPLITS, "a split")
    known_name("split_by", split_by, SPLIT_BY, "what is split")
    by_trials = split_by == "trials"
    if not by_trials and isinstance(seed, np.random.Generator):
        allowed = "a seed where split_by is 'conditions': another would split them otherwise"
        raise InvalidArgument("seed", seed, allowed)
    seed = seed_of(seed)
    given, conditions = (
        mapping(argument, chosen, "a mapping: name of a quantity -> values")
        for argument, chosen in (("given", given), ("conditions", conditions))
    )
    fixed, n = _fixed(given, conditions, n, by_trials=by_trials)
    number = SPLITS.index(split)
    parts: list[Trials] = []
    for slot, spec in enumerate(specs):
        rng = generator(seed, Purpose.BANK, SPLIT_BY.index(split_by), number, slot)
        if by_trials:
            part = sample_keys(spec, trial_keys(rng, n), fixed)  # checked where all are rendered
        else:
            part = _of_split(spec, rng, n, derive(seed, Purpose.BANK_SPLIT), number, fixed)
        part.rule[:] = slot
        parts.append(part)
    trials = concatenate(parts)
    return _bank(
        place(trials, np.arange(len(trials)), np.zeros(len(trials), np.int64)), shown, targets
    )


def _fixed(
    given: Mapping[str, ArrayLike],
    conditions: Mapping[str, ArrayLike],
    n: int,
    *,
    by_trials: bool,
) -> tuple[dict[str, Any], int]:
    """What is fixed in the trials of a rule slot, and how many there are."""
    one_a_trial = [name for name, value in given.items() if np.ndim(value) and np.size(value) != 1]
    if not by_trials and (both := [*conditions, *one_a_trial]):
        allowed = "a single value, in given, where split_by is 'conditions'"
        raise InvalidArgument(both[0], conditions.get(both[0], given.get(both[0])), allowed)
    for name in conditions:
        if name in given:
            raise InvalidArgument(name, given[name], "in given or in conditions, not in both")
    cells, n_all = design(conditions, n, "n")
    return {**given, **cells}, n_all


def _of_split(
    spec: TaskSpec,
    rng: np.random.Generator,
    n: int,
    seeds: np.random.SeedSequence,
    number: int,
    given: Mapping[str, ArrayLike],
) -> Trials:
    """The first n trials whose condition falls into a split."""
    key = seeds.generate_state(1, np.uint64)
    low, high = np.cumsum((0.0, *SHARES))[number : number + 2]
    parts: list[Trials] = []
    n_drawn = 0
    while (missing := n - sum(map(len, parts))) > 0:
        trials = sample(spec, rng, max(256, 3 * missing), given)
        position = (mix(conditions_of(trials) ^ key) >> np.uint64(11)) * 2.0**-53
        parts.append(trials[(low <= position) & (position < high)])
        n_drawn += len(trials)
        if n_drawn >= MOST_DRAWN and not any(map(len, parts)):
            allowed = f"one that a condition of {spec.name} falls into"
            raise InvalidArgument("split", SPLITS[number], allowed, "Take another seed.")
    return concatenate(parts)[:n]


def conditions_of(trials: Trials) -> NDArray[np.uint64]:
    """A number for what each trial shows, equal for equal stimuli in any order; uint64 ``[n]``."""
    shown = np.zeros(len(trials), dtype=np.uint64)
    for slot in range(trials.stimulus_period.shape[1]):
        strength = trials.stimulus_strength[:, slot].copy()
        word = mix(strength.view(np.uint64).copy())
        for column in (trials.stimulus_period, trials.stimulus_ring, trials.stimulus_location):
            word = mix(word + column[:, slot].astype(np.uint64) + np.uint64(1))
        shown += np.where(strength > 0, word, np.uint64(0))
    return shown


def _bank(trials: Trials, rules: RuleInput, kind: str) -> TrialBank:
    rendered = RENDERERS["auto"]()(
        trials, rules=rules, seq_len=int(trials.length.max()), n_lanes=len(trials)
    )
    names = period_names(trials.tasks)

    def of_task(values: list[str]) -> NDArray[np.str_]:
        return np.array(values)[trials.task_index]

    return TrialBank(
        inputs=rendered.observations,
        targets=TARGETS[kind].write(trials, rendered.targets, rendered.mask),
        mask=rendered.mask,
        period=period_labels(trials, names, *rendered.targets.shape),
        period_names=np.array(names),
        length=trials.length,
        task=trials.task,
        base=of_task([spec.base for spec in trials.tasks]),
        family=of_task([spec.family for spec in trials.tasks]),
        modifiers=of_task(["_".join(m.label for m in spec.modifiers) for spec in trials.tasks]),
        rule=trials.rule,
        direction=trials.stimulus_location[:, 0],
        responds=trials.responds,
        base_response=trials.base_response,
        response=trials.response,
        angle=trials.angle,
        match=trials.match,
        dt=np.array(trials.dt),
    )
