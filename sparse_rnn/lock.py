"""One process a run folder: a lock that ends with its process, however that ends."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import platform
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from sparse_rnn.errors import RunConflict

LOCK = ".lock"
"""Name of the lock file in a run folder; it names the machine and the process."""


@contextmanager
def locked(folder: Path) -> Generator[None]:
    """Hold the lock of a folder.

    The operating system drops the lock when its process ends, so that one of a killed process
    stands in nobody's way. Between machines it works where the file system has `flock` (NFS since
    version 4 does).

    Args:
        folder: The folder, which exists.

    Raises:
        RunConflict: Another process, or another thread of this one, holds it.
    """
    path = folder / LOCK
    handle = _acquire(path)
    try:
        holder = {"pid": os.getpid(), "machine": platform.node()}
        with contextlib.suppress(OSError):  # Of a full disk, the run's own files tell more.
            os.ftruncate(handle, 0)
            os.write(handle, (json.dumps(holder) + "\n").encode())
        yield
    finally:
        # Removed before it is released: who waits for it sees that its file has no name any more.
        path.unlink(missing_ok=True)
        os.close(handle)


def _acquire(path: Path) -> int:
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(handle, 500, 0).decode("utf-8", "replace")
            os.close(handle)
            raise RunConflict(
                f"{path.parent} is in use by {_name(holder)}. Wait until it ends, or choose "
                "another folder."
            ) from None
        except OSError:
            os.close(handle)
            raise
        # The holder before may have removed the file between the two calls.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        os.close(handle)


def _name(holder: str) -> str:
    try:
        record = json.loads(holder)
        return f"process {record['pid']} on {record['machine']}"
    except (ValueError, KeyError, TypeError):
        return "another process"
