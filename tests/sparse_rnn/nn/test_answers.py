"""Logits that a kernel computes on the way over a sequence, and who gets the states instead."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from torch import nn
from torch.nn.utils import prune

import sparse_rnn as srnn
from sparse_rnn import masks
from sparse_rnn.nn import answers
from tests.sparse_rnn.helpers import random_mask


def a_network(backend: str = "sparse_cpu", **options: Any) -> srnn.Network:
    mask = options.pop("mask", masks.locality((3, 3), 1))
    return srnn.Network(4, 3, mask, backend=backend, dtype=torch.float64, **options)


def results(
    net: srnn.Network, inputs: torch.Tensor, h0: torch.Tensor | None, **how: Any
) -> list[torch.Tensor | None]:
    """Logits, last state and all gradients of a loss that weighs each differently."""
    first = None if h0 is None else h0.clone().requires_grad_()
    logits, _, last = net(inputs, first, last_state=True, **how)
    weights = torch.linspace(-1, 2, logits.numel(), dtype=logits.dtype).view_as(logits)
    ((logits * weights).sum() + last.square().sum()).backward()
    found = [None if first is None else first.grad, *(p.grad for p in net.parameters())]
    net.zero_grad()
    return [logits.detach(), last.detach(), *found]


@given(
    lanes=st.integers(1, 8),
    n_units=st.integers(1, 9),
    n_outputs=st.integers(1, 9),
    options=st.sampled_from([{}, {"nonlinearity": "tanh"}, {"cell": "leaky", "tau": 300.0}]),
    frozen=st.sets(st.sampled_from(["rnn.weight_hh", "rnn.weight_ih", "rnn.bias", "readout.bias"])),
    from_h0=st.booleans(),
    seed=st.integers(0, 2**31),
)
def test_logits_on_the_way_and_gradients_are_those_of_the_reference(  # noqa: PLR0913 - Hypothesis
    lanes: int,
    n_units: int,
    n_outputs: int,
    options: dict[str, Any],
    frozen: set[str],
    from_h0: bool,
    seed: int,
) -> None:
    mask = random_mask(np.random.default_rng(seed), n_units)
    numbers = torch.Generator().manual_seed(seed)
    inputs = torch.randn(9, lanes, 2, generator=numbers, dtype=torch.float64)
    h0 = torch.randn(1, lanes, n_units, generator=numbers, dtype=torch.float64)
    found = []
    for backend, every_state in (("sparse_cpu", False), ("reference", True)):
        net = srnn.Network(
            2, n_outputs, mask, backend=backend, seed=seed, dtype=torch.float64, **options
        )
        for name in frozen:
            net.get_parameter(name).requires_grad_(False)
        found.append(results(net, inputs, h0 if from_h0 else None, every_state=every_state))
    for fast, exact in zip(*found, strict=True):
        assert (fast is None) == (exact is None)
        if fast is not None:
            torch.testing.assert_close(fast, exact, rtol=1e-10, atol=1e-11)


def test_without_states_layer_and_readout_are_computed_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    net, inputs = a_network(), torch.ones(5, 2, 4, dtype=torch.float64)
    monkeypatch.setattr(srnn.MaskedRNN, "_whole", None)
    monkeypatch.setattr(nn.functional, "linear", None)
    assert net(inputs, every_state=False)[0].shape == (5, 2, 3)


@pytest.mark.parametrize("backend", ["sparse_cpu", "dense"])
@pytest.mark.parametrize("how", [{}, {"truncate": 2}, {"chunk": 2}])
def test_without_states_the_last_ones_are_returned(backend: str, how: dict[str, Any]) -> None:
    net, inputs = a_network(backend), torch.randn(5, 2, 4, dtype=torch.float64)
    whole, every = net(inputs)
    net.chunk = how.get("chunk")
    given = {"truncate": how["truncate"]} if "truncate" in how else {}
    logits, ends, last = net(inputs, every_state=False, last_state=True, **given)
    torch.testing.assert_close(logits, whole)
    torch.testing.assert_close(ends, every[[4]] if not how else every[[1, 3, 4]])
    torch.testing.assert_close(last, every[-1:])
    assert last.data_ptr() != ends.data_ptr()


def test_of_one_sequence_and_of_packed_ones_the_last_states_are_returned() -> None:
    net, inputs = a_network(), torch.randn(5, 2, 4, dtype=torch.float64)
    logits, ends = net(inputs[:, 0], every_state=False)
    torch.testing.assert_close(logits, net(inputs)[0][:, 0])
    torch.testing.assert_close(ends, net(inputs)[1][-1:, 0])
    packed = nn.utils.rnn.pack_padded_sequence(inputs, torch.tensor([5, 3]))
    _, ends = net(packed, every_state=False)
    torch.testing.assert_close(ends[0, 1], net(inputs)[1][2, 1])


class Doubled(srnn.MaskedRNN):
    def forward(self, inputs: Any, h0: Any = None) -> tuple[Any, Any]:
        states, last = super().forward(inputs, h0)
        return 2 * states, last


def hooked(net: srnn.Network) -> None:
    net.rnn.register_forward_hook(lambda *given: (2 * given[2][0], given[2][1]))


def replaced(net: srnn.Network) -> None:
    kind = Doubled(4, net.rnn.mask, dtype=torch.float64)
    kind.load_state_dict(net.rnn.state_dict())
    net.rnn = kind


def deeper(net: srnn.Network) -> None:
    net.readout = nn.Sequential(nn.Linear(9, 5), nn.Tanh(), nn.Linear(5, 3)).double()


def without_bias(net: srnn.Network) -> None:
    net.readout = nn.Linear(9, 3, bias=False).double()


def pruned(net: srnn.Network) -> None:
    prune.l1_unstructured(net.readout, "weight", amount=0.5)


@pytest.mark.parametrize("change", [hooked, replaced, deeper, without_bias, pruned])
def test_whatever_stands_between_layer_and_readout_is_asked(change: Any) -> None:
    net, inputs = a_network(), torch.randn(5, 2, 4, dtype=torch.float64)
    plain, _ = net(inputs)
    change(net)
    changed, _ = net(inputs)
    assert not torch.allclose(plain, changed)
    torch.testing.assert_close(net(inputs, every_state=False)[0], changed)


def test_inputs_that_want_a_gradient_and_autocast_go_the_other_way() -> None:
    net, inputs = a_network(), torch.randn(5, 2, 4, dtype=torch.float64, requires_grad=True)
    found = [
        torch.autograd.grad(net(inputs, every_state=every)[0].square().sum(), inputs)[0]
        for every in (False, True)
    ]
    torch.testing.assert_close(*found)
    short = srnn.Network(4, 3, masks.locality((3, 3), 1), backend="sparse_cpu")
    with torch.autocast("cpu", torch.bfloat16):
        logits, _ = short(torch.ones(5, 2, 4), every_state=False)
    assert logits.dtype == torch.bfloat16


def test_second_derivatives_go_through_the_answers() -> None:
    net, inputs = a_network(nonlinearity="tanh"), torch.randn(3, 2, 4, dtype=torch.float64)
    names = [name for name, _ in net.named_parameters()]

    def answer(*values: torch.Tensor) -> torch.Tensor:
        given = dict(zip(names, values, strict=True))
        return torch.func.functional_call(net, given, (inputs,), {"every_state": False})[0]

    values = tuple(p.detach().clone().requires_grad_() for p in net.parameters())
    assert answers.at_once(net.rnn, net.readout, inputs, None) is not None
    assert torch.autograd.gradcheck(answer, values)
    assert torch.autograd.gradgradcheck(answer, values)
