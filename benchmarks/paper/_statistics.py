"""Means over seeds, their intervals, and how a claim about them is decided.

The rule of every verdict: a claim is split into checks. Each check is about a quantity that has one
value a seed: a value of one network, or the difference between two networks of the same seed, which
see the same trials. The 95 % interval of its mean (Student's t over seeds) decides. The check holds
where the whole interval says so, fails where the whole interval says the opposite, and is open
otherwise, or with fewer than `LEAST_SEEDS` seeds. A claim is *reproduced* where all of its checks
hold, *not reproduced* where one fails, and else *inconclusive*. Intervals are not corrected for the
number of checks.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

LEAST_SEEDS = 3
"""Fewer seeds decide nothing."""

CONFIDENCE = 0.95

REPRODUCED = "reproduced"
REFUTED = "not reproduced"
OPEN = "inconclusive"
NOT_RUN = "not run"


@dataclass(frozen=True)
class Sample:
    """A quantity that was measured once a seed.

    Attributes:
        by_seed: Its value by seed.
    """

    by_seed: Mapping[int, float]

    @classmethod
    def of(cls, seeds: Iterable[int], values: Iterable[float]) -> Sample:
        """Pair seeds and values; values that are not finite are left out."""
        pairs = zip(seeds, values, strict=True)
        return cls({int(seed): float(value) for seed, value in pairs if math.isfinite(value)})

    @property
    def n(self) -> int:
        """Number of seeds."""
        return len(self.by_seed)

    @property
    def mean(self) -> float:
        """Mean over seeds; NaN where there is none."""
        return float(np.mean(list(self.by_seed.values()))) if self.by_seed else math.nan

    @property
    def std(self) -> float:
        """Standard deviation over seeds (n - 1); NaN below two seeds."""
        return float(np.std(list(self.by_seed.values()), ddof=1)) if self.n > 1 else math.nan

    def interval(self) -> tuple[float, float]:
        """The 95 % t-interval of the mean; NaN below two seeds.

        Example:
            >>> low, high = Sample({0: 1.0, 1: 2.0, 2: 3.0}).interval()
            >>> round(low, 2), round(high, 2)
            (-0.48, 4.48)
        """
        if self.n < 2:
            return math.nan, math.nan
        half = float(stats.t.ppf((1 + CONFIDENCE) / 2, self.n - 1)) * self.std / math.sqrt(self.n)
        return self.mean - half, self.mean + half

    def __sub__(self, other: Sample) -> Sample:
        """Differences between values of the same seed."""
        common = self.by_seed.keys() & other.by_seed.keys()
        return Sample({seed: self.by_seed[seed] - other.by_seed[seed] for seed in sorted(common)})

    def __str__(self) -> str:
        """Mean, interval and number of seeds."""
        if not self.n:
            return "no run"
        low, high = self.interval()
        spread = "" if math.isnan(low) else f" [{low:.3f}, {high:.3f}]"
        return f"{self.mean:.3f}{spread} (n={self.n})"


@dataclass(frozen=True)
class Check:
    """One decidable part of a claim.

    Attributes:
        text: What must hold, in words.
        sample: The quantity it is about.
        holds: True, False, or None where the seeds do not decide it.
        by_seeds: Whether seeds decide it, as opposed to a definition.
    """

    text: str
    sample: Sample
    holds: bool | None
    by_seeds: bool = True

    def __str__(self) -> str:
        """The check, its state and its numbers."""
        state = {True: "holds", False: "fails", None: "open"}[self.holds]
        return f"{self.text}: {state}" + (f", {self.sample}" if self.by_seeds else "")


def above(text: str, sample: Sample, level: float = 0.0) -> Check:
    """Check that the mean lies above a level.

    Example:
        >>> print(above("a > b", Sample({0: 0.2, 1: 0.21, 2: 0.19})))
        a > b: holds, 0.200 [0.175, 0.225] (n=3)
    """
    low, high = sample.interval()
    if sample.n < LEAST_SEEDS or low <= level <= high:
        return Check(text, sample, None)
    return Check(text, sample, low > level)


def below(text: str, sample: Sample, level: float = 0.0) -> Check:
    """Check that the mean lies below a level."""
    check = above(text, sample, level)
    return Check(text, sample, None if check.holds is None else not check.holds)


def within(text: str, sample: Sample, low: float, high: float) -> Check:
    """Check that the mean lies between two levels: its whole interval does.

    Example:
        >>> within("no big difference", Sample({0: 0.01, 1: 0.0, 2: 0.02}), -0.05, 0.05).holds
        True
    """
    least, most = sample.interval()
    if sample.n < LEAST_SEEDS:
        return Check(text, sample, None)
    if least >= low and most <= high:
        return Check(text, sample, holds=True)
    outside = most < low or least > high
    return Check(text, sample, holds=False if outside else None)


def fact(text: str, holds: bool) -> Check:  # noqa: FBT001 - what it is about
    """A check of something that needs no seeds, as nothing about it is random."""
    return Check(text, Sample({}), holds, by_seeds=False)


def verdict(checks: Sequence[Check]) -> str:
    """Decide a claim by its checks.

    Example:
        >>> seeds = Sample({0: 0.2, 1: 0.21, 2: 0.19})
        >>> verdict([above("a", seeds)]), verdict([above("a", seeds), above("b", Sample({}))])
        ('reproduced', 'inconclusive')
    """
    if any(check.holds is False for check in checks):
        return REFUTED
    return REPRODUCED if checks and all(check.holds for check in checks) else OPEN
