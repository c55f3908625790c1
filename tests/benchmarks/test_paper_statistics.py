"""How claims are decided: intervals against scipy, and the rules of checks and verdicts."""

from __future__ import annotations

import doctest
import math
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import stats

from benchmarks.paper import (
    _arms as arms,
    _cost as cost,
    _learning as learning,
    _statistics as statistics,
    fig4f,
)
from benchmarks.paper._experiment import reason
from benchmarks.paper._statistics import SHARE, Sample, above, below, fact, verdict, within
from benchmarks.paper.claims import CLAIMS

VALUES = st.lists(st.floats(-1, 1), min_size=3, max_size=15).filter(
    lambda values: max(values) - min(values) > 1e-6
)


def sample(*values: float) -> Sample:
    return Sample(dict(enumerate(values)))


@given(VALUES)
def test_interval_is_that_of_scipy(values: list[float]) -> None:
    low, high = sample(*values).interval()
    mean, error = sum(values) / len(values), stats.sem(values)
    expected = stats.t.interval(0.95, len(values) - 1, loc=mean, scale=error)
    assert (low, high) == pytest.approx(expected)


@given(VALUES, st.floats(-1, 1))
def test_a_check_holds_fails_or_is_open(values: list[float], level: float) -> None:
    one = sample(*values)
    low, high = one.interval()
    expected = True if low > level else False if high < level else None
    assert above("", one, level).holds is expected
    opposite = None if expected is None else not expected
    assert below("", one, level).holds is opposite


def test_differences_pair_seeds() -> None:
    gap = Sample({0: 1.0, 1: 2.0, 3: 9.0}) - Sample({1: 0.5, 0: 0.25, 2: 7.0})
    assert gap.by_seed == {0: 0.75, 1: 1.5}


@pytest.mark.parametrize(
    ("values", "holds"),
    [
        ((0.01, 0.02, 0.0), True),
        ((0.2, 0.21, 0.22), False),
        ((-0.2, 0.0, 0.2), None),
        ((0.01, 0.02), None),
    ],
)
def test_within(values: tuple[float, ...], holds: bool | None) -> None:
    assert within("", sample(*values), -0.05, 0.05).holds is holds


def test_two_seeds_decide_nothing() -> None:
    assert above("", sample(0.5, 0.500001)).holds is None
    assert math.isnan(sample(0.5).interval()[0])


def test_verdicts() -> None:
    holds, fails, is_open = (
        above("", sample(*values))
        for values in ((0.1, 0.11, 0.12), (-0.1, -0.11, -0.12), (-0.1, 0.0, 0.1))
    )
    assert verdict([holds, fact("", holds=True)]) == statistics.REPRODUCED
    assert verdict([holds, is_open, fails]) == statistics.REFUTED
    assert verdict([holds, is_open]) == statistics.OPEN
    assert verdict([]) == statistics.OPEN
    assert verdict([fact("", holds=False)]) == statistics.REFUTED


def test_a_reason_names_what_failed_first() -> None:
    checks = [above("a leads b", sample(0.1, 0.11, 0.12)), fact("c is d", holds=False)]
    assert reason(checks) == "Fails: c is d. Holds: a leads b, 0.110 [0.085, 0.135] (n=3)."
    many = [above(f"a leads {i}", sample(0.1)) for i in range(9)]
    assert reason(many).endswith("and 3 more.")


def test_values_that_are_not_finite_are_lost() -> None:
    assert Sample.of([0, 1, 2], [0.5, math.nan, 0.7]).by_seed == {0: 0.5, 2: 0.7}


@pytest.mark.parametrize("module", [arms, cost, fig4f, statistics], ids=lambda one: one.__name__)
def test_examples_in_docstrings_are_right(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted
    assert not result.failed


@given(VALUES, st.integers(1, 9))
def test_more_comparisons_take_wider_intervals(values: list[float], comparisons: int) -> None:
    low, high = sample(*values).interval(comparisons)
    mean, error = sum(values) / len(values), stats.sem(values)
    level = 1 - 0.05 / comparisons
    expected = stats.t.interval(level, len(values) - 1, loc=mean, scale=error)
    assert (low, high) == pytest.approx(expected)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=9), st.lists(st.integers(2, 60), min_size=2))
def test_intervals_lie_where_values_can(shares: list[float], counts: list[int]) -> None:
    share = Sample(dict(enumerate(shares)), bounds=SHARE)
    number = Sample(dict(enumerate(map(float, counts))), bounds=(2.0, 60.0))
    for one in (share, number, share - share, -share, number - share):
        low, high = one.interval()
        least, most = one.bounds
        assert least <= low <= high <= most
        assert low - 1e-9 <= one.mean <= high + 1e-9
        told = learning.row("share", one, CLAIMS["fig2a"])
        assert (told.low, told.high) == (low, high)
    assert (share - share).bounds == (-1, 1)
    assert (number - share).bounds == (1, 60)
    assert (-number).bounds == (-60, -2)


