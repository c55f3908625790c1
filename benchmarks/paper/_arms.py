"""`Arm`: one network of an experiment, and what its runs over seeds left behind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import sparse_rnn as srnn
from benchmarks.paper._scales import Scale, Settings
from benchmarks.paper._statistics import SHARE, Sample
from sparse_rnn import masks
from sparse_rnn.errors import TrainingDiverged
from sparse_rnn.evaluation.history import History
from sparse_rnn.evaluation.scores import TaskScores
from sparse_rnn.runs import folder as run_folder, weights as checkpoint
from sparse_rnn.sweep import folder_of, store

MEASURE = "performance"
"""What the experiments compare. The paper does not define its "performance"; this is that of Yang
et al. (2019), to whom it refers for the tasks: right within 36 degrees at the end, with fixation
kept before. `modcog.evaluate` defines it."""


@dataclass(frozen=True)
class Arm:
    """One network of an experiment.

    Attributes:
        label: What it is called in figures and tables; unique within the experiment.
        settings: Settings of its runs, without the seed.
        seeds: Seeds that it is trained with; None for those of the scale.
    """

    label: str
    settings: Settings
    seeds: tuple[int, ...] | None = None

    @property
    def decides(self) -> bool:
        """Whether it has several seeds; with a single one it can be shown but not judged."""
        return self.seeds is None or len(self.seeds) > 1

    def configs(self, scale: Scale) -> tuple[srnn.TrainConfig, ...]:
        """Its runs, one a seed."""
        seeds = scale.seeds if self.seeds is None else self.seeds
        return tuple(srnn.TrainConfig(**self.settings, seed=seed) for seed in seeds)

    def place(self, results: Path, config: srnn.TrainConfig) -> Path:
        """Folder of one of its runs in a folder of results: where a sweep has it."""
        return folder_of(results, config)


def configs_of(arms: Iterable[Arm], scale: Scale) -> tuple[srnn.TrainConfig, ...]:
    """The runs of several arms."""
    return tuple(config for arm in arms for config in arm.configs(scale))


@dataclass(frozen=True)
class Trained:
    """A finished run; its files are read when they are asked for.

    Attributes:
        config: Its configuration.
        folder: Where its files lie.
    """

    config: srnn.TrainConfig
    folder: Path

    def history(self) -> History:
        """A record of each gradient step."""
        return History.read_csv(self.folder / run_folder.METRICS)

    def scores(self) -> TaskScores:
        """The evaluation at the end."""
        return TaskScores.read_csv(self.folder / run_folder.EVALUATION)

    def network(self) -> srnn.Network:
        """The trained network."""
        return checkpoint.load(self.folder)


def gave_up(folder: Path) -> bool:
    """Whether the run of a folder diverged: it ran, and has no network."""
    if (folder / checkpoint.WEIGHTS).exists():
        return False
    *_, last = (None, *store.failures(folder))
    return bool(last and last.gave_up and last.error.startswith(TrainingDiverged.__name__))


@dataclass(frozen=True)
class Results:
    """Where finished runs lie, by the hash of their configuration.

    Attributes:
        folder: The folder of a sweep's results.
        workers: Processes that train what is missing; None for one a core.
    """

    folder: Path
    workers: int | None = None

    def of(self, configs: Iterable[srnn.TrainConfig]) -> list[Trained]:
        """Those of some runs that are finished, in the order asked for."""
        pairs = [(config, folder_of(self.folder, config)) for config in configs]
        return [Trained(*pair) for pair in pairs if (pair[1] / checkpoint.WEIGHTS).exists()]

    def diverged(self, arm: Arm, scale: Scale) -> tuple[int, ...]:
        """Seeds with which an arm diverged, ascending: they ran, and have no network."""
        configs = arm.configs(scale)
        folders = [arm.place(self.folder, config) for config in configs]
        pairs = zip(configs, folders, strict=True)
        return tuple(sorted(config.seed for config, folder in pairs if gave_up(folder)))

    def arm(self, arm: Arm, scale: Scale) -> list[Trained]:
        """The finished runs of an arm."""
        pairs = [(config, arm.place(self.folder, config)) for config in arm.configs(scale)]
        return [Trained(*pair) for pair in pairs if (pair[1] / checkpoint.WEIGHTS).exists()]

    def missing(self, arm: Arm, scale: Scale) -> list[srnn.TrainConfig]:
        """The runs of an arm that have neither finished nor diverged."""
        known = {run.config.seed for run in self.arm(arm, scale)} | {*self.diverged(arm, scale)}
        return [config for config in arm.configs(scale) if config.seed not in known]


def locality(side: int, radius: float) -> Settings:
    """Settings of a locality-masked network on a square sheet; its radius 0 is an autapse pool."""
    if radius == 0:
        return autapses(side * side)
    return {"arch": "locality", "size": (side, side), "radius": radius}


def local_arm(scale: Scale, side: int, radius: float) -> Arm:
    """A locality-masked network on Mod-Cog, by the name that the paper's Table 1 gives it."""
    label = f"LM-RNN {side}x{side}, d={radius:g}"
    return Arm(label, {**scale.modcog, **locality(side, radius)}, scale.table_seeds)


