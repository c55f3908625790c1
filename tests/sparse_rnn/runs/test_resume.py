"""Runs that are killed, damaged or short of room: they go on, and end with the same bits."""

from __future__ import annotations

import errno
import json
import pickle
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import sparse_rnn as srnn
from sparse_rnn.system import files
from sparse_rnn.errors import IncompatibleState, RunConflict, WriteFailed
from sparse_rnn.evaluation.history import Record
from sparse_rnn.training.progress import OnStep
from sparse_rnn.runs.checkpoint import Snapshot, Store, pack, unpack
from tests.sparse_rnn.helpers import contents, same_outcome, small_config

OFTEN = srnn.RunOptions(checkpoint_every=2)
CONFIGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "schedule and penalties": {"schedule": "cosine", "warmup": 3, "l1": 1e-3, "l2": 1e-3},
    "rates by group": {"rates": {"input": 0.5, "recurrent": 0.1}},
    "early stop": {"stop_at": 1e-9, "stop_measure": "final_accuracy", "eval_every": 5},
    "noise": {"cell": "leaky", "recurrent_noise": 0.1, "backend": "dense"},
}


class Killed(BaseException):
    """Stands for SIGKILL: nothing handles it, and what is not on the disk is lost."""


def killer(step: int) -> Callable[[srnn.FitConfig], Any]:
    """A display that ends the run at a step."""

    @contextmanager
    def display(_config: srnn.FitConfig) -> Generator[OnStep]:
        def on_step(record: Record) -> None:
            if record.step == step:
                raise Killed

        yield on_step

    return display


def nine(**changes: Any) -> srnn.TrainConfig:
    """A run of nine steps."""
    return small_config(**{"steps": 9, "eval_every": 3, **changes})


def left_at(folder: Path, step: int, config: srnn.TrainConfig | None = None) -> Path:
    """A run that was killed at a step."""
    with pytest.raises(Killed):
        srnn.train(config or nine(), folder, progress=killer(step), options=OFTEN)
    return folder


