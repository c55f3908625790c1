"""Drills of sweeps with real schedulers and workers: killed, interrupted, out of room."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

import sparse_rnn as srnn
from sparse_rnn import sweep
from sparse_rnn.runs.checkpoint import Store
from tests.sparse_rnn.helpers import contents, same_outcome, small_config

pytestmark = [pytest.mark.drill, pytest.mark.timeout(600)]

STEPS = 400
CONFIGS = tuple(
    small_config(steps=STEPS, eval_every=50, final_batches=20, seed=seed) for seed in range(4)
)


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sweep") / "spec.json"
    settings = json.loads(CONFIGS[0].to_json())
    del settings["seed"]
    path.write_text(json.dumps({"settings": settings, "seeds": len(CONFIGS)}))
    return path


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runs, trained one by one."""
    folder = tmp_path_factory.mktemp("alone")
    for config in CONFIGS:
        srnn.train(config, folder / str(config.seed), options=srnn.RunOptions(threads=1))
    return folder


def started(
    spec: Path, results: Path, *words: str, before: Callable[[], None] | None = None
) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "sparse_rnn.cli", "sweep", "run", str(spec)]
    return subprocess.Popen(
        [*command, "--results", str(results), "--checkpoint-every", "10", *words],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # A process group of its own, as a shell gives to a command.
        preexec_fn=before,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, errors = process.communicate(timeout=300)
    print(errors)  # noqa: T201 - shown where the test fails
    return process.returncode, errors


def wait_for(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 200
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


def on_the_way(results: Path, least: int = 20) -> list[tuple[Path, int]]:
    """Runs that have a checkpoint and are not done, with the process that works on each."""
    found: list[tuple[Path, int]] = []
    for config in CONFIGS:
        folder = sweep.folder_of(results, config)
        if max(Store(folder).steps(), default=0) >= least:
            with contextlib.suppress(OSError, ValueError):
                found.append((folder, json.loads((folder / ".lock.json").read_text())["pid"]))
    return found


def check_all_done(results: Path, alone: Path) -> None:
    for config in CONFIGS:
        assert same_outcome(sweep.folder_of(results, config), alone / str(config.seed))
    status = sweep.status(None, results)
    assert (status.done, status.total) == (len(CONFIGS), len(CONFIGS))


def continued(folder: Path) -> list[int]:
    record = json.loads((folder / "config.json").read_text())
    return [entry["step"] for entry in record.get("continued", [])]


def test_a_worker_that_is_killed_loses_nothing(spec: Path, alone: Path, tmp_path: Path) -> None:
    process = started(spec, tmp_path, "--workers", "2")
    killed, pid = wait_for(lambda: on_the_way(tmp_path))[0]
    os.kill(pid, signal.SIGKILL)
    status, errors = ended(process)
    assert status == 0
    assert f"{killed.name} failed and is tried again: The process of this run was killed" in errors
    check_all_done(tmp_path, alone)
    (step,) = continued(killed)
    assert step >= 20  # It went on from a checkpoint, and no other run was begun twice.
    others = [sweep.folder_of(tmp_path, config) for config in CONFIGS]
    assert [continued(folder) for folder in others if folder != killed] == [[]] * 3
    before = contents(tmp_path)
    assert ended(started(spec, tmp_path)) == (0, "")
    assert contents(tmp_path) == before


def test_a_run_that_kills_every_worker_is_given_up(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[3]
    subprocess.run(
        [sys.executable, "-m", "tests.sparse_rnn.deadly_runs", str(tmp_path)], cwd=root, check=True
    )
    status = sweep.status(None, tmp_path)
    assert (status.done, status.failed, status.waiting) == (3, 1, 0)
    failures = status.failures[0].failures
    assert [failure.gave_up for failure in failures] == [False, True]
    assert "process of this run was killed" in failures[-1].error


def test_ctrl_c_saves_all_runs_and_the_same_command_goes_on(
    spec: Path, alone: Path, tmp_path: Path
) -> None:
    process = started(spec, tmp_path, "--workers", "2")
    wait_for(lambda: len(on_the_way(tmp_path)) == 2)
    os.killpg(process.pid, signal.SIGINT)  # A terminal sends it to all processes of the command.
    status, errors = ended(process)
    assert status == 130
    assert "Traceback" not in errors
    assert "runs are on their way; they save themselves" in errors
    assert "The same command goes on, from their checkpoints" in errors.splitlines()[-1]
    reached = sweep.status(None, tmp_path)
    assert (reached.running, reached.failed) == (0, 0)
    assert reached.begun >= 1
    assert ended(started(spec, tmp_path, "--workers", "2"))[0] == 0
    check_all_done(tmp_path, alone)


def test_a_full_disk_stops_the_sweep_in_one_line_and_it_goes_on(
    spec: Path, alone: Path, tmp_path: Path
) -> None:
    def limit() -> None:
        # The system's own refusal to let a file grow beyond this: metrics.csv wants to.
        resource.setrlimit(resource.RLIMIT_FSIZE, (22_000, 22_000))

    status, errors = ended(started(spec, tmp_path, "--workers", "2", before=limit))
    assert status == 2
    assert "Traceback" not in errors
    assert "0 of 4 runs are done, 4 are left" in errors.splitlines()[-1]
    assert "once there is room" in errors.splitlines()[-1]
    assert sweep.status(None, tmp_path).failed == 0
    assert ended(started(spec, tmp_path, "--workers", "2"))[0] == 0
    check_all_done(tmp_path, alone)


def test_two_sweeps_at_once_share_the_work(spec: Path, alone: Path, tmp_path: Path) -> None:
    both = [started(spec, tmp_path, "--workers", "1") for _ in range(2)]
    assert [ended(process)[0] for process in both] == [0, 0]
    check_all_done(tmp_path, alone)
    assert [continued(sweep.folder_of(tmp_path, config)) for config in CONFIGS] == [[]] * 4


@contextlib.contextmanager
def dask(*words: str) -> Generator[subprocess.Popen[bytes]]:
    program = Path(sys.executable).with_name("dask")
    process = subprocess.Popen(
        [program, *words],
        env={**os.environ, "OMP_NUM_THREADS": "1", "DASK_DISTRIBUTED__WORKER__DAEMON": "True"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=60)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def test_a_scheduler_that_is_killed_and_restarted_loses_nothing(
    spec: Path, alone: Path, tmp_path: Path
) -> None:
    port = str(free_port())
    address = f"tcp://127.0.0.1:{port}"
    scheduling = ("scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard")
    working = ("worker", address, "--nthreads", "1", "--host", "127.0.0.1", "--no-dashboard")
    working = (*working, "--local-directory", str(tmp_path / "scratch"))
    results = tmp_path / "results"
    with contextlib.ExitStack() as stack:
        scheduler = stack.enter_context(dask(*scheduling))
        for _ in range(2):
            stack.enter_context(dask(*working))
        process = started(spec, results, "--scheduler", address)
        wait_for(lambda: len(on_the_way(results)) == 2)
        scheduler.kill()
        scheduler.wait()
        stack.enter_context(dask(*scheduling))
        for _ in range(2):
            stack.enter_context(dask(*working))
        status, errors = ended(process)
    assert status == 0
    assert "Traceback" not in errors
    check_all_done(results, alone)


def test_a_worker_that_is_asked_to_leave_saves_its_run(
    spec: Path, alone: Path, tmp_path: Path
) -> None:
    port = str(free_port())
    address = f"tcp://127.0.0.1:{port}"
    results = tmp_path / "results"
    working = ("worker", address, "--nthreads", "1", "--host", "127.0.0.1", "--no-dashboard")
    working = (*working, "--local-directory", str(tmp_path / "scratch"))
    with (
        dask("scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard"),
        dask(*working) as leaving,
    ):
        # So rarely that only leaving writes one.
        process = started(spec, results, "--scheduler", address, "--checkpoint-every", "1000")
        run = sweep.folder_of(results, CONFIGS[0])
        metrics = run / "metrics.csv"
        wait_for(lambda: metrics.exists() and metrics.read_text().count("\n") > 30)
        leaving.terminate()  # As Slurm and Kubernetes do.
        leaving.wait(timeout=60)
        assert Store(run).steps()
        with dask(*working):
            assert ended(process)[0] == 0
    check_all_done(results, alone)
    assert continued(run)


def spawned(pid: int) -> list[int]:
    """Worker processes that a process has started, in whichever of its threads."""
    found: list[int] = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # A thread or a child may have ended meanwhile.
            found += [
                int(child)
                for child in children.read_text().split()
                if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
            ]
    return found


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's list of processes")
def test_a_worker_that_dies_while_the_cluster_starts_stops_nothing(tmp_path: Path) -> None:
    spec = tmp_path / "spec.json"
    settings = json.loads(small_config().to_json())
    del settings["seed"]
    spec.write_text(json.dumps({"settings": settings, "seeds": 2}))
    process = started(spec, tmp_path / "results", "--workers", "2")
    os.kill(wait_for(lambda: spawned(process.pid))[0], signal.SIGKILL)
    status, errors = ended(process)
    assert status == 0
    assert "Traceback" not in errors
    assert sweep.status(None, tmp_path / "results").done == 2
