"""What callers from outside do: probe for keywords, reset lanes, wrap, compare and write JSON."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import modcog
from modcog.envs.compat import HANDS_ARGUMENTS_ON, TrialInfo
from modcog.envs.lanes import QUEUED_TRIALS

CUSTOM = "vector_entry_point" if HANDS_ARGUMENTS_ON else "custom"

TAKERS: dict[str, Callable[..., Any]] = {
    "task": lambda **k: modcog.task("Go", **k),
    "make": lambda **k: modcog.make("Go", **k),
    "make of several": lambda **k: modcog.make("cog-20", **k),
    "make_vec": lambda **k: modcog.make_vec("Go", 2, **k),
    "BatchSampler": lambda **k: modcog.BatchSampler("Go", **k),
    "trial_bank": lambda **k: modcog.trial_bank("Go", 2, **k),
    "conditions": lambda **k: modcog.conditions("Go", np.random.default_rng(0), **k),
    "Dataset": lambda **k: modcog.Dataset("Go", k),
    "gym.make": lambda **k: gym.make("modcog:modcog/Go-v0", **k),
    "gym.make_vec": lambda **k: gym.make_vec(
        "modcog/Go-v0", num_envs=2, vectorization_mode=CUSTOM, **k
    ),
    "new_trial": lambda **k: modcog.make("Go").new_trial(**k),
}


@pytest.mark.parametrize("take", TAKERS.values(), ids=TAKERS)
def test_an_unknown_keyword_is_a_type_error_in_the_words_of_python(take: Any) -> None:
    with pytest.raises(modcog.UnknownName, match="an unexpected keyword argument 'frameskip'") as e:
        take(frameskip=4)
    assert isinstance(e.value, TypeError)
    assert str(pickle.loads(pickle.dumps(e.value))) == str(e.value)


def make_as_stable_baselines_does(name: str) -> Any:
    """The probe of `stable_baselines3.common.env_util.make_vec_env`."""
    try:
        return gym.make(name, render_mode="rgb_array")
    except TypeError:
        return gym.make(name)


def make_as_torchrl_does(name: str, **keywords: Any) -> Any:
    """The probe of `torchrl.envs.GymEnv`."""
    while True:
        try:
            return gym.make(name, **keywords)
        except TypeError as error:
            if "unexpected keyword argument 'frameskip" not in str(error):
                raise
            keywords.pop("frameskip")


def test_probing_callers_get_an_environment() -> None:
    for env in (
        make_as_stable_baselines_does("modcog:modcog/Go-v0"),
        make_as_torchrl_does("modcog:modcog/Go-v0", frameskip=4, dt=50),
        gym.make("modcog:modcog/Go-v0", render_mode=None, disable_env_checker=True),
    ):
        assert env.reset(seed=0)[0].shape == (33,)


def test_make_vec_of_gymnasium_hands_its_arguments_on() -> None:
    envs = gym.make_vec(
        "modcog/DlyGo_IntL-v0",
        num_envs=3,
        vectorization_mode=CUSTOM,
        dt=50,
        int_velocity=1.0,
        rewards={"fail": -2.0},
        rule_input=True,
    ).unwrapped
    assert envs.specs == (modcog.task("DlyGo_IntL", dt=50, int_velocity=1.0),)
    assert envs.rewards["fail"] == -2
    assert envs.reset(seed=0)[0].shape == (3, 34)
    assert envs.spec.id == "modcog/DlyGo_IntL-v0"


# --- options of reset ----------------------------------------------------------------------------

MAKERS: dict[str, Callable[[], Any]] = {
    "single": lambda: modcog.make("DlyGo_IntL"),
    "vector": lambda: modcog.make_vec("DlyGo_IntL", 3),
    "made by gymnasium": lambda: gym.make("modcog:modcog/DlyGo_IntL-v0"),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"trials": {}}, "^options must be the name of an option of reset; got 'trials'.*trial"),
        ({"no_step": True}, "^options must be the name of an option of reset"),
        ({"trial": {"colour": 1}}, "'colour'"),
        ({"trial": {"location": 99}}, "^location must be"),
        ({"trial": 3}, r"^options\['trial'\] must be a mapping"),
        ([1], "^options must be a mapping"),
    ],
)
def test_a_refused_reset_changes_nothing(make: Any, options: Any, text: str) -> None:
    env, twin = make(), make()
    for e in (env, twin):
        e.reset(seed=1)
    with pytest.raises(modcog.InvalidArgument, match=text):
        env.reset(seed=5, options=options)
    with pytest.raises(modcog.InvalidArgument, match=text):
        env.reset(options=options)
    for _ in range(2):
        np.testing.assert_array_equal(env.reset()[0], twin.reset()[0])
        one, other = env.unwrapped.trials, twin.unwrapped.trials
        assert one == other


@pytest.mark.parametrize("source", ["DlyGo_IntL", ["Go", "DlyGo", "DMS"]])
@pytest.mark.parametrize("when", ["first", "later"])
def test_a_vector_reset_gives_the_first_trials_and_goes_on_as_single_ones_do(
    source: Any, when: str
) -> None:
    several = not isinstance(source, str)
    quantity = {"rule": [1, 0, 1], "location": [4, 5, 6]} if several else {"location": [4, 5, 6]}
    envs = modcog.make_vec(source, 3)
    singles = [modcog.make(source) for _ in range(3)]
    if when == "later":
        envs.reset(seed=9)
        for lane, env in enumerate(singles):
            env.reset(seed=9 + lane)
    seed = 2 if when == "first" else None
    ob, _ = envs.reset(seed=seed, options={"trial": quantity})
    for lane, env in enumerate(singles):
        mine = {name: values[lane] for name, values in quantity.items()}
        own = None if seed is None else seed + lane
        first, _ = env.reset(seed=own, options={"trial": mine})
        np.testing.assert_array_equal(first, ob[lane])
        assert envs.trials.describe(lane) == env.unwrapped.trial
    # Past the end of what is planned ahead, so that the trials given are kept in a new plan.
    for _ in range(QUEUED_TRIALS * 30):
        ob, reward, *_ = envs.step(np.zeros(3, dtype=int))
        stepped = [env.step(0) for env in singles]
        np.testing.assert_array_equal(ob, [s[0] for s in stepped])
        np.testing.assert_array_equal(reward, [s[1] for s in stepped])


@given(mask=st.lists(st.booleans(), min_size=5, max_size=5).filter(any), seeded=st.booleans())
@settings(max_examples=20, deadline=None)
def test_lanes_that_are_not_masked_keep_their_state_bit_for_bit(
    mask: list[bool], seeded: bool
) -> None:
    lanes = np.array(mask)
    envs, twin = (modcog.make_vec(["Go", "DMS_SeqL"], 5, max_episode_steps=40) for _ in range(2))
    for e in (envs, twin):
        e.reset(seed=3)
        for _ in range(7):
            e.step(np.full(5, 1))
    before = envs._observations().copy()
    ob, infos = envs.reset(seed=11 if seeded else None, options={"reset_mask": lanes})
    for entry in ("_rule", "_task", "_trial"):
        np.testing.assert_array_equal(infos[entry], lanes)
    np.testing.assert_array_equal(ob[~lanes], before[~lanes])
    assert (envs._t[lanes] == 0).all()
    if seeded:
        fresh = modcog.make_vec(["Go", "DMS_SeqL"], 5)
        np.testing.assert_array_equal(ob[lanes], fresh.reset(seed=11)[0][lanes])
    for step in range(60):
        actions = np.arange(5) % 3 * (step % 2)
        one, other = envs.step(actions), twin.step(actions)
        for a, b in zip(one[:4], other[:4], strict=True):
            np.testing.assert_array_equal(a[~lanes], b[~lanes])
        np.testing.assert_array_equal(one[4]["gt"][~lanes], other[4]["gt"][~lanes])


@pytest.mark.parametrize("mask", [[True], [0, 1, 1], [False] * 3, "all", None])
def test_a_wrong_mask_is_refused(mask: Any) -> None:
    envs = modcog.make_vec("Go", 3)
    envs.reset(seed=0)
    with pytest.raises(modcog.InvalidArgument, match=r"^options\['reset_mask'\] must be 3 truth"):
        envs.reset(options={"reset_mask": mask})
    with pytest.raises(modcog.InvalidArgument, match="left out of the first reset"):
        modcog.make_vec("Go", 2).reset(options={"reset_mask": [True, False]})


# --- lanes that are over -------------------------------------------------------------------------


def test_next_step_resets_in_the_step_after() -> None:
    envs = modcog.make_vec("Go", 2, max_episode_steps=4, autoreset_mode="NextStep")
    same = modcog.make_vec("Go", 2, max_episode_steps=4)
    first, _ = envs.reset(seed=0)
    same.reset(seed=0)
    for number in range(1, 12):
        ob, reward, _, truncated, infos = envs.step([number % 5 == 0, 3])
        assert truncated.tolist() == [number % 5 == 4] * 2
        if number % 5 == 0:  # the step that resets: its actions are not judged
            assert reward.tolist() == [0, 0]
            assert not infos["_gt"].any()
            assert infos["task"].tolist() == ["Go", "Go"]
            assert (envs._t == 0).all()
        else:
            expected = same.step([0, 3])
            np.testing.assert_array_equal(reward, expected[1])
            np.testing.assert_array_equal(truncated, expected[3])
            if not truncated.any():
                np.testing.assert_array_equal(ob, expected[0])
            else:
                shown = "final_obs" if "final_obs" in expected[4] else "final_observation"
                np.testing.assert_array_equal(ob, np.stack(list(expected[4][shown])))
    assert first.shape == ob.shape


def test_disabled_leaves_it_to_the_caller() -> None:
    envs = modcog.make_vec("Go", 2, max_episode_steps=2, autoreset_mode="DISABLED")
    envs.reset(seed=0)
    envs.step([0, 0])
    envs.reset(options={"reset_mask": np.array([True, False])})
    truncated = envs.step([0, 0])[3]
    assert truncated.tolist() == [False, True]
    with pytest.raises(modcog.InvalidArgument, match="got 'a step of lanes 1'"):
        envs.step([0, 0])
    envs.reset(options={"reset_mask": truncated})
    assert envs.step([0, 0])[3].tolist() == [True, False]


def test_the_mode_is_in_the_metadata_as_gymnasium_has_it() -> None:
    with pytest.raises(modcog.UnknownName, match="^autoreset_mode must be .*NextStep"):
        modcog.make_vec("Go", 2, autoreset_mode="sometimes")
    modes = getattr(gym.vector, "AutoresetMode", None)
    for name in ("NextStep", "SameStep", "Disabled"):
        envs = modcog.make_vec("Go", 2, autoreset_mode=name)
        assert envs.metadata["autoreset_mode"] == (modes(name) if modes else name)
        if modes:
            again = modcog.make_vec("Go", 2, autoreset_mode=modes(name))
            assert again.metadata == envs.metadata


@pytest.mark.skipif(not HANDS_ARGUMENTS_ON, reason="wrappers of gymnasium 1.x")
def test_wrappers_of_gymnasium_run_on_it() -> None:
    from gymnasium.wrappers import vector as wrappers

    envs = gym.make_vec(
        "modcog/Go-v0",
        num_envs=3,
        vectorization_mode=CUSTOM,
        max_episode_steps=7,
        autoreset_mode="NextStep",
    )
    wrapped = wrappers.RecordEpisodeStatistics(wrappers.NormalizeObservation(envs))
    wrapped.reset(seed=0)
    ended = [wrapped.step(np.zeros(3, dtype=int))[4] for _ in range(20)]
    assert any("episode" in infos for infos in ended)


# --- what an info is, and what is equal ----------------------------------------------------------


def test_an_info_can_be_written_as_json_and_read_as_before() -> None:
    env = modcog.make("DMS_SeqL")
    env.reset(seed=0)
    wanted: Any = env.unwrapped.trial
    info: dict[str, Any] = {}
    while not info.get("new_trial"):
        info = env.step(0)[4]
    trial = info["trial"]
    assert json.loads(json.dumps(info))["trial"] == [wanted]
    assert json.loads(json.dumps(info, indent=1))["trial"] == [wanted]
    assert trial == wanted
    assert wanted == trial
    assert trial != {}
    assert dict(trial) == {**trial} == wanted
    assert trial["task"] == trial.get("task") == "DMS_SeqL"
    assert "task" in trial
    assert "colour" not in trial
    assert list(trial.items()) == list(zip(trial.keys(), trial.values(), strict=True))
    for twin in (copy.deepcopy(trial), copy.copy(trial), pickle.loads(pickle.dumps(trial))):
        assert type(twin) is TrialInfo
        assert twin == trial


def test_records_compare_by_content_and_hash_alike() -> None:
    sampler = modcog.BatchSampler("cog-20", batch_size=2, seq_len=60, seed=0)
    batch, again, other = sampler.batch(0), sampler.batch(0), sampler.batch(1)
    scores = np.zeros((60, 2, 17))
    records = [
        (batch, again, other),
        (batch.trials, again.trials, other.trials),
        tuple(modcog.evaluate(scores, b) for b in (batch, again, other)),
        tuple(modcog.Stimulus("stimulus", 0, np.array([n])) for n in (1, 1, 2)),
    ]
    for one, same, different in records:
        assert (one == same) is True
        assert (one == different) is False
        assert (one != different) is True
        assert (one == 3) is False
        assert one is not None
        assert hash(one) == hash(same)
        assert one in [different, same]
        assert len({one, same}) == 1
    assert batch.trials[:1] != batch.trials[:2]
    changed = sampler.batch(0)
    changed.trials.lane[0] += 1
    assert changed != batch


# --- one network, two rooms ----------------------------------------------------------------------


@pytest.mark.parametrize("source", ["DlyGo_IntL", ["Go", "DMS", "DM1"]])
@pytest.mark.parametrize("rule_input", [True, False])
def test_rule_input_means_the_same_everywhere(source: Any, rule_input: bool) -> None:
    sampler = modcog.BatchSampler(source, batch_size=2, seq_len=60, rule_input=rule_input)
    n = sampler.input_size
    assert n == 33 + rule_input * len(sampler.tasks)
    batch = sampler.batch(0)
    env = modcog.make(source, rule_input=rule_input)
    envs = modcog.make_vec(source, 2, rule_input=rule_input)
    assert env.observation_space.shape == envs.single_observation_space.shape == (n,)
    assert envs.reset(seed=0)[0].shape == (2, n)
    bank = modcog.trial_bank(source, 3, rule_input=rule_input)
    dataset = modcog.Dataset(source, batch_size=2, seq_len=60, seed=0, rule_input=rule_input)
    assert batch.inputs.shape[-1] == bank.inputs.shape[-1] == dataset()[0].shape[-1] == n
    # The same trial, in a lane of a batch and played.
    trials = batch.trials
    for row in range(len(trials)):
        record = trials.describe(row)
        chosen = {name: ms for name, ms in record["period_ms"].items() if ms}
        chosen |= {"noise_key": record["noise_key"]}
        chosen |= {"rule": record["rule"]} if len(sampler.tasks) > 1 else {}
        if record["match"] is None and len(record["stimuli"]) == 1:
            chosen["location"] = record["stimuli"][0]["location"]
            chosen["ring"] = record["stimuli"][0]["ring"]
            env.reset(options={"trial": chosen})
            start, lane = trials.start[row], trials.lane[row]
            played = env.unwrapped.ob
            np.testing.assert_array_equal(played, batch.inputs[start : start + len(played), lane])


def test_rule_input_is_a_truth_value() -> None:
    for take in (modcog.BatchSampler, modcog.make, modcog.make_vec, modcog.Dataset):
        with pytest.raises(modcog.InvalidArgument, match="^rule_input must be True or False"):
            take("Go", rule_input="yes")
    with pytest.raises(modcog.InvalidArgument, match="^rule_input must be given once"):
        modcog.Dataset("Go", {"rule_input": True}, rule_input=True)


@pytest.mark.parametrize("value", ["-0.1", None, True, float("nan"), float("inf"), [1]])
def test_a_reward_is_a_finite_number_in_every_environment(value: Any) -> None:
    for make in (modcog.make, modcog.make_vec):
        with pytest.raises(modcog.InvalidArgument, match=r"^rewards\['abort'\] must be a finite"):
            make("Go", rewards={"abort": value})
    with pytest.raises(modcog.InvalidArgument, match="^rewards must be a mapping"):
        modcog.make_vec("Go", 2, rewards="abort")


@pytest.mark.parametrize("seed", [1.5, "ab", {1, 2}])
def test_the_seed_of_lanes_is_a_number_or_a_list(seed: Any) -> None:
    with pytest.raises(modcog.InvalidArgument, match="^seed must be a whole number, or a list"):
        modcog.make_vec("Go", 2).reset(seed=seed)
