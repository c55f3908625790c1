"""Files that are whole or absent, and logs that can be cut back to a known line."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self, TextIO


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
    """Put the names in a folder on the disk, so that they outlive a power cut."""
    if os.name != "posix":  # Windows opens no folder
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of `atomic_path` that a killed process left in a folder."""
    for path in folder.glob(".*.tmp"):
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

    def fits(self, path: Path) -> bool:
        """Whether a file begins with the bytes that were there when the mark was made."""
        try:
            with path.open("rb") as file:
                beginning = file.read(self.size)
        except FileNotFoundError:
            return False
        return len(beginning) == self.size and _sha256(beginning) == self.sha256


class Log:
    """A text file (UTF-8) that grows line by line; nothing is held back in memory.

    Args:
        path: The file; its folder exists.
        mark: Where to go on; what the file has beyond is cut off. None starts an empty file.

    Raises:
        OSError: The file cannot be written.
    """

    def __init__(self, path: Path, mark: Mark | None = None) -> None:
        self._file = path.open("wb" if mark is None else "rb+", buffering=0)
        self._lines = 0 if mark is None else mark.lines
        self._hash = hashlib.sha256()
        self._size = 0
        if mark is not None:
            self._hash.update(self._file.read(mark.size) or b"")
            self._size = self._file.tell()
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


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
