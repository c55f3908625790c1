"""What an export says of itself: the arguments it was made with, units and axes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from modcog import __version__
from modcog.batches.sampler import BatchSampler
from modcog.batches.schedule_data import Constant
from modcog.batches.targets import TARGETS
from modcog.catalog.suites import named_suite, suites
from modcog.errors import InvalidArgument
from modcog.ring import SIDES
from modcog.system.files import read_regular

UNITS = (
    "dt_ms: ms; noise: sqrt(ms); trials/start, trials/length, trials/period_steps, "
    "trials/decision_start: steps of dt; trials/angle: rad; trials/drift: ring units per step; "
    f"ring indices: 0 to dim_ring - 1, {SIDES['R'].turn}"
)
AXES = (
    "inputs [batch, time, lane, channel]; mask [batch, time, lane]; {targets}; trials/* [trial]; "
    "channels: fixation, ring 1, ring 2, {rules}. MATLAB reverses the axes."
)
_RULES = {"one_hot": "rule one-hot", "none": "no rule channels"}


LARGEST_RECORD = 1 << 26
"""Bytes of the largest record that is read: 64 MiB."""


def arguments_of(sampler: BatchSampler, n_batches: int, first: int) -> dict[str, Any]:
    """What makes an export what it is, as JSON has it."""
    identity = sampler.identity
    return {
        "streams": identity.pop("streams"),
        "task names": list(sampler.tasks),
        "dt": sampler.specs[0].dt,
        "dim_ring": sampler.specs[0].dim_ring,
        "noise": sorted({str(spec.noise) for spec in sampler.specs}),
        **identity,
        "n_batches": n_batches,
        "first": first,
    }


def check_determined(arguments: Mapping[str, Any]) -> None:
    """Refuse to go on where nothing says whether the sampler is that of before.

    Raises:
        InvalidArgument: A condition has no name, a duration is a callable, or the loss weights, the
            schedule or a part of it come from a function.
    """
    if _is_unknown(arguments["schedule"]):
        remedy = "Write down what it returned: modcog.schedules.recorded."
        allowed = "left out where the schedule is a function"
        raise InvalidArgument("resume", "given", allowed, remedy)
    if arguments["loss_mask"] is None:
        remedy = "Nothing says whether it weighs as it did before."
        raise InvalidArgument("resume", "given", "left out where loss_mask is a function", remedy)
    if None in arguments["conditions"]:
        remedy = "Give it one, where(condition, name=...), from the first call on."
        raise InvalidArgument("resume", "given", "left out where a condition has no name", remedy)
    if None in arguments["tasks"]:
        remedy = "Nothing says whether it draws what it drew before."
        raise InvalidArgument("resume", "given", "left out where a duration is a callable", remedy)


def read_record(path: Path) -> dict[str, Any]:
    """Read the record of an unfinished export; empty where there is none.

    Returns:
        "arguments", the number of batches "done", and whether a file there is to "replace".

    Raises:
        InvalidArgument: The file is damaged, or no regular file.
    """
    try:
        record = json.loads(read_regular(path, LARGEST_RECORD))
        done, replace, arguments = record["done"], record["replace"], record["arguments"]
        if not 0 <= done <= arguments["n_batches"] or type(done) is not int:
            raise ValueError(f"done: {done!r}")
        return {"arguments": dict(arguments), "done": done, "replace": bool(replace)}
    except FileNotFoundError:
        return {}
    except InvalidArgument:
        raise
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        remedy = f"({error}) Drop the unfinished export by overwrite (--overwrite)."
        allowed = "the record of an unfinished export"
        raise InvalidArgument("path", str(path), allowed, remedy) from error


def refuse_other(kept: object, wanted: Mapping[str, Any], path: Path) -> None:
    """Refuse to go on with an export, at a path, that was made with other arguments."""
    if not isinstance(kept, dict):
        raise InvalidArgument("path", f"something else, {path}", "an export of modcog")
    # Version 0.1 had no schedules, and its records say nothing of one.
    there = {"schedule": Constant().record(), **cast("dict[str, Any]", kept)}
    if there.get("streams") != wanted["streams"]:
        version = there.get("version of modcog", "another version")
        allowed = f"of streams {wanted['streams']}, as this version of modcog draws them"
        remedy = (
            "The same arguments and seed give other trials since: finish it with the version that "
            "began it, or replace it by overwrite (--overwrite)."
        )
        raise InvalidArgument("path", f"{path}, an export of modcog {version}", allowed, remedy)
    for name, value in wanted.items():
        if there.get(name) == value:
            continue
        if name in ("tasks", "task names"):
            what = "tasks" if name == "task names" else "settings"
            raise InvalidArgument(what, f"other {what}", f"those of the export {path}")
        allowed = f"{_shown(there.get(name))}, as in the export {path}"
        raise InvalidArgument(name, _shown(value), allowed)


def _is_unknown(schedule: dict[str, Any] | None) -> bool:
    """Whether a schedule or a part of it is a function."""
    return schedule is None or any(map(_is_unknown, schedule.get("parts", ())))


def _shown(value: Any) -> Any:
    """A mapping on one line; all else as it is."""
    if not isinstance(value, dict):
        return value
    return ", ".join(f"{k}={v}" for k, v in cast("dict[str, Any]", value).items())


def describe(
    sampler: BatchSampler, arguments: Mapping[str, Any]
) -> tuple[dict[str, list[str]], dict[str, Any]]:
    """The names of tasks and periods, as lists of texts, and the attributes."""
    specs = sampler.specs
    tasks = list(dict.fromkeys(spec.name for spec in specs))
    by_name = {spec.name: spec for spec in specs}
    texts = {
        "tasks": [spec.name for spec in specs],
        "task_names": tasks,
        "task_periods": [", ".join(by_name[name].period_names) for name in tasks],
    }
    noise = {spec.noise if isinstance(spec.noise, float) else str(spec.noise) for spec in specs}
    attributes = {
        "suite": next((name for name in suites() if named_suite(name) == sampler.tasks), ""),
        "seed": _shown(arguments["seed"]).removeprefix("entropy="),
        "dt_ms": specs[0].dt,
        "noise": next(iter(noise)) if len(noise) == 1 else "differs between tasks",
        "dim_ring": specs[0].dim_ring,
        "first_batch": arguments["first"],
        "modcog_version": __version__,
        "units": UNITS,
        "axes": AXES.format(
            targets=TARGETS[sampler.targets].axes,
            rules=_RULES.get(str(arguments["rules"]), "rule; rules [slot, channel]"),
        ),
        "arguments": json.dumps(arguments),
    }
    return texts, attributes
