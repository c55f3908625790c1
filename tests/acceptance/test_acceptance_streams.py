"""Acceptance tests 8 and 9: seeds decide everything, streams are independent, draws repeat."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

import modcog
from tests.acceptance import reading
from tests.every import every

NAMES = modcog.task_names()
TWO_MODALITIES = (*reading.REACH, *reading.MATCH)

Trial = tuple[NDArray[np.float32], NDArray[np.int64]]


def next_trials(env: Any, count: int) -> list[Trial]:
    """The current trial of an environment and those that follow."""
    trials = [(env.unwrapped.ob.copy(), env.unwrapped.gt.copy())]
    for _ in range(count - 1):
        env.new_trial()
        trials.append((env.unwrapped.ob.copy(), env.unwrapped.gt.copy()))
    return trials


def play(env: Any, first: NDArray[np.float32], n_steps: int) -> list[Any]:
    """Observations, labels and rewards of an environment that is stepped with fixed actions."""
    seen: list[Any] = [first]
    for t in range(n_steps):
        ob, reward, _, _, info = env.step(t % 5 % 2)
        seen += [ob, reward, info["gt"], info["new_trial"]]
    return seen


def assert_same(one: list[Any], other: list[Any]) -> None:
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        for x, y in zip(a, b, strict=True) if isinstance(a, tuple) else [(a, b)]:
            np.testing.assert_array_equal(x, y)


def same(one: list[Trial], other: list[Trial]) -> bool:
    return all(np.array_equal(a[0], b[0]) for a, b in zip(one, other, strict=True))


@every("name", NAMES)
def test_8_a_seed_decides_the_first_50_trials(name: str) -> None:
    env = modcog.make(name)
    runs = []
    for seed in (4, 4, 5):
        first, _ = env.reset(seed=seed)
        trials = next_trials(env, 50)
        np.testing.assert_array_equal(first, trials[0][0][0])
        runs.append(trials)
    assert_same(runs[0], runs[1])
    # Noise is drawn from the same seed, so that only reach tasks can repeat a trial by chance.
    assert not same(runs[0], runs[2])
    other = modcog.make(name)
    other.reset(seed=4)
    assert_same(runs[0], next_trials(other, 50))


@pytest.mark.parametrize("source", [*reading.PERIODS_MS, "mod-cog-82", "DMC_IntL_SeqR"])
def test_8_a_seed_decides_what_is_played_step_by_step(source: str) -> None:
    env = modcog.make(source)
    runs = [play(env, env.reset(seed=9)[0], 400) for _ in range(2)]
    assert_same(*runs)
    # Without a seed the stream goes on.
    assert any(
        not np.array_equal(a, b)
        for a, b in zip(runs[0], play(env, env.reset()[0], 400), strict=True)
    )


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
@pytest.mark.parametrize("source", ["cog-20", *NAMES[::7]])
def test_8_copies_go_on_alike_and_apart(source: str, duplicate: Any) -> None:
    env = modcog.make(source)
    env.reset(seed=1)
    env.step(0)
    twin, idle = duplicate(env), duplicate(env)
    mine = next_trials(env, 20)
    assert_same(mine, next_trials(twin, 20))
    # What env and twin drew took nothing from the third.
    assert_same(mine, next_trials(idle, 20))
    assert not same(mine[1:], next_trials(env, 19))


def global_state() -> tuple[Any, ...]:
    kind, keys, *rest = np.random.get_state()  # noqa: NPY002, TID251 - it is what must not change
    return (kind, keys.tobytes(), *rest)


@every("name", NAMES)
def test_8_global_randomness_is_untouched(name: str) -> None:
    before = global_state()
    env = gym.make(f"modcog/{name}-v0")
    play(env, env.reset()[0], 50)
    env.unwrapped.new_trial()
    sampler = modcog.BatchSampler(name, batch_size=2, seed=0)
    modcog.evaluate(np.zeros((*sampler.batch(0).targets.shape, 17)), sampler.batch(0))
    modcog.render(modcog.sample(modcog.task(name, noise="yang"), np.random.default_rng(), 5))
    assert global_state() == before


def test_8_neighbouring_seeds_share_no_trials() -> None:
    seen: set[bytes] = set()
    for seed in range(20):
        env = modcog.make("DM1")
        env.reset(seed=seed)
        seen |= {ob.tobytes() for ob, _ in next_trials(env, 20)}
    sampler = modcog.BatchSampler("DM1", batch_size=4, seed=0)
    for index in range(5):
        seen |= {int(key).to_bytes(8) for key in sampler.trials(index).noise_key}
    n_batched = sum(len(sampler.trials(index)) for index in range(5))
    assert len(seen) == 400 + n_batched


def assert_rate(hits: NDArray[np.bool_], rate: float) -> None:
    assert abs(hits.mean() - rate) < 4.5 * math.sqrt(rate * (1 - rate) / hits.size)


@pytest.mark.parametrize("base", TWO_MODALITIES)
def test_9_the_modality_repeats_at_rate_one_half(base: str) -> None:
    env = modcog.make(base)
    env.reset(seed=0)
    ring = np.array([env.new_trial()["stimuli"][0]["ring"] for _ in range(600)])
    drawn = modcog.sample(modcog.task(base), np.random.default_rng(0), 6000)
    for sequence in (ring, drawn.stimulus_ring[:, 0]):
        assert_rate(sequence == 0, 0.5)
        assert_rate(sequence[1:] == sequence[:-1], 0.5)
        assert_rate(sequence[2:] == sequence[:-2], 0.5)


@pytest.mark.parametrize("suite", ["cog-20", "mod-cog-84"])
def test_9_the_task_repeats_at_rate_one_in_k(suite: str) -> None:
    env = modcog.make(suite)
    env.reset(seed=0)
    played = np.array([env.new_trial()["rule"] for _ in range(3000)])
    sampler = modcog.BatchSampler(suite, batch_size=64, seq_len=350, seed=0)
    batched = np.concatenate([sampler.trials(index).rule for index in range(12)])
    n_slots = len(modcog.suite(suite))
    for sequence in (played, batched):
        assert_rate(sequence[1:] == sequence[:-1], 1 / n_slots)
        assert stats.chisquare(np.bincount(sequence, minlength=n_slots)).pvalue > 1e-4


def test_9_the_first_task_after_a_reset_is_uniform() -> None:
    env = modcog.make("cog-20")
    first = []
    for seed in range(1500):
        env.reset(seed=seed)
        first.append(env.unwrapped.trial["rule"])
    assert stats.chisquare(np.bincount(first, minlength=20)).pvalue > 1e-4
    # Neighbouring seeds are as different as any two.
    assert_rate(np.array(first[1:]) == np.array(first[:-1]), 1 / 20)


def test_9_a_switch_of_task_shows_the_new_rule_at_once() -> None:
    env = modcog.make(["Go", "DMS_SeqL", "CtxDM1"])
    ob, _ = env.reset(seed=0)
    rules = []
    for _ in range(3000):
        rule = env.unwrapped.trial["rule"]
        np.testing.assert_array_equal(ob[33:], np.eye(3)[rule])
        ob, _, terminated, truncated, info = env.step(0)
        assert not terminated
        assert not truncated
        if info["new_trial"]:
            rules.append(rule)
            np.testing.assert_array_equal(ob, env.unwrapped.ob[0])
            assert ob[0] == 1
    assert set(rules) == {0, 1, 2}
