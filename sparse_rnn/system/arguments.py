"""Checks of the arguments that callers give: each returns the value, or refuses it by its name.

Python takes True for 1, NaN for a number that is neither small nor large, and "no" for a truth
value that holds. Whatever would go on in silence with one of these asks here first.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from sparse_rnn.errors import InvalidArgument

KindT = TypeVar("KindT")


def whole(argument: str, value: object, lowest: int, highest: int | None = None) -> int:
    """Return a whole number in a range.

    Args:
        argument: Name for the error message.
        value: What the caller gave.
        lowest: The smallest that is allowed.
        highest: The largest that is allowed, or None.

    Raises:
        InvalidArgument: It is no whole number in that range.

    Example:
        >>> whole("in_degree", 3, 1, 5)
        3
    """
    bound = f"of at least {lowest}" if highest is None else f"from {lowest} to {highest}"
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise InvalidArgument(argument, value, f"a whole number {bound}")
    if value < lowest or (highest is not None and value > highest):
        raise InvalidArgument(argument, value, f"a whole number {bound}")
    return int(value)


def finite(
    argument: str,
    value: object,
    allowed: str,
    *,
    above: float = -math.inf,
    least: float = -math.inf,
    most: float = math.inf,
) -> float:
    """Return a finite number in a range, as it was given.

    Args:
        argument: Name for the error message.
        value: What the caller gave; numbers of numpy are fine, True and text are not.
        allowed: What is allowed, as a phrase that completes "must be ...".
        above: It is larger than this.
        least: It is at least this.
        most: It is at most this.

    Raises:
        InvalidArgument: It is no finite number in that range.

    Example:
        >>> finite("dt", 20, "a number of ms above 0", above=0)
        20
    """
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise InvalidArgument(argument, value, allowed)
    inside = above < value and least <= value <= most
    if not (inside and -math.inf < value < math.inf):
        raise InvalidArgument(argument, value, allowed)
    return value  # pyright: ignore[reportReturnType] - a number of numpy is one


def real(argument: str, value: object, lowest: float, highest: float = math.inf) -> float:
    """Return a finite number in a range, whole ones as int.

    Args:
        argument: Name for the error message.
        value: What the caller gave.
        lowest: The smallest that is allowed.
        highest: The largest that is allowed.

    Raises:
        InvalidArgument: It is no finite number in that range.

    Example:
        >>> real("p_in", 1.0, 0, 1)
        1
    """
    known = math.isfinite(highest)
    bound = f"a number from {lowest:g} to {highest:g}" if known else f"a number >= {lowest:g}"
    number = finite(argument, value, bound, least=lowest, most=highest)
    return int(number) if number == int(number) else float(number)


def choice(argument: str, value: object, allowed: Sequence[str]) -> str:
    """Return a word that is one of a few.

    Raises:
        InvalidArgument: It is none of them; the message offers the nearest.

    Example:
        >>> choice("self_connections", "never", ("random", "never"))
        'never'
    """
    if not isinstance(value, str) or value not in allowed:
        near = difflib.get_close_matches(str(value).lower(), allowed, n=1)
        remedy = f"Did you mean {near[0]!r}?" if near else ""
        raise InvalidArgument(argument, value, " or ".join(map(repr, allowed)), remedy)
    return value


def flag(argument: str, value: object) -> bool:
    """Return True or False.

    Raises:
        InvalidArgument: It is neither.
    """
    if not isinstance(value, bool | np.bool_):
        raise InvalidArgument(argument, value, "True or False")
    return bool(value)


def instance(argument: str, value: object, kind: type[KindT]) -> KindT:
    """Return an object of a class.

    Raises:
        InvalidArgument: It is of another one.
    """
    if not isinstance(value, kind):
        root = kind.__module__.partition(".")[0]
        whose = "" if root in ("builtins", "collections") else f" of {root}"
        raise InvalidArgument(argument, value, f"a {kind.__name__}{whose}")
    return value