def saved_steps(folder: Path) -> list[int]:
    return Store(folder).steps()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the run of nine steps that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    srnn.train(nine(), folder, options=OFTEN)
    return folder


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


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGE: dict[str, tuple[str, Callable[[Path], object]]] = {
    "a bit of the tensors": ("safetensors", flip),
    "tensors cut": ("safetensors", lambda path: path.write_bytes(path.read_bytes()[:-9])),
    "tensors empty": ("safetensors", lambda path: path.write_bytes(b"")),
    "tensors gone": ("safetensors", Path.unlink),
    "tensors are a pickle": ("safetensors", lambda path: path.write_bytes(pickle.dumps([1]))),
    "JSON cut": ("json", lambda path: path.write_bytes(path.read_bytes()[:-20])),
    "JSON empty": ("json", lambda path: path.write_bytes(b"")),
    "JSON of another kind": ("json", lambda path: path.write_text("[3]")),
    "JSON without end": ("json", lambda path: path.write_text("[" * 100_000)),
    "JSON changed": (
        "json",
        lambda path: path.write_text(path.read_text().replace('"elapsed_s": ', '"elapsed_s": 1')),
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_checkpoint_falls_back_to_the_one_before(
    name: str, whole: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    suffix, damage = DAMAGE[name]
    folder = left_at(tmp_path / "run", 7)
    assert saved_steps(folder) == [6, 4]
    damage(folder / "checkpoint" / f"step-00000006.{suffix}")
    srnn.train(nine(), folder, options=OFTEN)
    assert "The checkpoint of step 6" in caplog.text
    assert "cannot be used" in caplog.text
    aside = sorted(path.name for path in (folder / "checkpoint.set-aside-1").iterdir())
    assert {path.split(".")[0] for path in aside} == {"step-00000006"}
    assert "NO CHECKPOINT" not in caplog.text
    assert json.loads((folder / "config.json").read_text())["continued"][0]["step"] == 4
    assert same_outcome(folder, whole)


def test_without_a_whole_checkpoint_the_run_starts_anew_and_says_so_loudly(
    whole: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = left_at(tmp_path / "run", 7)
    for path in (folder / "checkpoint").glob("*.safetensors"):
        flip(path)
    srnn.train(nine(), folder)
    assert "NO CHECKPOINT" in caplog.text
    assert "starts anew from step 0" in caplog.text
    assert same_outcome(folder, whole)
    # What there was, and the lines that go with it.
    assert sorted(path.name for path in (folder / "checkpoint.set-aside-1").iterdir()) == [
        "evaluations.csv",
        "metrics.csv",
        "step-00000004.json",
        "step-00000004.safetensors",
        "step-00000006.json",
        "step-00000006.safetensors",
    ]
    assert len((folder / "checkpoint.set-aside-1" / "metrics.csv").read_text().splitlines()) == 8


LOG_DAMAGE: dict[str, Callable[[Path], object]] = {
    "cut": lambda log: log.write_bytes(log.read_bytes()[:80]),
    "changed": flip,
    "gone": Path.unlink,
    "of another run": lambda log: log.write_text("step,loss\n1,0.5\n" * 500),
}


@pytest.mark.parametrize("name", ["metrics.csv", "evaluations.csv"])
@pytest.mark.parametrize("how", LOG_DAMAGE)
def test_a_log_that_lost_lines_is_refused_and_nothing_is_lost(
    name: str, how: str, whole: Path, tmp_path: Path
) -> None:
    folder = left_at(tmp_path / "run", 7)
    LOG_DAMAGE[how](folder / name)
    before = contents(folder)
    for _ in range(2):
        with pytest.raises(RunConflict, match=f"does not fit: {name} has lost or changed lines"):
            srnn.train(nine(), folder)
        assert contents(folder) == before
    # What the message says.
    (folder / "checkpoint").rename(folder / "old")
    srnn.train(nine(), folder)
    assert same_outcome(folder, whole)
    assert len(list((folder / "old").iterdir())) == 4


def test_where_an_older_checkpoint_fits_a_cut_log_the_run_goes_on_from_there(
    whole: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = left_at(tmp_path / "run", 7)
    log = folder / "metrics.csv"
    log.write_text("".join(log.read_text().splitlines(keepends=True)[:6]))  # five steps
    srnn.train(nine(), folder, options=OFTEN)
    assert "metrics.csv has lost or changed lines" in caplog.text
    assert json.loads((folder / "config.json").read_text())["continued"][0]["step"] == 4
    assert same_outcome(folder, whole)
    assert (folder / "checkpoint.set-aside-1" / "step-00000006.json").exists()


def test_line_ends_of_another_system_and_other_times_change_nothing(
    whole: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = left_at(tmp_path / "run", 7)
    for name in ("metrics.csv", "evaluations.csv"):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content.replace(b"\n", b"\r\n"))
    config = folder / "config.json"
    config.write_bytes(config.read_bytes().replace(b"\n", b"\r\n"))
    srnn.train(nine(), folder, options=OFTEN)
    assert not caplog.records
    assert json.loads(config.read_text())["continued"][0]["step"] == 6
    assert same_outcome(folder, whole)


def rewritten(folder: Path, **facts: Any) -> None:
    """Put facts into the newest checkpoint, or None for none, with the right checksums."""
    store = Store(folder)
    snapshot, _ = store.newest(lambda _: "")
    assert snapshot is not None
    merged = {**snapshot.facts, **facts}
    kept = {name: value for name, value in merged.items() if facts.get(name, "") is not None}
    store.save(Snapshot(kept, snapshot.tensors))


def test_a_checkpoint_without_a_setting_has_its_default(whole: Path, tmp_path: Path) -> None:
    folder = left_at(tmp_path / "run", 7)
    config = json.loads(nine().to_json())
    del config["recurrence"], config["precision"], config["l1"]
    rewritten(folder, config=config)
    record = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**record, "config": config}))
    srnn.train(nine(), folder, options=OFTEN)
    assert json.loads((folder / "config.json").read_text())["continued"][0]["step"] == 6
    assert same_outcome(folder, whole)


UNFIT: dict[str, tuple[dict[str, Any], str]] = {
    "processes": ({"processes": 2}, "begun by 2 processes and this is 1"),
    "a setting": ({"config": {**json.loads(nine().to_json()), "lr": 0.1}}, "lr: 0.1 there, 0.001"),
    "steps": ({"config": {**json.loads(nine().to_json()), "steps": 5}}, "steps: 5 there, 9 here"),
    "a setting that is not known": (
        {"config": {**json.loads(nine().to_json()), "colour": 1}},
        "does not understand: setting must be",
    ),
    "no configuration": ({"config": {}}, "does not understand"),
    "streams of 0.1.0": ({"streams": None}, "streams of trials number 1, and this version has"),
    "later streams": ({"streams": 99}, "streams of trials number 99"),
    "no logs": ({"logs": None}, r"its facts are incomplete \('logs'\)"),
}


@pytest.mark.parametrize("name", UNFIT)
def test_a_checkpoint_of_another_run_is_refused_and_nothing_is_lost(
    name: str, tmp_path: Path
) -> None:
    facts, message = UNFIT[name]
    folder = left_at(tmp_path / "run", 5)
    (folder / "checkpoint" / "step-00000002.json").unlink()
    rewritten(folder, **facts)
    before = contents(folder)
    with pytest.raises(RunConflict, match=message):
        srnn.train(nine(), folder)
    assert contents(folder) == before


def test_a_run_on_other_streams_is_refused_and_its_network_can_be_read(
    whole: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(whole, tmp_path / "run")
    record = json.loads((folder / "config.json").read_text())
    del record["streams"]
    (folder / "config.json").write_text(json.dumps(record))
    with pytest.raises(RunConflict, match="on the streams of trials number 1"):
        srnn.train(nine(), folder)
    assert srnn.load_run(folder).network.rnn.mask == nine().build_mask()


def test_a_continuation_with_other_versions_is_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = left_at(tmp_path / "run", 5)
    monkeypatch.setattr("sparse_rnn.system.provenance._PACKAGES", ("torch",))
    srnn.train(nine(), folder)
    assert "began with other package versions" in caplog.text
    assert (folder / "weights.safetensors").exists()


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


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    from sparse_rnn.training.optimiser import Optimiser
    from sparse_rnn.runs.checkpoint import restore

    folder = left_at(tmp_path / "run", 5)
    snapshot, _ = Store(folder).newest(lambda _: "")
    assert snapshot is not None
    other = srnn.Network(3, 2, srnn.masks.autapse(4))
    with pytest.raises(IncompatibleState, match="one of another network"):
        restore(snapshot.tensors, other, Optimiser(other, nine()))


def test_a_finished_run_is_a_no_op_whatever_the_options(whole: Path) -> None:
    before = contents(whole)
    srnn.train(nine(), whole, progress=killer(1), options=srnn.RunOptions(checkpoint_every=7))
    assert contents(whole) == before
