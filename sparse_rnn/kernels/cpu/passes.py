"""The passes of `sparse_cpu` through the steps of a batch, forth and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparse_rnn.kernels.api import Edges, Nonlinearity
from sparse_rnn.kernels.cpu.compiled import compiled
from sparse_rnn.kernels.cpu.plan import (
    Layout,
    Matrix,
    Synapses,
    Tiling,
    lay_out,
    shares,
    unmoved,
)
from sparse_rnn.kernels.cpu.readout import TiledReadout
from sparse_rnn.kernels.cpu.threads import in_threads

_KINDS = {"relu": "RELU", "tanh": "TANH", "softplus": "SOFTPLUS"}

Feed = Callable[[int], tuple[Callable[..., None], Any]]
"""For the number of a tile: the compiled loop that runs it, and the input that this loop takes."""


class Kept(NamedTuple):
    """What the pass back takes from the one forth.

    Attributes:
        states: ``[tiles, T + 1, N * W]``, from the first state on.
        rates: For leaky units what the nonlinearity gave, ``[tiles, T, N * W]``.
    """

    states: NDArray[Any]
    rates: NDArray[Any]


class Held(NamedTuple):
    """Inputs that are looked up, and what is wanted of them.

    Attributes:
        of_bias: Gradient of the bias ``[N]``, zero; of no units where it is not wanted.
        of_table: Gradient of the weights of the channels ``[K, N]``, zero.
        channels: Active channel of each step and lane, int64 ``[T, B]``.
        sizes: Its value ``[T, B]``.
    """

    of_bias: NDArray[Any]
    of_table: NDArray[Any]
    channels: NDArray[np.int64]
    sizes: NDArray[Any]

    @classmethod
    def none(cls, dtype: Any) -> Held:
        """Nothing."""
        empty = np.empty((0, 0), dtype)
        return cls(np.empty(0, dtype), empty, np.empty((0, 0), np.int64), empty)


@dataclass(frozen=True, eq=False)
class Passes:
    """The states of a batch as tiles, and what it takes to compute them.

    Attributes:
        tiling: The tiles.
        layout: The synapses.
        kind: Number of the nonlinearity.
        alpha: Share of the state that a step replaces.
        shape: T, B and N.
        dtype: Type of the numbers.
        n_last: Number of steps, the last ones, whose states are handed out.
    """

    tiling: Tiling
    layout: Layout
    kind: int
    alpha: float
    shape: tuple[int, int, int]
    dtype: Any
    n_last: int

    @classmethod
    def of(
        cls,
        shape: torch.Size,
        dtype: torch.dtype,
        edges: Edges,
        f: Nonlinearity,
        alpha: float,
        n_last: int,
    ) -> Passes:
        """Prepare passes over ``[T, B, N]`` states."""
        n_steps, n_lanes, n_units = shape
        tiling = Tiling.of(n_lanes, n_units)
        number = torch.empty(0, dtype=dtype).numpy().dtype
        kind = getattr(compiled().loops, _KINDS[f.name])
        sizes = (n_steps, n_lanes, n_units)
        return cls(tiling, lay_out(edges, tiling.width), kind, alpha, sizes, number, n_last)

    def forth(
        self, h0: Tensor, weight: Tensor, feed: Feed, readout: TiledReadout
    ) -> tuple[Tensor, Tensor, Kept]:
        """Compute the states handed out, ``[K, B, N]``, the logits ``[T, B, O]``, and the tiles."""
        lanes_of, slots, tiling = compiled().loops, self.tiling.slots, self.tiling
        n_steps, n_lanes, n_units = self.shape
        leaky = self.alpha != 1
        states = tiling.empty(n_steps + 1, self.dtype)
        rates = tiling.empty(n_steps if leaky else 1, self.dtype, None if leaky else 0)
        first = h0.detach().contiguous().numpy()
        # By numpy, which asks for large pages.
        handed = np.empty((self.n_last, n_lanes, n_units), self.dtype)
        logits = np.empty((n_steps, n_lanes, readout.n_outputs), self.dtype)
        rows = self.layout.rows.with_weights(weight.detach().numpy())
        how = (self.kind, self.layout.rows.units, self.alpha)
        answer, places = readout.forth(), (self.layout.places, unmoved(readout.n_outputs))

        def run(number: int, lanes: tuple[int, int]) -> None:
            loop, given = feed(number)
            tile = (states[number], rates[number])
            outputs = (handed, logits, *answer, readout.room(), places)
            lanes_of.pack(first[lanes[0] : lanes[1]], tile[0][0], places[0], slots)
            loop(given, outputs, tile, rows, lanes, how, slots)

        tiling.each(run)
        return torch.from_numpy(handed), torch.from_numpy(logits), Kept(states, rates)

    def back(
        self,
        kept: Kept,
        grads: tuple[Tensor, Tensor],
        readout: TiledReadout,
        weight: Tensor,
        deltas: NDArray[Any],
        *,
        first: bool,
    ) -> tuple[NDArray[Any], NDArray[Any], Tensor | None]:
        """Go back through the steps.

        Args:
            kept: What `forth` left.
            grads: Gradient with respect to the states handed out, ``[K, B, N]``, and to the logits
                ``[T, B, O]``.
            readout: The readout.
            weight: Values of the edges ``[nnz]``.
            deltas: ``[T, B, N]``, written with the gradient with respect to the argument of the
                nonlinearity; or of no step, where that is not wanted.
            first: Whether the gradient of the first state is wanted.

        Returns:
            These gradients as tiles, ``[tiles, T, N * W]``; those of the logits as tiles, ``[tiles,
            T, O * W]``; and that of the first state.
        """
        lanes_of, slots = compiled().loops, self.tiling.slots
        columns = self.layout.columns.with_weights(weight.detach().numpy())
        units = self.layout.columns.units
        n_steps, n_lanes, n_units = self.shape
        outer = [grad.contiguous().numpy() for grad in grads]
        delta_tiles = self.tiling.empty(n_steps, self.dtype)
        answers, back = self.tiling.empty(n_steps, self.dtype, readout.size), readout.back()
        grad_h0 = np.empty((n_lanes, n_units) if first else (0, 0), self.dtype)
        values = kept.states[:, 1:] if self.alpha == 1 else kept.rates
        places = (self.layout.places, unmoved(readout.n_outputs))

        def run(number: int, lanes: tuple[int, int]) -> None:
            own = delta_tiles[number]
            passed = np.zeros(self.tiling.size if first or self.alpha != 1 else 0, self.dtype)
            how = (self.kind, units, self.alpha, passed)
            given = (*outer, back, answers[number], places)
            lanes_of.backward(given, deltas, values[number], own, columns, lanes, how, slots)
            if first:
                after = (units, places[0])
                lanes_of.product(grad_h0, own[0], passed, columns, lanes, after, slots)

        self.tiling.each(run)
        return delta_tiles, answers, torch.from_numpy(grad_h0) if first else None

    def recurrent(self, kept: Kept, delta_tiles: NDArray[Any]) -> Matrix:
        """The recurrent matrix, for `gradients`."""
        return Matrix(self.layout.rows, kept.states, delta_tiles)


def gradients(
    tiling: Tiling,
    n_units: int,
    delta_tiles: NDArray[Any],
    matrices: Sequence[Matrix | None],
    held: Held | None = None,
) -> list[NDArray[Any]]:
    """Sum the products of deltas and sources over tiles, steps and lanes.

    Args:
        tiling: The tiles.
        n_units: Number of units N.
        delta_tiles: ``[tiles, T, N * W]``, those of `held`.
        matrices: Up to three matrices onto the units; None is one whose gradient is not wanted.
        held: Inputs that are looked up, whose gradients are written.

    Returns:
        The gradient of the values of each matrix, of no values where it is not wanted.
    """
    nothing = Matrix(Synapses.full(n_units, 0, tiling.width), delta_tiles, delta_tiles)
    chosen = [matrix or nothing for matrix in (*matrices, None, None)[:3]]
    totals = [np.zeros(matrix.rows.n_values, delta_tiles.dtype) for matrix in chosen]
    work = tuple(
        (total, sources, deltas, (rows.pointers, rows.offsets), begin, rows.units)
        for total, (rows, sources, deltas, begin) in zip(totals, chosen, strict=True)
    )
    of_bias, of_table, *active = held or Held.none(delta_tiles.dtype)
    looked_up = (of_bias, of_table, delta_tiles, *active)
    bounds = np.array(tiling.bounds, np.int64).reshape(-1, 2)
    parts = shares([matrix.rows for matrix in chosen], n_units)

    def run(number: int) -> None:
        span = parts[number]
        size = (span[1] - span[0]) * tiling.width if of_bias.size else 0
        room = np.zeros(size, delta_tiles.dtype)
        compiled().gradients.weight_gradients(work, looked_up, room, bounds, span, tiling.slots)

    in_threads(run, len(parts))
    return totals[: len(matrices)]
