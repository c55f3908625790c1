"""Tasks and suites of one's own: by name wherever names are read, and gone without a trace."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec, registry as ids

import modcog
from modcog.catalog import suites
from modcog.cli import main
from modcog.tasks import BASE_TASKS, OWN
from tests.modcog import helpers

BEFORE = modcog.task_names()
CUSTOM = "vector_entry_point" if hasattr(gym.vector, "AutoresetMode") else "custom"


def ours() -> dict[str, EnvSpec]:
    return {key: spec for key, spec in ids.items() if spec.namespace == "modcog"}


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    """Registers nothing for other tests, and looks that nothing is left."""
    there = ours()
    try:
        yield
    finally:
        for name in [*suites.OWN, *OWN]:
            modcog.unregister(name)
    assert modcog.task_names() == BEFORE
    assert ours() == there


def hard(**changes: Any) -> modcog.TaskSpec:
    return replace(modcog.task("DM1", coherences=(0.04, 0.08)), base="HardDM", **changes)


def test_a_registered_task_is_known_wherever_names_are_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    modcog.register_task(hard())
    assert modcog.task("hard dm") == hard()
    spec = modcog.task("harddm_intl_seqr", dt=50, int_velocity=1.0)
    assert spec.params.coherences == (0.04, 0.08)
    assert modcog.task_from_json(spec.to_json()) == spec
    assert modcog.task_names() == (*BEFORE, *(n for n in modcog.task_names() if "HardDM" in n))
    assert len(modcog.task_names()) == len(BEFORE) + 9
    env = gym.make("modcog/HardDM_IntL_SeqR-v0")
    assert env.unwrapped.modified_by.task_spec == modcog.task("HardDM_IntL_SeqR")
    envs = gym.make_vec("modcog/HardDM-v0", num_envs=2, vectorization_mode=CUSTOM)
    assert envs.reset(seed=0)[0].shape == (2, 33)
    batch = modcog.BatchSampler(["HardDM", "Go"], batch_size=4, seq_len=60).batch(0)
    assert set(batch.trials.task) == {"HardDM", "Go"}
    assert modcog.features()["HardDM_SeqL"]["judged"] == "ring1"
    assert modcog.suite(features="base=HardDM & Int=L & ~Seq") == ("HardDM_IntL",)
    assert modcog.describe("HardDM") == modcog.describe("DM1")
    assert main(["show", "HardDM_SeqL", "-o", str(tmp_path / "hard.png")]) == 0
    assert "HardDM_SeqL (decision family)" in capsys.readouterr().out
    assert modcog.check_task("HardDM_IntL_SeqR") is None


def test_no_suite_and_no_trial_of_the_package_changes() -> None:
    lists = [modcog.suite(name) for name in modcog.suites()]
    trials = modcog.BatchSampler("cog-20", batch_size=4, seed=3).trials(5)
    modcog.register_task(hard())
    assert [modcog.suite(name) for name in modcog.suites()] == lists
    helpers.assert_same_trials(
        modcog.BatchSampler("cog-20", batch_size=4, seed=3).trials(5), trials
    )
    assert next(iter(BASE_TASKS)) == "Go"
    assert list(BASE_TASKS)[-1] == "HardDM"


def test_a_registered_suite_is_known_wherever_suites_are(capsys: Any) -> None:
    modcog.register_task(hard())
    listed = ("Go", "HardDM_IntL", "DlyGo_SeqL_IntR", "Go")
    modcog.register_suite("my-suite", ["go", "HardDM_IntL", "DlyGo_SeqL_IntR", "Go"])
    assert modcog.suite("my-suite") == listed
    assert modcog.suites()[-1] == "my-suite"
    assert modcog.suite("my-suite", features="Int & Seq") == ("DlyGo_SeqL_IntR",)
    sampler = modcog.BatchSampler("my-suite", batch_size=4)
    assert sampler.tasks == listed
    assert sampler.input_size == 33 + 4
    assert modcog.splits.leave_out("my-suite", "HardDM_IntL").untrained == (1,)
    # What is no task of the package with modifiers in its order gets an id here.
    gym.make("modcog/DlyGo_SeqL_IntR-v0").reset(seed=0)
    assert main(["list", "--suite", "my-suite"]) == 0
    assert "my-suite: 4 rule slots, 3 distinct tasks." in capsys.readouterr().out


def test_registering_the_same_again_changes_nothing() -> None:
    for _ in range(2):
        modcog.register_task(hard())
        modcog.register_suite("mine", ["HardDM", "Go"])
    modcog.register_task(modcog.task("Go"))
    assert list(OWN) == ["HardDM"]
    with pytest.raises(modcog.InvalidArgument, match="base must be a name .*taken, as HardDM is"):
        modcog.register_task(hard(p_response=0.5))
    with pytest.raises(modcog.InvalidArgument, match="name must be a name .* Give replace=True"):
        modcog.register_suite("mine", ["Go"])
    modcog.register_task(hard(p_response=0.5), replace=True)
    modcog.register_suite("mine", ["Go"], replace=True)
    assert modcog.task("HardDM").p_response == 0.5
    assert modcog.suite("mine") == ("Go",)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Go", "base must be a name that is not taken, as Go is; got 'Go'."),
        ("GO", "not taken, as Go is"),
        ("DelayGo", "not taken, as delaygo is"),
        ("Cog20", "not taken, as cog-20 is"),
        ("GoIntL", "a name that does not end as that of a modifier does"),
        ("SpotSeqR", "a name that does not end as that of a modifier does"),
        ("Hard_DM", "a name of letters and digits that begins with a letter"),
        ("hard dm", "a name of letters and digits"),
        ("2AFC", "that begins with a letter"),
        ("", "that begins with a letter"),
        ("Härte", "a name of letters and digits"),
        (3, "a name of letters and digits"),
    ],
)
def test_names_that_are_taken_or_would_be_read_otherwise_are_refused(name: Any, told: str) -> None:
    for again in (False, True):
        with pytest.raises(modcog.InvalidArgument, match=told):
            modcog.register_task(replace(hard(), base=name), replace=again)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("cog-20", "name must be a name that is not taken, as cog-20 is"),
        ("Cog_20", "as cog-20 is"),
        ("DlyGo_IntL", "as DlyGo_IntL is"),
        ("delaygo", "as delaygo is"),
        ("my suite", "a name of letters, digits, '-', '_' and '.'"),
        ("", "a name of letters, digits"),
        ("a/b", "a name of letters, digits"),
        (None, "a name of letters, digits"),
    ],
)
def test_names_of_suites_that_mean_something_else_are_refused(name: Any, told: str) -> None:
    for again in (False, True):
        with pytest.raises(modcog.InvalidArgument, match=told):
            modcog.register_suite(name, ["Go"], replace=again)


@pytest.mark.parametrize(
    ("tasks", "told"),
    [
        ([], "tasks must be a list of at least one task"),
        (["HardDMM"], "task must be the name of a task; got 'HardDMM'"),
        ([modcog.task("Go", dt=20)], "tasks must be names of tasks, or tasks that a name stands"),
        ([hard()], "Register it: modcog.register_task"),
        (3, "tasks must be the name of a suite, or a list"),
    ],
)
def test_tasks_without_a_name_make_no_suite(tasks: Any, told: str) -> None:
    with pytest.raises(modcog.InvalidArgument, match=told):
        modcog.register_suite("mine", tasks)
    assert "mine" not in modcog.suites()


@dataclass(frozen=True)
class MoodParams:
    mood: str

    def features(self, spec: modcog.TaskSpec) -> dict[str, Any]:
        return {"mood": self.mood, "size": len(spec.periods)}


def test_features_of_ones_own_choose_tasks_where_others_have_none() -> None:
    for mood in ("Calm", "Wild"):
        modcog.register_task(replace(hard(), base=mood, params=MoodParams(mood.lower())))
    assert modcog.suite(features="mood=calm & Seq=L & ~Int") == ("Calm_SeqL",)
    assert modcog.suite("cog-20", features="mood=calm | size>2 | mood") == ()
    assert len(modcog.suite(features="mood")) == 18
    assert modcog.splits.leave_out(["Calm", "Wild", "Go"], "size>2").train == ("Go",)
    with pytest.raises(modcog.UnknownName, match="got 'clam'. Did you mean calm"):
        modcog.suite("cog-20", features="mood=clam")


@dataclass(frozen=True)
class ListParams:
    weights: Any = (1.0, 2.0)

    def __hash__(self) -> int:
        return 0


def test_what_json_would_change_is_refused() -> None:
    for weights in ((1.0, 2.0), np.ones(2), {1, 2}):
        with pytest.raises(modcog.InvalidArgument, match="spec must be a task that JSON gives"):
            modcog.register_task(hard(params=ListParams(weights)))
    assert not OWN
    modcog.register_task(hard(params=ListParams(3.0)))


def test_a_task_with_a_callable_has_a_name_and_says_that_it_has_no_json() -> None:
    spec = replace(modcog.task("Go", timing={"stimulus": lambda _: 300.0}), base="Any")
    modcog.register_task(spec)
    assert modcog.task("Any_SeqL").base == "Any"
    with pytest.raises(modcog.InvalidArgument, match="where a task is written as JSON"):
        modcog.task("Any").to_json()
    # A name that the module of the ids uses itself.
    gym.make_vec("modcog/Any-v0", num_envs=2, vectorization_mode=CUSTOM).reset(seed=0)


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("Go", "spec must be a TaskSpec; got 'Go'"),
        (modcog.task("Go_SeqL"), "spec must be a base task: .* Register Go alone"),
    ],
)
def test_what_is_no_base_task_is_refused(spec: Any, told: str) -> None:
    with pytest.raises(modcog.InvalidArgument, match=told):
        modcog.register_task(spec)


def test_a_suite_keeps_its_tasks() -> None:
    modcog.register_task(hard())
    modcog.register_suite("mine", ["HardDM_IntL", "Go"])
    with pytest.raises(modcog.InvalidArgument, match="name must be a task that no regis"):
        modcog.unregister("HardDM")
    with pytest.raises(modcog.InvalidArgument, match="suite mine still has its HardDM_IntL"):
        modcog.register_task(hard(interval=None), replace=True)
    assert modcog.task("HardDM").interval == "stimulus"
    modcog.unregister("mine")
    modcog.register_task(hard(interval=None), replace=True)
    assert "HardDM_IntL" not in modcog.task_names()
    assert "modcog/HardDM_IntL-v0" not in ids


def test_what_was_not_registered_cannot_be_forgotten() -> None:
    modcog.register_task(hard())
    for name in ("Go", "cog-20", "HardDM_SeqL"):
        with pytest.raises(modcog.UnknownName, match="task or suite that was registered; got"):
            modcog.unregister(name)


def test_json_of_a_task_that_is_not_registered_says_what_to_do() -> None:
    text = hard().to_json()
    with pytest.raises(modcog.UnknownName, match=r"got 'HardDM'\..*modcog\.register_task first"):
        modcog.task_from_json(text)
    other = json.dumps({**json.loads(modcog.task("Go").to_json()), "plan": "mine.plan"})
    with pytest.raises(modcog.InvalidArgument, match="plan must be .*register_task first"):
        modcog.task_from_json(other)


MODULE = """
import dataclasses, modcog

