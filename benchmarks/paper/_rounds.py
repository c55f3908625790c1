"""Carrying out networks that depend on others, or that are no single run of a sweep."""

from __future__ import annotations

import multiprocessing
import os
import traceback
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.paper._arms import Arm, Results
from benchmarks.paper._scales import Scale
from sparse_rnn import TrainConfig, sweep
from sparse_rnn.errors import TrainingDiverged
from sparse_rnn.sweep import store


@dataclass(frozen=True)
class OwnArm(Arm):
    """A network whose runs a sweep cannot carry out; abstract."""

    def train(self, config: TrainConfig, folder: Path) -> None:
        """Carry out one run, and leave its files in a folder.

        Raises:
            TrainingDiverged: It diverged, which is noted.
        """
        raise NotImplementedError


Rounds = Callable[[Results, Scale], Sequence[Arm]]
"""What is known now of the networks of an experiment, whether they ran or not."""


def due(arms: Iterable[Arm], results: Results, scale: Scale) -> list[Arm]:
    """The networks of which a seed has neither finished nor diverged."""
    return [arm for arm in arms if results.missing(arm, scale)]


def carry_out(rounds: Rounds, results: Results, scale: Scale) -> None:
    """Train what can be trained, and what that makes possible, until nothing is left.

    Runs that failed for another reason than divergence end it; the sweep has said why.
    """
    while arms := due(rounds(results, scale), results, scale):
        before = _n_left(arms, results, scale)
        plain = [arm for arm in arms if not isinstance(arm, OwnArm)]
        configs = [config for arm in plain for config in arm.configs(scale)]
        if configs:
            configs.sort(key=lambda config: config.seed)
            sweep.run(configs, results.folder, workers=results.workers, progress=sweep.automatic)
        own = [
            (arm, config, results.folder)
            for arm in arms
            if isinstance(arm, OwnArm)
            for config in results.missing(arm, scale)
        ]
        _train_all(own, results.workers)
        if _n_left(arms, results, scale) == before:
            return


def _n_left(arms: Iterable[Arm], results: Results, scale: Scale) -> int:
    return sum(len(results.missing(arm, scale)) for arm in arms)


def _train_all(jobs: Sequence[tuple[OwnArm, TrainConfig, Path]], workers: int | None) -> None:
    n_workers = min(os.cpu_count() or 1 if workers is None else workers, len(jobs))
    if n_workers < 2:
        for job in jobs:
            _train(*job)
        return
    with ProcessPoolExecutor(
        n_workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=torch.set_num_threads,
        initargs=(1,),
    ) as pool:
        for running in [pool.submit(_train, *job) for job in jobs]:
            running.result()


def _train(arm: OwnArm, config: TrainConfig, results: Path) -> None:
    print(f"{arm.label}, seed {config.seed}", flush=True)
    folder = arm.place(results, config)
    try:
        arm.train(config, folder)
    except TrainingDiverged as error:
        told = f"{type(error).__name__}: {error}"
        text = "".join(traceback.format_exception(error))
        store.note_failure(folder, told, text, retries=0, final=True)
