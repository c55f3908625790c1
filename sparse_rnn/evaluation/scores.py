"""`TaskScores`: how well a network does each task, as a table that survives CSV."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparse_rnn.errors import IncompatibleState, RunDamaged, unknown_name
from sparse_rnn.system.files import atomic_writer, read_lines

MEASURES = ("final_accuracy", "decision_accuracy", "performance", "trajectory_performance")
"""The measures of `modcog.evaluate`, which defines them."""

COLUMNS = ("task", "n_trials", *MEASURES, "chance")
"""Columns of a table of scores."""


@dataclass(frozen=True, eq=False)
class TaskScores:
    """Scores of a network, one entry a task, in the order of the suite.

    Attributes:
        tasks: Names of the tasks that were scored.
        n_trials: int64 ``[tasks]``, number of trials scored.
        final_accuracy: float64 ``[tasks]``, fraction of trials whose most probable label at the
            last decision step is right.
        decision_accuracy: float64 ``[tasks]``, the same over all scored decision steps.
        performance: float64 ``[tasks]``, fraction of trials right within 36 degrees at the last
            decision step, with fixation kept before it (Yang et al. 2019).
        trajectory_performance: float64 ``[tasks]``, the same at every scored decision step.
        chance: float64 ``[tasks]``, `final_accuracy` of the best strategy that ignores the stimuli.
    """

    tasks: tuple[str, ...]
    n_trials: NDArray[np.int64]
    final_accuracy: NDArray[np.float64]
    decision_accuracy: NDArray[np.float64]
    performance: NDArray[np.float64]
    trajectory_performance: NDArray[np.float64]
    chance: NDArray[np.float64]

    @classmethod
    def from_rows(cls, rows: Iterable[Mapping[str, Any]]) -> TaskScores:
        """Build the table from one mapping a task, with the columns of `rows`."""
        listed = list(rows)
        columns = {
            name: np.array([float(row[name]) for row in listed], dtype=np.float64)
            for name in (*MEASURES, "chance")
        }
        n_trials = np.array([int(row["n_trials"]) for row in listed], dtype=np.int64)
        return cls(tuple(str(row["task"]) for row in listed), n_trials, **columns)

    @classmethod
    def mean_of(cls, several: Sequence[TaskScores]) -> TaskScores:
        """Mean over networks of each task's scores, of the tasks that all of them have."""
        first, *others = (dict(zip(s.tasks, s.rows(), strict=True)) for s in several)
        tables = [first, *others]
        rows: list[dict[str, Any]] = []
        for task in first:
            same = [table[task] for table in tables if task in table]
            if len(same) == len(tables):
                means = {
                    name: sum(row[name] for row in same) / len(same)
                    for name in (*MEASURES, "chance")
                }
                n_trials = sum(row["n_trials"] for row in same)
                rows.append({"task": task, "n_trials": n_trials, **means})
        return cls.from_rows(rows)

    def rows(self) -> list[dict[str, Any]]:
        """One dictionary a task: task, n_trials, the four measures and chance."""
        table: list[dict[str, Any]] = []
        for i, task in enumerate(self.tasks):
            numbers = {name: float(getattr(self, name)[i]) for name in (*MEASURES, "chance")}
            table.append({"task": task, "n_trials": int(self.n_trials[i]), **numbers})
        return table

    def mean(self, measure: str = "performance") -> float:
        """Mean over the tasks of a measure or of "chance"; NaN where no task was scored.

        Raises:
            UnknownName: There is no such measure.
        """
        known = (*MEASURES, "chance")
        if measure not in known:
            raise unknown_name("measure", measure, known, "a measure")
        values: NDArray[np.float64] = getattr(self, measure)
        return float(values.mean()) if values.size else math.nan

    def write_csv(self, path: Path) -> None:
        """Write the table, atomically; numbers read back exactly."""
        with atomic_writer(path) as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows([row[name] for name in COLUMNS] for row in self.rows())

    @classmethod
    def read_csv(cls, path: Path) -> TaskScores:
        """Read a table that `write_csv` wrote.

        Raises:
            IncompatibleState: The file is not such a table.
            RunDamaged: It is no regular file, or has a line that is no row of a table.
        """
        try:
            scores = cls.from_rows(csv.DictReader(read_lines(path)))
            if not scores.tasks:
                raise ValueError("no task")
            return scores
        except RunDamaged:
            raise
        except (KeyError, TypeError, ValueError, OverflowError, csv.Error) as error:
            columns = ",".join(COLUMNS)
            raise IncompatibleState(f"{path} is no table with columns {columns}.") from error
