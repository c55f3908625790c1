"""Batches drawn ahead: the same ones, few of them, no thread left behind, errors seen."""

from __future__ import annotations

import gc
import os
import threading
import weakref
from collections.abc import Iterator
from itertools import islice

import numpy as np
import pytest

import modcog
from modcog import Prefetch


def threads() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name == "modcog-prefetch"]


def wait_until_no_thread() -> None:
    for thread in threads():
        thread.join(timeout=10)
    assert not threads()


class Tokens:
    """Counts how many of its items are alive."""

    def __init__(self) -> None:
        self.alive: weakref.WeakSet[object] = weakref.WeakSet()
        self.most = 0
        self.drawn = threading.Semaphore(0)

    def __iter__(self) -> Iterator[object]:
        while True:
            token = type("Token", (), {})()
            self.alive.add(token)
            self.most = max(self.most, len(self.alive))
            self.drawn.release()
            yield token
            del token


def test_the_batches_are_those_of_the_sampler() -> None:
    sampler = modcog.BatchSampler("cog-20", batch_size=3, seq_len=60, seed=1)
    with Prefetch(sampler, depth=3) as ahead:
        for index, batch in enumerate(islice(ahead, 12)):
            np.testing.assert_array_equal(batch.inputs, sampler.batch(index).inputs)
    wait_until_no_thread()


@pytest.mark.parametrize("depth", [1, 4])
def test_no_more_than_depth_batches_wait(depth: int) -> None:
    tokens = Tokens()
    with Prefetch(tokens, depth) as ahead:
        for _ in islice(ahead, 20):
            # The queue is full again, and the thread holds the next one.
            for _ in range(1):
                assert tokens.drawn.acquire(timeout=10)
        assert tokens.most <= depth + 2  # the last one belongs to the consumer
    wait_until_no_thread()


def test_an_error_comes_after_the_batches_before_it() -> None:
    def failing() -> Iterator[int]:
        yield from range(3)
        raise modcog.InvalidArgument("where", 1, "something else")

    ahead = Prefetch(failing())
    assert [next(ahead) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(modcog.InvalidArgument, match="something else"):
        next(ahead)
    with pytest.raises(StopIteration):
        next(ahead)
    wait_until_no_thread()


def test_the_end_is_the_end() -> None:
    ahead = Prefetch(range(5), depth=2)
    assert list(ahead) == [0, 1, 2, 3, 4]
    assert list(ahead) == []
    wait_until_no_thread()


def test_closing_ends_a_thread_that_waits_for_room() -> None:
    ahead = Prefetch(iter(int, 1), depth=1)
    next(ahead)
    ahead.close()
    ahead.close()
    assert not threads()
    with pytest.raises(StopIteration):
        next(ahead)


def test_dropping_the_object_ends_the_thread() -> None:
    ahead = Prefetch(iter(int, 1), depth=1)
    next(ahead)
    del ahead
    gc.collect()
    wait_until_no_thread()


@pytest.mark.timeout(60)
def test_closing_ends_a_next_that_waits_in_another_thread() -> None:
    go_on = threading.Event()

    def slow() -> Iterator[int]:
        go_on.wait()
        yield 1

    ahead = Prefetch(slow())
    ended: list[type[BaseException]] = []

    def consume() -> None:
        try:
            next(ahead)
        except StopIteration as error:
            ended.append(type(error))

    consumer = threading.Thread(target=consume)
    consumer.start()
    closer = threading.Thread(target=ahead.close)
    closer.start()
    consumer.join(timeout=30)  # while nothing is drawn yet
    assert not consumer.is_alive()
    assert ended == [StopIteration]
    go_on.set()
    closer.join(timeout=30)
    assert not closer.is_alive()
    wait_until_no_thread()


@pytest.mark.timeout(60)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("depth", [1, 3])
def test_a_forked_child_is_told_and_the_parent_goes_on(depth: int) -> None:
    ahead = Prefetch(iter(range(100)), depth)
    assert next(ahead) == 0
    child = os.fork()
    if not child:
        status = 1
        try:
            next(ahead)
        except modcog.ModcogError as error:
            status = 0 if "Make a Prefetch in each process" in str(error) else 2
            ahead.close()
            del ahead
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert list(ahead) == list(range(1, 100))


@pytest.mark.timeout(60)
def test_several_consumers_all_end() -> None:
    ahead = Prefetch(range(200), depth=3)
    taken: list[int] = []
    consumers = [threading.Thread(target=lambda: taken.extend(ahead)) for _ in range(4)]
    for consumer in consumers:
        consumer.start()
    for consumer in consumers:
        consumer.join(timeout=30)
    assert sorted(taken) == list(range(200))


@pytest.mark.parametrize("depth", [0, -1, 1.5, True])
def test_a_wrong_depth_is_refused_and_starts_nothing(depth: float) -> None:
    with pytest.raises(modcog.InvalidArgument, match="^depth must be a whole number of batches"):
        Prefetch(range(3), depth)
    assert not threads()
