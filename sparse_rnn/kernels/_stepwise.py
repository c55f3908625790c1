"""The product of one step in `sparse_cpu`, for cells whose steps no kernel runs whole."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from sparse_rnn.kernels._compiled import loops as compiled
from sparse_rnn.kernels._interface import Edges, Product
from sparse_rnn.kernels._layout import Layout, layout as lay_out
from sparse_rnn.kernels._sweep import by_edge
from sparse_rnn.kernels._tiles import Tiling


class _Prepared:
    """The values of some gates, laid out for each width and direction when first asked for."""

    def __init__(self, weight: Tensor, edges: Edges) -> None:
        self._values = weight.detach().contiguous().numpy()
        self._edges = edges
        self._rows: dict[int, list[Any]] = {}
        self._columns: dict[int, list[Any]] = {}

    def layout(self, width: int) -> Layout:
        return lay_out(self._edges, width)

    def rows(self, width: int) -> list[Any]:
        if width not in self._rows:
            rows = self.layout(width).rows
            self._rows[width] = [rows.with_weights(values) for values in self._values]
        return self._rows[width]

    def columns(self, width: int) -> list[Any]:
        if width not in self._columns:
            columns = self.layout(width).columns
            self._columns[width] = [columns.with_weights(values) for values in self._values]
        return self._columns[width]


class _SparseProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, state: Tensor, weight: Tensor, prepared: _Prepared) -> Tensor:
        loops = compiled().lanes
        tiling = Tiling.of(*state.shape)
        rows = prepared.rows(tiling.width)
        grouped = prepared.layout(tiling.width).rows.grouped
        inputs = state.detach().contiguous().numpy()
        products = torch.empty((len(rows), *state.shape), dtype=state.dtype)
        outputs = products.numpy()
        tiles = tiling.empty(1, inputs.dtype)

        def run(number: int, lanes: tuple[int, int]) -> None:
            own, slots = tiles[number, 0], tiling.slots
            loops.pack(inputs[lanes[0] : lanes[1]], own, slots)
            for gate, values in enumerate(rows):
                total = np.zeros_like(own)
                loops.product(outputs[gate], own, total, values, lanes, grouped, slots)

        tiling.each(run)
        ctx.save_for_backward(weight)  # Autograd then sees a change in place before the backward.
        ctx.tiles, ctx.tiling, ctx.prepared = tiles, tiling, prepared
        return products

    @staticmethod
    @once_differentiable
    # One output, so one gradient; the base class says *grad_outputs.
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, grad_products: Tensor
    ) -> tuple[Tensor | None, ...]:
        loops = compiled().lanes
        (weight,) = cast("tuple[Tensor]", ctx.saved_tensors)
        prepared: _Prepared = ctx.prepared
        tiling: Tiling = ctx.tiling
        grad = grad_products.contiguous().numpy()
        layout, columns = prepared.layout(tiling.width), prepared.columns(tiling.width)
        deltas = np.empty((len(grad), *ctx.tiles.shape), grad.dtype)
        by_gate = torch.empty(grad.shape, dtype=weight.dtype)
        outputs = by_gate.numpy()

        def run(number: int, lanes: tuple[int, int]) -> None:
            for gate, values in enumerate(columns):
                own, total = deltas[gate, number, 0], np.zeros(tiling.size, grad.dtype)
                loops.pack(grad[gate, lanes[0] : lanes[1]], own, tiling.slots)
                loops.product(
                    outputs[gate], own, total, values, lanes, layout.columns.grouped, tiling.slots
                )

        tiling.each(run)
        grad_weight = None
        if ctx.needs_input_grad[1]:
            gates = [by_edge(layout.rows, ctx.tiles, delta, tiling.slots) for delta in deltas]
            grad_weight = torch.from_numpy(np.stack(gates))
        return by_gate.sum(0), grad_weight, None


def product(weight: Tensor, edges: Edges) -> Product:
    """Prepare products; see `Kernel.product`. Differentiable once."""
    prepared = _Prepared(weight, edges)
    return lambda state: cast("Tensor", _SparseProduct.apply(state, weight, prepared))
