"""Initialisations of the recurrent, input and readout weights, by name.

The paper does not say how its networks start (Khona et al. 2023, appendix A). It matters: a start
whose gain shrinks with the in-degree handicaps sparse masks against dense ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor

from sparse_rnn.errors import unknown_name
from sparse_rnn.masks import Mask

Initialisation = Callable[[Mask, torch.Generator], Tensor]
"""Draws the values of a mask's edges; float64 ``[nnz]``."""


def uniform(shape: tuple[int, ...], bound: float | Tensor, generator: torch.Generator) -> Tensor:
    """Draw uniformly between minus and plus a bound; float64 of that shape."""
    unit = torch.empty(shape, dtype=torch.float64).uniform_(-1, 1, generator=generator)
    return unit * bound


def torch_default(mask: Mask, generator: torch.Generator) -> Tensor:
    """``U(-1/sqrt(N), 1/sqrt(N))``, as ``torch.nn.RNN`` draws its weights, masked.

    The gain shrinks with the in-degree K as ``sqrt(K / N)``.
    """
    return uniform((mask.nnz,), 1 / math.sqrt(mask.n_units), generator)


def fan_in(mask: Mask, generator: torch.Generator) -> Tensor:
    """``U(-1/sqrt(K), 1/sqrt(K))`` with the in-degree K of the edge's target unit.

    For a dense mask this is `torch_default`; its gain is the same for every mask.
    """
    in_degree = torch.from_numpy(mask.in_degree()[mask.targets()])
    return uniform((mask.nnz,), in_degree.to(torch.float64).rsqrt(), generator)


INITS: Mapping[str, Initialisation] = MappingProxyType(
    {
        "torch": torch_default,
        "fan_in": fan_in,
    }
)
"""Initialisations of the recurrent weights by name."""

DEFAULT = "fan_in"


def recurrent_weights(name: str, mask: Mask, generator: torch.Generator) -> Tensor:
    """Draw the values of a mask's edges.

    Args:
        name: A name in `INITS`.
        mask: The mask.
        generator: The source of randomness.

    Returns:
        float64 ``[nnz]``, in the order of the mask's edges.

    Raises:
        UnknownName: There is no such initialisation.
    """
    if name not in INITS:
        raise unknown_name("init", name, INITS, "an initialisation")
    return INITS[name](mask, generator)
