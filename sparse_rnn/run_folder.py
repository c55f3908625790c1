"""The folder of a training run: what lies in it, and whether a run may use it.

| file | content |
|---|---|
| `config.json` | the configuration, network, package versions, git commit and machine |
| `metrics.csv` | a line for each gradient step (`sparse_rnn.metrics.COLUMNS`) |
| `evaluations.csv` | the evaluations on the way, a line for each task |
| `checkpoint/` | the two newest checkpoints (`sparse_rnn.resume`) |
| `tensorboard/` | events for TensorBoard, where it is installed |
| `evaluation.csv` | the final evaluation, a line for each task |
| `summary.json` | steps, why the run ended, seconds, and the time to each level of each measure |
| `weights.safetensors` | the trained network; written last, so a run that has it is finished |
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from sparse_rnn.checkpoint import WEIGHTS
from sparse_rnn.config import TrainConfig
from sparse_rnn.errors import InvalidArgument, RunConflict
from sparse_rnn.files import atomic_writer
from sparse_rnn.provenance import provenance
from sparse_rnn.settings import FitConfig, differences

CONFIG = "config.json"
METRICS = "metrics.csv"
EVALUATIONS = "evaluations.csv"
SUMMARY = "summary.json"
EVALUATION = "evaluation.csv"

_REMEDY = "Choose another folder, or move the file away."
_LOG = logging.getLogger("sparse_rnn")
_OWN = (METRICS, EVALUATIONS, EVALUATION, SUMMARY, WEIGHTS)

ConfigT = TypeVar("ConfigT", bound=FitConfig)
State = Literal["new", "unfinished", "finished"]


def state_of(folder: Path, config: FitConfig) -> State:
    """Say how far a run has come in a folder.

    Args:
        folder: The folder; it need not exist.
        config: The configuration that wants to run in it.

    Raises:
        RunConflict: The folder holds another run, or files that no run left there.
    """
    if folder.exists() and not folder.is_dir():
        raise RunConflict(f"{folder} is a file, and a run needs a folder. Choose another name.")
    if not (folder / CONFIG).exists():
        strangers = [name for name in _OWN if (folder / name).exists()]
        if strangers:
            raise RunConflict(
                f"{folder} has {', '.join(strangers)} but no {CONFIG}, so it is not known which "
                "run they belong to. Choose another folder, or move them away."
            )
        return "new"
    different = differences(read_config(folder, type(config)), config)
    if different:
        listed = "; ".join(
            f"{name} is {theirs!r} there and {ours!r} here"
            for name, (theirs, ours) in different.items()
        )
        raise RunConflict(
            f"{folder} holds a run of another configuration: {listed}. "
            "Choose another folder, or the configuration of that run."
        )
    return "finished" if (folder / WEIGHTS).exists() else "unfinished"


def write_config(folder: Path, config: FitConfig, facts: Mapping[str, Any] | None = None) -> None:
    """Make the folder and write `config.json`.

    Args:
        folder: The run folder.
        config: The configuration.
        facts: More that is worth keeping, in JSON types, such as the backend in use.
    """
    folder.mkdir(parents=True, exist_ok=True)
    record = {"config": config.model_dump(mode="json"), **(facts or {}), **provenance()}
    write_json(folder / CONFIG, record)


def note_continuation(folder: Path, step: int) -> None:
    """Add to `config.json` where and with what the run goes on.

    A continuation with other versions or another commit is allowed, and is a warning: it may not
    give the same bits.

    Args:
        folder: The run folder.
        step: Gradient steps taken before.
    """
    record = _read_record(folder / CONFIG)
    now = provenance()
    for what in ("versions", "git"):
        if record.get(what) != now[what]:
            _LOG.warning(
                "%s began with other %s and goes on with those of now; config.json has both.",
                folder,
                {"versions": "package versions", "git": "code"}[what],
            )
    record.setdefault("continued", []).append({"step": step, **now})
    write_json(folder / CONFIG, record)


def write_json(path: Path, record: Mapping[str, Any]) -> None:
    """Write JSON, atomically."""
    with atomic_writer(path) as file:
        json.dump(record, file, indent=2)
        file.write("\n")


def read_config(folder: Path, kind: type[ConfigT] = TrainConfig) -> ConfigT:
    """Read the configuration of a run.

    Args:
        folder: The run folder.
        kind: The class of the configuration.

    Raises:
        RunConflict: There is no `config.json` in the folder, or it is not one of a run.
    """
    path = folder / CONFIG
    if not path.exists():
        raise RunConflict(f"{folder} holds no run: there is no {CONFIG} in it.")
    settings = _read_record(path).get("config")
    if not isinstance(settings, dict):
        raise RunConflict(f"{path} has no entry 'config', so no run wrote it. {_REMEDY}")
    try:
        return kind.from_json(json.dumps(settings))
    except InvalidArgument as error:
        raise RunConflict(f"{path} holds no valid configuration: {error} {_REMEDY}") from error


def _read_record(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RunConflict(f"{path} cannot be read as JSON ({error}). {_REMEDY}") from error
    return cast("dict[str, Any]", record) if isinstance(record, dict) else {}
