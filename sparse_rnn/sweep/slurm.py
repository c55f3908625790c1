"""`submit`: a sweep as an array of Slurm jobs, by submitit, which submits and exits.

Each job goes through the runs of the sweep from a place of its own, and carries out those that are
left and that no other job works on: the lock of a run's folder decides. So jobs need no scheduler
to talk to, and one that has nothing left to do ends, whatever became of the others.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from sparse_rnn.config.run import RunOptions
from sparse_rnn.config.train import TrainConfig
from sparse_rnn.errors import Interrupted, InvalidArgument, RunDamaged, SparseRnnError
from sparse_rnn.runs.folder import write_json
from sparse_rnn.sweep import extra
from sparse_rnn.sweep.driver import Plan
from sparse_rnn.sweep.grid import Grid
from sparse_rnn.sweep.naming import distinct
from sparse_rnn.sweep.reading import read_record
from sparse_rnn.sweep.running import OPTIONS, drain, planned
from sparse_rnn.system import signals
from sparse_rnn.system.arguments import instance, whole
from sparse_rnn.system.output import say

JOBS = "jobs"
"""Folder of the jobs' scripts and logs in a folder of results."""

CLUSTERS = ("slurm", "local")
"""Where jobs can go: to Slurm, or to processes of this machine, for a trial."""

TIMEOUTS = 1000
"""How often a job whose time is over is put back into the queue."""


