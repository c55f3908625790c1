"""Options of a command line for the mask families, made from their signatures."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable
from dataclasses import field, make_dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

import tyro

from sparse_rnn import masks

PREFIX = "--mask."
"""What these options begin with; `radius`, which is a setting of its own, is no such option."""


def names() -> tuple[str, ...]:
    """Options that some family takes and that can be written on a command line, `radius` aside."""
    return tuple(name for name in _by_name() if name != "radius")


def typed(name: str) -> str:
    """An option as a person types it.

    Example:
        >>> typed("in_degree")
        '--mask.in-degree'
    """
    return PREFIX + name.replace("_", "-")


def given(flags: MaskFlags) -> dict[str, Any]:
    """The options that were given, by name."""
    return {name: value for name, value in vars(flags).items() if value is not None}


def _by_name() -> dict[str, dict[str, masks.Option]]:
    """All options, each with the families that take it."""
    found: dict[str, dict[str, masks.Option]] = {}
    for family in masks.MASKS:
        for option in masks.options(family).values():
            if option.kinds:
                found.setdefault(option.name, {})[family] = option
    return found


def _fields() -> list[tuple[str, Any, Any]]:
    fields: list[tuple[str, Any, Any]] = []
    takers = _by_name()
    for name in names():
        kinds = _kinds(takers[name].values())
        if name == "seed":
            about = "Seed of the mask; by default it follows from that of the run."
        else:
            about = next(iter(takers[name].values())).about
        about = tyro.conf.arg(
            help=f"{about} ({', '.join(takers[name])})",
            metavar="|".join(map(_metavar, kinds)),
            help_behavior_hint="",
        )
        kind = functools.reduce(operator.or_, kinds, None)
        fields.append((name, Annotated[kind, about], field(default=None)))
    return fields


def _kinds(options: Iterable[masks.Option]) -> list[Any]:
    """Types of an option in all families; the words that they allow become one type."""
    kinds = list(dict.fromkeys(kind for option in options for kind in option.kinds))
    words = [word for kind in kinds if get_origin(kind) is Literal for word in get_args(kind)]
    plain = [kind for kind in kinds if get_origin(kind) is not Literal]
    return [*plain, Literal[tuple(dict.fromkeys(words))]] if words else plain


def _metavar(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return "{" + ",".join(map(str, get_args(kind))) + "}"
    words = {bool: "{True,False}", int: "INT", float: "FLOAT", str: "TEXT"}
    return words[kind]


if TYPE_CHECKING:

    class MaskFlags:
        """An attribute for each of `names`, None where it was not given."""

else:
    MaskFlags = make_dataclass("MaskFlags", _fields(), kw_only=True, frozen=True)
    MaskFlags.__doc__ = "Options of the mask family."
