"""The command `modcog export`: what it takes, refuses, shows, and leaves when it is stopped."""

from __future__ import annotations

import io
import json
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modcog
from modcog import cli
from modcog.system.progress import ProgressBar
from tests.modcog.exporting.exports import assert_same_exports, read, sampler_of


def test_the_command_takes_rules_and_targets(tmp_path: Path, capsys: Any) -> None:
    words = ["export", "DMS", "--batches", "2", "--batch-size", "3", "--seq-len", "70"]
    words += ["--seed", "5"]
    chosen = ["--rules", "factors", "--targets", "ring", "-o", str(tmp_path / "data.npz")]
    assert cli.main([*words, *chosen]) == 0
    expected = sampler_of("DMS", rules="factors", targets="ring").batch(1)
    arrays, _ = read(tmp_path / "data.npz")
    np.testing.assert_array_equal(arrays["inputs"][1], expected.inputs)
    np.testing.assert_array_equal(arrays["targets"][1], expected.targets)
    for option, wrong in (("--rules", "factor"), ("--targets", "rings")):
        assert cli.main([*words, option, wrong, "-o", str(tmp_path / "no.npz")]) == 2
        assert f"Did you mean {wrong.rstrip('s')}" in capsys.readouterr().err


# --- the command ---------------------------------------------------------------------------------

COMMAND = ["export", "cog-20", "--batches", "3", "--batch-size", "2", "--seq-len", "80"]


def test_the_command_exports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "data.npz"
    options = ["--seed", "4", "--dt", "50", "--noise", "yang", "--first", "7", "--dim-ring", "8"]
    assert cli.main([*COMMAND, "-o", str(path), *options]) == 0
    out, err = capsys.readouterr()
    assert out == f"{path}: 3 batches of 80 x 2 steps.\n"
    assert err.splitlines()[-1].startswith("3/3 batches")
    sampler = modcog.BatchSampler(
        "cog-20", batch_size=2, seq_len=80, seed=4, dt=50, noise="yang", dim_ring=8
    )
    np.testing.assert_array_equal(read(path)[0]["inputs"][1], sampler.batch(8).inputs)
    assert cli.main([*COMMAND, "-o", str(path)]) == 2
    assert "Pass overwrite (--overwrite)" in capsys.readouterr().err
    assert cli.main([*COMMAND, "-o", str(path), "--resume"]) == 2
    assert capsys.readouterr().err.startswith("modcog export: dt must be 50.0, as in")
    assert cli.main([*COMMAND, "-o", str(path), "--overwrite"]) == 0
    assert cli.main([*COMMAND, "-o", str(path), "--resume"]) == 0


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["-o", "data.doc"], "path must be a file name that ends in"),
        (
            ["-o", "data.npz", "--seq-len", "long"],
            '--seq-len must be a whole number of steps, or "',
        ),
        (["-o", "data.npz", "--seq-len", "3"], "seq_len must be at least 27 steps"),
        (["-o", "data.npz", "--batches", "0"], "n_batches must be a whole number of batches"),
        (["-o", "data.npz", "--seed", "-1"], "seed must be a whole number"),
    ],
)
def test_the_command_refuses_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    text: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main([*COMMAND, *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"modcog export: {text}")
    assert len(err.splitlines()) == 1


def program(*options: str) -> list[str]:
    return [str(Path(sys.executable).with_name("modcog")), *COMMAND, "--batches", "3000", *options]


def begun(path: Path) -> Iterator[int]:
    """Batches recorded by a process that runs."""
    record = path.with_name(f"{path.name}.part") / "progress.json"
    while True:
        time.sleep(0.05)
        yield json.loads(record.read_text())["done"] if record.exists() else -1


def test_ctrl_c_leaves_a_part_to_go_on_with(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    command = program("-o", str(path))
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert next(done for done in begun(path) if done >= 0) == 0
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130
    (line,) = [line for line in err.splitlines() if line.startswith("modcog")]
    assert line.startswith("modcog export: stopped after ")
    assert line.endswith(" of 3000 batches. Give the same command with --resume to go on.")
    assert not path.exists()
    assert path.with_name("data.npz.part").is_dir()


@pytest.mark.drill
def test_a_killed_export_goes_on_to_the_same_result(tmp_path: Path, suffix: str) -> None:
    path, whole = tmp_path / f"data{suffix}", tmp_path / f"whole{suffix}"
    process = subprocess.Popen(program("-o", str(path)), stderr=subprocess.DEVNULL)
    assert next(done for done in begun(path) if done >= 0) == 0
    time.sleep(0.5)
    process.kill()
    process.wait()
    assert not path.exists()
    subprocess.run(program("-o", str(path), "--resume"), check=True, stderr=subprocess.DEVNULL)
    subprocess.run(program("-o", str(whole)), check=True, stderr=subprocess.DEVNULL)
    assert_same_exports(path, whole)


def _no_large_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (8 << 20, 8 << 20))


@pytest.mark.drill
@pytest.mark.parametrize("suffix", [".h5", ".npz"])
def test_a_file_that_may_not_grow_is_told_and_gone_on_with(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"data{suffix}"
    command = program("-o", str(path))
    result = subprocess.run(
        command, preexec_fn=_no_large_files, capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert "File too large" in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr
    assert not path.exists()
    subprocess.run([*command, "--resume"], check=True, stderr=subprocess.DEVNULL)
    assert read(path)[0]["inputs"].shape[0] == 3000


# --- the progress bar ----------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_progress_bar_draws_a_bar_on_a_terminal_and_lines_in_a_log() -> None:
    times = [0.0, 1.0, 1.01, 2.0, 10.0]
    texts = []
    for stream in (Terminal(), io.StringIO()):
        bar = ProgressBar("batches", stream, iter(times).__next__)
        for done in (0, 10, 11, 20, 80):
            bar(done, 100)
        bar.close()
        texts.append(stream.getvalue())
    bar, log = texts
    assert log.splitlines() == ["0/100 batches", "80/100 batches, 8/s, 0:00:02 left"]
    drawn = bar.split("\r")[1:]
    assert drawn[0].startswith(f"[{'.' * 24}] 0/100 batches")
    assert drawn[1].startswith("[##......................] 10/100 batches, 10/s, 0:00:09 left")
    assert len(drawn) == 4  # 11/100 came too soon
    assert bar.endswith("\n")
