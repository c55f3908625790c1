"""Sweeps in this process: what is done once, tried again, given up, left alone and gone on with."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import sparse_rnn as srnn
from sparse_rnn import sweep
from sparse_rnn.errors import (
    InvalidArgument,
    RunConflict,
    SparseRnnError,
    TrainingDiverged,
    WriteFailed,
)
from sparse_rnn.runs.checkpoint import Store
from sparse_rnn.sweep import driver, store, work
from sparse_rnn.sweep.tally import Show, Tally
from sparse_rnn.system.lock import locked
from tests.sparse_rnn.helpers import contents, same_outcome, small_config

THREE = tuple(small_config(seed=seed) for seed in range(3))


def swept(results: Path, configs: Any = THREE, **options: Any) -> sweep.Status:
    return sweep.run(configs, results, workers=0, **options)


def counts(status: sweep.Status) -> tuple[int, int, int, int]:
    return status.done, status.running, status.failed, status.waiting


@pytest.fixture
def train(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[srnn.TrainConfig], None]]:
    """What happens before each training, and the real training after it."""
    before: list[Callable[[srnn.TrainConfig], None]] = []
    real = work.train

    def training(config: srnn.TrainConfig, *arguments: Any, **options: Any) -> Any:
        for step in before:
            step(config)
        return real(config, *arguments, **options)

    monkeypatch.setattr(work, "train", training)
    return before


def test_each_run_is_that_of_train_and_is_done_once(tmp_path: Path) -> None:
    status = swept(tmp_path / "sweep")
    assert counts(status) == (3, 0, 0, 0)
    for config in THREE:
        srnn.train(config, tmp_path / "alone" / str(config.seed))
        folder = sweep.folder_of(tmp_path / "sweep", config)
        assert same_outcome(folder, tmp_path / "alone" / str(config.seed))
        assert not Store(folder).steps()  # They are of no more use.
    before = contents(tmp_path / "sweep")
    assert swept(tmp_path / "sweep", reversed(THREE)) == status
    assert contents(tmp_path / "sweep") == before


def test_sweeps_share_results(tmp_path: Path, train: list[Any]) -> None:
    trained: list[int] = []
    train.append(lambda config: trained.append(config.seed))
    swept(tmp_path, THREE[:2])
    spelled = small_config(seed=1, mask_options={"periodic": True})
    assert counts(swept(tmp_path, [THREE[2], spelled, THREE[1]])) == (2, 0, 0, 0)
    assert trained == [0, 1, 2]


def test_a_run_that_fails_is_tried_again_and_does_not_stop_the_others(
    tmp_path: Path, train: list[Any]
) -> None:
    tries: list[int] = []

    def poison(config: srnn.TrainConfig) -> None:
        tries.append(config.seed)
        if config.seed == 1:
            raise RuntimeError("poisoned")

    train.append(poison)
    status = swept(tmp_path, retries=2)
    assert counts(status) == (2, 0, 1, 0)
    assert sorted(tries) == [0, 1, 1, 1, 2]
    (failed,) = status.failures
    assert failed.folder == sweep.folder_of(tmp_path, THREE[1])
    assert [failure.error for failure in failed.failures] == ["RuntimeError: poisoned"] * 3
    assert 'raise RuntimeError("poisoned")' in failed.failures[-1].traceback
    assert "RuntimeError: poisoned" in status.text()
    assert "in poison" in status.text(tracebacks=True)
    swept(tmp_path)
    assert len(tries) == 5  # What was given up stays so,
    train.clear()
    assert counts(swept(tmp_path, again=True)) == (3, 0, 0, 0)  # until somebody asks.
    assert sweep.status(None, tmp_path).failures == ()


def test_a_run_that_would_fail_again_is_not_tried_again(tmp_path: Path, train: list[Any]) -> None:
    tries: list[int] = []

    def diverge(config: srnn.TrainConfig) -> None:
        tries.append(config.seed)
        raise TrainingDiverged(3, float("nan"), 1.0, "Lower lr.")

    train.append(diverge)
    assert counts(swept(tmp_path, THREE[:1])) == (0, 0, 1, 0)
    assert tries == [0]


def test_failures_count_from_the_last_progress_on(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    told: list[bool] = []
    for step in (0, 0, 10, 10, 20, 20, 20):
        if step:
            (folder / "checkpoint").mkdir(exist_ok=True)
            (folder / "checkpoint" / f"step-{step:08d}.json").touch()
        told.append(store.note_failure(folder, "E: x", "", retries=2, final=False).gave_up)
    assert told == [False] * 6 + [True]
    assert [failure.step for failure in store.failures(folder)] == [0, 0, 10, 10, 20, 20, 20]


def test_a_full_disk_stops_the_sweep_and_is_no_failure(tmp_path: Path, train: list[Any]) -> None:
    def fill(config: srnn.TrainConfig) -> None:
        if config.seed == 1:
            raise WriteFailed("x could not be written.") from OSError(errno.ENOSPC, "No space")

    train.append(fill)
    with pytest.raises(WriteFailed, match=r"1 of 3 runs are done, 2 are left. The same command"):
        swept(tmp_path)
    assert counts(sweep.status(THREE, tmp_path)) == (1, 0, 0, 2)
    train.clear()
    assert counts(swept(tmp_path)) == (3, 0, 0, 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_saves_the_run_and_the_same_call_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    def interrupting(moment: srnn.Moment) -> None:
        if moment.config.seed == 1 and moment.record.step == 3:
            os.kill(os.getpid(), number)

    with monkeypatch.context() as patch:
        patch.setattr(work, "_watching", lambda *_: interrupting)
        with pytest.raises(srnn.Interrupted, match="1 of 3 runs are done, 2 are left") as caught:
            swept(tmp_path / "sweep")
    assert caught.value.number == number
    assert Store(sweep.folder_of(tmp_path / "sweep", THREE[1])).steps() == [3]
    status = sweep.status(THREE, tmp_path / "sweep")
    assert counts(status) == (1, 0, 0, 2)
    assert status.begun == 1
    assert "2 waiting (1 of them begun)" in status.text()
    swept(tmp_path / "sweep")
    srnn.train(THREE[1], tmp_path / "alone")
    assert same_outcome(sweep.folder_of(tmp_path / "sweep", THREE[1]), tmp_path / "alone")


def test_a_run_that_another_process_has_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "AGAIN_AFTER_S", 0.01)
    folder = sweep.folder_of(tmp_path, THREE[0])
    folder.mkdir(parents=True)
    tallies: list[Tally] = []

    held = locked(folder)
    held.__enter__()
    assert counts(sweep.status(THREE, tmp_path)) == (0, 1, 0, 2)

    def show(tally: Tally) -> None:
        tallies.append(tally)
        if tally.done == 2 and tally.elsewhere == 1:
            held.__exit__(None, None, None)

    @contextmanager
    def display() -> Generator[Show]:
        yield show

    assert counts(swept(tmp_path, progress=display)) == (3, 0, 0, 0)
    assert any(tally.elsewhere == 1 and tally.done == 2 for tally in tallies)


def test_a_folder_that_holds_another_run_is_a_failure(tmp_path: Path) -> None:
    folder = sweep.folder_of(tmp_path, THREE[0])
    srnn.train(small_config(seed=9), folder)
    (folder / "weights.safetensors").unlink()
    status = swept(tmp_path, THREE[:1])
    assert counts(status) == (0, 0, 1, 0)
    assert "holds a run of another configuration" in status.failures[0].failures[0].error


def test_threads_do_not_change_the_result(tmp_path: Path) -> None:
    swept(tmp_path / "one", THREE[:1], threads=1)
    swept(tmp_path / "two", THREE[:1], threads=2)
    one, two = (sweep.folder_of(tmp_path / name, THREE[0]) for name in ("one", "two"))
    assert same_outcome(one, two)


def test_the_course_is_told(tmp_path: Path) -> None:
    tallies: list[Tally] = []

    @contextmanager
    def display() -> Generator[Show]:
        yield tallies.append

    swept(tmp_path, progress=display)
    assert [tally.done for tally in tallies] == [1, 2, 3, 3]
    assert [tally.steps for tally in tallies] == [4, 8, 12, 12]
    assert [tally.steps_left for tally in tallies] == [8, 4, 0, 0]
    assert all(tally.total == 3 and tally.failed == 0 for tally in tallies)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"threads": 0}, "threads must be a whole number from 1 to"),
        ({"retries": -1}, "retries must be a whole number of at least 0; got -1"),
        ({"workers": -1}, "workers must be a whole number of at least 0; got -1"),
        ({"scheduler": "here", "workers": None}, "scheduler must be an address such as tcp://"),
        ({"scheduler": "tcp://x:1", "workers": 2}, "workers must be left out where a scheduler"),
    ],
)
def test_arguments_are_checked_before_anything_begins(
    tmp_path: Path, options: dict[str, Any], told: str
) -> None:
    with pytest.raises(InvalidArgument, match=told):
        sweep.run(THREE, tmp_path / "results", **{"workers": 0, **options})
    assert not (tmp_path / "results").exists()


def test_results_need_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SparseRnnError, match="is a file, and results need a folder"):
        swept(tmp_path / "file")


def test_a_missing_package_of_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    for attempt in (
        lambda: sweep.run(THREE, tmp_path, workers=1),
        lambda: sweep.run(THREE, tmp_path, scheduler="tcp://127.0.0.1:1"),
        lambda: sweep.submit(THREE, tmp_path, jobs=1),
        lambda: sweep.collect(tmp_path),
    ):
        with pytest.raises(SparseRnnError, match=r"of the extra 'sweep'.*pip install"):
            attempt()


def test_the_example_of_the_documentation_is_carried_out(tmp_path: Path) -> None:
    example = sweep.Grid.read(Path(__file__).parents[3] / "docs" / "examples" / "sweep.toml")
    tiny = {"steps": 2, "batch_size": 2, "seq_len": 45, "eval_batches": 1, "final_batches": 1}
    grid = sweep.Grid({**example.settings, **tiny}, example.runs, {**example.axes, "seed": (0,)})
    assert counts(swept(tmp_path, grid)) == (6, 0, 0, 0)


def graph_of(path: Path, sources: list[int]) -> None:
    rows = [f"{source},{target},1\n" for target, source in enumerate(sources)]
    path.write_text("source,target,weight\n" + "".join(rows))


def test_a_graph_that_was_rewired_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "graph.csv"
    graph_of(path, [1, 2, 3, 0])
    config = small_config(
        arch="from_graph", size=4, radius=None, mask_options={"graph": str(path)}, suite="Go"
    )
    assert counts(swept(tmp_path / "sweep", [config])) == (1, 0, 0, 0)
    assert counts(swept(tmp_path / "sweep", [config])) == (1, 0, 0, 0)
    before = contents(tmp_path / "sweep")
    graph_of(path, [2, 3, 1, 0])
    with pytest.raises(RunConflict, match="other synapses than.*file that the mask comes from"):
        swept(tmp_path / "sweep", [small_config(), config])
    assert contents(tmp_path / "sweep") == before
    folder = sweep.folder_of(tmp_path / "sweep", config)
    (folder / "config.json").write_text("{")  # Damage is told by `status`, and stops nobody.
    assert counts(swept(tmp_path / "sweep", [small_config(), config]))[0] == 1


def test_a_run_that_cannot_go_on_is_a_failure_and_is_not_waited_for(tmp_path: Path) -> None:
    folder = sweep.folder_of(tmp_path, THREE[0])
    options = srnn.RunOptions(checkpoint_every=1, tensorboard=False)
    srnn.train(THREE[0], folder, options=options)
    for name in ("weights.safetensors", "evaluation.csv", "summary.json"):
        (folder / name).unlink()
    (folder / "metrics.csv").write_text("")
    status = swept(tmp_path, THREE)
    assert counts(status) == (2, 0, 1, 0)
    assert "metrics.csv has lost or changed lines" in status.failures[0].failures[0].error
