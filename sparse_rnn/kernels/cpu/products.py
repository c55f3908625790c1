"""The product of one step in `sparse_cpu`, for cells whose steps no kernel runs whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sparse_rnn.kernels.api import Edges, Product, product_by_matrix
from sparse_rnn.kernels.cpu.compiled import compiled
from sparse_rnn.kernels.cpu.passes import gradients
from sparse_rnn.kernels.cpu.plan import Matrix, Synapses, Tiling, lay_out
from sparse_rnn.kernels.derivatives import Operation, Tensors
from sparse_rnn.kernels.recurrence import check_types


class _Prepared:
    """The values of some gates, laid out for each width and direction when first asked for."""

    def __init__(self, edges: Edges) -> None:
        self._edges = edges
        self._kept: dict[tuple[int, bool], tuple[Synapses, list[Any]]] = {}

    def rows(
        self, weight: Tensor, width: int, *, turned: bool = False
    ) -> tuple[Synapses, list[Any]]:
        """The synapses of the matrix, or of the transposed one, and what loops take of a gate."""
        if (width, turned) not in self._kept:
            layout = lay_out(self._edges, width)
            rows = layout.columns if turned else layout.rows
            gates = [rows.with_weights(values) for values in weight.detach().contiguous().numpy()]
            self._kept[width, turned] = rows, gates
        return self._kept[width, turned]


class _SparseProduct(Operation):
    """Of a state and the weights of some gates the products."""

    def __init__(self, edges: Edges, prepared: _Prepared) -> None:
        self._edges, self._prepared = edges, prepared

    def formula(self, *tensors: Tensor) -> Tensors:
        """The products by a dense matrix."""
        state, weight = tensors
        return (product_by_matrix(weight, self._edges)(state),)

    def forth(self, *tensors: Tensor) -> Tensors:
        """The products, by the compiled loops."""
        state, weight = tensors
        loops = compiled().loops
        self._tiling = tiling = Tiling.of(*state.shape)
        rows, gates = self._prepared.rows(weight, tiling.width)
        places = lay_out(self._edges, tiling.width).places
        inputs = state.detach().contiguous().numpy()
        products = torch.empty((len(gates), *state.shape), dtype=state.dtype)
        outputs = products.numpy()
        self._tiles = tiles = tiling.empty(1, inputs.dtype)

        def run(number: int, lanes: tuple[int, int]) -> None:
            own, slots = tiles[number, 0], tiling.slots
            loops.pack(inputs[lanes[0] : lanes[1]], own, places, slots)
            for gate, values in enumerate(gates):
                total = np.zeros_like(own)
                how = (rows.units, places)
                loops.product(outputs[gate], own, total, values, lanes, how, slots)

        tiling.each(run)
        return (products,)

    def back(
        self, needed: Sequence[bool], grads: Tensors, *tensors: Tensor
    ) -> tuple[Tensor | None, ...]:
        """The gradients, by the compiled loops."""
        loops, tiling = compiled().loops, self._tiling
        grad, weight = grads[0].contiguous().numpy(), tensors[1]
        rows, _ = self._prepared.rows(weight, tiling.width)
        columns, gates = self._prepared.rows(weight, tiling.width, turned=True)
        places = lay_out(self._edges, tiling.width).places
        deltas = np.empty((len(grad), *self._tiles.shape), grad.dtype)
        by_gate = torch.empty(grad.shape, dtype=weight.dtype)
        outputs = by_gate.numpy()

        def run(number: int, lanes: tuple[int, int]) -> None:
            for gate, values in enumerate(gates):
                own, total = deltas[gate, number, 0], np.zeros(tiling.size, grad.dtype)
                loops.pack(grad[gate, lanes[0] : lanes[1]], own, places, tiling.slots)
                how = (columns.units, places)
                loops.product(outputs[gate], own, total, values, lanes, how, tiling.slots)

        tiling.each(run)
        grad_weight = None
        if needed[1]:
            found: list[Any] = []
            for delta in deltas:
                matrix = Matrix(rows, self._tiles, delta)
                (values,) = gradients(tiling, grad.shape[2], delta, [matrix])
                found.append(values[rows.place])
            grad_weight = torch.from_numpy(np.stack(found))
        return by_gate.sum(0), grad_weight


def product(weight: Tensor, edges: Edges) -> Product:
    """Prepare products; see `Kernel.product`."""
    prepared = _Prepared(edges)

    def product(state: Tensor) -> Tensor:
        check_types((state, weight))
        return _SparseProduct(edges, prepared)(state, weight)[0]

    return product
