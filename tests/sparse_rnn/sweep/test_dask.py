"""Sweeps on a dask scheduler: one after another, at once, without workers, without a scheduler."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("distributed")

from distributed import LocalCluster, SpecCluster

import sparse_rnn as srnn
from sparse_rnn import sweep
from sparse_rnn.errors import SparseRnnError
from sparse_rnn.runs.checkpoint import Store
from sparse_rnn.sweep import dask_pool, dask_worker, driver, work
from sparse_rnn.sweep.errand import Errand
from tests.sparse_rnn.helpers import small_config
from tests.sparse_rnn.sweep.test_drill import wait_for

pytestmark = [pytest.mark.timeout(300), pytest.mark.filterwarnings("ignore::ResourceWarning")]

SMALL = {"arch": "autapse", "radius": None}


def configs(*seeds: int, **changes: Any) -> tuple[srnn.TrainConfig, ...]:
    return tuple(small_config(**SMALL, seed=seed, **changes) for seed in seeds)


@pytest.fixture
def cluster() -> Generator[Any]:
    """A scheduler and two workers with one thread each, in this process."""
    start: Any = LocalCluster
    with start(
        n_workers=2,
        threads_per_worker=1,
        processes=False,
        protocol="tcp",
        host="127.0.0.1",
        dashboard_address=None,
        silence_logs=logging.CRITICAL,
    ) as started:
        yield started


def swept(cluster: Any, results: Path, some: Any, **options: Any) -> sweep.Status:
    return sweep.run(some, results, scheduler=cluster.scheduler_address, **options)


def client(cluster: Any, results: Path, *, seeds: int, steps: int) -> subprocess.Popen[str]:
    """A process that carries out a sweep on the cluster."""
    code = (
        "import sys\nfrom sparse_rnn import sweep\n"
        "from tests.sparse_rnn.sweep.test_dask import configs\n"
        f"sweep.run(configs(*range({seeds}), steps={steps}, eval_every={steps}), sys.argv[2], "
        "scheduler=sys.argv[1], options=sweep.OPTIONS.model_copy(update={'checkpoint_every': 5}))"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, cluster.scheduler_address, str(results)],
        cwd=Path(__file__).resolve().parents[3],
        stderr=subprocess.PIPE,
        text=True,
    )


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "sparse_rnn"]


def test_a_scheduler_serves_one_sweep_after_another(cluster: Any, tmp_path: Path) -> None:
    for some in (configs(0, 1), configs(2, 3), configs(0, 4)):
        assert swept(cluster, tmp_path, some).done == 2
    assert sweep.status(None, tmp_path).done == 5


def test_a_scheduler_serves_two_sweeps_at_once(cluster: Any, tmp_path: Path) -> None:
    mine, theirs = configs(*range(6)), configs(*range(3, 9))
    with ThreadPoolExecutor() as threads:
        both = [threads.submit(swept, cluster, tmp_path, some) for some in (mine, theirs)]
        assert [future.result(timeout=200).done for future in both] == [6, 6]
    found = sweep.status(None, tmp_path)
    assert (found.done, found.total) == (9, 9)


@pytest.mark.slow
def test_a_sweep_after_one_that_was_killed_goes_on(cluster: Any, tmp_path: Path) -> None:
    steps = 300
    process = client(cluster, tmp_path, seeds=3, steps=steps)
    first = sweep.folder_of(tmp_path, configs(0, steps=steps, eval_every=steps)[0])
    wait_for(lambda: Store(first).steps())
    process.kill()
    process.communicate()
    assert swept(cluster, tmp_path, configs(7, 8)).done == 2
    assert swept(cluster, tmp_path, configs(*range(3), steps=steps, eval_every=steps)).done == 3


def test_a_plugin_that_is_taken_away_makes_nobody_leave(cluster: Any, tmp_path: Path) -> None:
    assert swept(cluster, tmp_path, configs(0)).done == 1
    with cluster.get_client() as other:
        other.unregister_worker_plugin(dask_worker.PLUGIN)
    assert swept(cluster, tmp_path, configs(1, 2)).done == 2


def test_a_sweep_waits_for_workers_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(dask_pool, "_FIRST_WARNING_S", 0.5)
    looks: list[float] = []
    capacity = dask_pool.DaskPool.capacity

    def counted(pool: dask_pool.DaskPool) -> int:
        looks.append(time.monotonic())
        return capacity(pool)

    monkeypatch.setattr(dask_pool.DaskPool, "capacity", counted)
    start: Any = LocalCluster
    with start(
        n_workers=0, processes=False, protocol="tcp", host="127.0.0.1", dashboard_address=None,
        silence_logs=logging.CRITICAL,
    ) as cluster, ThreadPoolExecutor() as threads:  # fmt: skip
        future = threads.submit(swept, cluster, tmp_path, configs(0))
        wait_for(lambda: len(told(caplog)) >= 2)
        # It waits and does not spin: between two looks at most one takes no wait. A machine under
        # load looks less often.
        assert len(looks) <= 5 + 2 * (looks[-1] - looks[0]) / driver.LOOK_EVERY_S
        cluster.scale(1)
        assert future.result(timeout=200).done == 1
    assert f"The scheduler at {cluster.scheduler_address} has no workers" in told(caplog)[0]
    assert "Runs have waited for" in told(caplog)[0]


@pytest.mark.parametrize("when", ["gone", "frozen"])
@pytest.mark.slow
def test_signals_are_honoured_while_the_scheduler_is_away(
    tmp_path: Path, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.sparse_rnn.sweep.test_drill import dask, free_port

    monkeypatch.setattr(dask_pool, "UNREACHED_S", 1.0)
    port = str(free_port())
    address = f"tcp://127.0.0.1:{port}"
    with dask("scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard") as scheduler:
        after: list[float] = []

        def leave() -> None:
            wait_for(lambda: connected)
            if when == "gone":
                scheduler.kill()
            else:
                os.kill(scheduler.pid, signal.SIGSTOP)
            time.sleep(2.0)
            after.append(time.monotonic())
            os.kill(os.getpid(), signal.SIGTERM)

        connected: list[int] = []
        real = dask_pool.DaskPool._connect

        def connect(pool: dask_pool.DaskPool) -> Any:
            client = real(pool)
            connected.append(1)
            return client

        monkeypatch.setattr(dask_pool.DaskPool, "_connect", connect)
        thread = threading.Thread(target=leave)
        thread.start()
        try:
            with pytest.raises(srnn.Interrupted, match="0 of 1 runs are done, 1 are left"):
                sweep.run(configs(0), tmp_path, scheduler=address)
        finally:
            os.kill(scheduler.pid, signal.SIGCONT)
            thread.join()
        assert time.monotonic() - after[0] < 30.0  # It was ten minutes; no test asserts a speed.


def test_no_scheduler_at_all_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_pool, "_CONNECT_S", 0.5)
    with pytest.raises(SparseRnnError, match="No dask scheduler answers at tcp://127.0.0.1:1 "):
        sweep.run(configs(0), tmp_path, scheduler="tcp://127.0.0.1:1")


def test_a_scheduler_that_stays_away_ends_the_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_pool, "PATIENCE_S", 0.0)
    pool = dask_pool.DaskPool("tcp://127.0.0.1:1")
    pool._client = type("Gone", (), {"status": "connecting"})()
    with pytest.raises(SparseRnnError, match="has not answered for .*The same command goes on"):
        pool.capacity()


@pytest.mark.slow
def test_a_process_that_dies_while_the_cluster_starts_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tries: list[int] = []
    real: Any = SpecCluster._correct_state_internal

    async def dying(self: Any) -> None:
        tries.append(1)
        if len(tries) == 1:
            raise RuntimeError("Nanny failed to start.\nmore")
        await real(self)

    monkeypatch.setattr(SpecCluster, "_correct_state_internal", dying)
    assert sweep.run(configs(0), tmp_path, workers=1).done == 1
    assert "A process died while it was started; trying again." in told(caplog)


def test_processes_that_cannot_be_started_are_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dying(_: Any) -> None:
        raise RuntimeError("Nanny failed to start.\nmore")

    monkeypatch.setattr(SpecCluster, "_correct_state_internal", dying)
    with pytest.raises(SparseRnnError, match=r"could not be started \(.*Nanny failed to start\.\)"):
        sweep.run(configs(0), tmp_path, workers=1)


def test_nothing_of_the_cluster_of_a_sweep_answers_a_browser() -> None:
    from urllib.error import HTTPError
    from urllib.request import urlopen

    with dask_pool.embedded(1, 1) as pool:
        wait_for(pool.capacity)
        info = pool._client.scheduler_info()
        ports = [info["services"], *(worker["services"] for worker in info["workers"].values())]
        pages = [port for services in ports for port in services.values()]
        assert pages
        for port in pages:
            for page in ("", "status", "info/main/workers.html", "json/counts.json", "metrics"):
                with pytest.raises(HTTPError, match="404"):
                    urlopen(f"http://127.0.0.1:{port}/{page}", timeout=10)


def test_a_run_over_its_time_saves_itself_and_has_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = work.time.monotonic

    class Clock:
        """A clock that is an hour further from the second look on."""

        def __init__(self) -> None:
            self.looks = 0

        def monotonic(self) -> float:
            self.looks += 1
            return real() + (3600 if self.looks > 3 else 0)

    with monkeypatch.context() as patch:
        patch.setattr(work, "time", Clock())
        status = sweep.run(configs(0), tmp_path, workers=0, run_limit=600)
    assert (status.failed, status.done) == (1, 0)
    (failure,) = status.failures[0].failures
    assert failure.error.startswith("RunTooLong: The run took more than 600 s, its limit.")
    assert failure.gave_up
    assert failure.step > 0  # It was saved,
    assert sweep.run(configs(0), tmp_path, workers=0, again=True).done == 1  # and goes on.


@pytest.mark.drill
def test_a_frozen_run_is_ended_with_its_worker_and_tried_again(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-m", "tests.sparse_rnn.frozen_runs", str(tmp_path)]
    subprocess.run(command, cwd=Path(__file__).resolve().parents[3], check=True, timeout=250)
    status = sweep.status(None, tmp_path)
    assert (status.done, status.failed) == (1, 1)
    failures = status.failures[0].failures
    assert [failure.gave_up for failure in failures] == [False, True]
    assert "took more than 15 s, its limit, and no step any more" in failures[-1].error


def test_an_errand_is_one_at_a_time_and_keeps_its_error() -> None:
    going, calls = threading.Event(), []

    def call() -> None:
        calls.append(1)
        going.wait(60)
        raise ValueError("no")

    errand = Errand(call)
    errand.start()
    errand.start()
    assert errand.on_its_way()
    going.set()
    errand.wait(60)
    assert len(calls) == 1
    assert str(errand.error) == "no"
