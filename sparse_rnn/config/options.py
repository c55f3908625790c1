"""`Options`: options by name as a part of a configuration."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
from pydantic_core import core_schema

from sparse_rnn.errors import InvalidArgument

Scalar = bool | int | float | str


class Options(Mapping[str, Any]):
    """Options by name; frozen, hashable, and the same after a trip through JSON.

    Attributes:
        SETTING: The setting of a configuration that they are.
        PREFIX: What their names begin with in messages.
        NUMBERS: Whether a value may be several numbers, a tuple.

    Args:
        given: The options. Values are numbers, words, or True and False.

    Raises:
        InvalidArgument: `given` is no mapping, or a value is none of these.
    """

    SETTING: ClassVar[str]
    PREFIX: ClassVar[str]
    NUMBERS: ClassVar[bool] = False

    def __init__(self, given: object = ()) -> None:
        if not isinstance(given, Mapping | tuple) or (isinstance(given, tuple) and given):
            raise InvalidArgument(self.SETTING, given, "a mapping from names to values")
        items = cast("Mapping[Any, Any]", given or {}).items()
        self._items = {str(name): self._value(str(name), value) for name, value in items}

    def __getitem__(self, name: str) -> Any:
        """Value of an option."""
        return self._items[name]

    def __iter__(self) -> Iterator[str]:
        """Names of the options."""
        return iter(self._items)

    def __len__(self) -> int:
        """Number of options."""
        return len(self._items)

    def __hash__(self) -> int:
        """Hash of the options, whatever their order."""
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        """As a dict is shown."""
        return repr(self._items)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: Any) -> core_schema.CoreSchema:
        """Read from a mapping, written as one."""
        written = core_schema.plain_serializer_function_ser_schema(dict)
        return core_schema.no_info_plain_validator_function(cls, serialization=written)

    @classmethod
    def _value(cls, name: str, value: object) -> Scalar | tuple[Scalar, ...]:
        if cls.NUMBERS and isinstance(value, list | tuple):
            members = cast("list[object] | tuple[object, ...]", value)
            return tuple(cls._scalar(name, member) for member in members)
        return cls._scalar(name, value)

    @classmethod
    def _scalar(cls, name: str, value: object) -> Scalar:
        argument = f"{cls.PREFIX}.{name}"
        plain: object = value
        if isinstance(value, np.generic):
            plain = value.item()
        elif isinstance(value, Path):
            plain = str(value)
        if not isinstance(plain, bool | int | float | str):
            remedy = "Write a graph to a file and name that." if name == "graph" else ""
            raise InvalidArgument(argument, value, "a number, a word, True or False", remedy)
        if isinstance(plain, float) and not math.isfinite(plain):
            raise InvalidArgument(argument, value, "finite")
        try:
            str(plain).encode()
        except UnicodeEncodeError:  # Such as the name of a file in another encoding.
            raise InvalidArgument(argument, value, "Unicode, which JSON can hold") from None
        return plain


def read_words(kind: type[Options], given: object) -> object:
    """Options as a command line writes them, ``NAME=VALUE,NAME=VALUE``; other values as they are.

    Raises:
        InvalidArgument: It is a text of another kind.
    """
    if not isinstance(given, str):
        return given
    pairs = [part.split("=", 1) for part in given.replace(",", " ").split()]
    if not all(len(pair) == 2 for pair in pairs):
        raise InvalidArgument(kind.SETTING, given, "NAME=VALUE[,...]")
    return {name: _plain(word) for name, word in pairs}


def _plain(word: str) -> object:
    if word.lower() in ("true", "false"):
        return word.lower() == "true"
    try:
        numbers = [float(part) for part in word.split(":")]
    except ValueError:
        return word
    return tuple(numbers) if len(numbers) > 1 else numbers[0]
