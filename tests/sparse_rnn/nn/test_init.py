"""Initial weights: their ranges, their spread, and where they come from."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from scipy.optimize import linear_sum_assignment

import sparse_rnn as srnn
from sparse_rnn import kernels, masks, seeding
from sparse_rnn.nn import init
from tests.sparse_rnn.helpers import random_mask

# Some units have one synapse, others many.
UNEVEN = random_mask(np.random.default_rng(0), 200, density=0.1)


RANDOM = [name for name in init.INITS if name not in ("identity", "permutation")]


def drawn(name: str, mask: srnn.Mask, seed: int = 0) -> torch.Tensor:
    return init.recurrent_weights(name, mask, seeding.generator(seed))


def matrix(mask: srnn.Mask, values: torch.Tensor) -> np.ndarray:
    return kernels.Edges.of(mask).scatter(values).numpy()


def gain(name: str, mask: srnn.Mask) -> float:
    """Root of the summed squares of the weights onto a unit, over the units that have any."""
    power = np.bincount(mask.targets(), drawn(name, mask).numpy() ** 2, minlength=mask.n_units)
    return math.sqrt(power[mask.in_degree() > 0].mean())


@pytest.mark.parametrize("name", RANDOM)
def test_one_value_an_edge_in_float64_from_the_generator_alone(name: str) -> None:
    before = torch.random.get_rng_state()
    values = drawn(name, UNEVEN)
    assert values.shape == (UNEVEN.nnz,)
    assert values.dtype == torch.float64
    assert torch.equal(values, drawn(name, UNEVEN))
    assert not torch.equal(values, drawn(name, UNEVEN, seed=1))
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize(
    ("name", "bound"),
    [
        ("torch", np.full(UNEVEN.nnz, 1 / math.sqrt(200))),
        ("fan_in", 1 / np.sqrt(UNEVEN.in_degree()[UNEVEN.targets()])),
        ("he", np.sqrt(6 / UNEVEN.in_degree()[UNEVEN.targets()])),
    ],
)
def test_weights_are_uniform_within_their_bound(name: str, bound: np.ndarray) -> None:
    scaled = drawn(name, UNEVEN).numpy() / bound
    assert np.abs(scaled).max() <= 1
    # Mean and variance of a uniform distribution on (-1, 1), within five standard errors.
    n = len(scaled)
    assert abs(scaled.mean()) < 5 / math.sqrt(3 * n)
    assert abs(scaled.var() - 1 / 3) < 5 * math.sqrt(4 / 45 / n)


# In-degrees from 1 to 900, equal or not.
SPREAD = [
    srnn.masks.autapse(900),
    *(srnn.masks.locality((30, 30), radius) for radius in (1, 2, 4, 8)),
    random_mask(np.random.default_rng(1), 900, density=0.02),
    random_mask(np.random.default_rng(2), 900, density=0.3),
    srnn.masks.dense(900),
]


@pytest.mark.parametrize("mask", SPREAD, ids=repr)
@pytest.mark.parametrize(
    ("name", "expected"),
    [("fan_in", math.sqrt(1 / 3)), ("he", math.sqrt(2)), ("orthogonal", 1.0)],
)
def test_gains_that_do_not_depend_on_the_mask(name: str, expected: float, mask: srnn.Mask) -> None:
    exact = name == "orthogonal"
    assert gain(name, mask) == pytest.approx(expected, rel=1e-12 if exact else 0.06)


@pytest.mark.parametrize("mask", [mask for mask in SPREAD if mask.family != "custom"], ids=repr)
def test_the_gain_of_self_connections_is_their_weight(mask: srnn.Mask) -> None:
    assert gain("identity", mask) == 1
    assert np.array_equal(matrix(mask, drawn("identity", mask)), np.eye(900))


def test_the_gain_of_torch_shrinks_with_the_in_degree() -> None:
    for mask in SPREAD:
        expected = math.sqrt(mask.nnz / mask.n_units / 900 / 3)
        assert gain("torch", mask) == pytest.approx(expected, rel=0.06)


def test_the_gain_of_a_spectral_radius_comes_near_one_as_the_in_degree_grows() -> None:
    found = [gain("spectral_radius", srnn.masks.locality((30, 30), r)) for r in (1, 2, 4, 8, 14)]
    assert found == sorted(found)
    assert found[0] < 0.75
    assert 0.9 < found[-1] < 1


@pytest.mark.parametrize("radius", [1.0, 0.7])
@pytest.mark.parametrize("n_units", [init.SMALL, init.SMALL + 225])
def test_the_spectral_radius_is_the_gain(n_units: int, radius: float) -> None:
    for mask in (
        srnn.masks.locality(n_units if n_units % 25 else (25, n_units // 25), radius=2),
        random_mask(np.random.default_rng(3), n_units, density=0.05),
        srnn.masks.autapse(n_units),
    ):
        values = init.recurrent_weights("spectral_radius", mask, seeding.generator(0), gain=radius)
        found = np.abs(np.linalg.eigvals(matrix(mask, values))).max()
        assert found == pytest.approx(radius, rel=1e-8)
        again = init.recurrent_weights("spectral_radius", mask, seeding.generator(0), gain=radius)
        assert torch.equal(values, again)


@pytest.mark.parametrize("n_units", [5, init.SMALL + 1])
def test_a_mask_without_a_cycle_has_no_spectral_radius(n_units: int) -> None:
    chain = srnn.Mask.from_edges(n_units, np.arange(1, n_units), np.arange(n_units - 1))
    with pytest.raises(srnn.SparseRnnError, match="mask must be a mask with a cycle"):
        drawn("spectral_radius", chain)
    # One short cycle behind the chain decides.
    targets, sources = [*range(1, n_units), n_units - 2], [*range(n_units - 1), n_units - 1]
    values = drawn("spectral_radius", srnn.Mask.from_edges(n_units, targets, sources)).numpy()
    assert abs(values[-1] * values[-2]) == pytest.approx(1)


def test_orthogonal_is_exact_where_that_is_possible() -> None:
    mask = srnn.masks.dense(40)
    found = matrix(mask, drawn("orthogonal", mask))
    np.testing.assert_allclose(found @ found.T, np.eye(40), atol=1e-12)
    own = drawn("orthogonal", srnn.masks.autapse(40))
    torch.testing.assert_close(own.abs(), torch.ones_like(own))
    assert set(own.sign().tolist()) == {1.0, -1.0}
    # Rows without a common source are orthogonal, and all have norm 1.
    local = srnn.masks.locality((20, 20), radius=1)
    rows = matrix(local, drawn("orthogonal", local))
    products = rows @ rows.T
    np.testing.assert_allclose(products.diagonal(), 1)
    shared = local.to_dense().astype(int) @ local.to_dense().T.astype(int) > 0
    assert not products[~shared].any()


def test_the_identity_needs_self_connections() -> None:
    with pytest.raises(srnn.SparseRnnError, match="all self-connections.* 184 units lack one"):
        drawn("identity", UNEVEN)


@pytest.mark.parametrize("mask", [mask for mask in SPREAD if mask.family != "custom"], ids=repr)
def test_a_permutation_is_the_identity_where_all_units_have_a_synapse_onto_themselves(
    mask: srnn.Mask,
) -> None:
    assert torch.equal(drawn("permutation", mask), drawn("identity", mask))


@given(st.integers(1, 12), st.floats(0.05, 0.9), st.integers(0, 2**32 - 1))
def test_a_permutation_keeps_own_synapses_and_pairs_as_many_units_as_it_can(
    n_units: int, density: float, seed: int
) -> None:
    mask = random_mask(np.random.default_rng(seed), n_units, density=density)
    found = matrix(mask, drawn("permutation", mask))
    allowed = mask.to_dense()
    assert set(np.unique(found)) <= {0.0, 1.0}
    assert not found[~allowed].any()
    assert max(found.sum(0).max(), found.sum(1).max()) <= 1
    own = allowed.diagonal()
    assert found.diagonal()[own].all()
    # Of the others as many as there can be: the assignment of largest weight says how many.
    rest = allowed[~own][:, ~own]
    rows, columns = linear_sum_assignment(rest, maximize=True)
    assert found[~own].sum() == rest[rows, columns].sum()


def test_a_random_mask_with_enough_synapses_has_a_whole_permutation() -> None:
    mask = srnn.masks.random(225, in_degree=49, self_connections="never", seed=0)
    found = matrix(mask, drawn("permutation", mask))
    assert np.array_equal(found @ found.T, np.eye(225))
    assert not found.diagonal().any()


@pytest.mark.parametrize(
    ("edges", "told"),
    [
        ([(0, 1), (1, 2), (2, 0)], ""),
        ([(0, 1), (0, 2), (0, 3)], "2 of 3 units"),
        ([(0, 0), (0, 1), (0, 2)], "2 of 3 units"),
    ],
    ids=["a ring", "a hub", "a hub that keeps what it holds"],
)
def test_units_that_a_permutation_leaves_over_are_told(
    edges: list[tuple[int, int]], told: str, caplog: pytest.LogCaptureFixture
) -> None:
    sources, targets = zip(*edges, strict=True)
    drawn("permutation", srnn.Mask.from_edges(4, targets, sources))
    assert told in caplog.text
    assert bool(told) == bool(caplog.text)


def test_units_without_synapses_are_served() -> None:
    lonely = srnn.Mask.from_edges(4, [0, 1, 1], [0, 0, 3])
    for name in (*RANDOM, "permutation"):
        assert drawn(name, lonely).isfinite().all()


@pytest.mark.parametrize("name", RANDOM)
def test_the_gain_is_a_factor(name: str) -> None:
    plain = drawn(name, UNEVEN)
    scaled = init.recurrent_weights(name, UNEVEN, seeding.generator(0), gain=1.5)
    torch.testing.assert_close(scaled, 1.5 * plain)
    for wrong in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(srnn.SparseRnnError, match="init_gain must be a finite number above 0"):
            init.recurrent_weights(name, UNEVEN, seeding.generator(0), gain=wrong)


def test_for_a_dense_mask_fan_in_is_the_start_of_torch() -> None:
    mask = masks.dense(30)
    torch.testing.assert_close(drawn("fan_in", mask), drawn("torch", mask))


def test_unknown_names_are_refused_with_the_nearest() -> None:
    with pytest.raises(srnn.SparseRnnError, match=r"'fan-in'\. Did you mean 'fan_in'\?"):
        drawn("fan-in", UNEVEN)


@pytest.mark.parametrize("seed", [-1, 1.5, True, "0", None])
def test_seeds_that_are_none_are_refused(seed: object) -> None:
    with pytest.raises(srnn.SparseRnnError, match=r"^seed must be a whole number"):
        seeding.generator(seed)
