"""Checks of the arguments that mask families share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from sparse_rnn.errors import InvalidArgument

Size = int | Sequence[int]
"""A number of units, or the side lengths of a sheet of units."""


def check_size(argument: str, size: object) -> tuple[int, ...]:
    """Return a size as a tuple of side lengths.

    Args:
        argument: Name for the error message.
        size: A number of units, or side lengths.

    Raises:
        InvalidArgument: `size` is empty, or a side is not a whole number of at least 1.

    Example:
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
    if math.prod(checked) > np.iinfo(np.int32).max:
        raise InvalidArgument(argument, size, "at most 2**31 - 1 units in all")
    return tuple(checked)


def sheet_coords(sides: tuple[int, ...]) -> NDArray[np.float64]:
    """Positions of the units of a sheet, the last side varying fastest; float64 ``[N, sides]``."""
    grid = np.indices(sides, dtype=np.float64)
    return grid.reshape(len(sides), -1).T
