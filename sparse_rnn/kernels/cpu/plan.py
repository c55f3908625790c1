"""How `sparse_cpu` lays out a mask for its compiled loops, and shares out its work.

Lanes are shared among tiles, tiles and units among threads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray

from sparse_rnn.kernels.api import Edges, Pattern
from sparse_rnn.kernels.cpu import room
from sparse_rnn.kernels.cpu.threads import in_threads

GROUP = 4
"""Units of a group; `sparse_rnn.kernels.cpu.loops` has the same number, and needs numba."""

WIDTHS = (8, 16, 32)
"""Lanes of a tile. Wider ones spend less on each synapse, narrower ones fill more threads."""

LEAST_FILL = 0.5
"""Units are computed in groups if so much of the groups' synapses exists. Measured: a synapse of a
group takes 0.4 (16 lanes) to 0.65 (32 lanes) of the time of one by itself."""

BLOCK = 512
"""Sources of a block. Units by themselves take all that they have in one block before any has a
source in the next, as their sources are from anywhere and the states of all units do not fit into
the inner caches. Measured: 5 to 20 % of a training step of 2500 units with 113 sources each."""

LEAST_IN_BLOCK = 16
"""Sources that a unit has in a block on average, at least; the units' own sums are read and written
once for each block."""


@dataclass(frozen=True, eq=False)
class Synapses:
    """A sparse matrix as the compiled loops want it.

    Attributes:
        pointers: int64, first source of each row (or group of rows) and the end; rows by themselves
            are as many as whole groups have, and come once for each block of sources.
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

    @property
    def units(self) -> tuple[int, ...]:
        """A 0 for each row that is taken at a time: what the compiled loops know that by."""
        return (0,) * (GROUP if self.grouped else 1)

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
        n_groups = -(-n_units // GROUP) * (GROUP // size)
        n_blocks = 1
        if size == 1:
            in_degree = rows.size // n_units
            n_blocks = max(1, min(-(-n_units // BLOCK), in_degree // LEAST_IN_BLOCK))
        block = sources * n_blocks // n_units
        keys, position = np.unique(
            (block * n_groups + rows // size) * n_units + sources, return_inverse=True
        )
        return cls(
            np.searchsorted(keys // n_units, np.arange(n_blocks * n_groups + 1)).astype(np.int64),
            (keys % n_units * width).astype(np.uint32),
            position * size + rows % size,
            keys.size * size,
            size > 1,
        )

    @classmethod
    @lru_cache(maxsize=32)
    def full(cls, n_rows: int, n_sources: int, width: int) -> Synapses:
        """Rows in groups that are joined with all sources; made from no edges of a mask."""
        n_groups = -(-n_rows // GROUP)
        sources = np.arange(n_sources, dtype=np.uint32) * np.uint32(width)
        return cls(
            np.arange(n_groups + 1) * n_sources,
            np.tile(sources, n_groups),
            np.empty(0, np.int64),
            n_groups * n_sources * GROUP,
            grouped=True,
        )

    def with_weights(self, weight: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Pointers, offsets and values."""
        values = np.zeros(self.n_values, dtype=weight.dtype)
        values[self.place] = weight
        return self.pointers, self.offsets, values

    def with_matrix(self, matrix: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """The same of `full`, of a matrix ``[rows, sources]``."""
        n_rows, n_sources = matrix.shape
        values = np.zeros((self.pointers.size - 1, n_sources, GROUP), matrix.dtype)
        by_row = values.transpose(0, 2, 1)  # [groups, 4, sources]
        whole = n_rows // GROUP
        by_row[:whole] = matrix[: whole * GROUP].reshape(whole, GROUP, n_sources)
        by_row[whole:, : n_rows - whole * GROUP] = matrix[whole * GROUP :]
        return self.pointers, self.offsets, values.reshape(-1)

    def matrix_of(self, values: NDArray[Any], n_rows: int) -> NDArray[Any]:
        """The matrix ``[rows, sources]`` of the values of `full`."""
        n_groups = self.pointers.size - 1
        by_row = values.reshape(n_groups, -1, GROUP).transpose(0, 2, 1)
        return by_row.reshape(n_groups * GROUP, -1)[:n_rows]


class Matrix(NamedTuple):
    """A matrix whose gradient is wanted: that of its values is what deltas times sources sum up to.

    Attributes:
        rows: The matrix.
        sources: What it is multiplied with, ``[tiles, steps, S * W]``.
        deltas: The gradients of the products, ``[tiles, steps, N * W]``.
        begin: The first steps of deltas and of sources.
    """

    rows: Synapses
    sources: NDArray[Any]
    deltas: NDArray[Any]
    begin: tuple[int, int] = (0, 0)


@dataclass(frozen=True, eq=False)
class Layout:
    """A mask as the compiled loops want it, for one width.

    Attributes:
        rows: The matrix.
        columns: The transposed matrix.
        order: The unit at each place of a tile, int64 ``[N]``. Nothing outside of this kernel knows
            it.
        places: The place of each unit, int64 ``[N]``.
    """

    rows: Synapses
    columns: Synapses
    order: NDArray[np.int64]
    places: NDArray[np.int64]

    @classmethod
    def of(cls, mask: Pattern, width: int) -> Layout:
        """Lay out a mask, with its units in their own order or in one that fills groups better."""
        targets, sources = mask.targets(), mask.indices.astype(np.int64)
        plain = cls._in_order(unmoved(mask.n_units), targets, sources, width)
        order = in_squares(targets, sources, mask.n_units)
        if order is None or not plain.rows.grouped:
            return plain
        other = cls._in_order(order, targets, sources, width)
        pairs = ((plain.rows, other.rows), (plain.columns, other.columns))
        better = all(b.grouped and b.n_values < a.n_values for a, b in pairs)
        return other if better else plain

    @classmethod
    def _in_order(
        cls,
        order: NDArray[np.int64],
        targets: NDArray[np.int64],
        sources: NDArray[np.int64],
        width: int,
    ) -> Layout:
        places = np.empty_like(order)
        places[order] = np.arange(order.size)
        ends, begins = places[targets], places[sources]
        rows = Synapses.of(ends, begins, order.size, width)
        return cls(rows, Synapses.of(begins, ends, order.size, width), order, places)


@lru_cache(maxsize=32)
def unmoved(n_items: int) -> NDArray[np.int64]:
    """Places of items in their own order."""
    return np.arange(n_items)


def in_squares(
    targets: NDArray[np.int64], sources: NDArray[np.int64], n_units: int
) -> NDArray[np.int64] | None:
    """The units of a sheet in squares of two by two, which share more sources than four in a row.

    The length of a row is a guess: how far from a unit in the middle that one lies, other than its
    neighbours in the row, that shares most sources with it.

    Returns:
        The unit at each place; None where no unit shares any.
    """
    middle = n_units // 2
    shared = np.zeros(n_units, bool)
    shared[sources[targets == middle]] = True
    overlap = np.bincount(targets[shared[sources]], minlength=n_units)
    overlap[max(middle - 1, 0) : middle + 2] = 0
    length = abs(int(overlap.argmax()) - middle)
    if not overlap.any():
        return None
    unit = np.arange(n_units)
    row, column = unit // length, unit % length
    return np.lexsort((column, row, column // 2, row // 2))


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
        return room.empty((len(self.bounds), n_steps, numbers), dtype)

    def each(self, work: Callable[[int, tuple[int, int]], None]) -> None:
        """Call ``work(number, lanes)`` for each tile, in threads."""
        in_threads(lambda number: work(number, self.bounds[number]), len(self.bounds))


def tile_width(n_lanes: int, n_threads: int) -> int:
    """Lanes of a tile for a batch: the width with the least work on the busiest thread."""

    def cost(width: int) -> float:
        n_tiles = -(-n_lanes // width)
        rounds = -(-n_tiles // n_threads)
        # Measured: a synapse takes as long as its lanes, but 8 lanes hardly less than 16.
        return rounds * (max(width, 14) + 2)

    return min(WIDTHS, key=cost)


def shares(matrices: Sequence[Synapses], n_units: int) -> list[tuple[int, int]]:
    """Ranges of units, in whole groups, with about as much work each: some for each thread.

    Args:
        matrices: The synapses onto the units.
        n_units: Number of units.
    """
    work = np.arange(-(-n_units // GROUP) + 1)
    for rows in matrices:
        # A source of a group takes about as long as two sources of units by themselves.
        n_groups, counts = work.size - 1, np.diff(rows.pointers)
        by_group = 2 * counts if rows.grouped else counts.reshape(-1, n_groups, GROUP).sum((0, 2))
        work[1:] += np.cumsum(by_group)
    wanted = np.linspace(0, work[-1], torch.get_num_threads() * 4 + 1)
    edges = np.unique(np.searchsorted(work, wanted))
    edges[0], edges[-1] = 0, work.size - 1
    bounds = np.minimum(edges * GROUP, n_units).tolist()
    return list(pairwise(bounds))
