"""The notebooks run from top to bottom, and what they say of the tasks is so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("marimo")
NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"


def defined(name: str, cwd: Path, *names: str, **environment: str) -> list[str]:
    """Run a notebook in a process of its own; return the reprs of variables that it defines."""
    code = (
        "import sys, importlib.util\n"
        "spec = importlib.util.spec_from_file_location('notebook', sys.argv[1])\n"
        "module = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(module)\n"
        "_, variables = module.app.run()\n"
        "for name in sys.argv[2:]:\n"
        "    print(repr(variables[name]))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, NOTEBOOKS / f"{name}.py", *names],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout.splitlines()


@pytest.mark.slow
def test_task_from_pieces(tmp_path: Path) -> None:
    told = defined("task_from_pieces", tmp_path, "same_inputs", "same_task", "starts", "by_delay")
    same_inputs, same_task, starts, by_delay = map(eval, told)  # reprs of our own notebook
    assert same_inputs
    assert same_task
    # 500 ms to the left are five units; Seq begins where the task without it answers.
    assert starts == {"DlyGo": 6, "DlyGo_IntL": 1, "DlyGo_SeqR": 6, "DlyGo_IntL_SeqR": 1}
    assert by_delay == {ms: [-ms // 100 % 16] for ms in range(100, 1101, 100)}


@pytest.mark.slow
def test_local_beats_dense(tmp_path: Path) -> None:
    (scores,) = defined(
        "local_beats_dense", tmp_path, "scores", MODCOG_STEPS="3", OMP_NUM_THREADS="1"
    )[:1]
    assert "local" in scores
    assert "dense" in scores


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.py")), ids=lambda path: path.name)
def test_notebooks_are_named_in_the_documentation(path: Path) -> None:
    assert path.name in (NOTEBOOKS.parent / "README.md").read_text(encoding="utf-8")
