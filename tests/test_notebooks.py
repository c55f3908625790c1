"""The notebooks run from top to bottom, and what they say of the tasks is so."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("marimo")
from docs.tools import notebooks

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
EVERY = sorted(NOTEBOOKS.glob("*.py"))


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


@pytest.mark.slow
def test_the_page_of_a_notebook_is_what_it_shows(tmp_path: Path) -> None:
    path = NOTEBOOKS / "task_from_pieces.py"
    shown = notebooks.page(path, notebooks.outputs(path), tmp_path)
    assert shown == (notebooks.PAGES / "task_from_pieces.md").read_text(encoding="utf-8")
    assert len(list(tmp_path.glob("*.png"))) == 4


@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.name)
def test_pages_have_the_code_and_the_figures_of_their_notebooks(path: Path) -> None:
    page = (notebooks.PAGES / f"{path.stem}.md").read_text(encoding="utf-8")
    shown = re.findall(r"```python\n(.*?)\n```", page, flags=re.DOTALL)
    code = notebooks.cells(path.read_text(encoding="utf-8"))
    assert shown == [cell for cell in code if cell], "run: python -m docs.tools.notebooks"
    figures = re.findall(r"!\[[^]]+\]\((.+?)\)", page)
    there = {file.name for file in notebooks.PAGES.glob(f"{path.stem}*.png")}
    assert set(figures) == there


@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.name)
def test_notebooks_are_named_in_the_documentation(path: Path) -> None:
    assert path.name in (NOTEBOOKS.parent / "README.md").read_text(encoding="utf-8")
