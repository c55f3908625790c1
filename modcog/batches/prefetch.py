"""Batches drawn ahead in a background thread."""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from modcog.errors import ForkedPrefetch, instance, whole_number
from modcog.system.limits import BATCHES

Item = TypeVar("Item")


class Prefetch(Generic[Item]):
    """Iterates over batches that a background thread draws ahead.

    The batches and their order are those of `batches`. At most ``depth + 1`` of them exist that
    the consumer has not taken. An error in the thread is raised in the consumer, after the batches
    before it. Leaving a ``with`` block, `close`, or dropping the object ends the thread, and a
    `next` that waits in another thread then ends the iteration.

    A process that was forked from this one has no such thread. `next` is refused there: make a
    `Prefetch` in each process, for example of ``sampler.shard(rank, world_size)``.

    Args:
        batches: Anything that can be iterated over, such as a `BatchSampler`.
        depth: How many batches are kept ready.

    Raises:
        InvalidArgument: `depth` is not a whole number of at least 1.

    Example:
        >>> import modcog
        >>> from modcog import Prefetch
        >>> sampler = modcog.BatchSampler("cog-20", batch_size=4, seq_len=100, seed=0)
        >>> with Prefetch(sampler) as batches:
        ...     for step, batch in zip(range(3), batches):
        ...         print(step, batch.inputs.shape)
        0 (100, 4, 53)
        1 (100, 4, 53)
        2 (100, 4, 53)
    """

    def __init__(self, batches: Iterable[Item], depth: int = 2) -> None:
        instance("batches", batches, Iterable, "batches to iterate over")
        self._buffer: _Buffer[Item] = _Buffer(whole_number("depth", depth, "batches", most=BATCHES))
        self._process = os.getpid()
        # The thread knows the buffer but not this object, which can then be dropped.
        self._thread = threading.Thread(
            target=_produce, args=(iter(batches), self._buffer), name="modcog-prefetch", daemon=True
        )
        self._stop = weakref.finalize(self, _close, self._buffer, self._process)
        self._thread.start()

    def __iter__(self) -> Iterator[Item]:
        """The object itself."""
        return self

    def __next__(self) -> Item:
        """The next batch; waits for it if need be.

        Raises:
            ForkedPrefetch: This process was forked from the one that draws.
        """
        if os.getpid() != self._process:
            raise ForkedPrefetch(self._process)
        return self._buffer.take()

    def close(self) -> None:
        """End the thread and give the batches up; safe to call twice, and from any thread."""
        self._stop()
        self._thread.join()

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


class _Buffer(Generic[Item]):
    """What is ready, between the thread that draws and those that take."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._ready: deque[Item] = deque()
        self._error: BaseException | None = None
        self._ended = False
        # Its lock is reentrant: the garbage collector may close the buffer in a thread that has it.
        self._changed = threading.Condition()

    def put(self, item: Item) -> bool:
        """Add an item when there is room; False where nobody wants it any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or len(self._ready) < self._depth)
            if not self._ended:
                self._ready.append(item)
                self._changed.notify_all()
            return not self._ended

    def take(self) -> Item:
        """The next item; raises what ended them, once, and StopIteration from then on."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._ready or self._error is not None)
            if self._ready:
                self._changed.notify_all()
                return self._ready.popleft()
            error, self._error, self._ended = self._error, None, True
            self._changed.notify_all()
        raise error or StopIteration

    def end(self, error: BaseException) -> None:
        """Note why no item follows."""
        with self._changed:
            self._error = error
            self._changed.notify_all()

    def close(self) -> None:
        """Drop all items, and let nobody wait."""
        with self._changed:
            self._ended, self._error = True, None
            self._ready.clear()
            self._changed.notify_all()


def _close(buffer: _Buffer[Any], process: int) -> None:
    """Close a buffer; in a forked process its lock may be held by a thread that is not there."""
    if os.getpid() == process:
        buffer.close()


def _produce(batches: Iterator[Item], buffer: _Buffer[Item]) -> None:
    """Put batches, and at the end the reason for the end, until nobody wants them."""
    while True:
        try:
            item = next(batches)
        except BaseException as error:  # whatever it is, the consumer shall see it
            buffer.end(error)
            return
        if not buffer.put(item):
            return
        del item  # while the next one is drawn, this one is the consumer's alone
