"""Pages as their readers run them: what the copy buttons give, in an empty folder.

A page says in its first lines what it needs, as ``Needs: `pip install ".[rnn]"`.`` An environment
with that and nothing else is made of links into the environment that the tests run in, so that it
costs no download and holds the pinned versions.
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
import venv
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement

from docs.tools import sessions

ROOT = Path(__file__).resolve().parent.parent
HEAD = 12
"""Lines from the top of a page within which it says what it needs."""


class Block(NamedTuple):
    """A block of code: its language and text, and whether a reader is told not to run it."""

    language: str
    text: str
    run: bool


def blocks(markdown: str) -> list[Block]:
    """The sessions and commands of a page, in order."""
    found = re.findall(
        r"^(<!-- not run: [^>]+ -->\n)?```(python|sh)\n(.*?)^```", markdown, flags=re.M | re.S
    )
    return [Block(language, text, not comment) for comment, language, text in found]


def needs(markdown: str) -> tuple[str, ...] | None:
    """What pip is asked for at the top of a page; None where it does not say."""
    top = "\n".join(markdown.splitlines()[:HEAD])
    told = re.search(r"^Needs:\s+`pip install ([^`]+)`", top, flags=re.M)
    return None if told is None else tuple(shlex.split(told[1]))


def script(markdown: str) -> str:
    """All code of a page as one program, top to bottom.

    Commands run in the shell at their place. A session that shows an error must raise that error.
    """
    parts: list[str] = []
    for block in blocks(markdown):
        if not block.run:
            continue
        if block.language == "sh":
            command = ["bash", "-euo", "pipefail", "-c", block.text]
            parts.append(f"__import__('subprocess').run({command!r}, check=True)\n")
        else:
            parts.append(expecting(raised(block.text), sessions.code(block.text)))
    return "\n".join(parts)


def raised(session: str) -> str | None:
    """The name of the error that a session ends with."""
    last = doctest.DocTestParser().get_examples(session)[-1]
    return None if last.exc_msg is None else last.exc_msg.partition(":")[0].rpartition(".")[2]


def expecting(error: str | None, code: str) -> str:
    """Code that fails unless it raises the error."""
    if error is None:
        return code
    return (
        "try:\n"
        f"    exec(compile({code!r}, 'a session that raises', 'exec'))\n"
        "except Exception as __error:\n"
        f"    if type(__error).__name__ != {error!r}: raise\n"
        "else:\n"
        f"    raise AssertionError('{error} was not raised')\n"
    )


def distributions(requirements: tuple[str, ...]) -> dict[str, Distribution]:
    """Installed distributions, and those that they need, by name.

    Raises:
        PackageNotFoundError: If one is not installed here.
    """
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [Requirement(re.sub(r"^\.", "modcog", text)) for text in requirements]
    while waiting:
        wanted = waiting.pop()
        for extra in ("", *wanted.extras):
            if (wanted.name, extra) in seen:
                continue
            seen.add((wanted.name, extra))
            found[wanted.name] = distribution(wanted.name)
            asked = map(Requirement, found[wanted.name].requires or [])
            waiting += [r for r in asked if r.marker is None or r.marker.evaluate({"extra": extra})]
    return found


def environment(folder: Path, requirements: tuple[str, ...]) -> Path:
    """Make an environment with what is asked for and nothing else; return its interpreter."""
    wanted = distributions(requirements)
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    (packages,) = folder.glob("lib/python*/site-packages")
    for found in wanted.values():
        for name in {file.parts[0] for file in found.files or []} - {"..", "__pycache__"}:
            link(packages / name, Path(str(found.locate_file(name))))
    for package in ("modcog", "sparse_rnn"):  # an editable installation holds neither
        link(packages / package, ROOT / package)
    for entry in wanted["modcog"].entry_points.select(group="console_scripts"):
        program = folder / "bin" / entry.name
        program.write_text(
            f"#!{python}\nimport sys\nfrom {entry.module} import {entry.attr}\n"
            f"if __name__ == '__main__':\n    sys.exit({entry.attr}())\n",
            encoding="utf-8",
        )
        program.chmod(0o755)
    return python


def link(name: Path, target: Path) -> None:
    """Link a file or folder of a distribution, unless a part of it is code for an editable one."""
    if not name.exists() and target.suffix != ".pth":
        name.symlink_to(target)


def run(program: Path, python: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder, with the commands of its environment before all others."""
    inherited = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return subprocess.run(
        [python, program],
        cwd=folder,
        env={**inherited, "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )


def main() -> None:
    """Print the program of a page: ``python -m tests.copied docs/howto.md``."""
    sys.stdout.write(script(Path(sys.argv[1]).read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
