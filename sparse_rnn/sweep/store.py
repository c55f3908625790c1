"""What the folders of a sweep say about its runs: how far each has come, and why one failed."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, cast

from sparse_rnn.errors import RunConflict, RunDamaged
from sparse_rnn.runs.checkpoint import CHECKPOINT, Store
from sparse_rnn.runs.folder import CONFIG, EVALUATIONS, METRICS, write_json
from sparse_rnn.runs.weights import WEIGHTS
from sparse_rnn.sweep.reading import kind_of, read_record
from sparse_rnn.system.files import check_kind, set_aside
from sparse_rnn.system.lock import HOLDER, LOCK, is_held

FAILURES = "failures.json"
"""Name of the file in a run folder that tells how the run failed."""

KEPT = 10
"""Failures of a run that are kept, the newest ones."""

State = Literal["done", "running", "failed", "begun", "new", "damaged"]

GIVEN_UP: tuple[State, ...] = ("failed", "damaged")
"""States of runs that are not tried again unasked."""

_ALIVE = (METRICS, EVALUATIONS, LOCK, CHECKPOINT)
"""What changes while a run is on its way."""


@dataclass(frozen=True)
class Failure:
    """One failure of a run.

    Attributes:
        error: Type and message of the error.
        traceback: Where it came from; "" where the process was gone.
        step: Gradient step of the newest checkpoint at that time.
        machine: Name of the machine.
        when: Local time with its zone, ISO 8601.
        gave_up: Whether the run is not tried again.
    """

    error: str
    traceback: str
    step: int
    machine: str
    when: str
    gave_up: bool


@dataclass(frozen=True)
class Standing:
    """How far a run has come.

    Attributes:
        state: "done", "running", "failed", "begun", "new"; "damaged" where its folder does not say.
        why: What is damaged, or "".
        failures: Failures of a run that is not done, the newest one last.
    """

    state: State
    why: str = ""
    failures: tuple[Failure, ...] = ()


def state_of(folder: Path) -> State:
    """Say how far a run has come, from its folder alone."""
    return standing_of(folder).state


def standing_of(folder: Path) -> Standing:
    """Say how far a run has come, from its folder alone, and what is damaged; raises nothing.

    A link in place of the folder is damage: the run would be carried out wherever it points to.
    """
    try:
        check_kind(folder, "folder")
        if _is_there(folder / WEIGHTS):
            return Standing("done")
        if is_held(folder):
            return Standing("running")
        found = failures(folder)
        if found and found[-1].gave_up:
            return Standing("failed", failures=found)
        return Standing("begun" if _is_there(folder / CONFIG) else "new", failures=found)
    except (RunConflict, OSError) as error:
        return Standing("damaged", str(error))


def check_config(folder: Path) -> None:
    """Look whether `config.json` of a run is one, without reading what it says.

    Raises:
        RunDamaged: It is none.
        OSError: It cannot be read.
    """
    path = folder / CONFIG
    settings = read_record(path).get("config")
    if not isinstance(settings, dict):
        raise RunDamaged(f"{path} holds {kind_of(settings)} as 'config'.")


def _is_there(path: Path) -> bool:
    """Whether a regular file is there.

    Raises:
        RunDamaged: There is something else, such as a link.
        OSError: It cannot be found out.
    """
    check_kind(path)
    return os.path.lexists(path)


def quiet_s(folder: Path) -> float:
    """Seconds since a run that is on its way has written anything, by the clock of this machine."""
    now_s = time.time()
    written_s: list[float] = []
    for name in _ALIVE:
        with contextlib.suppress(OSError):  # Not there, or not any more.
            written_s.append(os.lstat(folder / name).st_mtime)
    return max(now_s - max(written_s, default=now_s), 0.0)


def holder_of(folder: Path) -> str:
    """The process that works on a run, as its lock names it."""
    try:
        record = read_record(folder / HOLDER, 10_000)
        return f"process {int(record['pid'])} on {record['machine']}"
    except (RunConflict, OSError, ValueError, KeyError, TypeError):
        return "a process without a name"


def tidy(folder: Path) -> None:
    """Remove the checkpoints of a run that is done, where its process was killed before it could.

    A network that is trained needs none; they are most of the bytes of a run.
    """
    with contextlib.suppress(RunConflict, OSError):  # What is damaged stays as it is.
        if os.path.lexists(folder / CHECKPOINT) and not is_held(folder):
            shutil.rmtree(folder / CHECKPOINT, ignore_errors=True)  # A link is not followed.


def failures(folder: Path) -> tuple[Failure, ...]:
    """Failures of a run, the newest one last.

    Raises:
        RunDamaged: The record is damaged.
        OSError: It cannot be read.
    """
    path = folder / FAILURES
    try:
        record = read_record(path)
    except (FileNotFoundError, NotADirectoryError):
        return ()
    entries = record.get("failures")
    if not isinstance(entries, list):
        raise RunDamaged(f"{path} has no list 'failures'.")
    return tuple(_failure(path, entry) for entry in cast("list[Any]", entries))


def _failure(path: Path, entry: object) -> Failure:
    kinds: Mapping[str, Any] = {"str": str, "int": int, "bool": bool}
    if not isinstance(entry, dict):
        raise RunDamaged(f"{path} has {kind_of(entry)} where a failure belongs.")
    values = cast("dict[str, Any]", entry)
    expected = {field.name: kinds[str(field.type)] for field in fields(Failure)}
    if values.keys() != expected.keys():
        raise RunDamaged(f"{path} has a failure that does not have {', '.join(expected)}.")
    for name, kind in expected.items():
        if type(values[name]) is not kind:
            raise RunDamaged(f"{path} has {kind_of(values[name])} as the {name} of a failure.")
    return Failure(**values)


def note_failure(folder: Path, error: str, traceback: str, *, retries: int, final: bool) -> Failure:
    """Write down that a run failed.

    Args:
        folder: The run folder, made if need be.
        error: Type and message.
        traceback: Where it came from.
        retries: How often a run is tried again; failures count from the last progress on, so that
            a run whose machines die one after another comes to its end.
        final: Whether trying again is of no use.

    Returns:
        The failure.

    Raises:
        OSError: It could not be written.
    """
    step = progress_of(folder)
    try:
        earlier = failures(folder)
    except RunDamaged:
        # Somebody may want to look at it.
        set_aside([folder / FAILURES], folder / FAILURES)
        earlier = ()
    n_without_progress = 1 + sum(failure.step == step for failure in earlier)
    now = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    gave_up = final or n_without_progress > retries
    failure = Failure(error, traceback, step, platform.node(), now, gave_up)
    folder.mkdir(parents=True, exist_ok=True)
    kept: Iterable[Failure] = (*earlier, failure)[-max(KEPT, retries + 1) :]
    record: Mapping[str, Any] = {"failures": [asdict(entry) for entry in kept]}
    write_json(folder / FAILURES, record)
    return failure


def forget_failures(folder: Path) -> None:
    """Remove the record of failures, so that a run is tried again."""
    (folder / FAILURES).unlink(missing_ok=True)


def progress_of(folder: Path) -> int:
    """Gradient step of the newest checkpoint of a run; 0 where there is none."""
    try:
        return max(Store(folder).steps(), default=0) if (folder / CHECKPOINT).exists() else 0
    except (OSError, ValueError):
        return 0
