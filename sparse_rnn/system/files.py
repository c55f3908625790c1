"""Files that are whole or absent, and logs that can be cut back to a known line."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import IO, Any, BinaryIO, Literal, Self, TextIO, cast, overload

from sparse_rnn.errors import RunDamaged

_TEXT = Literal["r", "w", "x", "a", "r+"]
_BINARY = Literal["rb", "wb", "xb", "ab", "rb+"]

LARGEST_RECORD = 1 << 26
"""Bytes of the largest JSON record that is read from a folder: 64 MiB."""

LONGEST_LINE = 1 << 16
"""Characters of the longest line of a table that is read from a folder; ours have some hundred."""

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors of a disk that is full."""

_KINDS = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


@overload
def open_regular(path: Path, mode: _TEXT) -> TextIO: ...
@overload
def open_regular(path: Path, mode: _BINARY = "rb") -> BinaryIO: ...
def open_regular(path: Path, mode: _TEXT | _BINARY = "rb") -> IO[Any]:
    """Open a file of a folder that may come from somebody else: a regular file, or none.

    A link is not followed, so that nothing outside the folder is read or written; a named pipe or
    a device, which would hang or never end, is not opened. Nothing is cut before that is known.

    Args:
        path: The file. Folders on the way to it may be links; the file itself may not.
        mode: As for `open`. Text is UTF-8 and keeps its line ends.

    Raises:
        RunDamaged: It is no regular file.
        OSError: As `open` raises it.
    """
    if "b" in mode:
        # Writing is unbuffered: what `write` returns from is with the operating system.
        return open(path, mode, buffering=-1 if mode == "rb" else 0, opener=_opener)
    return open(path, mode, newline="", encoding="utf-8", opener=_opener)


def read_regular(path: Path, limit: int | None = LARGEST_RECORD) -> bytes:
    """Read a whole file as `open_regular` opens it.

    Args:
        path: The file.
        limit: Bytes that it may have; a larger one is refused before it takes memory. None is any.

    Raises:
        RunDamaged: It is no regular file, or too large.
        OSError: As `open` raises it.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if limit is not None and size > limit:
            raise RunDamaged(f"{path} has {size} bytes, and no more than {limit} are read of it.")
        return file.read()


def read_lines(path: Path, *, growing: bool = False) -> Generator[str]:
    """Read the lines of a table one by one, as `open_regular` opens it.

    A file without ends of lines, such as one with a hole of many gigabytes, takes no memory.

    Args:
        path: The file.
        growing: Whether it is being written: a last line without an end is then left out, whereas
            elsewhere the file was cut, maybe within a number.

    Raises:
        RunDamaged: It is no regular file, a line has more than `LONGEST_LINE` characters, or the
            last one has no end.
        UnicodeDecodeError: It is no UTF-8.
        OSError: As `open` raises it.
    """
    with open_regular(path, "r") as file:
        while line := file.readline(LONGEST_LINE + 1):
            if len(line) > LONGEST_LINE:
                raise RunDamaged(f"{path} has a line of more than {LONGEST_LINE} characters.")
            if line.endswith(("\n", "\r")):
                yield line
            elif not growing:
                raise RunDamaged(f"{path} ends within a line, so that a part of it is missing.")


def digest_of(path: Path) -> str:
    """SHA-256 of a regular file, however large it is.

    Raises:
        RunDamaged: It is no regular file.
        OSError: As `open` raises it.
    """
    with open_regular(path) as file:
        return hashlib.file_digest(cast("Any", file), "sha256").hexdigest()  # raw files do, too


@contextmanager
def open_given(path: Path) -> Generator[BinaryIO]:
    """Open a file that the caller names: it may be a link, and is a regular file.

    A pipe without a writer would wait for ever, and a device may have no end.

    Raises:
        OSError: As `open` raises it, or it is no regular file.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        yield file


def check_kind(path: Path, kind: Literal["file", "folder"] = "file") -> None:
    """Refuse a path that is there and is neither a regular file nor, as asked, a real folder.

    Raises:
        RunDamaged: It is something else, such as a link.
    """
    try:
        mode = os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return
    _refuse_others(path, mode, kind)


def _opener(name: str, flags: int) -> int:
    path = Path(name)
    # Looked at first, as opening a device or a pipe can have effects of its own; where the
    # operating system cannot refuse links, the second look below says whether one came between.
    check_kind(path)
    more = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    handle = os.open(name, (flags & ~os.O_TRUNC) | more, 0o666)
    try:
        found = os.fstat(handle)
        _refuse_others(path, found.st_mode, "file")
        if not hasattr(os, "O_NOFOLLOW") and not os.path.samestat(found, os.lstat(path)):
            raise RunDamaged(f"{path} was exchanged while it was opened. Try again.")
        if flags & os.O_TRUNC:
            os.ftruncate(handle, 0)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _refuse_others(path: Path, mode: int, kind: Literal["file", "folder"]) -> None:
    if stat.S_ISREG(mode) if kind == "file" else stat.S_ISDIR(mode):
        return
    what = next((what for is_one, what in _KINDS if is_one(mode)), f"no {kind}")
    wanted = "a regular file" if kind == "file" else "a folder"
    raise RunDamaged(
        f"{path} is {what}, and must be {wanted}: links and devices in a folder of results are "
        "not followed. Put the file itself there, or move it away."
    )


