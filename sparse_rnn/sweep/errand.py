"""`Errand`: a call that may take its time, in a thread of its own, so that nobody waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Errand:
    """Makes a call again and again, never twice at once; its errors are kept for who asks.

    The thread is a daemon: a call that never returns keeps no process alive.

    Args:
        call: What is called.
        every_s: Seconds at least between the end of one call and the start of the next.

    Attributes:
        error: What the newest call that has ended raised, or None.
    """

    def __init__(self, call: Callable[[], None], every_s: float = 0.0) -> None:
        self.error: Exception | None = None
        self._call = call
        self._every_s = every_s
        self._due_s = 0.0
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin the call, where it is due and none is on its way."""
        if not self.on_its_way() and time.monotonic() >= self._due_s:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()

    def on_its_way(self) -> bool:
        """Whether a call has begun and not ended."""
        return self._thread is not None and self._thread.is_alive()

    def wait(self, timeout_s: float) -> None:
        """Wait for the end of a call that is on its way, but not longer than a time."""
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            self._call()
            self.error = None
        except Exception as error:  # Nobody is above a thread: whoever sent it looks at this.
            self.error = error
        self._due_s = time.monotonic() + self._every_s
