"""What sparse-rnn says of a mask, and of runs that are over: info, eval and report."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

import sparse_rnn as srnn
from sparse_rnn.evaluation.scores import TaskScores
from tests.sparse_rnn.commands import SMALL, status
from tests.sparse_rnn.helpers import contents


def test_info_counts_as_the_paper_does(capsys: pytest.CaptureFixture[str]) -> None:
    words = shlex.split("info --arch locality --size 50x50 --radius 6 --suite mod-cog-84")
    assert status(*words) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    values = {" ".join(words[:-1]): words[-1] for words in lines if len(words) > 1}
    assert values["units"] == "2500"
    assert values["synapses"] == "282500"
    assert values["density"] == "0.045200"
    assert ["without", "self-connections", "280000"] in lines
    assert ["without", "self-connections", "0.044818"] in lines
    assert ["smallest", "and", "largest", "in-degree", "113", "113"] in lines
    assert values["recurrent"] == "282500"
    assert values["total"] == "617500"


def test_info_refuses_as_train_does(capsys: pytest.CaptureFixture[str]) -> None:
    for words, message in (
        ("--arch dens --size 4", "--arch must be the name of a mask family; got 'dens'"),
        ("--arch locality --size 2x2", "--radius must be given for 'locality' masks"),
        ("--arch dense --size 4x", "--size must be"),
        ("--arch dense --size 4 --suite mod-cog", "--suite must be the name of a suite"),
    ):
        assert status("info", *words.split()) == 2
        assert message in capsys.readouterr().err
    assert status("info", "--arch", "dense", "--size", "1") == 0


def test_eval_repeats_the_evaluation_of_the_run(
    finished: srnn.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert finished.folder is not None
    before = contents(finished.folder)
    assert status("eval", finished.folder, "-o", tmp_path / "again.csv") == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split()[:3] == ["task", "trials", "final_accuracy"]
    assert [row.split()[0] for row in rows] == ["Go", "DlyGo", "mean"]
    assert TaskScores.read_csv(tmp_path / "again.csv").rows() == finished.evaluation.rows()
    assert status("eval", finished.folder, "--batches", "7") == 0
    trials = [int(row.split()[1]) for row in capsys.readouterr().out.splitlines()[1:]]
    assert trials[2] == trials[0] + trials[1] > finished.evaluation.n_trials.sum()
    assert status("eval", finished.folder, "--batches", "0") == 2
    assert "--batches must be at least 1; got 0." in capsys.readouterr().err
    assert contents(finished.folder) == before


def test_eval_of_other_trials_and_confusion(
    finished: srnn.Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert finished.folder is not None
    assert status("eval", finished.folder, "--batches", "5") == 0
    same = capsys.readouterr().out
    own = str(finished.config.seed)
    assert status("eval", finished.folder, "--batches", "5", "--seed", own) == 0
    assert capsys.readouterr().out == same
    assert status("eval", finished.folder, "--batches", "5", "--seed", "1", "--confusion") == 0
    out = capsys.readouterr().out
    assert out.splitlines()[1:4] != same.splitlines()[1:4]
    table, counts = out.split("\n\n", 1)
    rows = [line.split() for line in counts.splitlines()]
    matrix = [row for row in rows if row[:1] and row[0] in ("fix", *map(str, range(16)))]
    n_trials = int(table.splitlines()[-1].split()[1])
    assert sum(int(count) for row in matrix if len(row) == 18 for count in row[1:]) == n_trials
    assert "22.5 degrees apart" in counts
    offsets = [float(row[0]) for row in rows if row[1:2] == ["degrees"]]
    assert offsets == [22.5 * k for k in range(-7, 9)]
    assert status("eval", finished.folder, "--seed", "-1") == 2
    assert "--seed must be at least 0; got -1." in capsys.readouterr().err


def test_report_draws_runs_by_the_names_of_their_folders(
    finished: srnn.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert finished.folder is not None
    figure = tmp_path / "figure.svg"
    assert status("report", finished.folder, "-o", figure) == 0
    assert str(figure) in capsys.readouterr().out
    assert figure.stat().st_size > 5000


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["{run}", "-o", "figure.gif"], "--out must be a file name that ends in .png, .pdf, .svg"),
        (["{run}", "-o", "no/such/folder.png"], "--out must be in a folder that exists"),
        (["{run}", "{run}", "-o", "figure.png"], "RUN must be a different folder each"),
        (["nowhere", "-o", "figure.png"], "nowhere holds no run"),
    ],
)
def test_report_refuses(
    finished: srnn.Run,
    words: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert status("report", *(word.format(run=finished.folder) for word in words)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert list(tmp_path.iterdir()) == []


def test_runs_that_are_not_there_or_not_over_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status("eval", tmp_path / "nothing") == 2
    assert "nothing holds no run" in capsys.readouterr().err
    assert status(*SMALL, "--out", tmp_path / "run") == 0
    capsys.readouterr()
    (tmp_path / "run" / "weights.safetensors").unlink()
    assert status("eval", tmp_path / "run") == 2
    assert "Has the run ended?" in capsys.readouterr().err


def test_files_that_cannot_be_written_are_named(
    finished: srnn.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert status(*SMALL, "--out", tmp_path / "file" / "run") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"sparse-rnn: {tmp_path / 'file' / 'run'}: Not a directory"
    assert finished.folder is not None
    assert status("eval", finished.folder, "-o", tmp_path / "no" / "table.csv") == 2
    assert "No such file or directory" in capsys.readouterr().err
