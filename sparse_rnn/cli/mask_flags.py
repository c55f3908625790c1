"""Options of a command line for the mask families, made from their signatures."""

from __future__ import annotations

import functools
import operator
from dataclasses import field, make_dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

import tyro

from sparse_rnn import masks

PREFIX = "--mask."
"""What these options begin with; `radius`, which is a setting of its own, is no such option."""

_METAVARS = {bool: "{True,False}", int: "INT", float: "FLOAT", str: "TEXT"}


def names() -> tuple[str, ...]:
    """Options that some family takes and that can be written on a command line, `radius` aside."""
    every = (option for family in masks.MASKS for option in masks.options(family).values())
    found = dict.fromkeys(option.name for option in every if option.kinds)
    return tuple(name for name in found if name != "radius")


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


def _field(name: str) -> tuple[str, Any, Any]:
    """The field of an option, of the types that it has in any family."""
    found = {family: masks.options(family)[name] for family in masks.takers(name)}
    families = [family for family, option in found.items() if option.kinds]
    options = [found[family] for family in families]
    kinds = dict.fromkeys(kind for option in options for kind in option.kinds)
    plain = [kind for kind in kinds if get_origin(kind) is not Literal]
    # The words that families allow become one type.
    words = tuple(dict.fromkeys(word for kind in kinds for word in get_args(kind)))
    shown = [_METAVARS[kind] for kind in plain] + (
        [f"{{{','.join(map(str, words))}}}"] if words else []
    )
    about = options[0].about
    if name == "seed":
        about = "Seed of the mask; by default it follows from that of the run."
    help_ = f"{about} ({', '.join(families)})"
    flag = tyro.conf.arg(help=help_, metavar="|".join(shown), help_behavior_hint="")
    every = [*plain, Literal[words]] if words else plain
    kind = functools.reduce(operator.or_, every, None)
    return name, Annotated[kind, flag], field(default=None)


if TYPE_CHECKING:

    class MaskFlags:
        """An attribute for each of `names`, None where it was not given."""

else:
    MaskFlags = make_dataclass("MaskFlags", map(_field, names()), kw_only=True, frozen=True)
    MaskFlags.__doc__ = "Options of the mask family."
