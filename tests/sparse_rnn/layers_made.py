"""Layers of every cell, and inputs for them."""

from __future__ import annotations

from typing import Any

import torch

import sparse_rnn as srnn
from sparse_rnn.nn import cells

LOCAL = srnn.masks.locality((3, 4), radius=1)


AUTAPSE = srnn.masks.autapse(6)


TANH = {"vanilla": {"nonlinearity": "tanh"}, "leaky": {"nonlinearity": "tanh", "dt": 20.0}}


def layer_of(name: str, mask: srnn.Mask = LOCAL, **options: Any) -> cells.MaskedLayer:
    """A layer in float64 for five channels; smooth, so that its derivatives exist."""
    return cells.build(name, 5, mask, **{**TANH.get(name, {}), "dtype": torch.float64, **options})


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)