@dataclass(frozen=True)
class ArrayJob:
    """One job of an array; submitit carries it to where it runs.

    Attributes:
        plan: JSON file with the configurations.
        results: Folder of the results.
        index: Number of the job, from 0.
        n_jobs: Number of jobs.
        retries: How often a run that fails is tried again.
        options: How runs are carried out.
        limit_s: Seconds that a try of a run may take, or None.
    """

    plan: str
    results: str
    index: int
    n_jobs: int
    retries: int
    options: RunOptions
    limit_s: float | None = None

    def __call__(self) -> str:
        """Carry out runs until none is left.

        SIGUSR2, by which Slurm says that the time is over or another job comes first, makes the
        run save itself and puts the job back into the queue. SIGTERM makes it save itself and end.
        """
        configs = _planned_configs(Path(self.plan))
        names = list(configs)
        start = len(names) * self.index // self.n_jobs
        turned = {name: configs[name] for name in names[start:] + names[:start]}
        plan = Plan(
            turned, Path(self.results), self.retries, self.options, wait=False, limit_s=self.limit_s
        )
        requeue = signals.REQUEUE
        assert requeue is not None  # or there would be no job
        before = signal.signal(requeue, lambda number, frame: signals.ask(number))  # noqa: ARG005 - a handler has it
        try:
            drain(plan)
        except Interrupted as interrupt:
            stopped = interrupt
        else:
            return "Nothing is left that no other job works on."
        finally:
            signal.signal(requeue, before)
        say(str(stopped))
        if stopped.number == requeue:
            # Now that the run is saved, submitit's own handler may do what it does.
            os.kill(os.getpid(), requeue)
        return str(stopped)

    def checkpoint(self) -> Any:
        """What submitit puts into the queue instead: the same job, as its runs save themselves."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


def submit(  # noqa: PLR0913 - each is a choice of the caller
    spec: Grid | Iterable[TrainConfig] | Path | str,
    results: Path | str,
    *,
    jobs: int,
    threads: int = 1,
    retries: int = 2,
    run_limit: float | None = None,
    options: RunOptions = OPTIONS,
    cluster: str = "slurm",
    parameters: Mapping[str, Any] | None = None,
) -> tuple[str, ...]:
    """Submit a sweep as an array of jobs, and return at once.

    Args:
        spec: The runs, as for `sparse_rnn.sweep.run`.
        results: Folder of the results, on a file system that the jobs see by the same name.
        jobs: Number of jobs; at most one a run is submitted.
        threads: Threads of each run, and cores of each job.
        retries: How often a run that fails is tried again, over all jobs.
        run_limit: Seconds that a try of a run may take, as for `sparse_rnn.sweep.run`. One that
            takes no step any more ends with its job.
        options: How runs are carried out.
        cluster: "slurm", or "local" for processes of this machine.
        parameters: More for submitit, such as ``{"timeout_min": 240, "slurm_partition": "cpu"}``.

    Returns:
        Ids of the jobs. `sparse_rnn.sweep.status` says how far they are.

    Raises:
        InvalidArgument: A configuration, an argument or a parameter is refused.
        SparseRnnError: There is no Slurm here, or it refuses the jobs; or others could put code
            into the folder of the jobs.
    """
    extra.need("submitit")
    if signals.REQUEUE is None:
        raise SparseRnnError(
            "This system has no SIGUSR2, by which jobs are told that their time is over: submit "
            "from Linux or macOS. `sparse_rnn.sweep.run` works everywhere."
        )
    whole("jobs", jobs, 1)
    if parameters is not None:
        instance("parameters", parameters, Mapping)
    if cluster not in CLUSTERS:
        raise InvalidArgument("cluster", cluster, " or ".join(map(repr, CLUSTERS)))
    plan = planned(
        spec, results, threads=threads, retries=retries, run_limit=run_limit, options=options
    )
    n_jobs = min(jobs, len(plan.configs))
    own = (n_jobs, retries, plan.options, run_limit)
    first = ArrayJob(_written(plan), str(plan.results), 0, *own)
    array = [replace(first, index=index) for index in range(n_jobs)]
    given = {"name": "sparse-rnn", "cpus_per_task": threads, **(parameters or {})}
    return _submitted(plan.results / JOBS, cluster, given, array)


def _written(plan: Plan) -> str:
    """Write the configurations of a plan to a file of their own; returns its path."""
    configs = [config.model_dump(mode="json") for config in plan.configs.values()]
    folder = _own_folder(plan.results / JOBS)
    numbers = [int(found[1]) for path in folder.iterdir() if (found := _PLAN.fullmatch(path.name))]
    number = max(numbers, default=0)
    while True:
        number += 1
        path = folder / f"plan-{number:04d}.json"
        # Whoever makes the file has the number, also where two submit at once.
        with contextlib.suppress(FileExistsError):
            path.open("x").close()
            write_json(path, {"configs": configs})
            return str(path)


def _own_folder(folder: Path) -> Path:
    """Make the folder of the jobs, or see that nobody else can put files there.

    Jobs are pickles, which are code to whoever loads them.

    Raises:
        SparseRnnError: It belongs to somebody else, or others may write there.
    """
    # Told in full, as a umask for shared folders would let the group write.
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o755)
    found = os.lstat(folder)
    mine = not hasattr(os, "geteuid") or found.st_uid == os.geteuid()
    if not stat.S_ISDIR(found.st_mode) or not mine or found.st_mode & _OTHERS_WRITE:
        raise SparseRnnError(
            f"{folder} is a link, belongs to somebody else, or can be written by others, who could "
            "put code into your jobs: a job is a pickle. Use a folder of results of your own, or "
            f"take the right away: chmod go-w {folder}"
        )
    return folder


_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_PLAN = re.compile(r"plan-([0-9]{1,9})\.json")
_LARGEST_PLAN = 1 << 31


def _planned_configs(path: Path) -> dict[str, TrainConfig]:
    """Read what `_written` wrote.

    Raises:
        SparseRnnError: The file is damaged.
        OSError: It cannot be read.
    """
    configs = read_record(path, _LARGEST_PLAN).get("configs")
    if not isinstance(configs, list):
        raise RunDamaged(f"{path} has no list 'configs'.")
    given = cast("list[Any]", configs)
    try:
        return distinct(TrainConfig.from_json(json.dumps(one)) for one in given)
    except SparseRnnError as error:
        raise RunDamaged(f"{path} is not readable as the plan of a sweep: {error}") from error


def _submitted(
    folder: Path, cluster: str, parameters: Mapping[str, Any], array: Iterable[ArrayJob]
) -> tuple[str, ...]:
    import submitit
    from submitit.core.utils import FailedJobError

    timeouts: dict[str, Any] = {f"{cluster}_max_num_timeout": TIMEOUTS}
    try:
        executor: Any = submitit.AutoExecutor(folder / "%j", cluster=cluster, **timeouts)
        executor.update_parameters(**parameters)
    except (NameError, TypeError, AssertionError, ValueError) as error:
        raise InvalidArgument(
            "parameters", dict(parameters), f"known to submitit ({error})"
        ) from error
    except RuntimeError as error:
        raise SparseRnnError(
            f"Jobs cannot be submitted from here ({error}). Run this where `sbatch` works, or try "
            "the sweep on this machine first, with `sparse-rnn sweep run` or the cluster 'local'."
        ) from error
    try:
        with executor.batch():
            submitted = [executor.submit(job) for job in array]
    except (FailedJobError, OSError) as error:
        raise SparseRnnError(f"The jobs were not accepted: {error}") from error
    return tuple(str(job.job_id) for job in submitted)
