"""What a person sees of a sweep: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TextIO, cast

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn
from rich.table import Column

from sparse_rnn.system.output import Courtesy, fitted, plain
from sparse_rnn.training.progress import BAR_COLUMNS, LINE_EVERY_S, WIDE


@dataclass(frozen=True)
class Tally:
    """How far a sweep has come.

    Attributes:
        total: Number of runs.
        done: Runs that have ended well, those of earlier calls included.
        running: Runs that this call has given to workers.
        failed: Runs that are not tried again.
        elsewhere: Runs that another sweep or process works on.
        fresh: Runs that this call has brought to their end.
        steps: Gradient steps that this call has seen taken.
        steps_left: Gradient steps that are left.
        elapsed_s: Seconds since the call began.
        news: What happened since the last tally, such as an error, a line each.
    """

    total: int
    done: int
    running: int = 0
    failed: int = 0
    elsewhere: int = 0
    fresh: int = 0
    steps: int = 0
    steps_left: int = 0
    elapsed_s: float = 0.0
    news: tuple[str, ...] = ()

    @property
    def rate(self) -> float:
        """Gradient steps a second, over all runs."""
        return self.steps / self.elapsed_s if self.elapsed_s > 0 else 0.0

    @property
    def eta_s(self) -> float | None:
        """Seconds until the end at this rate; None while it is not known."""
        return self.steps_left / self.rate if self.rate > 0 else None

    def text(self) -> str:
        """One line."""
        return fitted(_parts(self), sys.maxsize)


def _parts(tally: Tally) -> list[tuple[int, str]]:
    """The parts of the line, with their ranks for a narrow terminal (`fitted`)."""
    elsewhere = f"{tally.elsewhere} in use elsewhere" if tally.elsewhere else ""
    per_hour = 3600 * tally.fresh / tally.elapsed_s if tally.elapsed_s > 0 else 0.0
    eta = "?" if tally.eta_s is None else duration(tally.eta_s)
    return [
        (0, f"{tally.done}/{tally.total} done"),
        (2, f"{tally.running} running"),
        (1, f"{tally.failed} failed"),
        (4, elsewhere),
        (6, f"{tally.rate:.0f} steps/s"),
        (5, f"{per_hour:.0f} runs/h"),
        (3, f"ETA {eta}" if tally.done + tally.failed < tally.total else ""),
    ]


Show = Callable[[Tally], None]
"""Called with how far the sweep has come, a few times a second."""

Progressing = Callable[[], AbstractContextManager[Show]]
"""Opens a display for a sweep."""


def duration(seconds: float) -> str:
    """A time in words.

    Example:
        >>> duration(42.3), duration(5000), duration(200_000)
        ('42 s', '1 h 23 min', '2 d 7 h')
    """
    whole = round(seconds)
    units = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))
    for i, (name, size) in enumerate(units):
        if whole >= size:
            rest = units[i + 1] if i + 1 < len(units) and name != "min" else None
            below = f" {whole % size // rest[1]} {rest[0]}" if rest else ""
            return f"{whole // size} {name}{below}"
    return "0 s"


@contextmanager
def silent() -> Generator[Show]:
    """Show nothing."""
    yield lambda tally: None  # noqa: ARG005 - the interface has the tally


def automatic(file: TextIO | None = None) -> AbstractContextManager[Show]:
    """Show a bar where `file` (standard error by default) is a terminal, lines elsewhere."""
    out = _courtesy(file)
    return bar(out) if out.isatty() else lines(out)


@contextmanager
def lines(file: TextIO | None = None) -> Generator[Show]:
    """Write a plain line every few seconds and where a run has ended, fit for the log of a job."""
    out = _courtesy(file)
    next_s = 0.0
    last = ""

    def show(tally: Tally) -> None:
        nonlocal next_s, last
        now_s = time.monotonic()
        ended = tally.done + tally.failed >= tally.total
        for line in tally.news:
            out.write(f"{plain(line)}\n")
        if (now_s >= next_s or ended) and tally.text() != last:
            next_s, last = now_s + LINE_EVERY_S, tally.text()
            out.write(f"{last}\n")
        out.flush()

    yield show


@contextmanager
def bar(file: TextIO | None = None) -> Generator[Show]:
    """Show a bar with the counts, rate and remaining time."""
    console = Console(file=_courtesy(file))
    columns: list[ProgressColumn] = [
        TextColumn("{task.fields[text]}", markup=False, table_column=Column(no_wrap=True))
    ]
    room = console.width - 1
    if console.width >= WIDE:
        columns.insert(0, BarColumn(bar_width=BAR_COLUMNS))
        room -= BAR_COLUMNS + 1
    with Progress(*columns, console=console, refresh_per_second=4) as display:
        task = display.add_task("sweep", total=1, text="")

        def show(tally: Tally) -> None:
            for line in tally.news:
                display.console.print(plain(line), markup=False, highlight=False)
            ended = tally.done + tally.failed
            display.update(
                task, total=tally.total, completed=ended, text=fitted(_parts(tally), room)
            )

        yield show


def _courtesy(file: TextIO | None) -> TextIO:
    """A stream, by default the standard error, that ends no sweep where nobody reads it."""
    return cast("TextIO", Courtesy(file or sys.stderr))
