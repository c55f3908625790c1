"""Sweeps as arrays of jobs: what is submitted, and that jobs save themselves and come back."""

from __future__ import annotations

import json
import os
import signal
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sparse_rnn as srnn
from sparse_rnn import sweep
from sparse_rnn.errors import InvalidArgument, SparseRnnError
from sparse_rnn.runs.checkpoint import Store
from sparse_rnn.sweep import slurm, work
from tests.sparse_rnn.helpers import same_outcome, small_config

FOUR = tuple(small_config(seed=seed) for seed in range(4))

SBATCH = """#!/bin/sh
cp "$1" "$(dirname "$0")/submitted.sh"
echo "Submitted batch job 4242"
"""


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with programs that stand for Slurm's, on the path; `sbatch` keeps its script."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sbatch", "srun"):
        (folder / name).write_text(SBATCH)
        (folder / name).chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    return folder


def array_job(results: Path, index: int = 0, n_jobs: int = 1, retries: int = 2) -> slurm.ArrayJob:
    plan = slurm.planned(FOUR, results, retries=retries)
    return slurm.ArrayJob(slurm._written(plan), str(results), index, n_jobs, retries, plan.options)


def test_submitting_writes_an_array_that_saves_itself_and_returns(
    cluster: Path, tmp_path: Path
) -> None:
    ids = sweep.submit(
        FOUR,
        tmp_path / "results",
        jobs=3,
        threads=2,
        parameters={
            "timeout_min": 90,
            "slurm_partition": "cpu",
            "slurm_additional_parameters": {"account": "lab"},
        },
    )
    assert ids == ("4242_0", "4242_1", "4242_2")
    script = (cluster / "submitted.sh").read_text()
    for line in (
        "--array=0-2",
        "--cpus-per-task=2",
        "--time=90",
        "--partition=cpu",
        "--account=lab",
        "--signal=USR2@90",
        "--job-name=sparse-rnn",
    ):
        assert f"#SBATCH {line}" in script
    assert sweep.status(FOUR, tmp_path / "results").waiting == 4
    assert len(sweep.submit(FOUR[:1], tmp_path / "results", jobs=9)) == 1


def test_without_slurm_the_error_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SparseRnnError, match=r"cannot be submitted from here.*sweep run"):
        sweep.submit(FOUR, tmp_path / "results", jobs=1)


@pytest.mark.usefixtures("cluster")
def test_a_parameter_that_submitit_does_not_know_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="parameters must be known to submitit.*slurm_tme"):
        sweep.submit(FOUR, tmp_path, jobs=1, parameters={"slurm_tme": 3})


def test_jobs_begin_at_different_runs_and_leave_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[int] = []
    real = work.train

    def train(config: srnn.TrainConfig, *arguments: Any, **options: Any) -> Any:
        order.append(config.seed)
        return real(config, *arguments, **options)

    monkeypatch.setattr(work, "train", train)
    assert "Nothing is left" in array_job(tmp_path, index=1, n_jobs=2)()
    assert order == [2, 3, 0, 1]
    array_job(tmp_path, index=0, n_jobs=2)()
    assert len(order) == 4
    assert sweep.status(FOUR, tmp_path).done == 4


def test_failures_are_counted_over_all_jobs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []

    def broken(config: srnn.TrainConfig, *_: Any, **__: Any) -> None:
        tries.append(config.seed)
        raise RuntimeError("broken")

    monkeypatch.setattr(work, "train", broken)
    for index in range(2):
        array_job(tmp_path, index, n_jobs=2, retries=1)()
    assert sorted(tries) == [0, 0, 1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize("number", [signal.SIGUSR2, signal.SIGTERM])
def test_a_job_whose_time_is_over_saves_its_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    caught: list[int] = []
    before = signal.signal(signal.SIGUSR2, lambda signum, _: caught.append(signum))
    real = work._watching

    def watching(*arguments: Any) -> Any:
        watch = real(*arguments)

        def sending(moment: srnn.Moment) -> Any:
            if moment.config.seed == 1:
                os.kill(os.getpid(), number)
            return watch(moment)

        return sending

    monkeypatch.setattr(work, "_watching", watching)
    try:
        told = array_job(tmp_path)()
    finally:
        signal.signal(signal.SIGUSR2, before)
    assert told.startswith(f"{number.name}: 1 of 4 runs are done, 3 are left")
    # What was there before, submitit's handler, gets the signal once the run is saved.
    assert caught == ([number] if number == signal.SIGUSR2 else [])
    assert (sweep.folder_of(tmp_path, FOUR[1]) / "checkpoint").is_dir()


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 200
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.drill
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_jobs_of_the_local_executor_are_requeued_and_finish(tmp_path: Path) -> None:
    configs = [
        small_config(steps=400, eval_every=50, final_batches=20, seed=seed) for seed in range(2)
    ]
    results = tmp_path / "results"
    (job,) = sweep.submit(configs, results, jobs=1, cluster="local", parameters={"timeout_min": 10})
    first = sweep.folder_of(results, configs[0])
    wait_for(lambda: Store(first).steps())
    os.kill(json.loads((first / ".lock.json").read_text())["pid"], signal.SIGUSR2)
    wait_for(lambda: sweep.status(configs, results).done == 2)
    for config in configs:
        options = srnn.RunOptions(threads=1)
        srnn.train(config, tmp_path / str(config.seed), options=options)
        assert same_outcome(sweep.folder_of(results, config), tmp_path / str(config.seed))
    record = json.loads((first / "config.json").read_text())
    assert len(record["continued"]) == 1
    logs = "".join(path.read_text() for path in (results / "jobs" / job).glob("*_log.*"))
    assert "SIGUSR2: 0 of 2 runs are done, 2 are left" in logs
    assert "Requeued job" in logs
