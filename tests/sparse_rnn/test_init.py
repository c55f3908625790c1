"""Initial weights: their ranges, their spread, and where they come from."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import sparse_rnn as srnn
from sparse_rnn import init, masks, seeding
from tests.sparse_rnn.helpers import random_mask

# Some units have one synapse, others many.
UNEVEN = random_mask(np.random.default_rng(0), 200, density=0.1)


def drawn(name: str, mask: srnn.Mask, seed: int = 0) -> torch.Tensor:
    return init.recurrent_weights(name, mask, seeding.generator(seed))


@pytest.mark.parametrize("name", init.INITS)
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
    ],
)
def test_weights_are_uniform_within_their_bound(name: str, bound: np.ndarray) -> None:
    scaled = drawn(name, UNEVEN).numpy() / bound
    assert np.abs(scaled).max() <= 1
    # Mean and variance of a uniform distribution on (-1, 1), within five standard errors.
    n = len(scaled)
    assert abs(scaled.mean()) < 5 / math.sqrt(3 * n)
    assert abs(scaled.var() - 1 / 3) < 5 * math.sqrt(4 / 45 / n)


def test_the_gain_of_fan_in_does_not_depend_on_the_mask() -> None:
    gains: dict[str, list[float]] = {name: [] for name in init.INITS}
    for mask in (masks.locality((20, 20), 2), masks.dense(400)):
        for name, found in gains.items():
            row_power = np.bincount(mask.targets(), drawn(name, mask).numpy() ** 2)
            found.append(float(row_power.mean()))
    assert gains["fan_in"][0] == pytest.approx(gains["fan_in"][1], rel=0.05)
    assert gains["torch"][0] < 0.1 * gains["torch"][1]


def test_for_a_dense_mask_fan_in_is_the_start_of_torch() -> None:
    mask = masks.dense(30)
    torch.testing.assert_close(drawn("fan_in", mask), drawn("torch", mask))


def test_unknown_names_are_refused_with_the_nearest() -> None:
    with pytest.raises(srnn.SparseRnnError, match=r"'fan-in'\. Did you mean 'fan_in'\?"):
        drawn("fan-in", UNEVEN)


@pytest.mark.parametrize("seed", [-1, 1.5, True, "0", None])
def test_seeds_that_are_none_are_refused(seed: object) -> None:
    with pytest.raises(srnn.SparseRnnError, match=r"^seed must be a whole number"):
        seeding.generator(seed)  # type: ignore[arg-type]


def test_spawning_leaves_the_callers_sequence_alone() -> None:
    parent = np.random.SeedSequence(5)
    first = [stream.generate_state(2).tolist() for stream in seeding.spawn(parent, 3)]
    second = [stream.generate_state(2).tolist() for stream in seeding.spawn(parent, 3)]
    assert first == second
    assert len({tuple(state) for state in first}) == 3
    assert parent.n_children_spawned == 0
