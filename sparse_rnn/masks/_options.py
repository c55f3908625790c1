"""What a mask family takes, read from its function, for configurations and commands."""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

_WRITABLE = (bool, int, float, str)


@dataclass(frozen=True)
class Option:
    """An option of a mask family.

    Attributes:
        name: Its name.
        required: Whether it must be given.
        default: What it is if it is not given; None where it must be.
        kinds: Its types that can be written in JSON and on a command line: `bool`, `int`, `float`,
            `str` and a `Literal`. Empty for an option that only Python can give.
        about: What it means, from the docstring of the family.
    """

    name: str
    required: bool
    default: Any
    kinds: tuple[Any, ...]
    about: str


def size_argument(function: Callable[..., object]) -> str:
    """Name of the argument that is the size: `size`, or else the first."""
    names = list(inspect.signature(function).parameters)
    return "size" if "size" in names else names[0]


def takes_sheet(function: Callable[..., object]) -> bool:
    """Whether the size of a family is the sides of a sheet, so that it is called `shape`."""
    return size_argument(function) == "shape"


@cache
def read_options(function: Callable[..., object]) -> Mapping[str, Option]:
    """Options of a family in order, by name."""
    hints = get_type_hints(function)
    texts = _argument_texts(inspect.getdoc(function) or "")
    size = size_argument(function)
    found: dict[str, Option] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if name != size:
            required = parameter.default is inspect.Parameter.empty
            default = None if required else parameter.default
            kinds = _writable(hints.get(name, object))
            found[name] = Option(name, required, default, kinds, texts.get(name, ""))
    return types.MappingProxyType(found)


def _writable(hint: Any) -> tuple[Any, ...]:
    """Members of a type that JSON and a command line can write."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        members = [kind for member in get_args(hint) for kind in _writable(member)]
        return tuple(dict.fromkeys(members))
    if origin is Literal or hint in _WRITABLE:
        return (hint,)
    return (str,) if hint is Path else ()


def _argument_texts(docstring: str) -> dict[str, str]:
    """What the section `Args` says of each argument, on one line."""
    _, _, section = docstring.partition("\nArgs:\n")
    section = re.split(r"\n\n|\n(?=\S)", section)[0]
    entries = re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", section, flags=re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}
