"""Arguments of configurations."""

from __future__ import annotations

from typing import Any

import sparse_rnn as srnn
from sparse_rnn.training.run import build
from tests.sparse_rnn.argument_rows.table import INF, NAN, Argument, Row
from tests.sparse_rnn.argument_rows.values import (
    NO_COUNTS,
    NO_FLAGS,
    NO_NAMES,
    NO_NUMBERS,
    NO_STEPS,
)
from tests.sparse_rnn.helpers import SMALL, small_config

_SEEDS = (-1, True, 1.5, NAN, "0", None, 2**128)

_RATES = (0.0, NAN, INF, -1.0, "1", None, True)

_OPTIONAL = (0.0, NAN, INF, -1.0, "1", True)


def _trained(config: srnn.TrainConfig) -> Any:
    """The run of a configuration, and what of it the numbers do not show."""
    run = srnn.train(config)
    return run, run.network.rnn.backend, run.evaluation.rows()


def _fitted(config: srnn.FitConfig) -> Any:
    net = build(small_config(suite=config.suite))[2]
    run = srnn.fit(net, config)
    return run, run.evaluation.rows()


_SPARSE = {
    "sparsifier": Argument(
        (None, "random", "magnitude"),
        NO_NAMES[::2],
        at={"sparsifier_options": {"density": 0.1}},
    ),
    "sparsifier_options": Argument(
        ({"density": 0.1, "every": 2}, {"density": 0.2, "every": 2}, {"every": 2}, {"every": 1}),
        (3, None, "density", {"no such": 1}, {"density": 0}, {"every": 0.5}),
        ({"density": 0.9}, {"every": 4}),
        at={"sparsifier": "set"},
    ),
}

_FIT = {
    "suite": Argument((["Go", "DlyGo"], ["Go", "Anti"]), (3, None, [3]), (["no such task"], [])),
    "steps": Argument((4, 5), NO_STEPS),
    "weights": Argument((None, "Go", {"Go": 2}), (3, True, [], {"Go": -1}), ("no such", [1.0])),
    "stages": Argument(
        (None, [("Go", 4)], [("Go", {"performance": 1, "at_most": 3}), ("DlyGo", 1)]),
        (3, [], [("Go",)], [("Go", 0)], [("Go", 5)], [("Go", True)], [("Go", {"performance": 1})]),
        ([("no such", 4)],),
    ),
    "curriculum": Argument(
        unseen="comes with a function: tests/sparse_rnn/training/test_curriculum.py",
        wrong=(3, True, "bandit", "own:", "own:a b"),
    ),
    "continual": Argument(
        (None, "ewc", "projection"),
        NO_NAMES[::2],
        at={"stages": (("Go", 2), ("DlyGo", 2)), "lr": 0.1},
    ),
    "continual_options": Argument(
        ({}, {"strength": 1e4}, {"batches": 1}),
        (3, None, "strength", {"no such": 1}, {"strength": 0}, {"batches": 0.5}),
        at={"stages": (("Go", 2), ("DlyGo", 2)), "continual": "ewc", "lr": 0.1},
    ),
    "rules": Argument(
        ("one_hot", "none", "factors", "orthogonal", "orthogonal(3)", "low_rank(2)"),
        (*NO_NAMES, "orthogonal(-1)", "low_rank", "one_hot(1)"),
    ),
    **_SPARSE,
    "batch_size": Argument((2, 3), NO_STEPS),
    "seq_len": Argument((45, "auto"), NO_STEPS),
    "lr": Argument((1e-3, 1e-2), _RATES),
    "targets": Argument(
        ("ring", "sin_cos"), (*NO_NAMES, "none"), at={"objective": "squared_error"}
    ),
    "objective": Argument(("cross_entropy", "squared_error"), NO_NAMES),
    "optimiser": Argument(("adam", "sgd"), NO_NAMES),
    "optimiser_options": Argument(
        ({}, {"momentum": 0.5}),
        (3, None, "momentum", {"no such": 1}, {"betas": 0.9}, {"momentum": NAN}, {"nesterov": 1}),
        at={"optimiser": "sgd"},
    ),
    "rates": Argument(({}, {"recurrent": 0.1}), (3, None, {"recurrent": 0}, {"no": 1}, "fast")),
    "freeze": Argument(
        ((), ["input"], ("recurrent", "readout")),
        (3, None, ["no such"], "no such", ["input", "recurrent", "readout"]),
    ),
    "new_rules": Argument((None, 1, 2), (*NO_COUNTS[:-1], 99)),
    "schedule": Argument(("constant", "cosine"), NO_NAMES),
    "warmup": Argument((0, 3), (-1, True, 2.5, NAN, "2", None)),
    "decay": Argument(
        (0.1, 0.5), (NAN, INF, -1.0, 1.5, "1", None, True), at={"schedule": "cosine"}
    ),
    "decay_every": Argument((1, 2), NO_COUNTS, at={"schedule": "step"}),
    "clip": Argument((None, 1e-3), _OPTIONAL),
    "l1": Argument((0.0, 1.0), NO_NUMBERS),
    "l2": Argument((0.0, 1.0), NO_NUMBERS),
    "l1_proximal": Argument((0.0, 10.0), NO_NUMBERS),
    "activity_l1": Argument((0.0, 1.0), NO_NUMBERS),
    "activity_l2": Argument((0.0, 1.0), NO_NUMBERS),
    "rate_target": Argument((None, 1.0), (NAN, INF, "1", True)),
    "rate_weight": Argument((1.0, 2.0), _RATES, at={"rate_target": 1.0}),
    "truncate": Argument((None, 5), NO_COUNTS[:-1]),
    "carry_states": Argument((False, True), NO_FLAGS),
    "stop_at": Argument((None, 1e-9), (*_OPTIONAL, 1.5), at={"stop_measure": "final_accuracy"}),
    "stop_measure": Argument(("performance", "final_accuracy"), NO_NAMES, at={"stop_at": 1e-9}),
    "start": Argument(
        unseen="the weights come with start_from: tests/sparse_rnn/training/test_start.py",
        wrong=("abc", 3, "x" * 64, True),
    ),
    "seed": Argument((0, 1), _SEEDS),
    "eval_every": Argument((1, 2), NO_STEPS),
    "eval_batches": Argument((1, 2), NO_STEPS),
    "final_batches": Argument((2, 3), NO_STEPS),
    "precision": Argument(("fp32", "bf16"), NO_NAMES),
    "dt": Argument((100.0, 50.0), _RATES),
    "noise": Argument((1.0, 0.0), NO_NUMBERS, at={"suite": ["DM1", "DM2"]}),
}

