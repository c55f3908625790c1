"""Several tasks in one environment, its spaces, and neurogym's view of a trial."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest

import modcog
from tests.modcog import helpers
from tests.modcog.playing import oracle, play, started


def test_each_trial_of_several_tasks_has_its_own_rule_and_task() -> None:
    tasks = ["Go", "DMS_SeqL", "CtxDM1", "Go"]
    env = modcog.make(tasks)
    ob, _ = env.reset(seed=1)
    seen: set[int] = set()
    for _ in range(60):
        trial = env.unwrapped.trial
        assert trial["task"] == tasks[trial["rule"]]
        seen.add(trial["rule"])
        np.testing.assert_array_equal(ob[33:], np.eye(4)[trial["rule"]])
        n_steps = len(env.unwrapped.gt)
        for step in range(n_steps):
            ob, _, _, _, info = env.step(0)
            assert info["new_trial"] == (step == n_steps - 1)
        # The observation of the switch is already the new trial's.
        np.testing.assert_array_equal(ob, env.unwrapped.ob[0])
        assert info["trial"]["task"] == trial["task"]
    assert seen == {0, 1, 2, 3}


def test_the_rule_can_be_given() -> None:
    env = started(["Go", "DMS", "DM1"])
    for rule, task in enumerate(["Go", "DMS", "DM1"]):
        assert env.new_trial(rule=rule)["task"] == task
        assert env.unwrapped.trials.rule[0] == rule
    assert env.new_trial(rule=1, match=0)["match"] is False
    for rule in (3, -1, 1.5, "Go"):
        with pytest.raises(modcog.InvalidArgument, match=r"^rule must be a rule slot in \[0, 2\]"):
            env.new_trial(rule=rule)


def test_one_task_has_no_rule() -> None:
    assert started("Go").observation_space.shape == (33,)
    assert started(["Go"]).observation_space.shape == (33,)
    assert started(["Go", "Go"]).observation_space.shape == (35,)
    with pytest.raises(modcog.UnknownName, match="unexpected keyword argument 'rule'"):
        started("Go").new_trial(rule=0)
    assert started("Go").unwrapped.task_spec == modcog.task("Go")
    with pytest.raises(modcog.InvalidArgument, match="^env must be an environment of one task"):
        _ = started("cog-20").unwrapped.task_spec


@pytest.mark.parametrize("dim_ring", [4, 16, 32])
@pytest.mark.parametrize("name", [*helpers.EXAMPLES, "cog-20"])
def test_spaces_fit_the_ring_and_contain_what_is_returned(name: str, dim_ring: int) -> None:
    env = modcog.make(name, dim_ring=dim_ring)
    n_rules = 20 if name == "cog-20" else 0
    assert env.observation_space.shape == (1 + 2 * dim_ring + n_rules,)
    assert env.observation_space.dtype == np.float32
    assert env.action_space.n == 1 + dim_ring
    ob, _ = env.reset(seed=0)
    for _ in range(30):
        assert env.observation_space.contains(ob)
        ob, reward, *_ = env.step(env.action_space.n - 1)
        assert type(reward) is float


@pytest.mark.parametrize("action", [-1, 17, 0.5, "left", None, [1]])
def test_an_action_outside_the_space_is_refused(action: Any) -> None:
    env = started("Go")
    with pytest.raises(
        modcog.InvalidArgument, match=r"^action must be a whole number in \[0, 16\]"
    ):
        env.step(action)
    assert env.unwrapped.t_ind == 0
    env.step(np.int64(0))
    env.step(np.array(0))
    assert env.unwrapped.t_ind == 2


@pytest.mark.parametrize("name", helpers.EXAMPLES)
@pytest.mark.parametrize("dt", [20, 100])
def test_neurogyms_view_of_a_trial(name: str, dt: float) -> None:
    env = started(name, dt=dt).unwrapped
    spec = modcog.task(name, dt=dt)
    assert env.dt == dt
    assert env.timing == {period.name: period.duration for period in spec.periods}
    assert env.ob.shape == (len(env.gt), 33)
    at = 0
    for period in spec.period_names:
        n_steps = round(env.trial["period_ms"][period] / dt)
        assert (env.start_ind[period], env.end_ind[period]) == (at, at + n_steps)
        assert env.start_t[period] == pytest.approx(at * dt)
        assert env.end_t[period] == pytest.approx((at + n_steps) * dt)
        np.testing.assert_array_equal(env.view_ob(period), env.ob[at : at + n_steps])
        np.testing.assert_array_equal(env.view_groundtruth(period), env.gt[at : at + n_steps])
        assert env.in_period(period, at * dt)
        assert not env.in_period(period, (at + n_steps) * dt)
        at += n_steps
    assert env.tmax == pytest.approx(at * dt)
    assert env.view_ob() is env.ob
    visited: list[str] = []
    for step in range(at):
        (inside,) = (p for p in spec.period_names if env.in_period(p))
        visited += [inside] * (inside not in visited)
        assert env.t == pytest.approx(step * dt)
        np.testing.assert_array_equal(env.ob_now, env.ob[step])
        if step < at - 1:
            env.step(0)
    assert visited == list(spec.period_names)


def test_names_of_channels_are_where_neurogym_looks_for_them() -> None:
    env = modcog.make(["Go", "DMS"], dim_ring=8)
    names = env.observation_space.name
    assert names["fixation"] == 0
    assert names["stimulus_mod1"] == range(1, 9)
    assert names["stimulus_mod2"] == range(9, 17)
    assert names["rule"] == range(17, 19)
    assert env.action_space.name == {"fixation": 0, "choice": range(1, 9)}
    assert "rule" not in modcog.make("Go").observation_space.name


@pytest.mark.parametrize("source", ["Go", "DlyGo_IntL_SeqR", "cog-20"])
def test_trial_lengths_are_exact(source: str) -> None:
    env = modcog.make(source)
    lengths = modcog.trial_lengths(source)
    assert env.unwrapped.trial_length_stats(num_trials=10) == {
        "mean": lengths.mean,
        "std": lengths.std,
        "percentile_95": lengths.percentile_95,
        "max": lengths.longest,
    }


def test_trials_are_counted() -> None:
    env = started("Go")
    assert env.unwrapped.num_tr == 1
    env.new_trial()
    play(env, oracle)
    assert env.unwrapped.num_tr == 3
    env.reset()
    assert env.unwrapped.num_tr == 1


def test_the_trial_that_ended_is_described_and_not_the_next() -> None:
    env = started("DlyGo_IntL")
    current: Any = env.unwrapped.trial
    _, info = play(env, oracle)
    assert info["trial"] == current != env.unwrapped.trial


def test_without_neurogym_its_ways_to_write_a_trial_say_how_it_is_installed() -> None:
    env = modcog.make("Go").unwrapped
    if importlib.util.find_spec("neurogym"):
        assert callable(env.add_period)
        return
    with pytest.raises(AttributeError, match=r'pip install "\.\[neurogym\]"'):
        _ = env.add_period
    assert not hasattr(env, "add_ob")
    assert not hasattr(env, "not_there")
