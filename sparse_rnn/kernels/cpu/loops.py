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

OUTER: Any = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}
"""How loops are compiled that Python calls."""

INNER: Any = {"error_model": "numpy", "no_cfunc_wrapper": True, "no_cpython_wrapper": True}
"""How those are that only loops call: without an entry for Python, which takes as long again."""

RELU, TANH, SOFTPLUS = range(3)

FOUR, ONE = (0, 0, 0, 0), (0,)
"""Units that are computed together: those of a group, or one alone."""

CHECKED = bool(config.BOUNDSCHECK)  # pyright: ignore[reportAttributeAccessIssue] - numba makes it
"""Whether places are checked before they are used, as NUMBA_BOUNDSCHECK asks for."""

# Numba passes what the first argument is for by itself.
add_products: Any = llvm.add_products


@kept_njit(**INNER)
def check(into: Any, state: Any, synapses: Any, width: int, size: int) -> None:
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
    # The rows of a block are all that there are, of any number of blocks.
    if n_sources * size > weight.size or (pointers.size - 1) * size * width % into.size:
        raise IndexError("units")


@kept_njit(**INNER)
def add(into: Any, state: Any, synapses: Any, units: Any, slots: Any) -> None:
    """Add ``weight @ state`` to a step of a tile.

    `synapses` are pointers, sources times W and weights. If `units` are `FOUR`, a pointer belongs
    to four units with the same sources, and each source has four weights, 0 where there is no
    synapse. If they are `ONE` it belongs to one unit and one block of sources: all units' first
    block, then the next. What a mask does not need is not compiled.
    """
    pointers, offsets, weight = synapses
    height = np.uint64(len(units) * len(slots))
    if CHECKED:
        check(into, state, synapses, len(slots), len(units))
    edges = (offsets, weight)
    n_rows = into.size // (len(units) * len(slots))
    for begin in range(0, pointers.size - 1, n_rows):
        for row in range(n_rows):
            span = (pointers[begin + row], pointers[begin + row + 1])
            add_products(into, np.uint64(row) * height, state, edges, span, units, slots)


@kept_njit(**INNER)
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


@kept_njit(**INNER)
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


@kept_njit(**OUTER)
def pack(rows: Any, tile: Any, places: Any, slots: Any) -> None:
    """Copy ``[lanes, N]`` into ``[N * W]``; lanes and units that are missing become 0.

    `places` says where each unit lies in the tile, int64 ``[N]``.
    """
    width = len(slots)
    lanes, n_units = rows.shape
    for first in range(0, n_units, 16):
        last = min(first + 16, n_units)
        for lane in range(lanes):
            for unit in range(first, last):
                tile[places[unit] * width + lane] = rows[lane, unit]
        for lane in range(lanes, width):
            for unit in range(first, last):
                tile[places[unit] * width + lane] = 0
    tile[n_units * width :] = 0


@kept_njit(**INNER)
def unpack(tile: Any, rows: Any, places: Any, slots: Any) -> None:
    """Copy ``[N * W]`` into ``[lanes, N]``; `places` as in `pack`."""
    width = len(slots)
    lanes, n_units = rows.shape
    for first in range(0, n_units, 16):
        last = min(first + 16, n_units)
        for lane in range(lanes):
            for unit in range(first, last):
                rows[lane, unit] = tile[places[unit] * width + lane]


@kept_njit(**INNER)
def step(before: Any, now: Any, rate: Any, rows: Any, how: Any, n_lanes: int, slots: Any) -> None:  # noqa: PLR0913 - compiled, without keywords
    """Finish a step of a tile.

    Args:
        before: ``[N * W]``, states of the step before.
        now: ``[N * W]``, holds the input; becomes the states.
        rate: ``[N * W]``, written for leaky units: what the nonlinearity gave.
        rows: The synapses, as `add` takes them.
        how: Nonlinearity, the units that are computed together (`add`), and alpha.
        n_lanes: Lanes of the tile that exist; the others become 0.
        slots: W zeros.
    """
    kind, units, alpha = how
    add(now, before, rows, units, slots)
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


@kept_njit(**INNER)
def give(now: Any, t: int, n_steps: int, outputs: Any, lanes: Any, slots: Any) -> None:
    """Hand out a finished step of a tile: the states as they are asked for, and their readout.

    Args:
        now: ``[N * W]``, the states.
        t: Number of the step.
        n_steps: Number of steps T.
        outputs: The states of the last K steps ``[K, B, N]`` and the logits ``[T, B, O]``, written
            in the lanes of the tile; the readout as `add` takes synapses of groups, its bias
            ``[O]``, and room for the logits of a step ``[O * W]``, in whole groups; and the places
            of units and of outputs in a tile.
        lanes: First and end of the tile's lanes.
        slots: W zeros.
    """
    states, logits, readout, bias, answers, (units, places) = outputs
    late = t - (n_steps - states.shape[0])
    if late >= 0:
        unpack(now, states[late, lanes[0] : lanes[1]], units, slots)
    if bias.size:
        width = len(slots)
        for output in range(bias.size):
            answers[output * width : (output + 1) * width] = bias[output]
        answers[bias.size * width :] = 0
        add(answers, now, readout, FOUR, slots)
        unpack(answers, logits[t, lanes[0] : lanes[1]], places, slots)


