"""Every way into autograd, for every kernel and cell, against the recurrence in plain torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad, functional

import sparse_rnn as srnn
from sparse_rnn import kernels
from sparse_rnn.nn import cells
from tests.every import every
from tests.sparse_rnn.helpers import CPU_BACKENDS, random_mask

# Torch's own, where it first meets a derivative forward.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

Loss = Callable[..., Tensor]

BACKENDS = ["auto", *CPU_BACKENDS]
CELLS: Mapping[str, dict[str, Any]] = {
    "vanilla": {"nonlinearity": "tanh"},
    "vanilla, softplus": {"nonlinearity": "softplus", "bias": False},
    "leaky": {"nonlinearity": "tanh", "dt": 20.0, "inhibitory": 0.4},
    "gru": {},
    "lstm": {},
}
RAGGED = random_mask(np.random.default_rng(4), 5)


def layer_of(cell: str, backend: str, mask: srnn.Mask | None = None) -> cells.MaskedLayer:
    """A layer of 5 units in float64 that the backend can serve."""
    if mask is None:
        mask = srnn.masks.autapse(5) if backend == "autapse" else RAGGED
    kind = cell.partition(",")[0]
    return cells.build(kind, 2, mask, backend=backend, dtype=torch.float64, **CELLS[cell])


def drawn(*shape: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def problem(layer: cells.MaskedLayer) -> tuple[Loss, tuple[Tensor, ...], tuple[Tensor, ...]]:
    """A loss that is linear in the states, its arguments, and a direction for each of them."""
    names = [name for name, _ in layer.named_parameters()]
    values = [p.detach().clone() for p in layer.parameters()]
    arguments = (drawn(3, 2, 2, seed=1), drawn(1, 2, 5, seed=2), *values)
    slopes = drawn(3, 2, 5, seed=3)

    def loss(inputs: Tensor, h0: Tensor, *weights: Tensor) -> Tensor:
        state = (h0, 2 * h0) if layer.CELL == "lstm" else h0
        given = dict(zip(names, weights, strict=True))
        output, _ = torch.func.functional_call(layer, given, (inputs, state))
        # Linear, so that all of the second derivative is the layer's own.
        return (output * slopes).sum()

    directions = tuple(drawn(*one.shape, seed=9) for one in arguments)
    return loss, arguments, directions


def leaves(arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(one.clone().requires_grad_() for one in arguments)


def penalty(loss: Loss, arguments: tuple[Tensor, ...], _: Any) -> Any:
    wanted = leaves(arguments)
    first = torch.autograd.grad(loss(*wanted), wanted, create_graph=True)
    norm = sum(one.square().sum() for one in first)
    return torch.autograd.grad(norm, wanted)


def of_one_alone(loss: Loss, arguments: tuple[Tensor, ...], _: Any) -> Any:
    """Second derivatives where only one argument wants a gradient."""
    found: list[Tensor] = []
    for i in range(len(arguments)):
        own = [one.clone().requires_grad_(j == i) for j, one in enumerate(arguments)]
        (first,) = torch.autograd.grad(loss(*own), own[i], create_graph=True)
        found += torch.autograd.grad(first.square().sum(), own[i])
    return found


def third(loss: Loss, arguments: tuple[Tensor, ...], directions: tuple[Tensor, ...]) -> Any:
    wanted = leaves(arguments)
    value = loss(*wanted)
    for _ in range(3):
        slopes = torch.autograd.grad(value, wanted, create_graph=True, materialize_grads=True)
        value = sum((one * along).sum() for one, along in zip(slopes, directions, strict=True))
    return value


def dual(loss: Loss, arguments: tuple[Tensor, ...], directions: tuple[Tensor, ...]) -> Any:
    with forward_ad.dual_level():
        pairs = zip(arguments, directions, strict=True)
        return forward_ad.unpack_dual(loss(*(forward_ad.make_dual(*pair) for pair in pairs)))


def dual_of_gradient(
    loss: Loss, arguments: tuple[Tensor, ...], directions: tuple[Tensor, ...]
) -> Any:
    with forward_ad.dual_level():
        pairs = zip(leaves(arguments), directions, strict=True)
        duals = [forward_ad.make_dual(*pair) for pair in pairs]
        slopes = torch.autograd.grad(loss(*duals), duals)
        return [forward_ad.unpack_dual(one).tangent for one in slopes]


def batched_grads(loss: Loss, arguments: tuple[Tensor, ...], _: Any) -> Any:
    wanted = leaves(arguments)
    grads = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    return torch.autograd.grad(loss(*wanted), wanted, grads, is_grads_batched=True)


def all_of(function: Any) -> Any:
    """A transform of the loss in all its arguments."""

    def entry(loss: Loss, arguments: tuple[Tensor, ...], _: Any) -> Any:
        return function(loss, argnums=tuple(range(len(arguments))))(*arguments)

    return entry


def nested(outer: Any, inner: Any) -> Any:
    def entry(loss: Loss, arguments: tuple[Tensor, ...], _: Any) -> Any:
        # Of the weights of the recurrence and the first state, to keep the tables small.
        where = (1, 3)
        return outer(inner(loss, argnums=where), argnums=where)(*arguments)

    return entry


def over_samples(loss: Loss, arguments: tuple[Tensor, ...], _: Any) -> Any:
    inputs, *others = arguments
    several = torch.stack([inputs, -inputs, inputs + 1])
    none = (None,) * len(others)
    return torch.func.vmap(torch.func.grad(loss, argnums=(0, 1, 3)), (0, *none))(several, *others)


def over_weights(loss: Loss, arguments: tuple[Tensor, ...], _: Any) -> Any:
    several = [torch.stack([one, 2 * one]) for one in arguments]

    def total(*stacked: Tensor) -> Tensor:
        return torch.func.vmap(loss)(*stacked).square().sum()

    return torch.func.grad(total, argnums=tuple(range(len(several))))(*several)


def forward_over_reverse(
    loss: Loss, arguments: tuple[Tensor, ...], directions: tuple[Tensor, ...]
) -> Any:
    gradient = torch.func.grad(loss, argnums=tuple(range(len(arguments))))
    return torch.func.jvp(gradient, arguments, directions)


ENTRIES: Mapping[str, Callable[..., Any]] = {
    "backward": lambda loss, at, _: torch.autograd.grad(loss(*(own := leaves(at))), own),
    "gradient penalty": penalty,
    "second derivative of one argument": of_one_alone,
    "third derivative": third,
    "forward_ad": dual,
    "forward_ad over backward": dual_of_gradient,
    "is_grads_batched": batched_grads,
    "functional.jacobian": lambda loss, at, _: functional.jacobian(loss, at),
    "functional.jacobian, strict": lambda loss, at, _: functional.jacobian(loss, at, strict=True),
    "functional.jacobian, vectorized": lambda loss, at, _: functional.jacobian(
        loss, at, vectorize=True
    ),
    "functional.jacobian, forward": lambda loss, at, _: functional.jacobian(
        loss, at, vectorize=True, strategy="forward-mode"
    ),
    "functional.hessian": lambda loss, at, _: functional.hessian(loss, at),
    "functional.hessian, vectorized": lambda loss, at, _: functional.hessian(
        loss, at, vectorize=True
    ),
    "functional.hessian, forward": lambda loss, at, _: functional.hessian(
        loss, at, vectorize=True, outer_jacobian_strategy="forward-mode"
    ),
    "functional.hvp": lambda loss, at, along: functional.hvp(loss, at, along),
    "functional.vhp": lambda loss, at, along: functional.vhp(loss, at, along),
    "functional.jvp": lambda loss, at, along: functional.jvp(loss, at, along),
    "functional.jvp, strict": lambda loss, at, along: functional.jvp(loss, at, along, strict=True),
    "functional.vjp": lambda loss, at, _: functional.vjp(loss, at),
    "func.grad": all_of(torch.func.grad),
    "func.jacrev": all_of(torch.func.jacrev),
    "func.jacfwd": all_of(torch.func.jacfwd),
    "func.jvp": lambda loss, at, along: torch.func.jvp(loss, at, along),
    "func.vjp": lambda loss, at, _: torch.func.vjp(loss, *at)[1](torch.ones((), dtype=at[0].dtype)),
    "func.hessian": lambda loss, at, _: torch.func.hessian(loss, argnums=(1, 3))(*at),
    "func.jvp over grad": forward_over_reverse,
    "func.jacrev over jacfwd": nested(torch.func.jacrev, torch.func.jacfwd),
    "func.jacrev over jacrev": nested(torch.func.jacrev, torch.func.jacrev),
    "func.jacfwd over jacfwd": nested(torch.func.jacfwd, torch.func.jacfwd),
    "func.vmap over grad": over_samples,
    "func.grad over vmap": over_weights,
}
"""Ways to a derivative: of a loss, its arguments and directions the derivative."""


@every("entry", ENTRIES)
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("backend", [name for name in BACKENDS if name != "reference"])
def test_derivatives_are_those_of_the_reference(backend: str, cell: str, entry: str) -> None:
    layer = layer_of(cell, backend)
    oracle = layer_of(cell, "reference", layer.mask)
    found = ENTRIES[entry](*problem(layer))
    torch.testing.assert_close(found, ENTRIES[entry](*problem(oracle)), rtol=1e-9, atol=1e-11)


FORWARD = {
    "forward_ad",
    "functional.jacobian, forward",
    "func.jacfwd",
    "func.jvp",
    "func.hessian",
    "func.jvp over grad",
}
BACKWARD = [
    "backward",
    "gradient penalty",
    "second derivative of one argument",
    "third derivative",
    "is_grads_batched",
    "functional.hvp",
    "functional.jvp",
    "func.grad",
    "func.vmap over grad",
    "func.grad over vmap",
]


@pytest.mark.parametrize("entry", [*BACKWARD, *sorted(FORWARD)])
@pytest.mark.parametrize("cell", ["vanilla", "lstm"])
def test_derivatives_in_chunks_are_those_of_the_whole_or_refused(cell: str, entry: str) -> None:
    net = srnn.Network(
        2, 5, RAGGED, backend="sparse_cpu", cell=cell, dtype=torch.float64, **CELLS[cell]
    )
    trained = [(name, p.detach().clone()) for name, p in net.rnn.named_parameters()]
    slopes = drawn(5, 2, 5, seed=3)
    whole = (drawn(5, 2, 2, seed=1), drawn(1, 2, 5, seed=2), *(p for _, p in trained))

    def loss(inputs: Tensor, h0: Tensor, *weights: Tensor) -> Tensor:
        given = {f"rnn.{name}": own for (name, _), own in zip(trained, weights, strict=True)}
        state = (h0, h0) if cell == "lstm" else h0
        # The gradient is taken when the network has its own parameters again.
        return (torch.func.functional_call(net, given, (inputs, state))[0] * slopes).sum()

    along = tuple(drawn(*one.shape, seed=9) for one in whole)
    expected = ENTRIES[entry](loss, whole, along)
    net.chunk = 2
    if entry in FORWARD:
        with pytest.raises(srnn.SparseRnnError, match="chunk must be None for derivatives forward"):
            ENTRIES[entry](loss, whole, along)
        return
    torch.testing.assert_close(ENTRIES[entry](loss, whole, along), expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("alpha", [1.0, 0.3])
@pytest.mark.parametrize("name", CPU_BACKENDS)
def test_finite_differences_agree_to_second_order(name: str, alpha: float) -> None:
    mask = srnn.masks.autapse(3) if name == "autapse" else random_mask(np.random.default_rng(2), 3)
    kernel, edges = kernels.choose(name, mask), kernels.Edges.of(mask)

    def run(projected: Tensor, h0: Tensor, weight: Tensor) -> Tensor:
        return kernel.run(projected, h0, weight, edges, kernels.nonlinearity("tanh"), alpha)

    at = leaves((drawn(2, 2, 3, seed=1), drawn(2, 3, seed=2), drawn(mask.nnz, seed=3)))
    assert torch.autograd.gradcheck(
        run, at, check_forward_ad=True, check_batched_grad=True, check_batched_forward_grad=True
    )
    assert torch.autograd.gradgradcheck(run, at, check_fwd_over_rev=True)


@pytest.mark.parametrize("backend", ["dense", "sparse_cpu", "reference"])
def test_inputs_in_any_layout_without_a_graph_and_in_inference_mode(backend: str) -> None:
    layer = layer_of("vanilla", backend)
    inputs = drawn(2, 3, 4, seed=1).permute(2, 1, 0)
    expected = layer(inputs.contiguous())[0]
    assert torch.equal(layer(inputs)[0], expected)
    with torch.no_grad():
        assert not layer(inputs)[0].requires_grad
    with torch.inference_mode():
        assert torch.equal(layer(inputs)[0], expected)
    # A gradient in a layout of its own: one number for all.
    (whole,) = torch.autograd.grad(expected.sum(), layer.weight_hh)
    (spread,) = torch.autograd.grad(
        layer(inputs)[0], layer.weight_hh, torch.ones((), dtype=torch.float64).expand(4, 3, 5)
    )
    assert torch.equal(whole, spread)


@pytest.mark.parametrize("cell", ["vanilla", "gru"])
@pytest.mark.parametrize("backend", ["dense", "sparse_cpu"])
def test_chunks_compute_again_in_the_precision_of_the_pass_forward(backend: str, cell: str) -> None:
    options: Any = {"nonlinearity": "tanh"} if cell == "vanilla" else {}
    net = srnn.Network(5, 3, srnn.masks.dense(24), backend=backend, cell=cell, **options)
    inputs = drawn(12, 4, 5, seed=1).float()
    seen: list[torch.dtype] = []
    net.readout.register_forward_hook(lambda *called: seen.append(called[2].dtype))

    def gradient(chunk: int | None, *, short: bool) -> Tensor:
        net.chunk = chunk
        with torch.autocast("cpu", torch.bfloat16, enabled=short):
            loss = net(inputs)[0].float().square().sum()
        return torch.autograd.grad(loss, net.rnn.weight_hh)[0]

    exact, whole = gradient(None, short=False), gradient(None, short=True)
    seen.clear()
    chunked = gradient(4, short=True)
    assert set(seen) == {torch.bfloat16}
    assert len(seen) == 6  # Three chunks, twice.
    # The rounding of both is the same; sums over chunks round anew.
    torch.testing.assert_close(chunked, whole, rtol=0.02, atol=0.02 * float(exact.abs().max()))


@pytest.mark.parametrize("backend", ["dense", "sparse_cpu", "autapse"])
def test_a_change_in_place_before_the_gradient_is_noticed(backend: str) -> None:
    layer = layer_of("vanilla", backend)
    output, _ = layer(drawn(3, 2, 2, seed=1))
    with torch.no_grad():
        layer.weight_hh.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        output.sum().backward()
    if backend != "sparse_cpu":  # Which keeps states of its own.
        output, _ = layer(drawn(3, 2, 2, seed=1))
        with torch.no_grad():
            output.mul_(2)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            output.sum().backward()
