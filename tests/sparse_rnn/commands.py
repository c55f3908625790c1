"""The command sparse-rnn as tests call it."""

from __future__ import annotations

import io
import re
import shlex
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from sparse_rnn import cli

SMALL = shlex.split(
    "train --suite Go DlyGo --arch locality --size 4x4 --radius 1 --steps 4 --batch-size 2 "
    "--seq-len 45 --eval-every 2 --eval-batches 1 --final-batches 2"
)


def status(*words: str | Path) -> int:
    """Exit status of the command, however it ends."""
    try:
        return cli.main([str(word) for word in words])
    except SystemExit as end:
        return int(end.code or 0)


class Terminal(io.StringIO):
    """What is written to a terminal."""

    def isatty(self) -> bool:
        """Yes."""
        return True


def drawn_lines(
    monkeypatch: pytest.MonkeyPatch,
    columns: int,
    display: Callable[[Terminal], AbstractContextManager[Callable[[Any], None]]],
    messages: Iterable[Any],
) -> list[str]:
    """The lines that a display draws on a terminal so wide."""
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    file = Terminal()
    with display(file) as show:
        for message in messages:
            show(message)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", file.getvalue())
    return [line for line in re.split("[\r\n]", plain) if line.strip()]
