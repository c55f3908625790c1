"""Whoever copies an example of the reference alone has code that runs."""

from __future__ import annotations

import ast
import doctest
import inspect
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.every import every

pytest.importorskip("torch")
API = Path(__file__).resolve().parent.parent / "docs" / "api"
ENTRIES = [
    name
    for page in sorted(API.glob("*.md"))
    for name in re.findall(r"^::: (\S+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
]
IMPORTS = ast.Import | ast.ImportFrom


def docstrings() -> Iterator[tuple[str, str]]:
    """The docstrings with examples that the reference shows, by the names of what they document."""
    for entry in ENTRIES:
        thing = pkgutil.resolve_name(entry)
        documented = {entry: thing}
        if inspect.isclass(thing):
            members = {name: each for name, each in vars(thing).items() if name[0] != "_"}
            documented |= {f"{entry}.{name}": each for name, each in members.items()}
        for name, each in documented.items():
            if ">>> " in (inspect.getdoc(each) or ""):
                yield name, inspect.getdoc(each) or ""


EXAMPLES = dict(docstrings())


def code(name: str) -> str:
    """An example as it is copied, which does not say what comes out."""
    return "".join(each.source for each in doctest.DocTestParser().get_examples(EXAMPLES[name]))


def test_the_reference_has_examples() -> None:
    assert len(ENTRIES) > 200
    assert len(EXAMPLES) > 140


def test_no_example_uses_what_it_does_not_import(tmp_path: Path) -> None:
    for name in EXAMPLES:
        (tmp_path / f"{name.replace('.', '_')}.py").write_text(code(name), encoding="utf-8")
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F821", "."]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


@every("name", EXAMPLES)
def test_what_an_example_imports_is_there(name: str) -> None:
    imports = [node for node in ast.walk(ast.parse(code(name))) if isinstance(node, IMPORTS)]
    for node in imports:
        exec(compile(ast.Module([node], []), name, "exec"), {})


class Anything(doctest.OutputChecker):
    """The tests of the modules compare what comes out."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        del want, got, optionflags
        return True


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs_in_a_fresh_namespace(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    test = doctest.DocTestParser().get_doctest(EXAMPLES[name], {}, name, None, 0)
    told: list[str] = []
    doctest.DocTestRunner(Anything(), verbose=False).run(test, out=told.append)
    assert not told, "".join(told)
