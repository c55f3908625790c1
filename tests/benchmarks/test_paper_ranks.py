"""Quantities judged by ranks: against scipy, and how often they are wrong where nothing differs."""

from __future__ import annotations

import doctest
import math

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import stats

from benchmarks.paper import _learning as learning, _ranks as ranks
from benchmarks.paper._ranks import Association, Shift
from benchmarks.paper._statistics import SHARE, Sample, above, verdict, within
from benchmarks.paper.claims import CLAIMS

VALUES = st.lists(st.floats(0, 1), min_size=2, max_size=7, unique=True)


def sample(values: np.ndarray | list[float], bounds: tuple[float, float] = SHARE) -> Sample:
    return Sample.of(range(len(values)), values, bounds)


def test_examples_in_docstrings_are_right() -> None:
    result = doctest.testmod(ranks)
    assert result.attempted
    assert not result.failed


@given(VALUES, VALUES, st.floats(-0.5, 0.5), st.integers(1, 4))
def test_a_level_beyond_the_interval_is_one_that_the_exact_test_rejects(
    ours: list[float], other: list[float], level: float, comparisons: int
) -> None:
    shift = Shift(sample(ours), sample(other))
    lowered = np.array(ours) - level
    if set(lowered) & set(other):  # scipy has no exact test with ties.
        return
    tail = 0.025 / comparisons
    low, high = shift.interval(comparisons)
    if abs(level - low) > 1e-9 and low != shift.bounds[0]:
        p = stats.mannwhitneyu(lowered, other, alternative="greater", method="exact").pvalue
        assert (level < low) == (p <= tail + 1e-12)
    if abs(level - high) > 1e-9 and high != shift.bounds[1]:
        p = stats.mannwhitneyu(lowered, other, alternative="less", method="exact").pvalue
        assert (level > high) == (p <= tail + 1e-12)
    assert low <= shift.centre <= high


def test_how_many_seeds_decide() -> None:
    def decided(n: int, checks: int = 1) -> list[bool | None]:
        higher, lower = sample(np.linspace(0.8, 0.9, n)), sample(np.linspace(0.1, 0.2, n))
        check = above("", Shift(higher, lower))
        return [check.state(checks), above("", Shift(lower, higher)).state(checks)]

    assert decided(3) == [None, None]
    assert decided(4) == [True, False]
    assert decided(5, 6) == [True, False]
    assert decided(5, 7) == [True, None]
    assert Shift(Sample({}), sample([0.1])).n == 0
    assert math.isnan(Shift(Sample({}), sample([0.1])).interval()[0])


def test_a_seed_that_diverged_is_the_lowest_rank_and_no_more() -> None:
    ours = sample([0.8, 0.81, 0.82, 0.83, 0.84])
    other = sample([0.5, 0.51, 0.52, 0.53]).counting([4], worst=0.0)
    shift = Shift(ours, other)
    assert above("", shift).holds is True
    assert above("", ours - other).holds is True
    row = learning.row("lead", shift, CLAIMS["fig2a"])
    assert (row.value, row.n_seeds) == (shift.centre, 5)
    assert row.note == "diverged: seeds 4, counted at worst"
    # One that diverges among the better network does not hide that the others are better.
    nearly = sample([0.8, 0.81, 0.82, 0.83]).counting([4], worst=0.0)
    lower = sample([0.3, 0.31, 0.32, 0.33, 0.34])
    assert above("", Shift(nearly, lower)).holds is None
    assert Shift(nearly, lower).centre == pytest.approx(0.49)
    assert above("", Shift(ours, Sample({0: 0.1}).counting([1]))).holds is None


N_WORLDS = 2000


def promised(n_wrong: int, rate: float = 0.025) -> bool:
    """Whether so many errors in `N_WORLDS` are no evidence of more than what is promised."""
    return n_wrong <= stats.binom.ppf(0.999, N_WORLDS, rate)


