"""`Decisions`: what a policy let a run train, from which step on, as a table that survives CSV."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path

from sparse_rnn.errors import IncompatibleState, RunDamaged
from sparse_rnn.system.files import atomic_writer, read_lines

COLUMNS = ("step", "task", "weight")
"""Columns of the table: a line for each rule slot of each decision."""


@dataclass(frozen=True)
class Decisions:
    """What was decided, in order.

    ``list(zip(steps, weights))`` is what `modcog.schedules.recorded` takes.

    Attributes:
        tasks: The task of each rule slot.
        steps: Gradient steps that were taken before each decision: 0 at first.
        weights: Of each decision, the probability that a trial is of each rule slot.
    """

    tasks: tuple[str, ...]
    steps: tuple[int, ...]
    weights: tuple[tuple[float, ...], ...]

    def write_csv(self, path: Path) -> None:
        """Write the table, atomically; numbers read back exactly."""
        with atomic_writer(path) as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            for step, weights in zip(self.steps, self.weights, strict=True):
                pairs = zip(self.tasks, weights, strict=True)
                writer.writerows((step, task, weight) for task, weight in pairs)

    @classmethod
    def read_csv(cls, path: Path) -> Decisions:
        """Read a table that `write_csv` wrote.

        Raises:
            IncompatibleState: The file is not such a table.
            RunDamaged: It is no regular file, or has a line that is no row of a table.
        """
        try:
            head, *rows = csv.reader(read_lines(path))
            if tuple(head) != COLUMNS:
                raise ValueError(head)
            table = [(int(step), task, float(weight)) for step, task, weight in rows]
            found = [(step, list(lines)) for step, lines in groupby(table, lambda row: row[0])]
            steps = tuple(step for step, _ in found)
            names = {tuple(task for _, task, _ in lines) for _, lines in found}
            if len(names) != 1 or steps[0] != 0 or any(a >= b for a, b in pairwise(steps)):
                raise ValueError("steps that do not ascend from 0, or not each task in each")
            weights = tuple(tuple(weight for *_, weight in lines) for _, lines in found)
            return cls(names.pop(), steps, weights)
        except RunDamaged:
            raise
        except (LookupError, ValueError, OverflowError, csv.Error) as error:
            columns = ",".join(COLUMNS)
            raise IncompatibleState(f"{path} is no table with columns {columns}.") from error
