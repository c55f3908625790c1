"""One run of a sweep, in whatever process carries it out."""

from __future__ import annotations

import contextlib
import errno
import math
import platform
import shutil
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sparse_rnn.config.run import RunOptions
from sparse_rnn.config.train import TrainConfig
from sparse_rnn.errors import (
    Interrupted,
    InvalidArgument,
    NotEnoughMemory,
    RunConflict,
    RunInUse,
    RunTooLong,
    TrainingDiverged,
    WriteFailed,
)
from sparse_rnn.runs.checkpoint import CHECKPOINT
from sparse_rnn.sweep import store
from sparse_rnn.sweep.naming import folder_of, identity
from sparse_rnn.system import signals
from sparse_rnn.training.callbacks import Callback, Moment
from sparse_rnn.training.run import train

Ending = Literal["done", "failed", "busy", "stopped", "no room", "unseen", "lost"]

TELL_EVERY_S = 5.0
"""Seconds between two reports of a run on its way."""

BYTES = 20
"""Bytes that a synapse takes at least: its number, weight, gradient and two moments of Adam."""

_FINAL = (InvalidArgument, TrainingDiverged, RunTooLong)
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


@dataclass(frozen=True)
class Assignment:
    """A run that some process shall carry out; crosses process boundaries.

    Attributes:
        config: JSON of the configuration.
        results: Folder of the results, which that process sees by the same name.
        retries: How often a run that fails is tried again.
        options: How it is carried out.
        limit_s: Seconds after which it is ended and counts as failed, or None.
    """

    config: str
    results: str
    retries: int
    options: RunOptions
    limit_s: float | None = None

    @property
    def identity(self) -> str:
        """Name of the run."""
        return identity(TrainConfig.from_json(self.config))


@dataclass(frozen=True)
class Attempt:
    """One attempt at a run, and how it ended.

    Attributes:
        identity: Name of the run.
        ending: "done"; "failed"; "busy", as another process has the run; "stopped", saved; "no
            room" on the disk; "unseen", as the process does not see the results; "lost", with the
            scheduler that had it.
        message: The error, or why.
        gave_up: Whether a failed run is not tried again.
        signal: Number of the signal that stopped it, or 0.
    """

    identity: str
    ending: Ending
    message: str = ""
    gave_up: bool = False
    signal: int = 0


def carry_out(
    assignment: Assignment,
    stop: Callable[[], bool] = lambda: False,
    tell: Callable[[str, int], None] = lambda name, step: None,  # noqa: ARG005 - an interface
) -> Attempt:
    """Train the network of a run, or go on with it; never raises what concerns the run alone.

    Args:
        assignment: The run.
        stop: Asked at each gradient step; True makes the run save itself and leave.
        tell: Called every few seconds with the run's name and its gradient steps.

    Returns:
        How it ended. A failure is written to the run's folder, with its traceback.
    """
    config = TrainConfig.from_json(assignment.config)
    name = identity(config)
    folder = folder_of(assignment.results, config)
    if not Path(assignment.results).is_dir():
        # Made by whoever hands out the runs; a worker must not fill a folder of its own.
        why = f"{platform.node()} does not see {assignment.results}"
        return Attempt(name, "unseen", why)
    if stop():
        return Attempt(name, "stopped")
    over_s = math.inf if assignment.limit_s is None else time.monotonic() + assignment.limit_s
    try:
        _check_memory(config)
        watching = _watching(name, stop, tell, over_s)
        train(config, folder, callbacks=[watching], options=assignment.options)
    except Interrupted as interrupt:
        if interrupt.number == signals.OVER:
            return _failed(assignment, name, folder, _over(assignment))
        return Attempt(name, "stopped", signal=interrupt.number)
    except RunInUse as error:
        return Attempt(name, "busy", str(error))
    except Exception as error:  # Whatever it is, the other runs go on.
        if _is_no_room(error):
            return Attempt(name, "no room", str(error))
        return _failed(assignment, name, folder, error)
    # A network that is trained needs none; they are most of the bytes of a run.
    shutil.rmtree(folder / CHECKPOINT, ignore_errors=True)
    return Attempt(name, "done")


def _watching(
    name: str, stop: Callable[[], bool], tell: Callable[[str, int], None], over_s: float
) -> Callback:
    """A callback that looks after requests and the time, and reports steps."""
    next_s = time.monotonic() + TELL_EVERY_S

    def watch(moment: Moment) -> None:
        nonlocal next_s
        if stop():
            signals.ask(signal.SIGTERM)
        elif time.monotonic() >= over_s:
            signals.ask(signals.OVER)
        if time.monotonic() >= next_s:
            next_s = time.monotonic() + TELL_EVERY_S
            tell(name, moment.record.step)

    return watch


def _check_memory(config: TrainConfig) -> None:
    """Refuse a network that cannot fit, before the system ends the process for it.

    Raises:
        NotEnoughMemory: The machine has less than the least that its synapses take.
    """
    needed, free = config.check_mask() * BYTES, _free_bytes()
    if free is not None and needed > free:
        raise NotEnoughMemory(
            f"Its {needed // BYTES:,} synapses take at least {needed / 1e9:.1f} GB to train, and "
            f"{free / 1e9:.1f} GB are free on {platform.node()}. Use a machine with more, a "
            "smaller network, or a sparser one."
        )


def _free_bytes() -> int | None:
    """Memory that a process can have, where the system tells."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return 1024 * int(line.split()[1])
    return None


def _over(assignment: Assignment) -> RunTooLong:
    return RunTooLong(
        f"The run took more than {assignment.limit_s:g} s, its limit. It has saved itself: with "
        "--again and a longer limit, or none, it goes on."
    )


def _is_no_room(error: BaseException) -> bool:
    cause = error.__cause__ if isinstance(error, WriteFailed) else error
    return isinstance(cause, OSError) and cause.errno in _NO_ROOM


def _failed(assignment: Assignment, name: str, folder: Path, error: Exception) -> Attempt:
    told = f"{type(error).__name__}: {error}"
    trace = "".join(traceback.format_exception(error))
    final = isinstance(error, (*_FINAL, RunConflict))
    try:
        noted = store.note_failure(folder, told, trace, retries=assignment.retries, final=final)
    except OSError as second:
        ending: Ending = "no room" if _is_no_room(second) else "failed"
        return Attempt(name, ending, f"{told} (and it could not be noted: {second})", gave_up=True)
    return Attempt(name, "failed", told, gave_up=noted.gave_up)
