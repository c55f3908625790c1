"""TensorBoard events: what is written where tensorboard is installed, and the note elsewhere."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import sparse_rnn as srnn
from sparse_rnn.runs.events import Events
from tests.sparse_rnn.helpers import record_of, scores_of, small_config

LOG: list[Any] = []


class Writer:
    """Stands for `torch.utils.tensorboard.SummaryWriter`."""

    def __init__(self, folder: str, purge_step: int) -> None:
        LOG.append((folder, purge_step))

    def add_scalar(self, tag: str, value: float, step: int) -> None:
        LOG.append((tag, value, step))

    def flush(self) -> None:
        LOG.append("flush")

    def close(self) -> None:
        LOG.append("close")


@pytest.fixture
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    LOG.clear()
    module = ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = Writer
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)


@pytest.mark.usefixtures("_installed")
def test_events_are_the_numbers_of_the_metrics(tmp_path: Path) -> None:
    run = srnn.train(small_config(), tmp_path)
    assert LOG[0] == (str(tmp_path / "tensorboard"), 1)
    assert LOG[-1] == "close"
    assert "flush" in LOG
    scalars = [entry for entry in LOG[1:] if isinstance(entry, tuple)]
    losses = [value for tag, value, _ in scalars if tag == "loss"]
    assert losses == run.history["loss"].tolist()
    steps, values = run.history.curve("performance")
    means = [(step, value) for tag, value, step in scalars if tag == "mean/performance"]
    np.testing.assert_array_equal(means, np.stack([steps, values], 1))
    assert {step for tag, _, step in scalars if tag == "final_accuracy/DlyGo"} == {2, 4}


@pytest.mark.usefixtures("_installed")
def test_a_continued_run_hides_the_events_it_repeats(tmp_path: Path) -> None:
    Events(tmp_path, 20).write(record_of(21, scores_of()))
    assert LOG[0][1] == 21


@pytest.mark.usefixtures("_installed")
def test_no_events_where_they_are_not_wanted(tmp_path: Path) -> None:
    srnn.train(small_config(), tmp_path, options=srnn.RunOptions(tensorboard=False))
    assert LOG == []


def test_without_tensorboard_there_is_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)  # import says "not found"
    with caplog.at_level(logging.INFO, "sparse_rnn"):
        events = Events(tmp_path)
    assert "tensorboard is not installed" in caplog.text
    events.write(record_of(1))
    events.flush()
    events.close()
    assert list(tmp_path.iterdir()) == []
