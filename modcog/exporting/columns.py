"""The trials of an export, one column a quantity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modcog.exporting.formats import CHUNK_ROWS, Writer
from modcog.trials.plan import Trials
from modcog.trials.sampling import sample
from modcog.trials.spec import TaskSpec

_NOT_WRITTEN = ("tasks", "task_index")
_DERIVED = ("length", "decision_start")


class Columns:
    """Columns of the trials of batches, gathered until they are written.

    Args:
        specs: The tasks, one per rule slot.

    Attributes:
        like: A column of one trial of each quantity: its type, and how wide it is.
    """

    def __init__(self, specs: Sequence[TaskSpec]) -> None:
        self._task_number = {
            name: i for i, name in enumerate(dict.fromkeys(spec.name for spec in specs))
        }
        # Tasks differ in the number of periods and stimuli; the widest says how many columns.
        self.like: dict[str, NDArray[Any]] = {}
        for spec in dict.fromkeys(specs):
            for name, column in self._columns(sample(spec, np.random.default_rng(0)), 0).items():
                widest = self.like.setdefault(name, column)
                if column.shape[1:] > widest.shape[1:]:
                    self.like[name] = column
        self._gathered: list[dict[str, NDArray[Any]]] = []
        self._n_trials = 0

    @property
    def is_full(self) -> bool:
        """Whether so much is gathered that it should be written."""
        return self._n_trials >= CHUNK_ROWS

    def append(self, trials: Trials, batch: int) -> None:
        """Gather the trials of a batch."""
        columns = self._columns(trials, batch)
        for name, column in columns.items():
            rows = np.zeros((len(trials), *self.like[name].shape[1:]), self.like[name].dtype)
            rows[tuple(slice(size) for size in column.shape)] = column
            columns[name] = rows
        self._gathered.append(columns)
        self._n_trials += len(trials)

    def write(self, writer: Writer, row: int) -> int:
        """Write what was gathered into the arrays of the group ``trials``.

        Args:
            writer: Where to.
            row: The row of the first trial.

        Returns:
            The number of trials written.
        """
        written = self._n_trials
        if written:
            for name in self.like:
                column = np.concatenate([columns[name] for columns in self._gathered])
                writer.write(f"trials/{name}", row, column)
        self._gathered, self._n_trials = [], 0
        return written

    def _columns(self, trials: Trials, batch: int) -> dict[str, NDArray[Any]]:
        names = [f.name for f in fields(trials) if f.name not in _NOT_WRITTEN]
        columns = {name: getattr(trials, name) for name in (*names, *_DERIVED)}
        # MATLAB has no use for HDF5's truth values, which are enumerations.
        columns["responds"] = trials.responds.astype(np.uint8)
        number = np.array([self._task_number[spec.name] for spec in trials.tasks], dtype=np.int64)
        columns["task"] = number[trials.task_index]
        columns["batch"] = np.full(len(trials), batch, dtype=np.int64)
        return columns
