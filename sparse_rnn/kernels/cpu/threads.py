"""Work of `sparse_cpu` on several threads: those of torch, where they can be called.

A thread that has helped torch waits for more in a loop, for some 5 ms, before it sleeps. A second
pool would share the cores with such threads, for longer than the whole step of a small network
takes. The threads of torch begin at once instead. They belong to OpenMP, whose entry for compiled
loops has one name in the libraries of GNU, LLVM and Intel.
"""

from __future__ import annotations

import ctypes
import sys
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import torch

_SHARE = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


@cache
def _team() -> Any:
    """``GOMP_parallel(function, data, threads, flags)``, or None where torch has no OpenMP."""
    # Windows has no names of all libraries.
    if sys.platform == "win32" or not torch.backends.openmp.is_available():
        return None
    run = getattr(ctypes.CDLL(None), "GOMP_parallel", None)
    if run is not None:
        run.argtypes = [_SHARE, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint]
        run.restype = None
    return run


@cache
def _pool(n_threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(n_threads, thread_name_prefix="sparse-cpu")


def in_threads(work: Callable[[int], None], n_items: int) -> None:
    """Do `work` for each item; on one thread where there is one item or one thread.

    Raises:
        BaseException: The first one that `work` raised.
    """
    n_threads = torch.get_num_threads()
    if min(n_threads, n_items) <= 1:
        for item in range(n_items):
            work(item)
        return
    left = deque([*range(n_items), *[None] * n_threads])
    done: list[int] = []
    failures: list[BaseException] = []

    def share(_: Any) -> None:
        try:
            for item in iter(left.popleft, None):
                work(item)
                done.append(item)
        except BaseException as error:  # Handed on below, as no library would.
            failures.append(error)

    team = _team()
    if team is None:
        list(_pool(n_threads).map(share, range(min(n_threads, n_items))))
    else:
        # All of them, even for fewer items: those left out would end, and be started anew.
        team(_SHARE(share), None, n_threads, 0)
    if failures:
        raise failures[0]
    if len(done) < n_items:  # An interrupt outside `try` is lost in the library.
        raise KeyboardInterrupt
