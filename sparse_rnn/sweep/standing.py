"""`status`: how far a sweep has come, read from its folders alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sparse_rnn.config.train import TrainConfig
from sparse_rnn.errors import RunConflict
from sparse_rnn.sweep import store
from sparse_rnn.sweep.grid import Grid, load
from sparse_rnn.sweep.naming import RUNS, distinct
from sparse_rnn.sweep.tally import duration
from sparse_rnn.system.arguments import flag

QUIET_AFTER_S = 600.0
"""Seconds after which a run that is on its way and writes nothing is named."""


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
class DamagedRun:
    """A run whose folder does not say how far it has come.

    Attributes:
        identity: Its name.
        folder: Its folder.
        why: What is damaged.
    """

    identity: str
    folder: Path
    why: str


@dataclass(frozen=True)
class QuietRun:
    """A run that some process has, and that has written nothing for long: slow, or frozen.

    Attributes:
        identity: Its name.
        folder: Its folder.
        seconds: Seconds since it has written anything.
        holder: The process, in words.
    """

    identity: str
    folder: Path
    seconds: float
    holder: str


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
        damaged: Runs whose folders do not say; they are not tried again.
        quiet: Those of `running` that have written nothing for `QUIET_AFTER_S`.
    """

    done: int
    running: int
    failed: int
    waiting: int
    begun: int = 0
    failures: tuple[FailedRun, ...] = ()
    damaged: tuple[DamagedRun, ...] = ()
    quiet: tuple[QuietRun, ...] = ()

    @property
    def total(self) -> int:
        """All runs."""
        return self.done + self.running + self.failed + self.waiting + len(self.damaged)

    def text(self, *, tracebacks: bool = False) -> str:
        """Lines for a person: the counts, and the runs that failed, are damaged or seem frozen."""
        tracebacks = flag("tracebacks", tracebacks)
        damaged = f", {len(self.damaged)} damaged" if self.damaged else ""
        begun = f" ({self.begun} of them begun)" if self.begun else ""
        lines = [
            f"{self.total} runs: {self.done} done, {self.running} running, {self.failed} failed, "
            f"{self.waiting} waiting{begun}{damaged}."
        ]
        for run in self.failures:
            last = run.failures[-1]
            times = "once" if len(run.failures) == 1 else f"{len(run.failures)} times"
            lines.append(f"{run.folder} failed {times}, on {last.machine} at {last.when}:")
            told = last.traceback if tracebacks and last.traceback else last.error
            lines += [f"  {line}" for line in told.rstrip().splitlines()]
        lines += [f"{run.folder} is damaged: {run.why}" for run in self.damaged]
        lines += [
            f"{run.folder} has written nothing for {duration(run.seconds)}; {run.holder}, which "
            "has it, may be frozen."
            for run in self.quiet
        ]
        return "\n".join(lines)


def status(spec: Grid | Iterable[TrainConfig] | Path | str | None, results: Path | str) -> Status:
    """Say how far a sweep has come.

    Args:
        spec: A grid, configurations, or the path of a file with a grid; None for all runs in the
            folder of results.
        results: Folder of the results; it need not exist.
    """
    folders = folders_of(spec, results)
    found = {name: _standing(folder) for name, folder in folders.items()}
    counts = Counter(standing.state for standing in found.values())
    failed = tuple(
        FailedRun(name, folders[name], standing.failures)
        for name, standing in found.items()
        if standing.state == "failed"
    )
    damaged = tuple(
        DamagedRun(name, folders[name], standing.why)
        for name, standing in found.items()
        if standing.state == "damaged"
    )
    running = [folders[name] for name, standing in found.items() if standing.state == "running"]
    quiet = [(folder, store.quiet_s(folder)) for folder in running]
    return Status(
        done=counts["done"],
        running=counts["running"],
        failed=counts["failed"],
        waiting=counts["begun"] + counts["new"],
        begun=counts["begun"],
        failures=failed,
        damaged=damaged,
        quiet=tuple(
            QuietRun(folder.name, folder, seconds, store.holder_of(folder))
            for folder, seconds in quiet
            if seconds >= QUIET_AFTER_S
        ),
    )


def _standing(folder: Path) -> store.Standing:
    """How far a run has come; damaged also where it does not say which run it is."""
    standing = store.standing_of(folder)
    if standing.state not in ("done", "begun"):
        return standing
    try:
        store.check_config(folder)
    except (RunConflict, OSError) as error:
        return store.Standing("damaged", str(error))
    return standing


def folders_of(
    spec: Grid | Iterable[TrainConfig] | Path | str | None, results: Path | str
) -> Mapping[str, Path]:
    """Run folders by identity, in the order of the runs; all there are where `spec` is None."""
    runs = Path(results) / RUNS
    if spec is None:
        found = sorted(runs.iterdir()) if runs.is_dir() else []
        return {folder.name: folder for folder in found if folder.is_dir()}
    return {name: runs / name for name in distinct(load(spec))}
