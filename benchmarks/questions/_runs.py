"""Carrying out networks that depend on others: by round, and from the weights of another run."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path

import sparse_rnn as srnn
from benchmarks.paper._arms import Arm, Results, Trained
from benchmarks.paper._scales import Scale
from sparse_rnn import sweep
from sparse_rnn.errors import TrainingDiverged
from sparse_rnn.runs import weights
from sparse_rnn.sweep import folder_of, store


@dataclass(frozen=True)
class WarmArm(Arm):
    """A network that starts from the weights of finished runs.

    Attributes:
        starts: Folder of the run that it starts from, by seed; seeds without one do not run yet.
    """

    starts: Mapping[int, Path] = field(default_factory=dict[int, Path])

    def configs(self, scale: Scale) -> tuple[srnn.TrainConfig, ...]:
        """Its runs, one a seed that has a start."""
        return tuple(
            srnn.TrainConfig(**self.settings, seed=seed, start=_digest(self.starts[seed]))
            for seed in (scale.seeds if self.seeds is None else self.seeds)
            if seed in self.starts
        )


@cache
def _digest(folder: Path) -> str:
    """The setting `start` of a run from these weights, which are finished and do not change."""
    return sha256((folder / weights.WEIGHTS).read_bytes()).hexdigest()


Rounds = Callable[[Results, Scale], Sequence[Arm]]
"""What is known now of the networks of an experiment, whether they ran or not."""


def due(arms: Iterable[Arm], results: Results, scale: Scale) -> list[Arm]:
    """The networks of which a seed has neither finished nor diverged."""
    return [
        arm
        for arm in arms
        if len(results.arm(arm, scale)) + len(results.diverged(arm, scale))
        < len(arm.configs(scale))
    ]


def carry_out(rounds: Rounds, results: Results, scale: Scale) -> None:
    """Train what can be trained, and what that makes possible, until nothing is left.

    Runs that failed for another reason than divergence end it; the sweep has said why.
    """
    while arms := due(rounds(results, scale), results, scale):
        before = _n_left(arms, results, scale)
        plain = [arm for arm in arms if not isinstance(arm, WarmArm)]
        configs = [config for arm in plain for config in arm.configs(scale)]
        if configs:
            configs.sort(key=lambda config: config.seed)
            sweep.run(configs, results.folder, workers=results.workers, progress=sweep.automatic)
        for arm in arms:
            if isinstance(arm, WarmArm):
                _train_warm(arm, results, scale)
        if _n_left(arms, results, scale) == before:
            return


def _n_left(arms: Iterable[Arm], results: Results, scale: Scale) -> int:
    return sum(
        len(arm.configs(scale)) - len(results.arm(arm, scale)) - len(results.diverged(arm, scale))
        for arm in arms
    )


def _train_warm(arm: WarmArm, results: Results, scale: Scale) -> None:
    lost = results.diverged(arm, scale)
    for config in arm.configs(scale):
        folder = folder_of(results.folder, config)
        if config.seed in lost or (folder / weights.WEIGHTS).exists():
            continue
        print(f"{arm.label}, seed {config.seed}", flush=True)
        try:
            srnn.train(config, folder, start_from=arm.starts[config.seed])
        except TrainingDiverged as error:
            told = f"{type(error).__name__}: {error}"
            text = "".join(traceback.format_exception(error))
            store.note_failure(folder, told, text, retries=0, final=True)


def starts_of(runs: Iterable[Trained]) -> dict[int, Path]:
    """Folders of finished runs by seed."""
    return {run.config.seed: run.folder for run in runs}
