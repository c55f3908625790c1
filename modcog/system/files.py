"""Files that are whole or absent, that have one owner, and that may come from somebody else."""

from __future__ import annotations

import errno
import math
import os
import secrets
import stat
import struct
import sys
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from modcog.errors import InvalidArgument

try:
    import fcntl
except ImportError:  # Windows

    def _take(file: BinaryIO) -> None:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            raise OSError(errno.ENOSYS, "no locks")

else:

    def _take(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


DENSEST = 1032
"""What deflate makes of one byte, at most (https://zlib.net/zlib_tech.html)."""

_NPY_HEAD = 1 << 16
"""Bytes of the largest head of an array in a file."""

_DAMAGED = (
    *(ValueError, KeyError, TypeError, EOFError, RuntimeError, OverflowError),
    *(zipfile.BadZipFile, zlib.error, struct.error, tokenize.TokenError),
)
"""What zipfile, zlib and numpy raise on damaged files."""

_KINDS = (
    (stat.S_ISLNK, "a symbolic link; give the file that it points to"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


# --- whole or absent -----------------------------------------------------------------------------


@contextmanager
def whole_file(path: Path) -> Generator[Path]:
    """Make a file to write beside `path`; it takes that name only when the block ends well.

    An error in the block removes it, and what was at `path` before stays.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    # New, so that nothing that is there is written; and the system says who may read it.
    part.open("xb").close()
    try:
        yield part
        sync_file(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def sync_file(path: Path) -> None:
    """Put a file on the disk, so that it outlives a power cut."""
    with path.open("rb+") as file:  # Windows asks for a file that may be written
        os.fsync(file.fileno())


# --- one owner -----------------------------------------------------------------------------------


@contextmanager
def owned(path: Path) -> Generator[None]:
    """Hold what is written at `path` for this process alone, by a lock file beside it.

    The operating system drops the lock when the process ends, however that ends. A file system
    without locks is a warning.

    Raises:
        InvalidArgument: Another process, or another thread of this one, holds it.
        OSError: The lock file cannot be made.
    """
    lock = path.with_name(f".{path.name}.lock")
    file = _acquire(lock)
    if file is None:
        remedy = "Another process is at it: wait until that ends, or write to another file."
        raise InvalidArgument("path", str(path), "written by one process at a time", remedy)
    try:
        yield
    finally:
        # Before it is released: who comes then sees that the file has no name any more. Windows
        # does not remove an open file, and leaves it.
        with suppress(PermissionError):
            lock.unlink(missing_ok=True)
        file.close()


def _acquire(lock: Path) -> BinaryIO | None:
    """Open and lock a file; None where somebody else holds it."""
    while True:
        file = open_regular(lock, "ab")
        if not _lock(file):
            file.close()
            return None
        # The owner before may have removed the file between the two calls.
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), os.lstat(lock)):
                return file
        file.close()


def _lock(file: BinaryIO) -> bool:
    try:
        _take(file)
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
            return False
        text = f"{file.name}: this file system has no locks. See that one process writes here."
        warnings.warn(text, RuntimeWarning, stacklevel=4)
    return True


# --- from somebody else --------------------------------------------------------------------------


def open_regular(path: Path, mode: Literal["rb", "rb+", "ab"] = "rb") -> BinaryIO:
    """Open a file that may come from somebody else: a regular file, or none.

    A link is not followed, so that nothing else is read or written in its place; a named pipe or a
    device, which would hang or never end, is not opened.

    Args:
        path: The file. Folders on the way to it may be links; the file itself may not.
        mode: As for `open`.

    Raises:
        InvalidArgument: It is no regular file.
        OSError: As `open` raises it.
    """
    return open(path, mode, opener=_opener)


def read_regular(path: Path, limit: int) -> bytes:
    """Read a whole file as `open_regular` opens it.

    Raises:
        InvalidArgument: It is no regular file, or has more than `limit` bytes.
        OSError: As `open` raises it.
    """
    with open_regular(path) as file:
        if (size := os.fstat(file.fileno()).st_size) > limit:
            raise InvalidArgument(
                "path", str(path), f"a file of at most {limit} bytes", f"({size})"
            )
        return file.read(limit)


def check_kind(path: Path, kind: Literal["file", "folder"]) -> None:
    """Refuse a path that is there and is neither a regular file nor, as asked, a real folder.

    Raises:
        InvalidArgument: It is something else, such as a link.
    """
    try:
        mode = os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return
    _refuse_others(path, mode, kind)


def _refuse_others(path: Path, mode: int, kind: Literal["file", "folder"]) -> None:
    if stat.S_ISREG(mode) if kind == "file" else stat.S_ISDIR(mode):
        return
    what = next((what for is_one, what in _KINDS if is_one(mode)), f"no {kind}")
    allowed = "a regular file" if kind == "file" else "a folder"
    raise InvalidArgument("path", str(path), allowed, f"It is {what}.")


def _opener(name: str, flags: int) -> int:
    path = Path(name)
    # Looked at first, as opening a device can have effects of its own; and once more, where the
    # system cannot refuse links and one came between.
    check_kind(path, "file")
    more = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    handle = os.open(path, flags | more, 0o666)
    try:
        found = os.fstat(handle)
        _refuse_others(path, found.st_mode, "file")
        if not os.path.samestat(found, os.lstat(path)):
            raise InvalidArgument("path", str(path), "left alone while it is opened")
    except BaseException:
        os.close(handle)
        raise
    return handle


def read_npz(path: Path, names: Iterable[str]) -> dict[str, NDArray[Any]]:
    """Read arrays of an npz file that may come from somebody else, never a pickle.

    Nothing is allocated before an array's shape agrees with the bytes that it has in the file, and
    these with what can be packed into so few.

    Args:
        path: The file.
        names: The arrays that are read.

    Raises:
        InvalidArgument: It is no regular file.
        ValueError: It is damaged, or no npz file with these arrays.
        OSError: As `open` raises it.
    """
    with open_regular(path) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                return {name: _member(archive, f"{name}.npy") for name in names}
        except _DAMAGED as error:
            raise ValueError(str(error) or type(error).__name__) from error
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            raise ValueError("it says that an array lies outside of it") from error


def _member(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    info = archive.getinfo(name)
    if info.file_size > DENSEST * info.compress_size + _NPY_HEAD:
        raise ValueError(f"{name} says that it has {info.file_size} bytes, and cannot")
    with archive.open(info) as file:
        version = np.lib.format.read_magic(file)
        if version == (1, 0):
            shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        else:
            shape, _, dtype = np.lib.format.read_array_header_2_0(file)
        if min(shape, default=0) < 0 or dtype.hasobject:
            raise ValueError(f"{name} is no array of numbers or texts")
        size = math.prod(shape) * dtype.itemsize
        if file.tell() + size != info.file_size:
            raise ValueError(f"{name} says that it has {size} bytes of data, and has not")
        file.seek(0)
        return np.lib.format.read_array(file, allow_pickle=False)
