"""`run`: all runs of a sweep, from where they are to their end."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from sparse_rnn.config.run import RunOptions
from sparse_rnn.config.train import TrainConfig
from sparse_rnn.errors import InvalidArgument, SparseRnnError
from sparse_rnn.sweep import dask_pool, store, tally
from sparse_rnn.sweep.driver import Driver, Plan, Pool
from sparse_rnn.sweep.grid import Grid, load
from sparse_rnn.sweep.naming import RUNS, distinct
from sparse_rnn.sweep.serial import Serial
from sparse_rnn.sweep.standing import Status, status
from sparse_rnn.sweep.validation import check_all, check_results
from sparse_rnn.system import limits
from sparse_rnn.system.arguments import finite, flag, instance, whole
from sparse_rnn.system.signals import watched

OPTIONS = RunOptions(tensorboard=False)
"""How the runs of a sweep are carried out by default: without events for TensorBoard."""

_ADDRESS = r"([a-z]+://)?[^\s/]+:\d+"


def run(  # noqa: PLR0913 - each is a choice of the caller
    spec: Grid | Iterable[TrainConfig] | Path | str,
    results: Path | str,
    *,
    scheduler: str | None = None,
    workers: int | None = None,
    threads: int = 1,
    retries: int = 2,
    run_limit: float | None = None,
    again: bool = False,
    progress: tally.Progressing = tally.silent,
    options: RunOptions = OPTIONS,
) -> Status:
    """Carry out all runs of a sweep that are not done.

    A run has the folder ``RESULTS/runs/IDENTITY`` (`sparse_rnn.sweep.identity`). One that is done
    is left as it is, one that was interrupted goes on from its checkpoint, and one that another
    sweep works on is waited for. A run that fails is tried again up to `retries` times, and does
    not stop the others; one that diverges or is refused would do so again, and is not.

    Args:
        spec: A grid, configurations, or the path of a file with a grid.
        results: Folder of the results, made if need be. Sweeps may share it.
        scheduler: Address of a running dask scheduler, such as ``tcp://10.0.0.1:8786``. Its workers
            see `results` by the same absolute name. None uses processes of this machine.
        workers: Number of these processes; by default one for each `threads` cores. 0 carries out
            the runs in this process, one after another, and needs no dask.
        threads: Threads of each run. Another number may round sums in another way.
        retries: How often a run that fails is tried again. Only failures without a new checkpoint
            between them count.
        run_limit: Seconds that a try of a run may take. One that takes longer saves itself, and
            has failed; one that takes no step any more is ended with its process, where that is a
            worker, and tried again. None sets no limit: `status` names runs that write nothing.
        again: Whether runs that failed in earlier calls get new tries.
        progress: Shows the course: `sparse_rnn.sweep.automatic`, `bar`, `lines`.
        options: How runs are carried out, as in `sparse_rnn.train`; `threads` is set here.

    Returns:
        How far the sweep has come; failed runs are in it, with tracebacks.

    Raises:
        InvalidArgument: A configuration or an argument is refused; nothing was begun.
        RunConflict: The results hold runs of the sweep on the streams of trials of another version,
            or on a graph whose file has changed since; nothing was begun.
        SparseRnnError: There is no scheduler, or its workers cannot work.
        WriteFailed: The disk is full. The runs have stopped; the same call goes on.
        Interrupted: SIGINT, SIGTERM or SIGUSR1 came. The runs have saved themselves; the same call
            goes on.
    """
    again = flag("again", again)
    if workers is not None:
        whole("workers", workers, 0)
    if scheduler is not None and workers is not None:
        raise InvalidArgument("workers", workers, "left out where a scheduler is given")
    if scheduler is not None and not re.fullmatch(_ADDRESS, str(scheduler)):
        raise InvalidArgument("scheduler", scheduler, "an address such as tcp://10.0.0.1:8786")
    plan = planned(
        spec, results, threads=threads, retries=retries, run_limit=run_limit, options=options
    )
    if again:
        for name in plan.configs:
            store.forget_failures(plan.folder(name))
    with watched() as request, progress() as show:
        if _is_left(plan):
            with _pool(scheduler, workers, threads) as pool:
                Driver(plan, pool, request, show).drive()
    return status(plan.configs.values(), results)


def planned(
    spec: Grid | Iterable[TrainConfig] | Path | str,
    results: Path | str,
    *,
    threads: int = 1,
    retries: int = 2,
    run_limit: float | None = None,
    options: RunOptions = OPTIONS,
) -> Plan:
    """Check all runs of a sweep and make the folder of results; arguments as for `run`.

    Raises:
        InvalidArgument: A configuration or an argument is refused.
        RunConflict: The results hold runs of the sweep on other trials or graphs.
        SparseRnnError: There is no configuration, or no folder can have this name.
    """
    whole("threads", threads, 1, limits.THREADS)
    whole("retries", retries, 0)
    if run_limit is not None:
        allowed = "a finite number of seconds above 0, or None"
        finite("run_limit", run_limit, allowed, above=0)
    instance("options", options, RunOptions)
    configs = distinct(load(spec))
    check_all(configs.values())
    folder = prepared(results)
    check_results(configs.values(), folder)
    # Drawing batches ahead is work for one more core.
    prefetch = options.prefetch and threads > 1
    changed = options.model_copy(update={"threads": threads, "prefetch": prefetch})
    return Plan(configs, folder, retries, changed, limit_s=run_limit)


def drain(plan: Plan) -> None:
    """Carry out, in this process, what is left of a plan and nobody else works on.

    Raises:
        Interrupted: A signal came; also one that was asked for by `sparse_rnn.system.signals.ask`.
        WriteFailed: The disk is full.
    """
    with watched() as request, tally.lines() as show:
        Driver(plan, Serial(), request, show).drive()


def _is_left(plan: Plan) -> bool:
    """Whether there is anything to do; on the way, runs that are done are tidied up."""
    left = False
    for folder in map(plan.folder, plan.configs):
        state = store.state_of(folder)
        if state == "done":
            store.tidy(folder)
        left = left or state not in ("done", *store.GIVEN_UP)
    return left


def prepared(results: Path | str) -> Path:
    """Make the folder of results; returns its absolute path.

    Raises:
        SparseRnnError: There is a file of that name.
        OSError: It cannot be made.
    """
    path = dask_pool.absolute(results)
    if path.exists() and not path.is_dir():
        raise SparseRnnError(f"{path} is a file, and results need a folder. Choose another name.")
    (path / RUNS).mkdir(parents=True, exist_ok=True)
    return path


def _pool(scheduler: str | None, workers: int | None, threads: int) -> AbstractContextManager[Pool]:
    if scheduler is not None:
        return dask_pool.running(scheduler)
    if workers == 0:
        return nullcontext(Serial())
    return dask_pool.embedded(workers or dask_pool.default_workers(threads), threads)
