"""Performance measures of network outputs against trials.

All measures are defined on the trials' targets, per trial, and averaged per task. Softmax
probabilities are used throughout: a population vector of raw logits has no meaning.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modcog import ring
from modcog.batches.losses import decision_grace, start_grace
from modcog.batches.sampler import Batch
from modcog.errors import InvalidArgument, unknown_name
from modcog.rendering.reference import flatten_spans, target_steps
from modcog.scoring.chance import TOLERANCE, chance_level
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
            last decision step is the target (as neurogym scores). NaN where there is no trial.
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
        if measure not in MEASURES:
            raise unknown_name("measure", measure, MEASURES, "a measure")
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


def evaluate(logits: Any, batch: Batch) -> Evaluation:
    """Score a network's outputs on a batch, task by task.

    Args:
        logits: float ``[seq_len, batch_size, 1 + dim_ring]``, a numpy array, a torch tensor of any
            precision, on any device and with or without its graph, or what converts to an array;
            the softmax is taken here.
        batch: The batch that the network saw.

    Returns:
        The four measures for each task of which the batch has trials; no task without trials.

    Raises:
        InvalidArgument: The shape is another one, or a value is no number or not finite.

    Example:
        >>> import modcog
        >>> batch = modcog.BatchSampler("cog-20", batch_size=8, seq_len=100, seed=0).batch(0)
        >>> oracle = 50.0 * (batch.targets[..., None] == range(17))
        >>> modcog.evaluate(oracle, batch).mean("performance")
        1.0
    """
    trials = batch.trials
    array = _as_array(logits)
    expected = (*batch.targets.shape, 1 + trials.dim_ring)
    if array.shape != expected:
        raise InvalidArgument("logits", array.shape, f"an array of shape {expected}")
    if not np.isfinite(array).all():
        raise InvalidArgument("logits", "an array with NaN or infinity", "finite")
    scores = score_trials(array, trials)
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
    logits: NDArray[np.float64], trials: Trials, *, require_fixation: bool = True
) -> TrialScores:
    """Score each trial.

    Args:
        logits: float64 ``[time, batch, 1 + dim_ring]`` at the places of the trials.
        trials: The trials.
        require_fixation: Whether `performance` and `trajectory_performance` also demand fixation
            before the decision. Yang's published code does not; his Methods do.
    """
    flat = logits.reshape(-1, logits.shape[-1])
    trial, j, label, row = _decision_rows(trials, logits.shape[1])
    decided = flat[row]
    n_decision = trials.decision_steps
    scored = j >= decision_grace(trials)[trial]
    last = j == n_decision[trial] - 1

    hit = decided.argmax(axis=1) == label
    correct = _correct(decided, label, trials.dim_ring)
    n_trials = len(trials)

    def per_trial(values: NDArray[np.bool_], where: NDArray[np.bool_]) -> NDArray[np.float64]:
        total = np.bincount(trial[where], weights=values[where], minlength=n_trials)
        return total / np.bincount(trial[where], minlength=n_trials)

    performance = per_trial(correct, last)
    trajectory = (per_trial(correct, scored) == 1.0).astype(np.float64)
    if require_fixation:
        kept = fixation_kept(flat, trials, logits.shape[1])
        performance *= kept
        trajectory *= kept
    return TrialScores(
        final_accuracy=per_trial(hit, last),
        decision_accuracy=per_trial(hit, scored),
        performance=performance,
        trajectory_performance=trajectory,
    )


def fixation_kept(flat: NDArray[np.float64], trials: Trials, n_lanes: int) -> NDArray[np.bool_]:
    """Whether the fixation probability stays above 0.5 from 100 ms after trial start to the go cue.

    Args:
        flat: float64 ``[time * batch, 1 + dim_ring]``, logits.
        trials: The trials.
        n_lanes: Size of the batch axis.

    Returns:
        bool ``[n]``.
    """
    grace = start_grace(trials)
    trial, step = flatten_spans(grace, trials.decision_start - grace)
    row = (trials.start[trial] + step) * n_lanes + trials.lane[trial]
    broken = softmax(flat[row])[:, 0] <= 0.5
    return np.bincount(trial[broken], minlength=len(trials)) == 0


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities over the last axis."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def decoded_angle(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Direction of the probability-weighted population vector.

    Args:
        probabilities: float64 ``[..., 1 + dim_ring]``.

    Returns:
        float64 ``[...]`` in (-pi, pi] rad.
    """
    theta = ring.directions(probabilities.shape[-1] - 1)
    return np.angle(probabilities[..., 1:] @ np.exp(1j * theta))


def _correct(
    logits: NDArray[np.float64], label: NDArray[np.int64], dim_ring: int
) -> NDArray[np.bool_]:
    """Yang's criterion at single steps: withhold where the label is 0, else answer near it."""
    probabilities = softmax(logits)
    fixates = probabilities[:, 0] > 0.5
    target = 2 * np.pi * (label - 1) / dim_ring
    near = ring.circular_distance(decoded_angle(probabilities), target) < TOLERANCE
    return np.where(label == 0, fixates, ~fixates & near)


def _decision_rows(
    trials: Trials, n_lanes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    trial, j, label = target_steps(trials)
    step = trials.start[trial] + trials.decision_start[trial] + j
    return trial, j, label, step * n_lanes + trials.lane[trial]