def set_aside(paths: Iterable[Path], folder: Path) -> Path:
    """Move files and folders out of the way, into a new folder that is named after another one.

    Args:
        paths: What is moved; what is not there is left out.
        folder: A folder such as ``RUN/checkpoint``; the new one is ``RUN/checkpoint.set-aside-1``,
            or has the first number that is free.

    Returns:
        The new folder.
    """
    numbered = (folder.with_name(f"{folder.name}.set-aside-{number}") for number in count(1))
    aside = next(path for path in numbered if not os.path.lexists(path))
    aside.mkdir()
    for path in paths:
        with suppress(FileNotFoundError):
            path.rename(aside / path.name)
    return aside


@contextmanager
def atomic_path(path: Path) -> Generator[Path]:
    """Give a temporary path in the same folder and rename it to `path` at the end.

    On an error the temporary file is removed and `path` is as it was before. The data is on the
    disk before the new name is.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    # New, so that nothing that is there is written; and the system says by the umask who reads it.
    temporary.open("xb").close()
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_writer(path: Path) -> Generator[TextIO]:
    """Open a text file (UTF-8) that gets its name `path` only once it is whole."""
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        yield file


def sync_folder(folder: Path) -> None:
    """Put the names in a folder on the disk, so that they outlive a power cut.

    Windows opens no folders, and keeps their names by itself.
    """
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of `atomic_path` that a killed process left in a folder.

    They are known by their names, ``.NAME.xxxxxxxx.tmp``.
    """
    for path in folder.glob(".*.????????.tmp"):
        path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Mark:
    """A place in a log: how much of it is known to be whole.

    Attributes:
        lines: Lines before the place.
        size: Bytes before it.
        sha256: Checksum of these bytes.
    """

    lines: int
    size: int
    sha256: str

    def as_json(self) -> dict[str, Any]:
        """The attributes, in JSON types."""
        return asdict(self)

    @classmethod
    def after(cls, content: bytes) -> Self:
        """The place after the last of these bytes."""
        return cls(content.count(b"\n"), len(content), _sha256(content))

    def known(self, path: Path) -> bytes | None:
        """What a file held before the place, or None where it has lost or changed it.

        Line ends that an editor or a version control system turned into CRLF are turned back.

        Raises:
            RunDamaged: It is no regular file.
        """
        try:
            with open_regular(path) as file:
                size = os.fstat(file.fileno()).st_size
                if not 0 <= self.size <= size:
                    return None
                beginning = file.read(min(2 * self.size, size))
        except FileNotFoundError:
            return None
        for content in (beginning, beginning.replace(b"\r\n", b"\n")):
            known = content[: self.size]
            if len(known) == self.size and _sha256(known) == self.sha256:
                return known
        return None


class Log:
    """A text file (UTF-8) that grows line by line; nothing is held back in memory.

    Args:
        path: The file; its folder exists.
        known: What it begins with (`Mark.known`). What it has beyond is cut off; a file that
            begins otherwise is replaced.

    Raises:
        RunDamaged: It is no regular file.
        OSError: The file cannot be written.
    """

    def __init__(self, path: Path, known: bytes = b"") -> None:
        if not _begins_with(path, known):
            with atomic_path(path) as temporary:
                temporary.write_bytes(known)
        self._hash = hashlib.sha256(known)
        self._lines, self._size = known.count(b"\n"), len(known)
        self._file = open_regular(path, "rb+")
        self._file.seek(self._size)
        self._file.truncate(self._size)

    def write(self, text: str) -> None:
        """Append whole lines.

        Raises:
            OSError: They could not be written, or in part.
        """
        content = text.encode()
        written = 0
        while written < len(content):
            # A disk that is almost full takes a part, and refuses at the next attempt.
            written += self._file.write(content[written:])
        self._hash.update(content)
        self._size += len(content)
        self._lines += text.count("\n")

    def mark(self) -> Mark:
        """Put all lines on the disk and return the place after the last of them."""
        os.fsync(self._file.fileno())
        return Mark(self._lines, self._size, self._hash.hexdigest())

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        """Use as a context, which closes it at the end."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()


def _begins_with(path: Path, known: bytes) -> bool:
    try:
        with open_regular(path) as file:
            return file.read(len(known)) == known
    except FileNotFoundError:
        return False


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
