"""What learning tasks one after another does to each of them: the matrix R[stage, task].

The measures are those of Lopez-Paz & Ranzato (2017, "Gradient Episodic Memory", section 3):
backward and forward transfer; forgetting is that of Chaudhry et al. (2018, "Riemannian Walk",
section 2.2). Both take a stage to be one task; here a stage may train several tasks, and a task may
be trained in several stages, of which the first and the last one count as said below.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sparse_rnn.errors import IncompatibleState, InvalidArgument, RunDamaged
from sparse_rnn.evaluation.scores import TaskScores
from sparse_rnn.system.files import atomic_writer, read_lines

BEFORE = "before"
"""Name of the row of a table with the scores before training."""


@dataclass(frozen=True, eq=False)
class StageMatrix:
    """Scores of all tasks at the end of each stage of training.

    Attributes:
        stages: Names of the stages, in order.
        tasks: Names of the tasks.
        scores: float64 ``[stages, tasks]``, from 0 to 1: R of Lopez-Paz & Ranzato (2017).
        trained: bool ``[stages, tasks]``, whether the stage trains the task.
        before: float64 ``[tasks]``, scores before training; None where they are not known.
        ended_at: The gradient step at which each stage ended; None where that is not known.

    Raises:
        InvalidArgument: Shapes do not fit, a score is not from 0 to 1, a stage trains no task, or
            steps do not ascend.

    Example:
        >>> matrix = StageMatrix(
        ...     ("Go", "Anti"),
        ...     ("Go", "Anti"),
        ...     np.array([[0.9, 0.1], [0.4, 0.8]]),
        ...     np.eye(2, dtype=bool),
        ...     np.array([0.0, 0.05]),
        ... )
        >>> matrix.backward_transfer(), matrix.forward_transfer()
        (-0.5, 0.05)
    """

    stages: tuple[str, ...]
    tasks: tuple[str, ...]
    scores: NDArray[np.float64]
    trained: NDArray[np.bool_]
    before: NDArray[np.float64] | None = None
    ended_at: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        shape = (len(self.stages), len(self.tasks))
        if not all(shape):
            raise InvalidArgument("stages", self.stages, "at least one stage, and one task")
        if BEFORE in self.stages:
            raise InvalidArgument("stages", BEFORE, "another name: this is the row before training")
        for name, names in (("stages", self.stages), ("tasks", self.tasks)):
            if len(set(names)) < len(names):
                raise InvalidArgument(name, names, "names that are all different")
        tables: list[tuple[str, NDArray[np.float64], tuple[int, ...]]] = []
        tables.append(("scores", self.scores, shape))
        if self.before is not None:
            tables.append(("before", self.before, shape[1:]))
        for name, table, expected in tables:
            if np.shape(table) != expected:
                raise InvalidArgument(name, np.shape(table), f"an array of shape {expected}")
            if not bool(np.all((table >= 0) & (table <= 1))):  # NaN is among those that are not
                raise InvalidArgument(name, table, "numbers from 0 to 1")
        trained = np.asarray(self.trained)
        if trained.dtype != np.bool_ or trained.shape != shape or not trained.any(axis=1).all():
            allowed = f"bool of shape {shape}, with a task that is trained in each stage"
            raise InvalidArgument("trained", self.trained, allowed)
        ends = self.ended_at
        if ends is not None and (
            len(ends) != len(self.stages) or any(a >= b for a, b in pairwise((0, *ends)))
        ):
            allowed = f"{len(self.stages)} steps above 0 that ascend, one a stage"
            raise InvalidArgument("ended_at", ends, allowed)

    @classmethod
    def of(
        cls,
        ends: Sequence[TaskScores],
        trained: Sequence[Sequence[str]],
        *,
        before: TaskScores | None = None,
        measure: str = "performance",
        stages: Sequence[str] | None = None,
        ended_at: Sequence[int] | None = None,
    ) -> StageMatrix:
        """Build the matrix from evaluations.

        Args:
            ends: The evaluation at the end of each stage; all of the same tasks.
            trained: Names of the tasks that each stage trains.
            before: The evaluation before training.
            measure: The measure that counts.
            stages: Names of the stages; by default their numbers from 1.
            ended_at: The gradient step at which each stage ended.

        Raises:
            InvalidArgument: The evaluations are of other tasks than each other, or a stage trains a
                task that was not evaluated.
            UnknownName: There is no such measure.
        """
        if not ends or len(ends) != len(trained):
            found = f"{len(trained)} for {len(ends)} evaluations"
            raise InvalidArgument("trained", found, "the tasks of each stage, at least of one")
        tasks = ends[0].tasks
        for scores in (*ends, *([before] if before else [])):
            scores.mean(measure)  # refuses a measure that is not known
            if scores.tasks != tasks:
                raise InvalidArgument("ends", scores.tasks, f"evaluations of {', '.join(tasks)}")
        for names in trained:
            if unknown := [name for name in names if name not in tasks]:
                allowed = f"names of tasks that were evaluated: {', '.join(tasks)}"
                raise InvalidArgument("trained", ", ".join(unknown), allowed)
        named = tuple(stages) if stages else tuple(str(1 + i) for i in range(len(ends)))
        return cls(
            named,
            tasks,
            np.array([getattr(scores, measure) for scores in ends], dtype=np.float64),
            np.array([[task in names for task in tasks] for names in trained], dtype=np.bool_),
            getattr(before, measure) if before else None,
            None if ended_at is None else tuple(ended_at),
        )

    def forgetting(self) -> NDArray[np.float64]:
        """How far each task fell from its best: float64 ``[tasks]``, 0 where it did not.

        The best score at the end of a stage from the task's first stage to the last but one, less
        the score at the end of training (Chaudhry et al. 2018; there it may be negative). NaN for
        tasks that no stage before the last one trained.
        """
        fell = np.full(len(self.tasks), np.nan)
        for task, first in enumerate(self._first()):
            if 0 <= first < len(self.stages) - 1:
                fell[task] = max(0.0, self.scores[first:-1, task].max() - self.scores[-1, task])
        return fell

    def backward_transfer(self) -> float:
        """What later stages did to tasks that were learned, mean over those tasks.

        The score at the end of training less the one at the end of the task's last stage, over the
        tasks whose last stage is not the last of all. Negative: forgetting. NaN where there is no
        such task.
        """
        last = [
            (task, int(np.flatnonzero(self.trained[:, task])[-1]))
            for task in range(len(self.tasks))
            if self.trained[:, task].any()
        ]
        return _mean(
            self.scores[-1, task] - self.scores[stage, task]
            for task, stage in last
            if stage < len(self.stages) - 1
        )

    def forward_transfer(self) -> float:
        """What earlier stages did for tasks before these were trained, mean over those tasks.

        The score at the end of the stage before the task's first one less the score before
        training. A task that no stage trains counts with the end of training: it is transfer alone.
        NaN where there is no such task, or `before` is not known.
        """
        if self.before is None:
            return math.nan
        before = self.before
        until = [len(self.stages) if first < 0 else first for first in self._first()]
        return _mean(
            self.scores[stage - 1, task] - before[task]
            for task, stage in enumerate(until)
            if stage > 0
        )

    def average(self) -> float:
        """Mean score at the end of training over the tasks that some stage trained."""
        return float(self.scores[-1, self.trained.any(axis=0)].mean())

    def write_csv(self, path: Path) -> None:
        """Write a row for each pair of stage and task, atomically; numbers read back exactly."""
        rows: list[tuple[object, ...]] = [
            (stage, task, float(self.scores[i, j]), int(self.trained[i, j]))
            for i, stage in enumerate(self.stages)
            for j, task in enumerate(self.tasks)
        ]
        if self.before is not None:
            pairs = zip(self.tasks, self.before, strict=True)
            rows = [*((BEFORE, task, float(score), 0) for task, score in pairs), *rows]
        columns = COLUMNS
        if self.ended_at is not None:
            columns = (*COLUMNS, STEP)
            steps = {BEFORE: 0, **dict(zip(self.stages, self.ended_at, strict=True))}
            rows = [(*row, steps[str(row[0])]) for row in rows]
        with atomic_writer(path) as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(rows)

    @classmethod
    def read_csv(cls, path: Path) -> StageMatrix:
        """Read a table that `write_csv` wrote.

        Raises:
            IncompatibleState: The file is not such a table.
            RunDamaged: It is no regular file, or has a line that is no row of a table.
        """
        try:
            head, *rows = csv.reader(read_lines(path))
            stepped = tuple(head) == (*COLUMNS, STEP)
            if tuple(head) != COLUMNS and not stepped:
                raise ValueError(head)
            steps = {row[0]: int(row.pop()) for row in rows} if stepped else {}
            table = {(stage, task): (float(score), flag) for stage, task, score, flag in rows}
            if len(table) < len(rows) or {flag for _, flag in table.values()} - {"0", "1"}:
                raise ValueError("a pair of stage and task stands twice, or is not 0 or 1")
            tasks = tuple(dict.fromkeys(task for _, task in table))
            stages = tuple(dict.fromkeys(stage for stage, _ in table if stage != BEFORE))
            before = None
            if (BEFORE, tasks[0]) in table:
                before = np.array([table[BEFORE, task][0] for task in tasks])
            return cls(
                stages,
                tasks,
                np.array([[table[stage, task][0] for task in tasks] for stage in stages]),
                np.array([[table[stage, task][1] == "1" for task in tasks] for stage in stages]),
                before,
                tuple(steps[stage] for stage in stages) if stepped else None,
            )
        except RunDamaged:
            raise
        except (LookupError, ValueError, OverflowError, InvalidArgument, csv.Error) as error:
            columns = ",".join(COLUMNS)
            raise IncompatibleState(f"{path} is no table with columns {columns}.") from error

    def _first(self) -> list[int]:
        """The first stage that trains each task; -1 where none does."""
        return [int(column.argmax()) if column.any() else -1 for column in self.trained.T]


COLUMNS = ("stage", "task", "score", "trained")
"""Columns of the table of a `StageMatrix`."""

STEP = "step"
"""One more column, where it is known: the gradient step at which the stage ended."""


def _mean(values: Iterable[float]) -> float:
    listed = [float(value) for value in values]
    return sum(listed) / len(listed) if listed else math.nan
