"""TensorBoard events of a run, where tensorboard is installed (the extra ``tensorboard``)."""

from __future__ import annotations

import importlib
import logging
from pathlib import Path
from typing import Any

from sparse_rnn.evaluation.history import Record
from sparse_rnn.evaluation.scores import MEASURES

FOLDER = "tensorboard"
"""Folder of the events in a run folder."""

_LOG = logging.getLogger("sparse_rnn")


class Events:
    """Writes records as TensorBoard scalars; nothing where tensorboard is not installed.

    Args:
        folder: The run folder.
        step: Gradient steps taken before; events of later ones, from a run that was killed, are
            hidden.
    """

    def __init__(self, folder: Path, step: int = 0) -> None:
        self._writer: Any = None
        try:
            module: Any = importlib.import_module("torch.utils.tensorboard")
        except ImportError:
            _LOG.info("No TensorBoard events: tensorboard is not installed.")
            return
        self._writer = module.SummaryWriter(str(folder / FOLDER), purge_step=step + 1)

    def write(self, record: Record) -> None:
        """Add a record: loss, rate and norm, and at evaluations each measure of each task."""
        if self._writer is None:
            return
        for name in ("loss", "lr", "grad_norm"):
            self._writer.add_scalar(name, getattr(record, name), record.step)
        if record.scores is None:
            return
        for measure in MEASURES:
            self._writer.add_scalar(f"mean/{measure}", record.scores.mean(measure), record.step)
        for row in record.scores.rows():
            for measure in MEASURES:
                self._writer.add_scalar(f"{measure}/{row['task']}", row[measure], record.step)

    def flush(self) -> None:
        """Put what was added on its way to the disk."""
        if self._writer is not None:
            self._writer.flush()

    def close(self) -> None:
        """End."""
        if self._writer is not None:
            self._writer.close()
