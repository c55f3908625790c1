"""Values that are wrong, by the name of the argument: a name means the same in all of modcog."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


class Odd:
    """An object that nothing takes."""

    def __repr__(self) -> str:
        return "Odd()"


NAN, INF = float("nan"), float("inf")
TRUTHS = (True, np.bool_(True))
OBJECTS = (b"x", Odd(), 1j, {1, 2}, np.array([object()]))
ARRAYS = (np.zeros((2, 2)), np.zeros(5), np.zeros(0), np.array(["nonsense"]))
LISTS = ([], (), ["nonsense"])
MAPPINGS = ({}, {"nonsense": 1})
TEXTS = ("nonsense", "")
FRACTIONS = (1.5, -0.5, NAN, INF)

NO_NUMBER = (*TRUTHS, *OBJECTS, *ARRAYS, *LISTS, *MAPPINGS, *TEXTS)
NO_COUNT = (*NO_NUMBER, *FRACTIONS, -1, 10**12)
NO_NAME = (*TRUTHS, *OBJECTS, *ARRAYS, *LISTS, *MAPPINGS, *TEXTS, *FRACTIONS, 3)
NO_MAPPING = (*TRUTHS, *OBJECTS, *ARRAYS, *LISTS, *TEXTS, *FRACTIONS, 0, 3)
NO_TRUTH = (*OBJECTS, *ARRAYS, *LISTS, *MAPPINGS, *TEXTS, *FRACTIONS, 0, 1)
NO_INSTANCE = (None, *TRUTHS, *OBJECTS, *ARRAYS, *LISTS, *MAPPINGS, *TEXTS, *FRACTIONS, 3)
NO_SEED = (*TRUTHS, *OBJECTS, *ARRAYS, *LISTS, *MAPPINGS, *TEXTS, *FRACTIONS, -1, [True], [1.5])
NO_TASK = (None, *TRUTHS, *OBJECTS[1:3], *FRACTIONS, 3, [], (), {}, "nonsense", "", [3], ["DM1", 3])
NO_RULES = (*TRUTHS, *OBJECTS, [], (), *MAPPINGS, *TEXTS, *FRACTIONS, 3, [[NAN]], [["a"]])

WRONG: Mapping[str, tuple[Any, ...]] = {
    **dict.fromkeys(("name", "task", "tasks", "env", "source", "spec"), NO_TASK),
    **dict.fromkeys(("n", "repeats", "batch_size", "num_envs", "depth"), (None, *NO_COUNT)),
    **dict.fromkeys(("n_lanes", "max_batch"), tuple(v for v in NO_COUNT if v is not INF)),
    **dict.fromkeys(("seq_len", "n_rules"), NO_COUNT),
    "max_episode_steps": (*NO_NUMBER, *FRACTIONS, -1, 0),
    **dict.fromkeys(("seed", "rng"), NO_SEED),
    **dict.fromkeys(("given", "conditions", "env_kwargs", "rewards"), NO_MAPPING),
    **dict.fromkeys(("rule_input", "batch_first", "terminate"), NO_TRUTH),
    **dict.fromkeys(("render_mode", "targets"), NO_NAME),
    **dict.fromkeys(("renderer", "split", "split_by", "kind", "autoreset_mode"), (None, *NO_NAME)),
    **dict.fromkeys(("trials", "batch", "draws"), NO_INSTANCE),
    "stimuli": (None, *TRUTHS, *OBJECTS, *ARRAYS, *MAPPINGS, *FRACTIONS, 3, ["a"], "a", [None]),
    "dt": (None, *NO_NUMBER, -1, 0, NAN, INF, 1e12),
    "dim_ring": (None, *NO_COUNT, 0),
    "noise": (None, *NO_NUMBER, -1, NAN, INF, 1e12),
    "int_velocity": (None, *NO_NUMBER, NAN, INF, 1e12),
    "timing": (*TRUTHS, *OBJECTS, *ARRAYS, *LISTS, *TEXTS, *FRACTIONS, 3),
    "rules": NO_RULES,
    "weights": (*TRUTHS, *OBJECTS[1:3], *FRACTIONS, 3, [], (), *TEXTS, [-1], [NAN], {"DM1": -1}),
    "schedule": (*TRUTHS, *OBJECTS, *ARRAYS, *LISTS, *MAPPINGS, *TEXTS, *FRACTIONS, 3),
    "loss_mask": (None, *OBJECTS, *MAPPINGS, *TEXTS, -1, NAN, INF, [NAN], np.zeros((2, 3, 4))),
    "logits": (None, *TRUTHS, *OBJECTS, *ARRAYS, *LISTS, *MAPPINGS, *TEXTS, *FRACTIONS, 3),
    "cache_len": (*TRUTHS, *OBJECTS, *LISTS, *TEXTS, 0, 100),
    "batches": (None, *TRUTHS, *FRACTIONS, 3, Odd(), 1j),
    "response": (None, *OBJECTS, *ARRAYS, *LISTS, *MAPPINGS, *TEXTS, *FRACTIONS, -2),
    "match": (None, *OBJECTS, *ARRAYS, *LISTS, *MAPPINGS, *TEXTS, *FRACTIONS, -2, 2, 10**12),
    "noisy_rings": (None, *TRUTHS, *OBJECTS, *ARRAYS, *LISTS, *MAPPINGS, *TEXTS, *FRACTIONS, 1),
    "features": (*TRUTHS, *OBJECTS, *ARRAYS, *LISTS, *MAPPINGS, "nonsense", "", 3, NAN),
    "location": (None, *OBJECTS, *LISTS, *MAPPINGS, *TEXTS, *FRACTIONS, np.zeros((2, 2))),
}
"""Values that are refused by an error that names the argument."""

TAKEN: Mapping[tuple[str, str], tuple[Any, ...]] = {
    ("features", "tasks"): (None,),  # all tasks
}
"""Of these, values that a callable takes nevertheless."""

CALLED: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("name", "tasks", "env", "source", "spec"), ("task", "tasks", "suite")),
    "task": ("tasks",),
    "kind": ("targets",),
    "n_rules": ("rules",),
}
"""What errors may call an argument beside its name: what it stands for."""

INSIDE: Mapping[str, tuple[Any, ...]] = {
    **dict.fromkeys(("given", "conditions"), ({"nonsense": 1}, {1: 2}, {"location": "a"})),
    "rewards": ({"nonsense": 1}, {1: 2}, {"abort": "a"}, {"abort": NAN}, {"abort": True}),
    "env_kwargs": ({"nonsense": 1}, {1: 2}, {"dt": -1}, {"rule_input": 3}),
    "timing": ({"nonsense": 1}, {1: 2}, {"stimulus": -1}, {"stimulus": None}, {"stimulus": "a"}),
    "weights": ({"nonsense": 1}, {1: 2}, ["nonsense"]),
    "tasks": (b"x", {1: 2}, {1, 2}, np.zeros((2, 2)), np.array(["nonsense"]), ["nonsense"]),
}
"""Values whose error names what is wrong inside them."""
