"""`Archive`: the files of a run while it runs, and how it comes back from them."""

from __future__ import annotations

import csv
import hashlib
import json
import logging
import time
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from torch import nn

from sparse_rnn.errors import WriteFailed
from sparse_rnn.evaluation.history import Record, csv_line
from sparse_rnn.evaluation.scores import COLUMNS as SCORES, MEASURES, TaskScores
from sparse_rnn.runs import folder as run_folder
from sparse_rnn.runs.checkpoint import CHECKPOINT, Snapshot, Store
from sparse_rnn.runs.decisions import Decisions
from sparse_rnn.runs.events import FOLDER, Events
from sparse_rnn.runs.finished import Outcome
from sparse_rnn.runs.identity import Identity
from sparse_rnn.runs.origin import Origin, known_lines, unfit
from sparse_rnn.runs.weights import WEIGHTS, content_of, save_state
from sparse_rnn.seeding import STREAMS
from sparse_rnn.system.files import NO_ROOM, Log, check_kind, open_regular, remove_leftovers

_LOG = logging.getLogger("sparse_rnn")


class Saved(Protocol):
    """What trains a network, as far as its files hold it."""

    network: nn.Module
    step: int
    ended: str

    @property
    def decisions(self) -> Decisions | None:
        """What a policy has decided so far; None without one."""
        ...

    def snapshot(self, more: Mapping[str, Any]) -> Snapshot:
        """Copy the state, with more facts to keep beside it."""
        ...


