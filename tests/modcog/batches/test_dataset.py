"""The drop-in for neurogym's Dataset: its shapes and dtypes, and the trials of our sampler."""

from __future__ import annotations

import itertools
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import modcog
from modcog.envs.compat import TrialWrapper
from modcog.hashing import Purpose, derive
from tests.modcog import helpers

OF_SEED_4 = derive(4, Purpose.DATASET)

# What neurogym asks of wrapped environments; gymnasium 0.29 warns of each.
PASSED_ON = r"ignore:.*env\.\w+ to get variables from other wrappers is deprecated:UserWarning"

SOURCES: dict[str, Any] = {
    "task": "DlyGo_IntL_SeqR",
    "alias": "dlygointlseqr",
    "id": "modcog/DlyGo_IntL_SeqR-v0",
    "id with module": "modcog:modcog/DlyGo_IntL_SeqR-v0",
    "spec": modcog.task("DlyGo_IntL_SeqR"),
    "list of one": ["DlyGo_IntL_SeqR"],
    "environment": modcog.make("DlyGo_IntL_SeqR"),
    "wrapped": modcog.Sequence(modcog.Integrate(modcog.make("DlyGo"), "L"), "R"),
    "made by gymnasium": gym.make("modcog:modcog/DlyGo_IntL_SeqR-v0"),
}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_every_way_to_name_a_task_gives_the_same_batches(source: Any) -> None:
    inputs, targets = modcog.Dataset(source, batch_size=3, seq_len=60, seed=4)()
    sampler = modcog.BatchSampler("DlyGo_IntL_SeqR", batch_size=3, seq_len=60, seed=OF_SEED_4)
    batch = sampler.batch(0)
    np.testing.assert_array_equal(inputs, batch.inputs[..., :-1])
    np.testing.assert_array_equal(targets, batch.targets)


