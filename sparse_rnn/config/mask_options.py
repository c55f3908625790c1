"""`MaskOptions`: the options of a mask family as part of a configuration."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeGuard, cast

import numpy as np
from pydantic_core import core_schema

from sparse_rnn import masks
from sparse_rnn.errors import InvalidArgument, UnknownKeyword

Scalar = bool | int | float | str


class MaskOptions(Mapping[str, Scalar]):
    """Options by name; frozen, hashable, and the same after a trip through JSON.

    Args:
        given: The options. Values are numbers, words, or True and False.

    Raises:
        InvalidArgument: `given` is no mapping, or a value is none of these.

    Example:
        >>> MaskOptions({"in_degree": 13})
        {'in_degree': 13}
    """

    def __init__(self, given: object = ()) -> None:
        if not isinstance(given, Mapping | tuple) or (isinstance(given, tuple) and given):
            raise InvalidArgument("mask_options", given, "a mapping from names to values")
        items = cast("Mapping[Any, Any]", given or {}).items()
        self._items = {str(name): _scalar(str(name), value) for name, value in items}

    def __getitem__(self, name: str) -> Scalar:
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


def _scalar(name: str, value: object) -> Scalar:
    plain: object = value
    if isinstance(value, np.generic):
        plain = value.item()
    elif isinstance(value, Path):
        plain = str(value)
    if not isinstance(plain, bool | int | float | str):
        remedy = "Write a graph to a file and name that." if name == "graph" else ""
        raise InvalidArgument(f"mask.{name}", value, "a number, a word, True or False", remedy)
    if isinstance(plain, float) and not math.isfinite(plain):
        raise InvalidArgument(f"mask.{name}", value, "finite")
    try:
        str(plain).encode()
    except UnicodeEncodeError:  # Such as the name of a file in another encoding.
        raise InvalidArgument(f"mask.{name}", value, "Unicode, which JSON can hold") from None
    return plain


def _is_number(size: object) -> TypeGuard[str]:
    return isinstance(size, str) and size.strip().isdecimal() and len(size) < 20


def settle(settings: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Give the options of a mask their one place among the settings of a configuration.

    `radius` is a setting of its own, all others are in `mask_options`. A size that is a bare number
    is refused for families that need a sheet.

    Args:
        settings: What a configuration is made from.
        known: All settings that it may have.

    Raises:
        InvalidArgument: An option is given beside `mask_options`, the radius twice, or a bare
            number as the size of a sheet.
    """
    settled = dict(settings)
    for name, value in settings.items():
        families = [] if name in known else masks.takers(name)
        if families:
            remedy = f"Write mask_options={{{name!r}: {value!r}}}."
            allowed = f"in mask_options, as an option of {', '.join(families)} masks"
            raise UnknownKeyword(name, name, allowed, remedy)
    arch, size = settled.get("arch"), settled.get("size")
    if arch in masks.MASKS and (isinstance(size, int) or _is_number(size)):
        masks.check_given_size(str(arch), int(size))
    options = settled.get("mask_options")
    if isinstance(options, Mapping) and "radius" in options:
        rest = dict(cast("Mapping[str, Any]", options))
        radius = rest.pop("radius")
        if settled.get("radius") not in (None, radius):
            raise InvalidArgument("radius", settled["radius"], f"as in mask_options, {radius!r}")
        settled |= {"radius": radius, "mask_options": rest}
    return settled
