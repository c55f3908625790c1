"""`status`: how far a sweep has come, read from its folders alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sparse_rnn.config import TrainConfig
from sparse_rnn.sweep import store
from sparse_rnn.sweep.grid import Grid, load
from sparse_rnn.sweep.naming import RUNS, distinct


@dataclass(frozen=True)
class FailedRun:
    """A run that is not tried again.

    Attributes:
        identity: Its name.
        folder: Its folder.
        failures: How it failed, the newest one last, with tracebacks.
    """

    identity: str
    folder: Path
    failures: tuple[store.Failure, ...]


@dataclass(frozen=True)
class Status:
    """How far a sweep has come.

    Attributes:
        done: Runs that have ended well.
        running: Runs that some process works on.
        failed: Runs that are not tried again.
        waiting: Runs that are left.
        begun: Those of `waiting` that go on from what they have.
        failures: The failed runs.
    """

    done: int
    running: int
    failed: int
    waiting: int
    begun: int = 0
    failures: tuple[FailedRun, ...] = ()

    @property
    def total(self) -> int:
        """All runs."""
        return self.done + self.running + self.failed + self.waiting

    def text(self, *, tracebacks: bool = False) -> str:
        """Lines for a person: the counts, and the failed runs."""
        begun = f" ({self.begun} of them begun)" if self.begun else ""
        lines = [
            f"{self.total} runs: {self.done} done, {self.running} running, {self.failed} failed, "
            f"{self.waiting} waiting{begun}."
        ]
        for run in self.failures:
            last = run.failures[-1]
            times = "once" if len(run.failures) == 1 else f"{len(run.failures)} times"
            lines.append(f"{run.folder} failed {times}, on {last.machine} at {last.when}:")
            told = last.traceback if tracebacks and last.traceback else last.error
            lines += [f"  {line}" for line in told.rstrip().splitlines()]
        return "\n".join(lines)


def status(spec: Grid | Iterable[TrainConfig] | Path | str | None, results: Path | str) -> Status:
    """Say how far a sweep has come.

    Args:
        spec: A grid, configurations, or the path of a file with a grid; None for all runs in the
            folder of results.
        results: Folder of the results; it need not exist.
    """
    folders = folders_of(spec, results)
    states = {name: store.state_of(folder) for name, folder in folders.items()}
    counts = {state: list(states.values()).count(state) for state in set(states.values())}
    failed = tuple(
        FailedRun(name, folders[name], store.failures(folders[name]))
        for name, state in states.items()
        if state == "failed"
    )
    begun = counts.get("begun", 0)
    return Status(
        done=counts.get("done", 0),
        running=counts.get("running", 0),
        failed=len(failed),
        waiting=begun + counts.get("new", 0),
        begun=begun,
        failures=failed,
    )


def folders_of(
    spec: Grid | Iterable[TrainConfig] | Path | str | None, results: Path | str
) -> Mapping[str, Path]:
    """Run folders by identity, in the order of the runs; all there are where `spec` is None."""
    runs = Path(results) / RUNS
    if spec is None:
        found = sorted(runs.iterdir()) if runs.is_dir() else []
        return {folder.name: folder for folder in found if folder.is_dir()}
    return {name: runs / name for name in distinct(load(spec))}
