"""The commands `sparse-rnn sweep ...`: what they print, refuse and leave behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sparse_rnn import cli, sweep
from sparse_rnn.sweep import tally, work
from tests.sparse_rnn.commands import drawn_lines
from tests.sparse_rnn.helpers import SMALL, contents


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "spec.json"
    path.write_text(json.dumps({"settings": SMALL, "seeds": 2}))
    return path


def said(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    status = cli.main(["sweep", *map(str, words)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_run_status_and_collect(
    spec: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    where = ("--results", results)
    status, out, err = said(capsys, spec, *where, "--workers", "0")
    assert (status, out) == (0, "2 runs: 2 done, 0 running, 0 failed, 0 waiting.\n")
    assert "2/2 done  0 running  0 failed" in err
    before = contents(results)
    for folder in ("--results", "--out", "-o"):
        again = ("run", spec, folder, results, "--workers", "0", "-q")
        assert said(capsys, *again) == (0, "", "")
    assert contents(results) == before
    for words in (("status", spec), ("status",)):
        assert said(capsys, *words, *where)[:2] == (0, out)
    status, told, _ = said(capsys, "collect", spec, *where, "-o", tmp_path / "t.parquet")
    assert status == 0
    assert told.splitlines()[0].startswith(f"{tmp_path / 't.parquet'}: 2 runs, 2 of them done")
    assert {"t.parquet", "t-curves.parquet", "t-tasks.parquet"} <= {
        path.name for path in tmp_path.iterdir()
    }


def test_a_failed_run_gives_status_2_and_a_way_to_its_traceback(
    spec: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("broken\nin two lines")

    where = ("--results", tmp_path)
    words = (spec, *where, "--workers", "0", "--retries", "1")
    with monkeypatch.context() as patch:
        patch.setattr(work, "train", broken)
        status, out, err = said(capsys, *words)
    assert status == 2
    assert "2 runs: 0 done, 0 running, 2 failed, 0 waiting." in out
    assert "failed 2 times, on" in out
    assert "failed and is tried again: RuntimeError: broken\n" in err
    assert "2 of 2 runs failed." in err.splitlines()[-1]
    assert "--again" in err.splitlines()[-1]
    status, told, err = said(capsys, "status", spec, *where, "--tracebacks")
    assert (status, err) == (3, "")  # Not all runs are done.
    assert 'raise RuntimeError("broken' in told
    assert said(capsys, *words)[0] == 2  # Nothing is tried again unasked.
    assert said(capsys, *words, "--again")[0] == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("run", "no.toml"), "no.toml: No such file or directory"),
        (("run", "SPEC", "--workers", "-1"), "workers must be a whole number of at least 0"),
        (("run", "SPEC", "--scheduler", "x"), "must be an address such as tcp://"),
        (("run", "SPEC", "--checkpoint-every", "0"), "--checkpoint-every must be"),
        (("status", "--results", "no"), "--results must be a folder that exists; got 'no'"),
        (("collect", "--results", "RESULTS", "-o", "t.csv"), "ends in .parquet; got 't.csv'"),
        (("submit", "SPEC", "--jobs", "0"), "jobs must be a whole number of at least 1; got 0"),
        (("submit", "SPEC", "--jobs", "1", "--cluster", "pbs"), "cluster must be 'slurm' or"),
        (("submit", "SPEC", "--jobs", "1", "--sbatch", "x"), "of the form NAME=VALUE; got 'x'"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(
    spec: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    told: str,
) -> None:
    names = {"SPEC": str(spec), "RESULTS": str(tmp_path)}
    status, out, err = said(capsys, *(names.get(word, word) for word in words))
    assert (status, out) == (2, "")
    assert told in err
    assert err.count("\n") == 1


def test_a_setting_in_the_file_is_named_as_it_stands_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "spec.json"
    path.write_text(json.dumps({"settings": {**SMALL, "batch_size": 0}}))
    status, _, err = said(capsys, path, "--results", tmp_path / "results")
    assert status == 2
    assert f"{path}: batch_size must be greater than or equal to 1; got 0." in err
    assert not (tmp_path / "results").exists()


def test_a_line_says_how_far_a_sweep_is(capsys: pytest.CaptureFixture[str]) -> None:
    early = tally.Tally(total=9, done=2, running=2, failed=1)
    later = tally.Tally(
        total=9, done=4, running=2, failed=1, elsewhere=1, fresh=2, steps=600, steps_left=1200,
        elapsed_s=60.0, news=("run x failed",),
    )  # fmt: skip
    assert early.text() == "2/9 done  2 running  1 failed  0 steps/s  0 runs/h  ETA ?"
    with sweep.automatic() as show:  # Standard error is no terminal here.
        show(early)
        show(later)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [early.text(), "run x failed"]
    assert later.text() == (
        "4/9 done  2 running  1 failed  1 in use elsewhere  10 steps/s  120 runs/h  ETA 2 min"
    )


def test_a_bar_shows_counts_and_news(capsys: pytest.CaptureFixture[str]) -> None:
    with sweep.bar() as show:
        show(tally.Tally(total=2, done=2, elapsed_s=1.0, news=("run [x] failed",)))
    err = capsys.readouterr().err
    assert "run [x] failed" in err
    assert "2/2 done" in err


def test_the_bar_of_a_sweep_fits_its_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = tally.Tally(
        total=12345, done=1234, running=128, failed=17, elsewhere=64, fresh=900,
        steps=10**6, steps_left=10**9, elapsed_s=1000.0,
    )  # fmt: skip
    for columns in (40, 80, 200):
        lines = drawn_lines(monkeypatch, columns, sweep.bar, [seen])
        assert any("1234/12345 done" in line for line in lines)
        assert max(len(line.rstrip()) for line in lines) < columns
        assert not any("\u2026" in line for line in lines)
