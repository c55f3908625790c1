"""The course of a training run: one record a gradient step, and `metrics.csv`."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sparse_rnn.errors import IncompatibleState, RunDamaged
from sparse_rnn.evaluation.scores import MEASURES, TaskScores
from sparse_rnn.system.files import read_lines

COLUMNS = ("step", "loss", "lr", "grad_norm", "elapsed_s", *MEASURES)
"""Columns of `metrics.csv`. Measures are means over tasks, empty where nothing was evaluated."""

BURST_NORM = 100.0
"""A gradient whose norm exceeds it is a burst; between bursts norms are near 1."""

BURST_LOSS = 10.0
"""A loss above it, in nats, is a burst: a network that has learned nothing is at ln(labels) < 5."""

BURST_RULE = f"a gradient norm above {BURST_NORM:g} or a loss above {BURST_LOSS:g} nats"


@dataclass(frozen=True)
class Descent:
    """A gradient step whose record is not complete yet: an evaluation may be due.

    Attributes:
        step: Number of the step, from 1.
        loss: Cross entropy before the step, in nats, mean over unmasked time steps.
        lr: Learning rate of the step.
        grad_norm: Norm of the gradient over all existing weights, before clipping.
    """

    step: int
    loss: float
    lr: float
    grad_norm: float


@dataclass(frozen=True)
class Record(Descent):
    """One gradient step: a `Descent` and what was seen after it.

    Attributes:
        elapsed_s: Seconds since training began.
        scores: Held-out scores after the step, where the network was evaluated.
    """

    elapsed_s: float
    scores: TaskScores | None = None

    @property
    def is_burst(self) -> bool:
        """Whether the gradient or the loss burst (`BURST_NORM`, `BURST_LOSS`)."""
        return self.grad_norm > BURST_NORM or self.loss > BURST_LOSS

    def row(self) -> tuple[float | str, ...]:
        """The values of `COLUMNS`."""
        scores = self.scores
        means = [scores.mean(name) if scores else "" for name in MEASURES]
        return self.step, self.loss, self.lr, self.grad_norm, round(self.elapsed_s, 3), *means


def mean_of(records: Sequence[Record]) -> Record:
    """What a display shows of the records of several runs."""
    if len(records) == 1:
        return records[0]
    scores = [record.scores for record in records if record.scores is not None]
    return Record(
        records[0].step,
        statistics.fmean(record.loss for record in records),
        records[0].lr,
        statistics.fmean(record.grad_norm for record in records),
        records[0].elapsed_s,
        TaskScores.mean_of(scores) if scores else None,
    )


@dataclass(frozen=True, eq=False)
class History:
    """All records of a run as columns.

    Attributes:
        columns: float64 ``[steps]`` for each of `COLUMNS`; NaN where nothing was evaluated.
    """

    columns: dict[str, NDArray[np.float64]]

    @classmethod
    def of(cls, rows: Iterable[Iterable[float | str]]) -> History:
        """Build from the rows of records."""
        table = [[float("nan") if cell == "" else float(cell) for cell in row] for row in rows]
        array = np.array(table, dtype=np.float64).reshape(len(table), len(COLUMNS))
        return cls({name: array[:, i] for i, name in enumerate(COLUMNS)})

    @classmethod
    def read_csv(cls, path: Path) -> History:
        """Read a `metrics.csv`.

        Raises:
            IncompatibleState: The file has other columns or a cell that is no number.
            RunDamaged: It is no regular file, or has a line that is no row of a table.
        """
        try:
            header, *rows = list(csv.reader(read_lines(path))) or [[]]
            if tuple(header) != COLUMNS:
                raise ValueError(header)
            return cls.of(rows)
        except RunDamaged:
            raise
        except (ValueError, OverflowError, csv.Error) as error:
            raise IncompatibleState(f"{path} has not the columns {','.join(COLUMNS)}.") from error

    def __getitem__(self, column: str) -> NDArray[np.float64]:
        """One column, float64 ``[steps]``."""
        return self.columns[column]

    def __len__(self) -> int:
        """Number of gradient steps."""
        return len(self.columns["step"])

    def curve(self, measure: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Steps at which the network was evaluated, and a measure there."""
        evaluated = ~np.isnan(self[measure])
        return self["step"][evaluated], self[measure][evaluated]

    def bursts(self) -> NDArray[np.int64]:
        """Gradient steps at which the gradient or the loss burst; int64 ``[bursts]``, ascending.

        A burst is a gradient norm above `BURST_NORM` before clipping, or a loss above `BURST_LOSS`.
        """
        burst = (self["grad_norm"] > BURST_NORM) | (self["loss"] > BURST_LOSS)
        return self["step"][burst].astype(np.int64)

    def told_bursts(self) -> str:
        """The bursts in words, "" where there is none.

        Example:
            >>> rows = [Record(1, 2.8, 1e-3, 0.5, 0.1).row(), Record(2, 41.0, 1e-3, 9e3, 0.2).row()]
            >>> History.of(rows).told_bursts()
            'bursts at 1 of 2 steps (first at step 2; largest loss 41, largest gradient norm 9e+03)'
        """
        steps = self.bursts()
        if not steps.size:
            return ""
        return (
            f"bursts at {steps.size} of {len(self)} steps (first at step {steps[0]}; "
            f"largest loss {self['loss'].max():.3g}, "
            f"largest gradient norm {self['grad_norm'].max():.3g})"
        )

    def reached(self, level: float, measure: str = "performance") -> tuple[int, float] | None:
        """Step and seconds of the first evaluation at which a mean measure was this good.

        Args:
            level: What the mean over tasks must reach.
            measure: One of the measures in `COLUMNS`.

        Returns:
            The step and the seconds since training began; None where it was never reached.
        """
        (rows,) = np.nonzero(self[measure] >= level)
        if not rows.size:
            return None
        return int(self["step"][rows[0]]), float(self["elapsed_s"][rows[0]])


def csv_line(cells: Iterable[object]) -> str:
    """Write a row of a CSV file; floats read back exactly."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()
