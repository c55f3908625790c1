"""The grace periods: the steps that neither the loss of Yang et al. (2019) nor a score counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from modcog.timing import steps
from modcog.trials.plan import Trials

GRACE_MS = 100.0
"""Time after the start of the trial and of the decision that does not count, in ms."""


def start_grace(trials: Trials) -> NDArray[np.int64]:
    """Steps at the start of each trial that do not count; int64 ``[n]``.

    No step of the decision is among them, also where it begins earlier.
    """
    return np.minimum(int(steps(GRACE_MS, trials.dt)), trials.decision_start)


def decision_grace(trials: Trials) -> NDArray[np.int64]:
    """Steps at the start of each decision that do not count; int64 ``[n]``.

    The last step of the decision always counts, also where a step is longer than the grace.
    """
    return np.minimum(int(steps(GRACE_MS, trials.dt)), trials.decision_steps - 1)
