"""The drive of the units in `sparse_cpu`, computed on the way (`sparse_rnn.kernels.cpu.inputs`)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparse_rnn.kernels.api import Drive
from sparse_rnn.kernels.cpu.compiled import compiled
from sparse_rnn.kernels.cpu.passes import Feed, sums
from sparse_rnn.kernels.cpu.plan import GROUP, Synapses, Tiling, in_threads, shares

CHANGE_COST = 128
"""Channels times steps that are multiplied in the time of looking one up anew. Measured."""


@dataclass(frozen=True, eq=False)
class TiledDrive:
    """The inputs of a batch as tiles, and their weights.

    The last channels, of which at most one is active at a time, are looked up where that is
    cheaper than a multiplication; this changes the rounding of a sum and nothing else.

    Attributes:
        tiling: The tiles.
        weight: Input weights ``[N, I]``.
        bias: Bias ``[N]``; zeros where there is none.
        tiles: The other channels, ``[tiles, T, C * W]``.
        rows: How the units are joined with them: all with all.
        active: The active channel of each step and lane, counted from C on, or -1; and its value.
    """

    tiling: Tiling
    weight: NDArray[Any]
    bias: NDArray[Any]
    tiles: NDArray[Any]
    rows: Synapses
    active: tuple[NDArray[np.int64], NDArray[Any]]

    @classmethod
    def of(cls, drive: Drive, tiling: Tiling) -> TiledDrive:
        """Lay out inputs."""
        inputs = drive.inputs.detach().contiguous().numpy()
        weight = drive.weight.detach().contiguous().numpy()
        n_steps, n_lanes, n_channels = inputs.shape
        channels = np.empty((n_steps, n_lanes), np.int64)
        sizes = np.empty((n_steps, n_lanes), inputs.dtype)
        n_last, changes = compiled().inputs.active(inputs, channels, sizes)
        if (n_lanes + changes) * CHANGE_COST > n_steps * n_lanes * n_last:
            n_last = 0
            channels[:], sizes[:] = -1, 0
        n_dense = n_channels - n_last
        tiles = tiling.empty(n_steps, inputs.dtype, n_dense * tiling.width)
        tiling.each(
            lambda number, lanes: compiled().inputs.pack_steps(
                inputs[:, lanes[0] : lanes[1], :n_dense], tiles[number], tiling.slots
            )
        )
        bias = np.zeros(len(weight), weight.dtype)
        if drive.bias is not None:
            bias = drive.bias.detach().contiguous().numpy()
        rows = _all_to_all(len(weight), n_dense, tiling.width)
        return cls(tiling, weight, bias, tiles, rows, (channels, sizes))

    @property
    def n_dense(self) -> int:
        """Number of channels that are multiplied."""
        return self.tiles.shape[2] // self.tiling.width

    def feed(self) -> Feed:
        """What each tile takes, for `sparse_rnn.kernels.cpu.passes.Passes.forth`."""
        values = np.zeros((self.rows.pointers.size - 1, self.n_dense, GROUP), self.weight.dtype)
        by_unit = values.transpose(0, 2, 1)  # [N / 4, 4, C]
        whole = len(self.weight) // GROUP
        dense = self.weight[:, : self.n_dense]
        by_unit[:whole] = dense[: whole * GROUP].reshape(whole, GROUP, self.n_dense)
        by_unit[whole:, : len(dense) - whole * GROUP] = dense[whole * GROUP :]
        synapses = (self.rows.pointers, self.rows.offsets, values.reshape(-1))
        table = np.ascontiguousarray(self.weight[:, self.n_dense :].T)
        loop = compiled().inputs.forward

        def feed(number: int) -> tuple[Any, Any]:
            return loop, (self.tiles[number], synapses, self.bias, *self.active, table)

        return feed

    def gradients(self, delta_tiles: NDArray[Any]) -> tuple[Tensor, Tensor]:
        """Gradients of the weights ``[N, I]`` and of the bias ``[N]``."""
        n_units, slots = len(self.weight), self.tiling.slots
        found = sums(self.rows, self.tiles, delta_tiles, slots)
        n_groups = self.rows.pointers.size - 1
        dense = found.reshape(n_groups, self.n_dense, GROUP).transpose(0, 2, 1)
        dense = dense.reshape(n_groups * GROUP, self.n_dense)[:n_units]
        of_bias = np.zeros(n_units, self.weight.dtype)
        table = np.zeros((self.weight.shape[1] - self.n_dense, n_units), self.weight.dtype)
        bounds = np.array(self.tiling.bounds, np.int64).reshape(-1, 2)
        parts = shares(np.arange(n_units + 1))

        def run(number: int) -> None:
            grads, span = (of_bias, table), parts[number]
            compiled().inputs.held_gradient(grads, delta_tiles, self.active, bounds, span, slots)

        in_threads(run, len(parts))
        return torch.from_numpy(np.hstack([dense, table.T])), torch.from_numpy(of_bias)


@lru_cache(maxsize=8)
def _all_to_all(n_units: int, n_channels: int, width: int) -> Synapses:
    n_groups = -(-n_units // GROUP)
    return Synapses(
        np.arange(n_groups + 1) * n_channels,
        np.tile(np.arange(n_channels, dtype=np.uint32) * np.uint32(width), n_groups),
        np.empty(0, np.int64),  # No edges of a mask.
        n_groups * n_channels * GROUP,
        grouped=True,
    )
