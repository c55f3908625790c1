"""Our environments in the hands of gymnasium."""

from __future__ import annotations

import pickle
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env

import modcog
from tests.every import every
from tests.modcog import helpers

# An observation with noise has no bounds, and neurogym's Dataset needs the method `seed`.
UNBOUNDED = r"ignore:.*A Box observation space m\w+ value is -?infinity:UserWarning"
SEED = r"ignore:.*Official support for the `seed` function is dropped:UserWarning"


def gym_id(name: str) -> str:
    return f"modcog/{name}-v0"


@pytest.mark.filterwarnings(UNBOUNDED, SEED)
@pytest.mark.parametrize("name", helpers.NAMES)
def test_gymnasiums_own_check_passes(name: str) -> None:
    check_env(gym.make(gym_id(name)).unwrapped, skip_render_check=True)


@pytest.mark.filterwarnings(UNBOUNDED, SEED)
def test_gymnasiums_own_check_passes_for_several_tasks() -> None:
    check_env(modcog.make("cog-20"), skip_render_check=True)


@pytest.mark.filterwarnings(UNBOUNDED, SEED)
def test_an_id_whose_trials_terminate_is_what_gymnasium_expects() -> None:
    env = gym.make(gym_id("DlyGo_IntL"), terminate=True)
    check_env(env.unwrapped, skip_render_check=True)
    with pytest.raises(gym.error.ResetNeeded):
        env.step(0)
    env.reset(seed=0)
    while not env.step(0)[2]:
        pass
    with pytest.raises(gym.error.ResetNeeded):
        env.step(0)
    env.reset()
    assert env.step(0)[2] is False


@every("name", helpers.NAMES)
def test_the_specification_of_an_environment_survives_json(name: str) -> None:
    env = gym.make(gym_id(name), dt=50)
    assert env.spec is not None
    text = env.spec.to_json()
    again = EnvSpec.from_json(text)
    assert again.to_json() == text
    other = gym.make(again)
    assert str(other) == str(env)
    assert other.unwrapped.modified_by.task_spec == modcog.task(name, dt=50)
    for e in (env, other):
        e.reset(seed=1)
    np.testing.assert_array_equal(env.unwrapped.ob, other.unwrapped.ob)
    np.testing.assert_array_equal(env.unwrapped.gt, other.unwrapped.gt)


@pytest.mark.parametrize("name", helpers.EXAMPLES)
def test_what_gym_make_returns_survives_pickling(name: str) -> None:
    env = gym.make(gym_id(name))
    env.reset(seed=3)
    env.step(0)
    twin = pickle.loads(pickle.dumps(env))
    for _ in range(60):
        one, other = env.step(0), twin.step(0)
        np.testing.assert_array_equal(one[0], other[0])
        assert one[1:] == other[1:]


@pytest.mark.parametrize("name", helpers.EXAMPLES)
def test_the_step_interface_of_gym_make_is_ours(name: str) -> None:
    env, bare = gym.make(gym_id(name)), modcog.make(name)
    np.testing.assert_array_equal(env.reset(seed=5)[0], bare.reset(seed=5)[0])
    for step in range(50):
        one, other = env.step(step % 2), bare.step(step % 2)
        np.testing.assert_array_equal(one[0], other[0])
        assert one[1:] == other[1:]


@pytest.mark.parametrize("name", ["DlyGo_IntL_SeqR", "DMS"])
def test_gymnasiums_vector_environments_run_ours_side_by_side(name: str) -> None:
    vector = gym.make_vec(gym_id(name), num_envs=3, vectorization_mode="sync")
    ob, _ = vector.reset(seed=[1, 2, 3])
    singles = [modcog.make(name) for _ in range(3)]
    firsts = [env.reset(seed=seed)[0] for env, seed in zip(singles, (1, 2, 3), strict=True)]
    np.testing.assert_array_equal(ob, firsts)
    for _ in range(80):
        ob, reward, _, _, infos = vector.step(np.array([0, 1, 0]))
        stepped = [env.step(action) for env, action in zip(singles, (0, 1, 0), strict=True)]
        np.testing.assert_array_equal(ob, [s[0] for s in stepped])
        np.testing.assert_allclose(reward, [s[1] for s in stepped])
        for lane, info in enumerate(s[4] for s in stepped):
            if info["new_trial"]:
                assert infos["trial"][lane] == info["trial"]
    vector.close()


def test_processes_of_gymnasium_run_ours_side_by_side() -> None:
    options = {"vectorization_mode": "async", "terminate": True, "dt": 50}
    vector = gym.make_vec(gym_id("DlyGo_IntL"), num_envs=2, **options)
    try:
        ob, infos = vector.reset(seed=[1, 2])
        singles = [modcog.make("DlyGo_IntL", terminate=True, dt=50) for _ in range(2)]
        for lane, env in enumerate(singles):
            first, info = env.reset(seed=lane + 1)
            np.testing.assert_array_equal(ob[lane], first)
            assert infos["trial"][lane] == info["trial"]
            assert infos["task"][lane] == info["task"]
        for _ in range(9):
            ob, *_ = vector.step(np.array([0, 1]))
            stepped = [env.step(action)[0] for env, action in zip(singles, (0, 1), strict=True)]
            np.testing.assert_array_equal(ob, stepped)
    finally:
        vector.close()


WRAPPERS: dict[str, Any] = {
    "TimeLimit": lambda env: gym.wrappers.TimeLimit(env, 13),
    "RecordEpisodeStatistics": gym.wrappers.RecordEpisodeStatistics,
    "FlattenObservation": gym.wrappers.FlattenObservation,
    "NormalizeObservation": gym.wrappers.NormalizeObservation,
    "NormalizeReward": gym.wrappers.NormalizeReward,
    "TransformReward": lambda env: gym.wrappers.TransformReward(env, lambda reward: 2 * reward),
    "FrameStack": lambda env: STACK(env, 3),
}
STACK: Any = getattr(gym.wrappers, "FrameStackObservation", None) or gym.wrappers.FrameStack


@pytest.mark.parametrize("terminate", [False, True])
@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
def test_wrappers_of_gymnasium_take_ours(wrap: Any, terminate: bool) -> None:
    env = wrap(gym.make(gym_id("Go"), terminate=terminate))
    ob, info = env.reset(seed=0)
    assert info["task"] == "Go"
    for _ in range(40):
        assert np.asarray(ob).shape == env.observation_space.shape
        ob, _, terminated, truncated, info = env.step(0)
        if terminated or truncated:
            assert terminated == (terminate and info["new_trial"])
            ob, info = env.reset()
