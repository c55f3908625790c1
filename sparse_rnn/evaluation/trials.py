"""Scores of trials that are not `modcog`'s: what is right is told by the targets alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sparse_rnn.errors import InvalidArgument
from sparse_rnn.evaluation.scores import TaskScores
from sparse_rnn.evaluation.streams import Batch
from sparse_rnn.system.arguments import real


@dataclass(frozen=True, eq=False)
class Segments:
    """Where the trials of a batch lie, as the `source` of a `Batch`.

    Attributes:
        lane: int64 ``[trials]``.
        start: int64 ``[trials]``, first time step.
        length: int64 ``[trials]``, time steps.
        task: Name of the task of each trial, ``[trials]``; None where there is one task.
    """

    lane: NDArray[np.int64]
    start: NDArray[np.int64]
    length: NDArray[np.int64]
    task: NDArray[np.str_] | None = None

    @classmethod
    def one_a_lane(cls, n_steps: int, n_lanes: int, task: NDArray[np.str_] | None) -> Segments:
        """One trial a lane, each over all steps."""
        zeros = np.zeros(n_lanes, dtype=np.int64)
        return cls(np.arange(n_lanes), zeros, zeros + n_steps, task)


def score_trials(
    answers: Iterable[tuple[Tensor, Batch]],
    *,
    name: str = "trials",
    tolerance: float | None = None,
    tasks: Sequence[str] = (),
) -> TaskScores:
    """Score answers to trials of any kind; for the method `score` of a `Stream`.

    A step counts where the mask of the batch is above 0, and a trial if it has such a step. A label
    is right if its output is the largest; numbers are right if none of them is further from its
    target than `tolerance`. Then `final_accuracy` and `performance` are the fraction of trials that
    are right at their last step that counts, `decision_accuracy` is the fraction of all steps that
    count, and `trajectory_performance` that of the trials that are right at every one of them.
    `chance` is the fraction of trials that end with the most frequent label; NaN for numbers.

    Args:
        answers: Pairs of outputs ``[T, B, O]`` and the batch that they answer. A batch whose
            `source` is None has one trial a lane.
        name: Name of the task, where batches do not say it.
        tolerance: How far a number may be from its target; None where targets are labels.
        tasks: The tasks in the order of the table; others follow.

    Raises:
        InvalidArgument: Outputs have a wrong shape or are not finite, there is no trial, or targets
            are numbers and there is no tolerance.

    Example:
        >>> import torch
        >>> labels = torch.tensor([[0, 1, 0], [1, 1, 0]])  # [time, trial]
        >>> batch = Batch(torch.zeros(2, 3, 5), labels, torch.ones(2, 3), n_labels=2)
        >>> outputs = torch.nn.functional.one_hot(torch.ones_like(labels), 2)
        >>> scores = score_trials([(outputs, batch)], name="Delay")
        >>> scores.final_accuracy, scores.decision_accuracy, scores.trajectory_performance
        (array([0.66666667]), array([0.5]), array([0.33333333]))
    """
    parts = [_judged(outputs, batch, name, tolerance) for outputs, batch in answers]
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)] if parts else []
    if not columns or not columns[0].size:
        raise InvalidArgument("answers", "no trial", "of trials with a step whose mask is above 0")
    task, last, n_right, n_steps, label = columns
    rows: list[dict[str, Any]] = []
    for one in dict.fromkeys([*tasks, *task.tolist()]):
        here = task == one
        if not here.any():
            continue
        final = float(last[here].mean())
        known = label[here] >= 0
        commonest = np.bincount(label[here]).max() / here.sum() if known.all() else math.nan
        rows.append(
            {
                "task": one,
                "n_trials": int(here.sum()),
                "final_accuracy": final,
                "decision_accuracy": float(n_right[here].sum() / n_steps[here].sum()),
                "performance": final,
                "trajectory_performance": float((n_right == n_steps)[here].mean()),
                "chance": float(commonest),
            }
        )
    return TaskScores.from_rows(rows)


def _judged(
    outputs: Tensor, batch: Batch, name: str, tolerance: float | None
) -> tuple[NDArray[Any], ...]:
    """What is right in a batch, an entry for each trial that counts.

    Returns:
        Its task, whether its last step is right, the number of right steps and of steps, and the
        label at the last step, -1 for numbers.
    """
    found = outputs.detach().double().cpu().numpy()
    targets, mask = batch.targets.cpu().numpy(), batch.mask.cpu().numpy()
    wanted = [*batch.steps_and_lanes, batch.n_outputs]
    if list(found.shape) != wanted:
        raise InvalidArgument("logits", list(found.shape), f"of shape {wanted}")
    if not np.isfinite(found).all():
        raise InvalidArgument("logits", "NaN or infinite ones", "finite")
    numbers = targets.ndim == 3
    if numbers:
        within = real("tolerance", tolerance, 0)
        right = np.less_equal(np.abs(found - targets).max(-1), within)
    else:
        if tolerance is not None:
            raise InvalidArgument("tolerance", tolerance, "None where targets are labels")
        right = np.equal(found.argmax(-1), targets)
    trials = batch.source
    if not isinstance(trials, Segments):
        trials = Segments.one_a_lane(*batch.steps_and_lanes, None)
    trial = np.repeat(np.arange(trials.length.size), trials.length)
    step = np.arange(trial.size) - (np.cumsum(trials.length) - trials.length)[trial]
    at = trials.start[trial] + step, trials.lane[trial]
    counts = mask[at] > 0
    trial, at = trial[counts], (at[0][counts], at[1][counts])
    n_steps = np.bincount(trial, minlength=trials.length.size)
    n_right = np.bincount(trial, weights=right[at], minlength=trials.length.size)
    there = n_steps > 0
    last = (np.cumsum(n_steps) - 1)[there]
    ends = at[0][last], at[1][last]
    label = np.full(last.size, -1) if numbers else targets[ends]
    task = np.full(trials.length.size, name) if trials.task is None else trials.task
    return task[there], right[ends], n_right[there], n_steps[there], label
