"""Which time steps count: loss weightings, and the grace that loss and scores give.

The steps of the grace count neither in the loss of Yang et al. (2019) nor in a score.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from modcog.errors import InvalidArgument, known_name
from modcog.hashing import content_of
from modcog.rendering.reference import trial_steps
from modcog.system.limits import LEVEL
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

_WEIGHTS = f"finite numbers from 0 to {LEVEL:g}"


class Loss(NamedTuple):
    """A loss weighting.

    Attributes:
        weigh: Makes the weights of a batch from its trials and the mask of its padding.
        identity: What tells it from others, in JSON types; None where nothing does.
    """

    weigh: LossMask
    identity: Any


def loss_of(weighting: object, size: tuple[int, int]) -> Loss:
    """The loss weighting that a caller names or gives.

    Args:
        weighting: A name, an array, or a function of trials; see `modcog.BatchSampler`.
        size: Steps and lanes of a batch.

    Raises:
        UnknownName: There is no weighting of this name.
        InvalidArgument: An array has another shape, or a weight is negative or not finite.
    """
    if isinstance(weighting, str):
        known_name("loss_mask", weighting, LOSS_MASKS, "a loss mask")
        return Loss(LOSS_MASKS[weighting], weighting)
    if callable(weighting):
        return Loss(partial(_by_function, function=weighting), None)
    weights = _weights(weighting)
    _spread(weights, size)
    return Loss(partial(_by_array, weights=weights), content_of(weights))


def _by_array(
    trials: Trials, mask: NDArray[np.float32], *, weights: NDArray[np.float32]
) -> NDArray[np.float32]:
    del trials
    return mask * _spread(weights, mask.shape)


def _by_function(
    trials: Trials, mask: NDArray[np.float32], *, function: Callable[[Trials], Any]
) -> NDArray[np.float32]:
    weights, n = _weights(function(trials)), len(trials)
    if weights.shape == (n,):
        weighted = np.zeros_like(mask)
        flat = trial_steps(trials, mask.shape[1])
        weighted.reshape(-1)[flat.row] = weights[flat.trial]
        return weighted
    if weights.shape != mask.shape:
        found = f"a function that returns {list(weights.shape)}"
        allowed = f"one that returns [{n}], a weight a trial, or {list(mask.shape)}, one a step"
        raise InvalidArgument("loss_mask", found, allowed)
    return mask * weights


def _weights(values: object) -> NDArray[np.float32]:
    """Weights as float32; a copy."""
    try:
        array = np.asarray(values)
    except ValueError:  # rows of different lengths
        raise InvalidArgument("loss_mask", values, "a name, numbers, or a function") from None
    if array.dtype.kind not in "fiub":
        found = f"an array of {array.dtype}" if array.ndim else values
        raise InvalidArgument("loss_mask", found, "a name, numbers, or a function of Trials")
    bad = ~((array >= 0) & (array <= LEVEL))  # NaN is among them
    if bad.any():
        raise InvalidArgument("loss_mask", array[bad][0].item(), _WEIGHTS)
    return array.astype(np.float32)


def _spread(weights: NDArray[np.float32], size: tuple[int, ...]) -> NDArray[np.float32]:
    """Weights for each step of each lane."""
    try:
        return np.broadcast_to(weights, size)
    except ValueError:
        found = f"an array of shape {weights.shape}"
        allowed = f"one that broadcasts to {size}, steps and lanes"
        raise InvalidArgument("loss_mask", found, allowed) from None
