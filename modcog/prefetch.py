"""Batches drawn ahead in a background thread."""

from __future__ import annotations

import queue
import threading
import weakref
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from modcog.errors import whole_number

Item = TypeVar("Item")

_POLL_S = 0.05
"""How often a thread that waits for room looks whether it shall stop."""


class Prefetch(Generic[Item]):
    """Iterates over batches that a background thread draws ahead.

    The batches and their order are those of `batches`. At most ``depth + 1`` of them exist that
    the consumer has not taken. An error in the thread is raised in the consumer, after the batches
    before it. Leaving a ``with`` block, `close`, or dropping the object ends the thread.

    Args:
        batches: Anything that can be iterated over, such as a `BatchSampler`.
        depth: How many batches are kept ready.

    Raises:
        InvalidArgument: `depth` is not a whole number of at least 1.

    Example:
        >>> import modcog
        >>> sampler = modcog.BatchSampler("cog-20", batch_size=4, seq_len=100, seed=0)
        >>> with Prefetch(sampler) as batches:
        ...     for step, batch in zip(range(3), batches):
        ...         print(step, batch.inputs.shape)
        0 (100, 4, 53)
        1 (100, 4, 53)
        2 (100, 4, 53)
    """

    def __init__(self, batches: Iterable[Item], depth: int = 2) -> None:
        ready: queue.Queue[Any] = queue.Queue(whole_number("depth", depth, "batches"))
        stop = threading.Event()
        self._ready = ready
        self._ended = False
        # The thread knows the queue and the event but not this object, which can then be dropped.
        self._thread = threading.Thread(
            target=_produce, args=(iter(batches), ready, stop), name="modcog-prefetch", daemon=True
        )
        self._stop = weakref.finalize(self, stop.set)
        self._thread.start()

    def __iter__(self) -> Iterator[Item]:
        """The object itself."""
        return self

    def __next__(self) -> Item:
        """The next batch; waits for it if need be."""
        if self._ended or not self._stop.alive:
            raise StopIteration
        item, error = self._ready.get()
        if error is None:
            return item
        self._ended = True
        if isinstance(error, StopIteration):
            raise StopIteration
        raise error

    def close(self) -> None:
        """End the thread and give the batches up; safe to call twice."""
        self._stop()
        self._thread.join()
        while not self._ready.empty():
            self._ready.get_nowait()

    def __enter__(self) -> Self:
        """Use as a context, which closes it at the end."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()


def _produce(batches: Iterator[Any], ready: queue.Queue[Any], stop: threading.Event) -> None:
    """Put batches, and at the end the reason for the end, until told to stop."""
    while not stop.is_set():
        try:
            entry = (next(batches), None)
        except BaseException as error:
            entry = (None, error)
        while not stop.is_set():
            try:
                ready.put(entry, timeout=_POLL_S)
                break
            except queue.Full:
                continue
        if entry[1] is not None:
            return
