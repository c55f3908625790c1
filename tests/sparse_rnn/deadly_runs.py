"""A sweep in which one run kills the process that carries it out, as lack of memory does."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from distributed import WorkerPlugin

from sparse_rnn import sweep
from sparse_rnn.sweep import dask_worker, work
from tests.sparse_rnn.helpers import small_config

CONFIGS = tuple(small_config(seed=seed) for seed in range(4))


def train_or_die(config: Any, *arguments: Any, **options: Any) -> Any:
    if config.seed == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return _train(config, *arguments, **options)


_train = work.train


class Poison(WorkerPlugin):
    """Puts the poison into a worker."""

    def setup(self, worker: Any) -> None:
        del worker
        work.train = train_or_die


class Both(dask_worker.SaveOnLeave):
    """Comes with the plugin that each worker has."""

    def setup(self, worker: Any) -> None:
        super().setup(worker)
        Poison().setup(worker)


if __name__ == "__main__":
    dask_worker.SaveOnLeave = Both
    sweep.run(CONFIGS, sys.argv[1], workers=2, retries=1)
