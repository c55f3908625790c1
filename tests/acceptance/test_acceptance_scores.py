"""Acceptance tests 10 and 11: oracle and fixation on every measure, and the counts."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import modcog
from tests.acceptance import reading
from tests.every import every

NAMES = modcog.task_names()
MEASURES = ("final_accuracy", "decision_accuracy", "performance", "trajectory_performance")
SUITES = {
    "cog-20": (20, 20),
    "mod-cog-82": (82, 82),
    "mod-cog-84": (84, 82),
    "mod-cog-126": (126, 126),
    "mod-cog-132": (132, 126),
    "mod-cog-168": (168, 168),
}


@pytest.fixture(scope="module")
def batch() -> modcog.Batch:
    # About 60 trials of each of the 168 tasks.
    sampler = modcog.BatchSampler("mod-cog-168", batch_size=256, seq_len=1000, seed=0, noise=0)
    return sampler.batch(0)


def test_10_the_oracle_scores_1_on_every_task_and_measure(batch: modcog.Batch) -> None:
    scores = modcog.evaluate(50.0 * (batch.targets[..., None] == np.arange(17)), batch)
    assert scores.tasks == NAMES
    assert scores.n_trials.min() > 10
    for measure in MEASURES:
        np.testing.assert_array_equal(getattr(scores, measure), 1.0)


def test_10_always_fixate_scores_the_trials_that_ask_for_it(batch: modcog.Batch) -> None:
    fixate = np.zeros((*batch.targets.shape, 17), dtype=np.float32)
    fixate[..., 0] = 50
    scores = modcog.evaluate(fixate, batch)
    trials = batch.trials
    for measure in MEASURES:
        for name, score in zip(scores.tasks, getattr(scores, measure), strict=True):
            withheld = 1 - trials.responds[trials.task == name].mean()
            assert score == pytest.approx(withheld), (name, measure)
            assert reading.parse(name).withholds == (score > 0), (name, measure)
    withholding = [reading.parse(name).withholds for name in scores.tasks]
    assert scores.performance[withholding].mean() == pytest.approx(0.5, abs=0.03)


def test_10_one_wrong_step_is_noticed(batch: modcog.Batch) -> None:
    # The measures differ in which steps they look at; each must look at its own.
    trials = batch.trials
    go = trials.start + trials.decision_start
    wrong = {
        "first decision step": go,
        "last decision step": trials.start + trials.length - 1,
        "before the decision": go - 1,
    }
    for where, row in wrong.items():
        labels = batch.targets.copy()
        labels[row, trials.lane] = (labels[row, trials.lane] + 8) % 16 + 1
        scores = modcog.evaluate(50.0 * (labels[..., None] == np.arange(17)), batch)
        means = [scores.mean(measure) for measure in MEASURES]
        if where == "first decision step":  # within the first 100 ms: never scored
            assert means == [1, 1, 1, 1]
        elif where == "last decision step":
            assert [means[0], means[2], means[3]] == [0, 0, 0]
            assert 0 < means[1] < 0.95
        else:
            assert means == [1, 1, 0, 0]


def play(env: Any, policy: Any, n_trials: int) -> tuple[list[float], list[float], list[bool]]:
    """Reward per trial, performance, and whether the trial asked for a response."""
    env.reset(seed=2)
    rewards, performance, responds = [], [], []
    total = 0.0
    while len(performance) < n_trials:
        _, reward, _, _, info = env.step(policy(env.unwrapped))
        total += float(reward)
        if info["new_trial"]:
            rewards.append(total)
            performance.append(float(info["performance"]))
            responds.append(bool(info["trial"]["responds"]))
            total = 0.0
    return rewards, performance, responds


@every("name", NAMES)
def test_10_oracle_and_fixation_in_the_step_interface(name: str) -> None:
    env = modcog.make(name, noise=0)
    rewards, performance, responds = play(env, lambda e: int(e.gt_now), 12)
    assert performance == [1.0] * 12
    np.testing.assert_allclose(rewards, 1.0)
    # Withholding is correct where it is asked for, and nowhere else.
    rewards, performance, responds = play(env, lambda _: 0, 12)
    np.testing.assert_array_equal(performance, np.logical_not(responds))
    np.testing.assert_allclose(rewards, performance)


def test_11_counts() -> None:
    assert modcog.suites() == tuple(SUITES)
    for name, (slots, distinct) in SUITES.items():
        tasks = modcog.suite(name)
        assert (len(tasks), len(set(tasks))) == (slots, distinct)


def test_11_the_suites_hold_what_the_specification_lists() -> None:
    signs = (-1, 1)
    base = set(reading.PERIODS_MS)
    delay, timed = reading.DELAY_TASKS, reading.STIMULUS_TIMED
    seq = {reading.Task(b, 0, s).name for b in base for s in signs}

    def with_int(bases: tuple[str, ...], seqs: tuple[int, ...]) -> set[str]:
        return {reading.Task(b, i, s).name for b in bases for i in signs for s in seqs}

    mod_cog_82 = base | with_int(delay, (0,)) | seq
    mod_cog_126 = mod_cog_82 | with_int(delay, signs)
    assert set(modcog.suite("cog-20")) == base
    assert set(modcog.suite("mod-cog-82")) == set(modcog.suite("mod-cog-84")) == mod_cog_82
    assert set(modcog.suite("mod-cog-126")) == set(modcog.suite("mod-cog-132")) == mod_cog_126
    assert set(modcog.suite("mod-cog-168")) == mod_cog_126 | with_int(timed, (0, *signs))

    def twice(suite: str) -> set[str]:
        tasks = modcog.suite(suite)
        return {name for name in tasks if tasks.count(name) == 2}

    assert twice("mod-cog-84") == with_int(("DlyAnti",), (0,))
    assert twice("mod-cog-132") == with_int(("DlyAnti",), (0, *signs))


@pytest.mark.parametrize("suite", SUITES)
def test_11_sizes_of_input_and_output(suite: str) -> None:
    slots = SUITES[suite][0]
    sampler = modcog.BatchSampler(suite, batch_size=2, seq_len=60, seed=0)
    batch = sampler.batch(0)
    assert (sampler.input_size, sampler.output_size) == (33 + slots, 17)
    assert batch.inputs.shape == (60, 2, 33 + slots)
    assert sampler.tasks == modcog.suite(suite)
    env = modcog.make(suite)
    assert env.observation_space.shape == (33 + slots,)
    assert env.action_space.n == 17


@every("name", NAMES)
def test_11_every_task_is_a_gymnasium_id(name: str) -> None:
    env = gym.make(f"modcog/{name}-v0")
    assert env.observation_space.shape == (33,)
    assert env.action_space.n == 17
    assert env.unwrapped.new_trial()["task"] == name


@pytest.mark.parametrize("base", reading.PERIODS_MS)
def test_11_modifiers_that_a_task_cannot_take_are_refused(base: str) -> None:
    legal = {name for name in NAMES if reading.parse(name).base == base}
    for int_sign in (-1, 0, 1):
        for seq_sign in (-1, 0, 1):
            name = reading.Task(base, int_sign, seq_sign).name
            if name in legal:
                assert modcog.task(name).name == name
            else:
                with pytest.raises(modcog.ModifierRefused, match=base):
                    modcog.task(name)
