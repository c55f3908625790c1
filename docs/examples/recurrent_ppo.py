"""A recurrent PPO learns RTGo with 8 directions from rewards alone.

Run it as ``python docs/examples/recurrent_ppo.py``. It needs sb3-contrib: see
docs/reinforcement_learning.md.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from sb3_contrib import RecurrentPPO
from stable_baselines3.common.env_util import make_vec_env

import modcog

TASK = "RTGo"
SETTINGS = {"dim_ring": 8}
ENV = {"id": f"modcog:modcog/{TASK}-v0", "max_episode_steps": 100, **SETTINGS}
"""What `gym.make` gets: trials follow each other, and an episode is 100 steps of them."""

N_ENVS = 32
STEPS = 150_000


def train(seed: int = 0, steps: int = STEPS) -> RecurrentPPO:
    """Train an agent.

    Args:
        seed: Seed of the trials, the initial weights and the actions.
        steps: Environment steps, over all environments.
    """
    torch.set_num_threads(1)  # the network is small: more threads only wait for each other
    envs = make_vec_env(gym.make, n_envs=N_ENVS, seed=seed, env_kwargs=ENV)
    agent = RecurrentPPO(
        "MlpLstmPolicy",
        envs,
        n_steps=100,
        batch_size=800,
        n_epochs=4,
        learning_rate=2e-3,
        gamma=0.5,  # a trial lasts ten steps; what comes after it is another question
        ent_coef=0.01,
        policy_kwargs={"lstm_hidden_size": 32, "net_arch": []},
        seed=seed,
        device="cpu",
    )
    return agent.learn(total_timesteps=steps)


def performance(agent: RecurrentPPO, trials: int = 500, seed: int = 1_000_000) -> float:
    """Fraction of new trials that the agent answers correctly; its actions are deterministic.

    Args:
        agent: The agent.
        trials: How many trials to run.
        seed: Seed of the trials; it must be far from that of the training.
    """
    env = gym.make(**ENV)
    scores: list[float] = []
    observation, _ = env.reset(seed=seed)
    state: Any = None
    first = True
    while len(scores) < trials:
        action, state = agent.predict(
            observation, state=state, episode_start=np.array([first]), deterministic=True
        )
        observation, _, terminated, truncated, info = env.step(int(action))
        if info["new_trial"]:
            scores.append(info["performance"])
        first = terminated or truncated
        if first:
            observation, _ = env.reset()
    return float(np.mean(scores))


def main(arguments: list[str] | None = None) -> int:
    """Train, test and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=STEPS)
    options = parser.parse_args(arguments)
    agent = train(options.seed, options.steps)
    chance = modcog.chance_level(TASK, **SETTINGS)
    print(f"performance {performance(agent):.3f} on new trials; chance {chance:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
