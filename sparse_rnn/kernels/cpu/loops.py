"""Compiled loops of the kernel `sparse_cpu`; importing this module needs numba.

A tile is a group of W lanes (batch elements) whose states lie side by side: the states of a tile at
one step are ``[N * W]``, unit after unit, so that one synapse is one multiply-add of W neighbouring
numbers. A tile runs through all time steps on one thread, without waiting for the others. All sums
have one order, whatever the number of threads.

W is a constant of the compiled code, so that loops over lanes become vector instructions. It comes
as `slots`, a tuple of W zeros: numba compiles a function once for each length of a tuple. The loops
over synapses are in `sparse_rnn.kernels.cpu.llvm`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.core import config

from sparse_rnn.kernels.cpu import llvm
from sparse_rnn.kernels.cpu.compiling import kept_njit

RELU, TANH, SOFTPLUS = range(3)

FOUR, ONE = (0, 0, 0, 0), (0,)
"""Units that are computed together: those of a group, or one alone."""

GROUP = len(FOUR)

CHECKED = bool(config.BOUNDSCHECK)  # pyright: ignore[reportAttributeAccessIssue] - numba makes it
"""Whether places are checked before they are used, as NUMBA_BOUNDSCHECK asks for."""

# Numba passes what the first argument is for by itself.
add_products: Any = llvm.add_products
add_dot_products: Any = llvm.add_dot_products

SPAN = 128
"""Numbers of a unit over which a weight gradient is summed before it is written."""


@kept_njit(nogil=True, error_model="numpy")
def _check(into: Any, state: Any, synapses: Any, width: int, size: int) -> None:
    """Refuse places outside the arrays; the inner loops do not look.

    Raises:
        IndexError: There is one.
    """
    pointers, offsets, weight = synapses
    n_sources = pointers[pointers.size - 1]
    for number in range(pointers.size - 1):
        if not 0 <= pointers[number] <= pointers[number + 1]:
            raise IndexError("pointers")
    for source in range(n_sources):
        if offsets[source] + width > state.size:
            raise IndexError("offsets")
    if n_sources * size > weight.size or (pointers.size - 1) * size * width > into.size:
        raise IndexError("units")


@kept_njit(nogil=True, error_model="numpy")
def add(into: Any, state: Any, synapses: Any, grouped: bool, slots: Any) -> None:  # noqa: FBT001 - compiled, without keywords
    """Add ``weight @ state`` to a step of a tile.

    `synapses` are pointers, sources times W and weights. If `grouped`, a pointer belongs to four
    units with the same sources, and each source has four weights, 0 where there is no synapse.
    """
    pointers, offsets, weight = synapses
    width = np.uint64(len(slots))
    if CHECKED:
        _check(into, state, synapses, len(slots), GROUP if grouped else 1)
    edges = (offsets, weight)
    if grouped:
        for group in range(pointers.size - 1):
            base = np.uint64(group) * width * np.uint64(GROUP)
            span = (pointers[group], pointers[group + 1])
            add_products(into, base, state, edges, span, FOUR, slots)
    else:
        for unit in range(pointers.size - 1):
            span = (pointers[unit], pointers[unit + 1])
            add_products(into, np.uint64(unit) * width, state, edges, span, ONE, slots)


@kept_njit(nogil=True, error_model="numpy")
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


@kept_njit(nogil=True, error_model="numpy")
def _chain(grad: Any, state: Any, kind: int) -> None:
    """Multiply a gradient in place by the derivative, which is a function of the output."""
    one = grad.dtype.type(1)
    if kind == RELU:
        for i in range(grad.size):
            # Without a branch, so that it becomes vector instructions.
            grad[i] = grad.dtype.type(0) if state[i] <= 0 else grad[i]
    elif kind == TANH:
        for i in range(grad.size):
            grad[i] *= one - state[i] * state[i]
    else:
        for i in range(grad.size):
            grad[i] *= -np.expm1(-state[i])


@kept_njit(nogil=True, error_model="numpy")
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


@kept_njit(nogil=True, error_model="numpy")
def unpack(tile: Any, rows: Any, slots: Any) -> None:
    """Copy ``[N * W]`` into ``[lanes, N]``."""
    width = len(slots)
    lanes, n_units = rows.shape
    for first in range(0, n_units, 16):
        last = min(first + 16, n_units)
        for lane in range(lanes):
            for unit in range(first, last):
                rows[lane, unit] = tile[unit * width + lane]


@kept_njit(nogil=True, error_model="numpy")
def step(before: Any, now: Any, rate: Any, rows: Any, how: Any, n_lanes: int, slots: Any) -> None:  # noqa: PLR0913 - compiled, without keywords
    """Finish a step of a tile.

    Args:
        before: ``[N * W]``, states of the step before.
        now: ``[N * W]``, holds the input; becomes the states.
        rate: ``[N * W]``, written for leaky units: what the nonlinearity gave.
        rows: The synapses, as `add` takes them.
        how: Nonlinearity, whether the synapses are grouped, and alpha.
        n_lanes: Lanes of the tile that exist; the others become 0.
        slots: W zeros.
    """
    kind, grouped, alpha = how
    add(now, before, rows, grouped, slots)
    _activate(now, kind)
    if alpha != 1:
        share = now.dtype.type(alpha)
        rest = now.dtype.type(1) - share
        for i in range(now.size):
            rate[i] = now[i]
            now[i] = rest * before[i] + share * now[i]
    if n_lanes < len(slots):
        for first in range(0, now.size, len(slots)):
            now[first + n_lanes : first + len(slots)] = 0


@kept_njit(nogil=True, error_model="numpy")
def forward(  # noqa: PLR0913 - what is read, what is written, and two constants
    projected: Any, states: Any, tile: Any, rows: Any, lanes: Any, how: Any, slots: Any
) -> None:
    """Run one tile through all steps.

    Args:
        projected: ``[T, B, N]``, the input times its weights plus the bias.
        states: ``[T, B, N]``, written.
        tile: ``[T + 1, N * W]``, states of the tile, the first of them given; and its rates, ``[T,
            N * W]`` for leaky units, else any array of ``[1, 0]``.
        rows: The synapses, as `add` takes them.
        lanes: First and end of the tile's lanes.
        how: Nonlinearity, whether the synapses are grouped, and alpha.
        slots: W zeros.
    """
    values, rates = tile
    for t in range(projected.shape[0]):
        now = values[t + 1]
        pack(projected[t, lanes[0] : lanes[1]], now, slots)
        rate = rates[min(t, rates.shape[0] - 1)]
        step(values[t], now, rate, rows, how, lanes[1] - lanes[0], slots)
        unpack(now, states[t, lanes[0] : lanes[1]], slots)


@kept_njit(nogil=True, error_model="numpy")
def backward(  # noqa: PLR0913 - what is read, what is written, and two constants
    grad: Any,
    deltas: Any,
    outputs: Any,
    delta_tile: Any,
    columns: Any,
    lanes: Any,
    how: Any,
    slots: Any,
) -> None:
    """Run one tile back through all steps.

    Args:
        grad: ``[T, B, N]``, gradient with respect to the states.
        deltas: ``[T, B, N]``, written: gradient with respect to `projected` of `forward`. Or of no
            step: then it is not wanted.
        outputs: ``[T, N * W]``, what the nonlinearity gave: states, or rates of leaky units.
        delta_tile: ``[T, N * W]``, written: the deltas of the tile.
        columns: The synapses the other way round, as `add` takes them.
        lanes: First and end of the tile's lanes.
        how: Nonlinearity, whether the synapses are grouped, alpha, and for leaky units an array
            ``[N * W]``: it is left with the gradient of the first state that their leak passes on.
        slots: W zeros.
    """
    kind, grouped, alpha, kept = how
    last = grad.shape[0] - 1
    share = grad.dtype.type(alpha)
    rest = grad.dtype.type(1) - share
    for t in range(last, -1, -1):
        now = delta_tile[t]
        pack(grad[t, lanes[0] : lanes[1]], now, slots)
        if t < last:
            add(now, delta_tile[t + 1], columns, grouped, slots)
        if alpha != 1:
            for i in range(now.size):
                total = now[i] + kept[i]
                kept[i] = rest * total
                now[i] = share * total
        _chain(now, outputs[t], kind)
        if deltas.shape[0]:
            unpack(now, deltas[t, lanes[0] : lanes[1]], slots)


@kept_njit(nogil=True, error_model="numpy")
def product(  # noqa: PLR0913 - what is read, what is written, and two constants
    products: Any, tile: Any, start: Any, synapses: Any, lanes: Any, grouped: Any, slots: Any
) -> None:
    """Multiply one step of a tile by a sparse matrix.

    Args:
        products: ``[B, N]``, written in the lanes of the tile.
        tile: ``[N * W]``, states; or deltas, with the transposed matrix: then these are gradients.
        start: ``[N * W]``, what the product is added to; overwritten.
        synapses: As `add` takes them.
        lanes: First and end of the tile's lanes.
        grouped: Whether the synapses are grouped.
        slots: W zeros.
    """
    add(start, tile, synapses, grouped, slots)
    unpack(start, products[lanes[0] : lanes[1]], slots)


@kept_njit(nogil=True, error_model="numpy")
def weight_gradient(
    grad: Any, tiles: Any, delta_tiles: Any, rows: Any, span: Any, slots: Any
) -> None:
    """Gradient of the synapses onto some units, over all tiles and steps.

    Args:
        grad: Shaped as the values of `rows`, zero; written.
        tiles: ``[tiles, T + 1, N * W]``, states; or as many steps as deltas, of inputs.
        delta_tiles: ``[tiles, T, N * W]``, deltas.
        rows: Pointers and sources times W, and whether they are grouped.
        span: First and end of the pointers to take.
        slots: W zeros.
    """
    pointers, offsets, grouped = rows
    width = len(slots)
    n_steps, at_once = delta_tiles.shape[1], max(SPAN // width, 1)
    if CHECKED:
        _check(
            delta_tiles[0, 0], tiles[0, 0], (pointers, offsets, grad), width, 4 if grouped else 1
        )
    for number in range(tiles.shape[0]):
        # Flat arrays: numba then knows that their items follow each other.
        state = tiles[number].reshape(tiles[number].size)
        delta = delta_tiles[number].reshape(delta_tiles[number].size)
        for first in range(0, n_steps, at_once):
            steps = (
                np.int64(min(at_once, n_steps - first)),
                np.int64(delta_tiles.shape[2]),
                np.int64(tiles.shape[2]),
            )
            starts = (
                np.uint64(first * delta_tiles.shape[2]),
                np.uint64(first * tiles.shape[2]),
            )
            if grouped:
                _sum(grad, (delta, state), (pointers, offsets), (steps, starts), span, FOUR, slots)
            else:
                _sum(grad, (delta, state), (pointers, offsets), (steps, starts), span, ONE, slots)


@kept_njit(nogil=True, error_model="numpy")
def _sum(  # noqa: PLR0913 - see `weight_gradient`
    grad: Any, arrays: Any, rows: Any, block: Any, span: Any, units: Any, slots: Any
) -> None:
    """Add the products of a block of steps; four sources at a time, which share what they load."""
    delta, state = arrays
    pointers, offsets = rows
    steps, (here, there) = block
    size, height = np.uint64(len(units)), np.uint64(len(units) * len(slots))
    for number in range(span[0], span[1]):
        base = here + np.uint64(number) * height
        edge, stop = pointers[number], pointers[number + 1]
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
