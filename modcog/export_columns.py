"""The trials of an export, one column a quantity: how many there are is known at the end only."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from modcog.export_formats import CHUNK_ROWS, Writer
from modcog.spec import TaskSpec
from modcog.trials import Trials, sample

_NOT_WRITTEN = ("tasks", "task_index")
_DERIVED = ("length", "decision_start")


class ColumnSpool:
    """Columns of trials in plain files, to which batches are appended.

    Args:
        folder: Where the files are, or will be.
        specs: The tasks, one per rule slot.

    Attributes:
        n_trials: Trials in the files.
    """

    def __init__(self, folder: Path, specs: Sequence[TaskSpec]) -> None:
        folder.mkdir(exist_ok=True)
        self._task_number = {
            name: i for i, name in enumerate(dict.fromkeys(spec.name for spec in specs))
        }
        # Tasks differ in the number of periods and stimuli; the widest says how many columns.
        self._like: dict[str, NDArray[Any]] = {}
        for spec in dict.fromkeys(specs):
            for name, column in self._columns(sample(spec, np.random.default_rng(0)), 0).items():
                widest = self._like.setdefault(name, column)
                if column.shape[1:] > widest.shape[1:]:
                    self._like[name] = column
        self._paths = {name: folder / f"{name}.bin" for name in self._like}
        self._files: dict[str, BinaryIO] = {}
        self.n_trials = 0

    def keep(self, n_trials: int) -> None:
        """Open the files, and drop what is in them beyond the first `n_trials`."""
        for name, path in self._paths.items():
            file = path.open("ab")
            file.truncate(n_trials * self._like[name].nbytes)
            file.seek(0, 2)
            self._files[name] = file
        self.n_trials = n_trials

    def append(self, trials: Trials, batch: int) -> None:
        """Add the trials of a batch."""
        for name, column in self._columns(trials, batch).items():
            rows = np.zeros((len(trials), *self._like[name].shape[1:]), self._like[name].dtype)
            rows[tuple(slice(size) for size in column.shape)] = column
            self._files[name].write(rows.tobytes())
        self.n_trials += len(trials)

    def flush(self) -> None:
        """Hand everything to the operating system."""
        for file in self._files.values():
            file.flush()

    def close(self) -> None:
        """Close the files; safe to call twice."""
        for file in self._files.values():
            with suppress(OSError):  # on a full disk; the record says how much of them counts
                file.close()

    def pour(self, writer: Writer) -> None:
        """Write all columns as arrays of the group ``trials``."""
        self.flush()
        for name, path in self._paths.items():
            like = self._like[name]
            shape = (self.n_trials, *like.shape[1:])
            writer.create(f"trials/{name}", shape, like.dtype, CHUNK_ROWS)
            for start in range(0, self.n_trials, CHUNK_ROWS):
                count = min(CHUNK_ROWS, self.n_trials - start)
                flat = np.fromfile(path, like.dtype, count * like.size, offset=start * like.nbytes)
                writer.write(f"trials/{name}", start, flat.reshape(count, *like.shape[1:]))

    def _columns(self, trials: Trials, batch: int) -> dict[str, NDArray[Any]]:
        names = [f.name for f in fields(trials) if f.name not in _NOT_WRITTEN]
        columns = {name: getattr(trials, name) for name in (*names, *_DERIVED)}
        # MATLAB has no use for HDF5's truth values, which are enumerations.
        columns["responds"] = trials.responds.astype(np.uint8)
        number = np.array([self._task_number[spec.name] for spec in trials.tasks], dtype=np.int64)
        columns["task"] = number[trials.task_index]
        columns["batch"] = np.full(len(trials), batch, dtype=np.int64)
        return columns
