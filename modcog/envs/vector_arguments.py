"""What a vector environment is given for its lanes, checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
from gymnasium.utils import seeding
from numpy.typing import ArrayLike, NDArray

from modcog.errors import InvalidArgument, whole_number


def generators_of(
    seed: int | Sequence[int | None] | None, n_lanes: int
) -> dict[int, np.random.Generator]:
    """New generators of the lanes that get a seed.

    Raises:
        InvalidArgument: `seed` is neither a seed, nor a list of one a lane.
    """
    if seed is None:
        return {}
    seeds, given = seed, cast("object", seed)
    if isinstance(seeds, int | np.integer):
        first = whole_number("seed", seeds, least=0)
        seeds = range(first, first + n_lanes)
    elif not isinstance(given, Sequence | np.ndarray) or isinstance(given, str):
        raise InvalidArgument("seed", seed, f"a whole number, or a list of {n_lanes}, one a lane")
    elif len(seeds) != n_lanes:
        allowed = f"one seed, or a list of {n_lanes}, one a lane"
        raise InvalidArgument("seed", f"a list of {len(seeds)}", allowed)
    return {
        lane: seeding.np_random(whole_number("seed", number, least=0))[0]
        for lane, number in enumerate(seeds)
        if number is not None
    }


def lanes_of(mask: object, n_lanes: int) -> NDArray[np.int64]:
    """The lanes that a reset is asked for.

    Raises:
        InvalidArgument: `mask` is not so many truth values, or none of them is True.
    """
    lanes = np.asarray(mask)
    if lanes.dtype != np.bool_ or lanes.shape != (n_lanes,) or not lanes.any():
        allowed = f"{n_lanes} truth values, one a lane, and not all of them False"
        raise InvalidArgument("options['reset_mask']", mask, allowed)
    return np.flatnonzero(lanes)


def actions_of(actions: ArrayLike, n_lanes: int, highest: int) -> NDArray[np.int64]:
    """The actions of all lanes, int64 ``[lanes]``.

    Raises:
        InvalidArgument: They are not so many whole numbers from 0 to `highest`.
    """
    action = np.asarray(actions)
    if action.dtype.kind not in "iu" or action.shape != (n_lanes,):
        found = f"{action.dtype} {list(action.shape)}"
        allowed = f"{n_lanes} whole numbers in [0, {highest}], one a lane"
        raise InvalidArgument("actions", found, allowed)
    if action.min() < 0 or action.max() > highest:
        found = f"numbers from {action.min()} to {action.max()}"
        raise InvalidArgument("actions", found, f"whole numbers in [0, {highest}]")
    return action.astype(np.int64, copy=False)
