"""What an export says of itself: the arguments it was made with, units and axes."""

from __future__ import annotations

import json
from typing import Any

from modcog import __version__
from modcog.catalog import suite, suites
from modcog.errors import InvalidArgument
from modcog.export_formats import Writer
from modcog.sampler import BatchSampler

UNITS = (
    "dt_ms: ms; noise: sqrt(ms); trials/start, trials/length, trials/period_steps, "
    "trials/decision_start: steps of dt; trials/angle: rad; trials/drift: ring units per step; "
    "ring indices: 0 to dim_ring - 1, counter-clockwise; targets: 0 = fixate, 1 + k = direction k"
)
AXES = (
    "inputs [batch, time, lane, channel]; targets, mask [batch, time, lane]; trials/* [trial]; "
    "channels: fixation, ring 1, ring 2, rule one-hot. MATLAB reverses the axes."
)


def arguments_of(sampler: BatchSampler, n_batches: int, first: int) -> dict[str, Any]:
    """What makes an export what it is, as JSON has it."""
    return {
        "version of modcog": __version__,
        "task names": list(sampler.tasks),
        "dt": sampler.specs[0].dt,
        "dim_ring": sampler.specs[0].dim_ring,
        "noise": sorted({str(spec.noise) for spec in sampler.specs}),
        "tasks": [
            repr(spec) if any(callable(p.duration) for p in spec.periods) else spec.to_json()
            for spec in sampler.specs
        ],
        "batch_size": sampler.batch_size,
        "seq_len": sampler.seq_len,
        "seed": f"{sampler.seeds.entropy}, spawn_key={list(sampler.seeds.spawn_key)}",
        "loss_mask": sampler.loss_mask,
        "rule_input": sampler.rule_input,
        "n_batches": n_batches,
        "first": first,
    }


def refuse_other(kept: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Refuse to go on with an export that was made with other arguments."""
    for name, value in wanted.items():
        if kept.get(name) == value:
            continue
        if name in ("tasks", "task names"):
            what = "tasks" if name == "task names" else "settings"
            raise InvalidArgument(what, f"other {what}", "those of the export that is there")
        allowed = f"{kept.get(name)}, as in the export that is there"
        raise InvalidArgument(name, value, allowed)


def describe(writer: Writer, sampler: BatchSampler, arguments: dict[str, Any]) -> None:
    """Write the names of tasks and periods, and the attributes."""
    specs = sampler.specs
    tasks = list(dict.fromkeys(spec.name for spec in specs))
    by_name = {spec.name: spec for spec in specs}
    writer.strings("tasks", [spec.name for spec in specs])
    writer.strings("task_names", tasks)
    writer.strings("task_periods", [", ".join(by_name[name].period_names) for name in tasks])
    noise = {spec.noise for spec in specs}
    writer.attributes(
        {
            "suite": next((name for name in suites() if suite(name) == sampler.tasks), ""),
            "seed": arguments["seed"],
            "dt_ms": specs[0].dt,
            "noise": next(iter(noise)) if len(noise) == 1 else "differs between tasks",
            "dim_ring": specs[0].dim_ring,
            "first_batch": arguments["first"],
            "modcog_version": __version__,
            "units": UNITS,
            "axes": AXES,
            "arguments": json.dumps(arguments),
        }
    )
