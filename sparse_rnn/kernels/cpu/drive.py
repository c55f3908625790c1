"""The drive of the units in `sparse_cpu`, computed on the way (`sparse_rnn.kernels.cpu.inputs`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparse_rnn.kernels.api import Drive
from sparse_rnn.kernels.cpu.compiled import compiled
from sparse_rnn.kernels.cpu.passes import Feed, Held
from sparse_rnn.kernels.cpu.plan import Layout, Matrix, Synapses, Tiling, unmoved

CHANGE_COST = 128
"""Channels times steps that are multiplied in the time of looking one up anew. Measured."""


@dataclass(frozen=True, eq=False)
class TiledDrive:
    """The inputs of a batch as tiles, and their weights.

    The last channels, of which at most one is active at a time, are looked up where that is
    cheaper than a multiplication; this changes the rounding of a sum and nothing else.

    Attributes:
        tiling: The tiles.
        layout: The order of the units in a tile.
        inputs: The inputs ``[T, B, I]``.
        weight: Input weights ``[N, I]``, in that order.
        bias: Bias ``[N]``, in that order; zeros where there is none.
        tiles: The other channels, ``[tiles, T, C * W]``; each is written when it is fed.
        rows: How the units are joined with them: all with all.
        active: The active channel of each step and lane, counted from C on, or -1; and its value.
    """

    tiling: Tiling
    layout: Layout
    inputs: NDArray[Any]
    weight: NDArray[Any]
    bias: NDArray[Any]
    tiles: NDArray[Any]
    rows: Synapses
    active: tuple[NDArray[np.int64], NDArray[Any]]

    @classmethod
    def of(cls, drive: Drive, tiling: Tiling, layout: Layout) -> TiledDrive:
        """Lay out inputs."""
        inputs = drive.inputs.detach().contiguous().numpy()
        weight = drive.weight.detach().numpy().take(layout.order, axis=0)
        n_steps, n_lanes, n_channels = inputs.shape
        channels = np.empty((n_steps, n_lanes), np.int64)
        sizes = np.empty((n_steps, n_lanes), inputs.dtype)
        n_last, changes = compiled().inputs.active(inputs, channels, sizes)
        if (n_lanes + changes) * CHANGE_COST > n_steps * n_lanes * n_last:
            n_last = 0
            channels[:], sizes[:] = -1, 0
        n_dense = n_channels - n_last
        tiles = tiling.empty(n_steps, inputs.dtype, n_dense * tiling.width)
        bias = np.zeros(len(weight), weight.dtype)
        if drive.bias is not None:
            bias = drive.bias.detach().numpy().take(layout.order)
        rows = Synapses.full(len(weight), n_dense, tiling.width)
        return cls(tiling, layout, inputs, weight, bias, tiles, rows, (channels, sizes))

    @property
    def n_dense(self) -> int:
        """Number of channels that are multiplied."""
        return self.tiles.shape[2] // self.tiling.width

    def feed(self) -> Feed:
        """What each tile takes, for `sparse_rnn.kernels.cpu.passes.Passes.forth`."""
        synapses = self.rows.with_matrix(self.weight[:, : self.n_dense])
        table = np.ascontiguousarray(self.weight[:, self.n_dense :].T)
        loops, places = compiled().inputs, unmoved(self.n_dense)

        def feed(number: int) -> tuple[Any, Any]:
            first, end = self.tiling.bounds[number]
            dense = self.inputs[:, first:end, : self.n_dense]
            loops.pack_steps(dense, self.tiles[number], places, self.tiling.slots)
            return loops.forward, (self.tiles[number], synapses, self.bias, *self.active, table)

        return feed

    def multiplied(self, delta_tiles: NDArray[Any]) -> Matrix:
        """The weights of the channels that are multiplied."""
        return Matrix(self.rows, self.tiles, delta_tiles)

    def held(self) -> Held:
        """The other channels and the bias."""
        n_units, n_channels = self.weight.shape
        of_table = np.zeros((n_channels - self.n_dense, n_units), self.weight.dtype)
        return Held(np.zeros(n_units, self.weight.dtype), of_table, *self.active)

    def gradients(self, values: NDArray[Any], held: Held) -> tuple[Tensor, Tensor]:
        """Gradients of the weights ``[N, I]`` and of the bias ``[N]``.

        Args:
            values: That of the values of `multiplied`.
            held: `held`, written.
        """
        dense = self.rows.matrix_of(values, len(self.weight))
        of_weight, places = np.hstack([dense, held.of_table.T]), self.layout.places
        found = of_weight.take(places, axis=0), held.of_bias.take(places)
        return torch.from_numpy(found[0]), torch.from_numpy(found[1])
