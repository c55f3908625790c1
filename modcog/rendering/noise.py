"""Sensory noise as a pure function of a trial's key, the channel group and the step.

A batch holds thousands of short trials and each must have the same noise whether it is rendered
alone, in a batch or after a resume. A generator per trial would cost more than the noise itself,
so the deviates come from a counter-based hash (`modcog.hashing.mix`): one 64-bit word gives four
16-bit numbers, each the index of a normal quantile. The deviates take 65536 values with mean 0 and
variance 1, none beyond 4.4 standard deviations.
"""

from __future__ import annotations

from functools import cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from modcog.hashing import mix

LEVELS = 1 << 16

_GROUP_SHIFT = np.uint64(48)


@cache
def quantiles() -> NDArray[np.float32]:
    """Standard normal quantiles at the midpoints of 65536 equal parts; float32 ``[65536]``."""
    inverse = NormalDist().inv_cdf
    upper = np.array([inverse((i + 0.5) / LEVELS) for i in range(LEVELS // 2, LEVELS)])
    upper /= np.sqrt(np.mean(upper**2))
    # Rounding hides the last-bit differences of mathematical libraries between platforms.
    upper = np.round(upper, 6)
    table = np.concatenate([-upper[::-1], upper]).astype(np.float32)
    table.flags.writeable = False
    return table


@cache
def _counters(group: int, n_steps: int, n_words: int) -> NDArray[np.uint64]:
    """Scrambled counters of a channel group; uint64 ``[n_steps, n_words]``."""
    step = np.arange(1, n_steps + 1, dtype=np.uint64)[:, None] << np.uint64(16)
    word = np.arange(n_words, dtype=np.uint64)[None, :]
    table = mix((np.uint64(group) << _GROUP_SHIFT) + step + word)
    table.flags.writeable = False
    return table


def all_counters(n_steps: int, n_channels: tuple[int, ...]) -> NDArray[np.uint64]:
    """Scrambled counters of all channel groups, padded to the widest; for a compiled loop.

    Args:
        n_steps: Number of steps that are needed; the table has as many or more.
        n_channels: Number of channels of each group.

    Returns:
        uint64 ``[groups, steps, words]``.
    """
    n_words = max(-(-channels // 4) for channels in n_channels)
    return _stacked_counters(len(n_channels), 1 << n_steps.bit_length(), n_words)


@cache
def _stacked_counters(n_groups: int, n_steps: int, n_words: int) -> NDArray[np.uint64]:
    table = np.stack([_counters(group, n_steps, n_words) for group in range(n_groups)])
    table.flags.writeable = False
    return table


def deviates(
    key: NDArray[np.uint64], step: NDArray[np.int64], group: int, n_channels: int
) -> NDArray[np.float32]:
    """Standard normal deviates of rows of a channel group.

    Args:
        key: uint64 ``[rows]``, the noise key of the row's trial.
        step: int64 ``[rows]``, the step of the row within its trial.
        group: Number of the channel group, so that groups share no noise.
        n_channels: Number of channels of the group.

    Returns:
        float32 ``[rows, n_channels]``.
    """
    n_words = -(-n_channels // 4)
    # Round the table up, so that few sizes are ever cached.
    n_steps = 1 << (int(step.max(initial=0)) + 1).bit_length()
    words = key[:, None] ^ _counters(group, n_steps, n_words)[step]
    indices = mix(words).astype("<u8", copy=False).view("<u2")
    return quantiles()[indices[:, :n_channels]]
