"""Sparsifiers: methods that choose the synapses of a network before it is trained.

Each method is one function and one row of `METHODS`. From a network with a dense or any wider mask
and a density it makes a `Sparsified`: a mask with a part of the network's synapses, and what their
initial weights are to be multiplied with. Methods that look at data take batches. All that is left
over are the function's options. What methods share are scorers, which say what speaks for a
synapse, and schedules, which say in how many rounds the others go.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from sparse_rnn.data import Batch
from sparse_rnn.errors import InvalidArgument, unknown_keyword, unknown_name
from sparse_rnn.masks import Option
from sparse_rnn.masks._options import read_options
from sparse_rnn.nn.network import Network
from sparse_rnn.nn.rewiring import (
    Needs as Needs,
    Rewiring as Rewiring,
    Sparsifier as Sparsifier,
    View as View,
    register as register,
    sparsifiers as sparsifiers,
)
from sparse_rnn.sparsify._checks import check_sparsifier as check_sparsifier
from sparse_rnn.sparsify._evolving import Evolving as Evolving
from sparse_rnn.sparsify._force import force as force
from sparse_rnn.sparsify._gradual import Gradual
from sparse_rnn.sparsify._grasp import grasp as grasp
from sparse_rnn.sparsify._imp import LotteryTickets
from sparse_rnn.sparsify._jacobian import jacobian as jacobian
from sparse_rnn.sparsify._l0 import HardConcretes
from sparse_rnn.sparsify._magnitude import magnitude as magnitude
from sparse_rnn.sparsify._noise_prune import noise_prune as noise_prune
from sparse_rnn.sparsify._once import once
from sparse_rnn.sparsify._random import random as random
from sparse_rnn.sparsify._result import (
    SparseMeasures as SparseMeasures,
    Sparsified as Sparsified,
    apply as apply,
    measure as measure,
)
from sparse_rnn.sparsify._rigl import RigL
from sparse_rnn.sparsify._selfish import Selfish
from sparse_rnn.sparsify._set import Set
from sparse_rnn.sparsify._snip import iterative_snip as iterative_snip, snip as snip
from sparse_rnn.sparsify._srigl import SRigL
from sparse_rnn.sparsify._str import SoftThresholds
from sparse_rnn.sparsify._synflow import synflow as synflow

METHODS: Mapping[str, Callable[..., Sparsified]] = MappingProxyType(
    {
        "random": random,
        "magnitude": magnitude,
        "snip": snip,
        "iterative_snip": iterative_snip,
        "force": force,
        "grasp": grasp,
        "synflow": synflow,
        "jacobian": jacobian,
        "noise_prune": noise_prune,
    }
)
"""All methods by name that choose synapses before training, the control first. New ones go to the
end."""

CHANGING: Mapping[str, type[Sparsifier]] = MappingProxyType(
    {
        "set": Set,
        "rigl": RigL,
        "srigl": SRigL,
        "selfish": Selfish,
        "gradual": Gradual,
    }
)
"""All methods by name that change the synapses during training. New ones go to the end."""

SOFTENING: Mapping[str, type[Sparsifier]] = MappingProxyType(
    {"str": SoftThresholds, "l0": HardConcretes}
)
"""All methods by name that soften weights during training, so that synapses leave at its end."""

CHAINS: Mapping[str, type[Sparsifier]] = MappingProxyType({"imp": LotteryTickets})
"""All methods by name that are chains of runs, and take functions of their own."""

for _name, _kind in {
    **{name: once(one) for name, one in METHODS.items()},
    **CHANGING,
    **SOFTENING,
    **CHAINS,
}.items():
    register(_name, _kind)


def method(name: str) -> Callable[..., Sparsified]:
    """Look up a method.

    Raises:
        UnknownName: There is no such method; the message offers the nearest names.

    Example:
        >>> from sparse_rnn.sparsify import method
        >>> method("snip").__name__
        'snip'
    """
    if name not in METHODS:
        raise unknown_name("method", name, METHODS, "a method that chooses synapses")
    return METHODS[name]


def options(name: str) -> dict[str, Option]:
    """Options of a method besides network, density and batches, in order.

    Raises:
        UnknownName: There is no such method.

    Example:
        >>> from sparse_rnn.sparsify import options
        >>> list(options("synflow")), options("force")["rounds"].default
        (['share', 'rounds', 'seed'], 10)
    """
    read = read_options(method(name))
    return {option: read[option] for option in read if option not in ("density", "batches")}


def takes_batches(name: str) -> bool:
    """Whether a method looks at data.

    Raises:
        UnknownName: There is no such method.

    Example:
        >>> from sparse_rnn.sparsify import takes_batches
        >>> takes_batches("snip"), takes_batches("synflow")
        (True, False)
    """
    return "batches" in inspect.signature(method(name)).parameters


def sparsify(
    name: str,
    network: Network,
    density: float,
    batches: Iterable[Batch] | None = None,
    **given: Any,
) -> Sparsified:
    """Choose synapses by the name of the method, as comparisons do.

    Args:
        name: A name in `METHODS`.
        network: The network, with a dense or any wider mask.
        density: Synapses that are left, over N squared: ``round(density * N ** 2)`` of them.
        batches: What a method that looks at data is given; None for the others.
        **given: Options of that method.

    Raises:
        UnknownName: There is no such method.
        UnknownKeyword: An option is not one of this method.
        InvalidArgument: There are batches and the method takes none, or none and it needs some; or
            a value is wrong.

    Example:
        >>> import sparse_rnn as srnn
        >>> from sparse_rnn.sparsify import sparsify
        >>> net = srnn.Network(3, 2, srnn.masks.dense(10))
        >>> sparsify("synflow", net, 0.2, rounds=20).mask.nnz
        20
    """
    known = options(name)
    for option in given:
        if option not in known:
            raise unknown_keyword("option", option, known, f"an option of {name!r}")
    if takes_batches(name) != (batches is not None):
        allowed = "given" if batches is None else "left out"
        found = None if batches is None else "batches"
        raise InvalidArgument("batches", found, f"{allowed} for the method {name!r}")
    needed = () if batches is None else (batches,)
    return method(name)(network, density, *needed, **given)
