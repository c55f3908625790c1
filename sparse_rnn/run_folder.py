"""The folder of a training run: what lies in it, and whether a run may use it.

| file | content |
|---|---|
| `config.json` | the configuration, package versions, git commit and machine |
| `metrics.csv` | a line for each gradient step (`sparse_rnn.metrics.COLUMNS`) |
| `evaluation.csv` | the final evaluation, a line for each task |
| `weights.safetensors` | the trained network; written last, so a run that has it is finished |
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, cast

from sparse_rnn.checkpoint import WEIGHTS
from sparse_rnn.config import TrainConfig, differences
from sparse_rnn.errors import InvalidArgument, RunConflict
from sparse_rnn.files import atomic_writer
from sparse_rnn.provenance import provenance

CONFIG = "config.json"
METRICS = "metrics.csv"
EVALUATION = "evaluation.csv"

State = Literal["new", "unfinished", "finished"]


def state_of(folder: Path, config: TrainConfig) -> State:
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
        strangers = [name for name in (METRICS, EVALUATION, WEIGHTS) if (folder / name).exists()]
        if strangers:
            raise RunConflict(
                f"{folder} has {', '.join(strangers)} but no {CONFIG}, so it is not known which "
                "run they belong to. Choose another folder, or move them away."
            )
        return "new"
    different = differences(read_config(folder), config)
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


def write_config(folder: Path, config: TrainConfig) -> None:
    """Make the folder and write `config.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    record = {"config": config.model_dump(mode="json"), **provenance()}
    with atomic_writer(folder / CONFIG) as file:
        json.dump(record, file, indent=2)
        file.write("\n")


def read_config(folder: Path) -> TrainConfig:
    """Read the configuration of a run.

    Raises:
        RunConflict: There is no `config.json` in the folder, or it is not one of a run.
    """
    path = folder / CONFIG
    remedy = "Choose another folder, or move the file away."
    if not path.exists():
        raise RunConflict(f"{folder} holds no run: there is no {CONFIG} in it.")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunConflict(f"{path} cannot be read as JSON ({error}). {remedy}") from error
    settings = cast("dict[str, Any]", record).get("config") if isinstance(record, dict) else None
    if not isinstance(settings, dict):
        raise RunConflict(f"{path} has no entry 'config', so no run wrote it. {remedy}")
    try:
        return TrainConfig.from_json(json.dumps(settings))
    except InvalidArgument as error:
        raise RunConflict(f"{path} holds no valid configuration: {error} {remedy}") from error
