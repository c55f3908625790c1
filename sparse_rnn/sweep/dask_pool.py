"""`DaskPool`: carries out runs on the workers of a dask scheduler, embedded or not."""

from __future__ import annotations

import logging
import os
import queue
import time
import uuid
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from sparse_rnn.config import TrainConfig
from sparse_rnn.errors import SparseRnnError
from sparse_rnn.sweep import extra, store
from sparse_rnn.sweep.naming import folder_of
from sparse_rnn.sweep.work import Assignment, Outcome

PATIENCE_S = 600.0
"""How long to wait for a scheduler that does not answer any more."""

_CONNECT_S = 10.0
_LOOK_AT_WORKERS_EVERY_S = 1.0
_NO_WORKERS_AFTER_S = 10.0


class DaskPool:
    """A pool whose processes are dask workers.

    As many runs are handed out as the workers have threads, so that none waits behind another on a
    worker which that one may take down with it.

    Args:
        address: Address of the scheduler.
        embedded: Whether the workers belong to this process.
    """

    def __init__(self, address: str, *, embedded: bool = False) -> None:
        self._address = address
        self._embedded = embedded
        self._sweep = f"{uuid.uuid4().hex[:8]}-sweep"
        self._returned: queue.SimpleQueue[tuple[Assignment, str, Any]] = queue.SimpleQueue()
        self._active: dict[str, Any] = {}
        self._steps: dict[str, int] = {}
        self._news: list[str] = []
        self._places = 0
        self._looked_s = self._served_s = time.monotonic()
        self._client: Any = self._connect(_CONNECT_S)
        self._places = self._count_places()

    def capacity(self) -> int:
        """Threads of all workers; 0 while the scheduler does not answer."""
        if self._client.status in ("closed", "closing"):
            self._wait_for_scheduler()
        if time.monotonic() - self._looked_s >= _LOOK_AT_WORKERS_EVERY_S:
            self._places = self._count_places()
        return self._places

    def submit(self, assignment: Assignment, name: str) -> None:
        """Hand a run to the scheduler."""
        from sparse_rnn.sweep.dask_worker import execute

        future = self._client.submit(
            execute,
            assignment,
            name,
            self._sweep,
            key=f"{name}-{uuid.uuid4().hex[:8]}",
            pure=False,
        )
        self._active[name] = future
        future.add_done_callback(partial(self._came_back, assignment, name))

    def outcomes(self, timeout_s: float) -> list[Outcome]:
        """Outcomes of runs that have come back, were lost, or took their worker with them."""
        found: list[Outcome] = []
        with suppress(queue.Empty):
            found.append(self._outcome(*self._returned.get(timeout=timeout_s)))
            while True:
                found.append(self._outcome(*self._returned.get_nowait()))
        if not self._places and time.monotonic() - self._looked_s >= _LOOK_AT_WORKERS_EVERY_S:
            self._places = self._count_places()
        return found

    def steps(self) -> Mapping[str, int]:
        """Gradient steps that workers have reported."""
        return self._steps

    def stop(self) -> None:
        """Ask the runs on all workers to save themselves."""
        from sparse_rnn.sweep.dask_worker import stop

        if self._client.status == "running":
            self._client.run(stop, self._sweep, on_error="ignore")

    def news(self) -> tuple[str, ...]:
        """Workers that are missing, a scheduler that is gone."""
        told = tuple(self._news)
        self._news.clear()
        return told

    def close(self) -> None:
        """Leave the scheduler."""
        self._client.close()

    def _connect(self, timeout_s: float) -> Any:
        from distributed import Client

        from sparse_rnn.sweep.dask_worker import SaveOnLeave

        try:
            client = Client(self._address, timeout=timeout_s, set_as_default=False)
        except (OSError, ValueError) as error:
            raise SparseRnnError(
                f"No dask scheduler answers at {self._address} ({error}). Start one with "
                "`dask scheduler`, and workers with `dask worker ADDRESS`, or leave the address "
                "out to use this machine."
            ) from error
        client.register_plugin(SaveOnLeave(deaf=self._embedded))
        client.subscribe_topic(self._sweep, self._heard)
        return client

    def _came_back(self, assignment: Assignment, name: str, future: Any) -> None:
        self._returned.put((assignment, name, future))

    def _heard(self, event: tuple[float, list[Any]]) -> None:
        name, step = event[1]
        if name in self._active:
            self._steps[name] = int(step)

    def _count_places(self) -> int:
        self._looked_s = time.monotonic()
        try:
            places = sum(self._client.nthreads().values())
        except (OSError, TimeoutError, RuntimeError, AttributeError):
            return 0  # The client is looking for its scheduler.
        if places:
            self._served_s = self._looked_s
        elif self._looked_s - self._served_s >= _NO_WORKERS_AFTER_S:
            self._served_s = self._looked_s
            self._news.append(f"The scheduler at {self._address} has no workers; waiting for some.")
        return places

    def _wait_for_scheduler(self) -> None:
        until_s = time.monotonic() + PATIENCE_S
        logging.getLogger("sparse_rnn").warning(
            "The scheduler at %s does not answer; trying for %.0f min.",
            self._address,
            PATIENCE_S / 60,
        )
        while True:
            try:
                self._client = self._connect(_CONNECT_S)
                return
            except SparseRnnError:
                if time.monotonic() >= until_s:
                    raise
                time.sleep(1.0)

    def _outcome(self, assignment: Assignment, name: str, future: Any) -> Outcome:
        self._active.pop(name, None)
        self._steps.pop(name, None)
        if future.status == "finished":
            outcome: Outcome = future.result()
            return outcome
        if future.status != "error":  # The connection to the scheduler broke.
            return Outcome(name, "lost")
        error = future.exception()
        if type(error).__name__ != "KilledWorker":
            # `execute` itself never raises: the worker could not even call it.
            raise SparseRnnError(
                f"A worker cannot carry out runs ({type(error).__name__}: {error}). All workers "
                "need this version of sparse_rnn and of the packages that it uses."
            ) from error
        folder = folder_of(assignment.results, TrainConfig.from_json(assignment.config))
        told = "The process of this run was killed, perhaps for lack of memory"
        noted = store.note_failure(folder, told, "", retries=assignment.retries, final=False)
        return Outcome(name, "failed", told, gave_up=noted.gave_up)


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
    settings = {
        # A run that takes down its worker comes back at once, for the sweep to judge.
        "distributed.scheduler.allowed-failures": 0,
        "distributed.nanny.pre-spawn-environ": {**limits, "MALLOC_TRIM_THRESHOLD_": 65536},
    }
    with (
        dask_config.set(settings),
        start(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            memory_limit=0,  # dask cannot spill what torch holds; it could only stop or kill.
            silence_logs=logging.CRITICAL,
        ) as cluster,
    ):
        pool = DaskPool(cluster.scheduler_address, embedded=True)
        try:
            yield pool
        finally:
            pool.close()


def default_workers(threads: int) -> int:
    """As many processes as this process's cores allow, with so many threads each."""
    return max(1, len(os.sched_getaffinity(0)) // threads)


def absolute(results: Path | str) -> Path:
    """The folder of results by a name that all processes share."""
    return Path(results).expanduser().absolute()
