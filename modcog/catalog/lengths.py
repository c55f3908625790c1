"""Exact statistics of trial lengths, computed from the specifications without drawing a trial."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from modcog.errors import InvalidArgument, whole_number
from modcog.system.limits import SEQ_STEPS
from modcog.timing import step_distribution
from modcog.trials.spec import TaskSpec

AUTO_LONGEST_TRIALS = 4
"""`seq_len="auto"` holds this many of the longest trial; about a tenth of the steps is padding."""


@dataclass(frozen=True)
class TrialLengths:
    """Lengths of trials whose task is drawn among rule slots, in steps.

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


def lengths_of(specs: Sequence[TaskSpec], shares: Sequence[float] | None = None) -> TrialLengths:
    """Length statistics of already built tasks, one per rule slot.

    Args:
        specs: The tasks.
        shares: Probability of each; a task with 0 counts for nothing. None: they are equal.
    """
    weight: dict[int, float] = {}
    distribution_of: dict[TaskSpec, tuple[Any, Any]] = {}
    for slot, spec in enumerate(specs):
        if shares is not None and not shares[slot]:
            continue
        if spec not in distribution_of:
            distribution_of[spec] = spec.length_distribution()
        for length, probability in zip(*distribution_of[spec], strict=True):
            # Not a factor of 1 / n, whose last bit may be another.
            share = probability / len(specs) if shares is None else probability * shares[slot]
            weight[int(length)] = weight.get(int(length), 0.0) + share
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


def longest_of(specs: Sequence[TaskSpec]) -> tuple[int, str] | None:
    """Steps of the longest trial and its task; None where a duration is a callable."""
    if any(callable(period.duration) for spec in specs for period in spec.periods):
        return None
    distinct = dict.fromkeys(specs)
    return max(((_longest(spec), spec.name) for spec in distinct), key=lambda pair: pair[0])


def checked_seq_len(seq_len: object, longest: tuple[int, str] | None) -> int:
    """The length of a lane in steps.

    Args:
        seq_len: What a caller asks for, a number of steps or "auto".
        longest: What `longest_of` says of the trials that it has to hold.

    Raises:
        InvalidArgument: It is neither, or too short; or it is "auto" and nothing is known.
    """
    if isinstance(seq_len, str) and seq_len == "auto":
        if longest is None:
            remedy = "A duration is a callable; give the length as a number."
            raise InvalidArgument("seq_len", seq_len, "a number of steps here", remedy)
        return AUTO_LONGEST_TRIALS * longest[0]
    length = whole_number("seq_len", seq_len, "steps", most=SEQ_STEPS)
    if longest is not None and length < longest[0]:
        allowed = f"at least {longest[0]} steps, the longest trial of {longest[1]}"
        raise InvalidArgument("seq_len", seq_len, allowed)
    return length


def _longest(spec: TaskSpec) -> int:
    return sum(int(step_distribution(p.duration, spec.dt)[0][-1]) for p in spec.periods)
