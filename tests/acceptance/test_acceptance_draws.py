"""Acceptance tests 5 and 6, and the distribution of every other quantity that is drawn.

Each test has a seed of its own and compares counts with exact probabilities by chi-squared.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

import modcog
from tests.acceptance import reading
from tests.every import every

NAMES = modcog.task_names()
INT = [name for name in NAMES if "_Int" in name]
BASES = modcog.suite("cog-20")
LEAST_P = 1e-4


def of_bases(*bases: str) -> list[str]:
    """All tasks with one of these bases, whatever the modifiers."""
    return [name for name in NAMES if reading.parse(name).base in bases]


def draw(name: str, n: int, salt: int = 20) -> modcog.Trials:
    return modcog.sample(modcog.task(name), reading.generator(name, salt), n)


def assert_distributed(values: NDArray[Any], probabilities: Mapping[Any, float]) -> None:
    """Chi-squared of values against the exact probabilities of their whole support."""
    rows = np.round(values, 6).tolist()
    count = Counter(map(tuple, rows) if values.ndim > 1 else rows)
    assert count.keys() <= probabilities.keys(), count.keys() - probabilities.keys()
    counts = [count[value] for value in probabilities]
    expected = np.array(list(probabilities.values())) * len(rows)
    assert stats.chisquare(counts, expected).pvalue > LEAST_P, counts


def assert_uniform(values: NDArray[Any], support: Any) -> None:
    options = list(support)
    assert_distributed(values, {value: 1 / len(options) for value in options})


@every("name", INT)
def test_5_the_interval_is_uniform_and_moves_the_answer_1_to_11_units(name: str) -> None:
    task = reading.parse(name)
    trials = draw(name, 3300)
    delay = trials.duration_ms(str(task.interval))
    assert_uniform(delay, np.arange(100.0, 1101.0, 100.0))
    moved = task.int_sign * (trials.response - trials.base_response)[trials.responds] % 16
    assert_uniform(moved, range(1, 12))
    np.testing.assert_array_equal(moved, delay[trials.responds] / 100)


def test_5_covers_the_22_int_tasks_and_ours() -> None:
    alone = [name for name in INT if "_Seq" not in name]
    paper = {reading.Task(base, s).name for base in reading.DELAY_TASKS for s in (-1, 1)}
    ours = {reading.Task(base, s).name for base in reading.STIMULUS_TIMED for s in (-1, 1)}
    assert len(paper) == 22
    assert set(alone) == paper | ours


@pytest.mark.parametrize("name", ["DMC", "DNMC"])
def test_6_category_labels_of_all_pairs(name: str) -> None:
    sample, test = (grid.ravel() for grid in np.mgrid[:16, :16])
    given = {"sample_location": sample, "test_location": test}
    trials = modcog.sample(modcog.task(name), np.random.default_rng(0), 256, given=given)
    targets = modcog.render(trials).targets
    same = (sample >= 8) == (test >= 8)
    expected = np.where(same == (name == "DMC"), 1 + test, 0)
    labels = targets[trials.decision_start, np.arange(256)]
    np.testing.assert_array_equal(labels, expected)
    np.testing.assert_array_equal(trials.match, same)
    assert (labels > 0).sum() == 128


@every("name", of_bases(*reading.DM, *reading.DLY_DM))
def test_6_no_ties_and_places_a_quarter_turn_apart(name: str) -> None:
    base = reading.parse(name).base
    trials = draw(name, 2700)
    place_a, place_b = trials.stimulus_location[:, 0], trials.stimulus_location[:, 1]
    assert_uniform(place_a, range(16))
    assert_uniform((place_b - place_a) % 16, range(4, 13))
    at_a = trials.stimulus_location == place_a[:, None]
    rings = (0, 1) if base.startswith("Multi") else (int(base[-1]) - 1,)
    counts = np.isin(trials.stimulus_ring, rings) * trials.stimulus_strength
    evidence = (counts * np.where(at_a, 1, -1)).sum(axis=1)
    assert np.abs(evidence).min() > 0.01
    np.testing.assert_array_equal(trials.base_response, np.where(evidence > 0, place_a, place_b))
    # Neither place is favoured.
    assert_uniform((evidence > 0).astype(int), (0, 1))


COHERENCES = [c * sign for c in (0.08, 0.16, 0.32, 0.64) for sign in (-1, 1)]


@pytest.mark.parametrize("base", reading.DM)
def test_coherences(base: str) -> None:
    trials = draw(base, 8000)
    strength = trials.stimulus_strength
    np.testing.assert_allclose(strength[:, 0::2] + strength[:, 1::2], 1.0)
    coherence = strength[:, 0::2] - strength[:, 1::2]
    if base not in reading.BOTH_RINGS:
        assert_uniform(coherence[:, 0], COHERENCES)
        assert (trials.stimulus_ring == int(base[-1]) - 1).all()
        return
    pairs = itertools.product(COHERENCES, repeat=2)
    allowed = [pair for pair in pairs if base != "MultiDM" or abs(sum(pair)) > 1e-9]
    assert len(allowed) == (56 if base == "MultiDM" else 64)
    assert_uniform(coherence, allowed)
    assert (trials.stimulus_location[:, 2:] == trials.stimulus_location[:, :2]).all()
    assert (trials.stimulus_ring == [0, 0, 1, 1]).all()


@pytest.mark.parametrize("base", reading.DLY_DM)
def test_strengths_are_ordered_pairs(base: str) -> None:
    strength = draw(base, 8000).stimulus_strength
    pairs = list(itertools.permutations((0.3, 0.6, 1.0), 2))
    if base not in reading.BOTH_RINGS:
        assert_uniform(strength, pairs)
        return
    both = [a + b for a, b in itertools.product(pairs, repeat=2)]
    if base == "MultiDlyDM":
        both = [p for p in both if abs(p[0] + p[2] - p[1] - p[3]) > 1e-9]
    assert len(both) == (30 if base == "MultiDlyDM" else 36)
    assert_uniform(strength, both)


@every("name", of_bases(*reading.MATCH))
def test_matches(name: str) -> None:
    base = reading.parse(name).base
    trials = draw(name, 5120)
    assert_uniform(trials.match, (0, 1))
    assert_uniform(trials.stimulus_ring[:, 0], (0, 1))
    assert (trials.stimulus_ring[:, 0] == trials.stimulus_ring[:, 1]).all()
    np.testing.assert_array_equal(trials.responds, trials.match == (base in ("DMS", "DMC")))
    if base in ("DMC", "DNMC"):
        assert_uniform(trials.stimulus_location, itertools.product(range(16), repeat=2))
    else:
        pairs = [(k, (k + turn) % 16) for k in range(16) for turn in (0, 8)]
        assert_uniform(trials.stimulus_location, pairs)
    answer = trials.base_response[trials.responds]
    np.testing.assert_array_equal(answer, trials.stimulus_location[trials.responds, 1])


@every("name", of_bases(*reading.REACH))
def test_reaches(name: str) -> None:
    trials = draw(name, 3200)
    assert trials.stimulus_strength.shape[1] == 1
    assert (trials.stimulus_strength == 1).all()
    seen = np.hstack([trials.stimulus_ring, trials.stimulus_location])
    assert_uniform(seen, itertools.product(range(2), range(16)))
    opposite = 8 if "Anti" in name else 0
    place = (trials.stimulus_location[:, 0] + opposite) % 16
    np.testing.assert_array_equal(trials.base_response, place)


@every("name", of_bases(*reading.DM, *reading.DLY_DM))
def test_the_fixation_of_decisions_is_drawn_first_and_rounded_afterwards(name: str) -> None:
    fixation = draw(name, 4000).duration_ms("fixation")
    assert_distributed(fixation, {200.0: 1 / 6, 300.0: 1 / 3, 400.0: 1 / 3, 500.0: 1 / 6})
    assert abs(fixation.mean() - 350) < 5 * 95.7 / 4000**0.5


@every("name", NAMES)
def test_lengths_at_100_ms(name: str) -> None:
    # The last column of the specification's table, with Int (1 to 11 steps) and Seq (10 steps).
    task = reading.parse(name)
    fixed = {"fixation": 0, "interval": 0, "rest": 0}
    for period, ms in reading.PERIODS_MS[task.base].items():
        if isinstance(ms, tuple):
            fixed["fixation"] = 1
        elif period == "decision" and task.seq_sign:
            fixed["rest"] += 10
        elif period == task.interval and task.int_sign:
            fixed["interval"] = 1
        else:
            fixed["rest"] += round(ms / 100)
    low = fixed["rest"] + 2 * fixed["fixation"] + fixed["interval"]
    high = fixed["rest"] + 5 * fixed["fixation"] + 11 * fixed["interval"]
    length = draw(name, 1000).length
    assert (length.min(), length.max()) == (low, high)


@pytest.mark.parametrize(
    ("bases", "low", "high"),
    [
        (("Go", "Anti"), 15, 15),
        (("DlyGo", "DlyAnti"), 20, 20),
        (("RTGo", "RTAnti"), 10, 10),
        (reading.DM, 9, 12),
        (reading.DLY_DM, 19, 22),
        (reading.MATCH, 27, 27),
    ],
)
def test_lengths_of_the_base_tasks(bases: tuple[str, ...], low: int, high: int) -> None:
    for base in bases:
        length = draw(base, 500).length
        assert (length.min(), length.max()) == (low, high)
