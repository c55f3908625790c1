"""`Archive`: the files of a run while it runs, and how it comes back from them."""

from __future__ import annotations

import csv
import json
import logging
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import nn

from sparse_rnn import run_folder
from sparse_rnn.checkpoint import WEIGHTS, save_state
from sparse_rnn.errors import RunConflict, WriteFailed
from sparse_rnn.evaluation import device_of
from sparse_rnn.events import Events
from sparse_rnn.files import Log, Mark, remove_leftovers
from sparse_rnn.loop import Trainer
from sparse_rnn.metrics import COLUMNS, History, Record, csv_line
from sparse_rnn.options import RunOptions
from sparse_rnn.resume import Snapshot, Store
from sparse_rnn.scores import COLUMNS as SCORES, MEASURES, TaskScores
from sparse_rnn.settings import FitConfig

LOGS: Mapping[str, tuple[str, ...]] = {
    run_folder.METRICS: COLUMNS,
    run_folder.EVALUATIONS: ("step", *SCORES),
}
"""Files that grow during a run, with their columns."""

_LOG = logging.getLogger("sparse_rnn")


class Archive:
    """Writes the files of one run.

    Args:
        folder: The run folder, which exists and is locked.
        config: The configuration.
        options: When checkpoints are due.
        processes: Number of processes that train; a part of the run's identity, as each of them
            takes its share of the batches.

    Attributes:
        saved: Gradient step of the newest checkpoint, or None.
    """

    def __init__(
        self, folder: Path, config: FitConfig, options: RunOptions, processes: int = 1
    ) -> None:
        self.folder = folder
        self.saved: int | None = None
        self._config = config
        self._options = options
        self._processes = processes
        self._store = Store(folder)
        self._logs: dict[str, Log] = {}
        self._events: Events | None = None
        self._saved_s = time.monotonic()

    def find(self, limit: int | None = None) -> Snapshot | None:
        """The newest checkpoint that is whole and fits the logs, if there is one.

        Args:
            limit: Step of the newest one that is wanted.

        Raises:
            RunConflict: It was made by another number of processes.
        """
        snapshot = self._store.newest(self._refusal, limit)
        if snapshot is not None and snapshot.facts["processes"] != self._processes:
            raise RunConflict(
                f"{self.folder} was begun by {snapshot.facts['processes']} processes and this is "
                f"{self._processes}: they would see other batches. Use as many, or another folder."
            )
        return snapshot

    def open(self, snapshot: Snapshot | None, network: nn.Module) -> list[list[str]]:
        """Open the files for a run that starts, or goes on from a checkpoint.

        What the logs have beyond the checkpoint is cut off.

        Returns:
            The rows of `metrics.csv` that there are already.

        Raises:
            WriteFailed: A file cannot be written.
        """
        with self._writing():
            remove_leftovers(self.folder)
            step = 0
            if snapshot is None:
                run_folder.write_config(self.folder, self._config, _describe(network))
            else:
                step = self.saved = int(snapshot.facts["step"])
                run_folder.note_continuation(self.folder, step)
            for name, columns in LOGS.items():
                mark = None if snapshot is None else Mark(**snapshot.facts["logs"][name])
                self._logs[name] = Log(self.folder / name, mark)
                if mark is None:
                    self._logs[name].write(csv_line(columns))
            if self._options.tensorboard:
                self._events = Events(self.folder, step)
        if snapshot is None:
            return []
        with (self.folder / run_folder.METRICS).open(newline="", encoding="utf-8") as file:
            return list(csv.reader(file))[1:]

    def write(self, record: Record) -> None:
        """Append a record to the logs.

        Raises:
            WriteFailed: It could not be written.
        """
        with self._writing():
            if record.scores is not None:
                rows = record.scores.rows()
                lines = [csv_line([record.step, *(row[name] for name in SCORES)]) for row in rows]
                self._logs[run_folder.EVALUATIONS].write("".join(lines))
            self._logs[run_folder.METRICS].write(csv_line(record.row()))
            if self._events is not None:
                self._events.write(record)

    def save(self, trainer: Trainer) -> None:
        """Write a checkpoint.

        Raises:
            WriteFailed: It could not be written; those before are whole.
        """
        with self._writing():
            logs = {name: log.mark().as_json() for name, log in self._logs.items()}
            config = json.loads(self._config.to_json())
            more = {"logs": logs, "processes": self._processes, "config": config}
            self._store.save(trainer.snapshot(more))
            if self._events is not None:
                self._events.flush()
        self.saved, self._saved_s = trainer.step, time.monotonic()

    def due(self, trainer: Trainer) -> bool:
        """Whether the options ask for a checkpoint now; one is due where the run has ended."""
        stale = time.monotonic() - self._saved_s >= self._options.checkpoint_seconds
        return bool(trainer.ended) or stale or trainer.step % self._options.checkpoint_every == 0

    def save_if_due(self, trainer: Trainer) -> None:
        """Write a checkpoint where one is due."""
        if self.due(trainer):
            self.save(trainer)

    def finish(self, trainer: Trainer, history: History, scores: TaskScores) -> None:
        """Write what a finished run has; the weights come last.

        Raises:
            WriteFailed: A file could not be written.
        """
        times = [
            {"measure": measure, "level": level, "step": found[0], "seconds": found[1]}
            for measure in MEASURES
            for level in self._options.levels
            if (found := history.reached(level, measure)) is not None
        ]
        summary = {
            "steps": trainer.step,
            "ended": trainer.ended,
            "elapsed_s": float(history["elapsed_s"][-1]),
            "time_to_accuracy": times,
        }
        with self._writing():
            scores.write_csv(self.folder / run_folder.EVALUATION)
            run_folder.write_json(self.folder / run_folder.SUMMARY, summary)
            save_state(self.folder / WEIGHTS, trainer.network)

    def close(self) -> None:
        """Close all files."""
        for log in self._logs.values():
            log.close()
        if self._events is not None:
            self._events.close()

    def _refusal(self, facts: Mapping[str, Any]) -> str:
        """Why a checkpoint does not fit the rest of the folder, or ""."""
        if facts["config"] != json.loads(self._config.to_json()):
            return "it is one of another configuration"
        for name in LOGS:
            if not Mark(**facts["logs"][name]).fits(self.folder / name):
                return f"{name} has lost or changed lines that it knows"
        return ""

    @contextmanager
    def _writing(self) -> Generator[None]:
        try:
            yield
        except OSError as error:
            if self.saved is None:
                left = "There is no checkpoint yet: the same command starts the run anew"
            else:
                left = f"The checkpoint of step {self.saved} is whole: the same command goes on"
            raise WriteFailed(
                f"{error.filename or self.folder} could not be written "
                f"({error.strerror or error}). {left} once there is room."
            ) from error


def _describe(network: nn.Module) -> dict[str, Any]:
    """What is worth knowing of a network beside its configuration."""
    layer = getattr(network, "rnn", None)
    parameters = {name: list(p.shape) for name, p in network.named_parameters()}
    return {
        "network": {
            "class": f"{type(network).__module__}.{type(network).__qualname__}",
            "backend": getattr(layer, "backend", None),
            "device": str(device_of(network)),
            "parameters": parameters,
        }
    }
