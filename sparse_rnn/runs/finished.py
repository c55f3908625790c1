"""`FinishedRun`: what is left of a training run, whatever was trained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sparse_rnn.evaluation.history import History
from sparse_rnn.evaluation.scores import TaskScores
from sparse_rnn.evaluation.transfer import StageMatrix
from sparse_rnn.runs.decisions import Decisions


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came out of training.

    Attributes:
        history: A record of each gradient step.
        evaluation: Scores at the end.
        stage_matrix: Scores at the end of each stage; None without stages.
        decisions: What a policy let the run train; None without one.
    """

    history: History
    evaluation: TaskScores
    stage_matrix: StageMatrix | None = None
    decisions: Decisions | None = None

    def told(self, folder: Path | None) -> tuple[Any, ...]:
        """What a `FinishedRun` has behind its network, in order."""
        return self.history, self.evaluation, folder, self.stage_matrix, self.decisions


@dataclass(frozen=True, eq=False)
class FinishedRun:
    """A finished training run; `sparse_rnn.Run` and `sparse_rnn.Fit` are two kinds of it.

    Attributes:
        config: Its configuration.
        network: What was trained.
        history: A record of each gradient step.
        evaluation: Scores at the end, on ``config.final_batches`` held-out batches.
        folder: Where its files lie, or None.
        stage_matrix: Scores of all tasks at the end of each stage that ended; None without stages.
        decisions: What a policy let the run train; None without one.
    """

    config: Any
    network: Any
    history: History
    evaluation: TaskScores
    folder: Path | None = None
    stage_matrix: StageMatrix | None = None
    decisions: Decisions | None = None
