"""Files that are either whole or absent."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def atomic_path(path: Path) -> Generator[Path]:
    """Give a temporary path in the same folder and rename it to `path` at the end.

    On an error the temporary file is removed and `path` is as it was before. The data is on the
    disk before the new name is.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        # mkstemp makes files private; a run folder has the permissions that the user's umask says.
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_writer(path: Path) -> Generator[TextIO]:
    """Open a text file (UTF-8) that gets its name `path` only once it is whole."""
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        yield file


def _umask() -> int:
    # The one way to read the umask is to set it.
    mask = os.umask(0)
    os.umask(mask)
    return mask