@kept_njit(**OUTER)
def forward(  # noqa: PLR0913 - what is read, what is written, and two constants
    projected: Any, outputs: Any, tile: Any, rows: Any, lanes: Any, how: Any, slots: Any
) -> None:
    """Run one tile through all steps.

    Args:
        projected: ``[T, B, N]``, the input times its weights plus the bias.
        outputs: What is made of the states, as `give` takes it.
        tile: ``[T + 1, N * W]``, states of the tile, the first of them given; and its rates, ``[T,
            N * W]`` for leaky units, else any array of ``[1, 0]``.
        rows: The synapses, as `add` takes them.
        lanes: First and end of the tile's lanes.
        how: Nonlinearity, the units that are computed together (`add`), and alpha.
        slots: W zeros.
    """
    values, rates = tile
    n_steps = projected.shape[0]
    for t in range(n_steps):
        now = values[t + 1]
        pack(projected[t, lanes[0] : lanes[1]], now, outputs[5][0], slots)
        rate = rates[min(t, rates.shape[0] - 1)]
        step(values[t], now, rate, rows, how, lanes[1] - lanes[0], slots)
        give(now, t, n_steps, outputs, lanes, slots)


@kept_njit(**OUTER)
def backward(  # noqa: PLR0913 - what is read, what is written, and two constants
    grads: Any,
    deltas: Any,
    rates: Any,
    delta_tile: Any,
    columns: Any,
    lanes: Any,
    how: Any,
    slots: Any,
) -> None:
    """Run one tile back through all steps.

    Args:
        grads: Gradient with respect to the states of the last K steps, ``[K, B, N]``, and to the
            logits ``[T, B, O]``; the transposed readout, as `add` takes synapses of groups; the
            gradient of the logits as a tile, ``[T, O * W]`` in whole groups, written; and the
            places of units and of outputs in a tile.
        deltas: ``[T, B, N]``, written: gradient with respect to `projected` of `forward`. Or of no
            step: then it is not wanted.
        rates: ``[T, N * W]``, what the nonlinearity gave: states, or rates of leaky units.
        delta_tile: ``[T, N * W]``, written: the deltas of the tile.
        columns: The synapses the other way round, as `add` takes them.
        lanes: First and end of the tile's lanes.
        how: Nonlinearity, the units that are computed together (`add`), alpha, and for leaky units
            an array ``[N * W]``: it is left with the gradient of the first state that their leak
            passes on.
        slots: W zeros.
    """
    of_states, of_logits, readout, answers, (units, places) = grads
    kind, together, alpha, kept = how
    last = delta_tile.shape[0] - 1
    late = delta_tile.shape[0] - of_states.shape[0]
    share = delta_tile.dtype.type(alpha)
    rest = delta_tile.dtype.type(1) - share
    for t in range(last, -1, -1):
        now = delta_tile[t]
        if t >= late:
            pack(of_states[t - late, lanes[0] : lanes[1]], now, units, slots)
        else:
            now[:] = 0
        if of_logits.shape[2]:
            pack(of_logits[t, lanes[0] : lanes[1]], answers[t], places, slots)
            add(now, answers[t], readout, FOUR, slots)
        if t < last:
            add(now, delta_tile[t + 1], columns, together, slots)
        if alpha != 1:
            for i in range(now.size):
                total = now[i] + kept[i]
                kept[i] = rest * total
                now[i] = share * total
        _chain(now, rates[t], kind)
        if deltas.shape[0]:
            unpack(now, deltas[t, lanes[0] : lanes[1]], units, slots)


@kept_njit(**OUTER)
def product(  # noqa: PLR0913 - what is read, what is written, and two constants
    products: Any, tile: Any, start: Any, synapses: Any, lanes: Any, how: Any, slots: Any
) -> None:
    """Multiply one step of a tile by a sparse matrix.

    Args:
        products: ``[B, N]``, written in the lanes of the tile.
        tile: ``[N * W]``, states; or deltas, with the transposed matrix: then these are gradients.
        start: ``[N * W]``, what the product is added to; overwritten.
        synapses: As `add` takes them.
        lanes: First and end of the tile's lanes.
        how: The units that are computed together (`add`), and the places of all in a tile.
        slots: W zeros.
    """
    units, places = how
    add(start, tile, synapses, units, slots)
    unpack(start, products[lanes[0] : lanes[1]], places, slots)
