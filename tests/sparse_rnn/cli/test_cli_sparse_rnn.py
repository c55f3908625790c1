"""The command sparse-rnn: what it prints, what it refuses, and with which exit status."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

import modcog
import sparse_rnn as srnn
from sparse_rnn import cli
from sparse_rnn.cli.train import NO_OPTIONS
from sparse_rnn.evaluation.history import Record
from sparse_rnn.training import progress
from sparse_rnn.training.progress import OnStep
from tests.sparse_rnn.commands import SMALL, status
from tests.sparse_rnn.helpers import contents

TRAIN = shlex.split(
    "train --suite cog-20 --arch locality --size 20x20 --radius 2 --steps 3 "
    "--batch-size 20 --seq-len 100 --seed 0"
)


def with_option(words: list[str], option: str, value: str) -> list[str]:
    """The words with the value of an option replaced, or the option added."""
    if option not in words:
        return [*words, option, value]
    place = words.index(option) + 1
    return [*words[:place], value, *words[place + 1 :]]


def test_the_version_is_that_of_the_distribution(capsys: pytest.CaptureFixture[str]) -> None:
    assert status("--version") == 0
    assert capsys.readouterr().out == f"sparse-rnn {modcog.__version__}\n"


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["--help"], ["train", "info", "eval", "report"]),
        (["train", "--help"], ["--suite", "--arch", "--size", "--radius", "--steps", "--out"]),
        (["info", "--help"], ["--arch", "--size", "--radius", "--suite"]),
        (["eval", "--help"], ["RUN", "--batches", "--seed", "--confusion", "-o"]),
        (["report", "--help"], ["RUN", "-o"]),
    ],
)
def test_help_is_everywhere(
    words: list[str], parts: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert status(*words) == 0
    out = capsys.readouterr().out
    assert "usage: sparse-rnn" in out
    for part in parts:
        assert part in out


def test_every_setting_is_an_option_with_its_description(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert status("train", "--help") == 0
    out = " ".join(capsys.readouterr().out.replace("\u2502", " ").split())
    for name, field in srnn.TrainConfig.model_fields.items():
        flag = "mask." if name == "mask_options" else name.replace("_", "-")
        assert ("--" + flag in out) is (name not in NO_OPTIONS)
        if name in NO_OPTIONS:
            continue
        assert field.description
        assert " ".join(field.description.split()) in out


def test_train_writes_the_folder_that_is_promised(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "runs" / "first"
    words = with_option(TRAIN, "--final-batches", "2")
    assert status(*words, "--out", out) == 0
    captured = capsys.readouterr()
    assert "step 3/3" in captured.err
    assert f"{out} (took" in captured.out
    assert "Means over 20 tasks: final_accuracy 0." in captured.out
    run = srnn.load_run(out)
    assert run.config == srnn.TrainConfig(
        suite="cog-20",
        arch="locality",
        size=(20, 20),
        radius=2,
        steps=3,
        batch_size=20,
        seq_len=100,
        seed=0,
        final_batches=2,
    )
    assert (out / "metrics.csv").read_text().startswith("step,loss")

    before = contents(out)
    assert status(*words, "--out", out) == 0
    assert "(was finished before)" in capsys.readouterr().out
    assert contents(out) == before


def test_several_seeds_are_an_ensemble_of_run_folders(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", "--suite", "Go", "--arch", "autapse", "--size", "6", "--steps", "3"]
    words += ["--eval-batches", "1", "--final-batches", "1", "--out", str(tmp_path), "--seeds"]
    assert status(*words, "2") == 0
    captured = capsys.readouterr()
    assert "step 3/3" in captured.err
    assert f"{tmp_path} (2 networks, took" in captured.out
    assert re.search(r"performance \d\.\d{3} \+- \d\.\d{3}", captured.out)
    assert [srnn.load_run(tmp_path / f"seed-{i}").config.seed for i in (0, 1)] == [0, 1]
    assert status(*words, "4", "7", "--quiet") == 0
    assert capsys.readouterr() == ("", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"seed-{i}" for i in (0, 1, 4, 7)]
    assert status(*words, "2", "--seed", "3") == 2
    assert "--seed must be left out where --seeds is given; got 3." in capsys.readouterr().err


def test_settings_of_several_types_are_read(tmp_path: Path) -> None:
    words = [*SMALL, "--clip", "None", "--noise", "yang", "--lr", "1e-2", "--size", "7x1"]
    assert status(*with_option(words, "--seq-len", "auto"), "--out", tmp_path / "run") == 0
    config = srnn.load_run(tmp_path / "run").config
    assert (config.clip, config.noise, config.lr, config.size) == (None, "yang", 0.01, (7, 1))
    assert (config.seq_len, config.suite) == ("auto", ("Go", "DlyGo"))


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--schedule", "cosin", "--schedule must be the name of a schedule"),
        ("--checkpoint-every", "0", "--checkpoint-every must be greater than or equal to 1"),
        ("--suite", "cog-2", "--suite must be the name of a suite or a task; got 'cog-2'. Did you"),
        ("--arch", "localty", "--arch must be the name of a mask family; got 'localty'. Did you"),
        ("--size", "20by20", "--size must be a number of units or sides such as 20x20"),
        ("--size", "0", "--size must be a whole number of at least 1"),
        ("--radius", "-1", "--radius must be a finite number of at least 0; got -1.0."),
        ("--steps", "0", "--steps must be greater than or equal to 1; got 0."),
        ("--batch-size", "0", "--batch-size must be greater than or equal to 1; got 0."),
        ("--seq-len", "2", "--seq-len must be"),
        ("--lr", "-1", "--lr must be greater than 0; got -1.0."),
        ("--init", "fanin", "Did you mean 'fan_in'?"),
        ("--nonlinearity", "rellu", "Did you mean 'relu'?"),
        ("--backend", "densse", "Did you mean 'dense'?"),
        ("--dt", "0", "--dt must be greater than 0; got 0.0."),
        ("--lr", "1e30", "Training diverged at step"),
    ],
)
def test_refusals_are_one_line_and_status_2(
    option: str, value: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = SMALL if option != "--suite" else TRAIN
    assert status(*with_option(words, option, value), "--out", tmp_path / "run") == 2
    captured = capsys.readouterr()
    last = captured.err.splitlines()[-1]
    assert last.startswith("sparse-rnn: ")
    assert message in last
    assert "Traceback" not in captured.err
    assert captured.out == ""


def test_words_that_do_not_parse_end_with_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["trian"], ["train", "--steps", "ten"], ["train"], ["info", "--arch"], ["eval"]):
        assert status(*words) == 2
        captured = capsys.readouterr()
        assert captured.err
        assert captured.out == ""


def test_a_folder_of_another_run_is_refused_and_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status(*SMALL, "--out", tmp_path / "run") == 0
    before = contents(tmp_path / "run")
    assert status(*SMALL, "--lr", "0.5", "--out", tmp_path / "run") == 2
    assert "lr is 0.002 there and 0.5 here" in capsys.readouterr().err
    assert contents(tmp_path / "run") == before


@pytest.mark.parametrize(
    ("at", "left"), [(2, "config.json, metrics.csv, evaluations.csv"), (0, None)]
)
def test_ctrl_c_says_what_is_left(
    at: int,
    left: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    @contextmanager
    def interrupted(_config: srnn.TrainConfig) -> Generator[OnStep]:
        def on_step(record: Record) -> None:
            if record.step == at:
                raise KeyboardInterrupt

        yield on_step

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(progress, "automatic", interrupted)
    if at == 0:
        monkeypatch.setattr("sparse_rnn.training.run.build", interrupt)
    out = tmp_path / "run"
    assert status(*SMALL, "--out", out) == 130
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("sparse-rnn: interrupted. ")
    if left is None:
        assert line.endswith("Nothing was written.")
        assert not out.exists()
    else:
        assert f"{out} holds {left} of an unfinished run and no weights" in line
        assert sorted(path.name for path in out.iterdir()) == sorted(left.split(", "))


def test_every_option_of_a_run_is_there_and_reaches_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert status("train", "--help") == 0
    out = " ".join(capsys.readouterr().out.replace("\u2502", " ").split())
    for name, field in srnn.RunOptions.model_fields.items():
        assert "--" + name.replace("_", "-") in out
        assert field.description is not None
        assert field.description in out
    given = shlex.split(
        "--checkpoint-every 3 --checkpoint-seconds 9 --levels 0.2 0.4 --threads 1 --chunk 40 "
        "--no-prefetch --no-tensorboard"
    )
    seen: list[srnn.RunOptions] = []
    monkeypatch.setattr(cli.train.training, "train", lambda *_, options, **__: seen.append(options))
    with pytest.raises(AttributeError):  # That train returns nothing.
        status(*SMALL, *given, "--out", tmp_path / "run")
    assert seen == [
        srnn.RunOptions(
            checkpoint_every=3,
            checkpoint_seconds=9,
            levels=(0.2, 0.4),
            threads=1,
            chunk=40,
            prefetch=False,
            tensorboard=False,
        )
    ]


def test_quiet_prints_nothing_and_verbose_says_which_backend_and_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status(*SMALL, "--quiet", "--out", tmp_path / "quiet") == 0
    assert capsys.readouterr() == ("", "")
    assert status(*SMALL, "-v", "--out", tmp_path / "verbose") == 0
    errors = capsys.readouterr().err
    assert "sparse-rnn: backend " in errors
    assert "% of the matrix exists" in errors


def test_an_early_stop_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [*SMALL, "--stop-at", "0.01", "--stop-measure", "final_accuracy", "--seed", "9"]
    assert status(*words, "--out", tmp_path / "run") == 0
    assert "reached final_accuracy 0.01 at step 2)" in capsys.readouterr().out


def test_a_damaged_checkpoint_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    assert status(*SMALL, "--checkpoint-every", "1", "--out", out) == 0
    (out / "weights.safetensors").unlink()
    (out / "checkpoint" / "step-00000004.json").write_text("{")
    capsys.readouterr()
    assert status(*SMALL, "-q", "--out", out) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("sparse-rnn: The checkpoint of step 4 in")
    assert (out / "weights.safetensors").exists()


def test_a_full_disk_is_one_line_and_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sparse_rnn.runs.checkpoint.Store.save", full)
    assert status(*SMALL, "-q", "--out", tmp_path / "run") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "could not be written (No space left on device). There is no checkpoint yet" in line


def test_completion_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    for shell in ("bash", "zsh"):
        assert status("--tyro-print-completion", shell) == 0
        assert "--checkpoint-every" in capsys.readouterr().out


def test_help_says_what_the_exit_statuses_mean(capsys: pytest.CaptureFixture[str]) -> None:
    assert status("--help") == 0
    words = " ".join(capsys.readouterr().out.split())
    for part in ("130 after Ctrl-C", "143 after SIGTERM", "--tyro-print-completion", "torchrun"):
        assert part in words


def test_the_command_is_installed() -> None:
    command = Path(sys.executable).with_name("sparse-rnn")
    words = shlex.split("info --arch autapse --size 9")
    result = subprocess.run([command, *words], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "autapse" in result.stdout


@pytest.mark.slow
@pytest.mark.parametrize("where", ["1", "2", "1 2"])
def test_a_run_that_nobody_reads_ends_as_it_should(where: str, tmp_path: Path) -> None:
    words = shlex.split(
        "train --suite Go DlyGo --arch locality --size 4x4 --radius 1 --batch-size 2 --seq-len 45 "
        "--eval-every 1 --eval-batches 1 --final-batches 2 --steps 30"
    )
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "sparse_rnn.cli", *words, "--out", str(tmp_path / "run")],
        stdout=writing if "1" in where else subprocess.DEVNULL,
        stderr=writing if "2" in where else subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    os.close(writing)
    if "2" in where:
        os.read(reading, 1)
    os.close(reading)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0
    assert b"Broken" not in (errors or b"")
    assert len(srnn.load_run(tmp_path / "run").history) == 30


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("train --suite Go --arch dense --size 4 --steps 3 --out run 2>&1 | true", 0),
        ("train --suite Go --arch dense --size 4 --steps 3 --out run >&- 2>&-", 0),
        ("--help | true", 0),
        ("info --arch nothing --size 4 2>&-", 2),
        ("info --arch dense --size 4 > /dev/full", 2),
    ],
)
def test_streams_that_are_closed_or_full_give_no_traceback(
    tmp_path: Path, command: str, code: int
) -> None:
    program = Path(sys.executable).with_name("sparse-rnn")
    result = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{program} {command}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr
    assert "Exception ignored" not in result.stderr
    if command.startswith("train"):
        assert (tmp_path / "run" / "weights.safetensors").exists()


@pytest.mark.slow
def test_a_terminal_that_knows_ascii_alone_is_enough(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("sparse-rnn")
    for words in (["--help"], ["info", "--arch", "dense", "--size", "4", "-o", "é.png"]):
        result = subprocess.run(
            [program, *words],
            cwd=tmp_path,
            env={**os.environ, "PYTHONIOENCODING": "ascii"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (result.returncode, result.stderr) == (0, "")
