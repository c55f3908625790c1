"""Signals that ask a run to save itself and leave: SIGINT, SIGTERM and SIGUSR1.

Slurm sends SIGTERM before it ends a job, and SIGUSR1 where it is asked to
(``sbatch --signal=USR1@60``).
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType
from typing import Any

SIGNALS = tuple(
    signal.Signals[name] for name in ("SIGINT", "SIGTERM", "SIGUSR1") if hasattr(signal, name)
)
"""The signals that a run heeds; Windows has no SIGUSR1."""

OVER = signal.Signals(getattr(signal, "SIGXCPU", signal.SIGABRT))
"""What a run over its own time is asked with; it has only to differ from those above."""

KILL = signal.Signals(getattr(signal, "SIGKILL", signal.SIGTERM))
"""Ends a process at once; Windows has no other way than SIGTERM, which is one there."""

REQUEUE = signal.Signals.SIGUSR2 if hasattr(signal, "SIGUSR2") else None
"""What submitit has Slurm send to a job that shall go back into the queue; None on Windows."""


class StopRequest:
    """Whether a signal has come.

    Attributes:
        number: The signal, or None.
    """

    def __init__(self) -> None:
        self.number: signal.Signals | None = None

    def __bool__(self) -> bool:
        """Whether a signal has come."""
        return self.number is not None

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self.number is not None and number == signal.SIGINT:
            raise KeyboardInterrupt  # Who presses Ctrl-C twice does not want to wait.
        self.number = self.number or signal.Signals(number)


_CURRENT: ContextVar[StopRequest | None] = ContextVar("_CURRENT", default=None)


def ask(number: int) -> None:
    """Ask the run of this thread to save itself and leave, as a signal of that number would.

    Threads other than the main one get no signals; whoever looks after them calls this.
    """
    request = _CURRENT.get()
    if request is not None:
        request.number = request.number or signal.Signals(number)


@contextmanager
def watched() -> Generator[StopRequest]:
    """Catch `SIGNALS` and remember them; the handlers before come back at the end.

    A second SIGINT raises KeyboardInterrupt at once. Outside the main thread, where Python allows
    no handlers, no signal is caught; `ask` works there too.
    """
    request = StopRequest()
    token = _CURRENT.set(request)
    before: dict[signal.Signals, Any] = {}
    try:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                before[number] = signal.signal(number, request._on_signal)  # pyright: ignore[reportPrivateUsage] - for Python alone
        yield request
    finally:
        _CURRENT.reset(token)
        for number, handler in before.items():
            # None stands for a handler that was not installed from Python.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
