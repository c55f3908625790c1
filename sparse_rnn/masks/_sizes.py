"""Checks of the arguments that mask families share."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import cast

import numpy as np
from numpy.typing import NDArray

from sparse_rnn.errors import InvalidArgument

Size = int | Sequence[int]
"""A number of units, or the side lengths of a sheet of units."""

MAX_UNITS = 2**24
"""Most units of a mask."""

MAX_SYNAPSES = 2**30
"""Most synapses of a mask: their numbers take 4 GiB, and drawing them three times as much."""


def check_size(argument: str, size: object) -> tuple[int, ...]:
    """Return a size as a tuple of side lengths.

    Args:
        argument: Name for the error message.
        size: A number of units, or side lengths.

    Raises:
        InvalidArgument: `size` is empty, or a side is not a whole number of at least 1.

    Example:
        >>> from sparse_rnn.masks import check_size
        >>> check_size("size", 400), check_size("size", [20, 20])
        ((400,), (20, 20))
    """
    sides = tuple(cast("Sequence[object]", size)) if isinstance(size, Sequence) else (size,)
    allowed = "a whole number of at least 1, or one such number for each side of a sheet"
    if isinstance(size, str | bytes) or not sides:
        raise InvalidArgument(argument, size, allowed)
    checked: list[int] = []
    for side in sides:
        if isinstance(side, bool) or not isinstance(side, int | np.integer) or side < 1:
            raise InvalidArgument(argument, size, allowed)
        checked.append(int(side))
    if math.prod(checked) > MAX_UNITS:
        raise InvalidArgument(argument, size, f"at most {MAX_UNITS} units in all")
    return tuple(checked)


def check_sheet(argument: str, size: object) -> tuple[int, ...]:
    """Return the side lengths of a sheet, for a mask in which places count.

    A bare number is refused: 400 is one slip from 20 x 20, and would be a ring of 400 units.

    Raises:
        InvalidArgument: `size` is a number, or as for `check_size`.

    Example:
        >>> from sparse_rnn.masks import check_sheet
        >>> check_sheet("shape", (20, 20)), check_sheet("shape", (400,))
        ((20, 20), (400,))
    """
    sides = check_size(argument, size)
    if not isinstance(size, Sequence):
        n_units = sides[0]
        root = next(side for side in range(math.isqrt(n_units), 0, -1) if n_units % side == 0)
        square = f"({root}, {n_units // root}) or {root}x{n_units // root} for a sheet, "
        remedy = f"Write {square if root > 1 else ''}({n_units},) or {n_units}x1 for a ring."
        raise InvalidArgument(argument, size, "the sides of a sheet", remedy)
    return sides


class NotBuilt(Exception):
    """A mask that was to be checked alone has passed; ends the function of its family.

    Attributes:
        n_synapses: Its synapses, or about as many.
    """

    def __init__(self, n_synapses: int) -> None:
        super().__init__(n_synapses)
        self.n_synapses = n_synapses


_BUILT: ContextVar[int] = ContextVar("_BUILT", default=MAX_SYNAPSES)


@contextmanager
def built_up_to(n_synapses: int) -> Generator[None]:
    """Let no mask of more synapses than this be built: `check_counts` raises `NotBuilt` instead."""
    token = _BUILT.set(n_synapses)
    try:
        yield
    finally:
        _BUILT.reset(token)


def check_counts(argument: str, n_units: int, n_synapses: int) -> None:
    """Refuse a mask that is too large to be built, before anything is allocated for it.

    Families call it once all other options are checked: what is only checked goes no further.

    Args:
        argument: Name of the argument that makes it so large.
        n_units: Its units.
        n_synapses: Its synapses, or about as many.

    Raises:
        InvalidArgument: There are more than `MAX_UNITS` or `MAX_SYNAPSES`.
        NotBuilt: There are more than `built_up_to` allows.
    """
    if n_units > MAX_UNITS:
        raise InvalidArgument(argument, f"{n_units} units", f"at most {MAX_UNITS} units in all")
    if n_synapses > MAX_SYNAPSES:
        allowed = f"such that there are at most {MAX_SYNAPSES} synapses"
        raise InvalidArgument(argument, f"{n_synapses} synapses", allowed)
    if n_synapses > _BUILT.get():
        raise NotBuilt(n_synapses)


def sheet_coords(sides: tuple[int, ...]) -> NDArray[np.float64]:
    """Positions of the units of a sheet, the last side varying fastest; float64 ``[N, sides]``."""
    grid = np.indices(sides, dtype=np.float64)
    return grid.reshape(len(sides), -1).T
