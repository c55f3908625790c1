"""Export of batches to files that other tools read: HDF5, npz and zarr.

What is not finished lies in a folder beside the target, ``NAME.part``, and can be gone on with; the
target appears when it is whole.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from modcog.errors import ExportFailed, InvalidArgument, whole_number
from modcog.export_columns import ColumnSpool
from modcog.export_formats import Writer, writer_of
from modcog.export_record import arguments_of, describe, refuse_other
from modcog.limits import BATCHES
from modcog.sampler import Batch, BatchSampler

CHECKPOINT_S = 5.0
"""After a process was killed, at most so much of its work is done again."""

RESERVE_BYTES = 1 << 20
"""Kept free for the record of what is done, so that it can be written on a full disk."""

Progress = Callable[[int, int], None]
"""Is told the number of batches written and of all batches."""


def export(  # noqa: PLR0913 - each is a choice of the caller, by name
    sampler: BatchSampler,
    path: Path | str,
    n_batches: int,
    *,
    first: int = 0,
    overwrite: bool = False,
    resume: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Write batches to a file: HDF5 (``.h5``), npz without pickle (``.npz``) or zarr (``.zarr``).

    The arrays are ``inputs``, ``targets`` and ``mask``, with an axis of batches before those of
    `Batch`, and one column a quantity in the group ``trials``; see docs/export.md. They have the
    bits of ``sampler.batch(i)``. An export that was stopped is gone on with by the same call and
    ``resume=True``; the result is the same.

    Args:
        sampler: What draws the batches.
        path: The file; its suffix says the format.
        n_batches: Number of batches.
        first: Number of the first batch.
        overwrite: Replace the file, once the new one is whole; drop an unfinished export.
        resume: Go on with an unfinished export, if there is one. A finished one is left as it is.
        progress: Is called with the number of batches written and that of all.

    Returns:
        The path.

    Raises:
        InvalidArgument: The suffix names no format, or its library is missing; the file exists; an
            unfinished export is there and neither `resume` nor `overwrite` is given, or it was made
            with other arguments; a number is out of range.
        ExportFailed: The disk is full, or another error of the file system. What was written can be
            gone on with.

    Example:
        >>> import modcog, numpy as np
        >>> folder = getfixture("tmp_path")
        >>> sampler = modcog.BatchSampler("cog-20", batch_size=4, seq_len=100, seed=0)
        >>> path = modcog.export(sampler, folder / "data.npz", n_batches=3)
        >>> with np.load(path) as file:
        ...     file["inputs"].shape
        (3, 100, 4, 53)
    """
    target = Path(path)
    n_batches = whole_number("n_batches", n_batches, "batches", most=BATCHES)
    job = _Job(sampler, target, n_batches, first, progress)
    if overwrite and resume:
        raise InvalidArgument("resume", resume, "given without overwrite")
    if not target.parent.is_dir():
        raise InvalidArgument("path", str(target), "in a folder that exists")
    if resume and target.exists() and not job.part.exists():
        job.check_finished()
        return target
    if target.exists() and not overwrite and not (resume and job.may_replace()):
        remedy = "Pass overwrite (--overwrite) to replace it when the new one is whole."
        raise InvalidArgument("path", str(target), "a file that does not exist yet", remedy)
    if job.part.exists() and overwrite:
        shutil.rmtree(job.part)
    if job.part.exists() and not resume:
        allowed = "one of which no unfinished export exists"
        remedy = (
            f"{job.part} is there: go on with it by resume (--resume), or drop it by overwrite "
            "(--overwrite)."
        )
        raise InvalidArgument("path", str(target), allowed, remedy)
    try:
        job.run(replace=overwrite)
    except OSError as error:
        raise ExportFailed(job.complaint(error)) from error
    except RuntimeError as error:  # HDF5 reports some errors of the file system so
        raise ExportFailed(job.complaint(error)) from error
    return target


