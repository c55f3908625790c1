"""Equality of records that hold arrays: by content, as one truth value."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, cast

import numpy as np


class SameContent:
    """Base of dataclasses that hold arrays; the dataclass itself is declared with ``eq=False``.

    Two of one class are equal where all fields are: arrays in shape, dtype and every element, NaN
    being equal to NaN. The hash is that of what is no array, and of the arrays' shapes and dtypes,
    so that it stays when an element is changed.
    """

    def __eq__(self, other: object) -> bool:
        """Whether the other one is of this class and has the same content."""
        if type(other) is not type(self):
            return NotImplemented
        names = [field.name for field in fields(cast("Any", self))]
        return all(_same(getattr(self, name), getattr(other, name)) for name in names)

    def __hash__(self) -> int:
        """The same for records that are equal."""
        values = [getattr(self, field.name) for field in fields(cast("Any", self))]
        return hash((type(self), *map(_hashable, values)))


def _same(one: Any, other: Any) -> bool:
    if not isinstance(one, np.ndarray) or not isinstance(other, np.ndarray):
        # An array and a number are two things, even where the array has one element.
        return isinstance(one, np.ndarray) == isinstance(other, np.ndarray) and bool(one == other)
    nan = one.dtype.kind in "fc"
    return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=nan)


def _hashable(value: Any) -> Any:
    return (value.shape, value.dtype.str) if isinstance(value, np.ndarray) else value
