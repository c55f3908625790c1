"""The passes of `sparse_cpu` through the steps of a batch, forth and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparse_rnn.kernels.api import Edges, Nonlinearity
from sparse_rnn.kernels.cpu.compiled import compiled
from sparse_rnn.kernels.cpu.plan import Layout, Synapses, Tiling, in_threads, lay_out, shares

_KINDS = {"relu": "RELU", "tanh": "TANH", "softplus": "SOFTPLUS"}

Feed = Callable[[int], tuple[Callable[..., None], Any]]
"""For the number of a tile: the compiled loop that runs it, and the input that this loop takes."""


@dataclass(frozen=True, eq=False)
class Passes:
    """The states of a batch as tiles, and what it takes to compute them.

    Attributes:
        tiling: The tiles.
        layout: The synapses.
        kind: Number of the nonlinearity.
        alpha: Share of the state that a step replaces.
        weight: Values of the edges ``[nnz]``.
        states: ``[tiles, T + 1, N * W]``, from the first state on.
        rates: For leaky units what the nonlinearity gave, ``[tiles, T, N * W]``.
    """

    tiling: Tiling
    layout: Layout
    kind: int
    alpha: float
    states: NDArray[Any]
    rates: NDArray[Any]

    @classmethod
    def of(
        cls, shape: torch.Size, dtype: torch.dtype, edges: Edges, f: Nonlinearity, alpha: float
    ) -> Passes:
        """Prepare passes over ``[T, B, N]`` states."""
        n_steps, n_lanes, n_units = shape
        tiling = Tiling.of(n_lanes, n_units)
        number = torch.empty(0, dtype=dtype).numpy().dtype
        rates = tiling.empty(n_steps, number) if alpha != 1 else tiling.empty(1, number, 0)
        kind = getattr(compiled().loops, _KINDS[f.name])
        states = tiling.empty(n_steps + 1, number)
        return cls(tiling, lay_out(edges, tiling.width), kind, alpha, states, rates)

    def forth(self, h0: Tensor, weight: Tensor, feed: Feed) -> Tensor:
        """Compute the states ``[T, B, N]``."""
        lanes_of, slots = compiled().loops, self.tiling.slots
        first = h0.detach().contiguous().numpy()
        shape = (self.states.shape[1] - 1, *first.shape)
        # By numpy, which asks for large pages.
        outputs = np.empty(shape, self.states.dtype)
        rows = self.layout.rows.with_weights(weight.detach().numpy())
        how = (self.kind, self.layout.rows.grouped, self.alpha)

        def run(number: int, lanes: tuple[int, int]) -> None:
            loop, given = feed(number)
            tile = (self.states[number], self.rates[number])
            lanes_of.pack(first[lanes[0] : lanes[1]], tile[0][0], slots)
            loop(given, outputs, tile, rows, lanes, how, slots)

        self.tiling.each(run)
        return torch.from_numpy(outputs)

    def back(
        self, grad: Tensor, weight: Tensor, deltas: NDArray[Any]
    ) -> tuple[NDArray[Any], Tensor]:
        """Go back through the steps.

        Args:
            grad: Gradient with respect to the states, ``[T, B, N]``.
            weight: Values of the edges ``[nnz]``.
            deltas: ``[T, B, N]``, written with the gradient with respect to the argument of the
                nonlinearity; or of no step, where that is not wanted.

        Returns:
            These gradients as tiles, ``[tiles, T, N * W]``, and that of the first state.
        """
        lanes_of, slots = compiled().loops, self.tiling.slots
        columns = self.layout.columns.with_weights(weight.detach().numpy())
        grouped = self.layout.columns.grouped
        outer = grad.contiguous().numpy()
        delta_tiles = self.tiling.empty(len(outer), outer.dtype)
        grad_h0 = np.empty(outer.shape[1:], outer.dtype)
        values = self.states[:, 1:] if self.alpha == 1 else self.rates

        def run(number: int, lanes: tuple[int, int]) -> None:
            own = delta_tiles[number]
            kept = np.zeros(self.tiling.size, outer.dtype)
            how = (self.kind, grouped, self.alpha, kept)
            lanes_of.backward(outer, deltas, values[number], own, columns, lanes, how, slots)
            lanes_of.product(grad_h0, own[0], kept, columns, lanes, grouped, slots)

        self.tiling.each(run)
        return delta_tiles, torch.from_numpy(grad_h0)

    def weight_gradient(self, delta_tiles: NDArray[Any]) -> Tensor:
        """Gradient of the edges ``[nnz]``."""
        return torch.from_numpy(
            by_edge(self.layout.rows, self.states, delta_tiles, self.tiling.slots)
        )


def sums(
    rows: Synapses, tiles: NDArray[Any], delta_tiles: NDArray[Any], slots: tuple[int, ...]
) -> NDArray[Any]:
    """Sum the products of deltas and sources over tiles, steps and lanes.

    Args:
        rows: The synapses.
        tiles: Where their sources are, ``[tiles, steps, ...]``.
        delta_tiles: ``[tiles, T, N * W]``.
        slots: W zeros.

    Returns:
        The gradient of the values of `rows`.
    """
    total = np.zeros(rows.n_values, delta_tiles.dtype)
    parts = shares(rows.pointers)
    where = (rows.pointers, rows.offsets, rows.grouped)

    def run(number: int) -> None:
        span = parts[number]
        compiled().loops.weight_gradient(total, tiles, delta_tiles, where, span, slots)

    in_threads(run, len(parts))
    return total


def by_edge(
    rows: Synapses, tiles: NDArray[Any], delta_tiles: NDArray[Any], slots: tuple[int, ...]
) -> NDArray[Any]:
    """`sums`, in the order of the edges."""
    return sums(rows, tiles, delta_tiles, slots)[rows.place]
