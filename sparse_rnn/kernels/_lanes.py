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

GROUP = 4
"""Units that are computed together where they share sources; what is loaded serves all of them."""

# Sums may be regrouped into vectors, which is decided when the code is compiled, not when it runs.
# NaN and infinities keep their meaning.
_FAST = {"contract", "nsz", "reassoc"}


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


@numba.njit(nogil=True, cache=True, fastmath=_FAST, error_model="numpy")
def _add_grouped_products(into: Any, state: Any, synapses: Any, slots: Any) -> None:
    """Add ``weight @ state`` to a step of a tile, four units at a time.

    `synapses` are group pointers ``[N / 4 + 1]``, the sources of each group times W, and for each
    of them the weights onto the four units, 0 where there is no synapse.
    """
    indptr, offsets, weight = synapses
    width = len(slots)
    acc_a, acc_b = np.empty(width, into.dtype), np.empty(width, into.dtype)
    acc_c, acc_d = np.empty(width, into.dtype), np.empty(width, into.dtype)
    one = np.uint64(width)
    two, three = one * np.uint64(2), one * np.uint64(3)
    for group in range(indptr.size - 1):
        base = np.uint64(group) * one * np.uint64(GROUP)
        for lane in range(width):
            k = base + np.uint64(lane)
            acc_a[lane], acc_b[lane] = into[k], into[one + k]
            acc_c[lane], acc_d[lane] = into[two + k], into[three + k]
        source, stop = indptr[group], indptr[group + 1]
        while source + 4 <= stop:
            o0, o1 = np.uint64(offsets[source]), np.uint64(offsets[source + 1])
            o2, o3 = np.uint64(offsets[source + 2]), np.uint64(offsets[source + 3])
            w = np.uint64(source) * np.uint64(GROUP)
            w0a, w0b = weight[w], weight[w + np.uint64(1)]
            w0c, w0d = weight[w + np.uint64(2)], weight[w + np.uint64(3)]
            w1a, w1b = weight[w + np.uint64(4)], weight[w + np.uint64(5)]
            w1c, w1d = weight[w + np.uint64(6)], weight[w + np.uint64(7)]
            w2a, w2b = weight[w + np.uint64(8)], weight[w + np.uint64(9)]
            w2c, w2d = weight[w + np.uint64(10)], weight[w + np.uint64(11)]
            w3a, w3b = weight[w + np.uint64(12)], weight[w + np.uint64(13)]
            w3c, w3d = weight[w + np.uint64(14)], weight[w + np.uint64(15)]
            for lane in range(width):
                k = np.uint64(lane)
                s0, s1, s2, s3 = state[o0 + k], state[o1 + k], state[o2 + k], state[o3 + k]
                acc_a[lane] += (w0a * s0 + w1a * s1) + (w2a * s2 + w3a * s3)
                acc_b[lane] += (w0b * s0 + w1b * s1) + (w2b * s2 + w3b * s3)
                acc_c[lane] += (w0c * s0 + w1c * s1) + (w2c * s2 + w3c * s3)
                acc_d[lane] += (w0d * s0 + w1d * s1) + (w2d * s2 + w3d * s3)
            source += 4
        while source < stop:
            o0, w = np.uint64(offsets[source]), np.uint64(source) * np.uint64(GROUP)
            w0a, w0b = weight[w], weight[w + np.uint64(1)]
            w0c, w0d = weight[w + np.uint64(2)], weight[w + np.uint64(3)]
            for lane in range(width):
                s0 = state[o0 + np.uint64(lane)]
                acc_a[lane] += w0a * s0
                acc_b[lane] += w0b * s0
                acc_c[lane] += w0c * s0
                acc_d[lane] += w0d * s0
            source += 1
        for lane in range(width):
            k = base + np.uint64(lane)
            into[k], into[one + k] = acc_a[lane], acc_b[lane]
            into[two + k], into[three + k] = acc_c[lane], acc_d[lane]


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _add(into: Any, state: Any, synapses: Any, grouped: bool, slots: Any) -> None:  # noqa: FBT001
    if grouped:
        _add_grouped_products(into, state, synapses, slots)
    else:
        _add_products(into, state, synapses, slots)


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
    """Copy ``[lanes, N]`` into ``[N * W]``; lanes and units that are missing become 0."""
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
    tile[n_units * width :] = 0


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
    projected: Any, states: Any, tile: Any, rows: Any, lanes: Any, how: Any, slots: Any
) -> None:
    """Run one tile through all steps.

    Args:
        projected: ``[T, B, N]``, the input times its weights plus the bias.
        states: ``[T, B, N]``, written.
        tile: ``[T + 1, N * W]``, states of the tile; row 0 holds the first state, already packed.
        rows: Pointers, sources times W and weights, as `_add_grouped_products` wants them if
            `grouped`, else as `_add_products`.
        lanes: First and end of the tile's lanes.
        how: Nonlinearity, and whether the synapses are grouped.
        slots: W zeros.
    """
    kind, grouped = how
    for t in range(projected.shape[0]):
        now = tile[t + 1]
        pack(projected[t, lanes[0] : lanes[1]], now, slots)
        _add(now, tile[t], rows, grouped, slots)
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
    how: Any,
    slots: Any,
) -> None:
    """Run one tile back through all steps.

    Args:
        grad: ``[T, B, N]``, gradient with respect to the states.
        deltas: ``[T, B, N]``, written: gradient with respect to `projected` of `forward`.
        tile: ``[T + 1, N * W]``, states of the tile.
        delta_tile: ``[T, N * W]``, written: the deltas of the tile.
        columns: The same for the transposed matrix.
        lanes: First and end of the tile's lanes.
        how: Nonlinearity, and whether the synapses are grouped.
        slots: W zeros.
    """
    kind, grouped = how
    last = grad.shape[0] - 1
    for t in range(last, -1, -1):
        now = delta_tile[t]
        pack(grad[t, lanes[0] : lanes[1]], now, slots)
        if t < last:
            _add(now, delta_tile[t + 1], columns, grouped, slots)
        _chain(now, tile[t + 1], kind)
        _unpack(now, deltas[t, lanes[0] : lanes[1]], slots)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def product(products: Any, tile: Any, synapses: Any, lanes: Any, grouped: Any, slots: Any) -> None:
    """Multiply one step of a tile by a sparse matrix.

    Args:
        products: ``[B, N]``, written in the lanes of the tile.
        tile: ``[N * W]``, states; or deltas, with the transposed matrix: then these are gradients.
        synapses: As `forward` has them.
        lanes: First and end of the tile's lanes.
        grouped: Whether the synapses are grouped.
        slots: W zeros.
    """
    total = np.zeros_like(tile)
    _add(total, tile, synapses, grouped, slots)
    _unpack(total, products[lanes[0] : lanes[1]], slots)


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
    n_steps = delta_tiles.shape[1]
    whole = n_steps - n_steps % 4
    for number in range(tiles.shape[0]):
        for first in range(0, whole, 4):
            _add_four_steps(grad, tiles[number], delta_tiles[number], csr, (units, first), slots)
        for t in range(whole, n_steps):
            _add_step(grad, tiles[number, t], delta_tiles[number, t], csr, units, slots)


