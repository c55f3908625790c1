"""The compiled loops of `sparse_cpu`: loaded when first needed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any


@dataclass(frozen=True)
class Loops:
    """The modules of compiled loops.

    Attributes:
        lanes: `sparse_rnn.kernels._lanes`.
        inputs: `sparse_rnn.kernels._inputs`.
    """

    lanes: Any
    inputs: Any


@cache
def loops() -> Loops:
    """Load the loops; importing numba takes a moment, so only networks that need it do."""
    from sparse_rnn.kernels import _inputs, _lanes

    return Loops(_lanes, _inputs)