@pytest.mark.parametrize("source", ["cog-20", ["Go", "DMS", "Go"], modcog.make("cog-20")])
def test_several_tasks_have_rule_channels(source: Any) -> None:
    dataset = modcog.Dataset(source, batch_size=3, seq_len=60, seed=4)
    tasks = dataset.sampler.tasks
    sampler = modcog.BatchSampler(tasks, batch_size=3, seq_len=60, seed=OF_SEED_4)
    for index in range(3):
        inputs, targets = dataset()
        np.testing.assert_array_equal(inputs, sampler.batch(index).inputs)
        np.testing.assert_array_equal(targets, sampler.batch(index).targets)
    assert dataset.env.observation_space.shape == (inputs.shape[-1],)


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("source", [*helpers.EXAMPLES, "cog-20"])
def test_shapes_and_dtypes_are_neurogyms(source: str, batch_first: bool) -> None:
    neurogym = pytest.importorskip("neurogym")
    arguments = (None, 4, 70, 2, batch_first)
    theirs = neurogym.Dataset(modcog.make(source), *arguments)
    ours = modcog.Dataset(modcog.make(source), *arguments)
    for name in ("batch_size", "seq_len", "batch_first", "max_batch"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert type(ours.env) is type(theirs.env)
    pairs = list(zip(theirs, ours, strict=True))
    assert len(pairs) == 2
    for batch_a, batch_b in [*pairs, (theirs(), ours())]:
        for a, b in zip(batch_a, batch_b, strict=True):
            assert (a.shape, a.dtype, type(a)) == (b.shape, b.dtype, type(b))


@pytest.mark.parametrize("name", helpers.EXAMPLES)
def test_trials_of_both_have_the_same_statistics_of_inputs_and_targets(name: str) -> None:
    neurogym = pytest.importorskip("neurogym")
    # No noise: what is left to differ are the draws, and the trials that neurogym cuts in two.
    env = modcog.make(name, noise=0)
    length = modcog.trial_lengths(env.task_spec).longest
    dataset = neurogym.Dataset(env, batch_size=20, seq_len=20 * length)
    dataset.seed(1)
    dataset._cache()  # what it drew before it had a seed
    theirs = dataset()
    ours = modcog.Dataset(env, batch_size=20, seq_len=20 * length, seed=0)()
    for a, b in zip(theirs, ours, strict=True):
        assert abs(a.mean() - b.mean()) < 0.2 * a.mean()
    assert set(np.unique(theirs[1])) == set(np.unique(ours[1])) == set(range(17))


def test_lanes_hold_whole_trials_from_their_first_step() -> None:
    dataset = modcog.Dataset("DMS", batch_size=5, seq_len=100, seed=0)
    for index, (inputs, targets) in enumerate(itertools.islice(dataset, 3)):
        trials = dataset.sampler.trials(index)
        assert set(trials.start[np.r_[True, np.diff(trials.lane) > 0]]) == {0}
        end = 27 * 3
        assert not inputs[end:].any()
        assert not targets[end:].any()
        assert (inputs[[0, 27, 54], :, 0] == 1).all()


def test_settings_reach_the_task() -> None:
    dataset = modcog.Dataset("DlyGo", {"dt": 50, "dim_ring": 8, "rewards": {"fail": -1.0}}, seed=0)
    assert dataset.env.task_spec == modcog.task("DlyGo", dt=50, dim_ring=8)
    assert dataset.env.rewards["fail"] == -1
    inputs, targets = dataset()
    assert inputs.shape == (1000, 1, 17)
    assert targets.shape == (1000, 1)
    assert modcog.Dataset("DlyGo", seq_len="auto", seed=0).seq_len == 80


def test_a_seed_gives_the_batches_again_and_another_gives_others() -> None:
    dataset = modcog.Dataset("cog-20", batch_size=2, seq_len=60, seed=5)
    first = [dataset()[0] for _ in range(3)]
    dataset.seed(5)
    for kept in first:
        np.testing.assert_array_equal(dataset()[0], kept)
    dataset.seed(6)
    assert not np.array_equal(dataset()[0], first[0])
    unseeded = [modcog.Dataset("cog-20", batch_size=2, seq_len=60) for _ in range(2)]
    one, other = (dataset()[0] for dataset in unseeded)
    assert not np.array_equal(one, other)
    repeated = modcog.Dataset("cog-20", batch_size=2, seq_len=60, seed=unseeded[0].seeds)
    np.testing.assert_array_equal(repeated()[0], one)


def test_arrays_belong_to_the_caller() -> None:
    dataset = modcog.Dataset("DlyGo", batch_size=2, seq_len=60, seed=5)
    inputs, targets = dataset()
    kept = inputs.copy()
    dataset()
    np.testing.assert_array_equal(inputs, kept)
    assert inputs.flags.owndata
    assert targets.flags.owndata


@pytest.mark.parametrize("max_batch", [None, np.inf])
def test_without_a_limit_an_iteration_does_not_end(max_batch: float | None) -> None:
    dataset = modcog.Dataset("DlyGo", batch_size=1, seq_len=20, max_batch=max_batch, seed=0)
    assert len(list(itertools.islice(dataset, 200))) == 200


def test_iterations_end_and_go_on() -> None:
    dataset = modcog.Dataset("DlyGo", batch_size=1, seq_len=40, max_batch=3, seed=0)
    rounds = [[inputs for inputs, _ in dataset] for _ in range(2)]
    assert [len(batches) for batches in rounds] == [3, 3]
    for index, inputs in enumerate(itertools.chain(*rounds)):
        np.testing.assert_array_equal(inputs, dataset.sampler.batch(index).inputs)


class Mirrored(TrialWrapper):
    """A user's trial wrapper: every observation has the other sign."""

    def new_trial(self, **given: Any) -> Any:
        trial = self.env.new_trial(**given)
        self.unwrapped.ob = -self.unwrapped.ob
        return trial


class Doubled(gym.ObservationWrapper):
    def observation(self, observation: Any) -> Any:
        return 2 * observation


class Stepping(gym.Wrapper):
    def step(self, action: Any) -> Any:
        return self.env.step(action)


@pytest.mark.parametrize("batch_first", [False, True])
def test_a_trial_wrapper_of_a_user_is_played(batch_first: bool) -> None:
    env = Mirrored(modcog.make("DlyGo_IntL", noise=0))
    dataset = modcog.Dataset(env, None, 3, 70, 4, batch_first, seed=1)
    assert dataset.sampler is None
    inputs, targets = dataset()
    if batch_first:
        inputs, targets = inputs.swapaxes(0, 1), targets.swapaxes(0, 1)
    assert inputs.shape == (70, 3, 33)
    assert inputs.min() < 0 == inputs.max()
    # Whole trials from the first step on: what it shows are trials of the task.
    for lane in range(3):
        assert inputs[0, lane, 0] == -1
        go = np.flatnonzero((inputs[:-1, lane, 0] == -1) & (inputs[1:, lane, 0] == 0)) + 1
        assert (targets[go, lane] > 0).all()
    dataset.seed(1)
    again = dataset()[0]
    np.testing.assert_array_equal(again.swapaxes(0, 1) if batch_first else again, inputs)
    np.testing.assert_array_equal(modcog.Dataset(env, None, 3, 70, 4, seed=1)()[0], inputs)
    assert not np.array_equal(modcog.Dataset(env, None, 3, 70, seed=2)()[0], inputs)


def test_a_wrapper_under_a_modifier_is_played_too() -> None:
    env = modcog.Sequence(Mirrored(modcog.make("DlyGo", noise=0)), "L")
    inputs, _ = modcog.Dataset(env, None, 2, 60, seed=1)()
    assert inputs.min() < 0 == inputs.max()
    env.reset(seed=0)
    assert env.ob.min() < 0
    # An environment within shows its own trials, whatever wraps it.
    inner = modcog.Dataset(env.unwrapped, None, 2, 60, seed=1)
    assert inner.sampler is not None
    assert inner()[0].min() == 0


@pytest.mark.filterwarnings(PASSED_ON)
def test_schedules_of_several_tasks_are_served_as_neurogym_does() -> None:
    neurogym = pytest.importorskip("neurogym")
    from neurogym.utils.scheduler import SequentialSchedule
    from neurogym.wrappers import ScheduleEnvs

    names = ("Go", "DlyGo", "DM1")
    env = ScheduleEnvs([modcog.make(n) for n in names], SequentialSchedule(3), env_input=True)
    dataset = modcog.Dataset(env, None, 2, 300, seed=3)
    inputs, _ = dataset()
    assert inputs.shape == (300, 2, 36) == neurogym.Dataset(env, None, 2, 300)()[0].shape
    for lane in range(2):
        inside = inputs[:, lane, 33:].any(axis=1)
        rule = inputs[inside, lane, 33:].argmax(axis=1)
        changes = rule[np.r_[True, np.diff(rule) != 0]]
        np.testing.assert_array_equal(np.diff(changes) % 3, 1)  # one task after the other
        assert not inputs[~inside, lane].any()


@pytest.mark.filterwarnings(PASSED_ON)
def test_an_answer_that_a_wrapper_chooses_is_the_answer() -> None:
    pytest.importorskip("neurogym")
    from neurogym.wrappers import RandomGroundTruth

    env = RandomGroundTruth(modcog.make("DlyGo_IntL"), p=np.eye(16)[3])
    _, targets = modcog.Dataset(env, None, 3, 100, seed=0)()
    assert set(np.unique(targets)) == {0, 4}


@pytest.mark.parametrize("wrap", [Doubled, Stepping, "Noise", "PassAction", "ReactionTime"])
def test_a_wrapper_that_acts_on_steps_is_refused(wrap: Any) -> None:
    if isinstance(wrap, str):
        wrap = getattr(pytest.importorskip("neurogym.wrappers"), wrap)
    with pytest.raises(modcog.InvalidArgument, match=f"{wrap.__name__} acts on step; leave it out"):
        modcog.Dataset(wrap(modcog.make("Go")), seed=0)


def test_wrappers_without_effect_leave_the_fast_way_open() -> None:
    env = gym.wrappers.TransformReward(
        gym.wrappers.TimeLimit(modcog.make("Go"), 100), lambda reward: 2 * reward
    )
    assert modcog.Dataset(env, seed=0).sampler is not None


REFUSED: list[tuple[Any, dict[str, Any], str]] = [
    ("DlyGoo", {}, "task; got 'DlyGoo'. Did you mean DlyGo"),
    ("modcog/DlyGo-v7", {}, "got 'modcog/DlyGo-v7'"),
    (gym.Env(), {}, "^env must be an environment of modcog, its id"),
    (modcog.make_vec("Go"), {}, "^env must be an environment of modcog, its id"),
    (modcog.make("Go"), {"env_kwargs": {"dt": 50}}, "^env_kwargs must be left out"),
    ("Go", {"env_kwargs": {"sigma": 1}}, "It is called 'noise' here"),
    ("Go", {"batch_size": 0}, "^batch_size must be a whole number of lanes"),
    ("Go", {"seq_len": 3}, "^seq_len must be at least 15 steps"),
    ("Go", {"cache_len": 9}, "^cache_len must be None: nothing is cached here"),
    ("Go", {"batch_first": 2}, "^batch_first must be True or False"),
    (Mirrored(modcog.make("Go")), {"seq_len": "auto"}, "^seq_len must be a number of steps here"),
    (Mirrored(modcog.make("Go")), {"seq_len": 3}, "^seq_len must be at least 15 steps, a trial"),
    ("Go", {"max_batch": 0.5}, "^max_batch must be a whole number of batches"),
    ("Go", {"seed": -1}, "^seed must be"),
    (3, {}, "^tasks must be the name of a suite"),
]


@pytest.mark.parametrize(("env", "arguments", "text"), REFUSED)
def test_wrong_arguments_are_refused(env: Any, arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(modcog.InvalidArgument, match=text):
        modcog.Dataset(env, **arguments)


def test_its_representation_says_what_it_is() -> None:
    assert repr(modcog.Dataset("Go", seq_len=50)) == "Dataset(Go, batch_size=1, seq_len=50)"
    assert repr(modcog.Dataset("cog-20")).startswith("Dataset(20 rule slots, ")
