"""A minute of batches through a prefetching thread: memory stays flat and no thread is left."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import modcog

STATM = Path("/proc/self/statm")
SECONDS = 60
ALLOWED_MB = 16.0


def resident_mb() -> float:
    """Memory of this process that is in use, in MB."""
    pages = int(STATM.read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@pytest.mark.drill(60)
@pytest.mark.skipif(not STATM.exists(), reason="reads the memory in use from Linux's /proc")
def test_a_minute_of_prefetched_batches_leaves_memory_flat() -> None:
    sampler = modcog.BatchSampler("mod-cog-82", batch_size=32, seq_len=200, seed=0)
    threads = threading.active_count()
    begin = time.monotonic()
    used: list[tuple[float, float]] = []
    n_batches = 0
    total = 0.0
    with modcog.Prefetch(sampler, depth=4) as batches:
        for batch in batches:
            n_batches += 1
            total += float(batch.mask.sum())
            elapsed = time.monotonic() - begin
            used.append((elapsed, resident_mb()))
            if elapsed > SECONDS:
                break
    assert threading.active_count() == threads
    # Enough for many blocks of the stream, each drawn and dropped.
    assert n_batches > 3 * sampler._stream.block_batches
    assert total > 0.5 * n_batches * 32 * 200
    table = np.array(used)
    # The first fifth fills caches; after that the peak may not creep up.
    early = table[(table[:, 0] > SECONDS / 5) & (table[:, 0] < SECONDS / 2.5), 1]
    late = table[table[:, 0] > SECONDS / 5 * 4, 1]
    assert late.max() - early.max() < ALLOWED_MB, (early.max(), late.max())
