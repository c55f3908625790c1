"""The vector environment, lane by lane against the single one."""

from __future__ import annotations

import json
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.wrappers import TimeLimit
from numpy.typing import NDArray

import modcog
from tests.every import every
from tests.modcog import helpers

LANES = 4
# gymnasium 1.x renamed both.
CUSTOM = "vector_entry_point" if hasattr(gym.vector, "AutoresetMode") else "custom"
FINAL = "final_obs" if hasattr(gym.vector, "AutoresetMode") else "final_observation"


def actions_of(envs: modcog.TaskVectorEnv, rng: np.random.Generator) -> NDArray[np.int64]:
    """Mostly the right actions, some fixation, some at random: every way a trial can end."""
    right = envs.trials
    label = envs._gt[envs._place, envs._t]
    assert len(right) == envs.num_envs
    dice = rng.random(envs.num_envs)
    wild = rng.integers(0, 1 + envs.specs[0].dim_ring, size=envs.num_envs)
    return np.where(dice < 0.85, label, np.where(dice < 0.93, 0, wild))


def assert_lanes_are_single_environments(
    envs: modcog.TaskVectorEnv, singles: list[Any], n_steps: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    observations, _ = envs.reset(seed=seed)
    for lane, env in enumerate(singles):
        np.testing.assert_array_equal(observations[lane], env.reset(seed=seed + lane)[0])
    ended = 0
    for _ in range(n_steps):
        actions = actions_of(envs, rng)
        observations, rewards, terminated, truncated, infos = envs.step(actions)
        performance = dict(zip(envs.ended.lane.tolist(), envs.performance.tolist(), strict=True))
        for lane, env in enumerate(singles):
            ob, reward, over, cut, info = env.step(int(actions[lane]))
            assert (reward, over, cut) == (rewards[lane], terminated[lane], truncated[lane])
            if cut or over:
                np.testing.assert_array_equal(infos[FINAL][lane], ob)
                assert infos[f"_{FINAL}"][lane]
                assert not infos["_gt"][lane]
                ob, first = env.reset()
                assert (infos["rule"][lane], infos["task"][lane]) == (first["rule"], first["task"])
                assert envs.trials.describe(lane) == first["trial"]
            else:
                assert infos["gt"][lane] == info["gt"]
                assert infos["new_trial"][lane] == info["new_trial"]
            np.testing.assert_array_equal(observations[lane], ob)
            assert (lane in performance) == info["new_trial"]
            if info["new_trial"]:
                ended += 1
                assert performance[lane] == info["performance"]
                row = envs.ended[envs.ended.lane == lane]
                assert row.describe(0) == info["trial"]
    assert ended > 0


@every("name", helpers.NAMES)
def test_a_lane_is_a_single_environment(name: str) -> None:
    singles = [modcog.make(name) for _ in range(2)]
    assert_lanes_are_single_environments(modcog.make_vec(name, 2), singles, 90, 3)


@pytest.mark.parametrize("suite", ["cog-20", "mod-cog-84"])
def test_a_lane_of_many_tasks_is_a_single_environment(suite: str) -> None:
    rewards = {"abort": -0.5, "fail": -1.0}
    singles = [modcog.make(suite, rewards=rewards, dt=50) for _ in range(LANES)]
    envs = modcog.make_vec(suite, LANES, rewards=rewards, dt=50)
    # Long enough that the queue of planned trials is filled several times.
    assert_lanes_are_single_environments(envs, singles, 2500, 11)


def test_truncated_lanes_are_reset_in_the_same_step() -> None:
    singles = [TimeLimit(modcog.make("cog-20"), 37) for _ in range(LANES)]
    envs = modcog.make_vec("cog-20", LANES, max_episode_steps=37)
    assert_lanes_are_single_environments(envs, singles, 300, 5)


def test_a_lane_whose_trials_terminate_is_a_single_environment() -> None:
    singles = [modcog.make("cog-20", terminate=True) for _ in range(LANES)]
    envs = modcog.make_vec("cog-20", LANES, terminate=True)
    assert_lanes_are_single_environments(envs, singles, 1200, 8)
    limited = [TimeLimit(modcog.make(["Go", "DMS_SeqL"], terminate=True), 23) for _ in range(LANES)]
    envs = modcog.make_vec(["Go", "DMS_SeqL"], LANES, terminate=True, max_episode_steps=23)
    assert_lanes_are_single_environments(envs, limited, 300, 9)


NOT_IN_OURS = {"trial", "_trial"}
"""The trials of a step are in `trials` and `ended`: to describe each would cost more than it."""


@pytest.mark.parametrize("terminate", [False, True])
@pytest.mark.parametrize("mode", ["SameStep", "NextStep", "Disabled"])
def test_autoreset_agrees_with_gymnasium(mode: str, terminate: bool) -> None:
    source, modes = ["DlyGo", "Go_SeqR"], getattr(gym.vector, "AutoresetMode", None)
    if mode != "SameStep" and modes is None:
        pytest.skip("gymnasium 0.29 has one way, which it calls nothing")
    limited = [lambda: TimeLimit(modcog.make(source, terminate=terminate), 17)] * LANES
    options = {"autoreset_mode": modes(mode)} if modes else {}
    theirs = gym.vector.SyncVectorEnv(limited, **options)
    ours = modcog.make_vec(
        source, LANES, max_episode_steps=17, terminate=terminate, autoreset_mode=mode
    )
    one, other = theirs.reset(seed=2), ours.reset(seed=2)
    np.testing.assert_array_equal(one[0], other[0])
    assert_infos_agree(one[1], other[1], set())
    ended = 0
    for step in range(90):
        actions = np.where(np.arange(LANES) % 2, 0, step % 5)
        one, other = theirs.step(actions), ours.step(actions)
        for a, b in zip(one[:4], other[:4], strict=True):
            np.testing.assert_array_equal(a, b)
        assert_infos_agree(one[4], other[4], NOT_IN_OURS)
        over = other[2] | other[3]
        ended += over.sum()
        if mode == "Disabled" and over.any():
            with pytest.raises(gym.error.ResetNeeded):
                ours.step(actions)
            one, other = (e.reset(options={"reset_mask": over}) for e in (theirs, ours))
            np.testing.assert_array_equal(one[0], other[0])
            assert_infos_agree(one[1], other[1], set())
    assert ended > 8


def assert_infos_agree(theirs: dict[str, Any], ours: dict[str, Any], left_out: set[str]) -> None:
    for name in set(theirs) | set(ours):
        if name.startswith("_") or name in left_out:
            continue
        mask = theirs.get(f"_{name}", np.zeros(LANES, dtype=np.bool_))
        np.testing.assert_array_equal(mask, ours.get(f"_{name}", np.zeros_like(mask)), name)
        if not mask.any():
            continue
        if isinstance(ours[name], dict):
            assert_infos_agree(theirs[name], ours[name], left_out)
        for lane in np.flatnonzero(mask) if not isinstance(ours[name], dict) else ():
            if isinstance(ours[name][lane], dict):  # gymnasium 0.29's last infos
                assert ours[name][lane].items() <= theirs[name][lane].items()
            else:
                np.testing.assert_array_equal(theirs[name][lane], ours[name][lane])


@pytest.mark.parametrize("name", ["DlyGo", "DMS_IntL_SeqR", "MultiDlyDM_SeqL"])
def test_gymnasium_makes_it(name: str) -> None:
    envs = gym.make_vec(f"modcog/{name}-v0", num_envs=3, vectorization_mode=CUSTOM)
    assert envs.num_envs == 3
    observations, infos = envs.reset(seed=1)
    assert observations in envs.observation_space
    assert infos["task"].tolist() == [name] * 3
    assert envs.unwrapped.specs == (modcog.task(name),)
    sampled = envs.action_space.sample()
    observations, rewards, terminated, truncated, infos = envs.step(sampled)
    assert observations in envs.observation_space
    assert rewards.dtype == np.float64
    assert terminated.dtype == truncated.dtype == np.bool_
    json.dumps({key: value.tolist() for key, value in infos.items()})
    envs.close()
    assert envs.closed


def test_seeds_are_per_lane_and_streams_go_on() -> None:
    envs = modcog.make_vec("cog-20", 3)
    first, _ = envs.reset(seed=[7, None, 7])
    keys = envs.trials.noise_key
    assert keys[0] == keys[2] != keys[1]
    np.testing.assert_array_equal(first[0], first[2])
    envs.reset()
    again = envs.trials.noise_key
    assert again[0] == again[2] != keys[0]
    single = modcog.make("cog-20")
    single.reset(seed=7)
    single.reset()
    assert single.unwrapped.trials.noise_key[0] == again[0]


def test_returned_arrays_are_not_reused() -> None:
    envs = modcog.make_vec("DlyGo", 5)
    kept = [envs.reset(seed=0)[0]]
    copies = [kept[0].copy()]
    for _ in range(40):
        observation, *_ = envs.step(np.zeros(5, dtype=int))
        kept.append(observation)
        copies.append(observation.copy())
    for a, b in zip(kept, copies, strict=True):
        np.testing.assert_array_equal(a, b)


def test_global_randomness_is_left_alone() -> None:
    before = np.random.get_state()[1].tobytes()  # noqa: NPY002, TID251 - what must not change
    envs = modcog.make_vec("cog-20", 3)
    envs.reset(seed=0)
    for _ in range(50):
        envs.step(np.zeros(3, dtype=int))
    assert np.random.get_state()[1].tobytes() == before  # noqa: NPY002, TID251 - compared alone


@pytest.mark.parametrize(
    ("actions", "text"),
    [
        ([0, 0], r"^actions must be 3 whole numbers in \[0, 16\], one a lane; got 'int64 \[2\]"),
        ([0.0, 0.0, 0.0], "one a lane; got 'float64"),
        ([0, 17, 0], r"whole numbers in \[0, 16\]; got 'numbers from 0 to 17"),
        ([-1, 0, 0], "got 'numbers from -1"),
    ],
)
def test_wrong_actions_are_refused_and_change_nothing(actions: list[Any], text: str) -> None:
    envs = modcog.make_vec("DlyGo", 3)
    observation, _ = envs.reset(seed=0)
    with pytest.raises(modcog.InvalidArgument, match=text):
        envs.step(actions)
    twin = modcog.make_vec("DlyGo", 3)
    np.testing.assert_array_equal(twin.reset(seed=0)[0], observation)
    np.testing.assert_array_equal(twin.step([0, 0, 0])[0], envs.step([0, 0, 0])[0])


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(modcog.InvalidArgument, match="^num_envs must be a whole number of lanes"):
        modcog.make_vec("DlyGo", 0)
    with pytest.raises(modcog.InvalidArgument, match="^max_episode_steps must be"):
        modcog.make_vec("DlyGo", 1, max_episode_steps=0)
    with pytest.raises(modcog.UnknownName, match="Did you mean DlyGo"):
        modcog.make_vec("DlyGoo", 1)
    with pytest.raises(modcog.UnknownName, match="a reward"):
        modcog.make_vec("DlyGo", 1, rewards={"bonus": 1.0})
    envs = modcog.make_vec("DlyGo", 2)
    with pytest.raises(modcog.InvalidArgument, match=r"after reset\(\)"):
        envs.step([0, 0])
    with pytest.raises(modcog.InvalidArgument, match="one seed, or a list of 2, one a lane"):
        envs.reset(seed=[1, 2, 3])
    with pytest.raises(modcog.InvalidArgument, match="^seed must be"):
        envs.reset(seed=-1)
