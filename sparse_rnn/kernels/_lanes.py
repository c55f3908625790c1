"""Compiled loops of the kernel `sparse_cpu`; importing this module needs numba.

A tile is a group of W lanes (batch elements) whose states lie side by side: the states of a tile at
one step are ``[N * W]``, unit after unit, so that one synapse is one multiply-add of W neighbouring
numbers. A tile runs through all time steps on one thread, without waiting for the others. All sums
have one order, whatever the number of threads.

W is a constant of the compiled code, so that loops over lanes become vector instructions. It comes
as `slots`, a tuple of W zeros: numba compiles a function once for each length of a tuple.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

RELU, TANH, SOFTPLUS = range(3)

# Sums may be regrouped into vectors, which is decided when the code is compiled, not when it runs.
# NaN and infinities keep their meaning.
_FAST = {"contract", "nsz", "reassoc"}

GRADIENT_STEPS = 8
"""Time steps whose products are summed before the sum over lanes, in the weight gradient."""


@numba.njit(nogil=True, cache=True, fastmath=_FAST, error_model="numpy")
def _add_products(into: Any, state: Any, synapses: Any, slots: Any) -> None:
    """Add ``weight @ state`` to a step of a tile.

    `synapses` are row pointers ``[N + 1]``, the sources times W and the weights ``[nnz]``.
    """
    indptr, offsets, weight = synapses
    width = len(slots)
    acc = np.empty(width, into.dtype)
    lanes = np.uint64(width)
    for unit in range(indptr.size - 1):
        base = np.uint64(unit) * lanes
        for k in range(width):
            acc[k] = into[base + np.uint64(k)]
        edge, stop = indptr[unit], indptr[unit + 1]
        # Eight synapses at a time, so that the accumulator is read and written once for them.
        while edge + 8 <= stop:
            o0, o1 = np.uint64(offsets[edge]), np.uint64(offsets[edge + 1])
            o2, o3 = np.uint64(offsets[edge + 2]), np.uint64(offsets[edge + 3])
            o4, o5 = np.uint64(offsets[edge + 4]), np.uint64(offsets[edge + 5])
            o6, o7 = np.uint64(offsets[edge + 6]), np.uint64(offsets[edge + 7])
            w0, w1, w2, w3 = weight[edge], weight[edge + 1], weight[edge + 2], weight[edge + 3]
            w4, w5, w6, w7 = weight[edge + 4], weight[edge + 5], weight[edge + 6], weight[edge + 7]
            for lane in range(width):
                k = np.uint64(lane)
                first = w0 * state[o0 + k] + w1 * state[o1 + k]
                second = w2 * state[o2 + k] + w3 * state[o3 + k]
                third = w4 * state[o4 + k] + w5 * state[o5 + k]
                fourth = w6 * state[o6 + k] + w7 * state[o7 + k]
                acc[lane] += (first + second) + (third + fourth)
            edge += 8
        while edge < stop:
            offset, w = np.uint64(offsets[edge]), weight[edge]
            for lane in range(width):
                acc[lane] += w * state[offset + np.uint64(lane)]
            edge += 1
        for k in range(width):
            into[base + np.uint64(k)] = acc[k]


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _activate(values: Any, kind: int) -> None:
    """Apply the nonlinearity in place."""
    if kind == RELU:
        for i in range(values.size):
            # Not max(): that would turn NaN into 0.
            if values[i] < 0:
                values[i] = 0
    elif kind == TANH:
        for i in range(values.size):
            values[i] = np.tanh(values[i])
    else:
        for i in range(values.size):
            x = values[i]
            values[i] = max(x, 0) + np.log1p(np.exp(-abs(x)))


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _chain(grad: Any, state: Any, kind: int) -> None:
    """Multiply a gradient in place by the derivative, which is a function of the output."""
    one = grad.dtype.type(1)
    if kind == RELU:
        for i in range(grad.size):
            if state[i] <= 0:
                grad[i] = 0
    elif kind == TANH:
        for i in range(grad.size):
            grad[i] *= one - state[i] * state[i]
    else:
        for i in range(grad.size):
            grad[i] *= -np.expm1(-state[i])


@numba.njit(nogil=True, cache=True, error_model="numpy")
def pack(rows: Any, tile: Any, slots: Any) -> None:
    """Copy ``[lanes, N]`` into ``[N * W]``; lanes that are missing become 0."""
    width = len(slots)
    lanes, n_units = rows.shape
    for first in range(0, n_units, 16):
        last = min(first + 16, n_units)
        for lane in range(lanes):
            for unit in range(first, last):
                tile[unit * width + lane] = rows[lane, unit]
        for lane in range(lanes, width):
            for unit in range(first, last):
                tile[unit * width + lane] = 0


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _unpack(tile: Any, rows: Any, slots: Any) -> None:
    """Copy ``[N * W]`` into ``[lanes, N]``."""
    width = len(slots)
    lanes, n_units = rows.shape
    for first in range(0, n_units, 16):
        last = min(first + 16, n_units)
        for lane in range(lanes):
            for unit in range(first, last):
                rows[lane, unit] = tile[unit * width + lane]


@numba.njit(nogil=True, cache=True, error_model="numpy")
def forward(  # noqa: PLR0913 - what is read, what is written, and two constants
    projected: Any, states: Any, tile: Any, rows: Any, lanes: Any, kind: int, slots: Any
) -> None:
    """Run one tile through all steps.

    Args:
        projected: ``[T, B, N]``, the input times its weights plus the bias.
        states: ``[T, B, N]``, written.
        tile: ``[T + 1, N * W]``, states of the tile; row 0 holds the first state, already packed.
        rows: Row pointers, sources times W, and weights.
        lanes: First and end of the tile's lanes.
        kind: Nonlinearity.
        slots: W zeros.
    """
    for t in range(projected.shape[0]):
        now = tile[t + 1]
        pack(projected[t, lanes[0] : lanes[1]], now, slots)
        _add_products(now, tile[t], rows, slots)
        _activate(now, kind)
        _unpack(now, states[t, lanes[0] : lanes[1]], slots)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def backward(  # noqa: PLR0913 - what is read, what is written, and two constants
    grad: Any,
    deltas: Any,
    tile: Any,
    delta_tile: Any,
    columns: Any,
    lanes: Any,
    kind: int,
    slots: Any,
) -> None:
    """Run one tile back through all steps.

    Args:
        grad: ``[T, B, N]``, gradient with respect to the states.
        deltas: ``[T, B, N]``, written: gradient with respect to `projected` of `forward`.
        tile: ``[T + 1, N * W]``, states of the tile.
        delta_tile: ``[T, N * W]``, written: the deltas of the tile.
        columns: Column pointers, targets times W, and weights, column after column.
        lanes: First and end of the tile's lanes.
        kind: Nonlinearity.
        slots: W zeros.
    """
    last = grad.shape[0] - 1
    for t in range(last, -1, -1):
        now = delta_tile[t]
        pack(grad[t, lanes[0] : lanes[1]], now, slots)
        if t < last:
            _add_products(now, delta_tile[t + 1], columns, slots)
        _chain(now, tile[t + 1], kind)
        _unpack(now, deltas[t, lanes[0] : lanes[1]], slots)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def first_gradient(grad: Any, delta: Any, columns: Any, lanes: Any, slots: Any) -> None:
    """Gradient with respect to the first state of one tile.

    Args:
        grad: ``[B, N]``, written.
        delta: ``[N * W]``, the deltas of the first step.
        columns: Column pointers, targets times W, and weights, column after column.
        lanes: First and end of the tile's lanes.
        slots: W zeros.
    """
    product = np.zeros_like(delta)
    _add_products(product, delta, columns, slots)
    _unpack(product, grad[lanes[0] : lanes[1]], slots)


@numba.njit(nogil=True, cache=True, fastmath=_FAST, error_model="numpy")
def weight_gradient(
    grad: Any, tiles: Any, delta_tiles: Any, csr: Any, units: Any, slots: Any
) -> None:
    """Gradient of the synapses onto some units, over all tiles and steps.

    Args:
        grad: ``[nnz]``, zero; written.
        tiles: ``[tiles, T + 1, N * W]``, states.
        delta_tiles: ``[tiles, T, N * W]``, deltas.
        csr: Row pointers and sources times W.
        units: First and end of the units.
        slots: W zeros.
    """
    indptr, offsets = csr
    n_steps = delta_tiles.shape[1]
    width = len(slots)
    lanes = np.uint64(width)
    for number in range(tiles.shape[0]):
        for first in range(0, n_steps, GRADIENT_STEPS):
            end = min(first + GRADIENT_STEPS, n_steps)
            for unit in range(units[0], units[1]):
                base = np.uint64(unit) * lanes
                for edge in range(indptr[unit], indptr[unit + 1]):
                    offset = np.uint64(offsets[edge])
                    total = grad.dtype.type(0)
                    for t in range(first, end):
                        state, delta = tiles[number, t], delta_tiles[number, t]
                        for lane in range(width):
                            k = np.uint64(lane)
                            total += delta[base + k] * state[offset + k]
                    grad[edge] += total
