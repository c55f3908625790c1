"""torchrl takes ids, environments, and vector environments whose lanes it resets."""

from __future__ import annotations

import gymnasium as gym
from torchrl.envs import GymEnv, GymWrapper, SerialEnv, check_env_specs

import modcog

ENVIRONMENTS = {
    "id": lambda: GymEnv("modcog/DlyGo_IntL-v0"),
    "id with settings": lambda: GymEnv("modcog/Go-v0", terminate=True, dt=50),
    "id with frames skipped": lambda: GymEnv("modcog/Go-v0", frame_skip=2),
    "wrapped id": lambda: GymWrapper(gym.make("modcog/DMS-v0")),
    "wrapped environment": lambda: GymWrapper(modcog.make("cog-20")),
    "several": lambda: SerialEnv(2, lambda: GymEnv("modcog/Go-v0", max_episode_steps=9)),
    "lanes": lambda: GymWrapper(
        modcog.make_vec("Go", 2, terminate=True, autoreset_mode="Disabled")
    ),
}

for name, make in ENVIRONMENTS.items():
    env = make()
    env.set_seed(0)
    check_env_specs(env)
    rollout = env.rollout(60, break_when_any_done=False)
    assert rollout.batch_size[-1] == 60, name
    ends = name in ("id with settings", "several", "lanes")
    assert bool(rollout["next", "done"].any()) == ends, name
