"""What a person sees of a training run: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from typing import Any, TextIO, cast

from sparse_rnn.config.fit import FitConfig
from sparse_rnn.evaluation.history import Record
from sparse_rnn.system.output import Courtesy, fitted

OnStep = Callable[[Record], None]
"""Called with the record of each gradient step."""

Display = Callable[[FitConfig], AbstractContextManager[OnStep]]
"""Opens a display for a run."""

WIDE, BAR_COLUMNS = 100, 20
"""Columns of a terminal that has room for a bar, and those of the bar."""

LINE_EVERY_S = 5.0
"""Seconds between the lines of a display without a terminal."""

BURSTS_TOLD = 5
"""Bursts of the gradient or the loss that have a line each there; the end says how many there were.
"""


@contextmanager
def silent(config: FitConfig) -> Generator[OnStep]:
    """Show nothing."""
    del config
    yield lambda record: None  # noqa: ARG005 - the interface has the record


def automatic(config: FitConfig, file: TextIO | None = None) -> AbstractContextManager[OnStep]:
    """Show a bar where `file` (standard error by default) is a terminal, lines elsewhere."""
    out = _courtesy(file)
    return bar(config, out) if out.isatty() else lines(config, out)


@contextmanager
def bar(config: FitConfig, file: TextIO | None = None) -> Generator[OnStep]:
    """Show how far it is, rate, remaining time, loss and held-out accuracy: what fits in a line."""
    from rich.console import Console  # slow to import, and most runs show no bar
    from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn
    from rich.table import Column

    console = Console(file=_courtesy(file))
    columns: list[ProgressColumn] = [
        TextColumn("{task.fields[text]}", markup=False, table_column=Column(no_wrap=True))
    ]
    room = console.width - 1
    if console.width >= WIDE:
        columns.insert(0, BarColumn(bar_width=BAR_COLUMNS))
        room -= BAR_COLUMNS + 1
    with Progress(*columns, console=console, refresh_per_second=4) as display:
        start = fitted([(5, _title(config)), (0, f"0/{config.steps}")], room)
        task = display.add_task("", total=config.steps, text=start)
        accuracy, n_bursts = "", 0

        def on_step(record: Record) -> None:
            nonlocal accuracy, n_bursts
            accuracy = _accuracy(record).strip() or accuracy
            n_bursts += record.is_burst
            left_s = round(record.elapsed_s / record.step * (config.steps - record.step))
            parts = [
                (5, _title(config)),
                (0, f"{record.step}/{config.steps}"),
                (4, f"{_rate(record):.1f}/s"),
                (3, f"ETA {left_s // 3600}:{left_s // 60 % 60:02d}:{left_s % 60:02d}"),
                (1, f"loss {record.loss:.3f}"),
                (2, accuracy),
                (3, f"{n_bursts} burst{'s' * (n_bursts > 1)}" if n_bursts else ""),
            ]
            display.update(task, completed=record.step, text=fitted(parts, room))

        yield on_step


@contextmanager
def lines(config: FitConfig, file: TextIO | None = None) -> Generator[OnStep]:
    """Write a plain line every few seconds and at each evaluation, fit for the log of a job."""
    out = _courtesy(file)
    next_s, n_bursts = time.monotonic() + LINE_EVERY_S, 0

    def on_step(record: Record) -> None:
        nonlocal next_s, n_bursts
        now = time.monotonic()
        n_bursts += record.is_burst
        # Each of the first bursts is worth a line; a run that bursts for ever is not.
        told = record.is_burst and n_bursts <= BURSTS_TOLD
        quiet = record.scores is None and now < next_s and record.step < config.steps
        if quiet and not told:
            return
        next_s = now + LINE_EVERY_S
        left_s = record.elapsed_s / record.step * (config.steps - record.step)
        out.write(
            f"{_title(config)}  step {record.step}/{config.steps}  "
            f"{_rate(record):.1f} steps/s  "
            f"ETA {left_s:.0f} s  loss {record.loss:.3f}{_accuracy(record)}"
            f"{_burst(record)}\n"
        )
        out.flush()

    yield on_step


def lasting(display: Display) -> Display:
    """Make a display that a run outlives: once nobody reads it, it shows nothing.

    The reader of a pipe, such as ``head``, may have what it wanted; the run goes on.
    """

    @contextmanager
    def shown(config: FitConfig) -> Generator[OnStep]:
        opened = display(config)
        show: OnStep | None = None

        def on_step(record: Record) -> None:
            nonlocal show
            if show is not None:
                try:
                    show(record)
                except BrokenPipeError:
                    show = None

        def close(*error: Any) -> bool | None:
            try:
                return opened.__exit__(*error)
            except BrokenPipeError:
                return None

        with ExitStack() as stack:
            with suppress(BrokenPipeError):
                show = opened.__enter__()
                stack.push(close)
            yield on_step

    return shown


def _courtesy(file: TextIO | None) -> TextIO:
    """A stream, by default the standard error, that ends no run where nobody reads it any more."""
    return cast("TextIO", Courtesy(file or sys.stderr))


def _title(config: FitConfig) -> str:
    """The network where the configuration has one, else the suite."""
    arch, size = getattr(config, "arch", None), getattr(config, "size", ())
    radius = getattr(config, "radius", None)
    if arch is None:
        return config.suite if isinstance(config.suite, str) else f"{len(config.suite)} tasks"
    return f"{arch} {'x'.join(str(side) for side in size)}" + (
        "" if radius is None else f" d={radius:g}"
    )


def _rate(record: Record) -> float:
    """Steps a second since training began."""
    return record.step / max(record.elapsed_s, 1e-9)


def _burst(record: Record) -> str:
    return f"  BURST (gradient norm {record.grad_norm:.3g})" if record.is_burst else ""


def _accuracy(record: Record) -> str:
    if record.scores is None:
        return ""
    return f"  accuracy {record.scores.mean('final_accuracy'):.3f}"
