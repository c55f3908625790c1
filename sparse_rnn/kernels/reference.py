"""Kernel `reference`: the recurrence as its definition reads, under autograd.

The oracle of all other kernels, in float32 and float64 and for higher derivatives. It keeps a dense
matrix and one graph node a time step, so it is not meant to be fast.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sparse_rnn.kernels._interface import Edges, Kernel, Nonlinearity


def run(
    projected: Tensor,
    h0: Tensor,
    weight: Tensor,
    edges: Edges,
    nonlinearity: Nonlinearity,
    alpha: float = 1.0,
) -> Tensor:
    """Compute the states as `Kernel` defines them; see there for the arguments."""
    matrix = edges.scatter(weight)
    state = h0
    states: list[Tensor] = []
    for step in projected.unbind(0):
        rate = nonlinearity.apply(step + state @ matrix.T)
        state = rate if alpha == 1 else torch.lerp(state, rate, alpha)
        states.append(state)
    return torch.stack(states)


KERNEL = Kernel("reference", run)
