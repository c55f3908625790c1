"""The noise is standard normal, independent everywhere, and a pure function of key and step."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.typing import NDArray
from scipy import stats

from modcog import hashing
from modcog.rendering import noise
from tests.modcog import helpers

LEAST_P = 1e-4


def block(keys: NDArray[np.uint64], n_steps: int, n_channels: int, group: int = 1) -> Any:
    """Deviates of whole trials; float32 ``[keys, steps, channels]``."""
    key = np.repeat(keys, n_steps)
    step = np.tile(np.arange(n_steps), len(keys))
    return noise.deviates(key, step, group, n_channels).reshape(len(keys), n_steps, n_channels)


def random_keys(n: int, seed: int = 0) -> NDArray[np.uint64]:
    return helpers.rng(seed).integers(0, 2**64 - 1, n, dtype=np.uint64, endpoint=True)


# Keys as they are drawn, and the least random ones that anybody could give.
KEYS = {"drawn": random_keys(400), "consecutive": np.arange(400, dtype=np.uint64)}


@pytest.mark.parametrize("keys", KEYS.values(), ids=KEYS)
def test_moments_are_those_of_the_standard_normal(keys: NDArray[np.uint64]) -> None:
    values = block(keys, 25, 16).astype(np.float64).ravel()
    n = values.size
    assert abs(values.mean()) < 4.5 / n**0.5
    assert abs(values.var() - 1) < 4.5 * (2 / n) ** 0.5
    assert abs((values**3).mean()) < 4.5 * (15 / n) ** 0.5
    assert abs((values**4).mean() - 3) < 4.5 * (96 / n) ** 0.5
    assert stats.kstest(values, "norm").pvalue > LEAST_P


@pytest.mark.parametrize("keys", KEYS.values(), ids=KEYS)
def test_neighbours_in_every_direction_are_independent(keys: NDArray[np.uint64]) -> None:
    first = block(keys, 25, 16)
    other_group = block(keys, 25, 16, group=2)
    pairs = {
        "channels": (first[..., :-1], first[..., 1:]),
        "channels of other words": (first[..., :-4], first[..., 4:]),
        "steps": (first[:, :-1], first[:, 1:]),
        "keys": (first[:-1], first[1:]),
        "rings": (first, other_group),
        "ring 1 against the next step of ring 2": (first[:, 1:], other_group[:, :-1]),
    }
    # Four classes of equal probability each way: 16 cells that are equally full.
    quartiles = stats.norm.ppf([0.25, 0.5, 0.75])
    for where, (one, other) in pairs.items():
        cells = 4 * np.searchsorted(quartiles, one.ravel()) + np.searchsorted(
            quartiles, other.ravel()
        )
        assert stats.chisquare(np.bincount(cells, minlength=16)).pvalue > LEAST_P, where
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 4.5 / one.size**0.5, where
        assert abs(np.corrcoef(one.ravel() ** 2, other.ravel() ** 2)[0, 1]) < 4.5 / one.size**0.5


def test_every_quantile_is_used_alike() -> None:
    values = block(random_keys(600, 3), 25, 16).ravel()
    counts, _ = np.histogram(values, stats.norm.ppf(np.linspace(0, 1, 129)))
    assert stats.chisquare(counts).pvalue > LEAST_P


def test_no_two_rows_are_equal() -> None:
    rows = [block(random_keys(300, 4), 20, 16, group).reshape(-1, 16) for group in range(4)]
    assert len(np.unique(np.concatenate(rows), axis=0)) == 4 * 300 * 20


@given(
    keys=st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=8),
    n_steps=st.integers(1, 40),
    widths=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    group=st.integers(0, 3),
)
def test_a_deviate_depends_on_its_key_step_group_and_channel_alone(
    keys: list[int], n_steps: int, widths: tuple[int, int], group: int
) -> None:
    narrow, wide = sorted(widths)
    all_keys = np.array(keys, dtype=np.uint64)
    together = block(all_keys, n_steps, wide, group)
    for row, step in itertools.product(range(len(keys)), (0, n_steps - 1)):
        alone = noise.deviates(all_keys[row : row + 1], np.array([step]), group, narrow)
        np.testing.assert_array_equal(alone[0], together[row, step, :narrow])


def test_a_deviate_never_changes() -> None:
    # Every stored trial depends on these numbers: a change here alters all tasks.
    values = noise.deviates(np.array([0, 12345], dtype=np.uint64), np.array([0, 7]), 1, 3)
    again = noise.deviates(np.array([12345, 0], dtype=np.uint64), np.array([7, 0]), 1, 3)[::-1]
    np.testing.assert_array_equal(values, again)
    np.testing.assert_allclose(values, PINNED, atol=2e-6)


PINNED = [[0.100591, 0.229521, -0.109898], [0.466936, 0.428879, 0.912121]]


def test_mixing_is_one_to_one() -> None:
    words = np.concatenate([np.arange(50_000, dtype=np.uint64), random_keys(50_000, 5)])
    assert len(np.unique(hashing.mix(words.copy()))) == len(np.unique(words))


def test_mixing_one_bit_changes_about_half_of_the_bits() -> None:
    words = random_keys(2000, 6)
    for bit in range(64):
        flipped = hashing.mix(words.copy()) ^ noise.mix(words ^ np.uint64(1 << bit))
        assert 31 < np.bitwise_count(flipped).mean() < 33


def test_quantiles_have_mean_0_and_variance_1_and_are_symmetric() -> None:
    table = noise.quantiles().astype(np.float64)
    assert table.shape == (65536,)
    np.testing.assert_array_equal(table, -table[::-1])
    assert table.var() == pytest.approx(1, abs=1e-6)
    assert np.all(np.diff(table) >= 0)
    assert 4 < table.max() < 4.5
    np.testing.assert_allclose(table, stats.norm.ppf((np.arange(65536) + 0.5) / 65536), atol=1e-3)
    with pytest.raises(ValueError, match="read-only"):
        noise.quantiles()[0] = 0
