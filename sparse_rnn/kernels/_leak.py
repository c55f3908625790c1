"""The leak of units with a time constant, for kernels that are written in torch."""

from __future__ import annotations

import torch
from torch import Tensor


def rates_beside(states: Tensor, alpha: float) -> Tensor:
    """Room for what the nonlinearity gives at each step: the states themselves without a leak."""
    return states if alpha == 1 else torch.empty_like(states)


def leak(state: Tensor, rate: Tensor, out: Tensor, alpha: float) -> Tensor:
    """Replace the share `alpha` of the state by the rate; `rate` is `out` without a leak."""
    return rate if alpha == 1 else torch.lerp(state, rate, alpha, out=out)


def share_(total: Tensor, passed: Tensor | None, alpha: float) -> Tensor | None:
    """Share out the gradient of a state between its rate and the state before, in place.

    Args:
        total: The gradient without what the leak passed on; becomes the gradient of the rate.
        passed: What the leak of the step after passed on.
        alpha: Share of the state that a step replaces.

    Returns:
        What the leak passes on to the step before.
    """
    if alpha == 1:
        return None
    if passed is not None:
        total.add_(passed)
    rest = total * (1 - alpha)
    total.mul_(alpha)
    return rest
