"""Mask families: which synapses a recurrent layer has.

Each family is one function that returns a `Mask` and one row of `MASKS`. Its first argument is the
size (a number of units or the sides of a sheet); all others have names of their own.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from sparse_rnn.errors import InvalidArgument, unknown_name
from sparse_rnn.masks._mask import Mask as Mask
from sparse_rnn.masks._sizes import Size as Size, check_size as check_size
from sparse_rnn.masks.extremes import autapse as autapse, dense as dense
from sparse_rnn.masks.lattice import locality as locality

MASKS: Mapping[str, Callable[..., Mask]] = MappingProxyType(
    {
        "locality": locality,
        "autapse": autapse,
        "dense": dense,
    }
)
"""All mask families by name, in the order of their introduction. New ones go to the end."""


def family(name: str, *, argument: str = "arch") -> Callable[..., Mask]:
    """Look up a mask family.

    Args:
        name: A name in `MASKS`.
        argument: What the caller calls the name, for the error message.

    Raises:
        UnknownName: There is no such family; the message offers the nearest names.
    """
    if name not in MASKS:
        raise unknown_name(argument, name, MASKS, "a mask family")
    return MASKS[name]


def options(name: str) -> dict[str, bool]:
    """Options of a family besides its size.

    Returns:
        Their names in order, each with whether it must be given.

    Example:
        >>> options("locality")
        {'radius': True, 'periodic': False}
    """
    parameters = list(inspect.signature(family(name)).parameters.values())
    return {p.name: p.default is inspect.Parameter.empty for p in parameters[1:]}


def build(name: str, size: Size, **given: Any) -> Mask:
    """Build a mask by the name of its family, as configurations and commands do.

    Args:
        name: A name in `MASKS`.
        size: Number of units, or the sides of the sheet.
        **given: Options of that family.

    Raises:
        UnknownName: There is no such family.
        InvalidArgument: An option is missing, is not one of this family, or has a wrong value.

    Example:
        >>> build("locality", (20, 20), radius=2).nnz
        5200
    """
    check_options(name, given)
    return family(name)(size, **given)


def check_options(name: str, given: Mapping[str, object]) -> None:
    """Refuse options that a family does not take, and ask for those it needs.

    Raises:
        UnknownName: There is no such family.
        InvalidArgument: An option is missing, or is not one of this family.
    """
    known = options(name)
    for option, value in given.items():
        if option not in known:
            takers = [other for other in MASKS if option in options(other)]
            belongs = f"it is an option of {', '.join(takers)}" if takers else "no family takes it"
            raise InvalidArgument(option, value, f"left out for {name!r} masks", f"({belongs})")
    for option, required in known.items():
        if required and option not in given:
            raise InvalidArgument(option, None, f"given for {name!r} masks")
