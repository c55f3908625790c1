"""Compiled loops of `sparse_cpu` that sum the gradients of weights; needs numba.

All gradients of a share of the units are summed in one pass over the steps, so that the states and
deltas of a block of steps are fetched from memory once. Each sum has one order, whatever the
number of threads and of shares.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sparse_rnn.kernels.cpu import llvm
from sparse_rnn.kernels.cpu.compiling import kept_njit
from sparse_rnn.kernels.cpu.loops import CHECKED, INNER, OUTER, check

# Numba passes what the first argument is for by itself.
add_dot_products: Any = llvm.add_dot_products

SPAN = 128
"""Numbers of a unit over which a weight gradient is summed before it is written."""


@kept_njit(**OUTER)
def weight_gradients(
    matrices: Any, held: Any, totals: Any, bounds: Any, span: Any, slots: Any
) -> None:
    """Gradients of all that ends on some units, over all tiles and steps.

    Args:
        matrices: Three matrices, of each: its gradient, shaped as its values, zero, written;
            its sources ``[tiles, steps, S * W]``; deltas ``[tiles, steps, N * W]``; pointers and
            sources times W; the steps at which deltas and sources begin; and the units that are
            computed together (`sparse_rnn.kernels.cpu.loops.add`).
        held: Gradient of the bias ``[N]`` and of the channels that are looked up ``[K, N]``, zero,
            written; or of no units, where they are not wanted. Their deltas; and the channels and
            sizes, as `sparse_rnn.kernels.cpu.inputs.active` wrote them.
        totals: Room for the deltas of these units that are not written yet, zero.
        bounds: int64 ``[tiles, 2]``, first and end of the lanes of each tile.
        span: First and end of the units, in whole groups.
        slots: W zeros.
    """
    n_tiles, n_steps = bounds.shape[0], held[2].shape[1]
    at_once = max(SPAN // len(slots), 1)
    for number in range(n_tiles):
        for first in range(0, n_steps, at_once):
            steps = min(at_once, n_steps - first)
            # No loop, as they may be of several types.
            _add(matrices[0], number, (first, steps), span, slots)
            _add(matrices[1], number, (first, steps), span, slots)
            _add(matrices[2], number, (first, steps), span, slots)
            if held[0].size:
                lanes = (bounds[number, 0], bounds[number, 1])
                _hold(held, totals, number, (first, first + steps), lanes, span, slots)


@kept_njit(**INNER)
def _add(matrix: Any, number: int, block: Any, span: Any, slots: Any) -> None:
    """Add the products of a block of steps of a tile to the gradient of a matrix."""
    grad, sources, deltas, (pointers, offsets), (shift, lag), units = matrix
    if not offsets.size:
        return
    width, (first, n_steps) = len(slots), block
    if CHECKED:
        check(deltas[0, 0], sources[0, 0], (pointers, offsets, grad), width, len(units))
    # Flat arrays: numba then knows that their items follow each other.
    state = sources[number].reshape(sources[number].size)
    delta = deltas[number].reshape(deltas[number].size)
    steps = (np.int64(n_steps), np.int64(deltas.shape[2]), np.int64(sources.shape[2]))
    starts = (
        np.uint64((first + shift) * deltas.shape[2]),
        np.uint64((first + lag) * sources.shape[2]),
    )
    arrays, rows, here = (delta, state), (pointers, offsets), (steps, starts)
    n_rows = deltas.shape[2] // (len(units) * width)
    begin, end = span[0] // len(units), -(-span[1] // len(units))
    for block in range(0, pointers.size - 1, n_rows):
        _sum(grad, arrays, rows, here, (block, begin, end), units, slots)


@kept_njit(**INNER)
def _hold(  # noqa: PLR0913 - see `weight_gradients`
    held: Any, totals: Any, number: int, steps: Any, lanes: Any, span: Any, slots: Any
) -> None:
    """Sum deltas for as long as a lane's channel stays the same, and write the sums then."""
    of_bias, of_table, deltas, channels, sizes = held
    width = len(slots)
    n_steps = deltas.shape[1]
    for t in range(steps[0], steps[1]):
        delta = deltas[number, t, span[0] * width : span[1] * width]
        for i in range(delta.size):
            totals[i] += delta[i]
        for b in range(lanes[0], lanes[1]):
            channel, size = channels[t, b], sizes[t, b]
            if t + 1 < n_steps and channels[t + 1, b] == channel and sizes[t + 1, b] == size:
                continue
            lane = b - lanes[0]
            for unit in range(span[0], span[1]):
                place = (unit - span[0]) * width + lane
                of_bias[unit] += totals[place]
                if channel >= 0:
                    of_table[channel, unit] += size * totals[place]
                totals[place] = 0


@kept_njit(**INNER)
def _sum(  # noqa: PLR0913 - see `weight_gradients`
    grad: Any, arrays: Any, rows: Any, block: Any, span: Any, units: Any, slots: Any
) -> None:
    """Add the products of a block of steps; four sources at a time, which share what they load."""
    delta, state = arrays
    pointers, offsets = rows
    steps, (here, there) = block
    size, height = np.uint64(len(units)), np.uint64(len(units) * len(slots))
    begin, first, end = span
    for number in range(first, end):
        base = here + np.uint64(number) * height
        edge, stop = pointers[begin + number], pointers[begin + number + 1]
        while edge + 4 <= stop:
            sources = (
                there + np.uint64(offsets[edge]),
                there + np.uint64(offsets[edge + 1]),
                there + np.uint64(offsets[edge + 2]),
                there + np.uint64(offsets[edge + 3]),
            )
            place = np.uint64(edge) * size
            add_dot_products(grad, place, delta, base, state, sources, steps, units, slots)
            edge += 4
        while edge < stop:
            source = (there + np.uint64(offsets[edge]),)
            place = np.uint64(edge) * size
            add_dot_products(grad, place, delta, base, state, source, steps, units, slots)
            edge += 1
