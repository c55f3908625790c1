"""Tuning of units: mean activity by the direction that is shown, and by the one asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sparse_rnn.analysis import Recording


@dataclass(frozen=True, eq=False)
class Tuning:
    """Mean activity by direction; NaN where no trial had the direction.

    Attributes:
        stimulus: float64 ``[unit, n]``, while the first stimulus is shown, by its direction; of
            several at once, by that of the strongest.
        answer: float64 ``[unit, n]``, in the decision, by the direction that is right at the step.
    """

    stimulus: NDArray[np.float64]
    answer: NDArray[np.float64]


def tuning(recording: Recording) -> Tuning:
    """Compute the tuning of all units in the trials of one task.

    Args:
        recording: Trials of one task.

    Example:
        >>> import sparse_rnn as srnn
        >>> from sparse_rnn.analysis import record
        >>> net = srnn.Network(34, 17, srnn.masks.autapse(5))
        >>> tuning(record(net, ["Go"])).answer.shape
        (5, 16)
    """
    n = recording.trials.dim_ring
    return Tuning(
        _by_direction(recording, _shown(recording), n),
        _by_direction(recording, np.where(recording.mask, recording.targets - 1, -1), n),
    )


def preferred(by_direction: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Preferred directions, and how sharply they are preferred.

    Args:
        by_direction: float64 ``[unit, n]``, mean activity; NaN is left out.

    Returns:
        Angles in rad, float64 ``[unit]``, and the length of the mean vector over the mean size of
        the activity, from 0 (all directions alike) to 1 (one direction alone).
    """
    n = by_direction.shape[1]
    known = np.nan_to_num(by_direction)
    vector = known @ np.exp(2j * np.pi * np.arange(n) / n)
    size = np.abs(known).sum(axis=1)
    sharpness = np.divide(np.abs(vector), size, out=np.zeros(len(size)), where=size > 0)
    return np.angle(vector) % (2 * np.pi), sharpness


def _shown(recording: Recording) -> NDArray[np.int64]:
    """Direction of the first stimulus while it is shown, else -1; int64 ``[time, trial]``."""
    trials = recording.trials
    rows = np.arange(len(trials))
    strength = np.where(trials.stimulus_strength > 0, trials.stimulus_strength, -np.inf)
    period = np.where(strength > 0, trials.stimulus_period, trials.period_steps.shape[1])
    first = period.min(axis=1)
    slot = np.where(period == first[:, None], strength, -np.inf).argmax(axis=1)
    shown_in = trials.stimulus_period[rows, slot]
    end = trials.period_steps.cumsum(axis=1)[rows, shown_in]
    start = end - trials.period_steps[rows, shown_in]
    steps = np.arange(len(recording.mask))[:, None]
    inside = (steps >= start) & (steps < end)
    return np.where(inside, trials.stimulus_location[rows, slot], -1)


def _by_direction(
    recording: Recording, direction: NDArray[np.int64], n: int
) -> NDArray[np.float64]:
    """Mean activity over the steps of each direction; float64 ``[unit, n]``."""
    chosen = direction >= 0
    states = recording.hidden[chosen].astype(np.float64)
    one_hot = (direction[chosen][:, None] == np.arange(n)).astype(np.float64)
    count = one_hot.sum(axis=0)
    sums = states.T @ one_hot
    return np.divide(sums, count, out=np.full_like(sums, np.nan), where=count > 0)
