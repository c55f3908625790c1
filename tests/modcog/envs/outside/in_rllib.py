"""RLlib takes an id that names its package."""

from __future__ import annotations

import warnings

import ray
from ray.rllib.algorithms.ppo import PPOConfig

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR")
    settings = {"terminate": True, "dim_ring": 8}
    config = PPOConfig().environment("modcog:modcog/Go-v0", env_config=settings)
    config = config.env_runners(num_env_runners=0, num_envs_per_env_runner=2)
    config = config.training(train_batch_size_per_learner=200, minibatch_size=50, num_epochs=1)
    algorithm = config.build_algo()
    runners = algorithm.train()["env_runners"]
    assert runners["num_episodes"] > 5
    assert runners["episode_len_mean"] < 16
    algorithm.stop()
    ray.shutdown()