@numba.njit(nogil=True, cache=True, fastmath=_FAST, error_model="numpy")
def _add_step(grad: Any, state: Any, delta: Any, csr: Any, units: Any, slots: Any) -> None:
    """Add the products of one step."""
    indptr, offsets = csr
    width = len(slots)
    for unit in range(units[0], units[1]):
        base = np.uint64(unit) * np.uint64(width)
        for edge in range(indptr[unit], indptr[unit + 1]):
            source = np.uint64(offsets[edge])
            total = grad.dtype.type(0)
            for lane in range(width):
                k = np.uint64(lane)
                total += delta[base + k] * state[source + k]
            grad[edge] += total


@numba.njit(nogil=True, cache=True, fastmath=_FAST, error_model="numpy")
def _add_four_steps(grad: Any, tile: Any, delta_tile: Any, csr: Any, span: Any, slots: Any) -> None:
    """Add the products of four steps; four synapses at a time, which share what they load."""
    indptr, offsets = csr
    units, first = span
    width = len(slots)
    # Flat arrays and unsigned offsets: an index is then an addition, without a check of its sign.
    state, delta = tile.reshape(tile.size), delta_tile.reshape(delta_tile.size)
    one = np.uint64(tile.shape[1])
    two, three, start = one * np.uint64(2), one * np.uint64(3), one * np.uint64(first)
    for unit in range(units[0], units[1]):
        base = start + np.uint64(unit) * np.uint64(width)
        edge, stop = indptr[unit], indptr[unit + 1]
        while edge + 4 <= stop:
            a, b = start + np.uint64(offsets[edge]), start + np.uint64(offsets[edge + 1])
            c, d = start + np.uint64(offsets[edge + 2]), start + np.uint64(offsets[edge + 3])
            zero = grad.dtype.type(0)
            sum_a, sum_b, sum_c, sum_d = zero, zero, zero, zero
            for lane in range(width):
                k = np.uint64(lane)
                d0, d1 = delta[base + k], delta[base + one + k]
                d2, d3 = delta[base + two + k], delta[base + three + k]
                sum_a += (d0 * state[a + k] + d1 * state[a + one + k]) + (
                    d2 * state[a + two + k] + d3 * state[a + three + k]
                )
                sum_b += (d0 * state[b + k] + d1 * state[b + one + k]) + (
                    d2 * state[b + two + k] + d3 * state[b + three + k]
                )
                sum_c += (d0 * state[c + k] + d1 * state[c + one + k]) + (
                    d2 * state[c + two + k] + d3 * state[c + three + k]
                )
                sum_d += (d0 * state[d + k] + d1 * state[d + one + k]) + (
                    d2 * state[d + two + k] + d3 * state[d + three + k]
                )
            grad[edge] += sum_a
            grad[edge + 1] += sum_b
            grad[edge + 2] += sum_c
            grad[edge + 3] += sum_d
            edge += 4
        while edge < stop:
            a = start + np.uint64(offsets[edge])
            sum_a = grad.dtype.type(0)
            for lane in range(width):
                k = np.uint64(lane)
                sum_a += (
                    delta[base + k] * state[a + k] + delta[base + one + k] * state[a + one + k]
                ) + (
                    delta[base + two + k] * state[a + two + k]
                    + delta[base + three + k] * state[a + three + k]
                )
            grad[edge] += sum_a
            edge += 1
