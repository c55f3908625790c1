"""The notebooks as pages: their text, their code, and what came of it when it last ran.

``python -m docs.tools.notebooks`` runs the notebooks and writes ``docs/notebooks``: some minutes,
as one of them trains networks. The build of the site shows the pages as they lie there. marimo's
own export is no way to them: its pages load their scripts from another host.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import itertools
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple
from unittest import mock

from matplotlib.figure import Figure

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
PAGES = ROOT / "docs" / "notebooks"
DPI = 110
NEEDS = 'Needs: `pip install ".[rnn,explore]"`.'
NOT_RUN = "<!-- not run: the tests run the notebook itself -->"


class Tabs(NamedTuple):
    """Contents by title; a page shows them one below the other."""

    contents: Mapping[str, Any]


def cells(source: str) -> list[str]:
    """The code of each cell of a notebook that a page shows.

    Of a cell that ends in text (``mo.md``), the page shows the text and not how it is put together.
    """
    found: list[str] = []
    for node in ast.parse(source).body:
        if not isinstance(node, ast.FunctionDef):
            continue
        body = [part for part in node.body if not isinstance(part, ast.Return)]
        is_text = ast.unparse(body[-1]).startswith("mo.md(")
        shown = body[:-1] if is_text else body
        lines = source.splitlines()[shown[0].lineno - 1 : shown[-1].end_lineno] if shown else []
        found.append(textwrap.dedent("\n".join(lines)))
    return found


def outputs(path: Path) -> tuple[Any, ...]:
    """Run a notebook, and return what its cells show, in order: texts, figures, tabs, lists."""
    import marimo

    shown = {"md": inspect.cleandoc, "vstack": list, "ui": mock.Mock(tabs=Tabs)}
    with mock.patch.multiple(marimo, **shown):
        return _loaded(path).app.run()[0]


def _loaded(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def page(path: Path, shown: tuple[Any, ...], folder: Path) -> str:
    """The page of a notebook, in Markdown; its figures go into a folder.

    Args:
        path: The notebook, whose first cell has the title.
        shown: What its cells show.
        folder: Where the figures go.
    """
    (first, *others), (title, *rest) = cells(path.read_text(encoding="utf-8")), shown
    told = (
        f"This is [notebooks/{path.name}](../../notebooks/{path.name}) as it ran. In a checkout, "
        f"`marimo edit notebooks/{path.name}` runs it and lets you change it."
    )
    parts = [*_written(title, folder, iter(())), NEEDS, _wrapped(told), _fenced(first)]
    figures = (f"{path.stem}-{number}.png" for number in itertools.count(1))
    for code, output in zip(others, rest, strict=True):
        parts += [_fenced(code), *_written(output, folder, figures)]
    return "\n\n".join(filter(None, parts)) + "\n"


def _fenced(code: str) -> str:
    return f"{NOT_RUN}\n```python\n{code}\n```" if code else ""


def _written(output: Any, folder: Path, figures: Iterator[str], title: str = "") -> list[str]:
    """An output as paragraphs of Markdown."""
    match output:
        case None:
            return []
        case str():
            return [_wrapped(output)]
        case Figure():
            name = next(figures)
            output.savefig(folder / name, dpi=DPI)
            return [f"![{title or 'What the cell above draws'}]({name})"]
        case Tabs(contents):
            return [
                part
                for name, content in contents.items()
                for part in (f"### {name}", *_written(content, folder, figures, name))
            ]
        case list():
            return [part for one in output for part in _written(one, folder, figures, title)]
        case _:
            raise TypeError(f"A page shows no {type(output).__name__}.")


def _wrapped(text: str) -> str:
    """Text with its long paragraphs in lines of at most 100 characters."""

    def filled(paragraph: str) -> str:
        if paragraph.startswith(("#", "|", "- ", " ")):
            return paragraph
        return textwrap.fill(paragraph, 100, break_long_words=False, break_on_hyphens=False)

    return "\n\n".join(filled(part) for part in re.split(r"\n\s*\n", text))


def main(names: list[str]) -> None:
    """Run the notebooks of these names, or all of them, and write their pages."""
    PAGES.mkdir(exist_ok=True)
    for path in sorted(NOTEBOOKS.glob("*.py")):
        if names and path.stem not in names:
            continue
        for old in PAGES.glob(f"{path.stem}*"):
            old.unlink()
        text = page(path, outputs(path), PAGES)
        (PAGES / f"{path.stem}.md").write_text(text, encoding="utf-8")
        print(f"{path.stem}: {len(text)} characters")


if __name__ == "__main__":
    main(sys.argv[1:])
