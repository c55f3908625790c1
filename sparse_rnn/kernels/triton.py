"""Triton kernels of `cuda`: sums over the synapses of a unit, and over time and lanes of a synapse.

States lie as ``[N, B]``, lane after lane, so that the threads of a block read neighbouring numbers.
Rows may have any number of synapses: a block takes as many as fit, the last one under a mask.
Importing this module needs triton.
"""

# pyright: reportMissingImports=false, reportUntypedFunctionDecorator=false
# pyright: reportUnknownParameterType=false, reportInvalidTypeForm=false
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any

import triton
import triton.language as tl


@triton.jit
def add_products(  # noqa: PLR0913 - what is read, what is written, and two constants
    out: Any,
    add: Any,
    state: Any,
    pointers: Any,
    sources: Any,
    weight: Any,
    n_lanes: Any,
    synapses: tl.constexpr,
    lanes: tl.constexpr,
) -> None:
    """``out[unit] = add[unit] + sum of weight[edge] * state[sources[edge]]`` for all lanes.

    Program (unit, block of lanes). `out`, `add` and `state` are ``[N, B]``.
    """
    unit = tl.program_id(0)
    lane = tl.program_id(1) * lanes + tl.arange(0, lanes)
    there = lane < n_lanes
    place = unit.to(tl.int64) * n_lanes + lane
    total = tl.load(add + place, mask=there, other=0.0)
    first = tl.load(pointers + unit)
    stop = tl.load(pointers + unit + 1)
    for start in range(first, stop, synapses):
        edge = start + tl.arange(0, synapses)
        exists = edge < stop
        source = tl.load(sources + edge, mask=exists, other=0)
        factor = tl.load(weight + edge, mask=exists, other=0.0)
        values = tl.load(
            state + source[:, None] * n_lanes + lane[None, :],
            mask=exists[:, None] & there[None, :],
            other=0.0,
        )
        total += tl.sum(factor[:, None] * values, axis=0)
    tl.store(out + place, total, mask=there)


@triton.jit
def sum_products(  # noqa: PLR0913 - what is read, what is written, and two constants
    out: Any,
    deltas: Any,
    states: Any,
    targets: Any,
    sources: Any,
    sizes: Any,
    synapses: tl.constexpr,
    lanes: tl.constexpr,
) -> None:
    """``out[edge] = sum over steps and lanes of deltas[targets[edge]] * states[sources[edge]]``.

    Program (block of edges). `deltas` and `states` are ``[T, N, B]``; `sizes` holds T, N, B and the
    number of edges.
    """
    n_steps, n_units = tl.load(sizes), tl.load(sizes + 1)
    n_lanes, n_edges = tl.load(sizes + 2), tl.load(sizes + 3)
    edge = tl.program_id(0) * synapses + tl.arange(0, synapses)
    exists = edge < n_edges
    target = tl.load(targets + edge, mask=exists, other=0)
    source = tl.load(sources + edge, mask=exists, other=0)
    total = tl.zeros((synapses,), out.dtype.element_ty)
    for _ in range(n_steps):
        for first in range(0, n_lanes, lanes):
            lane = first + tl.arange(0, lanes)
            mask = exists[:, None] & (lane < n_lanes)[None, :]
            delta = tl.load(
                deltas + target[:, None] * n_lanes + lane[None, :], mask=mask, other=0.0
            )
            state = tl.load(
                states + source[:, None] * n_lanes + lane[None, :], mask=mask, other=0.0
            )
            total += tl.sum(delta * state, axis=1)
        deltas += n_units * n_lanes
        states += n_units * n_lanes
    tl.store(out + edge, total, mask=exists)
