"""Kernel `sparse_cpu`: only the synapses that exist, compiled with numba, for the CPU.

Threads share out the batch: a tile of 8 to 32 lanes runs through all time steps on one thread
(`sparse_rnn.kernels._lanes`). Time and memory grow with the number of synapses, not with N squared.
Results do not depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.util import find_spec
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

from sparse_rnn.kernels._interface import Edges, Kernel, Nonlinearity, Product
from sparse_rnn.kernels._layout import GROUP, WIDTHS, Layout, layout as lay_out
from sparse_rnn.masks import Mask


@cache
def _loops() -> Any:
    """The compiled loops; importing numba takes a moment, so only networks that need it do."""
    from sparse_rnn.kernels import _lanes

    return _lanes


@cache
def _pool(n_threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(n_threads, thread_name_prefix="sparse-cpu")


def _in_threads(work: Callable[[int], None], n_items: int) -> None:
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
        # Measured: beside its lanes, a synapse costs as much as some 16 lanes more.
        return rounds * (width + 16)

    return min(WIDTHS, key=cost)


_KINDS = {"relu": "RELU", "tanh": "TANH", "softplus": "SOFTPLUS"}


class _SparseRecurrence(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        projected: Tensor,
        h0: Tensor,
        weight: Tensor,
        edges: Edges,
        nonlinearity: Nonlinearity,
    ) -> Tensor:
        loops = _loops()
        n_steps, n_lanes, n_units = projected.shape
        width = tile_width(n_lanes, torch.get_num_threads())
        slots = (0,) * width
        layout = lay_out(edges, width)
        kind = getattr(loops, _KINDS[nonlinearity.name])
        bounds = _bounds(n_lanes, width)
        inputs, first, values = (t.detach().contiguous().numpy() for t in (projected, h0, weight))
        states = torch.empty_like(projected, memory_format=torch.contiguous_format)
        outputs = states.numpy()
        # Whole groups of units, so that the last one needs no special care.
        n_rows = -(-n_units // GROUP) * GROUP
        tiles = np.empty((len(bounds), n_steps + 1, n_rows * width), dtype=inputs.dtype)
        rows = layout.rows.with_weights(values)
        how = (kind, layout.rows.grouped)

        def run_tile(number: int) -> None:
            lanes = bounds[number]
            loops.pack(first[lanes[0] : lanes[1]], tiles[number, 0], slots)
            loops.forward(inputs, outputs, tiles[number], rows, lanes, how, slots)

        _in_threads(run_tile, len(bounds))
        ctx.save_for_backward(weight)
        ctx.tiles, ctx.layout, ctx.kind, ctx.bounds, ctx.slots = tiles, layout, kind, bounds, slots
        return states

    @staticmethod
    @once_differentiable
    # One output, so one gradient; the base class says *grad_outputs.
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, grad_states: Tensor
    ) -> tuple[Tensor | None, ...]:
        loops = _loops()
        (weight,) = cast("tuple[Tensor]", ctx.saved_tensors)
        layout: Layout = ctx.layout
        tiles, bounds, slots, kind = ctx.tiles, ctx.bounds, ctx.slots, ctx.kind
        grad = grad_states.contiguous().numpy()
        values = weight.detach().numpy()
        columns = layout.columns.with_weights(values)
        grouped = layout.columns.grouped
        deltas = torch.empty(grad.shape, dtype=weight.dtype)
        outputs = deltas.numpy()
        delta_tiles = np.empty((len(bounds), grad.shape[0], tiles.shape[2]), dtype=grad.dtype)
        grad_h0 = (
            torch.empty(grad.shape[1:], dtype=weight.dtype) if ctx.needs_input_grad[1] else None
        )
        first = None if grad_h0 is None else grad_h0.numpy()

        def run_tile(number: int) -> None:
            lanes, own = bounds[number], delta_tiles[number]
            loops.backward(
                grad, outputs, tiles[number], own, columns, lanes, (kind, grouped), slots
            )
            if first is not None:
                loops.product(first, own[0], columns, lanes, grouped, slots)

        _in_threads(run_tile, len(bounds))
        grad_weight = None
        if ctx.needs_input_grad[2]:
            grad_weight = torch.zeros_like(weight)
            by_edge = grad_weight.numpy()
            parts = _shares(layout.csr[0], torch.get_num_threads() * 4)

            def sum_part(number: int) -> None:
                units = parts[number]
                loops.weight_gradient(by_edge, tiles, delta_tiles, layout.csr, units, slots)

            _in_threads(sum_part, len(parts))
        return deltas, grad_h0, grad_weight, None, None


def _bounds(n_lanes: int, width: int) -> list[tuple[int, int]]:
    return [(first, min(first + width, n_lanes)) for first in range(0, n_lanes, width)]


def _shares(indptr: NDArray[np.int64], n_parts: int) -> list[tuple[int, int]]:
    """Ranges of units with about as many synapses each."""
    wanted = np.linspace(0, indptr[-1], n_parts + 1)
    edges = np.unique(np.searchsorted(indptr, wanted))
    edges[0], edges[-1] = 0, indptr.size - 1
    return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))


def run(
    projected: Tensor, h0: Tensor, weight: Tensor, edges: Edges, nonlinearity: Nonlinearity
) -> Tensor:
    """Compute the states; see `Kernel` for the arguments. Differentiable once."""
    return cast("Tensor", _SparseRecurrence.apply(projected, h0, weight, edges, nonlinearity))


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
        loops = _loops()
        n_lanes, n_units = state.shape
        width = tile_width(n_lanes, torch.get_num_threads())
        slots = (0,) * width
        bounds = _bounds(n_lanes, width)
        rows, grouped = prepared.rows(width), prepared.layout(width).rows.grouped
        inputs = state.detach().contiguous().numpy()
        products = torch.empty((len(rows), n_lanes, n_units), dtype=state.dtype)
        outputs = products.numpy()
        n_rows = -(-n_units // GROUP) * GROUP
        tiles = np.empty((len(bounds), 1, n_rows * width), dtype=inputs.dtype)

        def run_tile(number: int) -> None:
            lanes = bounds[number]
            loops.pack(inputs[lanes[0] : lanes[1]], tiles[number, 0], slots)
            for gate, values in enumerate(rows):
                loops.product(outputs[gate], tiles[number, 0], values, lanes, grouped, slots)

        _in_threads(run_tile, len(bounds))
        ctx.save_for_backward(weight)  # Autograd then sees a change in place before the backward.
        ctx.tiles, ctx.bounds, ctx.slots, ctx.prepared = tiles, bounds, slots, prepared
        return products

    @staticmethod
    @once_differentiable
    # One output, so one gradient; the base class says *grad_outputs.
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, grad_products: Tensor
    ) -> tuple[Tensor | None, ...]:
        loops = _loops()
        (weight,) = cast("tuple[Tensor]", ctx.saved_tensors)
        prepared: _Prepared = ctx.prepared
        tiles, bounds, slots = ctx.tiles, ctx.bounds, ctx.slots
        grad = grad_products.contiguous().numpy()
        layout, columns = prepared.layout(len(slots)), prepared.columns(len(slots))
        deltas = np.empty((len(grad), *tiles.shape), dtype=grad.dtype)
        by_gate = torch.empty(grad.shape, dtype=weight.dtype)
        outputs = by_gate.numpy()

        def run_tile(number: int) -> None:
            lanes = bounds[number]
            for gate, values in enumerate(columns):
                own = deltas[gate, number, 0]
                loops.pack(grad[gate, lanes[0] : lanes[1]], own, slots)
                loops.product(outputs[gate], own, values, lanes, layout.columns.grouped, slots)

        _in_threads(run_tile, len(bounds))
        grad_weight = None
        if ctx.needs_input_grad[1]:
            grad_weight = torch.zeros_like(weight, memory_format=torch.contiguous_format)
            by_edge = grad_weight.numpy()
            parts = _shares(layout.csr[0], torch.get_num_threads() * 4)

            def sum_part(number: int) -> None:
                for own, delta in zip(by_edge, deltas, strict=True):
                    loops.weight_gradient(own, tiles, delta, layout.csr, parts[number], slots)

            _in_threads(sum_part, len(parts))
        return by_gate.sum(0), grad_weight, None


def product(weight: Tensor, edges: Edges) -> Product:
    """Prepare products; see `Kernel.product`. Differentiable once."""
    prepared = _Prepared(weight, edges)
    return lambda state: cast("Tensor", _SparseProduct.apply(state, weight, prepared))


def refusal(mask: Mask, device: str) -> str:
    """Why the kernel cannot serve a mask here, or ""."""
    if device != "cpu":
        return f"it runs on the CPU, not on {device}"
    if not find_spec("numba"):
        return "numba is not installed; install it with: pip install numba"
    if mask.n_units * max(WIDTHS) >= 2**32:
        return "it counts the units of a tile in 32 bits, and the mask has too many"
    return ""


KERNEL = Kernel("sparse_cpu", run, refusal, product)
