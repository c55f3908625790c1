"""Names of what a configuration cannot hold: a function of the caller's, as ``own:NAME``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, cast

from sparse_rnn.errors import InvalidArgument, unknown_name

_PREFIX = "own:"
_NAME = re.compile(r"[A-Za-z][\w.-]{0,63}")
_ALLOWED = "a function, or a pair of a name and a function"


def is_own(name: str | None) -> bool:
    """Whether a setting names a function of the caller's."""
    return name is not None and name.startswith(_PREFIX)


def own_name(value: str) -> str:
    """What the caller called it."""
    return value.removeprefix(_PREFIX)


def check_name(setting: str, value: str, known: Any, what: str) -> None:
    """Refuse a name that is in no table and is none of the caller's either.

    Args:
        setting: The setting.
        value: Its value.
        known: The names in the table.
        what: What they stand for, with its article.

    Raises:
        UnknownName: It is neither.
    """
    own = is_own(value) and _NAME.fullmatch(own_name(value))
    if value not in known and not own:
        raise unknown_name(setting, value, known, what)


def named(argument: str, given: object) -> tuple[str, Callable[..., Any]]:
    """Read a function of the caller's, and what it is called in a configuration.

    A function or class that was defined under a name has it; a lambda or a partial has none, and
    is ``own:unnamed``, or what a pair of a name and the function says.

    Args:
        argument: Name of the argument.
        given: The function, or such a pair.

    Returns:
        The name with its prefix, and the function.

    Raises:
        InvalidArgument: It is neither, or the name is none.

    Example:
        >>> named("objective", max)[0], named("objective", ("huber", lambda: 0))[0]
        ('own:max', 'own:huber')
    """
    name, function = paired(argument, given, "__name__", _ALLOWED)
    if not callable(function):
        raise InvalidArgument(argument, given, _ALLOWED)
    return name, function


def paired(argument: str, given: object, attribute: str, allowed: str) -> tuple[str, object]:
    """Read something of the caller's, and what it is called in a configuration.

    Args:
        argument: Name of the argument.
        given: The thing, or a pair of a name and the thing.
        attribute: Where it says its name, if it has one.
        allowed: What it may be, as a phrase that completes "must be ...".

    Returns:
        The name with its prefix, and the thing.

    Raises:
        InvalidArgument: It is a tuple and no such pair, or the name is none.
    """
    if not isinstance(given, tuple):
        known = getattr(given, attribute, None)
        known = known if isinstance(known, str) and _NAME.fullmatch(known) else UNNAMED
        return f"{_PREFIX}{known}", given
    pair = cast("tuple[object, ...]", given)
    if len(pair) != 2:
        raise InvalidArgument(argument, pair, allowed)
    check_own(f"{argument}'s name", pair[0])
    return f"{_PREFIX}{pair[0]}", pair[1]


def check_own(argument: str, name: object) -> str:
    """Return a name that something of the caller's can have.

    Raises:
        InvalidArgument: It is none.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        allowed = "letters, digits and _ . - after a letter, at most 64 of them"
        raise InvalidArgument(argument, name, allowed)
    return name


UNNAMED = "unnamed"
"""Name of a function without one: no folder can be told what it is."""


def is_unnamed(name: str | None) -> bool:
    """Whether a setting is about a function without a name."""
    return name == f"{_PREFIX}{UNNAMED}"
