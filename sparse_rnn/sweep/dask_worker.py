"""What runs inside a dask worker: runs of a sweep, and the requests to stop them.

Runs are in threads there, which get no signals: they ask whether their call was stopped, and
whether their worker is leaving, which is a state of the worker and of nothing that a client brings.
"""

from __future__ import annotations

import asyncio
import os
import platform
import signal
import threading
import time
from dataclasses import replace
from typing import Any

from distributed import Status, WorkerPlugin, get_worker

from sparse_rnn.sweep.work import Assignment, Attempt, carry_out
from sparse_rnn.system import signals

PLUGIN = "sparse-rnn-sweep"

SAVING_S = 7.0
"""How long a worker that is asked to leave waits for its runs: dask allows it 8 s."""

_STAYING = (Status.running, Status.paused)

_stopped: set[str] = set()
_active: set[tuple[str, str, str]] = set()


def carry_out_here(assignment: Assignment, name: str, sweep: str) -> Attempt:
    """Carry out a run in this worker.

    Args:
        assignment: The run.
        name: Its identity.
        sweep: Name of the call that it belongs to, which is also the topic of its reports: a list
            of the run's name, its gradient steps and the address of the worker, the first one
            where the run begins.
    """
    worker = get_worker()

    def tell(name: str, step: int) -> None:
        worker.log_event(sweep, [name, step, worker.address])

    def asked() -> bool:
        return sweep in _stopped or _leaves(worker)

    mine = (worker.id, sweep, name)
    _active.add(mine)
    try:
        tell(name, 0)
        attempt = carry_out(assignment, asked, tell)
        return replace(attempt, signal=0)  # One that stopped was asked here; no signal came.
    finally:
        _active.discard(mine)


def stop(sweep: str) -> None:
    """Ask all runs of a call to save themselves and leave, those that have not begun included."""
    _stopped.add(sweep)


def end_process(machine: str, pid: int) -> None:
    """End the process of a worker at once, unless it is the one that is named: the caller's own."""
    if (platform.node(), os.getpid()) != (machine, pid):
        os.kill(os.getpid(), signals.KILL)


class SaveOnLeave(WorkerPlugin):
    """Makes a worker that is asked to leave, as by SIGTERM, save its runs first.

    A scheduler keeps the first one that it gets, for all sweeps: were it registered anew by each,
    dask would tear down the one before, in the middle of the runs of other sweeps.

    Args:
        deaf: Whether the worker shall ignore SIGINT: Ctrl-C in a terminal reaches the workers of
            an embedded cluster as well, and it is for the sweep to ask them.
    """

    name = PLUGIN
    idempotent = True

    def __init__(self, *, deaf: bool) -> None:
        self.deaf = deaf

    def setup(self, worker: Any) -> None:
        """Called when a worker starts."""
        del worker
        if self.deaf and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_IGN)

    async def teardown(self, worker: Any) -> None:
        """Called when a worker leaves, while its runs are still on their way.

        Also called where somebody else takes the plugin away or replaces it: then nobody leaves.
        """
        until_s = time.monotonic() + SAVING_S
        while _leaves(worker) and _runs_on(worker) and time.monotonic() < until_s:
            await asyncio.sleep(0.05)


def _leaves(worker: Any) -> bool:
    return worker.status not in _STAYING


def _runs_on(worker: Any) -> bool:
    # A copy, made in one go, as runs begin and end in other threads.
    return any(where == worker.id for where, _, _ in list(_active))
