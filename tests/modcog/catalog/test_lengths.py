"""Trial lengths: exact statistics against the trials that are drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from scipy import stats

import modcog
from tests.every import every
from tests.modcog import helpers

N = 4000


def assert_distributed(length: np.ndarray, spec: modcog.TaskSpec) -> None:
    support, probability = spec.length_distribution()
    counts = np.bincount(length, minlength=support[-1] + 1)
    assert counts.sum() == counts[support].sum()
    if len(support) > 1:
        # Cells that expect fewer than five trials are pooled with the next.
        expected = probability * len(length)
        cell = np.minimum(np.cumsum(expected) // 5, len(length) // 5 - 1).astype(int)
        grouped = [np.bincount(cell, values) for values in (counts[support], expected)]
        used = grouped[1] > 0
        assert stats.chisquare(grouped[0][used], grouped[1][used]).pvalue > 1e-5


@every("name", helpers.NAMES)
def test_the_exact_distribution_is_that_of_drawn_trials(name: str) -> None:
    spec = modcog.task(name)
    assert_distributed(helpers.draw(spec, N, seed=5).length, spec)


@pytest.mark.parametrize("dt", [20, 70, 1000 / 60])
@pytest.mark.parametrize("name", helpers.EXAMPLES)
def test_the_exact_distribution_on_other_time_grids(name: str, dt: float) -> None:
    spec = modcog.task(name, dt=dt)
    assert_distributed(helpers.draw(spec, N, seed=6).length, spec)


@pytest.mark.parametrize("suite", modcog.suites())
def test_statistics_of_a_suite_are_those_of_its_slots(suite: str) -> None:
    lengths = modcog.trial_lengths(suite)
    parts = [modcog.task(name).length_distribution() for name in modcog.suite(suite)]
    support = np.concatenate([s for s, _ in parts])
    weight = np.concatenate([p for _, p in parts]) / len(parts)
    mean = float(support @ weight)
    assert lengths.mean == pytest.approx(mean)
    assert lengths.std == pytest.approx(float(((support - mean) ** 2 @ weight) ** 0.5))
    assert (lengths.shortest, lengths.longest) == (support.min(), support.max())
    assert weight[support <= lengths.percentile_95].sum() >= 0.95 - 1e-9
    assert weight[support < lengths.percentile_95].sum() < 0.95
    assert lengths.dt == 100


@given(spec=helpers.specs())
def test_statistics_of_any_settings(spec: modcog.TaskSpec) -> None:
    if any(callable(period.duration) for period in spec.periods):
        with pytest.raises(modcog.InvalidArgument, match="a number or a distribution"):
            modcog.trial_lengths(spec)
        return
    lengths = modcog.trial_lengths(spec)
    drawn = helpers.draw(spec, 400).length
    assert lengths.shortest <= drawn.min() <= drawn.max() <= lengths.longest
    assert abs(drawn.mean() - lengths.mean) <= 5 * lengths.std / 20 + 1e-9


def test_the_numbers_of_one_task() -> None:
    assert modcog.trial_lengths("Go") == modcog.TrialLengths(15.0, 0.0, 15, 15, 15, 100.0)
    # 5 + 5 + (1 to 11) + 5 steps.
    lengths = modcog.trial_lengths("DlyGo_IntL")
    assert lengths.mean == pytest.approx(21)
    assert (lengths.shortest, lengths.longest) == (16, 26)
    assert lengths.std == pytest.approx(10**0.5)
    assert lengths.percentile_95 == 26
    assert modcog.trial_lengths("Go", dt=50).mean == 30


def test_a_repeated_slot_counts_twice() -> None:
    # Go lasts 15 steps and DMS 27.
    assert modcog.trial_lengths(["Go", "Go", "DMS"]).mean == pytest.approx(19)


def test_the_suggested_length_holds_four_of_the_longest_trial() -> None:
    for suite in modcog.suites():
        lengths = modcog.trial_lengths(suite)
        assert lengths.suggested_seq_len == 4 * lengths.longest
        assert modcog.BatchSampler(suite, batch_size=1).seq_len == lengths.suggested_seq_len
