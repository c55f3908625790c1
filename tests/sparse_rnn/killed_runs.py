"""Runs that are killed at a step, for tests of what becomes of them."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import sparse_rnn as srnn
from sparse_rnn.evaluation.history import Record
from sparse_rnn.runs.checkpoint import Store
from sparse_rnn.training.progress import OnStep
from tests.sparse_rnn.helpers import small_config

OFTEN = srnn.RunOptions(checkpoint_every=2)


class Killed(BaseException):
    """Stands for SIGKILL: nothing handles it, and what is not on the disk is lost."""


def killer(step: int) -> Callable[[srnn.FitConfig], Any]:
    """A display that ends the run at a step."""

    @contextmanager
    def display(_config: srnn.FitConfig) -> Generator[OnStep]:
        def on_step(record: Record) -> None:
            if record.step == step:
                raise Killed

        yield on_step

    return display


def nine(**changes: Any) -> srnn.TrainConfig:
    """A run of nine steps."""
    return small_config(**{"steps": 9, "eval_every": 3, **changes})


def left_at(folder: Path, step: int, config: srnn.TrainConfig | None = None) -> Path:
    """A run that was killed at a step."""
    with pytest.raises(Killed):
        srnn.train(config or nine(), folder, progress=killer(step), options=OFTEN)
    return folder


def saved_steps(folder: Path) -> list[int]:
    return Store(folder).steps()
