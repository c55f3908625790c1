"""Memory of large arrays in `sparse_cpu`, kept for those of the next training step.

An array of tens of MB comes from the system each time, which clears its pages first: some 3 ms for
the states of 2500 units, a tenth of a step where there are few synapses. A training asks for the
same arrays at each step.
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

# States, deltas and rates of one network. Only single operations, each of them whole: memory comes
# back wherever Python collects garbage.
_FREE: deque[NDArray[np.uint8]] = deque(maxlen=3)


def empty(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """An array whose numbers are not set; its memory is kept when nobody refers to it any more."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if not LEAST <= size <= MOST:
        return np.empty(shape, dtype)
    memory = _kept(size)
    if memory is None:
        memory = np.empty(size, np.uint8)
    # Whatever is a view of this array refers to it: not to what is behind it, which is no array.
    array = np.frombuffer(memoryview(memory), dtype)
    weakref.finalize(array, _FREE.append, memory).atexit = False
    return array.reshape(shape)


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
