"""What kernels are compared on: sizes of a kind, with a mask that is made for them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray

from sparse_rnn import kernels
from sparse_rnn.kernels.api import Kernel, Pattern

MOST_WORK: Mapping[str, float] = MappingProxyType({"cpu": 1.5e10, "cuda": 1.5e12})
"""Operations of two steps of `dense` above which nothing is timed, by type of device: they take
about a third of a second."""

_FOUR = 4


@dataclass(frozen=True)
class Case:
    """What kernels are compared on.

    Attributes:
        side: Side of a square sheet of units.
        in_degree: Synapses of a unit.
        kind: "near" where neighbours share most of their sources, as under `locality`; "far" where
            they do not, as under `random`; "autapse" where every unit has itself alone.
        batch_size: Sequences at once.
        gates: Recurrent matrices of a cell whose steps no kernel runs whole; 0 for a cell that is.
        nonlinearity: A name in `sparse_rnn.kernels.NONLINEARITIES`.
        dtype: Type of the weights, such as "float32".
        device: Type of the device.
    """

    side: int
    in_degree: int
    kind: str
    batch_size: int
    gates: int
    nonlinearity: str
    dtype: str
    device: str

    @classmethod
    def of(
        cls,
        mask: Pattern,
        batch_size: int,
        *,
        gates: int = 0,
        nonlinearity: str = "relu",
        dtype: torch.dtype = torch.float32,
        device: str = "cpu",
    ) -> Case:
        """The case that a mask belongs to; the other arguments are the attributes."""
        side = round(math.sqrt(_rounded(mask.n_units)))
        density = _rounded(mask.nnz / mask.n_units**2)
        in_degree = min(max(round(density * side**2), 1), side**2)
        kind = _kind(mask)
        return cls(
            side,
            1 if kind == "autapse" else in_degree,
            kind,
            round(_rounded(batch_size)),
            gates,
            nonlinearity,
            str(dtype).removeprefix("torch."),
            device,
        )

    @property
    def n_units(self) -> int:
        """Number of units N."""
        return self.side**2

    @property
    def nnz(self) -> int:
        """Number of synapses."""
        return self.n_units * self.in_degree

    @property
    def indices(self) -> NDArray[np.int32]:
        """Unit that each edge starts from; with `targets` it makes the case a `Pattern`."""
        return self._indices

    @cached_property
    def _indices(self) -> NDArray[np.int32]:
        units = np.arange(self.n_units)[:, None]
        if self.kind == "autapse":
            sources = units
        elif self.kind == "near":
            rows, columns = np.divmod(units, self.side)
            down, right = self._nearest()
            sources = (rows + down) % self.side * self.side + (columns + right) % self.side
        else:
            # From anywhere, each source once: steps that have no divisor in common with N.
            steps = np.flatnonzero(np.gcd(np.arange(self.n_units), self.n_units) == 1)
            stride = steps[units * 2654435761 % len(steps)]
            sources = (units * 40503 + stride * np.arange(self.in_degree)) % self.n_units
        return np.sort(sources, axis=1).astype(np.int32).ravel()

    def targets(self) -> NDArray[np.int64]:
        """Unit that each edge ends on."""
        return np.repeat(np.arange(self.n_units), self.in_degree)

    def _nearest(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where the sources of a unit lie on the sheet, as seen from it."""
        down, right = np.divmod(np.arange(self.n_units), self.side)
        away = np.minimum(down, self.side - down) ** 2 + np.minimum(right, self.side - right) ** 2
        nearest = np.argsort(away, kind="stable")[: self.in_degree]
        return down[nearest], right[nearest]

    def __str__(self) -> str:
        """The case in words."""
        return (
            f"{self.n_units} units with {self.in_degree} synapses each ({self.kind}), batch "
            f"{self.batch_size}, {self.dtype} on {self.device}"
        )

    @property
    def work(self) -> float:
        """Operations of a time step of `dense`, forward and backward."""
        return 6.0 * self.n_units**2 * self.batch_size * max(self.gates, 1)

    @property
    def steps(self) -> int:
        """Time steps that are timed at once."""
        fit = 8 if self.kind == "autapse" else MOST_WORK[self.device] / 4 // self.work
        return int(np.clip(fit, 2, 8))

    def candidates(self) -> list[Kernel]:
        """The kernels that can serve, without those that are never the fastest."""
        number = getattr(torch, self.dtype)
        never = ("reference", "dense") if self.kind == "autapse" else ("reference",)
        return [
            kernel
            for name, kernel in kernels.KERNELS.items()
            if name not in never
            and number in kernel.dtypes
            and not kernel.refusal(self, self.device)
        ]


def _rounded(number: float) -> float:
    """The nearest power of the square root of 2."""
    return 2 ** (round(2 * math.log2(number)) / 2)


def _kind(mask: Pattern) -> str:
    targets, sources = mask.targets(), mask.indices
    if mask.nnz == mask.n_units and np.array_equal(targets, sources):
        return "autapse"
    # Do units that follow each other, four at a time, have their sources in common?
    groups = np.unique(targets // _FOUR * mask.n_units + sources).size
    return "near" if mask.nnz >= _FOUR * groups / 2 else "far"