class Archive:
    """Writes the files of one run.

    Args:
        folder: The run folder, which exists and is locked.
        identity: The run.
        network: The network that is trained.
        processes: Number of processes that train; a part of the run's identity, as each of them
            takes its share of the batches.
        tensorboard: Whether events are written.

    Attributes:
        saved: Gradient step of the newest checkpoint, or None.
    """

    def __init__(
        self,
        folder: Path,
        identity: Identity,
        network: nn.Module,
        processes: int = 1,
        *,
        tensorboard: bool = False,
    ) -> None:
        self.folder = folder
        self.saved: int | None = None
        self._identity = identity
        self._network = network
        self._processes = processes
        self._tensorboard = tensorboard
        self._store = Store(folder)
        self._columns = run_folder.logs_of(identity)
        self._logs: dict[str, Log] = {}
        self._events: Events | None = None
        self._saved_s = time.monotonic()

    def find(self, limit: int | None = None) -> Snapshot | None:
        """The newest checkpoint that is whole and fits the logs, if there is one.

        Newer ones that are damaged, or that know lines which the logs have lost, are set aside and
        named in a warning. Where all are damaged, the logs go with them, and the run starts anew.

        Args:
            limit: Step of the newest one that is wanted.

        Raises:
            RunConflict: One is whole and none fits; nothing has changed.
        """
        refusal = partial(unfit, self.folder, self._identity, self._processes)
        snapshot, unusable = self._store.newest(refusal, limit)
        if not unusable:
            return snapshot
        logs = [] if snapshot else [self.folder / name for name in self._columns]
        aside = self._store.set_aside(unusable, logs)
        for step, why in unusable.items():
            _LOG.warning(
                "The checkpoint of step %d in %s cannot be used: %s. It is in %s now.",
                *(step, self.folder, why, aside.name),
            )
        if snapshot is None:
            _LOG.warning(
                "NO CHECKPOINT IN %s CAN BE USED; the run starts anew from step 0. What there was "
                "is in %s.",
                *(self.folder, aside.name),
            )
        return snapshot

    def open(
        self,
        snapshot: Snapshot | None,
        origin: Origin | None = None,
        kernels: Mapping[str, Any] | None = None,
    ) -> list[list[str]]:
        """Open the files for a run that starts, or goes on from a checkpoint.

        What the logs have beyond the checkpoint is cut off.

        Args:
            snapshot: Where the run goes on.
            origin: The run whose snapshot that is, where it is none of this folder's own.
            kernels: What its layers compute with and why, in JSON types, by the layer's name.

        Returns:
            The rows of `metrics.csv` that there are already.

        Raises:
            WriteFailed: A file cannot be written.
        """
        with self._writing():
            remove_leftovers(self.folder)
            remove_leftovers(self.folder / CHECKPOINT)
            step = 0 if snapshot is None else int(snapshot.facts["step"])
            if snapshot is None or origin is not None:
                facts: dict[str, Any] = {
                    run_folder.TASKS: self._identity.tasks(),
                    "network": {**run_folder.describe(self._network), "kernels": kernels or {}},
                    "processes": self._processes,
                }
                if origin is None:
                    start = hashlib.sha256(content_of(self._network)).hexdigest()
                    facts["network"]["start_sha256"] = start
                else:
                    facts["continued_from"] = origin.record()
                run_folder.write_config(self.folder, self._identity.text, facts)
            else:
                self.saved = step
                run_folder.note_continuation(self.folder, step, self._network, kernels or {})
            if snapshot is None:
                known = {
                    name: csv_line(columns).encode() for name, columns in self._columns.items()
                }
            else:
                known = origin.logs if origin else known_lines(self.folder, snapshot.facts)
            for name in self._columns:
                self._logs[name] = Log(self.folder / name, known[name])
            if self._tensorboard:
                check_kind(self.folder / FOLDER, "folder")
                self._events = Events(self.folder, step)
        if snapshot is None:
            return []
        with open_regular(self.folder / run_folder.METRICS, "r") as file:
            return list(csv.reader(file))[1:]

    def write(self, record: Record) -> None:
        """Append a record to the logs.

        Raises:
            WriteFailed: It could not be written.
        """
        with self._writing():
            if record.scores is not None:
                self.write_scores(record.step, record.scores)
            self._logs[run_folder.METRICS].write(csv_line(record.row()))
            if self._events is not None:
                self._events.write(record)

    def write_scores(self, step: int, scores: TaskScores) -> None:
        """Append an evaluation to its log.

        Raises:
            WriteFailed: It could not be written.
        """
        lines = [csv_line([step, *(row[name] for name in SCORES)]) for row in scores.rows()]
        with self._writing():
            self._logs[run_folder.EVALUATIONS].write("".join(lines))

    def write_sparsity(self, row: Iterable[float]) -> None:
        """Append what the recurrent matrix is like to its log.

        Raises:
            WriteFailed: It could not be written.
        """
        with self._writing():
            self._logs[run_folder.SPARSITY].write(csv_line(row))

    def save(self, trainer: Saved) -> None:
        """Write a checkpoint.

        Raises:
            WriteFailed: It could not be written; those before are whole.
        """
        with self._writing():
            logs = {name: log.mark().as_json() for name, log in self._logs.items()}
            more = {
                "logs": logs,
                "processes": self._processes,
                "config": json.loads(self._identity.text),
                "streams": STREAMS,
            }
            # Before the checkpoint, so that a run that has ended has it whole.
            if (decisions := trainer.decisions) is not None:
                decisions.write_csv(self.folder / run_folder.CURRICULUM)
            self._store.save(trainer.snapshot(more))
            if self._events is not None:
                self._events.flush()
        self.saved, self._saved_s = trainer.step, time.monotonic()

    def due(self, trainer: Saved, steps: int, seconds: float) -> bool:
        """Whether it is time for a checkpoint; it is where the run has ended.

        Args:
            trainer: What is to be saved.
            steps: Gradient steps between checkpoints.
            seconds: Age of the last one from which another is written.
        """
        stale = time.monotonic() - self._saved_s >= seconds
        return bool(trainer.ended) or stale or trainer.step % steps == 0

    def finish(self, trainer: Saved, outcome: Outcome, levels: Iterable[float]) -> None:
        """Write what a finished run has; the weights come last.

        Args:
            trainer: What was trained.
            outcome: What came out.
            levels: Levels of each measure whose times are reported.

        Raises:
            WriteFailed: A file could not be written.
        """
        history = outcome.history
        times = [
            {"measure": measure, "level": level, "step": found[0], "seconds": found[1]}
            for measure in MEASURES
            for level in levels
            if (found := history.reached(level, measure)) is not None
        ]
        summary = {
            "steps": trainer.step,
            "ended": trainer.ended,
            "elapsed_s": float(history["elapsed_s"][-1]),
            "time_to_accuracy": times,
        }
        with self._writing():
            outcome.evaluation.write_csv(self.folder / run_folder.EVALUATION)
            if outcome.stage_matrix is not None:
                outcome.stage_matrix.write_csv(self.folder / run_folder.STAGES)
            run_folder.write_json(self.folder / run_folder.SUMMARY, summary)
            save_state(self.folder / WEIGHTS, trainer.network)

    def close(self) -> None:
        """Close all files."""
        for log in self._logs.values():
            log.close()
        if self._events is not None:
            self._events.close()

    @contextmanager
    def _writing(self) -> Generator[None]:
        try:
            yield
        except OSError as error:
            if self.saved is None:
                left = "There is no checkpoint yet: the same command starts the run anew"
            else:
                left = f"The checkpoint of step {self.saved} is whole: the same command goes on"
            when = " once there is room" if error.errno in NO_ROOM else ""
            raise WriteFailed(
                f"{error.filename or self.folder} could not be written "
                f"({error.strerror or error}). {left}{when}."
            ) from error
