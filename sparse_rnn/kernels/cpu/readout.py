"""A linear readout in `sparse_cpu`, computed while the states of a step are at hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparse_rnn.kernels.cpu.plan import GROUP, Layout, Matrix, Synapses, Tiling


@dataclass(frozen=True, eq=False)
class TiledReadout:
    """A readout, and the gradients of its logits as tiles. One of no outputs is none.

    Attributes:
        tiling: The tiles.
        layout: The order of the units in a tile.
        weight: Its weights ``[O, N]``, in that order.
        bias: Its bias ``[O]``.
    """

    tiling: Tiling
    layout: Layout
    weight: NDArray[Any]
    bias: NDArray[Any]

    @classmethod
    def of(cls, weight: Tensor, bias: Tensor, tiling: Tiling, layout: Layout) -> TiledReadout:
        """The readout with these weights."""
        by_unit = weight.detach().numpy().take(layout.order, axis=1)
        return cls(tiling, layout, by_unit, bias.detach().contiguous().numpy())

    @classmethod
    def none(cls, n_units: int, dtype: Any, tiling: Tiling, layout: Layout) -> TiledReadout:
        """No readout."""
        return cls(tiling, layout, np.empty((0, n_units), dtype), np.empty(0, dtype))

    @property
    def n_outputs(self) -> int:
        """Number of outputs O."""
        return self.bias.size

    @property
    def size(self) -> int:
        """Numbers of the logits of a tile at one step, in whole groups of outputs."""
        return -(-self.n_outputs // GROUP) * GROUP * self.tiling.width

    def room(self) -> NDArray[Any]:
        """Room for the logits of a tile at one step."""
        return np.empty(self.size, self.bias.dtype)

    def forth(self) -> tuple[Any, NDArray[Any]]:
        """The readout as synapses from the units onto the outputs, and the bias."""
        rows = Synapses.full(*self.weight.shape, self.tiling.width)
        return rows.with_matrix(self.weight), self.bias

    def back(self) -> Any:
        """The readout as synapses from the outputs onto the units."""
        return self.columns.with_matrix(self.weight.T)

    def matrix(self, states: NDArray[Any], answers: NDArray[Any]) -> Matrix:
        """The same, for `sparse_rnn.kernels.cpu.passes.gradients`.

        Args:
            states: ``[tiles, T + 1, N * W]``, from the first state on.
            answers: Gradient of the logits, ``[tiles, T, O * W]``.
        """
        return Matrix(self.columns, answers, states, (1, 0))

    @property
    def columns(self) -> Synapses:
        """The readout the other way round: synapses from the outputs onto the units."""
        return Synapses.full(*self.weight.shape[::-1], self.tiling.width)

    def gradient(self, values: NDArray[Any]) -> Tensor:
        """The gradient of the weights ``[O, N]``, of that of the values of `columns`."""
        by_unit = self.columns.matrix_of(values, self.weight.shape[1])
        return torch.from_numpy(np.ascontiguousarray(by_unit.take(self.layout.places, axis=0).T))
