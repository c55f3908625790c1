"""How claims are decided: intervals against scipy, and the rules of checks and verdicts."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, strategies as st
from scipy import stats

from benchmarks.paper import _statistics as statistics
from benchmarks.paper._experiment import reason
from benchmarks.paper._statistics import Sample, above, below, fact, verdict, within

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


def test_values_that_are_not_finite_are_left_out() -> None:
    assert Sample.of([0, 1, 2], [0.5, math.nan, 0.7]).by_seed == {0: 0.5, 2: 0.7}
