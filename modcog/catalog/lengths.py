"""Exact statistics of trial lengths, computed from the specifications without drawing a trial."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from modcog.catalog.settings import tasks_of
from modcog.trials.spec import TaskSpec

AUTO_LONGEST_TRIALS = 4
"""`seq_len="auto"` holds this many of the longest trial; about a tenth of the steps is padding."""


@dataclass(frozen=True)
class TrialLengths:
    """Lengths of trials whose task is drawn uniformly among rule slots, in steps.

    Attributes:
        mean: Expected length.
        std: Standard deviation.
        shortest: Least possible length.
        longest: Greatest possible length.
        percentile_95: Least length that at least 95 % of the trials do not exceed.
        dt: Time step in ms.
    """

    mean: float
    std: float
    shortest: int
    longest: int
    percentile_95: int
    dt: float

    @property
    def suggested_seq_len(self) -> int:
        """Sequence length that ``seq_len="auto"`` stands for, in steps."""
        return AUTO_LONGEST_TRIALS * self.longest


def trial_lengths(source: object, **settings: Any) -> TrialLengths:
    """Exact length statistics of the trials of a suite, a task or a list of tasks.

    Args:
        source: Name of a suite or task, or a list of names and `TaskSpec`.
        **settings: As for `modcog.task`.

    Raises:
        InvalidArgument: A duration is a callable, of which nothing is known in advance.

    Example:
        >>> trial_lengths("DlyGo_IntL").mean
        21.0
    """
    return lengths_of(tasks_of(source, **settings))


def lengths_of(specs: Sequence[TaskSpec]) -> TrialLengths:
    """Length statistics of already built tasks, one per rule slot."""
    weight: dict[int, float] = {}
    distribution_of: dict[TaskSpec, tuple[Any, Any]] = {}
    for spec in specs:
        if spec not in distribution_of:
            distribution_of[spec] = spec.length_distribution()
        for length, probability in zip(*distribution_of[spec], strict=True):
            weight[int(length)] = weight.get(int(length), 0.0) + probability / len(specs)
    length = np.array(sorted(weight))
    probability = np.array([weight[int(k)] for k in length])
    # Not a matrix product, whose last bits depend on the processor.
    mean = math.fsum(probability * length)
    variance = math.fsum(probability * (length - mean) ** 2)
    cumulative = np.round(probability.cumsum(), 12)
    return TrialLengths(
        mean=mean,
        std=math.sqrt(variance),
        shortest=int(length[0]),
        longest=int(length[-1]),
        percentile_95=int(length[np.searchsorted(cumulative, 0.95)]),
        dt=specs[0].dt,
    )
