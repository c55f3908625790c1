"""What the folders of a sweep say about its runs: how far each has come, and why one failed."""

from __future__ import annotations

import fcntl
import json
import platform
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from sparse_rnn.checkpoint import WEIGHTS
from sparse_rnn.lock import LOCK
from sparse_rnn.resume import CHECKPOINT, Store
from sparse_rnn.run_folder import CONFIG, write_json

FAILURES = "failures.json"
"""Name of the file in a run folder that tells how the run failed."""

KEPT = 10
"""Failures of a run that are kept, the newest ones."""

State = Literal["done", "running", "failed", "begun", "new"]


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


def state_of(folder: Path) -> State:
    """Say how far a run has come, from its folder alone."""
    if (folder / WEIGHTS).exists():
        return "done"
    if is_locked(folder):
        return "running"
    if given_up(folder):
        return "failed"
    return "begun" if (folder / CONFIG).exists() else "new"


def is_locked(folder: Path) -> bool:
    """Whether a process works on a run.

    The lock is taken for an instant to find out, where its file exists, which is so during a run
    and after one that was killed.
    """
    try:
        with (folder / LOCK).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def failures(folder: Path) -> tuple[Failure, ...]:
    """Failures of a run, the newest one last; none where the record cannot be read."""
    try:
        record = json.loads((folder / FAILURES).read_text(encoding="utf-8"))
        return tuple(Failure(**entry) for entry in record["failures"])
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def given_up(folder: Path) -> Failure | None:
    """The failure after which a run is not tried again, or None."""
    found = failures(folder)
    return found[-1] if found and found[-1].gave_up else None


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
    earlier = failures(folder)
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
    return max(Store(folder).steps(), default=0) if (folder / CHECKPOINT).exists() else 0
