"""Our environments in the hands of neurogym."""

from __future__ import annotations

import gymnasium as gym
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

import modcog
from tests.modcog import helpers

ngym = pytest.importorskip("neurogym", reason="shows how neurogym treats our environments")
plotting = pytest.importorskip("neurogym.utils.plotting")

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
