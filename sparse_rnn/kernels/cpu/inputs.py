"""Compiled loops of `sparse_cpu` that compute the input of the units on the way; needs numba.

Where the input is made in the layout of a tile, no array of ``[T, B, N]`` inputs is written and
read again. Of rule inputs one is active at a time, for a whole trial: such a channel is not
multiplied but looked up, when it changes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sparse_rnn.kernels.cpu.compiling import kept_njit
from sparse_rnn.kernels.cpu.loops import FOUR, INNER, OUTER, add, give, pack, step


@kept_njit(**OUTER)
def forward(  # noqa: PLR0913 - what is read, what is written, and two constants
    drive: Any, outputs: Any, tile: Any, rows: Any, lanes: Any, how: Any, slots: Any
) -> None:
    """Run one tile through all steps, and compute its input on the way.

    Args:
        drive: The tile's inputs ``[T, C * W]``; their weights, as `add` takes synapses of groups;
            the bias ``[N]``; the active channel of each step and lane and its value, ``[T, B]``
            (see `active`); the weights of those channels ``[K, N]``.
        outputs: As in `sparse_rnn.kernels.cpu.loops.forward`, like all that follow.
        tile: See there.
        rows: See there.
        lanes: See there.
        how: See there.
        slots: See there.
    """
    inputs, weights, bias, channels, sizes, table = drive
    values, rates = tile
    n_lanes, width = lanes[1] - lanes[0], len(slots)
    # What a lane gets from its bias and its active channel, which seldom changes.
    held = np.zeros(values.shape[1], values.dtype)
    n_steps = inputs.shape[0]
    for t in range(n_steps):
        for lane in range(n_lanes):
            b = lanes[0] + lane
            if t == 0 or channels[t, b] != channels[t - 1, b] or sizes[t, b] != sizes[t - 1, b]:
                channel, size = channels[t, b], sizes[t, b]
                for unit in range(bias.size):
                    held[unit * width + lane] = bias[unit]
                if channel >= 0:
                    for unit in range(bias.size):
                        held[unit * width + lane] += size * table[channel, unit]
        now = values[t + 1]
        for i in range(held.size):  # An assignment of slices compiles for three seconds more.
            now[i] = held[i]
        add(now, inputs[t], weights, FOUR, slots)
        rate = rates[min(t, rates.shape[0] - 1)]
        step(values[t], now, rate, rows, how, n_lanes, slots)
        give(now, t, n_steps, outputs, lanes, slots)


@kept_njit(**OUTER)
def active(inputs: Any, channels: Any, sizes: Any) -> Any:
    """Find the last channels of which at most one is not 0 at any step: the rule inputs of tasks.

    Args:
        inputs: ``[T, B, I]``.
        channels: int64 ``[T, B]``, written: the active channel among them, or -1.
        sizes: ``[T, B]``, written: its value, or 0.

    Returns:
        How many there are, and how often the active one changes in a lane.
    """
    n_steps, n_lanes, n_channels = inputs.shape
    first = 0
    for t in range(n_steps):
        for lane in range(n_lanes):
            row = inputs[t, lane]
            last = _last(row, first, n_channels)
            channels[t, lane] = last
            if last >= first:
                first = _last(row, first, last) + 1
    changes = 0
    for t in range(n_steps):
        for lane in range(n_lanes):
            channel = channels[t, lane]
            sizes[t, lane] = inputs[t, lane, channel] if channel >= first else 0
            channels[t, lane] = channel - first if channel >= first else -1
            if t and (
                channels[t, lane] != channels[t - 1, lane] or sizes[t, lane] != sizes[t - 1, lane]
            ):
                changes += 1
    return n_channels - first, changes


@kept_njit(**INNER)
def _last(row: Any, begin: int, end: int) -> int:
    """The last channel of a span that is not 0, or the one before the span."""
    while end - begin >= 16:
        seen = 0
        for channel in range(end - 16, end):  # Without a branch, so that it becomes vectors.
            seen |= np.int32(row[channel] != 0)
        if seen:
            break
        end -= 16
    while end > begin and row[end - 1] == 0:
        end -= 1
    return end - 1


@kept_njit(**OUTER)
def pack_steps(rows: Any, tile: Any, places: Any, slots: Any) -> None:
    """Copy ``[T, lanes, C]`` into ``[T, C * W]``; `places` as in `pack`."""
    for t in range(rows.shape[0]):
        pack(rows[t], tile[t], places, slots)
