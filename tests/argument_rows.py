"""The rows of arguments of modcog: how `tests/test_arguments.py` tries each public callable."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

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
SHOWN = modcog.Stimulus("stimulus", 0, np.array(2))


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
            "stimuli": ([SHOWN], [modcog.Stimulus("stimulus", 1, np.array(2))]),
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
