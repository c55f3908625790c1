"""Which period each step of packed trials belongs to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from modcog.errors import InvalidArgument
from modcog.trials.plan import Trials
from modcog.trials.tables import period_table

_MOST_NAMES = int(np.iinfo(np.int8).max) + 1


def period_labels(
    trials: Trials, names: tuple[str, ...], n_steps: int, n_lanes: int
) -> NDArray[np.int8]:
    """The period of each step of trials at their places (`Trials.lane`, `Trials.start`).

    Args:
        trials: The trials.
        names: Names of the periods; a label is an index into them.
        n_steps: Steps of a lane.
        n_lanes: Number of lanes.

    Returns:
        int8 ``[n_steps, n_lanes]``; -1 where no trial is.

    Raises:
        UnknownName: A period of the trials is not among the names.
        InvalidArgument: There are more names than an int8 counts, or a trial lies elsewhere.
    """
    if len(names) > _MOST_NAMES:
        raise InvalidArgument("period_names", f"{len(names)} names", f"at most {_MOST_NAMES}")
    length = trials.length
    if np.any((trials.start + length > n_steps) | (trials.lane >= n_lanes)):
        raise InvalidArgument("trials", "a trial beyond them", f"in {n_steps} x {n_lanes} steps")
    table = period_table(trials.tasks, names, trials.period_steps.shape[1])
    trial = np.repeat(np.arange(len(trials)), length)
    step = np.arange(trial.size) - np.repeat(np.cumsum(length) - length, length)
    labels = np.full((n_steps, n_lanes), -1, dtype=np.int8)
    labels[trials.start[trial] + step, trials.lane[trial]] = np.repeat(
        table[trials.task_index].ravel(), trials.period_steps.ravel()
    )
    return labels
