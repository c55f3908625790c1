"""Our environments in the hands of neurogym."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

import modcog
from tests.modcog import helpers

ngym = pytest.importorskip("neurogym", reason="shows how neurogym treats our environments")
wrappers = pytest.importorskip("neurogym.wrappers")
plotting = pytest.importorskip("neurogym.utils.plotting")
block = pytest.importorskip("neurogym.wrappers.block")
scheduler = pytest.importorskip("neurogym.utils.scheduler")

# What neurogym's users call on wrapped environments; gymnasium 0.29 warns of each.
PASSED_ON = r"ignore:.*env\.\w+ to get variables from other wrappers is deprecated:UserWarning"


def gym_id(name: str) -> str:
    return f"modcog/{name}-v0"


@pytest.mark.parametrize("name", helpers.NAMES)
def test_the_environment_is_a_neurogym_trial_environment(name: str) -> None:
    env = gym.make(gym_id(name)).unwrapped
    assert isinstance(env, ngym.core.TrialEnv)
    spec = modcog.task(name)
    env.reset(seed=0)
    record = env.new_trial()
    assert record is env.trial
    assert env.ob.shape == (len(env.gt), 33)
    assert tuple(env.timing) == tuple(env.start_ind) == spec.period_names
    assert env.in_period(spec.period_names[0])
    assert env.start_ind["decision"] == int(env.trials.decision_start[0])
    np.testing.assert_array_equal(env.gt[: env.start_ind["decision"]], 0)
    assert isinstance(env.dt, float)


@pytest.mark.parametrize("name", ["DlyGo_IntL", "RTAnti_SeqR"])
def test_wrappers_are_neurogym_trial_wrappers(name: str) -> None:
    assert isinstance(modcog.make(name), ngym.core.TrialWrapper)


@pytest.mark.parametrize("source", ["Go", "DlyGo_IntL_SeqR", "DMS_SeqL", "cog-20"])
def test_neurogyms_dataset_runs_on_our_environments(source: str) -> None:
    env = modcog.make(source)
    n_channels = env.observation_space.shape[0]
    dataset = ngym.Dataset(env, batch_size=4, seq_len=60)
    inputs, targets = dataset()
    assert inputs.shape == (60, 4, n_channels)
    assert targets.shape == (60, 4)
    # Its lanes start with a whole trial each, and no two lanes are alike.
    np.testing.assert_array_equal(inputs[0, :, 0], 1)
    assert len({inputs[:, lane].tobytes() for lane in range(4)}) == 4
    assert set(np.unique(inputs[..., 0])) == {0, 1}
    assert not targets[inputs[..., 0] == 1].any()
    assert targets.max() > 0


def test_neurogyms_dataset_gives_the_trials_that_its_seed_asks_for() -> None:
    dataset = ngym.Dataset(modcog.make("DlyGo_IntL"), batch_size=2, seq_len=40)
    dataset.seed(7)
    dataset._cache()
    inputs, targets = dataset()
    for lane in range(2):
        stream = np.random.default_rng(7 + lane)
        first = modcog.render(modcog.sample(modcog.task("DlyGo_IntL"), stream, 1))
        n_steps = min(40, len(first.targets))
        np.testing.assert_array_equal(inputs[:n_steps, lane], first.observations[:n_steps, 0])
        np.testing.assert_array_equal(targets[:n_steps, lane], first.targets[:n_steps, 0])


@pytest.mark.filterwarnings(PASSED_ON)
def test_neurogyms_dataset_takes_a_registered_environment() -> None:
    dataset = ngym.Dataset(gym.make(gym_id("DlyGo_IntL_SeqR")), batch_size=2, seq_len=50)
    inputs, targets = next(iter(dataset))
    assert inputs.shape == (50, 2, 33)
    assert targets.max() <= 16


ON_STEPS: dict[str, Any] = {
    "Noise": (lambda env: wrappers.Noise(env, 1.0), 33),
    "PassAction": (wrappers.PassAction, 34),
    "PassReward": (wrappers.PassReward, 34),
    "ReactionTime": (wrappers.ReactionTime, 33),
}


@pytest.mark.filterwarnings(PASSED_ON)
@pytest.mark.parametrize("name", ["Go", "DlyGo_IntL"])
@pytest.mark.parametrize(("wrap", "n_channels"), ON_STEPS.values(), ids=ON_STEPS)
def test_wrappers_that_act_on_steps_see_the_first_observation(
    name: str, wrap: Any, n_channels: int
) -> None:
    env = wrap(modcog.make(name))
    env.unwrapped.seed(3)
    ob, _ = env.reset()
    assert env.unwrapped.t_ind == 0
    assert ob.shape == env.observation_space.shape == (n_channels,)
    shown = env.unwrapped.ob[0]
    if n_channels > 33:
        np.testing.assert_array_equal(ob, [*shown, 0])  # no action and no reward yet
    else:
        assert np.array_equal(ob, shown) == (wrap is wrappers.ReactionTime)
    for _ in range(3):
        info: dict[str, Any] = {}
        while not info.get("new_trial"):
            ob, reward, _, _, info = env.step(int(env.unwrapped.gt_now))
            assert ob.shape == (n_channels,)
        assert info["performance"] == reward == 1


@pytest.mark.filterwarnings(PASSED_ON)
def test_a_reaction_time_task_may_be_answered_while_the_stimulus_is_shown() -> None:
    env = wrappers.ReactionTime(modcog.make("Go"))
    env.reset(seed=0)
    start = env.unwrapped.start_ind["stimulus"]
    n_steps = 0
    while not env.step(int(env.unwrapped.gt_now))[4]["new_trial"]:
        n_steps += 1
    assert n_steps == start + 1


CHOOSING: dict[str, Any] = {
    "RandomGroundTruth": lambda env: wrappers.RandomGroundTruth(env, p=np.eye(16)[5]),
    "SideBias": lambda env: wrappers.SideBias(env, [np.eye(16)[5].tolist()], 3),
    "TrialHistoryV2": lambda env: wrappers.TrialHistoryV2(env, np.tile(np.eye(16)[5], (16, 1))),
}


@pytest.mark.filterwarnings(PASSED_ON)
@pytest.mark.parametrize("name", ["Go", "DlyAnti_IntR", "DM1", "Go_SeqL"])
@pytest.mark.parametrize("wrap", CHOOSING.values(), ids=CHOOSING)
def test_wrappers_that_choose_the_answer_get_it(name: str, wrap: Any) -> None:
    env = wrap(modcog.make(name))
    env.reset(seed=0)
    for _ in range(4):
        trial = env.unwrapped.trial
        assert trial["response"] == trial["ground_truth"] == 5
        assert env.unwrapped.gt[env.unwrapped.start_ind["decision"]] == 6
        json.dumps(trial)
        env.new_trial()


@pytest.mark.filterwarnings(PASSED_ON)
@pytest.mark.parametrize("wrap", CHOOSING.values(), ids=CHOOSING)
def test_tasks_that_ask_to_withhold_have_no_choices(wrap: Any) -> None:
    with pytest.raises(AttributeError, match="choices") as caught:
        wrap(modcog.make("DMS"))
    assert "ask to withhold" in str(caught.value.__cause__)


def test_a_given_answer_leaves_the_rest_as_it_is_drawn() -> None:
    env = modcog.make("DlyGo_IntL")
    env.reset(seed=0)
    delays = []
    for _ in range(300):
        env.new_trial(ground_truth=2)
        delays.append(env.trial["period_ms"]["delay"])
    assert set(delays) == {100.0 * k for k in range(1, 12)}
    for wrong in (16, -1, 1.5, True, "left"):
        with pytest.raises(modcog.InvalidArgument, match="^ground_truth must be a ring index"):
            env.new_trial(ground_truth=wrong)
    with pytest.raises(modcog.InvalidArgument, match="^ground_truth must be an answer of"):
        modcog.make("Go").new_trial(ground_truth=2, location=3)
    with pytest.raises(modcog.InvalidArgument, match="^probs must be given with"):
        env.new_trial(probs=[1])


def test_seed_seeds_all_that_neurogym_seeds_and_rng_leaves_the_trials_alone() -> None:
    env, twin = modcog.make("DlyGo"), modcog.make("DlyGo")
    for e in (env, twin):
        assert e.seed(4) == [4]
    assert [env.action_space.sample() for _ in range(9)] == [
        twin.action_space.sample() for _ in range(9)
    ]
    np.testing.assert_array_equal(env.rng.normal(size=5), twin.rng.normal(size=5))
    env.rng.normal(size=100)
    assert env.new_trial() == twin.new_trial()
    env.reset(seed=4)
    twin.seed(4)
    assert env.rng.randint(1000) == twin.rng.randint(1000)
    with pytest.raises(modcog.InvalidArgument, match="^seed must be a whole number"):
        env.seed(-1)


class Halved(ngym.core.TrialWrapper):
    def new_trial(self, **given: Any) -> Any:
        return self.env.new_trial(**given)

    def step(self, action: Any) -> Any:
        ob, *rest = self.env.step(action)
        return (ob / 2, *rest)


def test_reset_goes_the_way_that_step_goes() -> None:
    env = Halved(modcog.make("Go"))
    ob, _ = env.reset(seed=0)
    np.testing.assert_array_equal(ob, env.unwrapped.ob[0] / 2)
    assert (env.unwrapped.t_ind, env.unwrapped.num_tr) == (0, 1)
    np.testing.assert_array_equal(env.step(0)[0], env.unwrapped.ob[1] / 2)


@pytest.fixture
def without_stable_baselines(monkeypatch: pytest.MonkeyPatch) -> None:
    # neurogym 2.2 asks for this name even where stable-baselines3 is not installed.
    monkeypatch.setattr(plotting, "DummyVecEnv", type("DummyVecEnv", (), {}), raising=False)


@pytest.mark.filterwarnings(PASSED_ON)
@pytest.mark.usefixtures("without_stable_baselines")
@pytest.mark.parametrize("source", ["DlyGo_IntL_SeqR", "DMS", "cog-20"])
def test_neurogyms_plot_runs_on_our_environments(source: str) -> None:
    env = modcog.make(source)
    figure = plotting.plot_env(env, num_trials=3, def_act=0)
    try:
        assert isinstance(figure, Figure)
        assert len(figure.axes) >= 3
    finally:
        plt.close("all")


@pytest.mark.usefixtures("without_stable_baselines")
def test_neurogyms_run_sees_every_step() -> None:
    env = modcog.make("DlyGo")
    data = plotting.run_env(env, num_trials=2, def_act=0)
    assert len(data["gt"]) == 40
    assert np.count_nonzero(data["gt"]) == 10
    assert [p for p in data["perf"] if p != -1] == [0, 0]


# --- blocks of tasks, the monitor, and the released code ----------------------------------------


@pytest.mark.filterwarnings(PASSED_ON)
@pytest.mark.parametrize("env_input", [False, True])
def test_environments_in_one_are_stepped_and_switched(env_input: bool) -> None:
    names = ("Go", "DlyGo_IntL", "DMS_SeqR")
    env = block.MultiEnvs([modcog.make(name) for name in names], env_input=env_input)
    n_channels = 33 + 3 * env_input
    assert env.observation_space.shape == (n_channels,)
    for number, name in enumerate(names):
        env.set_i(number)
        env.new_trial()
        assert env.unwrapped.trial["task"] == name
        assert env.unwrapped.ob.shape == (len(env.unwrapped.gt), n_channels)
        if env_input:
            np.testing.assert_array_equal(env.unwrapped.ob[:, 33 + number], 1)
        info: dict[str, Any] = {}
        while not info.get("new_trial"):
            ob, _, _, _, info = env.step(int(env.unwrapped.gt_now))
            assert ob.shape == (n_channels,)
        assert info["performance"] == 1
        assert info["trial"]["task"] == env.unwrapped.trial["task"] == name


@pytest.mark.filterwarnings(PASSED_ON)
def test_a_schedule_starts_the_tasks_in_its_order() -> None:
    names = ("Go", "DlyGo_IntL", "DMS_SeqR")
    envs = [modcog.make(name) for name in names]
    env = block.ScheduleEnvs(envs, scheduler.SequentialSchedule(3), env_input=True)
    env.reset(seed=0)
    ended: list[str] = []
    while len(ended) < 7:
        ob, _, _, _, info = env.step(0)
        assert ob.shape == (36,)
        assert ob[33:].sum() == 1
        if info["new_trial"]:
            ended.append(info["trial"]["task"])
    first = names.index(ended[0])
    assert ended == [names[(first + k) % 3] for k in range(7)]


@pytest.mark.filterwarnings(PASSED_ON, "ignore::UserWarning", "ignore::DeprecationWarning")
def test_the_monitor_notes_every_trial(tmp_path: Path) -> None:
    config = importlib.import_module("neurogym.config.config").Config(local_dir=tmp_path)
    config.monitor.verbose = False
    env = wrappers.Monitor(modcog.make("Go"), config)
    env.reset(seed=0)
    rewards: list[float] = []
    while len(env.data["reward"]) < 5:
        _, reward, _, _, _ = env.step(int(env.unwrapped.gt_now))
        rewards.append(reward)
    assert sum(rewards) == 5
    assert env.data["performance"] == [1.0] * 5
    assert env.data["cum_reward"] == [1.0] * 5


@pytest.mark.filterwarnings(PASSED_ON)
def test_the_example_of_the_released_code_runs_with_other_imports() -> None:
    # https://github.com/mikailkhona/Mod_Cog, README: its 82 functions, MultiEnvs, a random schedule
    # and a dataset.
    imported: dict[str, Any] = {}
    exec("from modcog.envs.mod_cog_tasks import *", imported)
    functions = [name.replace("_", "").lower() for name in modcog.suite("mod-cog-82")]
    assert {"dlygointr", "go", "dnmcseql"} <= set(functions) <= set(imported)
    envs = [imported[name]() for name in functions]
    block.MultiEnvs(envs, env_input=True)
    for dataset_of in (modcog.Dataset, ngym.Dataset):
        schedule = scheduler.RandomSchedule(len(envs))
        env = block.ScheduleEnvs(envs, schedule=schedule, env_input=True)
        dataset = dataset_of(env, batch_size=4, seq_len=350)
        env = dataset.env
        assert env.observation_space.shape == (33 + 82,)
        assert env.action_space.n == 17
        inputs, labels = dataset()
        assert inputs.shape == (350, 4, 33 + 82)
        assert labels.shape == (350, 4)
        assert labels.max() > 0
    with pytest.raises(AttributeError, match="has no attribute 'gointegrate'"):
        _ = importlib.import_module("modcog.envs.mod_cog_tasks").gointegrate