def dense_arm(scale: Scale, n_units: int) -> Arm:
    """A dense network on Mod-Cog, by the name that the paper's Table 1 gives it."""
    large = scale.dense_limit is not None and n_units > scale.dense_limit
    settings = {**scale.modcog, **dense(n_units)}
    return Arm(f"Dense {n_units}", settings, scale.seeds[:1] if large else scale.table_seeds)


def autapses(n_units: int) -> Settings:
    """Settings of a pool of autapses, one weight of its own for each unit."""
    return {"arch": "autapse", "size": n_units}


def dense(n_units: int) -> Settings:
    """Settings of a fully connected network."""
    return {"arch": "dense", "size": n_units}


def neighbours(side: int, radius: float) -> int:
    """Synapses onto each unit of a locality mask, self-connection included.

    Example:
        >>> neighbours(50, 6), neighbours(50, 10)
        (113, 317)
    """
    return int(masks.locality((side, side), radius=radius).in_degree()[0])


def radius_of(side: int, density: float) -> float:
    """The radius whose number of neighbours comes nearest to a part of all units.

    Example:
        >>> radius = radius_of(50, 0.04)
        >>> round(radius, 2), neighbours(50, radius)
        (5.66, 101)
    """
    # Every distance on the sheet is the root of a whole number.
    candidates = [root**0.5 for root in range(side * side // 2 + 1)]
    at = np.arange(side)
    along = np.minimum(at, side - at) ** 2
    squares = np.sort((along[:, None] + along[None, :]).ravel())
    counts = np.searchsorted(squares, np.arange(len(candidates)), side="right")
    best = int(np.abs(counts - density * side * side).argmin())
    return candidates[int(squares[counts[best] - 1])]


def nonzero(network: srnn.Network, threshold: float) -> int:
    """Recurrent weights above a threshold in absolute value."""
    return int((network.rnn.weight_hh.detach().abs() > threshold).sum())


def at_end(
    trained: Sequence[Trained], measure: str = MEASURE, diverged: Iterable[int] = ()
) -> Sample:
    """A mean measure in the larger evaluation at the end, by seed.

    Args:
        trained: The finished runs.
        measure: A measure from 0 to 1.
        diverged: Seeds that diverged; they count as 0, the worst.
    """
    ends = {run.config.seed: run.scores().mean(measure) for run in trained}
    return Sample(ends, bounds=SHARE).counting(diverged, worst=SHARE[0])


def curves(
    trained: Sequence[Trained], measure: str = MEASURE
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Learning curves of several seeds.

    Returns:
        The steps ``[points]`` at which all seeds were evaluated, and the measure
        ``[seeds, points]``.
    """
    found = [run.history().curve(measure) for run in trained]
    common = sorted(set.intersection(*(set(steps.tolist()) for steps, _ in found)))
    rows = [values[np.isin(steps, common)] for steps, values in found]
    return np.array(common), np.array(rows)


def seconds_per_step(trained: Sequence[Trained]) -> float:
    """Wall-clock time of a gradient step, evaluations aside: median over steps, then over runs.

    Some runs share the machine with other work, so that a mean over runs would say less.
    """
    medians: list[float] = []
    for run in trained:
        history = run.history()
        taken, scores = history["elapsed_s"], history[MEASURE]
        if taken.size > 1:
            taken, scores = np.diff(taken), scores[1:]
        evaluated = ~np.isnan(scores)
        medians.append(float(np.median(taken[~evaluated] if (~evaluated).any() else taken)))
    return float(np.median(medians))
