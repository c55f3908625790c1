"""Runs that are killed, damaged or short of room: they go on, and end with the same bits."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import sparse_rnn as srnn
from sparse_rnn.errors import WriteFailed
from sparse_rnn.runs.checkpoint import Store, pack, unpack
from sparse_rnn.system import files
from sparse_rnn.training.progress import OnStep
from tests.sparse_rnn.helpers import contents, same_outcome
from tests.sparse_rnn.killed_runs import OFTEN, Killed, killer, left_at, nine, saved_steps

CONFIGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "schedule and penalties": {"schedule": "cosine", "warmup": 3, "l1": 1e-3, "l2": 1e-3},
    "rates by group": {"rates": {"input": 0.5, "recurrent": 0.1}},
    "early stop": {"stop_at": 1e-9, "stop_measure": "final_accuracy", "eval_every": 5, "lr": 1e-3},
    "noise": {"cell": "leaky", "recurrent_noise": 0.1, "backend": "dense"},
}


@pytest.mark.parametrize("name", CONFIGS)
def test_a_killed_run_goes_on_and_ends_with_the_same_bits(name: str, tmp_path: Path) -> None:
    config = nine(**CONFIGS[name])
    reference = srnn.train(config, tmp_path / "whole")
    for step in (1, 2, 3, 5):
        folder = left_at(tmp_path / str(step), step, config)
        seen: list[int] = []

        @contextmanager
        def display(_config: srnn.FitConfig, seen: list[int] = seen) -> Generator[OnStep]:
            yield lambda record: seen.append(record.step)

        run = srnn.train(config, folder, progress=display, options=OFTEN)
        # A display sees a record before its checkpoint is written.
        assert seen[0] == 1 + (step - 1) // 2 * 2
        assert same_outcome(folder, tmp_path / "whole")
        assert run.history["step"].tolist() == reference.history["step"].tolist()
        assert len(run.history) == (5 if name == "early stop" else 9)


def test_a_run_may_be_killed_again_and_again(whole: Path, tmp_path: Path) -> None:
    for step in (3, 4, 6, 8, 9):
        left_at(tmp_path / "run", step)
    run = srnn.train(nine(), tmp_path / "run")
    assert same_outcome(tmp_path / "run", whole)
    # Seconds go on where they were.
    assert (run.history["elapsed_s"][1:] >= run.history["elapsed_s"][:-1]).all()
    record = json.loads((tmp_path / "run" / "config.json").read_text())
    assert [leg["step"] for leg in record["continued"]] == [2, 2, 4, 6, 8]
    assert record["continued"][0]["versions"] == record["versions"]


def test_a_run_killed_after_its_last_step_is_finished_without_training(
    whole: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(whole, tmp_path / "run")
    for name in ("weights.safetensors", "evaluation.csv", "summary.json"):
        (folder / name).unlink()
    srnn.train(nine(), folder, progress=killer(1))
    assert same_outcome(folder, whole)


def test_two_checkpoints_are_kept_and_no_temporary_files(whole: Path, tmp_path: Path) -> None:
    assert sorted(path.name for path in (whole / "checkpoint").iterdir()) == [
        "step-00000008.json",
        "step-00000008.safetensors",
        "step-00000009.json",
        "step-00000009.safetensors",
    ]
    folder = left_at(tmp_path / "run", 6)
    assert saved_steps(folder) == [4, 2]
    (folder / ".metrics.csv.abcd1234.tmp").write_text("half")
    (folder / "checkpoint" / ".step-00000006.json.abcd1234.tmp").write_text("half")
    # Killed between the two files of a checkpoint.
    (folder / "checkpoint" / "step-00000006.safetensors").write_bytes(b"half")
    srnn.train(nine(), folder, options=OFTEN)
    assert same_outcome(folder, whole)
    assert list(folder.rglob(".*")) == []
    assert saved_steps(folder) == [9, 8]


def test_seconds_between_checkpoints(tmp_path: Path) -> None:
    options = srnn.RunOptions(checkpoint_every=1000, checkpoint_seconds=1e-9)
    with pytest.raises(Killed):
        srnn.train(nine(), tmp_path, progress=killer(4), options=options)
    assert saved_steps(tmp_path) == [3, 2]


def test_options_are_no_part_of_a_run(whole: Path, tmp_path: Path) -> None:
    folder = left_at(tmp_path / "run", 5)
    options = srnn.RunOptions(
        checkpoint_every=3, checkpoint_seconds=0.5, levels=(0.01,), threads=1, prefetch=False
    )
    srnn.train(nine(), folder, options=options)
    assert same_outcome(folder, whole)
    summary = json.loads((folder / "summary.json").read_text())
    assert (summary["steps"], summary["ended"]) == (9, "steps")
    assert {entry["level"] for entry in summary["time_to_accuracy"]} <= {0.01}


class Full:
    """Makes the nth attempt to write, and those after it, fail as on a full disk."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
        self.left = at
        write, fsync = files.Log.write, files.os.fsync

        def full_write(log: files.Log, text: str) -> None:
            if self._is_full():
                write(log, text[: len(text) // 2])  # A part still fits.
                raise OSError(errno.ENOSPC, "No space left on device")
            write(log, text)

        def full_fsync(handle: int) -> None:
            if self._is_full():
                raise OSError(errno.ENOSPC, "No space left on device")
            fsync(handle)

        monkeypatch.setattr(files.Log, "write", full_write)
        monkeypatch.setattr(files.os, "fsync", full_fsync)

    def _is_full(self) -> bool:
        self.left -= 1
        return self.left < 0


def test_a_full_disk_stops_the_run_and_the_last_checkpoint_is_whole(
    whole: Path, tmp_path: Path
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        counter = Full(patch, 10**6)
        srnn.train(nine(), tmp_path / "counted", options=OFTEN)
    n_attempts = 10**6 - counter.left
    assert n_attempts > 40
    # All kinds of files are written among the first and the last nine.
    for at in (*range(9), *range(9, n_attempts - 9, 20), *range(n_attempts - 9, n_attempts)):
        folder = tmp_path / str(at)
        with pytest.MonkeyPatch.context() as patch:
            Full(patch, at)
            with pytest.raises(WriteFailed, match=r"not be written \(No space left on device\)"):
                srnn.train(nine(), folder, options=OFTEN)
        store = Store(folder)
        for step in store.steps():
            store._read(step)  # all of them are whole
        assert (folder / "weights.safetensors").exists() == (at == n_attempts - 1)
        srnn.train(nine(), folder, options=OFTEN)
        assert same_outcome(folder, whole)
        shutil.rmtree(folder)


def test_the_error_of_a_full_disk_says_what_is_left(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        Full(patch, 6)
        with pytest.raises(WriteFailed, match="There is no checkpoint yet: the same command st"):
            srnn.train(nine(), tmp_path / "early", options=OFTEN)
    with pytest.MonkeyPatch.context() as patch:
        Full(patch, 40)
        with pytest.raises(WriteFailed, match=r"checkpoint of step \d is whole: the same command"):
            srnn.train(nine(), tmp_path / "late", options=OFTEN)


def test_snapshots_cross_process_borders_as_bytes(tmp_path: Path) -> None:
    folder = left_at(tmp_path / "run", 5)
    snapshot, _ = Store(folder).newest(lambda _: "")
    assert snapshot is not None
    again = unpack(pack(snapshot))
    assert again is not None
    assert again.facts == snapshot.facts
    assert all(again.tensors[name].equal(value) for name, value in snapshot.tensors.items())
    assert unpack(pack(None)) is None


def test_a_finished_run_is_a_no_op_whatever_the_options(whole: Path) -> None:
    before = contents(whole)
    srnn.train(nine(), whole, progress=killer(1), options=srnn.RunOptions(checkpoint_every=7))
    assert contents(whole) == before
