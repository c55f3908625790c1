"""Whoever copies a page from top to bottom, with what it says it needs, has code that runs."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from docs.tools import sessions, tables
from tests import copied

DOCS = copied.ROOT / "docs"
TEXTS = {
    path.relative_to(DOCS).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted(DOCS.rglob("*.md"))
}
PAGES = [name for name, text in TEXTS.items() if any(b.run for b in copied.blocks(text))]


@pytest.fixture(scope="module")
def python_with(tmp_path_factory: pytest.TempPathFactory) -> Callable[[tuple[str, ...]], Path]:
    """An interpreter that has what a page needs; made once for all pages that need the same."""
    return functools.cache(
        lambda needs: copied.environment(tmp_path_factory.mktemp("environment") / "env", needs)
    )


@pytest.mark.parametrize("name", PAGES)
def test_pages_with_code_say_what_they_need(name: str) -> None:
    assert copied.needs(TEXTS[name]) is not None, "say it below the title: Needs: `pip install .`"
    assert "getfixture" not in TEXTS[name]


@pytest.mark.docs
@pytest.mark.parametrize("name", PAGES)
def test_pages_run_as_copied(
    name: str, python_with: Callable[[tuple[str, ...]], Path], tmp_path: Path
) -> None:
    needs = copied.needs(TEXTS[name])
    assert needs is not None
    try:
        python = python_with(needs)
    except PackageNotFoundError as missing:
        pytest.skip(f"{missing.name} is not installed")
    program = tmp_path / "page.py"
    program.write_text(copied.script(TEXTS[name]), encoding="utf-8")
    (tmp_path / "empty").mkdir()
    result = copied.run(program, python, tmp_path / "empty")
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-4000:]


@pytest.mark.docs
def test_an_environment_has_nothing_but_what_is_asked_for(
    python_with: Callable[[tuple[str, ...]], Path],
) -> None:
    def imports(needs: tuple[str, ...], *names: str) -> list[bool]:
        code = f"from importlib.util import find_spec as f; print([bool(f(n)) for n in {names}])"
        done = subprocess.run(
            [python_with(needs), "-I", "-c", code], capture_output=True, text=True, check=True
        )
        return eval(done.stdout)  # a list of bool that the line above printed

    names = ("modcog", "numpy", "torch", "numba", "pandas", "pytest", "pip")
    assert imports((".",), *names) == [True, True, False, False, False, False, False]
    assert imports((".[rnn]", "pandas"), *names) == [True, True, True, False, True, False, False]


SESSION = """\
>>> import math  # kept
>>> math.pi  # doctest: +SKIP
>>> for i in range(2):
...     print(i)
...
0
1
>>> math.floor(
...     1.5)
1
>>> math.sqrt(-1)
Traceback (most recent call last):
    ...
ValueError: math domain error

"""


def test_code_of_a_session_has_no_prompts_and_no_outputs() -> None:
    assert sessions.code(SESSION) == (
        "import math  # kept\nmath.pi\nfor i in range(2):\n    print(i)\n\nmath.floor(\n    1.5)\n"
        "math.sqrt(-1)\n"
    )


def test_a_block_carries_the_code_that_is_copied() -> None:
    page = (
        '<div class="highlight"><pre><span></span><code><span class="gp">&gt;&gt;&gt; </span>'
        '<span class="n">print</span>(<span>&quot;a&lt;b&quot;</span>)\n'
        '<span class="go">a&lt;b</span>\n</code></pre></div>'
        '<div class="highlight"><pre><span></span><code>modcog list\n</code></pre></div>'
    )
    marked = sessions.with_copied_code(page)
    assert marked.count("data-copy") == 1
    assert 'data-copy="print(&quot;a&lt;b&quot;)&#10;"><pre>' in marked


def test_a_page_is_one_program() -> None:
    page = f"```python\n{SESSION}```\n```sh\necho a > b\n```\n<!-- not run: no -->\n```sh\nc\n```\n"
    program = copied.script(page)
    compile(program, "page", "exec")
    assert "ValueError" in program
    assert "echo a > b" in program
    assert len(copied.blocks(page)) == 3
    assert copied.needs('# A\n\nNeeds: `pip install ".[rnn]" pandas`.\n') == (".[rnn]", "pandas")


def test_cells_of_wide_tables_carry_the_headings() -> None:
    head = "<thead><tr><th></th><th><code>a</code> &lt;</th><th>c</th></tr></thead>"
    rows = '<tr><td>1</td><td>2 ms</td><td style="x">3</td></tr>' * 2
    folded = tables.folding(f"<table>{head}{rows}</table>")
    row = (
        '<tr><td data-label="">1</td><td data-label="a &lt;">2&nbsp;ms</td>'
        '<td data-label="c" style="x">3</td></tr>'
    )
    assert folded == f'<table data-folds="">{head}{row * 2}</table>'
    narrow = "<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>"
    assert tables.folding(narrow) == narrow
