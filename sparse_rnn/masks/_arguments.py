"""Checks of the arguments that mask families share, beside their sizes."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from sparse_rnn.errors import InvalidArgument

SelfConnections = Literal["random", "never", "always"]
"""Whether units have a synapse onto themselves: drawn as any other, never, or always."""


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
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise InvalidArgument(argument, value, bound)
    if not math.isfinite(value) or not lowest <= value <= highest:
        raise InvalidArgument(argument, value, bound)
    return int(value) if value == int(value) else float(value)


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


def self_rule(value: object) -> str:
    """Check the option `self_connections`."""
    return choice("self_connections", value, ("random", "never", "always"))


def flag(argument: str, value: object) -> bool:
    """Return True or False.

    Raises:
        InvalidArgument: It is neither.
    """
    if not isinstance(value, bool | np.bool_):
        raise InvalidArgument(argument, value, "True or False")
    return bool(value)
