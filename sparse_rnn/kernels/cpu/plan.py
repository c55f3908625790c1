"""How `sparse_cpu` lays out a mask for its compiled loops, and shares out its work.

Lanes are shared among tiles, tiles and units among threads.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray

from sparse_rnn.kernels.api import Edges, Pattern

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
    def of(cls, mask: Pattern, width: int) -> Layout:
        """Lay out a mask."""
        targets, sources = mask.targets(), mask.indices.astype(np.int64)
        return cls(
            Synapses.of(targets, sources, mask.n_units, width),
            Synapses.of(sources, targets, mask.n_units, width),
        )


_LAYOUTS: WeakKeyDictionary[Edges, dict[int, Layout]] = WeakKeyDictionary()


def lay_out(edges: Edges, width: int) -> Layout:
    """Lay out a mask for a width, once for as long as the edges live."""
    layouts = _LAYOUTS.setdefault(edges, {})
    if width not in layouts:
        layouts[width] = Layout.of(edges.mask, width)
    return layouts[width]


@dataclass(frozen=True)
class Tiling:
    """The tiles of a batch.

    Attributes:
        bounds: First and end of the lanes of each tile.
        width: Lanes W that a tile has room for.
        size: Numbers of a tile at one step: W for each unit, in whole groups of units.
    """

    bounds: list[tuple[int, int]]
    width: int
    size: int

    @classmethod
    def of(cls, n_lanes: int, n_units: int) -> Tiling:
        """Share out a batch among the threads of torch."""
        width = tile_width(n_lanes, torch.get_num_threads())
        bounds = [(first, min(first + width, n_lanes)) for first in range(0, n_lanes, width)]
        return cls(bounds, width, -(-n_units // GROUP) * GROUP * width)

    @property
    def slots(self) -> tuple[int, ...]:
        """W zeros: what the compiled loops know the width by."""
        return (0,) * self.width

    def empty(self, n_steps: int, dtype: Any, size: int | None = None) -> NDArray[Any]:
        """Room for some steps of all tiles, ``[tiles, steps, size]``."""
        numbers = self.size if size is None else size
        return np.empty((len(self.bounds), n_steps, numbers), dtype)

    def each(self, work: Callable[[int, tuple[int, int]], None]) -> None:
        """Call ``work(number, lanes)`` for each tile, in threads."""
        in_threads(lambda number: work(number, self.bounds[number]), len(self.bounds))


@cache
def _pool(n_threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(n_threads, thread_name_prefix="sparse-cpu")


def in_threads(work: Callable[[int], None], n_items: int) -> None:
    """Do `work` for each item; on one thread where there is one item or one thread."""
    n_threads = min(torch.get_num_threads(), n_items)
    if n_threads == 1:
        for item in range(n_items):
            work(item)
    else:
        list(_pool(torch.get_num_threads()).map(work, range(n_items)))


def tile_width(n_lanes: int, n_threads: int) -> int:
    """Lanes of a tile for a batch: the width with the least work on the busiest thread."""

    def cost(width: int) -> float:
        n_tiles = -(-n_lanes // width)
        rounds = -(-n_tiles // n_threads)
        # Measured: a synapse takes as long as its lanes, but 8 lanes hardly less than 16.
        return rounds * (max(width, 14) + 2)

    return min(WIDTHS, key=cost)


def shares(pointers: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Ranges of units, or groups, with about as many synapses each: some for each thread."""
    wanted = np.linspace(0, pointers[-1], torch.get_num_threads() * 4 + 1)
    edges = np.unique(np.searchsorted(pointers, wanted))
    edges[0], edges[-1] = 0, pointers.size - 1
    return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
