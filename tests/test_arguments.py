"""Every argument of the public callables changes something, or is refused.

`TABLE` has a row for each callable: what it is called with, two values for each argument, and what
is looked at. A value whose result is an error counts too, as nothing is then ignored. An argument
that has no values here fails the test, so that whoever adds an argument adds a row.
"""

from __future__ import annotations

import copy
import inspect
import itertools
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import pytest

import modcog

Values = tuple[Any, Any]


@dataclass(frozen=True)
class Row:
    """How a callable is tried.

    Args:
        base: Arguments of every call.
        values: Two values for each argument of the signature, and for some of its ``**keywords``.
        seen: What is compared of a result.
        at: Other arguments of every call, where one argument is tried.
    """

    base: Mapping[str, Any]
    values: Mapping[str, Values]
    seen: Callable[[Any], Any]
    at: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


KEYS = np.arange(4, dtype=np.uint64)
PLANNED: Mapping[str, Any] = {
    "spec": modcog.task("Go"),
    "draws": modcog.Draws(KEYS),
    "response": np.arange(4),
}
SHOWN = modcog.Stimulus("stimulus", 0, 2)


def columns(trials: modcog.Trials) -> Any:
    return [np.asarray(getattr(trials, f.name)).tolist() for f in fields(trials)]


def bank(value: Any) -> Any:
    return value.inputs.tobytes(), value.inputs.shape, value.targets.shape, value.task.tolist()


def batches(value: Any) -> Any:
    batch = value.batch(0)
    arrays = [(a.shape, a.tobytes()) for a in (batch.inputs, batch.targets, batch.mask)]
    return arrays, value.renderer


def first_steps(value: Any) -> Any:
    ob, _ = value.reset(seed=0)
    lanes = ob.shape[:-1]
    n_steps = 25
    played = [value.step(np.ones(lanes, dtype=int) if lanes else 1)[:4] for _ in range(n_steps)]
    seen = [[np.asarray(part).tobytes() for part in step] for step in played]
    shown = value.render() if value.unwrapped.render_mode else None
    return ob.shape, seen, value.unwrapped.metadata, np.asarray(shown).tolist()


def dataset(value: Any) -> Any:
    arrays = [array for pair in itertools.islice(value, 3) for array in pair]
    return len(arrays), [(a.shape, a.tobytes()) for a in arrays]


def trials(value: Any) -> Any:
    return [value.describe(row) for row in range(len(value))], value.rule.tolist()


def figure(value: Any) -> Any:
    images = [image.get_array() for ax in value.axes for image in ax.images]
    return [ax.get_title(loc="left") for ax in value.axes], [image.tobytes() for image in images]


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


TRIALS = modcog.sample(modcog.task("DlyGo_IntL"), np.random.default_rng(1), 3)
BATCH = modcog.BatchSampler("Go", batch_size=2, seq_len=30).batch(0)
LOGITS = np.stack([np.zeros((30, 2, 17)), 50.0 * (BATCH.targets[..., None] == np.arange(17))])
SETTINGS: dict[str, Values] = {"dt": (100, 50), "dim_ring": (16, 8), "noise": (1.0, 0.0)}

