"""The course of a sweep: which run goes out next, and what becomes of what comes back."""

from __future__ import annotations

import math
import signal
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sparse_rnn.config.run import RunOptions
from sparse_rnn.config.train import TrainConfig
from sparse_rnn.errors import Interrupted, SparseRnnError, WriteFailed
from sparse_rnn.sweep import store
from sparse_rnn.sweep.naming import folder_of
from sparse_rnn.sweep.tally import Show, Tally
from sparse_rnn.sweep.work import Assignment, Attempt
from sparse_rnn.system.signals import StopRequest

LOOK_EVERY_S = 0.5
"""Seconds between two looks at signals and displays while nothing comes back."""

AGAIN_AFTER_S = 5.0
"""Seconds until a run that another process had is looked at again."""


class Pool(Protocol):
    """Processes that carry out runs."""

    def capacity(self) -> int:
        """How many runs can be on their way at once."""
        ...

    def submit(self, assignment: Assignment, name: str) -> None:
        """Hand out a run; a run is handed out again only after the attempt before came back."""
        ...

    def attempts(self, timeout_s: float) -> list[Attempt]:
        """Attempts that have come back; waits for the first one, but not longer than a time."""
        ...

    def steps(self) -> Mapping[str, int]:
        """Gradient steps of runs on their way, as far as they were heard of."""
        ...

    def stop(self) -> None:
        """Ask the runs on their way to save themselves and leave."""
        ...

    def news(self) -> tuple[str, ...]:
        """What a person should know and was not told yet, a line each."""
        ...


@dataclass(frozen=True)
class Plan:
    """What a sweep shall do.

    Attributes:
        configs: Canonical configurations by identity, in order.
        results: Folder of the results, absolute.
        retries: How often a run that fails is tried again.
        options: How all runs are carried out.
        wait: Whether to wait for runs that another process works on.
        limit_s: Seconds after which a try of a run is ended and counts as failed, or None.
    """

    configs: Mapping[str, TrainConfig]
    results: Path
    retries: int
    options: RunOptions
    wait: bool = True
    limit_s: float | None = None

    def folder(self, name: str) -> Path:
        """Folder of a run."""
        return folder_of(self.results, self.configs[name])


