"""`FinishedRun`: what is left of a training run, whatever was trained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sparse_rnn.evaluation.history import History
from sparse_rnn.evaluation.scores import TaskScores


@dataclass(frozen=True, eq=False)
class FinishedRun:
    """A finished training run; `sparse_rnn.Run` and `sparse_rnn.Fit` are two kinds of it.

    Attributes:
        config: Its configuration.
        network: What was trained.
        history: A record of each gradient step.
        evaluation: Scores at the end, on ``config.final_batches`` held-out batches.
        folder: Where its files lie, or None.
    """

    config: Any
    network: Any
    history: History
    evaluation: TaskScores
    folder: Path | None = None
