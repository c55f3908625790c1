"""Folders of results from others: one damaged run is shown as damaged, and stops nothing."""

from __future__ import annotations

import json
import os
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings, strategies as st

from sparse_rnn import cli, sweep
from sparse_rnn.errors import RunDamaged, SparseRnnError
from sparse_rnn.runs.checkpoint import CHECKPOINT
from sparse_rnn.sweep import reading, slurm, store
from tests.sparse_rnn.helpers import contents, small_config

GOOD = tuple(small_config(arch="autapse", radius=None, seed=seed) for seed in range(2))
BAD = small_config(arch="autapse", radius=None, seed=9)
FAILURE = {
    "error": "E: x", "traceback": "", "step": 0, "machine": "m", "when": "now", "gave_up": True,
}  # fmt: skip

NAMES = (
    "config.json", "failures.json", "summary.json", "metrics.csv", "evaluation.csv",
    "weights.safetensors", ".lock", "evaluations.csv",
)  # fmt: skip

DEEP = b'{"failures": ' * 5000 + b"1" + b"}" * 5000
odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(10**30)
    | st.sampled_from(["\ud800", "\x1b[31m", "=1+1", [1] * 99]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of three runs that are done."""
    results = tmp_path_factory.mktemp("whole")
    assert sweep.run((*GOOD, BAD), results, workers=0).done == 3
    return results


def places(record: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON record."""
    found = [path]
    if isinstance(record, dict | list):
        below: Any = record.items() if isinstance(record, dict) else enumerate(record)
        for key, value in below:
            found += places(value, (*path, key))
    return found


def replaced(record: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    record[path[0]] = replaced(record[path[0]], path[1:], value)
    return record


@st.composite
def damages(draw: st.DrawFn) -> tuple[str, str, Any]:
    """A file, what is done to it, and with what."""
    name = draw(st.sampled_from(NAMES))
    how = draw(st.sampled_from(["bytes", "gone", "link", "pipe", "folder", "socket", "value"]))
    if how == "bytes":
        return name, how, draw(st.binary(max_size=200) | st.sampled_from([b"[]", b"7", DEEP]))
    if how == "value":
        name = draw(st.sampled_from(["config.json", "summary.json", "failures.json"]))
        return name, how, (draw(st.integers(0, 500)), draw(odd))
    return name, how, None


def damage(folder: Path, name: str, how: str, what: Any) -> None:
    path = folder / name
    if path.exists() and (path.is_symlink() or not path.is_file()):
        return  # It is damaged already.
    if how == "value":
        if path.exists() and not path.read_bytes().startswith(b"{\n"):
            return
        record = json.loads(path.read_text()) if path.exists() else {"failures": [FAILURE]}
        all_places = places(record)
        record = replaced(record, all_places[what[0] % len(all_places)], what[1])
        path.write_text(json.dumps(record))
        return
    path.unlink(missing_ok=True)
    match how:
        case "bytes":
            path.write_bytes(what)
        case "link":
            path.symlink_to("/dev/zero")
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "socket":
            with socket.socket(socket.AF_UNIX) as server:
                here = Path.cwd()
                os.chdir(folder)  # The whole path may be too long for a socket.
                try:
                    server.bind(name)
                finally:
                    os.chdir(here)
        case _:
            assert how == "gone"


@pytest.mark.timeout(120)
@settings(max_examples=30)
@given(first=damages(), second=st.none() | damages(), unfinished=st.booleans())
@example(first=("failures.json", "bytes", DEEP), second=None, unfinished=True)
@example(
    first=("failures.json", "bytes", b'{"failures": [{"error": 1}]}'), second=None, unfinished=True
)
@example(first=("config.json", "bytes", b'{"config": 7}'), second=None, unfinished=False)
@example(first=(".lock", "pipe", None), second=None, unfinished=True)
def test_one_hostile_folder_hides_no_other_run(
    tmp_path_factory: pytest.TempPathFactory,
    whole: Path,
    first: tuple[str, str, Any],
    second: tuple[str, str, Any] | None,
    unfinished: bool,
) -> None:
    results = tmp_path_factory.mktemp("hostile") / "results"
    shutil.copytree(whole, results)
    bad = sweep.folder_of(results, BAD)
    if unfinished:
        (bad / "weights.safetensors").unlink()
    for one in (first, second):
        if one is not None:
            damage(bad, *one)
    for spec in (None, (*GOOD, BAD)):
        status = sweep.status(spec, results)
        assert status.total == 3
        assert status.done in (2, 3)
        assert {run.folder for run in (*status.damaged, *status.failures)} <= {bad}
        assert str(len(status.damaged)) in status.text(tracebacks=True)
        rows = {row["identity"]: row for row in sweep.collect(results, spec).to_pylist()}
        assert [rows[sweep.identity(config)]["state"] for config in GOOD] == ["done"] * 2
        assert len(rows) == 3
    jobs = slurm._written(slurm.planned((*GOOD, BAD), results))
    assert len(slurm._planned_configs(Path(jobs))) == 3
    new = small_config(arch="autapse", radius=None, seed=3)
    reached = sweep.run((BAD, new), results, workers=0, retries=0)
    assert reached.done >= 1
    assert store.state_of(sweep.folder_of(results, new)) == "done"
    shutil.rmtree(results.parent)


def test_what_is_damaged_is_told_and_is_left_alone(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    shutil.copytree(whole, results)
    bad = sweep.folder_of(results, BAD)
    (bad / "weights.safetensors").unlink()
    (bad / "failures.json").write_text("[" * 100_000)
    before = contents(results)
    status = sweep.run((*GOOD, BAD), results, workers=0)
    assert (status.done, [run.folder for run in status.damaged]) == (2, [bad])
    assert "2 done, 0 running, 0 failed, 0 waiting, 1 damaged." in status.text()
    assert "failures.json is nested too deeply" in status.text()
    assert contents(results) == before
    assert cli.main(["sweep", "status", "--results", str(results)]) == 3
    assert f"{bad} is damaged" in capsys.readouterr().out
    assert sweep.run((*GOOD, BAD), results, workers=0, again=True).done == 3


def test_plans_of_other_names_stop_no_submission(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir(mode=0o755)
    for name in ("plan-x.json", "plan-0007.json", "plan-9.json.tmp", "plan-" + "9" * 99 + ".json"):
        (tmp_path / "jobs" / name).write_text("[]")
    plan = slurm.planned(GOOD, tmp_path)
    assert [Path(slurm._written(plan)).name for _ in range(2)] == [
        "plan-0008.json",
        "plan-0009.json",
    ]
    with pytest.raises(RunDamaged, match="holds a list where a JSON object belongs"):
        slurm._planned_configs(tmp_path / "jobs" / "plan-0007.json")


@pytest.mark.parametrize("way", ["open", "link", "others"])
def test_jobs_are_not_put_where_others_could_exchange_them(
    tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = tmp_path / "jobs"
    if way == "link":
        (tmp_path / "elsewhere").mkdir()
        jobs.symlink_to("elsewhere")
    else:
        jobs.mkdir()
        jobs.chmod(0o775 if way == "open" else 0o755)
    if way == "others":
        own = os.geteuid()
        monkeypatch.setattr(os, "geteuid", lambda: own + 1)
    with pytest.raises(SparseRnnError, match="could put code into your jobs"):
        slurm._written(slurm.planned(GOOD, tmp_path))


def test_the_folder_of_jobs_is_closed_to_others_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o002)
    try:
        slurm._written(slurm.planned(GOOD, tmp_path))
    finally:
        os.umask(before)
    assert (tmp_path / "jobs").stat().st_mode & 0o777 == 0o755


def test_checkpoints_that_a_killed_sweep_left_are_removed(whole: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    shutil.copytree(whole, results)
    for others in ((), (small_config(arch="autapse", radius=None, seed=5),)):
        left = sweep.folder_of(results, GOOD[0]) / CHECKPOINT
        left.mkdir()
        (left / "step-00000004.json").write_text("{}")
        sweep.run((*GOOD, *others), results, workers=0)
        assert not left.exists()


def test_a_link_in_place_of_checkpoints_is_not_followed(whole: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    shutil.copytree(whole, results)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    (sweep.folder_of(results, GOOD[0]) / CHECKPOINT).symlink_to(tmp_path / "mine")
    sweep.run(GOOD, results, workers=0)
    assert (tmp_path / "mine" / "file").exists()


def test_a_run_that_writes_nothing_is_named(whole: Path, tmp_path: Path) -> None:
    from sparse_rnn.system.lock import locked

    results = tmp_path / "results"
    shutil.copytree(whole, results)
    folder = sweep.folder_of(results, BAD)
    (folder / "weights.safetensors").unlink()
    with locked(folder):
        assert sweep.status(None, results).quiet == ()
        for path in folder.iterdir():
            os.utime(path, (1e9, 1e9))
        (quiet,) = sweep.status(None, results).quiet
        assert quiet.folder == folder
        assert f"process {os.getpid()} on " in quiet.holder
        assert "has written nothing for" in sweep.status(None, results).text()


def test_a_damaged_record_of_failures_is_set_aside_not_lost(tmp_path: Path) -> None:
    (tmp_path / "failures.json").write_text("no record")
    noted = store.note_failure(tmp_path, "E: x", "", retries=0, final=False)
    assert store.failures(tmp_path) == (noted,)
    (tmp_path / "failures.json").write_text("neither")
    store.note_failure(tmp_path, "E: x", "", retries=0, final=False)
    for number, text in enumerate(("no record", "neither"), start=1):
        aside = tmp_path / f"failures.json.set-aside-{number}"
        assert (aside / "failures.json").read_text() == text


def test_a_record_has_limits(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for text, told in (
        ("1", "holds a number where"),
        ("{", "cannot be read as JSON"),
        ('{"a": ' * 60 + "1" + "}" * 60, "nested too deeply"),
        ('{"a": "' + "x" * 100 + '"}', "has 109 bytes, and no more than 50 are read"),
    ):
        path.write_text(text)
        with pytest.raises(RunDamaged, match=told):
            reading.read_record(path, 50 if "109" in told else 10_000)


def test_large_masks_are_checked_and_not_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sparse_rnn.errors import InvalidArgument
    from sparse_rnn.masks import Mask
    from sparse_rnn.sweep import validation, work

    huge = small_config(arch="dense", radius=None, size=26_000)
    built: list[int] = []
    real = Mask.__post_init__

    def counted(mask: Mask) -> None:
        built.append(mask.nnz)
        real(mask)

    monkeypatch.setattr(Mask, "__post_init__", counted)
    validation.check_all((huge,))
    assert built == []
    wrong = small_config(arch="random", radius=None, size=100_000, mask_options={"in_degree": -1})
    with pytest.raises(InvalidArgument, match="in_degree"):
        validation.check_all((wrong,))
    monkeypatch.setattr(work, "_free_bytes", lambda: 10**10)
    status = sweep.run((huge, *GOOD), tmp_path, workers=0, retries=0)
    assert (status.done, status.failed) == (2, 1)
    assert "676,000,000 synapses take at least 13.5 GB" in status.failures[0].failures[0].error
    assert max(built) < 1000
