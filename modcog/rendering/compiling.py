"""Functions that numba compiles, kept on disk: what is kept is used only if whole and up to date.

Numba keeps compiled code by the source file of each function alone, and trusts what it reads. Here
a kept file begins with a digest of its content and of everything that the code was made from: all
source files of the folder (functions of one are compiled into those of another), the versions of
numba and numpy, and the options of the compiler. A file that does not fit, because it is cut short,
damaged or of other sources, counts as absent, and is made again. Where no folder can be written,
functions are compiled anew in each process, with one warning.

`modcog.rendering.compiling` and `sparse_rnn.kernels.cpu.compiling` are one text, since neither
package may lean on the other here; a test compares them.
"""

from __future__ import annotations

import hashlib
import pickle
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy as np
from numba.core import config
from numba.core.caching import FunctionCache, IndexDataCacheFile

Function = TypeVar("Function", bound=Callable[..., Any])

_FOLDER = Path(__file__).parent


@cache
def sources() -> bytes:
    """Digest of all that compiled code depends on besides its own function; 32 bytes."""
    digest = hashlib.blake2b(digest_size=32)
    options: dict[str, Any] = {name: getattr(config, name, None) for name in ("BOUNDSCHECK", "OPT")}
    digest.update(repr((numba.__version__, np.__version__, options)).encode())
    for path in sorted(_FOLDER.glob("*.py")):
        content = path.read_bytes()
        digest.update(f"{path.name} {len(content)} ".encode() + content)
    return digest.digest()


class _SealedFiles(IndexDataCacheFile):
    """Numba's files, each with a seal in front: a digest of the content and of the sources."""

    def _seal(self, content: bytes) -> bytes:
        return hashlib.blake2b(content, key=self._source_stamp, digest_size=32).digest()

    def _dump(self, obj: Any) -> bytes:
        content: bytes = super()._dump(obj)
        return self._seal(content) + content

    def _read(self, path: str, otherwise: Any) -> Any:
        try:
            data = Path(path).read_bytes()
        except OSError:
            return otherwise
        seal, content = data[:32], data[32:]
        # Nothing is unpickled that is not, bit for bit, what these sources have written.
        return pickle.loads(content) if seal == self._seal(content) else otherwise

    def _load_index(self) -> dict[Any, str]:
        return self._read(self._index_path, {})

    def _save_index(self, overloads: dict[Any, str]) -> None:
        with self._open_for_write(self._index_path) as file:
            file.write(self._dump(overloads))

    def _load_data(self, name: str) -> Any:
        return self._read(self._data_path(name), None)


class _Kept(FunctionCache):
    """Numba's cache of a function, with sealed files, that a full disk does not stop."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        # Digested now, while what is on disk is what has been imported.
        files = _SealedFiles(self._cache_path, self._impl.filename_base, sources())
        self._cache_file = files

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except OSError as error:
            _warn_once(f"compiled code could not be kept in {self._cache_path} ({error.strerror})")


def kept_njit(**options: Any) -> Callable[[Function], Any]:
    """Decorate a function that numba compiles when it is first called, and that is kept on disk.

    Args:
        **options: As for `numba.njit`.
    """

    def decorate(function: Function) -> Any:
        dispatcher: Any = numba.njit(**options)(function)
        if hasattr(dispatcher, "enable_caching") and any(_FOLDER.glob("*.py")):
            try:
                # What `numba.njit(cache=True)` does, with another cache.
                dispatcher._cache = _Kept(function)
            except RuntimeError:  # numba finds none
                _warn_once("no folder for compiled code can be written")
        return dispatcher

    return decorate


@cache
def _warn_once(text: str) -> None:
    how = "it is compiled anew in each process; set NUMBA_CACHE_DIR to a folder of your own"
    warnings.warn(f"{text}: {how}.", stacklevel=4)