TABLE: dict[str, Row] = {
    "task": Row(
        {"name": "DlyGo_IntL"},
        {
            "name": ("DlyGo", "Go"),
            **SETTINGS,
            "timing": ({}, {"stimulus": 300}),
            "int_velocity": (1.0, 2.0),
        },
        lambda spec: spec,
    ),
    "make": Row(
        {"task": "DM1"},
        {
            "task": ("Go", ["Go", "DMS"]),
            "rewards": (None, {"abort": -3}),
            "rule_input": (False, True),
            "rules": (None, "factors"),
            "terminate": (False, True),
            "render_mode": ("ansi", "rgb_array"),
            **SETTINGS,
        },
        first_steps,
    ),
    "make_vec": Row(
        {"task": "DM1", "num_envs": 2},
        {
            "task": ("Go", ["Go", "DMS"]),
            "num_envs": (2, 3),
            "rewards": (None, {"abort": -3}),
            "max_episode_steps": (None, 5),
            "autoreset_mode": ("SameStep", "NextStep"),
            "rule_input": (False, True),
            "rules": (None, "factors"),
            "terminate": (False, True),
            "render_mode": ("ansi", "rgb_array"),
            **SETTINGS,
        },
        first_steps,
    ),
    "BatchSampler": Row(
        {"tasks": "DM1", "batch_size": 2, "seq_len": 60},
        {
            "tasks": ("DM1", "DM2"),
            "batch_size": (2, 3),
            "seq_len": (60, "auto"),
            "seed": (0, 1),
            "loss_mask": ("uniform", "yang"),
            "renderer": ("auto", "numpy"),
            "rule_input": (True, False),
            "rules": (None, "factors"),
            "targets": ("labels", "ring"),
            "weights": (None, {"DM2": 3}),
            "schedule": (None, modcog.schedules.constant(["DM2"])),
            **SETTINGS,
        },
        batches,
        at={name: {"tasks": ["DM1", "DM2"]} for name in ("weights", "schedule")},
    ),
    "trial_bank": Row(
        {"tasks": "DM1", "n": 3},
        {
            "tasks": ("DM1", "DM2"),
            "n": (3, 4),
            "seed": (0, 1),
            "split": ("train", "validation"),
            "split_by": ("trials", "conditions"),
            "given": (None, {"stimulus": 300}),
            "conditions": (None, {"location": [1, 2]}),
            "rule_input": (True, False),
            "rules": (None, "factors"),
            "targets": ("labels", "ring"),
            **SETTINGS,
        },
        bank,
    ),
    "Dataset": Row(
        {"env": "DM1", "batch_size": 2, "seq_len": 60, "seed": 0, "max_batch": 3},
        {
            "env": ("DM1", "DM2"),
            "env_kwargs": (None, {"dt": 50}),
            "batch_size": (2, 3),
            "seq_len": (60, "auto"),
            "max_batch": (2, 3),
            "batch_first": (False, True),
            "cache_len": (None, 100),
            "seed": (0, 1),
            "rule_input": (None, True),
            "rules": (None, "factors"),
            "targets": ("labels", "ring"),
        },
        dataset,
    ),
    "sample": Row(
        {"spec": modcog.task("DM1")},
        {
            "spec": ("DM1", modcog.task("DM2")),
            "rng": (0, 1),
            "n": (1, 2),
            "given": (None, {"stimulus": 300}),
        },
        trials,
    ),
    "conditions": Row(
        {"task": "DlyGo"},
        {
            "task": ("DlyGo", "DlyGo_IntL"),
            "rng": (0, 1),
            "repeats": (1, 2),
            "location": (1, 2),
        },
        trials,
    ),
    "render": Row(
        {"trials": TRIALS},
        {
            "trials": (TRIALS, TRIALS[:2]),
            "n_rules": (0, 1),
            "seq_len": (50, 60),
            "n_lanes": (3, 4),
            "rules": (None, [[1.0, 2.0]]),
        },
        lambda rendered: [(a.shape, a.tobytes()) for a in rendered],
    ),
    "targets_of": Row(
        {"trials": TRIALS},
        {
            "trials": (TRIALS, TRIALS[:2]),
            "kind": ("labels", "ring"),
            "seq_len": (50, 60),
            "n_lanes": (3, 4),
        },
        lambda targets: (targets.shape, targets.tobytes()),
    ),
    "evaluate": Row(
        {"batch": BATCH, "logits": LOGITS[0]},
        {
            "logits": (LOGITS[0], LOGITS[1]),
            "batch": (BATCH, None),
            "targets": ("labels", "ring"),
        },
        str,
        # As logits these are nearly uniform, as a ring they are right.
        at={"targets": {"logits": LOGITS[1] / 50}},
    ),
    "Prefetch": Row(
        {"batches": range(3)},
        {"batches": (range(3), range(4)), "depth": (1, 0)},
        list,
    ),
    "plot_trial": Row(
        {"source": "DlyGo_IntL"},
        {
            "source": ("DlyGo_IntL", "DM1"),
            "seed": (1, 2),
            "given": (None, {"delay": 700}),
            "dt": (100, 20),
        },
        figure,
        # With trials there is nothing to seed, to fix or to set.
        at={"dt": {"given": {"delay": 120}}},
    ),
    "plan_trials": Row(
        {**PLANNED, "stimuli": [SHOWN]},
        {
            "spec": (modcog.task("Go"), modcog.task("Go", dt=20)),
            "draws": (PLANNED["draws"], modcog.Draws(KEYS + 4)),
            "stimuli": ([SHOWN], [modcog.Stimulus("stimulus", 1, 2)]),
            "response": (PLANNED["response"], PLANNED["response"] + 1),
            "noisy_rings": ((False, False), (True, False)),
            "match": (-1, 1),
        },
        columns,
    ),
    "features": Row(
        {"tasks": "DM1_IntL"},
        {"tasks": ("Go", None), "dt": SETTINGS["dt"]},
        lambda table: {name: dict(row) for name, row in table.items()},
    ),
    "suite": Row(
        {"name": "cog-20"},
        {"name": ("cog-20", "mod-cog-84"), "features": (None, "delay")},
        lambda names: names,
    ),
    "trial_lengths": Row(
        {"source": "DM1_IntL"},
        {"source": ("Go", "DMS"), "weights": (None, [1, 0]), "dt": SETTINGS["dt"]},
        lambda lengths: lengths,
        at={"weights": {"source": ["Go", "DMS"]}},
    ),
}

