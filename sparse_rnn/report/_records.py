"""What a run folder says of a run beside its results: commits, machine, time, network."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from sparse_rnn.config.train import TrainConfig
from sparse_rnn.errors import RunConflict
from sparse_rnn.report.findings import MODIFIED
from sparse_rnn.runs import folder as run_folder
from sparse_rnn.runs.finished import FinishedRun
from sparse_rnn.system.files import read_regular
from sparse_rnn.training.run import Run, read_run

UNKNOWN = "unknown"
"""The commit of a run that was made without a git checkout, or kept in memory."""


@dataclass(frozen=True)
class RunRecord:
    """Facts on a run.

    Attributes:
        network: What was trained: the cell and the mask family, or the class of a module of the
            caller's own.
        parameters: Numbers that can be trained, biases among them.
        units: Number of units; None of a module of the caller's own.
        synapses: Number of recurrent synapses; None of a module of the caller's own.
        backend: Kernel that computed it, "" for none of this package's.
        steps: Gradient steps taken.
        seconds: Seconds of training.
        commits: Commits of the code, one for each time it was started or went on.
        machine: Processor.
    """

    network: str
    parameters: int
    units: int | None
    synapses: int | None
    backend: str
    steps: int
    seconds: float
    commits: tuple[str, ...]
    machine: str


def loaded(source: FinishedRun | Path | str) -> FinishedRun:
    """A run, read from its folder where it is not there yet; see `read_run`."""
    return source if isinstance(source, FinishedRun) else read_run(source)


def family(run: FinishedRun) -> str:
    """The mask family of a run's network, which has a colour; "" of the caller's own."""
    return run.config.arch if isinstance(run.config, TrainConfig) else ""


def module_of(run: FinishedRun) -> tuple[str, dict[str, list[int]]]:
    """Class and shapes of the parameters of a module of the caller's own.

    Raises:
        RunConflict: Its `config.json` is damaged.
    """
    if run.network is not None:
        kind = type(run.network)
        shapes = {name: list(value.shape) for name, value in run.network.named_parameters()}
        return f"{kind.__module__}.{kind.__qualname__}", shapes
    assert run.folder is not None  # Which it was read from.
    path = run.folder / run_folder.CONFIG
    told = _read(path).get("network")
    shapes = told.get("parameters") if isinstance(told, dict) else None
    if not isinstance(told, dict) or not isinstance(shapes, dict):
        raise RunConflict(f"{path} is damaged: it does not say what was trained.")
    return str(told.get("class", UNKNOWN)), shapes


def read_record(run: FinishedRun) -> RunRecord:
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


def _gathered(run: FinishedRun, known: dict[str, Any]) -> RunRecord:
    starts = [known, *known.get("continued", [])]
    machine = known.get("machine") or {}
    backend = (known.get("network") or {}).get("backend")
    if isinstance(run, Run):
        layer = run.network.rnn
        what = f"{run.config.cell}, {run.config.arch}"
        parameters = sum(one.numel() for one in run.network.parameters())
        sizes = layer.mask.n_units, layer.mask.nnz
        backend = backend or layer.backend
    else:
        what, shapes = module_of(run)
        parameters, sizes = sum(map(math.prod, shapes.values())), (None, None)
    return RunRecord(
        network=what,
        parameters=parameters,
        units=sizes[0],
        synapses=sizes[1],
        backend=str(backend or ""),
        steps=len(run.history),
        seconds=float(run.history["elapsed_s"][-1]),
        commits=tuple(dict.fromkeys(_commit(start.get("git")) for start in starts)),
        machine=str(machine.get("processor") or UNKNOWN),
    )


def commits_of(runs: Iterable[FinishedRun]) -> tuple[str, ...]:
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
