"""Networks that start from the weights of other runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path

import sparse_rnn as srnn
from benchmarks.paper._arms import Trained
from benchmarks.paper._rounds import OwnArm, carry_out as carry_out, due as due
from benchmarks.paper._scales import Scale
from sparse_rnn.runs import weights


@dataclass(frozen=True)
class WarmArm(OwnArm):
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

    def train(self, config: srnn.TrainConfig, folder: Path) -> None:
        """Train from the weights of the run of the same seed."""
        srnn.train(config, folder, start_from=self.starts[config.seed])


@cache
def _digest(folder: Path) -> str:
    """The setting `start` of a run from these weights, which are finished and do not change."""
    return sha256((folder / weights.WEIGHTS).read_bytes()).hexdigest()


def starts_of(runs: Iterable[Trained]) -> dict[int, Path]:
    """Folders of finished runs by seed."""
    return {run.config.seed: run.folder for run in runs}
