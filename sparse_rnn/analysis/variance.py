"""Task variance: which units vary with the condition in which tasks (Yang et al. 2019)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sparse_rnn.analysis.recording import Recording
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.system.arguments import finite, instance

ACTIVE = 1e-3
"""Least sum of a unit's variances over tasks; quieter units say nothing (Yang et al. 2019)."""


@dataclass(frozen=True, eq=False)
class TaskVariance:
    """Variance of units across trials, task by task.

    Attributes:
        values: float64 ``[task, kept]``, variance over the largest of the unit's tasks: from 0 to
            1, and 1 in each column.
        raw: float64 ``[task, N]``, variance of all units, in the square of the states' unit.
        units: int64 ``[kept]``, numbers of the units that are active enough to be kept.
        tasks: Names of the tasks, one per rule slot.
    """

    values: NDArray[np.float64]
    raw: NDArray[np.float64]
    units: NDArray[np.int64]
    tasks: tuple[str, ...]


def task_variance(
    recording: Recording | Iterable[Recording], threshold: float = ACTIVE
) -> TaskVariance:
    """Compute the task variance of each unit (Yang et al. 2019, methods, "task variance").

    At each time step the variance of the state over the trials of a task, with all conditions
    alike; then the mean over time, without the fixation period, in which no condition differs yet.
    Trials are aligned at their start. Where they differ in length, a time step counts as often as
    it has trials, so that the few longest ones do not decide; a step with one trial is left out.

    Args:
        recording: A recording, or several, such as `sparse_rnn.analysis.recordings` makes.
        threshold: Units whose variances sum up to no more than this are left out of `values`.

    Returns:
        The variances.

    Raises:
        InvalidArgument: There is no recording, or a task has no step with two trials; or the
            threshold is below 0.

    Example:
        >>> import sparse_rnn as srnn
        >>> from sparse_rnn.analysis import task_variance
        >>> from sparse_rnn.analysis import recordings
        >>> net = srnn.Network(53, 17, srnn.masks.autapse(30))
        >>> found = task_variance(recordings(net, "cog-20", trials_per_task=8))
        >>> found.raw.shape, bool((found.values.max(axis=0) == 1).all())
        ((20, 30), True)
    """
    finite("threshold", threshold, "a finite number of at least 0", least=0)
    parts = [recording] if isinstance(recording, Recording) else recording
    rows: list[NDArray[np.float64]] = []
    names: list[str] = []
    for part in parts:
        instance("recording", part, Recording)
        for row, name in enumerate(part.tasks):
            rows.append(_variance(part, part.task_index == row, name))
            names.append(name)
    if not rows:
        raise InvalidArgument("recording", [], "at least one recording")
    raw = np.stack(rows)
    (units,) = np.nonzero(raw.sum(axis=0) > threshold)
    kept = raw[:, units]
    return TaskVariance(kept / kept.max(axis=0, initial=0.0), raw, units, tuple(names))


def after_fixation(recording: Recording) -> NDArray[np.bool_]:
    """Steps inside a trial and after its fixation period; bool ``[time, trial]``."""
    has_one = any("fixation" in spec.period_names for spec in recording.trials.tasks)
    steps = np.arange(len(recording.mask))[:, np.newaxis]
    end = recording.trials.period_bounds("fixation")[1] if has_one else 0
    return recording.mask & (steps >= end)


def _variance(part: Recording, rows: NDArray[np.bool_], name: str) -> NDArray[np.float64]:
    inside = after_fixation(part)[:, rows]
    count = inside.sum(axis=1)
    enough = count > 1
    if not enough.any():
        allowed = f"one with two trials of {name} or more"
        raise InvalidArgument("recording", f"{int(rows.sum())} trials of {name}", allowed)
    # In float64 and about the mean: a square of a float32 sum would lose the small variances.
    states = part.hidden[:, rows][enough].astype(np.float64)
    weight = inside[enough].astype(np.float64)[..., np.newaxis]
    mean = (states * weight).sum(axis=1, keepdims=True) / weight.sum(axis=1, keepdims=True)
    squares = ((states - mean) ** 2 * weight).sum(axis=(0, 1))
    return squares / weight.sum()
