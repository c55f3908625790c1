"""The recurrent product of one step, of each kernel, against a dense matrix in float64."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

import sparse_rnn as srnn
from sparse_rnn import kernels, masks
from sparse_rnn.kernels.cpu import products
from tests.sparse_rnn.helpers import CPU_BACKENDS, random_mask

# Rows of 0 to all sources.
RAGGED = srnn.Mask.from_edges(7, [1, 1, 2, 5, *[6] * 7], [0, 6, 2, 3, *range(7)])


def mask_for(name: str, n_units: int, density: float, seed: int) -> srnn.Mask:
    """A mask that the kernel can serve."""
    if name == "autapse":
        return masks.autapse(n_units)
    return random_mask(np.random.default_rng(seed), n_units, density)


def leaves(
    mask: srnn.Mask, lanes: int, gates: Sequence[int], seed: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """A state and weights in float64."""
    generator = torch.Generator().manual_seed(seed)
    state, weight = (
        torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)
        for shape in ((lanes, mask.n_units), (*gates, mask.nnz))
    )
    return state, weight


def prepared(name: str, mask: srnn.Mask, weight: torch.Tensor) -> kernels.Product:
    return kernels.products(kernels.choose(name, mask), weight, kernels.Edges.of(mask))


def by_definition(mask: srnn.Mask, state: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    matrices = torch.zeros((*weight.shape[:-1], *mask.shape), dtype=weight.dtype)
    indices = torch.from_numpy(mask.indices.astype(np.int64))
    matrices[..., torch.from_numpy(mask.targets()), indices] = weight
    return state @ matrices.mT


@given(
    name=st.sampled_from(sorted(CPU_BACKENDS)),
    # Lanes that fill a tile of 8 to 32 and lanes that do not; units that fill a group and do not.
    lanes=st.integers(1, 41),
    n_units=st.integers(1, 21),
    density=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    gates=st.sampled_from([(), (1,), (3,)]),
    seed=st.integers(0, 2**31),
)
def test_products_are_those_of_a_dense_matrix(
    name: str, lanes: int, n_units: int, density: float, gates: tuple[int, ...], seed: int
) -> None:
    mask = mask_for(name, n_units, density, seed)
    results: list[tuple[torch.Tensor, ...]] = []
    for fast in (True, False):
        state, weight = leaves(mask, lanes, gates, seed)
        product = prepared(name, mask, weight)
        values = [state]
        for _ in range(2):  # Prepared once, used twice.
            now = values[-1]
            out = product(now) if fast else by_definition(mask, now, weight)
            values.append(torch.tanh(out if not gates else out.sum(0)))
        loss = (values[-1] * torch.linspace(-1, 2, state.numel()).view_as(state)).sum()
        grads = torch.autograd.grad(loss, (state, weight), allow_unused=True)
        results.append((out, *(g if g is not None else torch.zeros(()) for g in grads)))
    for ours, exact in zip(*results, strict=True):
        torch.testing.assert_close(ours, exact, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("gates", [(), (2,)])
@pytest.mark.parametrize("name", CPU_BACKENDS)
def test_gradients_are_those_of_finite_differences(name: str, gates: tuple[int, ...]) -> None:
    mask = masks.autapse(5) if name == "autapse" else RAGGED

    def product(state: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return prepared(name, mask, weight)(state)

    assert torch.autograd.gradcheck(product, leaves(mask, 3, gates, seed=1))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", CPU_BACKENDS)
def test_products_have_the_type_of_their_weights(name: str, dtype: torch.dtype) -> None:
    mask = masks.autapse(5) if name == "autapse" else RAGGED
    state, weight = (leaf.detach().to(dtype) for leaf in leaves(mask, 3, (2,), seed=1))
    out = prepared(name, mask, weight)(state)
    assert out.dtype == dtype
    assert out.shape == (2, 3, mask.n_units)
    torch.testing.assert_close(out, by_definition(mask, state, weight))


@pytest.mark.parametrize("name", CPU_BACKENDS)
def test_states_of_any_layout_are_taken_and_left_alone(name: str) -> None:
    mask = masks.autapse(7) if name == "autapse" else RAGGED
    state, weight = (leaf.detach() for leaf in leaves(mask, 4, (), seed=1))
    strided = state.T.contiguous().T
    before = strided.clone()
    torch.testing.assert_close(
        prepared(name, mask, weight)(strided), by_definition(mask, state, weight)
    )
    assert torch.equal(strided, before)


def test_frozen_weights_cost_the_sparse_kernel_no_gradient(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    state, weight = leaves(RAGGED, 3, (), seed=1)
    monkeypatch.setattr(products, "gradients", None)
    prepared("sparse_cpu", RAGGED, weight.detach())(state).sum().backward()
    assert state.grad is not None
    assert weight.grad is None


def test_results_do_not_depend_on_the_number_of_threads() -> None:
    mask = random_mask(np.random.default_rng(0), 60, 0.2)
    before = torch.get_num_threads()
    found: list[tuple[torch.Tensor, ...]] = []
    try:
        for n_threads in (1, 2):
            torch.set_num_threads(n_threads)
            state, weight = leaves(mask, 16, (2,), seed=1)
            out = prepared("sparse_cpu", mask, weight)(state)
            found.append((out, *torch.autograd.grad(out.square().sum(), (state, weight))))
    finally:
        torch.set_num_threads(before)
    for one, two in zip(*found, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-12, atol=1e-12)


def test_weights_that_change_before_the_backward_pass_are_noticed() -> None:
    state, weight = leaves(RAGGED, 3, (), seed=1)
    out = prepared("sparse_cpu", RAGGED, weight)(state)
    with torch.no_grad():
        weight.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.sum().backward()
