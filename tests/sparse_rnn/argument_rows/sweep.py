"""Arguments of sweeps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sparse_rnn import sweep
from sparse_rnn.config.run import RunOptions
from tests.sparse_rnn.argument_rows.table import INF, NAN, Argument, Made, Row, World
from tests.sparse_rnn.argument_rows.values import NO_FLAGS, NO_NAMES
from tests.sparse_rnn.helpers import SMALL, small_config

_ONE, _TWO = [small_config(seed=1)], [small_config(seed=1), small_config(seed=2)]
_NO_SPECS = (3, [None], [dict(SMALL)], small_config())
_SPEC = Argument((_ONE, _TWO), (None, *_NO_SPECS), ([], "no such file.txt"))
_NO_PATHS = (None, 3, True, ["results"])
_COUNT = (-1, True, 2.5, NAN, "2")
_DIVERGES = [small_config(lr=1e30)]

_SETTINGS = {**SMALL, "suite": ["Go"]}


def _in(world: World, name: str = "results") -> Path:
    return world.folder / name


def _file(world: World) -> Path:
    path = world.folder / "file"
    path.write_text("a file")
    return path


def _failed(world: World) -> Path:
    """A folder of results in which a run has failed."""
    sweep.run(_DIVERGES, world.folder / "failed", workers=0)
    for path in (world.folder / "failed").rglob("failures.json"):
        path.write_text(path.read_text().replace("diverged", "DIVERGED"))
    return world.folder / "failed"


def _done(world: World) -> Path:
    """A folder of results of two runs, one of them done."""
    sweep.run(_ONE, world.folder / "done", workers=0)
    return world.folder / "done"


def _status(status: sweep.Status) -> Any:
    failures = [one.error for run in status.failures for one in run.failures]
    return status.done, status.waiting, status.failed, failures, len(status.damaged)


def _spec_file(record: Any) -> Made:
    def make(world: World) -> Path:
        path = world.folder / "spec.json"
        path.write_text(json.dumps(record))
        return path

    return Made(make)


def _table(table: Any) -> Any:
    clock = ("seconds", "elapsed", "when", "folder", "per_s", "reached")
    rows = table.to_pylist()
    return [{k: v for k, v in row.items() if not any(c in k for c in clock)} for row in rows]


_PROGRESS_FILE = Argument(
    unseen="where it is written to: tests/sparse_rnn/sweep/test_run.py", free="written to as it is"
)
_OPTIONS = Argument((sweep.OPTIONS, RunOptions(device="cuda:99")), (None, 3, {"chunk": 3}, "fast"))
_PLANNED = {
    "spec": _SPEC,
    "threads": Argument(unseen="rounding: tests/sparse_rnn/sweep/test_run.py", wrong=(0, *_COUNT)),
    "retries": Argument(unseen="tests/sparse_rnn/sweep/test_run.py", wrong=(*_COUNT, None)),
    "run_limit": Argument((None, 1e-9), (0.0, NAN, INF, -1.0, "1", True), at={"retries": 0}),
    "options": _OPTIONS,
}
_SLURM = "tests/sparse_rnn/sweep/test_slurm.py"
_FAILED = sweep.FailedRun("a", Path("a"), (sweep.Failure("e", "trace\nback", 1, "m", "w", True),))

ROWS = {
    "sparse_rnn.sweep.run": Row(
        {
            **_PLANNED,
            "results": Argument(unseen="where the runs lie", loud=(Made(_file), *_NO_PATHS)),
            "scheduler": Argument(
                unseen="tests/sparse_rnn/sweep/test_dask.py", wrong=("no address", 3, True, "")
            ),
            "workers": Argument(unseen="tests/sparse_rnn/sweep/test_dask.py", wrong=_COUNT),
            "again": Argument(
                (False, True), NO_FLAGS, at={"spec": _DIVERGES, "results": Made(_failed)}
            ),
            "progress": Argument(
                unseen="tests/sparse_rnn/sweep/test_run.py", free="called as it is"
            ),
        },
        {"spec": _ONE, "results": Made(_in), "workers": 0},
        _status,
    ),
    "sparse_rnn.sweep.submit": Row(
        {
            **{
                name: Argument(unseen=_SLURM, wrong=how.wrong, loud=how.loud)
                for name, how in _PLANNED.items()
            },
            "results": Argument(unseen=_SLURM, loud=(Made(_file), *_NO_PATHS)),
            "jobs": Argument(unseen=_SLURM, wrong=(0, *_COUNT, None)),
            "cluster": Argument(unseen=_SLURM, wrong=NO_NAMES),
            "parameters": Argument(
                unseen=_SLURM,
                wrong=({"no_such_parameter": 1}, 3, "fast", ["timeout_min"]),
            ),
        },
        {"spec": _ONE, "results": Made(_in), "jobs": 1, "cluster": "local"},
    ),
    "sparse_rnn.sweep.status": Row(
        {
            "spec": Argument((None, _TWO), loud=([], *_NO_SPECS)),
            "results": Argument((Made(_in), Made(_done)), loud=_NO_PATHS),
        },
        {"spec": None, "results": Made(_done)},
        _status,
    ),
    "sparse_rnn.sweep.collect": Row(
        {
            "results": Argument((Made(_done), Made(_failed)), loud=_NO_PATHS),
            "configs": Argument((None, _TWO), loud=([], *_NO_SPECS)),
            "out": Argument(unseen="where it is written: test_collect.py", loud=_NO_PATHS[1:]),
        },
        {"results": Made(_done)},
        _table,
    ),
    "sparse_rnn.sweep.folder_of": Row(
        {
            "results": Argument(("here", "there"), loud=_NO_PATHS),
            "config": Argument((small_config(), small_config(seed=2)), (None, dict(SMALL), "c")),
        },
        {"results": "here", "config": small_config()},
    ),
    "sparse_rnn.sweep.identity": Row(
        {"config": Argument((small_config(), small_config(seed=2)), (None, dict(SMALL), "c"))}
    ),
    "sparse_rnn.sweep.Grid": Row(
        {
            "settings": Argument((SMALL, {**SMALL, "lr": 0.1}), (None, 3, [SMALL], "arch")),
            "runs": Argument((({},), ({"lr": 0.1}, {"lr": 0.2})), (None, 3, (), (3,), "runs")),
            "axes": Argument(
                ({}, {"seed": (0, 1)}), (None, 3, ["seed"]), ({"seed": ()}, {"seed": 3})
            ),
        },
        {"settings": SMALL},
        lambda grid: grid.configs(),
    ),
    "sparse_rnn.sweep.Grid.of": Row(
        {
            "base": Argument((SMALL, {**SMALL, "lr": 0.1}), (None, 3, [SMALL], "arch")),
            "runs": Argument((({},), ({"lr": 0.1}, {"lr": 0.2})), (None, 3, (), (3,), "runs")),
            "seed": Argument(([0], [0, 1]), ([], 3, None, "01", [-1]), ([0, 0],)),
        },
        {"base": SMALL},
        lambda grid: grid.configs(),
        of=lambda _: sweep.Grid,
    ),
    "sparse_rnn.sweep.Grid.read": Row(
        {
            "path": Argument(
                (
                    _spec_file({"settings": _SETTINGS}),
                    _spec_file({"settings": {**_SETTINGS, "lr": 1}}),
                ),
                free="the error names the part of the file: tests/sparse_rnn/sweep/test_grid.py",
            )
        },
        seen=lambda grid: grid.configs(),
        of=lambda _: sweep.Grid,
    ),
    "sparse_rnn.sweep.Grid.from_record": Row(
        {
            "record": Argument(
                ({"settings": _SETTINGS}, {"settings": {**_SETTINGS, "lr": 1}}),
                free="the error names the part of the file: tests/sparse_rnn/sweep/test_grid.py",
            )
        },
        seen=lambda grid: grid.configs(),
        of=lambda _: sweep.Grid,
    ),
    "sparse_rnn.sweep.Status.text": Row(
        {"tracebacks": Argument((False, True), NO_FLAGS)},
        of=lambda _: sweep.Status(0, 0, 1, 0, failures=(_FAILED,)),
    ),
    "sparse_rnn.sweep.automatic": Row({"file": _PROGRESS_FILE}),
    "sparse_rnn.sweep.bar": Row({"file": _PROGRESS_FILE}),
    "sparse_rnn.sweep.lines": Row({"file": _PROGRESS_FILE}),
}
