"""The scales of the experiments: how many seeds, and how long networks are trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sparse_rnn.errors import unknown_name

Settings = Mapping[str, Any]
"""Settings of a `TrainConfig`, without its seed."""


@dataclass(frozen=True)
class Scale:
    """What all experiments of a scale share; sizes are in the experiments' own files.

    The two suites of settings make runs of different experiments the same run, which is trained
    once. The paper gives the learning rate, 1e-3, and the optimiser, Adam. It does not give batch
    size and sequence length; 20 sequences of 100 steps are ours. The smoke
    scale, which shows that everything runs, has settings of its own.

    Attributes:
        name: Its name.
        seeds: Seeds of each network, unless an arm says otherwise.
        cog20: Settings of the runs on the 20 base tasks.
        modcog: Settings of the runs on the 84 tasks of the paper's main results.
        minute_seeds: Seeds of the networks that take about a minute each, which are those on the 20
            base tasks and small pools of autapses; None for `seeds`.
        table_seeds: Seeds of the networks of table 1, and of the figures that show them; None for
            `seeds`. Dense networks end far apart on Mod-Cog: three seeds can leave a lead of 0.25
            undecided.
        dense_limit: Units up to which dense networks have all seeds. A larger one has a single
            seed and decides nothing; None for no limit.
    """

    name: str
    seeds: tuple[int, ...]
    cog20: Settings
    modcog: Settings
    minute_seeds: tuple[int, ...] | None = None
    table_seeds: tuple[int, ...] | None = None
    dense_limit: int | None = None


def _suites(cog_steps: int, modcog_steps: int, common: Settings) -> tuple[Settings, Settings]:
    return (
        MappingProxyType({"suite": "cog-20", "steps": cog_steps, **common}),
        MappingProxyType({"suite": "mod-cog-84", "steps": modcog_steps, **common}),
    )


PAPER: Settings = MappingProxyType({"init": "fan_in", "lr": 1e-3, "rates": {}})
"""The paper's setting: Adam at one rate for all weights. It does not give the start; this one is
the same under every mask."""

_BATCH = {**PAPER, "batch_size": 20, "seq_len": 100}
_EVALUATION = {"eval_every": 100, "eval_batches": 10, "final_batches": 50}
_SMALL = {
    **PAPER,
    # Networks this small learn something within seconds at this rate alone.
    "lr": 1e-2,
    "batch_size": 8,
    "seq_len": 60,
    "eval_every": 25,
    "eval_batches": 2,
    "final_batches": 4,
}
_TINY = {
    **PAPER,
    "batch_size": 4,
    "seq_len": 60,
    "eval_every": 1,
    "eval_batches": 2,
    "final_batches": 2,
}

SCALES: Mapping[str, Scale] = MappingProxyType(
    {
        scale.name: scale
        for scale in (
            Scale("smoke", (0, 1), *_suites(200, 100, _SMALL)),
            Scale(
                "laptop",
                (0, 1, 2),
                *_suites(2000, 2000, {**_BATCH, **_EVALUATION}),
                minute_seeds=tuple(range(15)),
                table_seeds=(0, 1, 2, 3, 4),
                dense_limit=1000,
            ),
            Scale("paper", tuple(range(15)), *_suites(5000, 10_000, {**_BATCH, **_EVALUATION})),
        )
    }
)
"""The scales by name, from the shortest to the longest."""

_FEW_TASKS = ("Go", "DlyGo_IntL", "DlyDM1_IntR", "DMS", "Anti_SeqL")

TEST = Scale(
    "smoke",
    (0,),
    _suites(2, 2, _TINY)[0],
    MappingProxyType({**_TINY, "suite": _FEW_TASKS, "steps": 2}),
)
"""Two steps of the smoke scale's networks with one seed; what the fast tests run."""


def scale_of(name: str) -> Scale:
    """The scale of a name.

    Raises:
        UnknownName: There is none.
    """
    if name not in SCALES:
        raise unknown_name("scale", name, SCALES, "a scale")
    return SCALES[name]
