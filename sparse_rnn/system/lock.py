"""One process a run folder: a lock that ends with its process, however that ends."""

from __future__ import annotations

import contextlib
import json
import os
import platform
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from sparse_rnn.errors import RunDamaged, RunInUse
from sparse_rnn.system.files import check_kind, open_regular, read_regular

LOCK = ".lock"
"""Name of the lock file in a run folder."""

HOLDER = ".lock.json"
"""Name of the file beside it that names the machine and the process."""

WAIT_S = 1.0
"""Seconds that a start waits for a lock: who looks whether a run is on its way holds it briefly."""


@contextmanager
def locked(folder: Path) -> Generator[None]:
    """Hold the lock of a folder.

    The operating system drops the lock when its process ends, so that one of a killed process
    stands in nobody's way. Between machines it works where the file system has locks (NFS since
    version 4 does).

    Args:
        folder: The folder, which exists.

    Raises:
        RunInUse: Another process, or another thread of this one, holds it.
        RunDamaged: The lock is no regular file.
    """
    for name in (LOCK, HOLDER):
        check_kind(folder / name)
    lock = FileLock(folder / LOCK, timeout=WAIT_S, thread_local=False)
    try:
        lock.acquire(poll_interval=0.01)
    except Timeout:
        raise RunInUse(
            f"{folder} is in use by {_holder(folder)}. Wait until it ends, or choose another "
            "folder."
        ) from None
    try:
        holder = {"pid": os.getpid(), "machine": platform.node()}
        with contextlib.suppress(OSError), open_regular(folder / HOLDER, "wb") as file:
            file.write(
                json.dumps(holder).encode()
            )  # Of a full disk, the run's own files tell more.
        yield
    finally:
        # Removed before it is released: who waits for it sees that its file has no name any more.
        # Windows refuses, and the file stays.
        for name in (HOLDER, LOCK):
            with contextlib.suppress(OSError):
                (folder / name).unlink()
        lock.release()


def is_held(folder: Path) -> bool:
    """Whether some process holds the lock of a folder.

    The lock is taken for an instant to find out, where its file exists, which is so during a run
    and after one that was killed. Where the system has shared locks, those who look do not see
    each other.

    Raises:
        RunDamaged: The lock is no regular file.
        OSError: It cannot be found out.
    """
    try:
        return _is_locked(folder / LOCK)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _is_locked(path: Path) -> bool:
    try:
        import fcntl
    except ImportError:
        with open_regular(path):  # It is there, and of the right kind.
            pass
        try:
            with FileLock(path, timeout=0, thread_local=False):
                return False
        except Timeout:
            return True
    # The lock of `FileLock` where there is `fcntl`.
    with open_regular(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _holder(folder: Path) -> str:
    try:
        record = json.loads(read_regular(folder / HOLDER, limit=10_000))
        return f"process {int(record['pid'])} on {record['machine']}"
    except (OSError, RunDamaged, ValueError, KeyError, TypeError, RecursionError):
        return "another process"
