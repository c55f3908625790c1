"""Rows of the tables of a sweep, from the folder of one run."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, cast, get_args, get_origin

from sparse_rnn.config.train import TrainConfig
from sparse_rnn.errors import IncompatibleState, RunConflict, RunDamaged
from sparse_rnn.evaluation.history import COLUMNS as METRICS
from sparse_rnn.evaluation.scores import COLUMNS as SCORES, MEASURES, TaskScores
from sparse_rnn.runs import folder as run_folder
from sparse_rnn.sweep import store
from sparse_rnn.sweep.reading import kind_of, read_record
from sparse_rnn.system.files import LARGEST_RECORD, check_kind, read_lines

Row = dict[str, Any]

CURVE = ("identity", *METRICS)
"""Columns of the learning curves: a line for each evaluation on the way."""

TASKS = ("identity", *SCORES)
"""Columns of the final scores: a line for each task of each run that is done."""

_OF_TEXT = ("seq_len", "noise")
"""Settings that are a number or one word; the word is null in the table."""

_INT64 = 2**63
_SIDES = 8
_TEXT = ("identity", "state", "error", "ended", "folder", "kernel", "git_commit", "platform")
_MORE_TEXT = ("processor", "python", "torch", "modcog")
_WHOLE = ("n_units", "n_recurrent", "n_parameters", "n_tasks", "steps_taken", "n_failures")
_MACHINE = ("streams", "n_continued", "cores", "threads")
_NUMBER = (*MEASURES, "chance", "seconds")


@dataclass(frozen=True)
class Rows:
    """What one run adds to the tables.

    Attributes:
        run: Its row in the table of runs.
        curve: Its rows in the table of learning curves, in the order of `CURVE`.
        tasks: Its rows in the table of final scores, in the order of `TASKS`.
    """

    run: Row
    curve: list[tuple[Any, ...]] = field(default_factory=list[tuple[Any, ...]])
    tasks: list[tuple[Any, ...]] = field(default_factory=list[tuple[Any, ...]])


def rows_of(name: str, folder: Path, config: TrainConfig | None = None) -> Rows:
    """Read one run.

    Args:
        name: Identity of the run.
        folder: Its folder.
        config: Its configuration; None reads it from the folder.

    Returns:
        Its rows. A run with damaged files has the state "damaged", and the damage as its error.
    """
    standing = store.standing_of(folder)
    state = standing.state
    run: Row = {"identity": _text(name), "state": state, "folder": _text(str(folder))}
    if state == "damaged":
        return Rows({**run, "error": _text(standing.why)})
    base = dict(run)
    try:
        failed = standing.failures or store.failures(folder)
        if failed and state != "done":
            run["error"] = _text(failed[-1].error)
        run["n_failures"] = len(failed)
        base = dict(run)
        # A run that has just begun has no such file, nor one that failed before it could.
        described = state == "done" or (folder / run_folder.CONFIG).exists()
        if config is None and not described:
            return Rows(_checked(run))
        if config is None:
            store.check_config(folder)
            config = run_folder.read_config(folder, TrainConfig.from_json)
        run |= settings(config)
        run |= _origin(folder) if described else {}
        curve = _curve(name, folder / run_folder.METRICS)
        run = _checked(run)
        if state != "done":
            return Rows(run, curve)
        scores = TaskScores.read_csv(_regular(folder / run_folder.EVALUATION))
        if not scores.tasks:
            raise IncompatibleState(f"{folder / run_folder.EVALUATION} has no tasks")
        run |= {measure: _number(scores.mean(measure)) for measure in (*MEASURES, "chance")}
        run |= {"n_tasks": len(scores.tasks), **_summary(folder)}
        tasks = [(name, *(row[column] for column in SCORES)) for row in scores.rows()]
        return Rows(_checked(run), curve, tasks)
    except (IncompatibleState, RunConflict, OSError, csv.Error, *_WRONG) as error:
        why = _text(f"{type(error).__name__}: {error}")
        return Rows({**base, "state": "damaged", "error": why})


_WRONG = (ValueError, KeyError, TypeError, AttributeError, OverflowError)
"""What parts of a record raise that have other types than they should."""


def _text(text: str) -> str:
    """A text that a table can hold: what is no Unicode, as in odd names of files, is escaped."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _checked(row: Row) -> Row:
    """The cells as their columns have them.

    Raises:
        RunDamaged: A cell has another type than its column, or is out of range.
    """
    return {name: _cell(name, value) for name, value in row.items()}


def _cell(name: str, value: Any) -> Any:
    kind = kind_of_column(name)
    found: Any = type(value)
    if value is None:
        return None
    if kind is float and found is int:
        return float(value)
    if found not in ((bool, int, float, str) if kind is None else (kind,)):
        raise RunDamaged(f"{name} is {kind_of(value)}.")
    if found is int and not -_INT64 <= value < _INT64:
        raise RunDamaged(f"{name} is a number of more than 64 bits.")
    if found is str:
        value.encode("utf-8")  # An odd text raises a ValueError.
    return value


def _regular(path: Path, limit: int = LARGEST_RECORD) -> Path:
    """A path, once it is known that no link and no device has it, and that it is not too large."""
    check_kind(path)
    if path.stat().st_size > limit:
        raise RunDamaged(f"{path} has more than {limit} bytes.")
    return path


