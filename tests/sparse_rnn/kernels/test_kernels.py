"""Every kernel against the reference, in values and gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

import sparse_rnn as srnn
from sparse_rnn import kernels, masks
from tests.sparse_rnn.helpers import CPU_BACKENDS, random_mask
from tests.sparse_rnn.mask_families import FAMILIES, SIZE

FAST = [name for name in CPU_BACKENDS if name != "reference"]
F = sorted(kernels.NONLINEARITIES)


def mask_for(name: str, n_units: int, seed: int) -> srnn.Mask:
    """A mask that the kernel can serve."""
    if name == "autapse":
        return masks.autapse(n_units)
    return random_mask(np.random.default_rng(seed), n_units)


def operands(mask: srnn.Mask, steps: int, lanes: int, seed: int) -> tuple[torch.Tensor, ...]:
    """Projected inputs, first state and weights, as leaves in float64."""
    generator = torch.Generator().manual_seed(seed)
    shapes = ((steps, lanes, mask.n_units), (lanes, mask.n_units), (mask.nnz,))
    return tuple(
        torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)
        for shape in shapes
    )


def runner(
    name: str, mask: srnn.Mask, nonlinearity: str, alpha: float = 1.0
) -> Callable[..., torch.Tensor]:
    kernel, edges = kernels.choose(name, mask), kernels.Edges.of(mask)
    return lambda *tensors: kernel.run(*tensors, edges, kernels.nonlinearity(nonlinearity), alpha)


@given(
    name=st.sampled_from(FAST),
    nonlinearity=st.sampled_from(F),
    steps=st.integers(1, 6),
    lanes=st.integers(1, 4),
    n_units=st.integers(1, 9),
    alpha=st.sampled_from([1.0, 0.5, 0.05]),
    seed=st.integers(0, 2**31),
)
def test_kernels_agree_with_the_reference(  # noqa: PLR0913 - what Hypothesis draws
    name: str, nonlinearity: str, steps: int, lanes: int, n_units: int, alpha: float, seed: int
) -> None:
    mask = mask_for(name, n_units, seed)
    results: list[tuple[torch.Tensor, ...]] = []
    for backend in (name, "reference"):
        leaves = operands(mask, steps, lanes, seed)
        states = runner(backend, mask, nonlinearity, alpha)(*leaves)
        # A loss whose gradient differs from state to state.
        loss = (
            states * torch.linspace(-1, 2, states.numel(), dtype=states.dtype).view_as(states)
        ).sum()
        results.append((states, *torch.autograd.grad(loss, leaves)))
    for fast, exact in zip(*results, strict=True):
        torch.testing.assert_close(fast, exact, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("alpha", [1.0, 0.2])
@pytest.mark.parametrize("nonlinearity", F)
@pytest.mark.parametrize("name", CPU_BACKENDS)
def test_gradients_are_those_of_finite_differences(
    name: str, nonlinearity: str, alpha: float
) -> None:
    mask = mask_for(name, 4, seed=3)
    assert torch.autograd.gradcheck(
        runner(name, mask, nonlinearity, alpha), operands(mask, steps=3, lanes=2, seed=5)
    )


@pytest.mark.parametrize("nonlinearity", F)
@pytest.mark.parametrize("family", FAMILIES)
def test_gradients_on_every_mask_family(family: str, nonlinearity: str) -> None:
    mask = masks.build(family, SIZE, **FAMILIES[family])
    for name in FAST:
        if not kernels.KERNELS[name].refusal(mask, "cpu"):
            leaves = operands(mask, steps=2, lanes=1, seed=5)
            kernel = runner(name, mask, nonlinearity)
            assert torch.autograd.gradcheck(kernel, leaves, fast_mode=True)


def driven(
    name: str, mask: srnn.Mask, alpha: float = 1.0
) -> Callable[[torch.Tensor], Callable[..., torch.Tensor]]:
    """Of inputs the function of input weights, bias, first state and edge values."""
    kernel, edges, tanh = kernels.choose(name, mask), kernels.Edges.of(mask), "tanh"

    def of(inputs: torch.Tensor) -> Callable[..., torch.Tensor]:
        return lambda weight, bias, *others: kernel.states(
            kernels.Drive(inputs, weight, bias), *others, edges, kernels.nonlinearity(tanh), alpha
        )

    return of


def driving(mask: srnn.Mask, inputs: torch.Tensor, seed: int) -> tuple[torch.Tensor, ...]:
    """Input weights, bias, first state and weights, as leaves in float64."""
    generator = torch.Generator().manual_seed(seed)
    n_units, (_, lanes, channels) = mask.n_units, inputs.shape
    return tuple(
        torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)
        for shape in ((n_units, channels), (n_units,), (lanes, n_units), (mask.nnz,))
    )


def rule_inputs(steps: int, lanes: int, dense: int, rules: int, seed: int) -> torch.Tensor:
    """Inputs whose last channels are rules: one of them, or none, is active for some steps."""
    rng = np.random.default_rng(seed)
    inputs = rng.standard_normal((steps, lanes, dense + rules))
    rule = rng.integers(-1, rules, (steps // 7 + 1, lanes)).repeat(7, axis=0)[:steps]
    inputs[:, :, dense:] = np.arange(rules) == rule[:, :, None]
    inputs[:, :, dense:] *= rng.choice([1.0, 0.5])
    return torch.from_numpy(inputs)


@given(
    lanes=st.integers(1, 40),
    dense=st.integers(0, 4),
    rules=st.integers(1, 200),
    n_units=st.integers(1, 9),
    alpha=st.sampled_from([1.0, 0.3]),
    seed=st.integers(0, 2**31),
)
def test_rule_inputs_are_looked_up_and_nothing_else_changes(
    lanes: int, dense: int, rules: int, n_units: int, alpha: float, seed: int
) -> None:
    mask = random_mask(np.random.default_rng(seed), n_units)
    inputs = rule_inputs(15, lanes, dense, rules, seed)
    results: list[tuple[torch.Tensor, ...]] = []
    for backend in ("sparse_cpu", "reference"):
        leaves = driving(mask, inputs, seed)
        states = driven(backend, mask, alpha)(inputs)(*leaves)
        weights = torch.linspace(-1, 2, states.numel(), dtype=states.dtype).view_as(states)
        results.append((states, *torch.autograd.grad((states * weights).sum(), leaves)))
    for fast, exact in zip(*results, strict=True):
        torch.testing.assert_close(fast, exact, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("rules", [1, 300])
def test_gradients_of_the_input_are_those_of_finite_differences(rules: int) -> None:
    mask = random_mask(np.random.default_rng(3), 3)
    inputs = rule_inputs(6, 2, 2, rules, seed=1)[:, :, :40]
    assert torch.autograd.gradcheck(
        driven("sparse_cpu", mask, 0.4)(inputs), driving(mask, inputs, 5)
    )


def test_inputs_that_want_a_gradient_get_it() -> None:
    mask = random_mask(np.random.default_rng(3), 6)
    found = []
    for name in ("sparse_cpu", "reference"):
        inputs = rule_inputs(6, 2, 2, 30, seed=1).requires_grad_()
        driven(name, mask)(inputs)(*driving(mask, inputs, 5)).square().sum().backward()
        found.append(inputs.grad)
    torch.testing.assert_close(*found)


@pytest.mark.parametrize("name", FAST)
def test_gradients_are_computed_where_they_are_asked_for(name: str) -> None:
    mask = mask_for(name, 5, seed=1)
    for wanted in range(3):
        leaves = [leaf.detach() for leaf in operands(mask, 3, 2, seed=2)]
        leaves[wanted].requires_grad_()
        expected = [leaf.clone().detach() for leaf in leaves]
        expected[wanted].requires_grad_()
        runner(name, mask, "tanh")(*leaves).sum().backward()
        runner("reference", mask, "tanh")(*expected).sum().backward()
        torch.testing.assert_close(leaves[wanted].grad, expected[wanted].grad)


@pytest.mark.parametrize("name", FAST)
def test_inputs_of_any_layout_are_taken_and_left_alone(name: str) -> None:
    mask = mask_for(name, 6, seed=1)
    projected, h0, weight = (leaf.detach() for leaf in operands(mask, 4, 3, seed=2))
    strided = projected.transpose(0, 2).contiguous().transpose(0, 2)
    before = [tensor.clone() for tensor in (strided, h0, weight)]
    states = runner(name, mask, "relu")(strided, h0, weight)
    torch.testing.assert_close(states, runner("reference", mask, "relu")(projected, h0, weight))
    for tensor, copy in zip((strided, h0, weight), before, strict=True):
        assert torch.equal(tensor, copy)


@pytest.mark.parametrize("name", FAST)
def test_tensors_of_several_types_are_refused(name: str) -> None:
    projected, h0, weight = operands(mask_for(name, 3, seed=1), 2, 1, seed=0)
    with pytest.raises(srnn.SparseRnnError, match=r"of one type; got 'torch.float32, torch.float"):
        runner(name, mask_for(name, 3, seed=1), "tanh")(projected, h0.float(), weight)


@pytest.mark.parametrize("nonlinearity", F)
def test_nonlinearities_in_place_and_their_derivatives(nonlinearity: str) -> None:
    f = kernels.nonlinearity(nonlinearity)
    # Up to where softplus is the identity to the last bit.
    values = torch.linspace(-50, 50, 401, dtype=torch.float64) + 0.05
    leaf = values.clone().requires_grad_()
    out = f.apply(leaf)
    (expected,) = torch.autograd.grad(out.sum(), leaf)
    torch.testing.assert_close(f.apply_(values.clone()), out.detach(), rtol=1e-14, atol=0)
    grad = torch.ones_like(values)
    assert f.chain_(grad, out.detach()) is grad
    torch.testing.assert_close(grad, expected, rtol=1e-13, atol=1e-15)


def test_auto_takes_the_most_special_kernel() -> None:
    assert kernels.choose("auto", masks.autapse(4)).name == "sparse_cpu"
    assert kernels.choose("auto", masks.autapse(4), "cuda").name == "autapse"
    assert kernels.choose("auto", masks.autapse(4), cost=kernels.STEP_COST).name == "autapse"
    assert kernels.choose("auto", masks.locality((3, 3), 2)).name == "dense"
    assert kernels.choose("auto", masks.locality((30, 30), 2)).name == "sparse_cpu"
    assert kernels.choose("auto", masks.locality((30, 30), 9), "cuda").name == "dense"
    assert kernels.choose("reference", masks.autapse(4)).name == "reference"


def test_auto_knows_that_softplus_is_slow_in_the_sparse_kernel() -> None:
    dense_enough, sparse_enough = masks.locality((20, 20), 6), masks.locality((20, 20), 2)
    assert kernels.choose("auto", dense_enough).name == "sparse_cpu"
    assert kernels.choose("auto", dense_enough, nonlinearity="softplus").name == "dense"
    assert kernels.choose("auto", sparse_enough, nonlinearity="softplus").name == "sparse_cpu"
    layer = srnn.MaskedRNN(3, dense_enough, "softplus")
    assert layer.backend == "dense"
    assert srnn.LeakyRNN(3, masks.autapse(9), "softplus").backend == "autapse"


def test_kernels_refuse_with_a_reason() -> None:
    with pytest.raises(srnn.SparseRnnError, match="one self-connection a unit only"):
        kernels.choose("autapse", masks.dense(3))
    # As many synapses as units, but not their own.
    with pytest.raises(srnn.SparseRnnError, match="one self-connection a unit only"):
        kernels.choose("autapse", srnn.Mask.from_edges(2, [0, 1], [1, 0]))
    with pytest.raises(srnn.SparseRnnError, match=r"'densse'\. Did you mean 'dense'\?"):
        kernels.choose("densse", masks.dense(3))
    with pytest.raises(srnn.SparseRnnError, match=r"'rellu'\. Did you mean 'relu'\?"):
        kernels.nonlinearity("rellu")


class _Ring(NamedTuple):
    """A pattern that is no mask: each unit hears the next one."""

    n_units: int

    @property
    def nnz(self) -> int:
        return self.n_units

    @property
    def indices(self) -> np.ndarray:
        return np.roll(np.arange(self.n_units, dtype=np.int32), -1)

    def targets(self) -> np.ndarray:
        return np.arange(self.n_units)


@pytest.mark.parametrize("name", ["auto", "dense", "sparse_cpu"])
def test_kernels_know_nothing_of_masks_but_where_the_edges_are(name: str) -> None:
    ring = _Ring(9)
    mask = srnn.Mask.from_edges(9, ring.targets(), ring.indices)
    projected, h0, weight = torch.randn(5, 3, 9), torch.randn(3, 9), torch.randn(9)
    relu = kernels.nonlinearity("relu")
    one, other = (
        kernels.choose(name, pattern).run(projected, h0, weight, kernels.Edges.of(pattern), relu)
        for pattern in (ring, mask)
    )
    assert torch.equal(one, other)
    pair = kernels.Edges.side_by_side([ring, mask])
    assert pair.mask.n_units == pair.mask.nnz == 18
    assert torch.equal(
        pair.scatter(torch.ones(18)),
        torch.from_numpy(np.kron(np.eye(2), mask.to_dense()).astype(np.float32)),
    )


def test_the_old_name_of_states_warns() -> None:
    mask = masks.autapse(4)
    drive = kernels.Drive(torch.randn(5, 3, 2), torch.randn(4, 2), None)
    rest = torch.zeros(3, 4), torch.ones(4), kernels.Edges.of(mask), kernels.nonlinearity("tanh")
    kernel = kernels.choose("dense", mask)
    with pytest.warns(DeprecationWarning, match=r"Kernel.drive is now Kernel.states"):
        states = kernel.drive(drive, *rest)
    assert torch.equal(states, kernel.states(drive, *rest))