spec = modcog.task("DM1", coherences=(0.04, 0.08))
modcog.register_task(dataclasses.replace(spec, base="HardDM"))
modcog.register_suite("mine", ["HardDM", "HardDM_IntL"])
"""


def shell(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


def test_commands_and_gymnasium_import_the_module_that_registers(tmp_path: Path) -> None:
    (tmp_path / "my_tasks.py").write_text(MODULE, encoding="utf-8")
    listed = shell(
        tmp_path, "-P", "-m", "modcog", "--import", "my_tasks", "list", "--suite", "mine"
    )
    assert "mine: 2 rule slots, 2 distinct tasks." in listed.stdout, listed.stderr
    code = """
    import gymnasium as gym
    env = gym.make("my_tasks:modcog/HardDM_IntL-v0")
    print(env.unwrapped.modified_by.task_spec.name)
    """
    made = shell(tmp_path, "-c", textwrap.dedent(code))
    assert made.stdout == "HardDM_IntL\n", made.stderr
    missing = shell(tmp_path, "-m", "modcog", "--import", "no_tasks", "list")
    assert missing.returncode == 2
    assert "--import must be the name of a module that can be imported; got 'no_tasks'" in (
        missing.stderr
    )


def test_a_registered_task_is_scheduled_held_out_and_written_down() -> None:
    modcog.register_task(hard())
    tasks = ["HardDM", "HardDM_IntL", "Go", "DMS"]
    schedules = modcog.schedules
    plan = schedules.stages([(["HardDM"], 2), ({"HardDM_IntL": 0, "Go": 2}, 1)])
    sampler = modcog.BatchSampler(tasks, batch_size=4, seq_len=80, schedule=plan)
    assert [set(sampler.trials(i).task) for i in (0, 1)] == [{"HardDM"}] * 2
    assert set(sampler.trials(2).task) == {"HardDM", "Go", "DMS"}
    again = schedules.from_json(plan.to_json())
    assert again == plan
    assert (
        sampler.with_schedule(again).batch(2).inputs.tobytes() == sampler.batch(2).inputs.tobytes()
    )
    split = modcog.splits.leave_out(tasks, "base=HardDM")
    assert split.test == ("HardDM", "HardDM_IntL")
    train = modcog.BatchSampler(split.suite, weights=split.weights, rules="factors")
    assert set(train.trials(0).task) == {"Go", "DMS"}
    assert modcog.features(tasks)["HardDM_IntL"]["Int"] == "L"
    for spec in sampler.specs:
        assert modcog.task_from_json(spec.to_json()) == spec
    assert sampler.identity == json.loads(json.dumps(sampler.identity))
