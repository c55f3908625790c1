"""The words of a command line: near names, groups of options, and what fits a terminal."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import modcog
import sparse_rnn as srnn
from sparse_rnn import cli
from sparse_rnn.cli import reading, train
from sparse_rnn.training import progress
from tests.sparse_rnn.commands import SMALL, drawn_lines, status

COMMANDS = [[name] for name in cli.COMMANDS if name != "sweep"]
COMMANDS += [["sweep", verb] for verb in cli.sweep.VERBS]


def options(words: list[str]) -> list[str]:
    return reading._options(words, cli._parse)


MEANT = [
    ("train --learning-rate 3", "--lr"),
    ("train --learning_rate=3", "--lr"),
    ("train --radious 3 --suite Go", "--radius"),
    ("train --hidden-size 400", "--size"),
    ("train --units 400", "--size"),
    ("train --epochs 3", "--steps"),
    ("train --iterations 3", "--steps"),
    ("train --batch 20", "--batch-size"),
    ("train --output runs/a", "--out"),
    ("train --in-degree 4", "--mask.in-degree"),
    ("train --neighbours 4", "--mask.neighbours"),
    ("train --mask.sed 4", "--mask.seed"),
    ("train --out a --arch dense --size 4 --stps 3", "--steps"),
    ("info --hidden 4", "--size"),
    ("eval run --output a.csv", "--out"),
    ("analyze run --n-trials 3", "--trials"),
    ("sweep --worker 3 a.toml", "--workers"),
    ("sweep run a.toml --output results", "--out"),
    ("sweep status --resluts x", "--results"),
    ("explore run --prot 80", "--port"),
]


@pytest.mark.parametrize(("typed", "meant"), MEANT)
def test_an_option_that_is_not_there_has_the_one_that_is_meant(
    typed: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status(*typed.split()) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("sparse-rnn: option must be the name of an option of sparse-rnn ")
    assert f"Did you mean {meant!r}" in line


def test_words_that_mean_nothing_are_told_where_to_look(capsys: pytest.CaptureFixture[str]) -> None:
    assert status("analyze", "run", "--bananas") == 2
    assert "`sparse-rnn analyze --help` tells which there are." in capsys.readouterr().err
    assert status("trian", "--steps", "3") == 2
    assert capsys.readouterr().err == (
        "sparse-rnn: command must be the name of a command of sparse-rnn; got 'trian'. "
        "Did you mean 'train'?\n"
    )


def test_a_value_that_cannot_be_read_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert status(*SMALL, "--batch-size", "many", "--out", "nowhere") == 2
    assert capsys.readouterr().err.count("invalid literal") <= 1


def test_synonyms_are_of_options_that_there_are_and_hide_none() -> None:
    every = {" ".join(words): options(words) for words in COMMANDS}
    assert set(reading.SYNONYMS) <= {name for known in every.values() for name in known}
    for known in every.values():
        for name, words in reading.SYNONYMS.items():
            if name in known:
                others = {f"--{word}" for word in words.split()} & set(known)
                assert others == set()


def test_each_setting_stands_in_one_group_of_the_help(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = train.grouped()
    every = [name for fields in groups.values() for name in fields]
    models = (srnn.TrainConfig, srnn.RunOptions)
    settings = [name for model in models for name in model.model_fields]
    assert sorted([*every, *train.NO_OPTIONS]) == sorted(settings)
    monkeypatch.setenv("COLUMNS", "80")
    assert status("train", "--help") == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    heading, found = "", dict[str, str]()
    for line in lines:
        heading = (re.findall(r"^\W*(\w+) options\W*$", line) or [heading])[0]
        for option in re.findall(r"^[ \u2502] (--[\w.-]+)", line):
            found[option] = heading
    for group, fields in groups.items():
        for name in fields:
            if name != "mask_options":
                assert found["--" + name.replace("_", "-")] == group
    assert {found[option] for option in found if option.startswith("--mask.")} == {"mask"}


@pytest.mark.parametrize("words", [[], *COMMANDS, ["sweep"]], ids=" ".join)
def test_help_fits_a_terminal_of_80_columns(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert status(*words, "--help") == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_what_a_command_writes_is_out_everywhere(words: list[str]) -> None:
    known = options(words)
    assert not {"--output", "--output-dir", "--file"} & set(known)
    assert ("--out" in known) == (words not in (["explore"], ["sweep", "status"]))


def record(step: int, **more: Any) -> Any:
    scores = SimpleNamespace(mean=lambda _: 0.1234)
    given = {"loss": 12345.678, "elapsed_s": step / 30, "scores": scores, "is_burst": True} | more
    return SimpleNamespace(step=step, **given)


def test_the_bar_of_a_run_fits_its_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    config = srnn.TrainConfig(arch="locality", size="200x200", radius=2.5, steps=1_000_000)
    shown = {
        columns: drawn_lines(
            monkeypatch, columns, lambda file: progress.bar(config, file), map(record, (7, 123456))
        )
        for columns in (40, 80, 120)
    }
    for columns, lines in shown.items():
        assert max(len(line.rstrip()) for line in lines) < columns
        assert not any("\u2026" in line for line in lines)
        assert "123456/1000000" in lines[-1]
        assert "loss 12345.678" in lines[-1]
    assert "accuracy 0.123" in shown[80][-1]
    assert "ETA 8:06:58" in shown[120][-1]
    (line,) = drawn_lines(monkeypatch, 80, lambda file: progress.bar(config, file), ())[-1:]
    assert line.startswith("locality 200x200 d=2.5  0/1000000")


def test_a_warning_is_one_line_without_a_place_in_the_code(tmp_path: Path) -> None:
    code = (
        "import warnings; from sparse_rnn import cli; "
        "cli.COMMANDS = {'train': lambda: warnings.warn('Mind\\nthis.')}; cli.main(['train'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "sparse-rnn: warning: Mind this.\n")


MODULE = """
import modcog
modcog.register_suite("imported", ["Go", "Anti_SeqL"])
"""


def test_a_module_is_imported_before_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "made_for_import.py").write_text(MODULE, encoding="utf-8")
    words = ["info", "--suite", "imported", "--arch", "dense", "--size", "9"]
    assert cli.main(words) == 2
    for given in (["--import", "made_for_import"], ["--import=made_for_import"]):
        assert cli.main([*given, *words]) == 0
    capsys.readouterr()
    for wrong in ("no_such_module", ""):
        assert cli.main(["--import", wrong, *words]) == 2
        told = capsys.readouterr().err
        assert "--import must be the name of a module that can be imported" in told
    modcog.unregister("imported")
