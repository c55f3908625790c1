"""Memory of the tiles of `sparse_cpu`: at the bounds of cache lines, and kept for the next step.

NumPy's arrays begin 16 bytes after such a bound, so that each vector of 64 bytes would be read from
two lines; that made a training step under a random mask a third longer. And an array of tens of MB
comes from the system each time, which clears its pages first: some 3 ms for the states of 2500
units. A training asks for the same arrays at each step.
"""

from __future__ import annotations

import math
import weakref
from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST, MOST = 2**24, 2**26
"""Bytes of an array whose memory is kept. The allocator keeps that of smaller ones by itself."""

_LINE, _PAGE = 64, 2**21  # Bytes of a cache line, and of a large page.

# States, deltas and rates of one network. Only single operations, each of them whole: memory comes
# back wherever Python collects garbage.
_FREE: deque[NDArray[np.uint8]] = deque(maxlen=3)


def empty(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """An array whose numbers are not set, from the bound of a cache line on."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if not LEAST <= size <= MOST:
        return _aligned(size, _LINE).view(dtype).reshape(shape)
    memory = _kept(size)
    if memory is None:
        memory = _aligned(size, _PAGE)
    # Whatever is a view of this array refers to it: not to what is behind it, which is no array.
    array = np.frombuffer(memory.data, dtype)
    weakref.finalize(array, _FREE.append, memory).atexit = False
    return array.reshape(shape)


def _aligned(size: int, bound: int) -> NDArray[np.uint8]:
    memory = np.empty(size + bound, np.uint8)
    first = -memory.ctypes.data % bound
    return memory[first : first + size]


def _kept(size: int) -> NDArray[np.uint8] | None:
    for _ in range(len(_FREE)):
        try:
            memory = _FREE.popleft()
        except IndexError:  # Another thread took it.
            return None
        if memory.nbytes == size:
            return memory
        _FREE.append(memory)
    return None
