"""The command line: lists, pictures, and errors without tracebacks."""

from __future__ import annotations

import dataclasses
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import modcog
from modcog.cli import main
from modcog.system.progress import ProgressBar


@pytest.mark.parametrize("suite", modcog.suites())
def test_a_suite_is_listed_slot_by_slot(suite: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--suite", suite]) == 0
    as_option = capsys.readouterr()
    assert main(["list", suite]) == 0
    assert capsys.readouterr() == as_option
    out, err = as_option
    assert err == ""
    lines = out.splitlines()
    names = modcog.suite(suite)
    for slot, name in enumerate(names):
        spec = modcog.task(name)
        words = lines[1 + slot].split()
        assert words[:3] == [str(slot), name, spec.family]
        lengths = modcog.trial_lengths(spec)
        expected = [str(lengths.shortest), "to", str(lengths.longest)]
        assert words[3:] == (expected[:1] if lengths.shortest == lengths.longest else expected)
    assert lines[-1] == f"{suite}: {len(names)} rule slots, {len(set(names))} distinct tasks."
    assert len(lines) == len(names) + 2


def test_features_choose_from_a_suite_and_slots_stay(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--suite", "mod-cog-84", "--features", "delay & anti & Int"]) == 0
    _, *rows, end = capsys.readouterr().out.splitlines()
    assert [row.split()[:2] for row in rows] == [
        ["22", "DlyAnti_IntL"],
        ["23", "DlyAnti_IntR"],
        ["82", "DlyAnti_IntL"],
        ["83", "DlyAnti_IntR"],
    ]
    assert end == "mod-cog-84: 4 of 84 rule slots, 2 distinct tasks."


def test_without_a_suite_all_tasks_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[-1].startswith("mod-cog-168: 168 rule slots")


@pytest.mark.parametrize(
    ("suffix", "magic"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")]
)
def test_show_writes_a_picture_and_prints_the_facts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str, magic: bytes
) -> None:
    path = tmp_path / f"trial.{suffix}"
    assert main(["show", "dlygointlseqr", "-o", str(path)]) == 0
    assert path.read_bytes().startswith(magic)
    out = capsys.readouterr().out
    assert "DlyGo_IntL_SeqR (reach family)" in out
    assert "fixation, stimulus, delay, decision" in out
    assert "21 to 31 steps, mean 26" in out
    (told,) = (line.split(None, 1)[1] for line in out.splitlines() if "  features  " in line)
    assert told == "modality=either & judged=either & delay & Int=L & Seq=R & timed=delay & tracks"
    assert "DlyGo_IntL_SeqR" in modcog.suite(features=told)
    for strategy, level in modcog.chance_table("DlyGo_IntL_SeqR").items():
        (line,) = (line for line in out.splitlines() if line.strip().startswith(strategy))
        assert line.split()[-2:] == [f"{value:.3f}" for value in level]
    assert f"Picture: {path}" in out


def test_the_picture_is_named_after_the_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["show", "dms"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["DMS.png"]
    assert "Picture: DMS.png" in capsys.readouterr().out


def picture(folder: Path, *options: str, task: str = "Go") -> bytes:
    path = folder / "trial.png"
    assert main(["show", task, "-o", str(path), *options]) == 0
    return path.read_bytes()


def test_every_option_of_show_changes_the_picture(tmp_path: Path) -> None:
    options = [
        *([], ["--seed", "3"], ["--dt", "50"], ["--dim-ring", "8"], ["--noise", "yang"]),
        *(["--noise", "0,2"], ["--bump-width", "0.2"], ["--bump-height", "1"]),
        ["--noise", "yang", "--seed", "3"],
    ]
    # A task whose stimuli are noisy.
    pictures = {picture(tmp_path, *option, task="DM1") for option in options}
    assert len(pictures) == len(options)
    assert picture(tmp_path, *options[-1], task="DM1") in pictures


REFUSED = [
    (
        ["list", "--suite", "mod-cog-85"],
        "suite must be the name of a suite; got 'mod-cog-85'. Did you mean",
    ),
    (
        ["list", "--features", "delay & mach"],
        "--features[8:12] must be the name of a feature; got 'mach'. Did you mean match",
    ),
    (["list", "mod-cog-85"], "suite must be the name of a suite; got 'mod-cog-85'. Did you mean"),
    (["list", "cog-20", "--suite", "cog-20"], "--suite must be left out where a suite is named"),
    (["show", "Go", "--sead", "3"], "an option of modcog show; got '--sead'. Did you mean --seed"),
    (["show", "Go", "--dimring=8"], "got '--dimring'. Did you mean --dim-ring"),
    (["show", "Go", "DMS"], "argument must be left out: the command takes no more of them"),
    (["explore", "Goo"], "task must be the name of a task; got 'Goo'. Did you mean Go"),
    (["explore", "--prt", "0"], "got '--prt'. Did you mean --port"),
    (["show", "DlyGoo"], "task must be the name of a task; got 'DlyGoo'. Did you mean DlyGo"),
    (["show", "RTGo_IntL"], "RTGo answers at the go cue: there is no interval to time. Use Seq."),
    (["show", "Go", "--dt", "-1"], "dt must be a number of ms above 0; got -1.0"),
    (["show", "Go", "--dt", "700"], "dt must be at most 500 ms"),
    (["show", "Go", "--dim-ring", "6"], "dim_ring must be a multiple of 4"),
    (["show", "Go", "--noise", "loud"], "--noise must be a number, two with a comma between them"),
    (["show", "Go", "--noise", "1,2,3"], "noise must be one number, or two: for ring 1 and"),
    (["show", "Go", "--bump-width", "0"], "bump_width must be"),
    (["show", "Go", "--bump-height", "nan"], "bump_height must be"),
    (["show", "Go", "--noise", "-1"], "noise must be a finite number of at least 0"),
    (["show", "Go", "--seed", "-1"], "--seed must be a whole number of at least 0; got -1"),
    (
        ["show", "Go", "-o", "trial.doc"],
        "--out must be a file name that ends in .png, .svg or .pdf",
    ),
    (["show", "Go", "-o", "no/such/folder/trial.png"], "--out must be in a folder that exists"),
]


@pytest.mark.parametrize(("arguments", "text"), REFUSED)
def test_errors_go_to_stderr_with_status_2(
    arguments: list[str],
    text: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"modcog {arguments[0]}: ")
    assert text in err
    assert len(err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments", [[], ["lst"], ["show"], ["list", "--suit"], ["show", "Go", "--dt", "x"]]
)
def test_wrong_usage_is_explained(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("usage: modcog")
    assert "error:" in err


@pytest.mark.parametrize(
    "arguments", [["--help"], ["list", "--help"], ["show", "--help"], ["--version"]]
)
def test_help_and_version(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 0
    out = capsys.readouterr().out
    if arguments == ["--version"]:
        assert out == f"modcog {modcog.__version__}\n"
    else:
        assert out.startswith("usage: modcog")


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("modcog")
    return subprocess.run(
        [program, *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )


def test_the_installed_program_prints_no_traceback(tmp_path: Path) -> None:
    result = run("show", "DlyGoo", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("modcog show: task must be the name of a task")
    assert "Traceback" not in result.stderr


PROGRAM = Path(sys.executable).with_name("modcog")


def shell(command: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("arguments", ["list", "--help", "show Go"])
def test_a_reader_that_stops_early_is_no_error(tmp_path: Path, arguments: str) -> None:
    result = shell(f"{PROGRAM} {arguments} | head -n 1", tmp_path)
    assert result.stdout.startswith(("slot  task", "usage: modcog", "Go (reach family)"))
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("list >&-", 0),
        ("list 2>&-", 0),
        ("list >&- 2>&-", 0),
        ("show Goo 2>&-", 2),
        ("show Go >&- 2>&- <&-", 0),
        ("--help >&-", 0),
        ("nothing 2>&-", 2),
        ("export Go --batches 2 --batch-size 2 -o data.npz >&- 2>&-", 0),
        ("export Go --batches 2 --batch-size 2 -o data.npz 2>&1 | true", 0),
        ("show Go | true", 0),
        ("list > /dev/full", 2),
    ],
)
def test_streams_that_are_closed_or_full_give_no_traceback(
    tmp_path: Path, command: str, status: int
) -> None:
    result = shell(f"{PROGRAM} {command}", tmp_path)
    assert result.returncode == status
    assert "Traceback" not in result.stderr
    assert "Exception ignored" not in result.stderr
    if command.startswith("export"):
        with np.load(tmp_path / "data.npz") as file:
            assert file["inputs"].shape[0] == 2


def test_a_terminal_that_knows_ascii_alone_is_enough(tmp_path: Path) -> None:
    for environment in ({"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}):
        result = shell(f"{PROGRAM} show Go -o é°.png", tmp_path, **environment)
        assert (result.returncode, result.stderr) == (0, "")
        assert "Picture: " in result.stdout
        assert (tmp_path / "é°.png").exists()


def test_nothing_that_a_terminal_acts_on_is_printed(tmp_path: Path) -> None:
    folder = tmp_path / "\x1b]0;owned\x07\u202e"
    folder.mkdir()
    for target, status in ((folder / "go.png", 0), (folder / "no" / "go.png", 2)):
        result = subprocess.run(
            [PROGRAM, "show", "Go", "-o", target], capture_output=True, text=True, check=False
        )
        assert result.returncode == status
        assert not set("\x1b\x07\u202e") & set(result.stdout + result.stderr)


def test_names_are_drawn_sign_by_sign() -> None:
    spec = dataclasses.replace(modcog.task("Go"), base="a$^b$\x1b")
    content = io.BytesIO()
    modcog.plot_trial(spec).savefig(content, format="svg")
    assert b"\x1b" not in content.getvalue()


def test_a_name_that_is_no_mathematics_is_drawn() -> None:
    content = io.BytesIO()
    figure = modcog.plot_trial(dataclasses.replace(modcog.task("Go"), base="$\\frac{$"))
    figure.savefig(content, format="svg")


@pytest.mark.parametrize("backend", ["module://no_such_notebook.backend", "nonsense"])
def test_python_m_modcog_draws_whatever_backend_a_notebook_asks_for(
    tmp_path: Path, backend: str
) -> None:
    path = tmp_path / "go.png"
    environment = {**os.environ, "MPLBACKEND": backend, "COLUMNS": "40"}
    command = [sys.executable, "-m", "modcog", "show", "Go", "-o", str(path)]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_command_leaves_the_backend_of_its_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    for backend in ("pdf", None):
        if backend:
            monkeypatch.setenv("MPLBACKEND", backend)
        else:
            monkeypatch.delenv("MPLBACKEND")
        assert main(["list", "--suite", "cog-20"]) == 0
        assert os.environ.get("MPLBACKEND") == backend


def test_the_progress_bar_stays_in_one_line_of_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("COLUMNS", "40")
    out, now = Terminal(), [0.0]
    bar = ProgressBar("batches with a rather long name for one", out, lambda: now[0])
    for done in range(0, 100_001, 10_000):
        now[0] += 10
        bar(done, 100_000)
    bar.close()
    lines = out.getvalue().replace("\x1b[K", "").replace("\n", "").split("\r")
    assert len(lines) > 5
    assert max(map(len, lines)) < 40


def test_the_old_name_of_an_option_works_and_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (["--output", f"{tmp_path / 'a.png'}"], [f"--output={tmp_path / 'b.png'}"]):
        assert main(["show", "Go", *words]) == 0
        assert capsys.readouterr().err == (
            "modcog: warning: --output is called --out now, and will go.\n"
        )
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_warning_is_one_line_without_a_place_in_the_code(tmp_path: Path) -> None:
    code = (
        "import warnings; from modcog import cli; "
        "cli._list = lambda options: warnings.warn('Mind\\nthis.') or 0; "
        "cli.main(['list'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "modcog: warning: Mind this.\n")


@pytest.mark.parametrize(
    "words", [["--help"], *([c, "--help"] for c in ("list", "show", "export"))]
)
def test_help_fits_a_terminal_of_80_columns(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        main(words)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) < 80
    assert not any(line.endswith("mod-") for line in lines)
