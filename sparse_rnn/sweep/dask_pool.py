"""`DaskPool`: carries out runs on the workers of a dask scheduler, embedded or not."""

from __future__ import annotations

import logging
import os
import platform
import queue
import time
import uuid
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from sparse_rnn.config.train import TrainConfig
from sparse_rnn.errors import SparseRnnError
from sparse_rnn.sweep import extra, store
from sparse_rnn.sweep.errand import Errand
from sparse_rnn.sweep.naming import folder_of
from sparse_rnn.sweep.tally import duration
from sparse_rnn.sweep.work import Assignment, Attempt
from sparse_rnn.system.hardware import cores

PATIENCE_S = 600.0
"""How long to wait for a scheduler that does not answer any more."""

UNREACHED_S = 10.0
"""How long a scheduler with a connection may be silent: it may be importing torch."""

GRACE_S = 30.0
"""Seconds that a run over its time has to end itself, before its worker is ended."""

_CONNECT_S = 10.0
_CLOSE_S = 2.0
_RESTART_S = 60.0
_LOOK_EVERY_S = 1.0
_FIRST_WARNING_S = 10.0
_STARTS = 3
_OVERDUE = object()
_LOG = logging.getLogger("sparse_rnn")


class DaskPool:
    """A pool whose processes are dask workers.

    As many runs are handed out as the workers have threads, so that none waits behind another on a
    worker which that one may take down with it. Whatever waits for the scheduler does so in a
    thread of its own: the sweep goes on to see signals while the scheduler is away.

    Args:
        address: Address of the scheduler.
        embedded: Whether the workers belong to this process.
    """

    def __init__(self, address: str, *, embedded: bool = False) -> None:
        self._address = address
        self._embedded = embedded
        self._sweep = f"{uuid.uuid4().hex[:8]}-sweep"
        self._returned: queue.SimpleQueue[tuple[Assignment, str, Any]] = queue.SimpleQueue()
        self._active: dict[str, tuple[Assignment, Any]] = {}
        self._places_of: dict[str, tuple[float, str]] = {}
        self._steps: dict[str, int] = {}
        self._news: list[str] = []
        self._places = 0
        self._client: Any = None
        self._closed = self._stopping = False
        self._answered_s = self._served_s = time.monotonic()
        self._warn_after_s = _FIRST_WARNING_S
        self._look = Errand(self._look_at_scheduler, _LOOK_EVERY_S)
        self._ask = Errand(self._ask_to_stop, _LOOK_EVERY_S)

    def capacity(self) -> int:
        """Threads of all workers; 0 while the scheduler does not answer.

        Raises:
            SparseRnnError: There is no scheduler, or it has not answered for `PATIENCE_S`.
        """
        self._look.start()
        if self._client is None:
            self._look.wait(_LOOK_EVERY_S / 2)
            if isinstance(self._look.error, SparseRnnError):
                raise self._look.error
            return self._places
        self._warn()
        return self._places if self._client.status == "running" else 0

    def submit(self, assignment: Assignment, name: str) -> None:
        """Hand a run to the scheduler."""
        from sparse_rnn.sweep.dask_worker import carry_out_here

        key = f"{name}-{uuid.uuid4().hex[:8]}"
        if self._client.status not in ("running", "connecting"):  # It was closed this moment.
            self._active[name] = (assignment, None)
            self._returned.put((assignment, name, None))
            return
        future = self._client.submit(
            carry_out_here, assignment, name, self._sweep, key=key, pure=False
        )
        self._active[name] = (assignment, future)
        future.add_done_callback(partial(self._came_back, assignment, name))

    def attempts(self, timeout_s: float) -> list[Attempt]:
        """Attempts at runs that have come back, were lost, or took their worker with them."""
        self._look.start()
        self._end_overdue()
        if self._stopping:
            self._ask.start()
        found: list[Attempt | None] = []
        with suppress(queue.Empty):
            found.append(self._attempt(*self._returned.get(timeout=timeout_s)))
            while True:
                found.append(self._attempt(*self._returned.get_nowait()))
        if self._stopping and self._active and not self._reached():
            self._news.append(
                f"The scheduler at {self._address} does not answer, so {len(self._active)} runs "
                "could not be asked to stop. They save themselves when their workers leave."
            )
            found += [Attempt(name, "lost") for name in self._active]
            self._active.clear()
        return [attempt for attempt in found if attempt is not None]

    def steps(self) -> Mapping[str, int]:
        """Gradient steps that workers have reported."""
        return self._steps

    def stop(self) -> None:
        """Ask the runs on all workers to save themselves; `attempts` asks those that come later."""
        self._stopping = True
        self._ask.start()

    def news(self) -> tuple[str, ...]:
        """Runs that could not be reached."""
        told = tuple(self._news)
        self._news.clear()
        return told

    def close(self) -> None:
        """Leave the scheduler."""
        self._closed = True
        self._ask.wait(_CLOSE_S)
        if self._client is not None:
            with suppress(OSError, TimeoutError):
                self._client.close(timeout=_CLOSE_S)

    def _connect(self) -> Any:
        from distributed import Client

        from sparse_rnn.sweep.dask_worker import SaveOnLeave

        try:
            client = Client(self._address, timeout=_CONNECT_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise SparseRnnError(
                f"No dask scheduler answers at {self._address} ({error}). Start one with "
                "`dask scheduler`, and workers with `dask worker ADDRESS`, or leave the address "
                "out to use this machine."
            ) from error
        # A worker that dies meanwhile is no failure: dask gives the plugin to all that come.
        with suppress(OSError, RuntimeError):
            client.register_plugin(SaveOnLeave(deaf=self._embedded))
        client.subscribe_topic(self._sweep, self._heard)
        return client

    def _look_at_scheduler(self) -> None:
        """See who is there, and connect anew where the connection is gone; in its own thread."""
        if self._client is None or self._client.status in ("closed", "closing"):
            if self._closed:
                return
            self._client = self._connect()
        if self._client.status != "running":
            return  # dask itself is connecting anew.
        self._places = sum(self._client.nthreads().values())
        self._answered_s = time.monotonic()
        if self._places:
            self._served_s = self._answered_s

    def _ask_to_stop(self) -> None:
        from sparse_rnn.sweep.dask_worker import stop

        if self._client is not None and self._client.status == "running":
            self._client.run(stop, self._sweep, on_error="ignore")

    def _reached(self) -> bool:
        answers = time.monotonic() - self._answered_s < UNREACHED_S
        return self._client is not None and self._client.status == "running" and answers

    def _warn(self) -> None:
        """Say for how long there has been nobody to work, at longer and longer intervals.

        Raises:
            SparseRnnError: The scheduler is gone for good.
        """
        now_s = time.monotonic()
        silent_s, idle_s = now_s - self._answered_s, now_s - self._served_s
        if silent_s >= PATIENCE_S:
            raise SparseRnnError(
                f"The scheduler at {self._address} has not answered for {duration(silent_s)}. "
                "The same command goes on once it does, from the checkpoints of the runs."
            )
        if self._client.status == "running" and UNREACHED_S / 2 < silent_s < 3 * UNREACHED_S:
            return
        if idle_s < _FIRST_WARNING_S:
            self._warn_after_s = _FIRST_WARNING_S
        elif idle_s >= self._warn_after_s:
            self._warn_after_s = 2 * idle_s
            if silent_s > UNREACHED_S / 2:
                what = f"does not answer; trying for {duration(PATIENCE_S)}"
            else:
                what = f"has no workers; `dask worker {self._address}` starts one"
            _LOG.warning(
                "The scheduler at %s %s. Runs have waited for %s.",
                self._address,
                what,
                duration(idle_s),
            )

    def _came_back(self, assignment: Assignment, name: str, future: Any) -> None:
        self._returned.put((assignment, name, future))

    def _heard(self, event: tuple[float, list[Any]]) -> None:
        name, step, worker = event[1]
        if name in self._active:
            self._steps[name] = int(step)
            if not step or name not in self._places_of:  # dask may have given it to another.
                self._places_of[name] = (time.monotonic(), worker)

    def _end_overdue(self) -> None:
        """End the workers of runs that are over their time and do not end themselves."""
        for name, (began_s, worker) in list(self._places_of.items()):
            assignment, future = self._active.get(name, (None, _OVERDUE))
            if assignment is None or assignment.limit_s is None or future is _OVERDUE:
                continue
            if time.monotonic() - began_s >= assignment.limit_s + GRACE_S:
                self._active[name] = (assignment, _OVERDUE)
                Errand(partial(self._end_worker, assignment, name, future, worker)).start()

    def _end_worker(self, assignment: Assignment, name: str, future: Any, worker: str) -> None:
        from sparse_rnn.sweep.dask_worker import end_process

        client = self._client
        try:
            client.cancel([future])  # dask would give it to another worker.
            try:
                client.restart_workers([worker], timeout=_RESTART_S, raise_for_error=False)
            except ValueError:  # There is no nanny, which would start it again.
                own = (platform.node(), os.getpid())
                client.run(end_process, *own, workers=[worker], on_error="ignore")
        finally:
            self._returned.put((assignment, name, _OVERDUE))

    def _attempt(self, assignment: Assignment, name: str, future: Any) -> Attempt | None:
        """What became of a run; None where that was told before."""
        if name not in self._active or self._active[name][1] is not future:
            return None
        del self._active[name]
        self._steps.pop(name, None)
        self._places_of.pop(name, None)
        if future is _OVERDUE:
            told = f"The run took more than {duration(assignment.limit_s or 0.0)}, its limit, and "
            return _killed(assignment, name, f"{told}no step any more: its process was ended")
        if future is None:
            return Attempt(name, "lost")
        if future.status == "finished":
            attempt: Attempt = future.result()
            return attempt
        if future.status != "error":  # The connection to the scheduler broke.
            return Attempt(name, "lost")
        error = future.exception()
        if type(error).__name__ != "KilledWorker":
            # `carry_out_here` itself never raises: the worker could not even call it.
            raise SparseRnnError(
                f"A worker cannot carry out runs ({type(error).__name__}: {error}). All workers "
                "need this version of sparse_rnn and of the packages that it uses."
            ) from error
        told = "The process of this run was killed, perhaps for lack of memory"
        return _killed(assignment, name, told)


def _killed(assignment: Assignment, name: str, told: str) -> Attempt:
    folder = folder_of(assignment.results, TrainConfig.from_json(assignment.config))
    noted = store.note_failure(folder, told, "", retries=assignment.retries, final=False)
    return Attempt(name, "failed", told, gave_up=noted.gave_up)


@contextmanager
def running(address: str) -> Generator[DaskPool]:
    """Use the workers of a scheduler that is running, such as ``tcp://10.0.0.1:8786``.

    Raises:
        SparseRnnError: None answers there, or the extra `sweep` is not installed.
    """
    extra.need("distributed")
    pool = DaskPool(address)
    try:
        yield pool
    finally:
        pool.close()


@contextmanager
def embedded(workers: int, threads: int) -> Generator[DaskPool]:
    """Start processes of one's own on this machine, reached on the loopback address alone.

    Args:
        workers: Number of processes; each carries out one run at a time.
        threads: Threads of each run.
    """
    extra.need("distributed")
    import distributed
    from dask import config as dask_config

    start: Any = distributed.LocalCluster  # To a type checker, a coroutine comes out of it.
    limits = dict.fromkeys(
        ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads)
    )
    settings: dict[str, Any] = {
        # No page is served: it would answer to whatever host a browser names.
        "distributed.scheduler.http.routes": [],
        "distributed.worker.http.routes": [],
        # A run that takes down its worker comes back at once, for the sweep to judge.
        "distributed.scheduler.allowed-failures": 0,
        "distributed.nanny.pre-spawn-environ": {**limits, "MALLOC_TRIM_THRESHOLD_": 65536},
    }

    def started() -> Any:
        return start(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",  # Left out, it would be the same port for all sweeps.
            scheduler_kwargs={"dashboard": False},
            memory_limit=0,  # dask cannot spill what torch holds; it could only stop or kill.
            silence_logs=logging.CRITICAL,
        )

    with dask_config.set(settings), _tried(started) as cluster:
        pool = DaskPool(cluster.scheduler_address, embedded=True)
        try:
            yield pool
        finally:
            pool.close()


def _tried(start: Callable[[], Any]) -> Any:
    """Start a cluster, again where one of its processes died while it began.

    Raises:
        SparseRnnError: It cannot be started.
    """
    for left in reversed(range(_STARTS)):
        try:
            return start()
        except (OSError, RuntimeError, TimeoutError) as error:
            if not left:
                raise SparseRnnError(
                    f"The processes of the sweep could not be started ({_first_line(error)}). "
                    "Use fewer `workers`, or 0 to carry out the runs in this process."
                ) from error
            _LOG.warning("A process died while it was started; trying again.")
    raise AssertionError


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def default_workers(threads: int) -> int:
    """As many processes as this process's cores allow, with so many threads each."""
    return max(1, cores() // threads)


def absolute(results: Path | str) -> Path:
    """The folder of results by a name that all processes share."""
    return Path(results).expanduser().absolute()
