"""`make` and the composable wrappers: they nest as names say and refuse what has no meaning."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import modcog
from modcog.envs.wrappers import WRAPPERS
from modcog.modifiers import MODIFIERS
from tests.every import every
from tests.modcog import helpers


def layers(env: Any) -> list[str]:
    """Names of the wrappers from outside in, and of the environment."""
    found = [type(env).__name__]
    while isinstance(env, gym.Wrapper):
        env = env.env
        found.append(type(env).__name__)
    return found


def test_there_is_a_wrapper_for_every_modifier() -> None:
    assert list(WRAPPERS) == list(MODIFIERS)


@every("name", helpers.NAMES)
def test_make_nests_the_wrappers_that_the_name_spells(name: str) -> None:
    env = modcog.make(name)
    marks = name.split("_")[1:]
    wrappers = {"Int": "Integrate", "Seq": "Sequence"}
    assert layers(env) == [*(wrappers[m[:-1]] for m in reversed(marks)), "TaskEnv"]
    top = env if marks else env.unwrapped
    assert top.task_spec == modcog.task(name)
    # The environment inside is the base task's.
    assert env.unwrapped.task_spec == modcog.task(name.partition("_")[0])
    # New trials are the whole task's, whichever layer starts them.
    assert env.new_trial()["task"] == env.unwrapped.new_trial()["task"] == name


@pytest.mark.parametrize("kind", WRAPPERS)
def test_a_wrapper_changes_the_environment_that_it_wraps(kind: str) -> None:
    env = modcog.make("DlyGo")
    env.reset(seed=0)
    assert env.trial["task"] == "DlyGo"
    wrapped = WRAPPERS[kind](env, "R")
    wrapped.reset(seed=0)
    assert wrapped.trial["task"] == f"DlyGo_{kind}R"
    assert wrapped.unwrapped is env
    np.testing.assert_array_equal(wrapped.ob, env.ob)
    np.testing.assert_array_equal(wrapped.gt, env.gt)
    assert wrapped.trial is env.trial


def test_settings_reach_the_base_task_and_the_wrappers() -> None:
    env = modcog.make("DlyGo_IntL_SeqR", dt=50, int_velocity=1, seq_velocity=2, int_delay=(50, 400))
    outer, inner = env, env.env
    assert (outer.task_spec.dt, inner.task_spec.dt, env.unwrapped.dt) == (50, 50, 50)
    by_hand = modcog.Integrate(modcog.make("DlyGo", dt=50), "L", velocity=1, delay=(50, 400))
    by_hand = modcog.Sequence(by_hand, "R", velocity=2)
    assert (
        by_hand.task_spec
        == outer.task_spec
        == modcog.task(
            "DlyGo_IntL_SeqR", dt=50, int_velocity=1, seq_velocity=2, int_delay=(50, 400)
        )
    )


def test_a_specification_makes_the_same_environment_as_its_name() -> None:
    for name in helpers.EXAMPLES:
        one, other = modcog.make(modcog.task(name)), modcog.make(name)
        for env in (one, other):
            env.reset(seed=2)
        for _ in range(3):
            assert one.new_trial() == other.new_trial()
            np.testing.assert_array_equal(one.unwrapped.ob, other.unwrapped.ob)


@pytest.mark.parametrize("wrapper", WRAPPERS.values())
def test_what_cannot_be_wrapped_is_refused(wrapper: Any) -> None:
    with pytest.raises(modcog.InvalidArgument, match="^env must be an environment of modcog"):
        wrapper(gym.make("CartPole-v1"), "L")
    with pytest.raises(modcog.ModifierRefused, match="^env must be an environment of one task"):
        wrapper(modcog.make("cog-20"), "L")


def test_two_wrappers_around_one_environment_are_refused() -> None:
    # They would share its trial, and each would think it is of its own task.
    env = modcog.make("DlyGo")
    modcog.Integrate(env, "L")
    with pytest.raises(modcog.ModifierRefused, match="no other modifier wraps.*make another one"):
        modcog.Sequence(env, "R")


def test_a_refused_wrapper_leaves_the_environment_as_it_was() -> None:
    env = modcog.make("RTGo")
    with pytest.raises(modcog.ModifierRefused, match="RTGo answers at the go cue"):
        modcog.Integrate(env, "L")
    assert env.new_trial()["task"] == "RTGo"
    assert modcog.Sequence(env, "L").new_trial()["task"] == "RTGo_SeqL"


def test_modifiers_find_each_other_through_other_wrappers() -> None:
    env = gym.wrappers.TimeLimit(modcog.make("DlyGo_IntL"), 1000)
    env = modcog.Sequence(env, "R")
    assert env.task_spec == modcog.task("DlyGo_IntL_SeqR")
    env.reset(seed=0)
    assert env.trial["task"] == "DlyGo_IntL_SeqR"


def test_seeding_a_wrapper_seeds_the_one_generator() -> None:
    env = modcog.make("DlyGo_IntL_SeqR")
    assert env.seed(5) == [5]
    first = env.new_trial()
    env.reset(seed=5)
    assert env.unwrapped.trial == first
    assert env.np_random is env.unwrapped.np_random


def test_velocities_of_wrappers_are_checked() -> None:
    with pytest.raises(modcog.InvalidArgument, match="^int_velocity must be a finite number"):
        modcog.Integrate(modcog.make("DlyGo"), "L", velocity=0)
    with pytest.raises(modcog.InvalidArgument, match="^seq_velocity must be a finite number"):
        modcog.Sequence(modcog.make("DlyGo"), "L", velocity=-1)
    with pytest.raises(modcog.InvalidArgument, match="^int_delay must be a range"):
        modcog.Integrate(modcog.make("DlyGo"), "L", delay=(500, 100))
    with pytest.warns(modcog.AmbiguousIntervalWarning, match="more than one turn"):
        modcog.Integrate(modcog.make("DlyGo"), "L", velocity=20)
