"""Sequences in chunks of time: the same gradients from less memory."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest
import torch

import sparse_rnn as srnn
from sparse_rnn.config.run import RunOptions
from sparse_rnn.nn.cells import CELLS
from tests.sparse_rnn.helpers import CPU_BACKENDS, small_config

LOCAL = srnn.masks.locality((4, 4), radius=1)


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def gradients(net: srnn.Network, inputs: torch.Tensor, h0: Any = None) -> list[torch.Tensor]:
    """Logits and all gradients."""
    logits, _ = net(inputs, h0)
    weights = torch.linspace(-1, 2, logits.numel(), dtype=logits.dtype).view_as(logits)
    found = torch.autograd.grad((logits * weights).sum(), list(net.parameters()))
    return [logits.detach(), *found]


@pytest.mark.parametrize("chunk", [1, 4, 11, 50])
@pytest.mark.parametrize("cell", CELLS)
def test_gradients_are_exact(cell: str, chunk: int) -> None:
    net = srnn.Network(5, 3, LOCAL, cell=cell, dtype=torch.float64)
    inputs = drawn(11, 2, 5)
    whole = gradients(net, inputs)
    net.chunk = chunk
    for a, b in zip(gradients(net, inputs), whole, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("backend", [name for name in CPU_BACKENDS if name != "autapse"])
def test_every_backend_and_the_first_state_and_the_inputs(backend: str) -> None:
    net = srnn.Network(5, 3, LOCAL, "tanh", backend, dtype=torch.float64)
    found = []
    for chunk in (None, 3):
        net.chunk = chunk
        inputs, h0 = drawn(10, 2, 5).requires_grad_(), drawn(1, 2, 16, seed=1).requires_grad_()
        gradients(net, inputs, h0)
        logits, _ = net(inputs, h0)
        found.append(torch.autograd.grad(logits.square().sum(), (inputs, h0)))
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-12)


def test_the_states_at_the_borders_come_back() -> None:
    net = srnn.Network(5, 3, LOCAL)
    inputs = drawn(10, 2, 5).float()
    logits, states = net(inputs)
    net.chunk = 4
    parts, borders = net(inputs)
    torch.testing.assert_close(parts, logits)
    torch.testing.assert_close(borders, states[[3, 7, 9]])
    with torch.no_grad():
        assert torch.equal(net(inputs)[0], parts)


def test_noise_is_the_same_when_a_chunk_is_computed_again() -> None:
    net = srnn.Network(
        5, 3, LOCAL, "tanh", cell="leaky", tau=200.0, recurrent_noise=0.3, dtype=torch.float64
    )
    net.chunk = 4
    start, inputs = net.rnn.noise_state.clone(), drawn(10, 2, 5)
    weight = net.rnn.weight_hh

    def loss() -> torch.Tensor:
        net.rnn.noise_state.copy_(start)
        return net(inputs)[0].square().sum()

    (found,) = torch.autograd.grad(loss(), weight)
    assert net.rnn.noise_state[1] == 3  # As many as chunks, however often they are computed.
    step = 1e-6
    with torch.no_grad():
        weight[7] += step
        above = loss()
        weight[7] -= 2 * step
        below = loss()
        weight[7] += step
    torch.testing.assert_close(found[7], (above - below) / (2 * step), rtol=1e-6, atol=1e-8)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_sequence() -> None:
    mask = srnn.masks.locality((40, 40), 2)
    net = srnn.Network(5, 3, mask, backend="sparse_cpu")

    def peak(steps: int) -> int:
        inputs = torch.zeros(steps, 16, 5)
        tracemalloc.start()
        net(inputs)[0].sum().backward()
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    peak(20)  # compiles
    state = 4 * 16 * mask.n_units
    assert peak(400) - peak(100) > 2 * 300 * state
    net.chunk = 20
    # What numpy holds of a chunk; torch holds a state for each border.
    assert peak(400) - peak(100) < 20 * state


def test_weights_that_change_before_the_backward_pass_are_noticed() -> None:
    net = srnn.Network(5, 3, LOCAL)
    net.chunk = 2
    logits, _ = net(torch.zeros(4, 2, 5))
    with torch.no_grad():
        net.rnn.weight_hh.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        logits.sum().backward()


def test_shapes_are_checked_as_without_chunks() -> None:
    net = srnn.Network(5, 3, LOCAL)
    net.chunk = 2
    for shape in ((6, 5), (6, 2, 4), (0, 2, 5)):
        with pytest.raises(srnn.SparseRnnError, match="inputs must be of shape"):
            net(torch.zeros(shape))
    with pytest.raises(srnn.SparseRnnError, match="h0 must be of shape"):
        net(torch.zeros(6, 2, 5), torch.zeros(1, 3, 16))


def test_runs_take_chunks() -> None:
    config = small_config(seq_len=100)
    whole = srnn.train(config)
    run = srnn.train(config, options=RunOptions(chunk=30))
    assert run.network.chunk is None
    for name, value in run.network.state_dict().items():
        torch.testing.assert_close(value, whole.network.state_dict()[name], rtol=1e-3, atol=1e-5)
    net = torch.nn.Linear(35, 17)
    with pytest.raises(srnn.SparseRnnError, match="chunk must be left out for a network that is"):
        srnn.fit(net, srnn.FitConfig(suite=config.suite, steps=1), options=RunOptions(chunk=3))


def truncated_by_hand(net: srnn.Network, inputs: torch.Tensor, k: int) -> list[torch.Tensor]:
    """Logits, and gradients of the same loss as `gradients`, stretch by stretch in plain calls."""
    states, parts = None, []
    for part in inputs.split(k):
        hidden, states = net.rnn(part, states)
        pair = isinstance(states, tuple)
        states = tuple(s.detach() for s in states) if pair else states.detach()
        parts.append(net.readout(hidden))
    logits = torch.cat(parts)
    weights = torch.linspace(-1, 2, logits.numel(), dtype=logits.dtype).view_as(logits)
    return [logits.detach(), *torch.autograd.grad((logits * weights).sum(), [*net.parameters()])]


@pytest.mark.parametrize("chunk", [None, 2, 3, 50])
@pytest.mark.parametrize("cell", CELLS)
def test_gradients_flow_over_a_stretch_and_states_over_all(cell: str, chunk: int | None) -> None:
    net = srnn.Network(5, 3, LOCAL, cell=cell, dtype=torch.float64)
    inputs = drawn(11, 2, 5)
    whole = gradients(net, inputs)
    expected = truncated_by_hand(net, inputs, 4)
    net.chunk = chunk
    logits, hidden = net(inputs, truncate=4, every_state=True)
    assert hidden.shape == (11, 2, 16)
    weights = torch.linspace(-1, 2, logits.numel(), dtype=logits.dtype).view_as(logits)
    found = torch.autograd.grad((logits * weights).sum(), [*net.parameters()])
    for a, b in zip((logits, *found), expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-12)
    torch.testing.assert_close(logits, whole[0], rtol=1e-11, atol=1e-12)
    # `chunk` is exact; truncation is not.
    assert not torch.allclose(found[1], whole[2], rtol=1e-3)
