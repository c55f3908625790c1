"""The step interface: rewards, ends of trials, seeds, and trials of one's choice."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import modcog
from modcog.envs.compat import ResetNeeded
from modcog.envs.env import REWARDS
from tests.every import every
from tests.modcog import helpers
from tests.modcog.playing import oracle, play, started, wrong

STATIC = [name for name in helpers.NAMES if "_Seq" not in name]
DRIFTING = [name for name in helpers.NAMES if "_Seq" in name]
MATCH = [name for name in helpers.NAMES if name.partition("_")[0] in ("DMS", "DNMS", "DMC", "DNMC")]


# --- rewards -------------------------------------------------------------------------------------


@every("name", helpers.NAMES)
def test_breaking_fixation_costs_a_tenth_in_every_step_before_the_decision(name: str) -> None:
    env = started(name)
    n_before = int(env.unwrapped.trials.decision_start[0])
    for step in range(n_before):
        _, reward, terminated, truncated, info = env.step(1 + step % 16)
        assert reward == REWARDS["abort"] == -0.1
        assert not (info["new_trial"])
        assert not terminated
        assert not truncated
    # The trial goes on to be decided, and counts for nothing.
    rewards, info = play(env, oracle)
    assert info["performance"] == 0
    assert sum(rewards) == pytest.approx(1)


@every("name", STATIC)
def test_the_first_response_in_the_decision_decides(name: str) -> None:
    env = started(name)
    for _ in range(4):
        responds = bool(env.unwrapped.trials.responds[0])
        n_before = int(env.unwrapped.trials.decision_start[0])
        rewards, info = play(env, oracle)
        assert info["performance"] == 1
        assert sum(rewards) == rewards[-1] == 1
        if responds:
            assert len(rewards) == n_before + 1
        n_before = int(env.unwrapped.trials.decision_start[0])
        rewards, info = play(env, wrong)
        assert len(rewards) == n_before + 1
        assert info["performance"] == 0
        assert rewards == [0] * len(rewards)


@pytest.mark.parametrize("name", ["Go", "DlyAnti", "MultiDM_IntL"])
def test_a_late_response_is_as_good_as_an_early_one(name: str) -> None:
    env = started(name)
    n_steps = len(env.unwrapped.gt)
    rewards, info = play(env, lambda e: oracle(e) if e.t_ind == n_steps - 1 else 0)
    assert len(rewards) == n_steps
    assert info["performance"] == sum(rewards) == 1


@pytest.mark.parametrize("name", [name for name in MATCH if name in STATIC])
def test_withholding_to_the_end_is_correct_where_it_is_asked_for(name: str) -> None:
    env = started(name)
    for match in (0, 1):
        env.new_trial(match=match)
        asked = not env.unwrapped.trials.responds[0]
        n_steps = len(env.unwrapped.gt)
        rewards, info = play(env, lambda _: 0)
        assert len(rewards) == n_steps
        assert rewards[:-1] == [0] * (n_steps - 1)
        assert rewards[-1] == info["performance"] == asked
    # A response on a trial that asks to withhold ends it.
    env.new_trial(match=0 if name.startswith(("DMS", "DMC")) else 1)
    n_before = int(env.unwrapped.trials.decision_start[0])
    rewards, info = play(env, lambda e: 3 if e.in_period("decision") else 0)
    assert info["performance"] == sum(rewards) == 0
    assert len(rewards) == n_before + 1


@every("name", DRIFTING)
def test_a_drifting_trial_runs_to_its_end_and_its_reward_is_shared_out(name: str) -> None:
    env = started(name)
    for _ in range(3):
        n_steps = len(env.unwrapped.gt)
        rewards, info = play(env, oracle)
        assert len(rewards) == n_steps
        assert rewards[-10:] == pytest.approx([0.1] * 10)
        assert rewards[:-10] == [0] * (n_steps - 10)
        assert info["performance"] == 1
        n_steps = len(env.unwrapped.gt)
        rewards, info = play(env, wrong)
        assert len(rewards) == n_steps
        assert info["performance"] == sum(rewards) == 0


@given(hits=st.lists(st.booleans(), min_size=10, max_size=10))
def test_the_performance_of_a_drifting_trial_is_the_fraction_of_its_steps(hits: list[bool]) -> None:
    env = started("DlyGo_IntL_SeqR")

    def policy(e: Any) -> int:
        j = e.t_ind - int(e.trials.decision_start[0])
        return oracle(e) if j < 0 or hits[j] else 0

    rewards, info = play(env, policy)
    assert info["performance"] == pytest.approx(sum(hits) / 10)
    assert sum(rewards) == pytest.approx(sum(hits) / 10)


@pytest.mark.parametrize("reward", REWARDS)
def test_every_reward_can_be_replaced(reward: str) -> None:
    env = started("Go", rewards={reward: 7.5})
    expected = {**REWARDS, reward: 7.5}
    assert play(env, oracle)[0] == [0] * 10 + [expected["correct"]]
    assert play(env, wrong)[0] == [0] * 10 + [expected["fail"]]
    assert play(env, lambda e: 0 if e.in_period("decision") else 5)[0] == [
        *([expected["abort"]] * 10),
        *([0] * 4),
        expected["fail"],
    ]
    # A step of a drifting answer is worth its share.
    drifting = play(started("Go_SeqL", rewards={reward: 7.5}), oracle)[0]
    assert drifting[-10:] == pytest.approx([expected["correct"] / 10] * 10)


def test_an_unknown_reward_is_refused() -> None:
    with pytest.raises(
        modcog.UnknownName, match="^rewards must be .*Known names: abort, correct, fail"
    ):
        modcog.make("Go", rewards={"bonus": 1})
    with pytest.raises(modcog.UnknownName, match="rewards"):
        modcog.make("cog-20", rewards={"bonus": 1})


# --- the course of trials ------------------------------------------------------------------------


@every("name", helpers.NAMES)
def test_reset_burns_nothing_and_trials_are_shown_whole(name: str) -> None:
    env = modcog.make(name)
    ob, info = env.reset(seed=4)
    trial = env.unwrapped.trial
    assert info == {"rule": 0, "task": name, "trial": trial}
    stream = np.random.default_rng(4)
    for _ in range(3):
        trials = modcog.sample(modcog.task(name), stream, 1)
        observations, targets, _ = modcog.render(trials)
        for step in range(len(targets)):
            np.testing.assert_array_equal(ob, observations[step, 0])
            assert env.unwrapped.gt_now == targets[step, 0]
            assert env.unwrapped.t_ind == step
            ob, _, _, _, info = env.step(0)
            assert info["gt"] == targets[step, 0]
            assert info["new_trial"] == (step == len(targets) - 1)
        assert info["trial"] == trials.describe(0)


@pytest.mark.parametrize("source", [*helpers.EXAMPLES, "cog-20"])
def test_a_seed_reproduces_50_whole_trials(source: str) -> None:
    env, other = modcog.make(source), modcog.make(source)

    def run(env: Any, seed: int) -> list[Any]:
        seen: list[Any] = [env.reset(seed=seed)[0].tobytes()]
        n_trials = 0
        while n_trials < 50:
            ob, reward, _, _, info = env.step(int(env.unwrapped.gt_now))
            n_trials += info["new_trial"]
            seen.append((ob.tobytes(), reward, info["gt"]))
        return seen

    first = run(env, 11)
    assert run(env, 11) == first == run(other, 11)
    assert run(env, 12) != first


def test_without_a_seed_the_stream_goes_on() -> None:
    env = started("DM1")
    first = env.unwrapped.trials.noise_key
    assert env.reset()[0].shape == (33,)
    assert env.unwrapped.trials.noise_key != first
    # Two environments that nobody seeded differ.
    keys = {int(started_unseeded().trials.noise_key[0]) for _ in range(4)}
    assert len(keys) == 4


def started_unseeded() -> Any:
    env = modcog.make("DM1")
    env.reset()
    return env.unwrapped


def test_nothing_is_drawn_when_an_environment_is_made() -> None:
    env = modcog.make("DlyGo_IntL")
    assert env.unwrapped.trial is None
    env.unwrapped.seed(3)
    direct = env.new_trial()
    other = modcog.make("DlyGo_IntL")
    other.reset(seed=3)
    assert other.unwrapped.trial == direct


@every("name", helpers.NAMES)
def test_returned_observations_are_not_reused(name: str) -> None:
    env = modcog.make(name)
    ob, _ = env.reset(seed=0)
    returned, kept = [ob], [ob.copy()]
    for _ in range(40):
        ob, *_ = env.step(0)
        returned.append(ob)
        kept.append(ob.copy())
    np.testing.assert_array_equal(returned, kept)
    # Writing into one changes nothing in the environment.
    ob[:] = 99
    assert not (env.unwrapped.ob == 99).any()
    first, _ = env.reset(seed=0)
    np.testing.assert_array_equal(first, kept[0])


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
@every("name", helpers.NAMES)
def test_a_copy_in_mid_trial_goes_on_alike(name: str, duplicate: Any) -> None:
    env = started(name)
    for _ in range(7):
        env.step(0)
    twin = duplicate(env)
    for step in range(60):
        action = step % 3 % 2
        one, other = env.step(action), twin.step(action)
        np.testing.assert_array_equal(one[0], other[0])
        assert one[1:4] == other[1:4]
        assert one[4] == other[4]
    assert twin.unwrapped is not env.unwrapped


# --- trials that terminate ---------------------------------------------------------------------


@pytest.mark.parametrize("source", [*helpers.EXAMPLES, ["Go", "DMS_SeqL"]])
def test_with_terminate_each_trial_of_the_same_stream_is_an_episode(source: Any) -> None:
    endless, env = modcog.make(source), modcog.make(source, terminate=True)
    endless.reset(seed=3)
    ob, info = env.reset(seed=3)
    for number in range(6):
        np.testing.assert_array_equal(ob, endless.unwrapped.ob[0])
        assert info["trial"] == env.unwrapped.trial == endless.unwrapped.trial
        assert json.loads(json.dumps(info)) == {**info, "trial": [env.unwrapped.trial]}
        while True:
            action = int(env.unwrapped.gt_now) if number % 2 else 0
            shown = ob
            ob, reward, terminated, truncated, info = env.step(action)
            expected = endless.step(action)
            assert (reward, False, info) == (expected[1], truncated, expected[4])
            assert terminated is info["new_trial"] is expected[4]["new_trial"]
            if terminated:
                break
            np.testing.assert_array_equal(ob, expected[0])
        np.testing.assert_array_equal(ob, shown)  # there is no next one to show
        for _ in range(2):
            with pytest.raises(ResetNeeded, match=r"^action must be given after reset\(\); got 0"):
                env.step(0)
        ob, info = env.reset()


def test_a_new_trial_of_neurogyms_kind_goes_on_after_an_episode() -> None:
    env = modcog.make("Go", terminate=True)
    with pytest.raises(modcog.InvalidArgument, match="^action must be given after reset"):
        env.step(0)
    env.new_trial()
    while not env.step(0)[2]:
        pass
    env.new_trial()
    assert env.step(0)[2] is False


def test_terminate_is_a_truth_value() -> None:
    for make in (modcog.make, modcog.make_vec):
        with pytest.raises(modcog.InvalidArgument, match="^terminate must be True or False"):
            make("Go", terminate="trial")  # pyright: ignore


# --- choosing trials -----------------------------------------------------------------------------


@every("name", helpers.NAMES)
def test_every_drawn_quantity_can_be_given_and_the_clock_starts_anew(name: str) -> None:
    env = started(name)
    spec = modcog.task(name)
    wanted = modcog.sample(spec, helpers.rng(77), 1)
    given_values = {key: values[0] for key, values in helpers.given_of(wanted).items()}
    for _ in range(5):
        env.step(0)
    assert env.unwrapped.t_ind == 5
    record = env.new_trial(**given_values)
    assert record == env.unwrapped.trial == wanted.describe(0)
    assert (env.unwrapped.t_ind, env.unwrapped.t) == (0, 0)
    np.testing.assert_array_equal(env.unwrapped.ob, modcog.render(wanted).observations[:, 0])
    np.testing.assert_array_equal(env.unwrapped.gt, modcog.render(wanted).targets[:, 0])
    # One at a time, too.
    for key, value in given_values.items():
        if key == "test_location":
            continue  # with a drawn match it decides what the sample may be
        assert env.new_trial(**{key: value}) is env.unwrapped.trial
        read = helpers.reader(key)(env.unwrapped.trials)
        assert read[0] == pytest.approx(value)


@pytest.mark.parametrize("source", ["DlyGo_IntL", "cog-20"])
def test_a_refused_override_leaves_the_trial_as_it_is(source: str) -> None:
    env = started(source)
    for _ in range(3):
        env.step(0)
    before = env.unwrapped.trial
    with pytest.raises(modcog.UnknownName, match="^trial quantity .*keyword argument 'colour'"):
        env.new_trial(colour=3)
    with pytest.raises(modcog.InvalidArgument, match="^fixation must be a duration in ms"):
        env.new_trial(fixation=-1)
    assert env.unwrapped.trial is before
    assert env.unwrapped.t_ind == 3


def test_the_first_trial_can_be_given_to_reset() -> None:
    env = modcog.make("DlyGo_IntL")
    env.reset(seed=0, options={"trial": {"location": 5, "ring": 1, "delay": 700}})
    record = env.unwrapped.trial
    assert record["base_response"] == 5
    assert record["response"] == (5 - 7) % 16
    assert record["stimuli"][0]["ring"] == 1
    assert record["period_ms"]["delay"] == 700
    # The second trial is drawn as ever.
    env.reset(seed=0)
    second = env.new_trial()
    env.reset(seed=0, options={"trial": {"location": 5}})
    assert env.new_trial() == second
