"""What ``torch.nn.RNN`` takes beside a batch of equally long sequences: one alone, and packed ones.

Packed sequences are not padded here: they are computed in runs of steps at which equally many of
them go on, so that no step is computed that does not exist.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from operator import itemgetter
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from sparse_rnn.errors import InvalidArgument


def each(state: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """A state changed: a tensor, or each of a pair."""
    return tuple(change(one) for one in state) if isinstance(state, tuple) else change(state)


def with_lane(h0: Any, n_units: int) -> Any:
    """The state before one sequence alone, ``[1, N]``, with the axis of lanes; or a pair of them.

    What is no such state stays as it is, and is refused where all of them are checked.

    Raises:
        InvalidArgument: A shape is wrong.
    """

    def wider(name: str, state: Any) -> Any:
        if not isinstance(state, Tensor):
            return state
        if tuple(state.shape) != (1, n_units):
            allowed = f"of shape {[1, n_units]} for a sequence without a batch axis"
            raise InvalidArgument(name, list(state.shape), allowed)
        return state[:, None]

    if isinstance(h0, tuple | list) and len(h0) == 2:
        return tuple(wider(*pair) for pair in zip(("h0", "c0"), h0, strict=True))
    return wider("h0", h0)


def over_packed(
    run: Callable[[Tensor, Any], tuple[Tensor, Any]], packed: PackedSequence, first: Any
) -> tuple[PackedSequence, Any]:
    """Run a layer over packed sequences.

    Args:
        run: Of steps ``[T, B, I]`` and the state before them ``[B, N]`` the states after each step
            ``[T, B, N]``, and the last state ``[1, B, N]``. A state may be a pair.
        packed: The sequences.
        first: The state before them ``[B, N]``, in the order that they were packed from.

    Returns:
        The states after each step, packed alike, and the last state of each sequence
        ``[1, B, N]``, in the order that they were packed from.
    """
    data, sizes, order, back = packed
    state = first if order is None else each(first, lambda one: one.index_select(0, order))
    outputs: list[Tensor] = []
    # The longest sequence comes first, so those that end are the last ones.
    ended: list[Any] = []
    start = 0
    for n_lanes, steps in groupby(sizes.tolist()):
        stop = start + n_lanes * len(list(steps))
        ended.insert(0, each(state, itemgetter(slice(n_lanes, None))))
        part = data[start:stop].unflatten(0, (-1, n_lanes))
        states, last = run(part, each(state, itemgetter(slice(n_lanes))))
        outputs.append(states.flatten(0, 1))
        state = each(last, lambda one: one[0])
        start = stop
    ended.insert(0, state)
    pairs = isinstance(state, tuple)
    last = tuple(map(torch.cat, zip(*ended, strict=True))) if pairs else torch.cat(ended)
    if back is not None:
        last = each(last, lambda one: one.index_select(0, back))
    return PackedSequence(torch.cat(outputs), sizes, order, back), each(last, lambda one: one[None])
