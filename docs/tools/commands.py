"""The reference of the commands: what each prints with ``--help``, at the time of the build."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PROGRAMS = ("modcog", "sparse-rnn")
COLUMNS = "92"
"""Width of the help texts: a code block of the site shows as many characters."""

_INTRO = """# Commands

Written by the commands themselves when this site was built: each section is what the command prints
with `--help`. `sparse-rnn --tyro-print-completion bash` prints a completion for the shell.
"""


def page() -> str:
    """The whole page as Markdown."""
    with ThreadPoolExecutor() as pool:  # each help text is a process that mostly imports
        return _INTRO + "".join(s for name in PROGRAMS for s in sections((name,), pool))


def sections(words: tuple[str, ...], pool: ThreadPoolExecutor, text: str = "") -> list[str]:
    """A section for a command and one for each of its subcommands, whatever their depth."""
    text = text or help_of(words)
    heading = f"\n{'#' * (len(words) + 1)} {' '.join(words)}\n\n```text\n{text}\n```\n"
    inner = [(*words, word) for word in subcommands(text)]
    texts = pool.map(help_of, inner)
    return [heading, *(s for w, t in zip(inner, texts, strict=True) for s in sections(w, pool, t))]


def subcommands(text: str) -> list[str]:
    """Names of subcommands: usage lists them in braces that follow no option."""
    usage = text.split("\n\n", 1)[0]
    found = re.search(r"(?<![\w-] )\{([a-z][a-z,-]*)\}", re.sub(r"\[[^]]*\]", "", usage))
    return found[1].split(",") if found else []


def help_of(words: tuple[str, ...]) -> str:
    """What a command prints with ``--help``, without colours."""
    program, *rest = words
    result = subprocess.run(
        [Path(sys.executable).with_name(program), *rest, "--help"],
        env={**os.environ, "COLUMNS": COLUMNS, "NO_COLOR": "1", "TERM": "dumb"},
        capture_output=True,
        text=True,
        check=True,
    )
    return "\n".join(wrapped(line.rstrip()) for line in result.stdout.strip().splitlines())


def wrapped(line: str) -> str:
    """Break a line of prose; boxes and columns are broken already."""
    return line if re.match(r"[\s╭│╰]", line) else textwrap.fill(line, int(COLUMNS))