_SHEET = {"arch": "locality", "size": (4, 4)}

_POOL = {"arch": "autapse", "radius": None}

_DENSE = {"arch": "dense", "radius": None}

_TRAIN = {
    **_FIT,
    "arch": Argument(("autapse", "dense"), NO_NAMES, at={"radius": None}),
    "size": Argument((16, 12), (0, -1, True, 2.5, "wide", None, ()), at=_POOL),
    "radius": Argument((1, 2), (-1.0, NAN, INF, "1", None, True), at=_SHEET),
    "mask_options": Argument(
        ({"in_degree": 3}, {"in_degree": 4}),
        (None, 3),
        ({"no such": 1}, {"in_degree": "3"}, {"in_degree": True}, {"seed": -1}, {}),
        at={"arch": "random", "radius": None},
    ),
    "init": Argument(("fan_in", "he"), NO_NAMES),
    "init_gain": Argument((1.0, 2.0), _RATES),
    "cell": Argument(("vanilla", "gru"), NO_NAMES),
    "nonlinearity": Argument((None, "tanh"), NO_NAMES[::2]),
    "tau": Argument((None, 200.0), (50.0, *_OPTIONAL), at={"cell": "leaky"}),
    "recurrent_noise": Argument((None, 0.5), (-1.0, NAN, INF, "1", True), at={"cell": "leaky"}),
    "recurrence": Argument(("trained", "frozen"), NO_NAMES),
    "inhibitory": Argument((None, 0.5), (0.0, 1.0, NAN, "half", True), at=_DENSE),
    "backend": Argument(("dense", "reference"), NO_NAMES),
}

FITTED = {name: value for name, value in SMALL.items() if name not in ("arch", "size", "radius")}

_TRAINED = {**SMALL}

ROWS = {
    "sparse_rnn.FitConfig": Row(_FIT, FITTED, _fitted),
    "sparse_rnn.TrainConfig": Row(_TRAIN, _TRAINED, _trained),
    "sparse_rnn.FitConfig.rate": Row(
        {"step": Argument((1, 2), (0, -1, True, 0.5, "1", None))},
        of=lambda _: srnn.FitConfig(schedule="cosine", steps=3),
    ),
    "sparse_rnn.FitConfig.from_json": Row(
        {
            "text": Argument(
                ("{}", '{"steps": 3}'), free="the error names the setting: tests/sparse_rnn/config"
            )
        },
        of=lambda _: srnn.FitConfig,
    ),
    "sparse_rnn.TrainConfig.check_mask": Row(
        {"up_to": Argument((0, 10**6), (-1, True, 2.5, NAN, "2", None))},
        of=lambda _: small_config(
            arch="erdos_renyi", radius=None, mask_options={"probability": 0.3}
        ),
    ),
}
