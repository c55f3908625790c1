"""Playing the trials of an environment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import modcog

Policy = Callable[[Any], int]


def oracle(env: Any) -> int:
    return int(env.gt_now)


def wrong(env: Any) -> int:
    """Always a response in the decision, never the right one."""
    deciding = env.in_period("decision")
    return (int(env.gt_now) + 7) % 16 + 1 if deciding else 0


def play(env: Any, policy: Policy) -> tuple[list[float], dict[str, Any]]:
    """Play one trial; return the reward of each step and the last info."""
    rewards: list[float] = []
    while True:
        action = policy(env.unwrapped)
        _, reward, terminated, truncated, info = env.step(action)
        assert not terminated
        assert not truncated
        rewards.append(reward)
        if info["new_trial"]:
            return rewards, info


def started(name: Any, seed: int = 0, **settings: Any) -> Any:
    env = modcog.make(name, **settings)
    env.reset(seed=seed)
    return env
