"""Rows of the tables of a sweep, from the folder of one run."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from sparse_rnn import run_folder
from sparse_rnn.config import TrainConfig
from sparse_rnn.errors import IncompatibleState, RunConflict
from sparse_rnn.metrics import COLUMNS as METRICS
from sparse_rnn.scores import COLUMNS as SCORES, MEASURES, TaskScores
from sparse_rnn.sweep import store

Row = dict[str, Any]

CURVE = ("identity", *METRICS)
"""Columns of the learning curves: a line for each evaluation on the way."""

TASKS = ("identity", *SCORES)
"""Columns of the final scores: a line for each task of each run that is done."""

_OF_TEXT = ("seq_len", "noise")
"""Settings that are a number or one word; the word is null in the table."""


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
    state = store.state_of(folder)
    run: Row = {"identity": name, "state": state, "folder": str(folder)}
    failed = store.failures(folder)
    if failed and state != "done":
        run["error"] = failed[-1].error
    run["n_failures"] = len(failed)
    try:
        config = config or run_folder.read_config(folder)
        run |= settings(config)
        run |= _origin(folder)
        curve = _curve(name, folder / run_folder.METRICS)
        if state != "done":
            return Rows(run, curve)
        scores = TaskScores.read_csv(folder / run_folder.EVALUATION)
        if not scores.tasks:
            raise IncompatibleState(f"{folder / run_folder.EVALUATION} has no tasks")
        run |= {measure: _number(scores.mean(measure)) for measure in (*MEASURES, "chance")}
        run |= {"n_tasks": len(scores.tasks), **_summary(folder)}
        tasks = [(name, *(row[column] for column in SCORES)) for row in scores.rows()]
        return Rows(run, curve, tasks)
    except (IncompatibleState, RunConflict, OSError, ValueError, KeyError, TypeError) as error:
        if state in ("failed", "new", "begun", "running"):
            return Rows(run)
        return Rows({**run, "state": "damaged", "error": f"{type(error).__name__}: {error}"})


def settings(config: TrainConfig) -> Row:
    """Settings as cells: sizes as "20x20", lists of tasks as "Go+DlyGo", null for a missing one.

    `seq_len` is null for "auto", `noise` for "yang". Options of the mask are a JSON object in
    `mask_options`, and a column `mask_NAME` each.
    """
    cells: Row = config.model_dump(mode="python")
    cells["size"] = "x".join(str(side) for side in config.size)
    cells["n_units"] = math.prod(config.size)
    if not isinstance(config.suite, str):
        cells["suite"] = "+".join(config.suite)
    for setting in _OF_TEXT:
        if isinstance(cells[setting], str):
            cells[setting] = None
    cells["mask_options"] = json.dumps(dict(config.mask_options), sort_keys=True)
    return {**cells, **{f"mask_{option}": value for option, value in config.mask_options.items()}}


def _origin(folder: Path) -> Row:
    """What `config.json` tells of the network, the code and the machine."""
    path = folder / run_folder.CONFIG
    if not path.exists():
        return {}
    record = cast("Row", json.loads(path.read_text(encoding="utf-8")))
    git, machine = record.get("git") or {}, record.get("machine") or {}
    network, versions = record.get("network") or {}, record.get("versions") or {}
    shapes: Mapping[str, list[int]] = network.get("parameters") or {}
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
        "n_continued": len(record.get("continued") or []),
        "kernel": network.get("backend"),
        "n_recurrent": math.prod(shapes["rnn.weight_hh"]) if "rnn.weight_hh" in shapes else None,
        "n_parameters": sum(math.prod(shape) for shape in shapes.values()),
    }


def _summary(folder: Path) -> Row:
    record = json.loads((folder / run_folder.SUMMARY).read_text(encoding="utf-8"))
    row: Row = {
        "steps_taken": record["steps"],
        "ended": record["ended"],
        "seconds": record["elapsed_s"],
    }
    for entry in record["time_to_accuracy"]:
        at = f"{entry['measure']}_{round(100 * entry['level'])}"
        row |= {f"step_at_{at}": entry["step"], f"seconds_at_{at}": entry["seconds"]}
    return row


def _curve(name: str, path: Path) -> list[tuple[Any, ...]]:
    """The steps at which the network was evaluated."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        header, *lines = list(csv.reader(file)) or [[]]
    if tuple(header) != METRICS:
        raise IncompatibleState(f"{path} has other columns than {','.join(METRICS)}")
    # A run that is on its way may be in the middle of its last line.
    whole = [line for line in lines if len(line) == len(METRICS) and line[-1]]
    return [(name, int(line[0]), *(_number(float(cell)) for cell in line[1:])) for line in whole]


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
