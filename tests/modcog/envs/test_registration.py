"""Gymnasium ids: there without importing modcog, cheap, and the same however often registered."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest
from gymnasium.envs.registration import EnvSpec, registry

import modcog
from modcog.envs.registration import _has_plugins, env_id, register_all
from tests.every import every
from tests.modcog import helpers


def ours() -> dict[str, EnvSpec]:
    return {key: spec for key, spec in registry.items() if spec.namespace == "modcog"}


def test_there_is_one_id_for_every_task() -> None:
    assert set(ours()) == {env_id(name) for name in helpers.NAMES}
    assert env_id("DlyGo_IntL_SeqR") == "modcog/DlyGo_IntL_SeqR-v0"


def test_registering_again_changes_nothing(recwarn: pytest.WarningsRecorder) -> None:
    before = dict(registry)
    register_all()
    register_all()
    assert registry == before
    assert not recwarn.list


@every("name", helpers.NAMES)
def test_an_id_makes_the_task_of_its_name(name: str) -> None:
    env = gym.make(env_id(name))
    assert env.unwrapped.modified_by.task_spec == modcog.task(name)
    assert env.spec is not None
    assert env.spec.id == env_id(name)


def test_keyword_arguments_reach_the_task() -> None:
    settings: dict[str, Any] = {"dt": 20, "dim_ring": 32, "noise": 0, "int_velocity": 1.0}
    env = gym.make("modcog/DlyGo_IntL-v0", **settings, rewards={"abort": -1.0})
    assert env.unwrapped.modified_by.task_spec == modcog.task("DlyGo_IntL", **settings)
    assert env.unwrapped.rewards["abort"] == -1
    with pytest.raises(
        modcog.UnknownName,
        match="of DlyGo_IntL; .*keyword argument 'colour'",
    ):
        gym.make("modcog/DlyGo_IntL-v0", colour=1)


MAKE = """
import json, sys
import gymnasium as gym

heavy = ("neurogym", "torch", "matplotlib", "modcog.envs.env")
before = [name for name in heavy if name in sys.modules]
env = gym.make("modcog/DlyGo_IntL_SeqR-v0")
ob, info = env.reset(seed=0)
print(json.dumps([before, list(ob.shape), env.unwrapped.trial["task"], "torch" in sys.modules]))
"""


@pytest.mark.skipif(not _has_plugins(), reason="gymnasium 1.x has no plugins")
def test_gym_make_needs_no_import_of_modcog(tmp_path: Path) -> None:
    loaded, shape, task, torch = helpers.fresh(MAKE, tmp_path)
    assert loaded == []
    assert shape == [33]
    assert task == "DlyGo_IntL_SeqR"
    # neurogym 2.3.1 imports torch by itself.
    assert not torch or metadata.version("neurogym") == "2.3.1"


IN_ANY_ORDER = """
import json, sys
import {first}, {second}
import gymnasium as gym
from modcog.envs.registration import register_all

register_all()
ids = [key for key, spec in gymnasium.registry.items() if spec.namespace == "modcog"]
loaded = ["neurogym" in sys.modules, "modcog.envs.env" in sys.modules]
print(json.dumps([len(ids), len(set(ids)), *loaded]))
"""


@pytest.mark.parametrize(("first", "second"), [("modcog", "gymnasium"), ("gymnasium", "modcog")])
def test_the_order_of_imports_does_not_matter(tmp_path: Path, first: str, second: str) -> None:
    code = IN_ANY_ORDER.format(first=first, second=second)
    assert helpers.fresh(code, tmp_path) == [168, 168, False, False]


WITHOUT_PLUGINS = """
import json, sys
from importlib import metadata

metadata.version = lambda name: "1.2.0"  # gymnasium 1.x has no plugins: importing modcog registers
import modcog
print(json.dumps(["modcog/Go-v0" in sys.modules["gymnasium"].registry]))
"""


def test_without_plugins_importing_modcog_registers(tmp_path: Path) -> None:
    assert helpers.fresh(WITHOUT_PLUGINS, tmp_path) == [True]


BY_MODULE = """
import json
import gymnasium as gym

env = gym.make("modcog:modcog/DlyGo_IntL_SeqR-v0")
print(json.dumps([env.spec.id, env.unwrapped.specs[0].base]))
"""


def test_an_id_that_names_the_package_works_with_every_gymnasium(tmp_path: Path) -> None:
    assert helpers.fresh(BY_MODULE, tmp_path) == ["modcog/DlyGo_IntL_SeqR-v0", "DlyGo"]
