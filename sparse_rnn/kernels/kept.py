"""Times of kernels, kept on disk: a small file for each case, of one machine and these sources.

A file is replaced as a whole, by one process at a time, and the first one decides: who waited for
it takes what it found. One that is damaged or was not written for this case counts as absent, and
is written anew; it is said once. Nothing in it can run code.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from sparse_rnn.errors import RunDamaged
from sparse_rnn.system.files import atomic_writer, read_regular
from sparse_rnn.system.provenance import processor

VARIABLE = "SPARSE_RNN_CACHE"
"""Environment variable that names the folder in place of the system's own for such files."""

WAIT_S = 120.0
"""Seconds to wait for another process that is timing kernels."""

_LARGEST = 1 << 16
_FORMAT = "sparse_rnn.kernels.kept/1"
_SOURCES = Path(__file__).parent

_LOG = logging.getLogger("sparse_rnn")
_known: dict[Path, dict[str, float]] = {}


def folder() -> Path:
    """Where times are kept.

    That is what `VARIABLE` says, else ``sparse_rnn/kernels`` in ``XDG_CACHE_HOME``, by default
    ``~/.cache``; in ``~/Library/Caches`` on macOS, and in ``LOCALAPPDATA`` on Windows.

    Raises:
        RuntimeError: The user has no home.
    """
    if given := os.environ.get(VARIABLE):
        return Path(given)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "sparse_rnn" / "kernels"


@dataclass(frozen=True)
class Kept:
    """The times of one case.

    Attributes:
        key: All that they depend on, in JSON types.
    """

    key: Mapping[str, Any]

    @classmethod
    def of(cls, case: Any) -> Kept:
        """The times of a `sparse_rnn.kernels.cases.Case` on this machine.

        Its device, the threads of torch, the versions of torch and of the compilers, and the
        sources of the kernels belong to them.
        """
        device = torch.cuda.get_device_name() if case.device == "cuda" else processor()
        return cls(
            {
                "case": asdict(case),
                "device": device,
                "threads": torch.get_num_threads(),
                "versions": _versions(),
                "sources": sources(),
            }
        )

    def get(
        self, measure: Callable[[], dict[str, float]], names: Sequence[str]
    ) -> dict[str, float] | None:
        """The times that are kept; where there are none, those that are measured now.

        Args:
            measure: Measures them, in seconds by kernel.
            names: The kernels.

        Returns:
            Seconds by kernel; or None where none are kept and none can be.
        """
        try:
            path = folder() / f"{_digest(self.key)[:32]}.json"
            if path not in _known:
                _known[path] = self._on_disk(path, measure, names)
        except (OSError, RuntimeError, NotImplementedError, Timeout) as error:
            _say_once(
                f"What is timed to choose kernels cannot be kept ({error}), so that they are "
                f"chosen as expected; set {VARIABLE} to a folder of your own."
            )
            return None
        return dict(_known[path])

    def _on_disk(
        self, path: Path, measure: Callable[[], dict[str, float]], names: Sequence[str]
    ) -> dict[str, float]:
        if (found := self._read(path, names)) is not None:
            return found
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock"), timeout=WAIT_S, thread_local=False):
            if (found := self._read(path, names)) is None:
                if os.path.lexists(path):
                    _say_once(f"{path} is damaged or from elsewhere: kernels are timed anew.")
                # First, so that nothing is measured that cannot be kept.
                with atomic_writer(path) as file:
                    found = measure()
                    record = {"format": _FORMAT, "key": self.key, "seconds": found}
                    json.dump(record, file, indent=1)
                    file.write("\n")
        return found

    def _read(self, path: Path, names: Sequence[str]) -> dict[str, float] | None:
        """What a file has for this case, or None."""
        try:
            record = json.loads(read_regular(path, _LARGEST))
            if record["format"] != _FORMAT or record["key"] != self.key:
                return None
            found = {str(name): float(seconds) for name, seconds in record["seconds"].items()}
        except (FileNotFoundError, RunDamaged):
            return None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None
        right = all(math.isfinite(seconds) and seconds > 0 for seconds in found.values())
        return found if right and found.keys() == set(names) else None


def forget() -> None:
    """Know as little as a new process does; what is on disk stays."""
    _known.clear()
    _say_once.cache_clear()


@cache
def sources() -> str:
    """Digest of the sources of all kernels."""
    digest = hashlib.sha256()
    for path in sorted(_SOURCES.rglob("*.py")):
        content = path.read_bytes()
        name = path.relative_to(_SOURCES).as_posix()
        digest.update(f"{name} {len(content)} ".encode() + content)
    return digest.hexdigest()


@cache
def _versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {"torch": torch.__version__}
    for name in ("numba", "triton"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def _digest(key: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()


@cache
def _say_once(text: str) -> None:
    _LOG.warning(text)