def alike(rng: np.random.Generator, shape: str, n: int) -> np.ndarray:
    """Values ``[2, n]`` of two networks that do not differ."""
    if shape == "performance":
        return rng.beta(8, 2, size=(2, n))
    if shape == "of the same trials":
        return np.clip(rng.normal(0.7, 0.08, n) + rng.normal(0, 0.04, (2, n)), 0, 1)
    if shape == "some diverged":
        return rng.beta(8, 2, size=(2, n)) * (rng.random((2, n)) > 0.25)
    return rng.negative_binomial(0.3, 0.02, size=(2, n)).astype(float)  # bursts: 0, or many


@pytest.mark.parametrize("shape", ["performance", "of the same trials", "some diverged", "bursts"])
@pytest.mark.parametrize("n", [4, 5])
def test_networks_that_are_alike_seldom_differ(shape: str, n: int) -> None:
    rng = np.random.default_rng(n)
    found = [
        above("", Shift(*(sample(one, (0, math.inf)) for one in alike(rng, shape, n)))).holds
        for _ in range(N_WORLDS)
    ]
    assert promised(found.count(True))
    assert promised(found.count(False))


def test_a_network_that_is_spread_wider_differs_in_1_of_32() -> None:
    """The limit that the module states: equal medians, and nothing else equal."""
    rng = np.random.default_rng(0)
    found = [
        above("", Shift(sample(rng.normal(0.7, 1e-6, 5)), sample(rng.normal(0.7, 0.1, 5)))).holds
        for _ in range(N_WORLDS)
    ]
    assert promised(found.count(True), 1 / 32)


def test_a_claim_of_many_checks_by_ranks_is_seldom_refuted() -> None:
    rng = np.random.default_rng(1)
    verdicts = [
        verdict([above("", Shift(*map(sample, rng.beta(8, 2, size=(2, 5))))) for _ in range(5)])
        for _ in range(N_WORLDS // 2)
    ]
    assert verdicts.count("not reproduced") <= stats.binom.ppf(0.999, N_WORLDS // 2, 0.025)


def test_a_margin_that_is_kept_and_one_that_is_not() -> None:
    ours, other = sample([0.7, 0.71, 0.72, 0.73, 0.74]), sample([0.7, 0.715, 0.725, 0.73, 0.75])
    assert within("", Shift(ours, other), -math.inf, 0.05).holds is True
    assert within("", Shift(ours, sample([0.5] * 5)), -math.inf, 0.05).holds is False


def test_an_association_is_that_of_scipy_and_draws_whole_groups() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(12, 2))
    alone = Association({str(i): [tuple(point)] for i, point in enumerate(points)})
    assert alone.centre == pytest.approx(stats.spearmanr(*points.T).statistic)
    assert alone.interval() == Association(alone.groups).interval()
    # Ten copies of each point say no more than one.
    copied = Association({name: list(pairs) * 10 for name, pairs in alone.groups.items()})
    assert copied.n == alone.n == 12
    assert copied.interval() == pytest.approx(alone.interval(), abs=0.02)
    low, high = alone.interval()
    assert copied.interval(9)[0] < low
    assert copied.interval(9)[1] > high


def test_what_never_differs_goes_with_nothing() -> None:
    flat = Association({str(i): [(i, 3.0)] for i in range(9)})
    assert (flat.n, math.isnan(flat.centre), math.isnan(flat.interval()[0])) == (0, True, True)
    assert above("", flat).holds is None
    lost = Association({str(i): [(i, i)] for i in range(9)}, frozenset({3}))
    assert above("", lost).holds is None


def test_what_does_not_go_together_is_seldom_found_to() -> None:
    """Groups whose pairs are alike; the bootstrap of few groups is nearly as good as it says."""
    rng = np.random.default_rng(0)
    n_found = 0
    for _ in range(60):
        groups = rng.normal(size=(20, 1, 2)) + 0.3 * rng.normal(size=(20, 3, 2))
        made = {str(i): [(x, y) for x, y in one] for i, one in enumerate(groups.tolist())}
        n_found += above("", Association(made, resamples=100)).holds is not None
    assert n_found <= stats.binom.ppf(0.999, 60, 0.06)