def known_columns() -> dict[str, type]:
    """Columns that every table of runs has, in order, with the type of their cells."""
    kinds: dict[str, type] = {"identity": str, "state": str}
    kinds |= {name: _kind(field.annotation) for name, field in TrainConfig.model_fields.items()}
    kinds |= dict.fromkeys(_WHOLE, int) | dict.fromkeys(_NUMBER, float)
    kinds |= dict.fromkeys((*_TEXT, *_MORE_TEXT), str) | dict.fromkeys(_MACHINE, int)
    kinds["git_modified"] = bool
    return kinds


@cache
def kind_of_column(name: str) -> type | None:
    """Type of the cells of a column; None where runs decide, as for options of masks."""
    if name.startswith(("step_at_", "seconds_at_")):
        return int if name.startswith("step_at_") else float
    return known_columns().get(name)


def _kind(hint: Any) -> type:
    """Type of a setting's cells; what is neither a number nor missing is written as text."""
    members = set(_members(hint))
    return next((kind for kind in (bool, int, float) if kind in members), str)


def _members(hint: Any) -> Iterable[Any]:
    """Plain types that a type is made of."""
    origin = get_origin(hint)
    if origin is Annotated:
        return _members(get_args(hint)[0])
    if origin in (Union, UnionType):
        return [kind for member in get_args(hint) for kind in _members(member)]
    return [hint]


def settings(config: TrainConfig) -> Row:
    """Settings as cells: sizes as "20x20", lists of tasks as "Go+DlyGo", null for a missing one.

    `weights` and `stages` are JSON. `seq_len` is null for "auto", `noise` for "yang". Options of
    the mask are a JSON object in `mask_options`, and a column `mask_NAME` each; so are those of the
    optimiser, in columns `optimiser_NAME`, those of `continual` and `sparsifier`, and `rates`, in
    columns `rates_GROUP`.
    """
    cells: Row = config.model_dump(mode="python")
    cells["size"] = "x".join(str(side) for side in config.size)
    cells["n_units"] = math.prod(config.size)
    for name in ("weights", "stages"):
        if cells[name] is not None:
            cells[name] = json.dumps(cells[name])
    for name, value in cells.items():
        if isinstance(value, tuple):
            cells[name] = "+".join(cast("tuple[str, ...]", value))
    for setting in _OF_TEXT:
        if isinstance(cells[setting], str):
            cells[setting] = None
    parts: dict[str, Mapping[str, Any]] = {
        "mask_options": dict(config.mask_options),
        "rates": config.rates.model_dump(),
        "optimiser_options": dict(config.optimiser_options),
        "continual_options": dict(config.continual_options),
        "sparsifier_options": dict(config.sparsifier_options),
    }
    for name, part in parts.items():
        cells[name] = json.dumps(part, sort_keys=True)
        kind = name.removesuffix("_options")
        cells |= {
            f"{kind}_{key}": str(value) if isinstance(value, tuple) else value
            for key, value in part.items()
        }
    return cells


def _origin(folder: Path) -> Row:
    """What `config.json` tells of the network, the code and the machine."""
    record = read_record(folder / run_folder.CONFIG)
    git, machine = record.get("git") or {}, record.get("machine") or {}
    network, versions = record.get("network") or {}, record.get("versions") or {}
    shapes: Mapping[str, list[int]] = network.get("parameters") or {}
    if any(len(shape) > _SIDES for shape in shapes.values()):
        raise RunDamaged(f"{folder / run_folder.CONFIG} has a parameter of too many sides.")
    return {
        "git_commit": git.get("commit"),
        "git_modified": git.get("modified"),
        "platform": machine.get("platform"),
        "processor": machine.get("processor"),
        "cores": machine.get("cores"),
        "threads": machine.get("threads"),
        "python": versions.get("python"),
        "torch": versions.get("torch"),
        "modcog": versions.get("modcog"),
        "streams": record.get("streams", run_folder.FIRST_STREAMS),
        "n_continued": len(record.get("continued") or []),
        "kernel": network.get("backend"),
        "n_recurrent": math.prod(shapes["rnn.weight_hh"]) if "rnn.weight_hh" in shapes else None,
        "n_parameters": sum(math.prod(shape) for shape in shapes.values()),
    }


def _summary(folder: Path) -> Row:
    record = read_record(folder / run_folder.SUMMARY)
    row: Row = {
        "steps_taken": record["steps"],
        "ended": record["ended"],
        "seconds": record["elapsed_s"],
    }
    for entry in record["time_to_accuracy"]:
        if entry["measure"] not in MEASURES or not 0 < entry["level"] <= 1:
            raise RunDamaged("The summary has a level of no measure.")
        at = f"{entry['measure']}_{round(100 * entry['level'])}"
        row |= {f"step_at_{at}": entry["step"], f"seconds_at_{at}": entry["seconds"]}
    return row


def _curve(name: str, path: Path) -> list[tuple[Any, ...]]:
    """The steps at which the network was evaluated."""
    if not path.exists():
        return []
    header, *lines = list(csv.reader(read_lines(path, growing=True))) or [[]]
    if tuple(header) != METRICS:
        raise IncompatibleState(f"{path} has other columns than {','.join(METRICS)}")
    # A run that is on its way may be in the middle of its last line.
    whole = [line for line in lines if len(line) == len(METRICS) and line[-1]]
    rows = [(name, int(line[0]), *(_number(float(cell)) for cell in line[1:])) for line in whole]
    if any(not 0 <= row[1] < _INT64 for row in rows):
        raise RunDamaged(f"{path} has a step of more than 64 bits.")
    return rows


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
