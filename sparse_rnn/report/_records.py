"""What a run folder says of a run beside its results: commits, machine, time, network."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from sparse_rnn.errors import RunConflict
from sparse_rnn.report.findings import MODIFIED
from sparse_rnn.runs import folder as run_folder
from sparse_rnn.system.files import read_regular
from sparse_rnn.training.run import Run

UNKNOWN = "unknown"
"""The commit of a run that was made without a git checkout, or kept in memory."""


@dataclass(frozen=True)
class RunRecord:
    """Facts on a run.

    Attributes:
        units: Number of units.
        synapses: Number of recurrent synapses.
        backend: Kernel that computed it.
        steps: Gradient steps taken.
        seconds: Seconds of training.
        commits: Commits of the code, one for each time it was started or went on.
        machine: Processor.
    """

    units: int
    synapses: int
    backend: str
    steps: int
    seconds: float
    commits: tuple[str, ...]
    machine: str


def read_record(run: Run) -> RunRecord:
    """Gather the facts on a run.

    Args:
        run: The run; one without a folder has unknown commit and machine.

    Raises:
        RunConflict: Its `config.json` is damaged.
    """
    if run.folder is None:
        return _gathered(run, {})
    path = run.folder / run_folder.CONFIG
    try:
        return _gathered(run, _read(path))
    except (AttributeError, KeyError, TypeError) as error:
        raise RunConflict(f"{path} is damaged: {error!r}.") from error


def _gathered(run: Run, known: dict[str, Any]) -> RunRecord:
    layer = run.network.rnn
    starts = [known, *known.get("continued", [])]
    machine = known.get("machine") or {}
    return RunRecord(
        units=layer.mask.n_units,
        synapses=layer.mask.nnz,
        backend=str((known.get("network") or {}).get("backend") or layer.backend),
        steps=len(run.history),
        seconds=float(run.history["elapsed_s"][-1]),
        commits=tuple(dict.fromkeys(_commit(start.get("git")) for start in starts)),
        machine=str(machine.get("processor") or UNKNOWN),
    )


def commits_of(runs: Iterable[Run]) -> tuple[str, ...]:
    """Commits that runs were made with, in their order.

    Raises:
        RunConflict: A `config.json` is damaged.
    """
    return tuple(dict.fromkeys(name for run in runs for name in read_record(run).commits))


def _commit(git: Mapping[str, Any] | None) -> str:
    return UNKNOWN if git is None else str(git["commit"]) + MODIFIED * bool(git["modified"])


def _read(path: Path) -> dict[str, Any]:
    try:
        known = json.loads(read_regular(path))
    except (OSError, ValueError, RecursionError) as error:
        raise RunConflict(f"{path} cannot be read as JSON ({error}).") from error
    if not isinstance(known, dict):
        raise RunConflict(f"{path} holds no JSON object.")
    return cast("dict[str, Any]", known)
