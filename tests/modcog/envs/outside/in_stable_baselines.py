"""Stable-Baselines3 and sb3-contrib take ids; `as_vec_env` is their `DummyVecEnv` in numbers."""

from __future__ import annotations

import warnings
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.wrappers import TimeLimit
from sb3_contrib import RecurrentPPO
from stable_baselines3 import PPO
from stable_baselines3.common.env_checker import check_env
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor, VecNormalize

import modcog
from modcog.envs.sb3 import as_vec_env

ID = "modcog/Go-v0"


def assert_same(one: Any, other: Any) -> None:
    assert type(one) is type(other), (one, other)
    if isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for key, value in one.items():
            assert_same(value, other[key])
    elif isinstance(one, tuple) or type(one) is list:
        for a, b in zip(one, other, strict=True):
            assert_same(a, b)
    else:
        assert one == other


def the_adapter_is_their_dummy_in_every_number(source: Any, terminate: bool, n_steps: int) -> None:
    def single() -> Any:
        return TimeLimit(modcog.make(source, terminate=terminate), n_steps)

    ours = as_vec_env(
        modcog.make_vec(source, 4, terminate=terminate, max_episode_steps=n_steps),
    )
    theirs = DummyVecEnv([single] * 4)
    for envs in (theirs, ours):
        envs.seed(3)
    assert_same(theirs.reset(), ours.reset())
    for step in range(120):
        assert_same(theirs.reset_infos, ours.reset_infos)
        actions = np.array([0, step % 3, 0, 5 * (step % 7 == 0)])
        assert_same(theirs.step(actions), ours.step(actions))


def the_rest_of_the_adapter() -> None:
    envs = as_vec_env(modcog.make_vec("Go", 3, render_mode="rgb_array"))
    envs.set_options({"trial": {"location": 4}})
    envs.reset()
    assert [info["trial"]["response"] for info in envs.reset_infos] == [4, 4, 4]
    envs.set_options([{"trial": {"location": k}} for k in range(3)])
    envs.reset()
    assert [info["trial"]["response"] for info in envs.reset_infos] == [0, 1, 2]
    envs.set_options([{"trial": {"location": 1}}, {}, {}])
    for call in (envs.reset, lambda: envs.set_attr("dt", 3), lambda: envs.env_method("reset")):
        try:
            call()
        except modcog.InvalidArgument:
            continue
        raise AssertionError(call)
    assert envs.get_attr("num_envs", [0, 2]) == [3, 3]
    assert envs.env_is_wrapped(TimeLimit) == [False] * 3
    assert envs.render().shape[2] == 3
    envs.close()
    assert envs.envs.closed


def agents_learn() -> None:
    envs = VecMonitor(as_vec_env(modcog.make_vec("RTGo", 16, terminate=True, dim_ring=8)))
    agent = PPO("MlpPolicy", envs, n_steps=64, seed=0)
    agent.learn(2048)
    evaluate_policy(agent, envs, n_eval_episodes=20)
    limited = VecNormalize(as_vec_env(modcog.make_vec("RTGo", 4, max_episode_steps=50)))
    RecurrentPPO("MlpLstmPolicy", limited, n_steps=32, seed=0).learn(256)
    PPO("MlpPolicy", ID, n_steps=64, seed=0).learn(128)
    RecurrentPPO("MlpLstmPolicy", ID, n_steps=32, seed=0).learn(64)


def ids_are_taken() -> None:
    envs = make_vec_env(ID, n_envs=2, seed=0, env_kwargs={"terminate": True})
    envs.reset()
    assert envs.step(np.zeros(2, dtype=int))[0].shape == (2, 33)
    assert envs.render_mode == "rgb_array"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gym.make(ID, terminate=True))
        check_env(modcog.make("cog-20"))


for source, terminate in ((["Go", "DMS_SeqL"], True), ("DlyGo", True), ("DlyGo", False)):
    for n_steps in (17, 1000):
        the_adapter_is_their_dummy_in_every_number(source, terminate, n_steps)
the_rest_of_the_adapter()
ids_are_taken()
agents_learn()
