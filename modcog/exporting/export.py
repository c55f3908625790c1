"""Export of batches to files that other tools read: HDF5, npz and zarr.

What is not finished lies in a folder beside the target, ``NAME.part``, and can be gone on with; the
target appears when it is whole. A batch is a function of its number, and where each trial goes is
known before the first byte: all arrays are made at the start, and then filled in place, so that
going on is to begin at another number.
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

from modcog.batches.sampler import BatchSampler
from modcog.batches.targets import targets_of
from modcog.errors import ExportFailed, InvalidArgument, whole_number
from modcog.exporting.columns import Columns
from modcog.exporting.formats import DAMAGED, Content, Writer, writer_of
from modcog.exporting.record import (
    arguments_of,
    check_determined,
    describe,
    read_record,
    refuse_other,
)
from modcog.system.files import check_kind, owned, sync_file, whole_file
from modcog.system.limits import BATCHES

CHECKPOINT_S = 5.0
"""After a process was killed, at most so much of its work is done again."""

Progress = Callable[[int, int], None]
"""Is told the number of batches written and of all batches."""

_RECORD = "progress.json"
_REPLACED = "replaced"
_OWN = (_RECORD, _REPLACED, "data.h5", "data.npz", "data.zarr", "members")
"""Names in the folder of an unfinished export."""


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

    The arrays are ``inputs``, ``targets`` (where there are any) and ``mask``, with an axis of
    batches before those of `Batch`, ``rules`` where rule inputs have no name, and one column a
    quantity in the group ``trials``; see docs/export.md. They have the
    bits of ``sampler.batch(i)``. An export that was stopped is gone on with by the same call and
    ``resume=True``; the result is the same. One process at a time writes to a path.

    Args:
        sampler: What draws the batches.
        path: The file; its suffix says the format.
        n_batches: Number of batches.
        first: Number of the first batch.
        overwrite: Replace the file, once the new one is whole; drop an unfinished export.
        resume: Go on with an unfinished export, if there is one. A finished one is left as it is.
            Both must be of the same identity: `BatchSampler.identity`, `n_batches` and `first`.
        progress: Is called with the number of batches written and that of all, more than once for
            the same number.

    Returns:
        The path.

    Raises:
        InvalidArgument: The suffix names no format, or its library is missing; the file exists; an
            unfinished export is there and neither `resume` nor `overwrite` is given, or it is
            damaged, or was made with other arguments; `resume` is given and the sampler has a
            condition without a name, or a function as a schedule; another process writes there; a
            number is out of range.
        ExportFailed: The disk is full, or another error of the file system. What was written can be
            gone on with.

    Example:
        >>> import tempfile
        >>> import modcog, numpy as np
        >>> sampler = modcog.BatchSampler("cog-20", batch_size=4, seq_len=100, seed=0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = modcog.export(sampler, f"{folder}/data.npz", n_batches=3)
        ...     with np.load(path) as file:
        ...         print(file["inputs"].shape)
        (3, 100, 4, 53)
    """
    target = Path(path)
    n_batches = whole_number("n_batches", n_batches, "batches", most=BATCHES)
    job = _Job(sampler, target, n_batches, first, progress)
    if overwrite and resume:
        raise InvalidArgument("resume", resume, "given without overwrite")
    if resume:
        check_determined(job.arguments)
    if not target.parent.is_dir():
        raise InvalidArgument("path", str(target), "in a folder that exists")
    try:
        with owned(target):
            if not (resume and job.is_finished()):
                job.check_free(overwrite=overwrite, resume=resume)
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
        self.done = self._recorded = 0
        self._progress = progress

    def is_finished(self) -> bool:
        """Whether the target is this export, whole; what it left behind is then removed.

        Raises:
            InvalidArgument: The target is something else, and not about to be replaced.
        """
        if not os.path.lexists(self.target):
            return False
        record = self._record()
        try:
            kept = json.loads(self.writer_class.read_attributes(self.target)["arguments"])
            refuse_other(kept, self.arguments, self.target)
        except InvalidArgument:
            if record.get("replace"):
                return False
            raise
        except DAMAGED as error:
            if record.get("replace"):
                return False
            allowed = "an export of modcog"
            raise InvalidArgument("path", str(self.target), allowed, f"({error})") from error
        # Stopped after the target had its name: that it is whole is all that counts.
        if os.path.lexists(self.part) and record.get("arguments", self.arguments) == self.arguments:
            self._remove_part()
        return True

    def check_free(self, *, overwrite: bool, resume: bool) -> None:
        """Refuse what is there and not to be touched; drop what is to be replaced.

        Raises:
            InvalidArgument: The target or an unfinished export is there.
        """
        if os.path.lexists(self.target) and not (overwrite or resume):
            remedy = "Pass overwrite (--overwrite) to replace it when the new one is whole."
            raise InvalidArgument(
                "path", str(self.target), "a file that does not exist yet", remedy
            )
        self._check_part()
        if not os.path.lexists(self.part):
            return
        if overwrite:
            self._remove_part()
        elif not resume:
            allowed = "one of which no unfinished export exists"
            remedy = (
                f"{self.part} is there: go on with it by resume (--resume), or drop it by "
                "overwrite (--overwrite)."
            )
            raise InvalidArgument("path", str(self.target), allowed, remedy)

    def run(self, *, replace: bool) -> None:
        """Write what is missing, and give the whole its name."""
        record = self._record()
        if record:
            refuse_other(record["arguments"], self.arguments, self.target)
            self.done = self._recorded = record["done"]
            replace = record["replace"]
        elif os.path.lexists(self.part):
            self._remove_part()  # it ended before there was anything to keep
        counts = self._count()
        self.part.mkdir(exist_ok=True)
        writer = self._open(counts, begun=bool(record))
        try:
            self._write_batches(writer, counts, replace=replace)
            whole = writer.finish()
        finally:
            # On a full disk closing fails as well; the first error is the one to tell.
            with suppress(OSError, RuntimeError):
                writer.close()
        self._give_name(whole)

    def complaint(self, error: Exception) -> str:
        """What went wrong and what there is, in one line."""
        code = getattr(error, "errno", None)
        reason = os.strerror(code) if code else " ".join(str(error).split())
        text = f"{self.target}: {reason}, after {self._recorded} of {self.n_batches} batches."
        if not os.path.lexists(self.part):
            return text
        return f"{text} They are in {self.part}: repeat with resume (--resume) to go on."

    def _record(self) -> dict[str, Any]:
        """What is recorded of an unfinished export; empty where there is none."""
        self._check_part()
        return read_record(self.part / _RECORD)

    def _check_part(self) -> None:
        """Refuse a folder ``NAME.part`` with anything but what an export writes."""
        check_kind(self.part, "folder")
        if not self.part.is_dir():
            return
        for entry in self.part.iterdir():
            if entry.name not in _OWN and not entry.name.startswith(f".{_RECORD}."):
                allowed = "a folder that an export left"
                remedy = f"{entry.name} in it is of somebody else: move it away."
                raise InvalidArgument("path", str(self.part), allowed, remedy)
        for folder, folders, files in os.walk(self.part):
            if folder == str(self.part) and _REPLACED in folders:
                folders.remove(_REPLACED)  # the user's, and only ever removed as a whole
            for name in folders:
                check_kind(Path(folder, name), "folder")
            for name in files:
                check_kind(Path(folder, name), "file")

    def _remove_part(self) -> None:
        """Remove what is unfinished, the record first: what is left then counts for nothing."""
        (self.part / _RECORD).unlink(missing_ok=True)
        shutil.rmtree(self.part)

    def _count(self) -> list[int]:
        """Trials of each batch: they say where the columns of a batch begin."""
        counts: list[int] = []
        for i in range(self.n_batches):
            self._tell()
            counts.append(len(self.sampler.trials(self.first + i)))
        return counts

    def _open(self, counts: list[int], *, begun: bool) -> Writer:
        """Make all arrays, or find them as they were made."""
        sampler = self.sampler
        shape = (self.n_batches, sampler.seq_len, sampler.batch_size)
        arrays: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {
            "inputs": ((*shape, sampler.input_size), np.dtype(np.float32)),
        }
        like = targets_of(sampler.trials(self.first)[:1], sampler.targets)
        if like.size:
            arrays["targets"] = ((*shape, *like.shape[2:]), like.dtype)
        arrays["mask"] = (shape, np.dtype(np.float32))
        # Those that a name says are left out, as nobody needs to look them up.
        rules = None if isinstance(self.arguments["rules"], str) else sampler.rules
        if rules is not None:
            arrays["rules"] = (rules.shape, rules.dtype)
        for name, like in Columns(sampler.specs).like.items():
            arrays[f"trials/{name}"] = ((sum(counts), *like.shape[1:]), like.dtype)
        content = Content(arrays, *describe(sampler, self.arguments))
        if not begun:
            writer = self.writer_class(self.part, content)
            if rules is not None:
                writer.write("rules", 0, rules)
            return writer
        try:
            writer = self.writer_class(self.part, content, begun=True)
            last = writer.read("inputs", self.done - 1) if self.done else None
        except DAMAGED as error:
            allowed = "an unfinished export without damage"
            remedy = f"({error}) Drop it by overwrite (--overwrite)."
            raise InvalidArgument("path", str(self.part), allowed, remedy) from error
        if last is not None:
            # What no record tells, such as the code of a condition.
            batch = sampler.batch(self.first + self.done - 1)
            if last.tobytes() != batch.inputs.tobytes():
                writer.close()
                allowed = "the sampler of the unfinished export"
                remedy = f"Its batches differ from those in {self.part}."
                raise InvalidArgument("sampler", sampler, allowed, remedy)
        return writer

    def _save(self, writer: Writer, *, replace: bool) -> None:
        """Record how far the export is, after everything up to there was handed over."""
        writer.close()
        record = {"arguments": self.arguments, "done": self.done, "replace": replace}
        with whole_file(self.part / _RECORD) as new:
            new.write_text(json.dumps(record), encoding="utf-8")
        self._recorded = self.done

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress(self.done, self.n_batches)

    def _write_batches(self, writer: Writer, counts: list[int], *, replace: bool) -> None:
        columns, row = Columns(self.sampler.specs), sum(counts[: self.done])
        self._save(writer, replace=replace)
        saved_at = time.monotonic()
        try:
            while self.done < self.n_batches:
                batch = self.sampler.batch(self.first + self.done)
                for name in ("inputs", "targets", "mask"):
                    array = getattr(batch, name)[np.newaxis]
                    if array.size:
                        writer.write(name, self.done, array)
                columns.append(batch.trials, self.first + self.done)
                if columns.is_full or self.done + 1 == self.n_batches:
                    row += columns.write(writer, row)
                self.done += 1
                self._tell()
                if time.monotonic() - saved_at > CHECKPOINT_S:
                    row += columns.write(writer, row)
                    self._save(writer, replace=replace)
                    saved_at = time.monotonic()
        finally:
            # Also after Ctrl-C or an error. If this fails too, the record before it holds.
            with suppress(OSError, RuntimeError):
                columns.write(writer, row)
                self._save(writer, replace=replace)

    def _give_name(self, whole: Path) -> None:
        if whole.is_file():
            sync_file(whole)
        elif os.path.lexists(self.target):
            # A folder cannot replace another one in one step.
            self.target.replace(self.part / _REPLACED)
        whole.replace(self.target)
        self._remove_part()
