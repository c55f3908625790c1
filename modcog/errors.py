"""Typed errors: each names the argument, the value, what is allowed, and the nearest valid name."""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Iterable


class ModcogError(Exception):
    """Base of every error that `modcog` raises on purpose."""


class InvalidArgument(ModcogError, ValueError):
    """An argument has a value that is not allowed.

    Args:
        argument: Name of the argument as the caller wrote it.
        value: The value that was refused.
        allowed: What is allowed, as a phrase that completes "must be ...".
        remedy: An optional sentence that says what to do instead.

    Attributes:
        argument: Name of the refused argument.
        value: The refused value.
        allowed: The phrase that says what is allowed.
    """

    def __init__(self, argument: str, value: object, allowed: str, remedy: str = "") -> None:
        self.argument = argument
        self.value = value
        self.allowed = allowed
        self.remedy = remedy
        message = f"{argument} must be {allowed}; got {value!r}."
        super().__init__(f"{message} {remedy}" if remedy else message)

    def __reduce__(self) -> tuple[type[InvalidArgument], tuple[str, object, str, str]]:
        """Pickle by the arguments, so that the error crosses process boundaries whole."""
        return type(self), (self.argument, self.value, self.allowed, self.remedy)


class UnknownName(InvalidArgument):
    """A name is not in its table; the message offers the nearest names."""


class ModifierRefused(InvalidArgument):
    """A modifier was asked of a task that cannot take it; the message says why."""


class ExportFailed(ModcogError, OSError):
    """An export could not be written to the end, for example on a full disk."""


class AmbiguousIntervalWarning(UserWarning):
    """The timed intervals of a task span a full turn of the ring: two intervals share an answer."""


def whole_number(
    argument: str, value: object, what: str = "", *, least: int = 1, most: int | None = None
) -> int:
    """Return a whole number as an int.

    Args:
        argument: Name of the argument.
        value: What the caller gave; numpy integers are fine, booleans are not.
        what: What the number counts, such as "trials".
        least: The smallest number allowed.
        most: The largest number allowed; None for no limit.

    Raises:
        InvalidArgument: Not a whole number, below `least` or above `most`.
    """
    counted = f"a whole number of {what}" if what else "a whole number"
    is_bool = isinstance(value, bool) or str(getattr(value, "dtype", "")) == "bool"
    try:
        number = least - 1 if is_bool else operator.index(value)  # type: ignore[arg-type]
    except TypeError:  # the exception is the check
        number = least - 1
    if number < least:
        raise InvalidArgument(argument, value, f"{counted}, at least {least}")
    if most is not None and number > most:
        raise InvalidArgument(argument, value, f"{counted}, at most {most}")
    return number


def real_number(argument: str, value: object, allowed: str) -> float:
    """Return a finite number as a float.

    Args:
        argument: Name of the argument.
        value: What the caller gave; numpy numbers are fine, booleans and text are not.
        allowed: What is allowed, for the message.

    Raises:
        InvalidArgument: Not a number, or not finite.
    """
    # numpy registers its scalars, but not its booleans, as `numbers.Real`.
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise InvalidArgument(argument, value, allowed)
    try:
        number = float(value)
    except OverflowError:  # a whole number that no float holds
        number = math.inf
    if not math.isfinite(number):
        raise InvalidArgument(argument, value, allowed)
    return number


def unknown_name(argument: str, value: object, known: Iterable[str], what: str) -> UnknownName:
    """Build the error for a name that is not in a table.

    Args:
        argument: Name of the argument.
        value: What the caller gave.
        known: The valid names.
        what: What the names stand for, with its article, such as "a task".

    Returns:
        The error, with the closest valid names in its message; raise it.
    """
    import difflib  # here, because only an error needs it

    names = list(known)
    folded = {name.lower(): name for name in names}
    near = difflib.get_close_matches(str(value).lower(), folded, n=3, cutoff=0.6)
    if near:
        remedy = "Did you mean " + " or ".join(folded[name] for name in near) + "?"
    elif len(names) <= 24:
        remedy = "Known names: " + ", ".join(names) + "."
    else:
        remedy = f"Known names: {', '.join(names[:8])}, ... ({len(names)} in all)."
    return UnknownName(argument, value, f"the name of {what}", remedy)
