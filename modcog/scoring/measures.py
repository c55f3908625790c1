"""Performance measures of network outputs against trials.

All measures are defined on the trials' labels, per trial, and averaged per task. How outputs are
read as answers belongs to the kind of target (`modcog.batches.targets`): the same measures are then
taken of all kinds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modcog import ring
from modcog.batches.batch import Batch
from modcog.batches.losses import decision_grace, start_grace
from modcog.batches.targets import TARGETS, Answers, check_kind
from modcog.catalog.chance import TOLERANCE, chance_level
from modcog.errors import InvalidArgument, instance, known_name
from modcog.rendering.reference import decision_rows, flatten_spans
from modcog.trials.content import SameContent
from modcog.trials.plan import Trials
from modcog.trials.spec import TaskSpec

MEASURES = ("final_accuracy", "decision_accuracy", "performance", "trajectory_performance")
"""The measures in the order in which tables show them."""


@dataclass(frozen=True, eq=False)
class TrialScores(SameContent):
    """Scores of n trials, each bool or a fraction ``[n]``; see `Evaluation` for their meaning."""

    final_accuracy: NDArray[np.float64]
    decision_accuracy: NDArray[np.float64]
    performance: NDArray[np.float64]
    trajectory_performance: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Evaluation(SameContent):
    """Performance per task.

    Slots that hold the same task with the same settings share a row. Slots that hold one task with
    different settings have a row each, with the same name and another slot.

    Attributes:
        tasks: Names of the tasks, in the order of their rule slots.
        rule: int64 ``[tasks]``, rule slot of each task; the first one, where it holds several.
        n_trials: int64 ``[tasks]``, number of trials that were scored.
        final_accuracy: float64 ``[tasks]``, fraction of trials whose most probable label at the
            last decision step is the target (as neurogym scores); of outputs that are no labels,
            the direction nearest to theirs. NaN where there is no trial.
        decision_accuracy: float64 ``[tasks]``, the same over all decision steps after the first
            100 ms of the decision.
        performance: float64 ``[tasks]``, fraction of trials that are correct in the sense of Yang
            et al. (2019): at the last decision step the network fixates (probability above 0.5)
            where it should withhold, or else its probability-weighted direction lies less than 36
            degrees from the target; and it fixated throughout before the decision (after the
            first 100 ms of the trial).
        trajectory_performance: float64 ``[tasks]``, the same criterion at every scored decision
            step.
        chance: float64 ``[tasks]``, `final_accuracy` of the best strategy that ignores the stimuli
            (`modcog.chance_level`).
        specs: The tasks with their settings.
    """

    tasks: tuple[str, ...]
    rule: NDArray[np.int64]
    n_trials: NDArray[np.int64]
    final_accuracy: NDArray[np.float64]
    decision_accuracy: NDArray[np.float64]
    performance: NDArray[np.float64]
    trajectory_performance: NDArray[np.float64]
    chance: NDArray[np.float64]
    specs: tuple[TaskSpec, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """The names; one that stands twice is followed by its rule slot, such as "DM1 [3]"."""
        return tuple(
            f"{task} [{rule}]" if self.tasks.count(task) > 1 else task
            for task, rule in zip(self.tasks, self.rule.tolist(), strict=True)
        )

    def mean(self, measure: str = "performance") -> float:
        """Mean of a measure over the tasks that have trials.

        Raises:
            UnknownName: There is no such measure.
        """
        known_name("measure", measure, MEASURES, "a measure")
        values: NDArray[np.float64] = getattr(self, measure)[self.n_trials > 0]
        return float(values.mean()) if values.size else float("nan")

    def rows(self) -> list[dict[str, Any]]:
        """One dictionary per task, for tables and CSV files; "task" is its entry of `labels`."""
        return [
            {
                "task": label,
                "n_trials": int(self.n_trials[i]),
                **{measure: float(getattr(self, measure)[i]) for measure in MEASURES},
                "chance": float(self.chance[i]),
            }
            for i, label in enumerate(self.labels)
        ]

    def __str__(self) -> str:
        """The table as text, with the mean over tasks in the last row."""
        labels = self.labels
        width = max(map(len, ("task", *labels)))
        head = f"{'task':{width}}  trials   final  decision  perf.   traj.  chance"
        lines = [head, "-" * len(head)]
        values = np.stack([getattr(self, m) for m in MEASURES] + [self.chance], axis=1)
        for task, n, row in zip(labels, self.n_trials, values, strict=True):
            lines.append(f"{task:{width}}  {n:6d}  {_cells(row)}")
        chance = float(np.mean(self.chance)) if self.tasks else float("nan")
        means = [*(self.mean(m) for m in MEASURES), chance]
        lines.append("-" * len(head))
        lines.append(f"{'mean':{width}}  {int(self.n_trials.sum()):6d}  {_cells(means)}")
        return "\n".join(lines)


def _cells(values: Sequence[float] | NDArray[np.float64]) -> str:
    final, decision, performance, trajectory, chance = values
    return f"{final:6.3f}  {decision:8.3f}  {performance:5.3f}  {trajectory:6.3f}  {chance:6.3f}"


def evaluate(logits: Any, batch: Batch, targets: str | None = None) -> Evaluation:
    """Score a network's outputs on a batch, task by task.

    Args:
        logits: float ``[seq_len, batch_size, outputs]``, a numpy array, a torch tensor of any
            precision, on any device and with or without its graph, or what converts to an array.
            Of the kind "labels" they are logits, whose softmax is taken here; of "ring" and
            "sin_cos" what was trained on those targets.
        batch: The batch that the network saw.
        targets: The kind of target that the outputs are meant for (see `modcog.BatchSampler`);
            None: that of the batch.

    Returns:
        The four measures for each task of which the batch has trials; no task without trials.

    Raises:
        InvalidArgument: The shape is another one, a value is no number or not finite, or the batch
            has no targets and `targets` does not say of which kind the outputs are.
        UnknownName: There is no such kind of target.

    Example:
        >>> import modcog
        >>> batch = modcog.BatchSampler("cog-20", batch_size=8, seq_len=100, seed=0).batch(0)
        >>> oracle = 50.0 * (batch.targets[..., None] == range(17))
        >>> modcog.evaluate(oracle, batch).mean("performance")
        1.0
    """
    trials = instance("batch", batch, Batch, "a Batch").trials
    kind = check_kind(batch.target_kind if targets is None else targets)
    if TARGETS[kind].read is None:
        kinds = ", ".join(repr(name) for name, target in TARGETS.items() if target.read)
        raise InvalidArgument("targets", targets, f"one of {kinds}, as the batch has no targets")
    array = _as_array(logits)
    expected = (*batch.mask.shape, TARGETS[kind].size(trials.dim_ring))
    if array.shape != expected:
        raise InvalidArgument("logits", array.shape, f"an array of shape {expected}")
    if not np.isfinite(array).all():
        raise InvalidArgument("logits", "an array with NaN or infinity", "finite")
    scores = score_trials(array, trials, targets=kind)
    present, row = np.unique(trials.task_index, return_inverse=True)
    count = np.bincount(row)
    first = np.full(present.size, np.iinfo(np.int64).max)
    np.minimum.at(first, row, trials.rule)
    # Trials are ordered by lane; the table is ordered by rule slot, as the suite is.
    order = np.argsort(first, kind="stable")
    specs = tuple(trials.tasks[index] for index in present[order].tolist())
    means = {m: (np.bincount(row, getattr(scores, m)) / count)[order] for m in MEASURES}
    chance = np.array([chance_level(spec) for spec in specs])
    return _table(specs, first[order], count[order], chance, means)


def _table(
    specs: tuple[TaskSpec, ...],
    rule: NDArray[np.int64],
    n_trials: NDArray[np.int64],
    chance: NDArray[np.float64],
    means: Mapping[str, NDArray[np.float64]],
) -> Evaluation:
    names = tuple(spec.name for spec in specs)
    return Evaluation(names, rule, n_trials=n_trials, chance=chance, specs=specs, **means)


def _as_array(logits: Any) -> NDArray[np.float64]:
    """Logits as float64, whatever holds them; torch is not imported here."""
    if hasattr(logits, "detach"):  # a torch tensor: numpy takes neither its graph nor bfloat16
        logits = logits.detach().cpu().double().numpy()
    try:
        array = np.asarray(logits)
        if array.dtype.kind in "cOSUmM":
            raise InvalidArgument("logits", f"an array of {array.dtype}", "an array of numbers")
        return array.astype(np.float64)
    except InvalidArgument:
        raise
    except (TypeError, ValueError) as error:
        raise InvalidArgument("logits", type(logits), f"an array of numbers ({error})") from None


def pool(evaluations: Iterable[Evaluation]) -> Evaluation:
    """Pool evaluations of several batches: the means over all their trials.

    Args:
        evaluations: At least one; a task need not occur in each of them.

    Raises:
        InvalidArgument: There is none.
    """
    parts = list(evaluations)
    if not parts:
        raise InvalidArgument("evaluations", parts, "at least one Evaluation")
    slots: dict[TaskSpec, int] = {}
    for part in parts:
        for spec, slot in zip(part.specs, part.rule.tolist(), strict=True):
            slots[spec] = min(slot, slots.get(spec, slot))
    specs = tuple(sorted(slots, key=lambda spec: slots[spec]))
    position = {spec: i for i, spec in enumerate(specs)}
    count = np.zeros(len(specs), dtype=np.int64)
    chance = np.zeros(len(specs))
    sums = {measure: np.zeros(len(specs)) for measure in MEASURES}
    for part in parts:
        rows = np.array([position[spec] for spec in part.specs], dtype=np.int64)
        count[rows] += part.n_trials
        chance[rows] = part.chance
        for measure in MEASURES:
            sums[measure][rows] += np.nan_to_num(getattr(part, measure)) * part.n_trials
    with np.errstate(invalid="ignore"):
        means = {measure: sums[measure] / count for measure in MEASURES}
    rule = np.array([slots[spec] for spec in specs], dtype=np.int64)
    return _table(specs, rule, count, chance, means)


def score_trials(
    outputs: NDArray[np.float64],
    trials: Trials,
    *,
    targets: str = "labels",
    require_fixation: bool = True,
) -> TrialScores:
    """Score each trial.

    Args:
        outputs: float64 ``[time, batch, outputs]`` at the places of the trials.
        trials: The trials.
        targets: The kind of target that the outputs are meant for, a row of `TARGETS` that says how
            they are read.
        require_fixation: Whether `performance` and `trajectory_performance` also demand fixation
            before the decision. Yang's published code does not; his Methods do.
    """
    read = TARGETS[targets].read
    assert read is not None  # `evaluate` has checked it
    n = trials.dim_ring
    flat = outputs.reshape(-1, outputs.shape[-1])
    trial, j, label, row = decision_rows(trials, outputs.shape[1])
    answers = read(flat[row], n)
    n_decision = trials.decision_steps
    scored = j >= decision_grace(trials)[trial]
    last = j == n_decision[trial] - 1

    hit = answers.label == label
    correct = _correct(answers, label, n)
    n_trials = len(trials)

    def per_trial(values: NDArray[np.bool_], where: NDArray[np.bool_]) -> NDArray[np.float64]:
        total = np.bincount(trial[where], weights=values[where], minlength=n_trials)
        return total / np.bincount(trial[where], minlength=n_trials)

    performance = per_trial(correct, last)
    trajectory = (per_trial(correct, scored) == 1.0).astype(np.float64)
    if require_fixation:
        before, row = _steps_before(trials, outputs.shape[1])
        broken = before[~read(flat[row], n).fixates]
        kept = np.bincount(broken, minlength=n_trials) == 0
        performance *= kept
        trajectory *= kept
    return TrialScores(
        final_accuracy=per_trial(hit, last),
        decision_accuracy=per_trial(hit, scored),
        performance=performance,
        trajectory_performance=trajectory,
    )


def _steps_before(trials: Trials, n_lanes: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The steps from 100 ms after the start to the go cue: trial, row of ``[time * batch]``."""
    grace = start_grace(trials)
    trial, step = flatten_spans(grace, trials.decision_start - grace)
    return trial, (trials.start[trial] + step) * n_lanes + trials.lane[trial]


def _correct(answers: Answers, label: NDArray[np.int64], dim_ring: int) -> NDArray[np.bool_]:
    """Yang's criterion at single steps: withhold where the label is 0, else answer near it."""
    target = 2 * np.pi * (label - 1) / dim_ring
    near = ring.circular_distance(answers.angle, target) < TOLERANCE
    return np.where(label == 0, answers.fixates, ~answers.fixates & near)
