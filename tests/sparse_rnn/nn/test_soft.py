"""Softened weights: against dense matrices in float64 with derivatives by hand, over updates."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import sparse_rnn as srnn
from sparse_rnn.nn.soft import HardConcrete, Soft, SoftThreshold, softened
from tests.sparse_rnn.helpers import CPU_BACKENDS, same_bits

N, T, B, I = 7, 6, 3, 4  # noqa: E741 - sizes, as everywhere
CELLS: dict[str, dict[str, Any]] = {
    "relu": {"nonlinearity": "relu"},
    "tanh": {"nonlinearity": "tanh"},
    "leaky": {"cell": "leaky", "nonlinearity": "tanh", "dt": 20.0, "tau": 100.0},
    "dale": {"nonlinearity": "relu", "inhibitory": 0.3},
}
KINDS: dict[str, Callable[[Tensor], Soft]] = {
    "str": lambda like: SoftThreshold(like, -1.5),
    "l0": lambda like: HardConcrete(like, 0.7, 0.01, seed=5),
}


def _network(kind: str, backend: str = "dense", **cell: Any) -> srnn.Network:
    mask = srnn.masks.random(N, in_degree=4)
    net = srnn.Network(I, 2, mask, backend=backend, dtype=torch.float64, init_gain=2.0, **cell)
    net.rnn.soft = KINDS[kind](net.rnn.weight_hh.detach())
    return net


def _data() -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(1)
    inputs = torch.randn(T, B, I, dtype=torch.float64, generator=rng)
    return inputs, torch.randn(T, B, N, dtype=torch.float64, generator=rng)


def _dense_gradient(net: srnn.Network, matrix: Tensor, aim: Tensor, inputs: Tensor) -> Tensor:
    """Gradient of ``sum(states * aim)`` with respect to a dense matrix, by plain torch."""
    rnn: Any = net.rnn
    own = matrix.clone().requires_grad_()
    state, total = torch.zeros(B, N, dtype=torch.float64), torch.zeros((), dtype=torch.float64)
    f = torch.relu if rnn.nonlinearity == "relu" else torch.tanh
    for step, goal in zip(inputs, aim, strict=True):
        new = f(step @ rnn.weight_ih.detach().T + rnn.bias.detach() + state @ own.T)
        state = (1 - rnn.alpha) * state + rnn.alpha * new
        total = total + (state * goal).sum()
    return torch.autograd.grad(total, own)[0]


class _Threshold:
    """Soft threshold on a dense matrix."""

    def __init__(self, soft: SoftThreshold) -> None:
        self.s = float(soft.threshold.detach())

    def act(self, w: Tensor) -> Tensor:
        g = 1 / (1 + math.exp(-self.s))
        return torch.where(w > g, w - g, torch.where(w < -g, w + g, 0.0))

    def learn(self, w: Tensor, slope: Tensor, lr: float) -> Tensor:
        """Take a step; returns the slope at w."""
        g = 1 / (1 + math.exp(-self.s))
        through = torch.where(w.abs() > g, slope, 0.0)
        self.s -= lr * float(-(through * w.sign()).sum()) * g * (1 - g)
        return through


class _Gates:
    """Hard concrete gates on a dense matrix; the uniform numbers are those of the layer."""

    def __init__(self, soft: HardConcrete, at: tuple[Tensor, Tensor]) -> None:
        self.soft, self.at = soft, at
        self.a = torch.zeros(N, N, dtype=torch.float64)
        self.a[at] = math.log(0.7 / 0.3)

    def _sigmoid(self) -> tuple[Tensor, Tensor, Tensor]:
        noise = torch.zeros(N, N, dtype=torch.float64)
        noise[self.at] = self.soft._noise()
        sig = 1 / (1 + torch.exp(-(noise + self.a) * 1.5))
        stretched = sig * 1.2 - 0.1
        return sig, stretched, stretched.clamp(0, 1)

    def act(self, w: Tensor) -> Tensor:
        return w * self._sigmoid()[2]

    def learn(self, w: Tensor, slope: Tensor, lr: float) -> Tensor:
        sig, stretched, z = self._sigmoid()
        inside = (stretched > 0) & (stretched < 1)
        of_a = torch.where(inside, slope * w * 1.2 * sig * (1 - sig) * 1.5, 0.0)
        there = 1 / (1 + torch.exp(-(self.a - 2 / 3 * math.log(1 / 11))))
        self.a[self.at] -= lr * (of_a + 0.01 * there * (1 - there))[self.at]
        return slope * z


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("kind", KINDS)
def test_forward_and_gradient_are_those_of_dense_matrices_over_updates(
    kind: str, cell: str
) -> None:
    net = _network(kind, **CELLS[cell])
    rnn: Any = net.rnn
    inputs, aim = _data()
    at = tuple(torch.from_numpy(x.astype("int64")) for x in (rnn.mask.targets(), rnn.mask.indices))
    signs = torch.ones(N, dtype=torch.float64) if rnn.unit_signs is None else rnn.unit_signs
    matrix = torch.zeros(N, N, dtype=torch.float64)
    matrix[at] = rnn.weight_hh.detach()
    soft = rnn.soft
    reference = _Threshold(soft) if kind == "str" else _Gates(soft, at)
    seen: set[int] = set()
    lr = 0.02
    for _ in range(5):
        acts = reference.act(matrix)
        acts = (acts if rnn.unit_signs is None else acts.abs()) * signs
        torch.testing.assert_close(rnn.recurrent_weights(), acts[at], rtol=1e-12, atol=1e-14)
        seen.add(int((acts[at] == 0).sum()))
        net.zero_grad()
        (rnn(inputs)[0] * aim).sum().backward()
        soft.penalise()
        slope = _dense_gradient(net, acts, aim, inputs)
        size = 1.0 if rnn.unit_signs is None else torch.where(matrix < 0, -1.0, 1.0)
        through = reference.learn(matrix, slope * signs * size, lr)
        torch.testing.assert_close(rnn.weight_hh.grad, through[at], rtol=1e-10, atol=1e-12)
        matrix[at] -= lr * through[at]
        with torch.no_grad():
            for p in (rnn.weight_hh, *soft.parameters()):
                p -= lr * p.grad
        soft.advance()
        learned = reference.s if kind == "str" else reference.a[at]
        found = next(soft.parameters()).detach()
        torch.testing.assert_close(found, torch.as_tensor(learned).expand(found.shape).double())
    assert max(seen) > 0  # Some weights were 0.


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("backend", [name for name in CPU_BACKENDS if name != "autapse"])
def test_every_kernel_is_given_the_softened_weights(kind: str, backend: str) -> None:
    nets = [_network(kind, one) for one in ("reference", backend)]
    inputs, aim = _data()
    for net in nets:
        (net.rnn(inputs)[0] * aim).sum().backward()
    for one, other in zip(*(net.rnn.named_parameters() for net in nets), strict=True):
        assert one[0] == other[0]
        torch.testing.assert_close(one[1].grad, other[1].grad, rtol=1e-10, atol=1e-12)


def test_the_gates_of_a_step_stay_and_those_of_the_next_are_others() -> None:
    soft = HardConcrete(torch.zeros(2, 50), 0.5, 1.0, seed=0)
    weight = torch.ones(2, 50)
    first = soft(weight)
    assert torch.equal(first, soft(weight))
    assert torch.equal(first[0], first[1])  # A gate in all matrices.
    resumed = HardConcrete(torch.zeros(2, 50), 0.5, 1.0, seed=9)
    soft.advance()
    assert not torch.equal(first, soft(weight))
    resumed.load_state_dict(soft.state_dict())
    assert torch.equal(resumed(weight), soft(weight))
    assert not torch.equal(first, HardConcrete(torch.zeros(50), 0.5, 1.0, seed=9)(weight))


def test_half_of_a_hard_concrete_gate_is_exactly_0_or_1() -> None:
    """The mean and the mass at 0 and 1 are those of the distribution."""
    soft = HardConcrete(torch.zeros(200_000), 0.5, 1.0, seed=0)
    z = soft(torch.ones(200_000)).detach()
    at_0 = 1 / (1 + math.exp(2 / 3 * math.log(1 / 11)))  # 1 - P(z != 0) at log_alpha = 0.
    assert float((z == 0).double().mean()) == pytest.approx(1 - at_0, abs=0.01)
    assert float((z == 1).double().mean()) == pytest.approx(1 - at_0, abs=0.01)
    soft.penalise()
    p = at_0
    assert float(soft.log_alpha.grad[0]) == pytest.approx(p * (1 - p), rel=1e-5)
    assert float(soft.settled(torch.ones(200_000))[0]) == pytest.approx(0.5)


@pytest.mark.parametrize("kind", KINDS)
def test_evaluation_is_deterministic_and_a_stack_computes_the_same(kind: str) -> None:
    nets = [_network(kind), _network(kind)]
    inputs = _data()[0]
    for net in nets:
        net.eval()
        assert torch.equal(net.rnn.recurrent_weights(), net.rnn.soft.settled(net.rnn.weight_hh))
    stack = srnn.nn.network.NetworkStack(nets)
    both = stack(torch.stack([inputs, inputs]))
    torch.testing.assert_close(both[0], nets[0](inputs)[0])
    assert softened(nets[0]) == [nets[0].rnn.soft]
    assert same_bits(copy.deepcopy(nets[0]).state_dict(), nets[0].state_dict())


@pytest.mark.parametrize("kind", KINDS)
def test_activations_in_chunks_have_the_gradients_of_the_whole(kind: str) -> None:
    net = _network(kind)
    inputs = _data()[0]
    found = []
    for chunk in (None, 2):
        net.chunk = chunk
        net.zero_grad()
        net(inputs)[0].square().sum().backward()
        found.append([p.grad.clone() for p in net.parameters()])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)
