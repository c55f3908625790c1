"""Inner loops of `sparse_rnn.kernels.cpu.loops`, written as vector instructions; needs numba.

A compiler keeps the sums of such a loop in registers only where it sees that they fit. Here they
are vectors from the start: sums over some units and as many lanes as two registers hold. The lanes
of a tile and the numbers of units and sources are the lengths of tuples, as in `loops`.

No index is checked here; `sparse_rnn.kernels.cpu.loops` does so where NUMBA_BOUNDSCHECK is set.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.registry import cpu_target
from numba.extending import intrinsic

_FUSED = ("contract", "nsz")  # A product and a sum may become one instruction.
_INDEX = ir.IntType(64)


def register_bytes() -> int:
    """Bytes of a vector register of the processor that numba compiles for.

    That is this one, unless NUMBA_CPU_NAME, NUMBA_CPU_FEATURES or NUMBA_ENABLE_AVX says otherwise.
    """
    context: Any = cpu_target.target_context  # A property made by hand, which has no type.
    _, _, listed = context.codegen().magic_tuple()
    features = listed.split(",")
    return 64 if "+avx512f" in features else 32 if "+avx2" in features else 16


class _Vectors:
    """Arithmetic on vectors of a number of lanes, at places of arrays."""

    def __init__(self, builder: Any, number: Any, lanes: int) -> None:
        self.builder, self.number, self.lanes = builder, number, lanes
        self.type = ir.VectorType(number, lanes)
        self.align = 4 if isinstance(number, ir.FloatType) else 8

    def place(self, data: Any, index: Any) -> Any:
        return self.builder.bitcast(self.builder.gep(data, [index]), self.type.as_pointer())

    def load(self, data: Any, index: Any) -> Any:
        return self.builder.load(self.place(data, index), align=self.align)

    def store(self, vector: Any, data: Any, index: Any) -> None:
        self.builder.store(vector, self.place(data, index), align=self.align)

    def splat(self, value: Any) -> Any:
        one = self.builder.insert_element(ir.Constant(self.type, ir.Undefined), value, _index(0))
        return self.shuffle(one, one, [0] * self.lanes)

    def shuffle(self, a: Any, b: Any, lanes: Sequence[int]) -> Any:
        mask = ir.Constant(ir.VectorType(ir.IntType(32), len(lanes)), list(lanes))
        return self.builder.shuffle_vector(a, b, mask)

    def multiply_add(self, total: Any, a: Any, b: Any) -> Any:
        product = self.builder.fmul(a, b, flags=_FUSED)
        return self.builder.fadd(total, product, flags=_FUSED)

    def add(self, a: Any, b: Any) -> Any:
        return self.builder.fadd(a, b, flags=_FUSED)

    def zeros(self) -> Any:
        return ir.Constant(self.type, [0.0] * self.lanes)


def _index(value: int) -> Any:
    return ir.Constant(_INDEX, value)


def _data(context: Any, builder: Any, kind: Any, array: Any) -> Any:
    return context.make_array(kind)(context, builder, array).data


def _loop(
    builder: Any, span: tuple[Any, Any], step: int, totals: list[Any], body: Callable[..., Any]
) -> tuple[Any, list[Any]]:
    """``for i in range(first, stop, step)``, while whole steps fit; `totals` stay in registers.

    Returns:
        The index after the last step, and the totals.
    """
    first, stop = span
    before = builder.block
    head = builder.append_basic_block("head")
    inside = builder.append_basic_block("inside")
    after = builder.append_basic_block("after")
    builder.branch(head)
    builder.position_at_end(head)
    index = builder.phi(_INDEX)
    index.add_incoming(first, before)
    sums = [builder.phi(total.type) for total in totals]
    for phi, total in zip(sums, totals, strict=True):
        phi.add_incoming(total, before)
    end = builder.add(index, _index(step))
    builder.cbranch(builder.icmp_signed("<=", end, stop), inside, after)
    builder.position_at_end(inside)
    results = body(index, list(sums))
    index.add_incoming(end, builder.block)
    for phi, result in zip(sums, results, strict=True):
        phi.add_incoming(result, builder.block)
    builder.branch(head)
    builder.position_at_end(after)
    return index, list(sums)


@intrinsic
def add_products(  # noqa: PLR0913 - what is read and written, and constants
    typing: Any,  # noqa: ARG001 - numba's signature
    into: Any,
    base: Any,
    state: Any,
    synapses: Any,
    span: Any,
    units: Any,
    slots: Any,
) -> Any:
    """Add the products of some sources to neighbouring units.

    ``into[base + u * W + lane] += weight[s * G + u] * state[offsets[s] + lane]``, summed over
    the sources s of a span.

    Args:
        typing: Numba's own.
        into: Where the units are; `base` is the place of the first of them, uint64.
        base: See `into`.
        state: Where the sources are.
        synapses: Offsets of the sources, and weights ``[sources * G]``.
        span: First source and end, int64.
        units: G zeros.
        slots: W zeros.
    """
    signature = types.void(into, base, state, synapses, span, units, slots)

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        number = context.get_data_type(into.dtype)
        size = into.dtype.bitwidth // 8
        width, group = len(slots), len(units)
        lanes = min(width, 2 * register_bytes() // size)
        # A sum takes some cycles: with one unit alone, four of them run side by side.
        chains = 1 if group > 1 else 4
        vectors = _Vectors(builder, number, lanes)
        to = _data(context, builder, into, args[0])
        source = _data(context, builder, state, args[2])
        offsets, weight = (
            _data(context, builder, kind, builder.extract_value(args[3], place))
            for place, kind in enumerate(synapses)
        )
        first, stop = (builder.extract_value(args[4], place) for place in (0, 1))

        def add(edge: Any, block: int, sums: list[Any]) -> list[Any]:
            offset = builder.zext(builder.load(builder.gep(offsets, [edge])), _INDEX)
            values = vectors.load(source, builder.add(offset, _index(block)))
            start = builder.mul(edge, _index(group))
            factors = (
                vectors.splat(builder.load(builder.gep(weight, [builder.add(start, _index(unit))])))
                for unit in range(group)
            )
            return [
                vectors.multiply_add(total, factor, values)
                for total, factor in zip(sums, factors, strict=True)
            ]

        for block in range(0, width, lanes):
            places = [builder.add(args[1], _index(unit * width + block)) for unit in range(group)]
            start = [vectors.load(to, place) for place in places]
            start += [vectors.zeros()] * (group * (chains - 1))

            def several(edge: Any, sums: list[Any], block: int = block) -> list[Any]:
                return [
                    total
                    for chain in range(chains)
                    for total in add(
                        builder.add(edge, _index(chain)),
                        block,
                        sums[chain * group : (chain + 1) * group],
                    )
                ]

            def one(edge: Any, sums: list[Any], block: int = block) -> list[Any]:
                return add(edge, block, sums)

            edge, sums = _loop(builder, (first, stop), chains, start, several)
            while len(sums) > group:
                half = len(sums) // 2
                sums = [vectors.add(a, b) for a, b in zip(sums[:half], sums[half:], strict=True)]
            if chains > 1:
                _, sums = _loop(builder, (edge, stop), 1, sums, one)
            for total, place in zip(sums, places, strict=True):
                vectors.store(total, to, place)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def add_dot_products(  # noqa: PLR0913 - what is read and written, and constants
    typing: Any,  # noqa: ARG001 - numba's signature
    into: Any,
    place: Any,
    delta: Any,
    base: Any,
    state: Any,
    offsets: Any,
    steps: Any,
    units: Any,
    slots: Any,
) -> Any:
    """Add the products of some units and some sources, summed over lanes and steps.

    ``into[place + s * G + u] += delta[base + t * size + u * W + lane] *
    state[offsets[s] + t * size' + lane]``, for G units u and the sources s.

    Args:
        typing: Numba's own.
        into: The gradient of the weights; `place` is that of the first one, uint64.
        place: See `into`.
        delta: Where the units are; `base` is the place of the first one at the first step.
        base: See `delta`.
        state: Where the sources are.
        offsets: Places of the sources at the first step: a tuple of uint64.
        steps: Number of steps, and how far apart they lie in `delta` and in `state`, int64.
        units: G zeros.
        slots: W zeros.
    """
    signature = types.void(into, place, delta, base, state, offsets, steps, units, slots)

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        number = context.get_data_type(into.dtype)
        size = into.dtype.bitwidth // 8
        width, group, n_sources = len(slots), len(units), len(offsets)
        vectors = _Vectors(builder, number, min(width, register_bytes() // size))
        to = _data(context, builder, into, args[0])
        ours, theirs = (
            _data(context, builder, kind, array)
            for kind, array in ((delta, args[2]), (state, args[4]))
        )
        starts = [builder.extract_value(args[5], n) for n in range(n_sources)]
        n_steps, stride, other = (builder.extract_value(args[6], n) for n in range(3))

        def step(t: Any, sums: list[Any]) -> list[Any]:
            here = builder.add(args[3], builder.mul(t, stride))
            there = [builder.add(start, builder.mul(t, other)) for start in starts]
            for block in range(0, width, vectors.lanes):
                deltas = [
                    vectors.load(ours, builder.add(here, _index(unit * width + block)))
                    for unit in range(group)
                ]
                for s, offset in enumerate(there):
                    values = vectors.load(theirs, builder.add(offset, _index(block)))
                    for unit in range(group):
                        n = s * group + unit
                        sums[n] = vectors.multiply_add(sums[n], deltas[unit], values)
            return sums

        zeros = [vectors.zeros()] * (group * n_sources)
        _, sums = _loop(builder, (_index(0), n_steps), 1, zeros, step)
        _add_sums(vectors, sums, to, args[1])
        return context.get_dummy_value()

    return signature, generate


def _add_sums(vectors: _Vectors, sums: list[Any], to: Any, place: Any) -> None:
    """Add up the lanes of each of some vectors, and add these numbers to neighbouring places."""
    for first in range(0, len(sums), vectors.lanes):
        part = sums[first : first + vectors.lanes]
        n_sums = len(part)
        # Neighbouring lanes are added until a lane is left of each; two vectors become one.
        while len(part) > 1:
            part = [_halve(vectors, a, b) for a, b in zip(part[::2], part[1::2], strict=True)]
        (total,) = part
        while total.type.count > n_sums:
            total = _halve(vectors, total)
        ours = _Vectors(vectors.builder, vectors.number, n_sums)
        index = vectors.builder.add(place, _index(first))
        ours.store(vectors.add(ours.load(to, index), total), to, index)


def _halve(vectors: _Vectors, a: Any, b: Any | None = None) -> Any:
    """Add up pairs of neighbouring lanes of a vector, or of two vectors one after the other."""
    lanes = range(0, a.type.count * (1 if b is None else 2), 2)
    b = a if b is None else b
    even = vectors.shuffle(a, b, lanes)
    odd = vectors.shuffle(a, b, [lane + 1 for lane in lanes])
    return vectors.add(even, odd)
