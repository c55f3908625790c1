"""Ideal observers against the labels: every task can be solved from what is shown, and is right.

The observers are in `observers.py`; they see observations and the task's name only.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

import modcog
from tests.acceptance import observers, reading
from tests.every import every

OTHER_GRIDS = ((20.0, 16), (100.0, 32), (20.0, 32), (1000 / 60, 16), (70.0, 8))
SOME = (
    *("Go_IntR_SeqL", "RTAnti_SeqR", "DlyAnti_IntL", "DM2_IntL_SeqL", "CtxDM1_SeqR", "MultiDM"),
    *("DlyDM1_IntR", "CtxDlyDM2_IntL_SeqR", "MultiDlyDM_SeqL", "DMS_IntR_SeqR", "DNMS"),
    *("DMC_IntL_SeqR", "DNMC_IntR"),
)


def assert_solved(name: str, n_trials: int, dt: float = 100.0, dim_ring: int = 16) -> None:
    spec = modcog.task(name, dt=dt, dim_ring=dim_ring, noise=0)
    trials = modcog.sample(spec, reading.generator(name), n_trials)
    observations, targets, _ = modcog.render(trials)
    answers = observers.observe(name, observations, dt=dt, dim_ring=dim_ring)
    np.testing.assert_array_equal(answers, targets)


@every("name", modcog.task_names())
def test_the_observer_answers_every_step_as_the_labels_do(name: str) -> None:
    assert_solved(name, 2000)


@pytest.mark.parametrize(("dt", "dim_ring"), OTHER_GRIDS)
@pytest.mark.parametrize("name", SOME)
def test_the_observer_solves_other_time_grids_and_rings(
    name: str, dt: float, dim_ring: int
) -> None:
    assert_solved(name, 300, dt, dim_ring)


def test_the_observers_are_not_fooled_by_a_wrong_label() -> None:
    # Each pair shows the same stimuli; an observer that ignored its task's name would confuse them.
    for right, wrong in [("DlyGo_IntL", "DlyGo_IntR"), ("CtxDM1", "CtxDM2"), ("DMS", "DNMS")]:
        trials = modcog.sample(modcog.task(right, noise=0), np.random.default_rng(0), 200)
        observations, targets, _ = modcog.render(trials)
        answers = observers.observe(wrong, observations, dt=100.0, dim_ring=16)
        assert (answers != targets).any(axis=0).mean() > 0.3


@pytest.mark.parametrize("base", modcog.suite("cog-20"))
def test_what_is_shown_is_what_the_plan_says(base: str) -> None:
    # Conditioning an analysis on the columns of the plan must condition it on the observations.
    trials = modcog.sample(modcog.task(base, noise=0), reading.generator(base), 300)
    observations = modcog.render(trials).observations
    shapes = reading.bumps(16)
    expected = np.zeros((*observations.shape[:2], 2, 16))
    end = trials.period_steps.cumsum(axis=1)
    for row in range(len(trials)):
        for period, ring, place, strength in zip(
            trials.stimulus_period[row],
            trials.stimulus_ring[row],
            trials.stimulus_location[row],
            trials.stimulus_strength[row],
            strict=True,
        ):
            shown = slice(end[row, period] - trials.period_steps[row, period], end[row, period])
            expected[shown, row, ring] += strength * shapes[place]
    shown = observations[..., 1:].reshape(expected.shape)
    np.testing.assert_allclose(shown, expected, atol=1e-6)


def chosen_by_matched_filter(name: str, n_trials: int) -> tuple[np.ndarray, np.ndarray]:
    """Evidence per trial, as fractions of a coherence, and whether the filter chose rightly."""
    trials = modcog.sample(modcog.task(name), reading.generator(name, 1), n_trials)
    observations = modcog.render(trials).observations
    step = np.arange(len(observations))[:, None]
    start, end = trials.period_bounds("stimulus")
    during = ((step >= start) & (step < end))[..., None]
    seen = (observations * during).sum(axis=0)[:, 1:33].reshape(n_trials, 2, 16)
    rings = observers.judged(reading.parse(name).base)
    place_a, place_b = trials.stimulus_location[:, 0], trials.stimulus_location[:, 1]
    kernel = reading.bumps(16)[place_a] - reading.bumps(16)[place_b]
    prefers_a = (seen[:, rings].sum(axis=1) * kernel).sum(axis=1) > 0
    at_a = trials.stimulus_location == place_a[:, None]
    strength = trials.stimulus_strength * np.where(at_a, 1, -1)
    evidence = (strength * np.isin(trials.stimulus_ring, rings)).sum(axis=1)
    assert np.array_equal(trials.response, np.where(evidence > 0, place_a, place_b))
    return evidence, prefers_a == (evidence > 0)


@pytest.mark.parametrize(
    ("name", "ideal"),
    [("DM1", 0.977), ("DM2", 0.977), ("CtxDM1", 0.977), ("CtxDM2", 0.977), ("MultiDM", 0.984)],
)
def test_the_noise_leaves_the_ideal_linear_observer_its_ceiling(name: str, ideal: float) -> None:
    n_trials = 20_000
    evidence, correct = chosen_by_matched_filter(name, n_trials)

    def assert_near(observed: np.ndarray, expected: float, rounding: float) -> None:
        error = math.sqrt(expected * (1 - expected) / observed.size)
        assert abs(observed.mean() - expected) < 4 * error + rounding

    assert_near(correct, ideal, 0.0005)
    if name != "MultiDM":
        assert_near(correct[np.abs(np.abs(evidence) - 0.08) < 1e-9], 0.911, 0.0005)
    # Exactly: each trial's probability is that of its own evidence, places and sum over 5 steps.
    kernel = 0.8**2 * math.sqrt(math.pi)  # |bump|^2, places so far apart that they hardly overlap
    n_rings = len(observers.judged(name))
    deviation = 0.1 * math.sqrt(n_rings * 2 * kernel / 5)
    probability = np.array(
        [0.5 * math.erfc(-abs(e) * kernel / deviation / 2**0.5) for e in evidence]
    )
    scatter = math.sqrt((probability * (1 - probability)).sum())
    assert abs(correct.sum() - probability.sum()) < 4.5 * scatter


@pytest.mark.parametrize("base", modcog.suite("cog-20"))
def test_noise_lies_where_the_specification_puts_it(base: str) -> None:
    # Both rings in the stimulus periods (decision), the shown ring (match), nowhere (reach).
    n_trials = 1500
    trials = modcog.sample(modcog.task(base), reading.generator(base, 2), n_trials)
    quiet = modcog.sample(modcog.task(base, noise=0), reading.generator(base, 2), n_trials)
    added = (
        modcog.render(trials, n_rules=2).observations - modcog.render(quiet, n_rules=2).observations
    )
    assert not added[..., 0].any()
    assert not added[..., 33:].any()
    rings = added[..., 1:33].reshape(*added.shape[:2], 2, 16)
    noisy = np.zeros(rings.shape[:3], dtype=bool)
    if base not in reading.REACH:
        step = np.arange(len(added))[:, None]
        for period in {"stimulus", "stim1", "stim2", "sample", "test"} & set(
            reading.PERIODS_MS[base]
        ):
            start, end = trials.period_bounds(period)
            noisy |= ((step >= start) & (step < end))[..., None]
        if base in reading.MATCH:
            noisy &= trials.stimulus_ring[:, :1] == np.arange(2)
        values = rings[noisy].astype(np.float64)
        assert abs(values.mean()) < 4.5 * 0.1 / math.sqrt(values.size)
        assert abs(values.std() / 0.1 - 1) < 4.5 / math.sqrt(2 * values.size)
    assert not rings[~noisy].any()
