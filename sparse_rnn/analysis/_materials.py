"""What several analyses of a run share, made once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from sparse_rnn.analysis._subject import Subject
from sparse_rnn.analysis.ablation import AblationEffect, Part, ablation_effect
from sparse_rnn.analysis.clusters import MAX_CLUSTERS, Clusters, cluster
from sparse_rnn.analysis.recording import Recording, record, recordings
from sparse_rnn.analysis.variance import TaskVariance, task_variance
from sparse_rnn.data import TaskStream
from sparse_rnn.errors import NotApplicable
from sparse_rnn.runs.finished import FinishedRun as Run
from sparse_rnn.system.arguments import whole


@dataclass(frozen=True)
class AnalysisConfig:
    """Settings of `analyze`; frozen.

    Attributes:
        trials: Trials of each task.
        seed: Where the trials are drawn from.
        max_clusters: Most clusters that are tried.

    Raises:
        InvalidArgument: A number is out of range: fewer than 2 trials or clusters.
    """

    trials: int = 64
    seed: int = 0
    max_clusters: int = MAX_CLUSTERS

    def __post_init__(self) -> None:
        """Refuse what is no number of trials, no seed or no number of clusters."""
        for name, least in (("trials", 2), ("seed", 0), ("max_clusters", 2)):
            whole(name, getattr(self, name), least)


@dataclass(frozen=True)
class Materials:
    """What several analyses share, each made when it is first asked for.

    Attributes:
        run: The run.
        settings: The settings.
    """

    run: Run
    settings: AnalysisConfig = field(default_factory=AnalysisConfig)

    @cached_property
    def tasks(self) -> tuple[str, ...]:
        """Task names, one per rule slot."""
        return self._stream.tasks

    @cached_property
    def variance(self) -> TaskVariance:
        """Task variances, of trials without noise."""
        settings = self.settings
        return task_variance(recordings(self.run, None, settings.trials, settings.seed))

    @cached_property
    def clusters(self) -> Clusters:
        """Clusters of the units."""
        return cluster(self.variance, self.settings.max_clusters)

    @cached_property
    def memory(self) -> Recording:
        """One trial for each direction on ring 1, of the first task with a delay."""
        stream = self._stream
        specs: Any = stream.sampler.specs
        with_delay = [slot for slot, spec in enumerate(specs) if "delay" in spec.period_names]
        if not with_delay:
            raise NotApplicable("No task of this run has a delay, in which a memory is held.")
        task = stream.tasks[min(with_delay, key=lambda slot: not stream.conditions(slot))]
        seed = self.settings.seed
        drawn = record(self.run, None, 256, seed, tasks=[task]).of_task(task)
        first = drawn.where(drawn.trials.stimulus_ring[:, 0] == 0)
        return first.where(np.unique(first.trials.stimulus_location[:, 0], return_index=True)[1])

    def effect(self, parts: Mapping[str, Part]) -> AblationEffect:
        """Scores without parts, in trials with the noise of training."""
        noise, settings = self.run.config.noise, self.settings
        return ablation_effect(self.run, parts, None, settings.trials, settings.seed, noise)

    @cached_property
    def _stream(self) -> TaskStream:
        return Subject.of(self.run).stream(None, self.settings.seed, 0.0)
