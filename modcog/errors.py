"""Typed errors: each names the argument, the value, what is allowed, and the nearest valid name."""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Collection, Iterable, Mapping
from typing import Any, ClassVar, TypeVar

T = TypeVar("T")


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

    _got: ClassVar[str] = "got"

    def __init__(self, argument: str, value: object, allowed: str, remedy: str = "") -> None:
        self.argument = argument
        self.value = value
        self.allowed = allowed
        self.remedy = remedy
        message = f"{argument} must be {allowed}; {self._got} {value!r}."
        super().__init__(f"{message} {remedy}" if remedy else message)

    def __reduce__(self) -> tuple[type[InvalidArgument], tuple[str, object, str, str]]:
        """Pickle by the arguments, so that the error crosses process boundaries whole."""
        return type(self), (self.argument, self.value, self.allowed, self.remedy)


class UnknownName(InvalidArgument):
    """A name is not in its table; the message offers the nearest names."""


class UnknownKeyword(UnknownName, TypeError):
    """A keyword argument has a name that is not known.

    A `TypeError` in the words of Python's own calls as well, since callers probe for that: they
    try a keyword and go without it where it is "an unexpected keyword argument".

    Args:
        argument: What the keyword would be, such as "setting"; or the whole message, where nothing
            follows it, as gymnasium makes a `TypeError` anew from a text.
        value: The keyword that was given.
        allowed: What is allowed, as a phrase that completes "must be ...".
        remedy: An optional sentence that says what to do instead.
    """

    _got: ClassVar[str] = "got an unexpected keyword argument"

    def __init__(
        self, argument: str, value: object = None, allowed: str | None = None, remedy: str = ""
    ) -> None:
        super().__init__(argument, value, allowed or "", remedy)
        if allowed is None:
            self.args = (argument,)

    def __reduce__(self) -> tuple[type[Any], tuple[Any, ...]]:
        """Pickle by the arguments, or by the whole message where it came alone."""
        return super().__reduce__() if self.allowed else (type(self), (self.argument,))


class ModifierRefused(InvalidArgument):
    """A modifier was asked of a task that cannot take it; the message says why."""


class ExportFailed(ModcogError, OSError):
    """An export could not be written to the end, for example on a full disk."""


class ForkedPrefetch(ModcogError, RuntimeError):
    """Batches were asked of a `Prefetch` in a process forked from the one that draws them.

    Args:
        process: Number of the process that draws them.
    """

    def __init__(self, process: int) -> None:
        self.process = process
        super().__init__(
            f"The thread that draws these batches is in process {process}, from which this one "
            "was forked. Make a Prefetch in each process, after the fork."
        )

    def __reduce__(self) -> tuple[type[ForkedPrefetch], tuple[int]]:
        """Pickle by the argument."""
        return type(self), (self.process,)


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
        number = least - 1 if is_bool else operator.index(value)  # type: ignore[arg-type] - or it raises
    except TypeError:  # the exception is the check
        number = least - 1
    if number < least:
        raise InvalidArgument(argument, value, f"{counted}, at least {least}")
    if most is not None and number > most:
        raise InvalidArgument(argument, value, f"{counted}, at most {most}")
    return number


def truth_value(argument: str, value: object) -> bool:
    """Return a truth value as a bool.

    Raises:
        InvalidArgument: It is neither True nor False, of Python or numpy.
    """
    if isinstance(value, bool):
        return value
    if str(getattr(value, "dtype", "")) == "bool" and getattr(value, "shape", None) == ():
        return bool(value)
    raise InvalidArgument(argument, value, "True or False")


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


def mapping(argument: str, value: object, allowed: str) -> Mapping[Any, Any]:
    """Return a mapping, or an empty one for None.

    Args:
        argument: Name of the argument.
        value: What the caller gave.
        allowed: What is allowed, such as "a mapping of name -> number".

    Raises:
        InvalidArgument: It is something else, be it empty.
    """
    if value is None:
        return {}
    return instance(argument, value, Mapping, allowed)


def instance(argument: str, value: object, kind: type[T], allowed: str) -> T:
    """Return an object that is of a kind.

    Raises:
        InvalidArgument: It is of another kind.
    """
    if not isinstance(value, kind):
        raise InvalidArgument(argument, value, allowed)
    return value


def known_name(argument: str, value: object, known: Collection[str], what: str) -> str:
    """Return a name that is in a table.

    Args:
        argument: Name of the argument.
        value: What the caller gave, of any kind.
        known: The table.
        what: What its names stand for, with its article, such as "a task".

    Raises:
        UnknownName: It is not there; the message has the closest names.
    """
    if not isinstance(value, str) or value not in known:
        raise unknown_name(argument, value, known, what)
    return value


def unknown_name(
    argument: str, value: object, known: Iterable[str], what: str, remedy: str = ""
) -> UnknownName:
    """Build the error for a name that is not in a table.

    Args:
        argument: Name of the argument.
        value: What the caller gave.
        known: The valid names.
        what: What the names stand for, with its article, such as "a task".
        remedy: What else to do, said after the names.

    Returns:
        The error, with the closest valid names in its message; raise it.
    """
    told = " ".join(filter(None, (_nearest(value, known), remedy)))
    return UnknownName(argument, value, f"the name of {what}", told)


def unknown_keyword(
    argument: str, keyword: str, known: Iterable[str], what: str, remedy: str = ""
) -> UnknownKeyword:
    """Build the error for a keyword argument that nothing here takes: the one gate for those.

    Args:
        argument: What the keyword would be, such as "setting".
        keyword: The keyword that was given.
        known: The keywords that there are.
        what: What they stand for, with its article, such as "a setting of DlyGo".
        remedy: What to do instead; by default the nearest of `known`.

    Returns:
        The error; raise it.
    """
    allowed = f"the name of {what}"
    return UnknownKeyword(argument, keyword, allowed, remedy or _nearest(keyword, known))


def _nearest(value: object, known: Iterable[str]) -> str:
    """A sentence with the names nearest to a value, or with those that there are."""
    import difflib  # here, because only an error needs it

    names = list(known)
    folded = {name.lower(): name for name in names}
    near = difflib.get_close_matches(str(value).lower(), folded, n=3, cutoff=0.6)
    if near:
        return "Did you mean " + " or ".join(folded[name] for name in near) + "?"
    if len(names) <= 24:
        return "Known names: " + ", ".join(names) + "."
    return f"Known names: {', '.join(names[:8])}, ... ({len(names)} in all)."
