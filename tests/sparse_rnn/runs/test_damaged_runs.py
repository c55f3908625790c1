"""Runs whose files are damaged, or are those of another run: refused, and nothing is lost."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sparse_rnn as srnn
from sparse_rnn.errors import IncompatibleState, RunConflict
from sparse_rnn.runs.checkpoint import Snapshot, Store
from tests.sparse_rnn.helpers import contents, same_outcome
from tests.sparse_rnn.killed_runs import OFTEN, left_at, nine, saved_steps


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
    "a setting": ({"config": {**json.loads(nine().to_json()), "lr": 0.1}}, "lr: 0.1 there, 0.002"),
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


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    from sparse_rnn.runs.checkpoint import restore
    from sparse_rnn.training.optimiser import Optimiser

    folder = left_at(tmp_path / "run", 5)
    snapshot, _ = Store(folder).newest(lambda _: "")
    assert snapshot is not None
    other = srnn.Network(3, 2, srnn.masks.autapse(4))
    with pytest.raises(IncompatibleState, match="one of another network"):
        restore(snapshot.tensors, other, Optimiser(other, nine()))
