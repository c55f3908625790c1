"""A sweep in which one run freezes: it holds its thread, and takes no step any more."""

from __future__ import annotations

import sys
import time
from typing import Any

from sparse_rnn import sweep
from sparse_rnn.sweep import dask_pool, dask_worker, work
from tests.sparse_rnn.helpers import small_config

CONFIGS = tuple(small_config(seed=seed) for seed in range(2))


def train_or_freeze(config: Any, *arguments: Any, **options: Any) -> Any:
    if config.seed == 1:
        time.sleep(1e6)
    return _train(config, *arguments, **options)


_train = work.train


class Freezing(dask_worker.SaveOnLeave):
    """Comes with the plugin that each worker has."""

    def setup(self, worker: Any) -> None:
        super().setup(worker)
        work.train = train_or_freeze


if __name__ == "__main__":
    dask_pool.GRACE_S = 1.0
    dask_worker.SaveOnLeave = Freezing
    sweep.run(CONFIGS, sys.argv[1], workers=1, retries=1, run_limit=15.0)
