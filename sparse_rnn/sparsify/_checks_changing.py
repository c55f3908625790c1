"""The part of `check_sparsifier` that is about methods which change synapses during a run."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sparse_rnn.data import Batch
from sparse_rnn.nn.candidates import Candidates
from sparse_rnn.nn.network import Network
from sparse_rnn.nn.rewiring import Rewiring, Sparsifier, View
from sparse_rnn.sparsify._gradients import cross_entropy

STEPS = 40
"""Gradient steps of the run that is played."""


def check_changing(
    kind: type[Sparsifier],
    network: Network,
    batches: Sequence[Batch],
    options: Mapping[str, Any],
    require: Callable[[object, str], None],
) -> Network:
    """Play a run of some steps, in which the weights move by themselves, and watch the rules.

    Args:
        kind: The method.
        network: The network that it starts with; a copy is changed.
        batches: Batches, for a method that needs gradients or data.
        options: Options of the method.
        require: Raises, if what it is given is not so, with the rule.

    Returns:
        The network at the end.
    """
    require(not options.keys() - {one.name for one in fields(_any(kind))}, "options are its fields")
    method = kind(**{"every": 10, **options} if hasattr(kind, "every") else options)
    method.check(network, STEPS)
    net = copy.deepcopy(network)
    first, given = _budget(method, net), net.rnn.mask.nnz
    due = [step for step in range(STEPS + 1) if method.due(step, STEPS)]
    require(due, f"a run of {STEPS} steps is long enough for a change")
    require(method.CHANGES or due == [0], "a method that changes nothing later is due at the start")
    for step in due:
        _move(net, step)
        needs = method.needs(step)
        require(step or not needs.candidates or not needs.instead, "no gradient step is at step 0")
        view = View(
            net, STEPS, _candidates(net, batches, needs.candidates), batches[: needs.batches]
        )
        before, state = net.rnn.mask, dict(method.state())
        weights = net.rnn.weight_hh.detach().clone()
        other = kind(
            **{one.name: getattr(method, one.name) for one in fields(_any(kind)) if one.init}
        )
        other.restore(state)
        found, again = (
            one.rewire(view, step, np.random.default_rng(step)) for one in (method, other)
        )
        same = net.rnn.mask is before and torch.equal(net.rnn.weight_hh, weights)
        require(same, "a method leaves the network as it is, and says what is to become of it")
        require(_alike(found, again), "it goes on from its state as if it had never stopped")
        require(_alike_states(method.state(), other.state()), "and has the same state then")
        if found is None:
            continue
        grown = int((np.asarray(found.origin) < 0).sum())
        require(method.GROWS or not grown, "a method that does not grow synapses grows none")
        if step and method.GROWS:
            rule = f"a change keeps the number of synapses, {before.nnz}"
            require(found.mask.nnz == before.nnz, rule)
        if not step and method.density is not None:
            require(found.mask.nnz == first, f"the start has exactly {first} synapses")
        net.rnn.rewire(found.mask, found.origin, _shaped(found.values, net.rnn.weight_hh))
        require(_as_reference(net, batches), "the kernel computes what the reference does")
    left = given if method.density is None else first
    require(net.rnn.mask.nnz == left, f"{left} synapses are left at last")
    return net


def _any(kind: Any) -> Any:
    return kind


def _budget(method: Sparsifier, network: Network) -> int:
    mask = network.rnn.mask
    return mask.nnz if method.density is None else round(method.density * mask.n_units**2)


def _move(network: Network, step: int) -> None:
    """Move the recurrent weights, as training does."""
    rng = torch.Generator().manual_seed(step)
    weight = network.rnn.weight_hh.detach()
    size = 0.1 / math.sqrt(network.rnn.hidden_size)
    weight += size * torch.randn(weight.shape, generator=rng, dtype=torch.float64).to(weight)


def _candidates(network: Network, batches: Sequence[Batch], n: int) -> Tensor | None:
    if not n:
        return None
    found = Candidates(network.rnn)
    with found.watching():
        for batch in batches:
            logits, _ = network(batch.inputs.to(network.rnn.weight_hh.dtype))
            loss: Any = cross_entropy(logits, batch)
            loss.backward()
    network.zero_grad()
    return found.total / len(batches)


def _alike(one: Rewiring | None, other: Rewiring | None) -> bool:
    if one is None or other is None:
        return one is other
    values = [values for values in (one.values, other.values) if values is not None]
    equal = one.mask == other.mask and np.array_equal(one.origin, other.origin)
    return equal and len(values) != 1 and (not values or torch.equal(*values))


def _alike_states(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def _shaped(values: Tensor | None, weight: Tensor) -> Tensor | None:
    return None if values is None else values.reshape(*weight.shape[:-1], -1)


def _as_reference(network: Network, batches: Sequence[Batch]) -> bool:
    """Whether the states are those of a network of the same weights on the kernel "reference"."""
    rnn = network.rnn
    sizes = rnn.input_size, network.readout.out_features
    dtype = rnn.weight_hh.dtype
    settings: Any = rnn.settings()
    made: nn.Module = Network(*sizes, rnn.mask, backend="reference", dtype=dtype, **settings)
    made.load_state_dict(network.state_dict())
    inputs = batches[0].inputs.to(dtype) if batches else torch.ones(5, 2, sizes[0], dtype=dtype)
    with torch.no_grad():
        ours, theirs = network.eval()(inputs)[1], made.eval()(inputs)[1]
    return torch.allclose(ours, theirs, rtol=1e-4, atol=1e-5)