NO_ARGUMENT_OF_INTEREST = {
    # Records, errors and data, whose fields are what they hold.
    *("AmbiguousIntervalWarning", "Batch", "Evaluation", "ExportFailed", "InvalidArgument"),
    *("ModcogError", "ModifierRefused", "Period", "Rendered", "Stimulus", "TaskEnv", "TaskSpec"),
    *("TaskVectorEnv", "TrialBank", "TrialLengths", "Trials", "UnknownName", "Draws", "Strategy"),
    # Those of one argument, which there is no way to ignore.
    *("chance_level", "chance_table", "describe", "pool", "suites", "task_from_json"),
    "task_names",
    # They raise or return nothing; their own tests try each argument.
    *("check_modifier", "check_task", "export", "Integrate", "Sequence"),
    *("register_suite", "register_task", "unregister"),
}


def outcome(call: Callable[..., Any], row: Row, name: str, value: Any) -> Any:
    """What a call comes to: what is seen of its result, or its error."""
    arguments = {**row.base, **row.at.get(name, {}), name: value}
    if "rng" in inspect.signature(call).parameters:
        arguments["rng"] = np.random.default_rng(arguments.get("rng", 0))
    if "draws" in arguments:  # They are drawn once.
        arguments["draws"] = copy.deepcopy(arguments["draws"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", modcog.AmbiguousIntervalWarning)
        try:
            return row.seen(call(**arguments))
        except (modcog.ModcogError, TypeError, AttributeError) as error:
            return type(error).__name__, str(error)


@pytest.mark.parametrize("name", TABLE)
def test_every_argument_has_two_values(name: str) -> None:
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    parameters = inspect.signature(getattr(modcog, name)).parameters.values()
    missing = {p.name for p in parameters if p.kind not in kinds} - TABLE[name].values.keys()
    assert not missing, f"give two values for these arguments of modcog.{name} in TABLE: {missing}"


def test_every_public_callable_has_a_row() -> None:
    callables = {name for name in modcog.__all__ if callable(getattr(modcog, name))}
    assert callables - NO_ARGUMENT_OF_INTEREST == TABLE.keys()


CASES = [(name, argument) for name, row in TABLE.items() for argument in row.values]


@pytest.mark.parametrize(("name", "argument"), CASES)
def test_every_argument_changes_something_or_is_refused(name: str, argument: str) -> None:
    call, row = getattr(modcog, name), TABLE[name]
    one, other = (outcome(call, row, name=argument, value=v) for v in row.values[argument])
    assert one != other, f"{argument} of modcog.{name} changes nothing"


@pytest.mark.parametrize("extra", [{"seed": 3}, {"given": {"delay": 300}}, {"dt": 20}])
def test_what_trials_leave_no_room_for_is_refused(extra: dict[str, Any]) -> None:
    with pytest.raises(modcog.InvalidArgument, match="left out where trials are given"):
        modcog.plot_trial(TRIALS, **extra)
