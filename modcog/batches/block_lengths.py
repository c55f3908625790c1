"""How many trials of one rule follow each other in a lane."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from modcog.errors import InvalidArgument, known_name, real_number, whole_number
from modcog.system.limits import TRIALS

_Uniform = NDArray[np.float64]


class BlockLength(NamedTuple):
    """The distribution of the number of trials of a block.

    Attributes:
        kind: A name of `DISTRIBUTIONS`.
        values: Its parameters.
    """

    kind: str
    values: tuple[float, ...]

    def draw(self, uniform: _Uniform) -> NDArray[np.int64]:
        """Numbers of trials from uniform numbers in [0, 1), both ``[n]``."""
        return DISTRIBUTIONS[self.kind](uniform, self.values)

    def record(self) -> Any:
        """In JSON types, as `block_length` takes it."""
        if self.kind in ("fixed", "geometric"):
            return self.values[0] if self.kind == "fixed" else [self.kind, self.values[0]]
        return [self.kind, list(self.values)]


def _fixed(uniform: _Uniform, values: Sequence[float]) -> NDArray[np.int64]:
    return np.full(len(uniform), values[0], dtype=np.int64)


def _whole_numbers(uniform: _Uniform, values: Sequence[float]) -> NDArray[np.int64]:
    low, high = values
    return (low + np.floor(uniform * (high - low + 1))).astype(np.int64)


def _choice(uniform: _Uniform, values: Sequence[float]) -> NDArray[np.int64]:
    return np.array(values, dtype=np.int64)[(uniform * len(values)).astype(np.int64)]


def _geometric(uniform: _Uniform, values: Sequence[float]) -> NDArray[np.int64]:
    (mean,) = values
    if mean == 1:
        return np.ones(len(uniform), dtype=np.int64)
    # Rounded, since the last bits of a logarithm depend on the machine.
    periods = np.round(np.log1p(-uniform) / np.log1p(-1 / mean), 9)
    return 1 + np.floor(periods).astype(np.int64)


DISTRIBUTIONS: Mapping[str, Callable[[_Uniform, Sequence[float]], NDArray[np.int64]]] = (
    MappingProxyType(
        {
            "fixed": _fixed,
            "uniform": _whole_numbers,
            "choice": _choice,
            "geometric": _geometric,
        }
    )
)
"""From uniform numbers and parameters to numbers of trials."""


def block_length(value: object) -> BlockLength:
    """Bring the length of blocks into its one frozen form.

    Args:
        value: A number of trials, ``("uniform", (low, high))`` with both ends included,
            ``("choice", [a, b, ...])`` or ``("geometric", mean)``.

    Raises:
        InvalidArgument: It is of another kind, or has a number that is out of range.
        UnknownName: The distribution's name is not known.

    Example:
        >>> block_length(("uniform", [2, 5])).draw(np.array([0.0, 0.3, 0.99]))
        array([2, 3, 5])
    """
    if not isinstance(value, tuple | list):
        return BlockLength("fixed", (_trials(value),))
    items = cast("Sequence[Any]", value)
    kind = items[0] if items else None
    named = [name for name in DISTRIBUTIONS if name != "fixed"]
    kind = known_name("length", kind, named, "a distribution of the trials of a block")
    if len(items) != 2:
        raise InvalidArgument("length", value, f"a pair ({kind!r}, parameters)")
    given = items[1]
    if kind == "geometric":
        mean = real_number("length", given, "a mean number of trials, at least 1")
        if not 1 <= mean <= TRIALS:
            raise InvalidArgument("length", mean, f"a mean from 1 to {TRIALS} trials")
        return BlockLength(kind, (mean,))
    listed = given.tolist() if isinstance(given, np.ndarray) else given
    if not isinstance(listed, tuple | list) or not listed:
        raise InvalidArgument("length", value, f"({kind!r}, a list of numbers of trials)")
    values = tuple(_trials(number) for number in cast("Sequence[object]", listed))
    if kind == "uniform" and (len(values) != 2 or values[0] > values[1]):
        raise InvalidArgument("length", value, "('uniform', (low, high)) with low <= high")
    return BlockLength(kind, values)


def _trials(value: object) -> int:
    return whole_number("length", value, "trials of a block", most=TRIALS)
