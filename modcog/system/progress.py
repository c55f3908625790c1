"""How far a long command is, on one line of a terminal or in lines of a log."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from typing import TextIO

from modcog.system.output import Courtesy

NARROW = 72
"""A terminal of so many columns has no room for a bar."""

BAR_WIDTH = 24
TERMINAL_S = 0.1
LOG_S = 5.0
"""Shortest times between two messages, in seconds."""


class ProgressBar:
    """Writes how many parts of a whole are done, at which rate, and how long the rest takes.

    Args:
        what: What is counted, such as "batches".
        stream: Where to write; the standard error by default. On a terminal the line is redrawn.
        clock: Gives the time in seconds.

    Attributes:
        done: Parts done.
        total: All parts; 0 before the first message.
    """

    def __init__(
        self,
        what: str,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.done = 0
        self.total = 0
        self._what = what
        self._stream = Courtesy(sys.stderr if stream is None else stream)
        self._clock = clock
        self._terminal = self._stream.isatty()
        self._began: tuple[int, float] | None = None
        self._said_at = -float("inf")
        self._drawn = False

    def __call__(self, done: int, total: int) -> None:
        """Take note, and say so if it is time."""
        now = self._clock()
        if self._began is None:
            self._began = (done, now)
        self.done, self.total = done, total
        if done < total and now - self._said_at < (TERMINAL_S if self._terminal else LOG_S):
            return
        self._said_at = now
        text = self._text(now)
        if self._terminal:
            # A line that wraps would not be drawn over.
            room = shutil.get_terminal_size().columns - 1
            self._stream.write(f"\r{text[:room]}\x1b[K")
            self._drawn = True
        else:
            self._stream.write(f"{text}\n")
        self._stream.flush()

    def close(self) -> None:
        """End the line on a terminal."""
        if self._drawn:
            self._stream.write("\n")
            self._drawn = False

    def _text(self, now: float) -> str:
        assert self._began is not None  # set before the first text
        first, began = self._began
        text = f"{self.done}/{self.total} {self._what}"
        if self._terminal and shutil.get_terminal_size().columns > NARROW:
            filled = BAR_WIDTH * self.done // self.total
            text = f"[{'#' * filled}{'.' * (BAR_WIDTH - filled)}] {text}"
        if self.done == first or now <= began:
            return text
        rate = (self.done - first) / (now - began)
        left = round((self.total - self.done) / rate)
        return f"{text}, {rate:.3g}/s, {left // 3600}:{left // 60 % 60:02d}:{left % 60:02d} left"