class Driver:
    """Carries out a plan on a pool.

    Args:
        plan: The runs.
        pool: Who carries them out.
        request: Whether a signal has come.
        show: Shows the course.
    """

    def __init__(self, plan: Plan, pool: Pool, request: StopRequest, show: Show) -> None:
        self._plan = plan
        self._pool = pool
        self._request = request
        self._show = show
        self._queue = deque(plan.configs)
        self._aside: dict[str, float] = {}
        self._elsewhere: set[str] = set()
        self._active: set[str] = set()
        self._done: set[str] = set()
        self._failed: set[str] = set()
        self._fresh = 0
        self._steps_begun: dict[str, int] = {}
        self._steps_done = 0
        self._steps_open = sum(config.steps for config in plan.configs.values())
        self._news: list[str] = []
        self._no_room = ""
        self._began_s = time.monotonic()

    def drive(self) -> None:
        """Bring all runs to their end.

        Raises:
            Interrupted: A signal came; the runs on their way have saved themselves.
            WriteFailed: There is no room for the results; so also here.
            SparseRnnError: The workers do not see the results, or are gone for good.
        """
        while (self._queue or self._active or self._aside) and not self._leaving():
            self._hand_out()
            self._collect()
        if self._leaving():
            self._leave()
        self._tell()

    def _leaving(self) -> bool:
        return bool(self._request) or bool(self._no_room)

    def _hand_out(self) -> None:
        now_s = time.monotonic()
        for name in [name for name, due_s in self._aside.items() if due_s <= now_s]:
            del self._aside[name]
            self._elsewhere.discard(name)
            self._queue.append(name)
        capacity = self._pool.capacity()
        while self._queue and len(self._active) < capacity:
            name = self._queue.popleft()
            folder = self._plan.folder(name)
            # Looked up now, as another sweep may have been at it since.
            state = store.state_of(folder)
            if state == "done":
                store.tidy(folder)
                self._settle(name, self._done)
            elif state in store.GIVEN_UP:
                self._settle(name, self._failed)
            elif state == "running":
                self._put_aside(name)
            else:
                config = self._plan.configs[name].to_json()
                plan = self._plan
                self._steps_begun[name] = store.progress_of(folder)
                assignment = Assignment(
                    config, str(plan.results), plan.retries, plan.options, plan.limit_s
                )
                self._pool.submit(assignment, name)
                self._active.add(name)

    def _collect(self) -> None:
        if self._active:
            for attempt in self._pool.attempts(LOOK_EVERY_S):
                self._take(attempt)
        elif self._aside or self._queue:  # What is left in the queue has found no worker.
            due_s = min(self._aside.values(), default=math.inf) - time.monotonic()
            time.sleep(min(max(due_s, 0.0), LOOK_EVERY_S))
        self._tell()

    def _take(self, attempt: Attempt) -> None:
        name = attempt.identity
        self._active.discard(name)
        steps = self._steps_of(name, attempt)
        self._steps_done += steps
        match attempt.ending:
            case "done":
                self._settle(name, self._done)
                self._fresh += 1
            case "failed" if attempt.gave_up:
                self._settle(name, self._failed)
                self._news.append(f"{name} failed: {_brief(attempt.message)}")
            case "failed":
                self._news.append(f"{name} failed and is tried again: {_brief(attempt.message)}")
                self._queue.append(name)
            case "busy":
                self._put_aside(name)
            case "no room":
                self._no_room = attempt.message
                self._queue.append(name)
            case "unseen":
                self._pool.stop()
                raise SparseRnnError(
                    f"{attempt.message}, where this process keeps the results. Workers need the "
                    "same folder by the same name, as on a shared file system."
                )
            case "stopped" | "lost":
                if attempt.signal:
                    self._request.number = signal.Signals(attempt.signal)
                if steps or self._leaving():
                    self._queue.appendleft(name)
                else:  # Not at once: what sent it back may well do so again.
                    self._aside[name] = time.monotonic() + AGAIN_AFTER_S

    def _steps_of(self, name: str, attempt: Attempt) -> int:
        """Gradient steps of an assignment that has come back."""
        begun = self._steps_begun.pop(name, 0)
        if attempt.ending == "done":
            return self._plan.configs[name].steps - begun
        return max(store.progress_of(self._plan.folder(name)) - begun, 0)

    def _settle(self, name: str, where: set[str]) -> None:
        where.add(name)
        self._steps_open -= self._plan.configs[name].steps

    def _put_aside(self, name: str) -> None:
        if self._plan.wait:
            self._elsewhere.add(name)
            self._aside[name] = time.monotonic() + AGAIN_AFTER_S

    def _leave(self) -> None:
        n_active = len(self._active)
        if n_active:
            self._news.append(
                f"{n_active} runs are on their way; they save themselves. Ctrl-C leaves at once."
            )
            self._tell()
            self._pool.stop()
        while self._active:
            for attempt in self._pool.attempts(LOOK_EVERY_S):
                self._take(attempt)
            self._tell()
        n_left = len(self._plan.configs) - len(self._done) - len(self._failed)
        left = (
            f"{len(self._done)} of {len(self._plan.configs)} runs are done, {n_left} are left. "
            "The same command goes on, from their checkpoints"
        )
        if self._no_room:
            raise WriteFailed(f"{self._no_room} {left} once there is room.")
        assert self._request.number is not None
        raise Interrupted(f"{self._request.number.name}: {left}.", self._request.number)

    def _tell(self) -> None:
        news = (*self._news, *self._pool.news())
        self._news.clear()
        on_the_way = {
            name: max(step - self._steps_begun.get(name, 0), 0)
            for name, step in self._pool.steps().items()
            if name in self._active
        }
        begun = sum(self._steps_begun.get(name, 0) for name in self._active)
        self._show(
            Tally(
                total=len(self._plan.configs),
                done=len(self._done),
                running=len(self._active),
                failed=len(self._failed),
                elsewhere=len(self._elsewhere),
                fresh=self._fresh,
                steps=self._steps_done + sum(on_the_way.values()),
                steps_left=self._steps_open - begun - sum(on_the_way.values()),
                elapsed_s=time.monotonic() - self._began_s,
                news=news,
            )
        )


def _brief(message: str) -> str:
    """The first line of an error, and not more of it than a person reads in passing."""
    first = message.strip().splitlines()[0] if message.strip() else "no message"
    return first if len(first) <= 160 else first[:157] + "..."
