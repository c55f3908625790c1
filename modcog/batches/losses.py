"""Which time steps count: loss weightings by name, and the grace that loss and scores give.

The steps of the grace count neither in the loss of Yang et al. (2019) nor in a score.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from modcog.rendering.reference import trial_steps
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


def uniform_mask(trials: Trials, mask: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weight all steps of all trials alike: the loss of the paper (Appendix A)."""
    del trials  # this weighting is the same for all of them
    return mask


def yang_mask(trials: Trials, mask: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weight steps as Yang et al. (2019, Methods).

    0 in the first 100 ms of the trial and of the decision, 1 before the go cue, 5 after it;
    scaled to mean 1 over the steps of trials. The last step of a decision counts at any `dt`, as it
    does in scores.
    """
    n_lanes = mask.shape[1]
    flat = trial_steps(trials, n_lanes)
    go = trials.decision_start[flat.trial]
    decided = flat.step >= go
    weight = np.where(decided, 5.0, 1.0)
    weight[flat.step < start_grace(trials)[flat.trial]] = 0.0
    weight[decided & (flat.step < go + decision_grace(trials)[flat.trial])] = 0.0
    weighted = np.zeros_like(mask)
    weighted.reshape(-1)[flat.row] = weight / max(weight.mean(), 1e-12)
    return weighted


LossMask = Callable[[Trials, NDArray[np.float32]], NDArray[np.float32]]

LOSS_MASKS: Mapping[str, LossMask] = MappingProxyType({"uniform": uniform_mask, "yang": yang_mask})
"""Loss weightings by name."""