def test_seeds_that_diverged_count_or_stop_the_check() -> None:
    survivors = Sample({0: 0.8, 1: 0.82, 2: 0.81}, bounds=SHARE)
    other = Sample({0: 0.7, 1: 0.7, 2: 0.71, 3: 0.7, 4: 0.7}, bounds=SHARE)
    assert above("", survivors - other).holds is True
    # Nobody knows what an undefined quantity would have been ...
    undecided = survivors.counting([3, 4]) - other
    assert above("", undecided).holds is None
    assert undecided.told().endswith("(n=3; diverged: seeds 3, 4)")
    # ... and a performance has a worst value.
    worst = survivors.counting([3, 4], worst=0.0)
    assert worst.by_seed == {0: 0.8, 1: 0.82, 2: 0.81, 3: 0.0, 4: 0.0}
    assert worst.mean < survivors.mean
    assert above("", worst - other).holds is None
    assert "diverged, counted at worst: seeds 3, 4" in str(worst - other)
    assert "diverged: seeds 3, 4, counted at worst" in learning.row("", worst, CLAIMS["fig2a"]).note
    lost = Sample.of([0, 1, 2, 3], [0.1, 0.2, 0.15, math.inf])
    assert lost.unknown == {3}
    assert above("", lost).holds is None


def test_untested_parts_stop_a_claim_from_being_reproduced() -> None:
    holds = above("a leads b", sample(0.1, 0.11, 0.12))
    assert verdict([holds]) == statistics.REPRODUCED
    assert verdict([holds], ["a against c"]) == statistics.OPEN
    fails = above("", sample(-0.1, -0.11, -0.12))
    assert verdict([fails], ["a against c"]) == statistics.REFUTED
    assert reason([holds], ["a against c"]).endswith("Not tested: a against c.")


N_WORLDS = 800
WORST = 0.025
"""What the rule promises to be wrong at most, where the truth lies on the border."""


def at_most_promised(n_wrong: int) -> bool:
    """Whether so many errors in `N_WORLDS` are no evidence of more than what is promised."""
    return n_wrong <= stats.binom.ppf(0.999, N_WORLDS, WORST)


def draws(rng: np.random.Generator, shape: str, size: tuple[int, ...]) -> np.ndarray:
    """Numbers of mean 0."""
    if shape == "normal":
        return rng.normal(size=size)
    return rng.uniform(-1, 1, size) if shape == "uniform" else rng.standard_t(3, size)


@pytest.mark.parametrize("shape", ["normal", "uniform", "heavy-tailed"])
@pytest.mark.parametrize(("n_seeds", "k"), [(3, 1), (3, 4), (5, 6), (15, 8)])
def test_no_network_leads_by_being_chosen(shape: str, n_seeds: int, k: int) -> None:
    """All k networks are alike, and like the other one: in how many worlds does the best lead?"""
    rng = np.random.default_rng([n_seeds, k])
    n_held = n_without = 0
    for _ in range(N_WORLDS):
        values = draws(rng, shape, (k + 1, n_seeds))
        best = sample(*values[:k][values[:k].mean(axis=1).argmax()]) - sample(*values[k])
        n_held += above("", best, best_of=k).holds is True
        n_without += above("", best).holds is True
    assert at_most_promised(n_held)
    if k > 1 and shape == "normal":  # What the correction is for.
        assert not at_most_promised(n_without)


@pytest.mark.parametrize(("n_seeds", "m"), [(3, 4), (5, 14)])
def test_no_claim_is_refuted_by_having_many_checks(n_seeds: int, m: int) -> None:
    rng = np.random.default_rng([n_seeds, m])
    verdicts = [
        verdict([above("", sample(*row)) for row in rng.normal(size=(m, n_seeds))])
        for _ in range(N_WORLDS)
    ]
    assert at_most_promised(verdicts.count(statistics.REFUTED))
    assert at_most_promised(verdicts.count(statistics.REPRODUCED))
    alone = [
        any(above("", sample(*row)).holds is False for row in rng.normal(size=(m, n_seeds)))
        for _ in range(300)
    ]
    assert sum(alone) > 0.06 * 300


@pytest.mark.parametrize("n_seeds", [3, 5])
def test_intervals_within_bounds_hold_the_mean_as_often(n_seeds: int) -> None:
    """Cutting an interval at the bounds loses no mean, as none lies beyond."""
    rng = np.random.default_rng(n_seeds)
    for values in rng.beta(4, 1, size=(300, n_seeds)):
        whole, cut = sample(*values), Sample(dict(enumerate(values)), bounds=SHARE)
        inside = [low <= 0.8 <= high for low, high in (whole.interval(), cut.interval())]
        assert inside[0] == inside[1]
