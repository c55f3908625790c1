"""Mask families: which synapses a recurrent layer has.

Each family is one function that returns a `Mask` and one row of `MASKS`. Its first argument, or the
one named `size`, is the size (a number of units or the sides of a sheet); all others are the
family's options. A family that draws at random has the option `seed`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from sparse_rnn.errors import InvalidArgument, UnknownKeyword, unknown_name
from sparse_rnn.masks._mask import Mask as Mask
from sparse_rnn.masks._options import Option as Option, read_options, size_argument, takes_sheet
from sparse_rnn.masks._sampling import Seed as Seed
from sparse_rnn.masks._sizes import (
    NotBuilt,
    Size as Size,
    built_up_to,
    check_sheet as check_sheet,
    check_size as check_size,
)
from sparse_rnn.masks.checks import (
    ConformanceError as ConformanceError,
    check_mask_family as check_mask_family,
)
from sparse_rnn.masks.connectome import (
    degree_preserving as degree_preserving,
    from_graph as from_graph,
)
from sparse_rnn.masks.extremes import autapse as autapse, dense as dense
from sparse_rnn.masks.graphs import GraphMeasures as GraphMeasures, measures as measures
from sparse_rnn.masks.lattice import locality as locality
from sparse_rnn.masks.random_graphs import (
    erdos_renyi as erdos_renyi,
    random as random,
    watts_strogatz as watts_strogatz,
)
from sparse_rnn.masks.spatial import distance_rule as distance_rule, small_world as small_world
from sparse_rnn.masks.unequal_units import modular as modular, scale_free as scale_free
from sparse_rnn.system.arguments import whole

MASKS: Mapping[str, Callable[..., Mask]] = MappingProxyType(
    {
        "locality": locality,
        "autapse": autapse,
        "dense": dense,
        "random": random,
        "erdos_renyi": erdos_renyi,
        "small_world": small_world,
        "watts_strogatz": watts_strogatz,
        "distance_rule": distance_rule,
        "modular": modular,
        "scale_free": scale_free,
        "from_graph": from_graph,
        "degree_preserving": degree_preserving,
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


def options(name: str) -> dict[str, Option]:
    """Options of a family besides its size, in order.

    Example:
        >>> from sparse_rnn.masks import options
        >>> list(options("locality"))
        ['radius', 'periodic']
        >>> options("locality")["radius"].required
        True
    """
    return dict(read_options(family(name)))


def takers(option: str) -> list[str]:
    """Families that have an option.

    Example:
        >>> from sparse_rnn.masks import takers
        >>> takers("radius")
        ['locality', 'small_world']
    """
    return [name for name in MASKS if option in options(name)]


def check_given_size(name: str, size: object) -> tuple[int, ...]:
    """Check a size as a person gave it, for a family by name; `build` checks it again.

    Raises:
        UnknownName: There is no such family.
        InvalidArgument: It is no size, or a bare number for a family that needs a sheet.

    Example:
        >>> from sparse_rnn.masks import check_given_size
        >>> check_given_size("dense", 400), check_given_size("locality", (20, 20))
        ((400,), (20, 20))
    """
    return (check_sheet if takes_sheet(family(name)) else check_size)("size", size)


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
        >>> from sparse_rnn.masks import build
        >>> build("locality", (20, 20), radius=2).nnz
        5200
    """
    check_options(name, given)
    function = family(name)
    return function(**{size_argument(function): size}, **given)


def check(name: str, size: Size, given: Mapping[str, Any], *, up_to: int = 0) -> int:
    """Check a mask by the name of its family, without building a large one.

    Args:
        name: A name in `MASKS`.
        size: Number of units, or the sides of the sheet.
        given: Options of that family.
        up_to: Synapses of the largest mask that is built, which checks what only building finds
            out, such as that a random mask has a synapse at all.

    Returns:
        The number of its synapses; about that, where it is drawn at random and was not built.

    Raises:
        UnknownName: There is no such family.
        InvalidArgument: As for `build`.

    Example:
        >>> from sparse_rnn.masks import check
        >>> check("dense", 26_000, {})
        676000000
    """
    whole("up_to", up_to, 0)
    try:
        with built_up_to(up_to):
            return build(name, size, **given).nnz
    except NotBuilt as passed:
        return passed.n_synapses


def check_options(name: str, given: Mapping[str, object]) -> None:
    """Refuse options that a family does not take, and ask for those it needs.

    Raises:
        UnknownName: There is no such family.
        UnknownKeyword: An option is not one of this family; the message says whose it is, or offers
            the nearest.
        InvalidArgument: An option is missing.
    """
    known = options(name)
    for option in given:
        if option not in known:
            allowed = f"left out for {name!r} masks"
            raise UnknownKeyword(option, option, allowed, _remedy(option, known))
    for option, about in known.items():
        if about.required and option not in given:
            raise InvalidArgument(option, None, f"given for {name!r} masks")


def _remedy(option: str, known: Mapping[str, Option]) -> str:
    near = difflib.get_close_matches(option.lower(), known, n=1)
    if near:
        return f"Did you mean {near[0]!r}?"
    others = takers(option)
    belongs = f"it is an option of {', '.join(others)}" if others else "no family takes it"
    has = f"the options here are {', '.join(known)}" if known else "this family has no options"
    return f"({belongs}; {has})"
