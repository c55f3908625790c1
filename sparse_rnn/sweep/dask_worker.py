"""What runs inside a dask worker: runs of a sweep, and the requests to stop them.

Runs are in threads there, which get no signals; flags of this module stand for them.
"""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from dataclasses import replace
from typing import Any

from distributed import WorkerPlugin, get_worker

from sparse_rnn.sweep.work import Assignment, Outcome, carry_out

PLUGIN = "sparse-rnn-sweep"

SAVING_S = 7.0
"""How long a worker that is asked to leave waits for its runs: dask allows it 8 s."""

_stopped: set[str] = set()
_active: set[str] = set()
_leaving = threading.Event()


def execute(assignment: Assignment, name: str, sweep: str) -> Outcome:
    """Carry out a run.

    Args:
        assignment: The run.
        name: Its identity.
        sweep: Name of the call that it belongs to, which is also the topic of its reports.
    """
    worker = get_worker()

    def tell(name: str, step: int) -> None:
        worker.log_event(sweep, [name, step])

    _active.add(name)
    try:
        outcome = carry_out(assignment, lambda: _leaving.is_set() or sweep in _stopped, tell)
        return replace(outcome, signal=0)  # One that stopped was asked here; no signal came.
    finally:
        _active.discard(name)


def stop(sweep: str) -> None:
    """Ask all runs of a call to save themselves and leave, those that have not begun included."""
    _stopped.add(sweep)


class SaveOnLeave(WorkerPlugin):
    """Makes a worker that is asked to leave, as by SIGTERM, save its runs first.

    Args:
        deaf: Whether it shall ignore SIGINT: Ctrl-C in a terminal reaches the workers of an
            embedded cluster as well, and it is for the sweep to ask them.
    """

    name = PLUGIN

    def __init__(self, *, deaf: bool) -> None:
        self.deaf = deaf

    def setup(self, worker: Any) -> None:
        """Called when a worker starts."""
        del worker
        if self.deaf and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_IGN)

    async def teardown(self, worker: Any) -> None:
        """Called when a worker leaves, while its runs are still on their way."""
        del worker
        _leaving.set()
        until_s = time.monotonic() + SAVING_S
        while _active and time.monotonic() < until_s:
            await asyncio.sleep(0.05)