class _Job:
    """One export: what it is of, and how far it is."""

    def __init__(
        self,
        sampler: BatchSampler,
        target: Path,
        n_batches: int,
        first: int,
        progress: Progress | None,
    ) -> None:
        self.sampler = sampler
        self.target = target
        self.part = target.with_name(f"{target.name}.part")
        self.writer_class = writer_of(target)
        self.n_batches = n_batches
        self.first = whole_number("first", first, least=0)
        self.arguments = arguments_of(sampler, n_batches, self.first)
        self.done = 0
        self._progress = progress
        self._record = self.part / "progress.json"
        self._reserve = self.part / "reserve"

    def check_finished(self) -> None:
        """Check that the target is this export, finished."""
        try:
            kept = json.loads(self.writer_class.read_attributes(self.target)["arguments"])
        except (OSError, KeyError, ValueError) as error:
            allowed = "an export of modcog"
            raise InvalidArgument("path", str(self.target), allowed, f"({error})") from error
        refuse_other(kept, self.arguments)

    def may_replace(self) -> bool:
        """Whether the unfinished export was begun in order to replace the target."""
        return bool(self._recorded().get("replace"))

    def run(self, *, replace: bool) -> None:
        """Write what is missing, and give the whole its name."""
        recorded = self._recorded()
        if self.part.exists() and not recorded:
            shutil.rmtree(self.part)  # it ended before there was anything to keep
        self.part.mkdir(exist_ok=True)
        if recorded:
            refuse_other(recorded["arguments"], self.arguments)
            self.done, replace = recorded["done"], recorded["replace"]
        writer = self.writer_class(self.part)
        columns = ColumnSpool(self.part / "trials", self.sampler.specs)
        try:
            columns.keep(recorded.get("n_trials", 0))
            self._create(writer)
            self._check_last(writer)
            self._write_batches(writer, columns, replace=replace)
            columns.pour(writer)
            describe(writer, self.sampler, self.arguments)
            whole = writer.finish()
        finally:
            columns.close()
            # On a full disk closing fails as well; the first error is the one to tell.
            with suppress(OSError, RuntimeError):
                writer.close()
        self._give_name(whole)

    def complaint(self, error: Exception) -> str:
        """What went wrong and what there is, in one line."""
        code = getattr(error, "errno", None)
        reason = os.strerror(code) if code else " ".join(str(error).split())
        return (
            f"{self.target}: {reason}, after {self.done} of {self.n_batches} batches. They are in "
            f"{self.part}: repeat with resume (--resume) to go on."
        )

    def _recorded(self) -> dict[str, Any]:
        if not self._record.exists():
            return {}
        return json.loads(self._record.read_text(encoding="utf-8"))

    def _save(self, writer: Writer, columns: ColumnSpool, *, replace: bool) -> None:
        """Record how far the export is, after everything up to there was handed over."""
        writer.flush()
        columns.flush()
        record = {
            "arguments": self.arguments,
            "done": self.done,
            "n_trials": columns.n_trials,
            "replace": replace,
        }
        new = self._record.with_suffix(".new")
        new.write_text(json.dumps(record), encoding="utf-8")
        new.replace(self._record)

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress(self.done, self.n_batches)

    def _create(self, writer: Writer) -> None:
        sampler = self.sampler
        shape = (self.n_batches, sampler.seq_len, sampler.batch_size)
        writer.create("inputs", (*shape, sampler.input_size), np.float32, 1)
        writer.create("targets", shape, np.int64, 1)
        writer.create("mask", shape, np.float32, 1)

    def _check_last(self, writer: Writer) -> None:
        """Compare the last batch: what `arguments` cannot tell, such as a condition."""
        if self.done:
            batch = self.sampler.batch(self.first + self.done - 1)
            if writer.read("inputs", self.done - 1).tobytes() != batch.inputs.tobytes():
                allowed = "the sampler of the unfinished export"
                raise InvalidArgument("sampler", self.sampler, allowed, "Its batches differ.")

    def _write_batches(self, writer: Writer, columns: ColumnSpool, *, replace: bool) -> None:
        saved_at = time.monotonic()
        self._reserve.write_bytes(bytes(RESERVE_BYTES))
        self._save(writer, columns, replace=replace)
        self._tell()
        try:
            while self.done < self.n_batches:
                batch = self.sampler.batch(self.first + self.done)
                _write(writer, self.done, batch)
                columns.append(batch.trials, self.first + self.done)
                self.done += 1
                self._tell()
                if time.monotonic() - saved_at > CHECKPOINT_S:
                    self._save(writer, columns, replace=replace)
                    saved_at = time.monotonic()
        finally:
            # Also after Ctrl-C or an error. If this fails too, the record before it holds.
            self._reserve.unlink(missing_ok=True)
            with suppress(OSError, RuntimeError):
                self._save(writer, columns, replace=replace)

    def _give_name(self, whole: Path) -> None:
        if whole.is_file():
            with whole.open("rb") as file:
                os.fsync(file.fileno())
        elif self.target.exists():
            # A folder cannot replace another one in one step.
            self.target.replace(self.part / "replaced")
        whole.replace(self.target)
        shutil.rmtree(self.part)


def _write(writer: Writer, row: int, batch: Batch) -> None:
    for name in ("inputs", "targets", "mask"):
        writer.write(name, row, getattr(batch, name)[np.newaxis])
