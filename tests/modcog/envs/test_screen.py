"""What `render` shows: the trial so far, and nothing of what is to come."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import gymnasium as gym
import matplotlib.pyplot as plt
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import modcog
from modcog.envs.screen import RENDER_MODES
from modcog.plotting import progress
from modcog.plotting.progress import Progress, progress_text
from tests.modcog import helpers

UNSEEN = "ignore:Nobody sees what is drawn:UserWarning"


def started(name: Any = "DlyGo_IntL_SeqR", **settings: Any) -> Any:
    env = modcog.make(name, **settings)
    env.reset(seed=0)
    return env


@pytest.mark.parametrize("mode", ["rgb_array", "ansi"])
@pytest.mark.parametrize("name", ["DlyGo_IntL_SeqR", "DM1"])
def test_nothing_of_the_future_is_shown(name: str, mode: str) -> None:
    # Two trials that differ from the stimulus on, and in their answers.
    fixed = dict.fromkeys(modcog.task(name).period_names, 500) | {"noise_key": 5}
    one, other = modcog.make(name, render_mode=mode), modcog.make(name, render_mode=mode)
    one.reset(seed=0, options={"trial": {**fixed, "location": 2}})
    other.reset(seed=0, options={"trial": {**fixed, "location": 9}})
    assert one.unwrapped.gt[-2] != other.unwrapped.gt[-2]
    for step in range(7):
        np.testing.assert_equal(np.array_equal(one.render(), other.render()), step < 5)
        one.step(0)
        other.step(0)


def test_pixels_are_as_gymnasium_wants_them_and_grow_with_the_steps() -> None:
    env = started(render_mode="rgb_array")
    blank = (env.render() == 255).all(axis=2).sum()
    for _ in range(4):
        ob = env.unwrapped.ob
        env.step(0)
        frame = env.render()
        assert frame.shape == (640, 720, 3)
        assert frame.dtype == np.uint8
        assert (frame == 255).all(axis=2).sum() < blank
        blank = (frame == 255).all(axis=2).sum()
        assert env.unwrapped.ob is ob
    np.testing.assert_array_equal(env.render(), frame)


@pytest.mark.parametrize("name", helpers.EXAMPLES)
def test_at_its_end_the_trial_is_shown_whole(name: str) -> None:
    trials = helpers.draw(name, 1, seed=1)
    n_steps = int(trials.length[0])
    picture = Progress(trials)
    picture.show(n_steps, [0] * n_steps)
    whole = modcog.plot_trial(trials)
    for ax, expected in zip(picture.figure.axes, whole.axes, strict=True):
        assert ax.get_xlim() == expected.get_xlim()
        images = zip(ax.get_images(), expected.get_images(), strict=True)
        assert all(np.array_equal(a.get_array(), b.get_array()) for a, b in images)
    assert all(cover.get_x() == n_steps * 100 for cover in picture._covers)
    assert all(name.get_visible() for _, name in picture._names)


def test_text_has_a_line_for_each_step() -> None:
    env = started("Go", render_mode="ansi", noise=0)
    env.unwrapped.new_trial(location=4, ring=1, fixation=200)
    for action in (0, 0, 3):
        env.step(action)
    title, head, *lines = env.render().splitlines()
    assert title == "Go, 300 of 1200 ms"
    assert head.split("  ")[-1] == "action"
    words = [line.split() for line in lines]
    assert [w[:3] for w in words] == [
        ["0", "fixation", "on"],
        ["100", "fixation", "on"],
        ["200", "stimulus", "on"],
        ["300", "stimulus", "on"],
    ]
    assert [w[-1] for w in words] == ["fixate", "fixate", "45°", "fixate"]
    assert lines[2].index("#") - head.index("ring 2") == 4
    trials = helpers.draw("DlyGo_IntL", 1)
    n_steps = int(trials.length[0])
    assert len(progress_text(trials, n_steps).splitlines()) == 2 + n_steps


@pytest.mark.parametrize("mode", ["rgb_aray", "Human", 3])
def test_a_wrong_mode_is_refused_with_the_nearest_name(mode: Any) -> None:
    takers: tuple[Any, ...] = (
        modcog.make,
        lambda task, **k: modcog.make_vec(task, 2, **k),
        lambda task, **k: modcog.make([task, "DMS"], **k),
    )
    for make in takers:
        with pytest.raises(modcog.UnknownName, match="^render_mode must be the name of a way") as e:
            make("Go", render_mode=mode)
        if mode == "rgb_aray":
            assert "Did you mean rgb_array?" in str(e.value)
    with pytest.raises(modcog.UnknownName, match="Known names: rgb_array, ansi"):
        modcog.make_vec("Go", 2, render_mode="human")


def test_gymnasium_makes_it_with_every_mode() -> None:
    for mode in RENDER_MODES:
        assert gym.make("modcog:modcog/Go-v0", render_mode=mode).render_mode == mode
    env = gym.make("modcog:modcog/Go-v0", render_mode="rgb_array", dt=50)
    assert env.metadata["render_modes"] == list(RENDER_MODES)
    assert env.metadata["render_fps"] == 20
    with pytest.raises(gym.error.ResetNeeded):
        env.render()
    env.reset(seed=0)
    assert env.render().shape == (640, 720, 3)  # pyright: ignore
    several = gym.make("modcog:modcog/Go-v0", render_mode="rgb_array_list")
    several.reset(seed=0)
    several.step(0)
    assert len(several.render()) == 2  # pyright: ignore
    with pytest.raises(gym.error.ResetNeeded):
        modcog.make("Go", render_mode="ansi").render()


@pytest.mark.filterwarnings(
    UNSEEN,
    r"ignore:.*A Box observation space m\w+ value is -?infinity:UserWarning",
    r"ignore:.*Official support for the `seed` function is dropped:UserWarning",
)
def test_gymnasiums_own_check_of_rendering_passes() -> None:
    check_env(gym.make("modcog:modcog/DlyGo_IntL-v0").unwrapped)


def test_without_a_mode_nothing_is_shown() -> None:
    for env in (modcog.make("Go"), modcog.make_vec("Go", 2)):
        env.reset(seed=0)
        with pytest.warns(UserWarning, match="no render_mode was given"):
            assert env.render() is None


def test_a_window_follows_the_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[float] = []
    monkeypatch.setattr(progress, "WITHOUT_WINDOWS", ())
    monkeypatch.setattr(plt, "pause", shown.append)
    env = started("Go", render_mode="human", dt=50)
    assert shown == [0.05]
    for n_steps in range(2, 40):
        env.step(0)
        assert len(shown) == n_steps
    assert len(plt.get_fignums()) == 1
    env.close()
    assert plt.get_fignums() == []


def test_where_there_are_no_windows_it_says_so() -> None:
    with pytest.warns(UserWarning, match="the backend agg of matplotlib has no windows"):
        env = started("Go", render_mode="human")
    env.step(0)
    assert env.render() is None
    env.close()


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_copy_shows_the_same(duplicate: Any) -> None:
    env = started(render_mode="rgb_array")
    env.step(0)
    shown = env.render()
    twin = duplicate(env)
    np.testing.assert_array_equal(twin.render(), shown)
    assert twin.render_mode == "rgb_array"


def test_lanes_are_shown_each_by_itself() -> None:
    source = ["Go", "DlyGo_IntL"]
    envs = modcog.make_vec(source, 2, render_mode="rgb_array", terminate=True)
    with pytest.raises(gym.error.ResetNeeded):
        envs.render()
    envs.reset(seed=4)
    singles = [modcog.make(source, render_mode="rgb_array") for _ in range(2)]
    for lane, env in enumerate(singles):
        env.reset(seed=4 + lane)
    frames: Any = envs.render()
    np.testing.assert_array_equal(frames, [env.render() for env in singles])
    envs.step([0, 0])
    text = modcog.make_vec(source, 2, render_mode="ansi")
    text.reset(seed=4)
    text.step([0, 0])
    for env, lines in zip(singles, text.render() or (), strict=True):
        env.step(0)
        expected = progress_text(env.unwrapped.trials, 2)
        assert lines == expected
