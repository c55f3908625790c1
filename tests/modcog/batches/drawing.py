"""What the tests of schedules share: one of each kind, and counts of what is drawn."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

import modcog
from modcog import schedules

BASES = modcog.suite("cog-20")

SMALL: dict[str, Any] = {"batch_size": 3, "seq_len": 60}

WEIGHTS = {"Go": 3, "DMS": 0, "Anti": 0.5}


def weights_of(index: int) -> Any:
    """A function as a schedule; named, so that it can be pickled."""
    return {BASES[index % 20]: 5, BASES[(index + 1) % 20]: 0}


SCHEDULES: Mapping[str, Any] = {
    "constant": schedules.constant(WEIGHTS),
    "stages": schedules.stages([(["Go", "Anti"], 4), (["DMS"], 3), (None, 1)]),
    "ramp": schedules.ramp(["Go", "DMS"], None, 9, shape="cosine"),
    "interleave": schedules.interleave(["Go"], schedules.blocks(2), WEIGHTS),
    "blocks": schedules.blocks(("geometric", 3)),
    "hidden": schedules.blocks(("uniform", (1, 4)), WEIGHTS, hidden=True),
    "recorded": schedules.recorded([(0, None), (5, ["DMS", "DNMS"]), (11, weights_of(2))]),
    "function": weights_of,
    "nested": schedules.stages([(weights_of, 3), (schedules.interleave(["DMC"], weights_of), 9)]),
}


def sampler(schedule: Any = None, tasks: Any = "cog-20", **arguments: Any) -> modcog.BatchSampler:
    return modcog.BatchSampler(tasks, **{**SMALL, "schedule": schedule, **arguments})


def counts(one: modcog.BatchSampler, numbers: Sequence[int] | range) -> NDArray[np.int64]:
    return sum(np.bincount(one.trials(i).rule, minlength=len(one.tasks)) for i in numbers)


def chi_square(found: NDArray[np.int64], shares: NDArray[np.float64]) -> float:
    """The probability of counts so far from what was asked for; what was not must be 0."""
    assert not found[shares == 0].any()
    drawn = shares > 0
    expected = shares[drawn] / shares[drawn].sum() * found.sum()
    return float(stats.chisquare(found[drawn], expected).pvalue)


# --- blocks --------------------------------------------------------------------------------------


def runs(trials: modcog.Trials) -> list[list[tuple[int, int]]]:
    """For each lane the rules of its blocks and how many trials each has."""
    lanes = [trials.rule[trials.lane == lane].tolist() for lane in np.unique(trials.lane)]
    return [[(rule, len(list(group))) for rule, group in itertools.groupby(one)] for one in lanes]
