"""A conformance check for methods that choose synapses, for this package's tests and for yours."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch

from sparse_rnn.data import Batch
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.masks import ConformanceError
from sparse_rnn.masks._options import read_options
from sparse_rnn.nn.network import Network
from sparse_rnn.nn.rewiring import Sparsifier
from sparse_rnn.sparsify._checks_changing import check_changing
from sparse_rnn.sparsify._gradients import listed
from sparse_rnn.sparsify._result import SparseMeasures, Sparsified, apply, measure
from sparse_rnn.system.arguments import instance


def check_sparsifier(
    function: Callable[..., Sparsified] | type[Sparsifier],
    network: Network,
    density: float,
    batches: Iterable[Batch] | None = None,
    **options: Any,
) -> SparseMeasures:
    """Check that a method that chooses synapses keeps the rules of the package.

    The rules: it returns a `Sparsified` with exactly ``round(density * N ** 2)`` synapses, each of
    them one of the network's and listed in `origin`; the mask's family is the name of the function,
    its parameters are density and options, and survive JSON; the same seed gives the same mask,
    also as a seed sequence or a generator; the network and the global generators are left as they
    were; more synapses than the network has are refused, and all that it has can be kept, which
    gives the network again; the docstring says what each option means.

    Of a method that changes synapses during a run, a class: each change keeps the number of
    synapses, or, where it grows none, only takes some away; the density is met exactly, at the
    start and at last; it goes on from its state as if it had never stopped, with the same choices
    for the same random numbers; the network is left as it is; and the layer's kernel computes
    afterwards what the reference does.

    Args:
        function: The method, a function; or a class, as `register` takes it.
        network: A network.
        density: Synapses that are to be left, over N squared.
        batches: Batches, if the method takes some.
        **options: Options of the method, but for the seed.

    Returns:
        The measures of the sparse network, which say whether it has collapsed: units without
        inputs and the share of pairs that are connected are reported, not forbidden.

    Raises:
        ConformanceError: Naming the method and the broken rule.

    Example:
        >>> import sparse_rnn as srnn
        >>> net = srnn.Network(3, 2, srnn.masks.dense(10))
        >>> check_sparsifier(srnn.sparsify.random, net, density=0.2).units_without_inputs
        0
    """
    name = getattr(function, "__name__", repr(function))
    given = instance("network", network, Network).rnn.mask
    needed = () if batches is None else (listed(batches),)

    def require(kept: object, rule: str) -> None:
        if not kept:
            raise ConformanceError(f"{name}: {rule}.")

    if inspect.isclass(function):
        before = _state(network)
        told = {"density": density, **options}
        left = check_changing(function, network, needed[0] if needed else (), told, require)
        require(_state(network) == before, "the network and the global generators stay as they are")
        return measure(left)

    def chosen(share: float = density, **more: Any) -> Sparsified:
        return function(network, share, *needed, **{**options, **more})

    before = _state(network)
    found = chosen(seed=7)
    require(_state(network) == before, "the network and the global generators stay as they are")
    require(isinstance(found, Sparsified), "a method returns a Sparsified")  # pyright: ignore[reportUnnecessaryIsInstance] - anybody's function
    n_kept = round(density * given.n_units**2)
    require(found.mask.nnz == n_kept, f"a density of {density:g} is exactly {n_kept} synapses")
    origin = found.origin
    listed_right = origin.shape == (n_kept,) and not np.any(np.diff(origin) <= 0)
    require(
        listed_right and origin[0] >= 0 and origin[-1] < given.nnz,
        "the origins are numbers of synapses of the network, ascending",
    )
    same = np.array_equal(given.targets()[origin], found.mask.targets()) and np.array_equal(
        given.indices[origin], found.mask.indices
    )
    require(same, "each synapse is the one of the network that its origin says")
    require(found.given == given, "the given mask is the one of the network")
    require(found.mask.family == name, f"the mask's family is {name!r}, not {found.mask.family!r}")
    told = dict(found.mask.parameters)
    lost = [one for one in ("density", "seed", *options) if one not in told]
    require(not lost, f"the mask's parameters have {', '.join(lost)}")
    require(json.loads(json.dumps(told)) == told, "the mask's parameters survive JSON")
    require(chosen(seed=7).mask == found.mask, "the same seed gives the same mask")
    for kind in (np.random.SeedSequence, np.random.default_rng):
        one, other = chosen(seed=kind(7)), chosen(seed=kind(7))
        require(one.mask == other.mask, "seed sequences and generators are seeds")
    require(_refuses(chosen, given.density + 1 / given.n_units**2), "more than all is refused")
    whole = chosen(given.density, seed=7)
    require(whole.mask == given, "all synapses can be kept")
    weight = network.rnn.weight_hh.detach()
    require(torch.equal(apply(network, whole).rnn.weight_hh, weight), "all of them as they were")
    silent = [option.name for option in read_options(function).values() if not option.about]
    require(not silent, f"the docstring says under Args what {', '.join(silent)} means")
    require(inspect.getdoc(function), "a method has a docstring")
    return measure(apply(network, found))


def _state(network: Network) -> tuple[Any, ...]:
    """What a method could change: weights, gradients, mode, and the global generators."""
    weights = [values.numpy(force=True).tobytes() for values in network.state_dict().values()]
    gradients = [p.grad if p.grad is None else p.grad.tolist() for p in network.parameters()]
    trained = [p.requires_grad for p in network.parameters()]
    numbers: Any = np.random.get_state()  # noqa: NPY002, TID251 - to see that nobody draws from it
    drawn = numbers[1].tobytes() + bytes(str(numbers[2:]), "ascii")
    modes = [module.training for module in network.modules()]
    return weights, gradients, trained, modes, drawn, torch.get_rng_state().tolist()


def _refuses(chosen: Callable[[float], Sparsified], density: float) -> bool:
    try:
        chosen(density)
    except InvalidArgument:
        return True
    return False
