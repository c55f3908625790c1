"""How `sparse_cpu` shares out its work: lanes among tiles, tiles and units among threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sparse_rnn.kernels.cpu.plan import GROUP, WIDTHS


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
