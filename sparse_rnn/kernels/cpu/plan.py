"""How `sparse_cpu` lays out a mask for its compiled loops (`sparse_rnn.kernels.cpu.loops`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from sparse_rnn.kernels.api import Edges
from sparse_rnn.masks import Mask

GROUP = 4
"""Units of a group; `sparse_rnn.kernels.cpu.loops` has the same number, and needs numba."""

WIDTHS = (8, 16, 32)
"""Lanes of a tile. Wider ones spend less on each synapse, narrower ones fill more threads."""

LEAST_FILL = 0.5
"""Units are computed in groups if so much of the groups' synapses exists. Measured: a synapse of a
group takes 0.4 (16 lanes) to 0.65 (32 lanes) of the time of one by itself."""


@dataclass(frozen=True, eq=False)
class Synapses:
    """A sparse matrix as the compiled loops want it.

    Attributes:
        pointers: int64, first source of each row (or group of rows) and the end.
        offsets: uint32, sources times W.
        place: int64 ``[nnz]``, where each edge's weight lies among the values.
        n_values: Number of values; those without an edge are 0.
        grouped: Whether rows are taken four at a time.
    """

    pointers: NDArray[np.int64]
    offsets: NDArray[np.uint32]
    place: NDArray[np.int64]
    n_values: int
    grouped: bool

    @classmethod
    def of(
        cls, rows: NDArray[np.int64], sources: NDArray[np.int64], n_units: int, width: int
    ) -> Synapses:
        """Lay out edges, one at a time or in groups of rows that share sources."""
        grouped = cls._in_groups_of(GROUP, rows, sources, n_units, width)
        if rows.size >= LEAST_FILL * grouped.n_values:
            return grouped
        return cls._in_groups_of(1, rows, sources, n_units, width)

    @classmethod
    def _in_groups_of(
        cls,
        size: int,
        rows: NDArray[np.int64],
        sources: NDArray[np.int64],
        n_units: int,
        width: int,
    ) -> Synapses:
        keys, position = np.unique(rows // size * n_units + sources, return_inverse=True)
        n_groups = -(-n_units // size)
        return cls(
            np.searchsorted(keys // n_units, np.arange(n_groups + 1)).astype(np.int64),
            (keys % n_units * width).astype(np.uint32),
            position * size + rows % size,
            keys.size * size,
            size > 1,
        )

    def with_weights(self, weight: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Pointers, offsets and values."""
        values = np.zeros(self.n_values, dtype=weight.dtype)
        values[self.place] = weight
        return self.pointers, self.offsets, values


@dataclass(frozen=True, eq=False)
class Layout:
    """A mask as the compiled loops want it, for one width.

    Attributes:
        rows: The matrix.
        columns: The transposed matrix.
    """

    rows: Synapses
    columns: Synapses

    @classmethod
    def of(cls, mask: Mask, width: int) -> Layout:
        """Lay out a mask."""
        targets, sources = mask.targets(), mask.indices.astype(np.int64)
        return cls(
            Synapses.of(targets, sources, mask.n_units, width),
            Synapses.of(sources, targets, mask.n_units, width),
        )


_LAYOUTS: WeakKeyDictionary[Edges, dict[int, Layout]] = WeakKeyDictionary()


def layout(edges: Edges, width: int) -> Layout:
    """Lay out a mask for a width, once for as long as the edges live."""
    layouts = _LAYOUTS.setdefault(edges, {})
    if width not in layouts:
        layouts[width] = Layout.of(edges.mask, width)
    return layouts[width]
