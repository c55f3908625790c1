"""Least squares over the states of a network: where it stands still, or nearly so."""

from __future__ import annotations

import torch
from torch import Tensor

from sparse_rnn.analysis._dynamics import Dynamics, Linear

DAMPING = (1e-12, 1e-2, 1e6)
"""Least, first and largest damping; beyond the largest one no step makes a state slower."""

INNER = 200
"""Most steps of the conjugate gradients in one step of the descent."""


def stand_still(dynamics: Dynamics, starts: Tensor, iterations: int, enough: float) -> Tensor:
    """Move each state to a local minimum of ``q = |F(h) - h|^2 / 2``.

    Levenberg-Marquardt steps, each solved by conjugate gradients with products by the Jacobian, as
    Sussillo & Barak (2013, https://doi.org/10.1162/NECO_a_00409) use the Gauss-Newton approximation
    of the Hessian. All states move at once, each with a damping of its own; directions in which the
    network stands still anyhow are not moved along.

    Args:
        dynamics: The map F.
        starts: float64 ``[P, size]``.
        iterations: Most steps.
        enough: A state with a smaller q stays where it is.

    Returns:
        float64 ``[P, size]``.
    """
    state = starts.clone()
    damping = state.new_full((len(state),), DAMPING[1])
    moving = torch.arange(len(state))
    for _ in range(iterations):
        here = dynamics.at(moving)
        linear = here.linearise(state[moving])
        lag = linear.after - state[moving]
        q = _half_square(lag)
        proposed = state[moving] + _step(linear, lag, damping[moving])
        better = _half_square(here.step(proposed) - proposed) < q
        state[moving[better]] = proposed[better]
        factor = torch.where(better, 0.25, 4.0).to(damping)
        damping[moving] = (damping[moving] * factor).clamp(min=DAMPING[0])
        moving = moving[(q > enough) & (damping[moving] < DAMPING[2])]
        if not len(moving):
            break
    return state


def _step(linear: Linear, lag: Tensor, damping: Tensor) -> Tensor:
    """Solve ``min |(J - 1) s + lag|^2 + damping |s|^2`` for each state (CGLS)."""

    def forward(direction: Tensor) -> Tensor:
        return linear.times(direction) - direction

    def backward(direction: Tensor) -> Tensor:
        return linear.transposed_times(direction) - direction

    weight = damping[:, None]
    found, rest = torch.zeros_like(lag), -lag
    steepest = backward(rest)
    direction, size = steepest, _square(steepest)
    goal = size * 1e-12
    for _ in range(min(INNER, lag.shape[1])):
        image = forward(direction)
        curvature = _square(image) + damping * _square(direction)
        # A state that has arrived has no direction left.
        length = torch.where(curvature > 0, size / curvature.clamp(min=1e-300), 0.0)[:, None]
        found = found + length * direction
        rest = rest - length * image
        steepest = backward(rest) - weight * found
        before, size = size, _square(steepest)
        if bool((size <= goal).all()):
            break
        direction = steepest + (size / before.clamp(min=1e-300))[:, None] * direction
    return found


def _square(values: Tensor) -> Tensor:
    return (values * values).sum(dim=1)


def _half_square(values: Tensor) -> Tensor:
    return _square(values) / 2
