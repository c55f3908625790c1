"""The page "Which task for my question?": every row says something, and every task has a row."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

import modcog
from modcog.catalog.features import FEATURES

DOCS = Path(__file__).resolve().parent.parent / "docs"


def load() -> ModuleType:
    """The program that writes the tables; mkdocs loads it by its path too."""
    spec = importlib.util.spec_from_file_location("which_task", DOCS / "tools" / "which_task.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PAGE = load()


def rows(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in table.splitlines()[2:]]


@pytest.mark.parametrize(("question", "expression"), PAGE.QUESTIONS)
def test_a_question_is_asked_by_some_tasks_and_not_by_all(question: str, expression: str) -> None:
    names = modcog.suite(features=expression)
    assert question.endswith("?")
    assert 0 < len(names) < len(modcog.task_names())


def test_every_task_answers_a_question() -> None:
    found = {name for _, e in PAGE.QUESTIONS for name in modcog.suite(features=e)}
    assert found == set(modcog.task_names())


def test_the_page_has_all_its_tables() -> None:
    page = PAGE.filled((DOCS / "which_task.md").read_text(encoding="utf-8"))
    assert "<!--" not in page
    assert re.search(r"`context`\s*\| CtxDM1, CtxDM2, CtxDlyDM1, CtxDlyDM2 \| 36 \|", page)
    assert "| all but RTGo, RTAnti | 36 |" in page
    assert [row[0] for row in rows(PAGE.meanings())] == [f"`{name}`" for name in FEATURES]
    assert [row[0] for row in rows(PAGE.base_tasks())] == [f"`{n}`" for n in modcog.suite("cog-20")]
    every = rows(PAGE.all_tasks())
    assert [row[0] for row in every] == [f"`{name}`" for name in modcog.task_names()]
    assert {len(row) for row in every} == {1 + len(FEATURES)}
