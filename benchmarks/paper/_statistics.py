"""Means over seeds, their intervals, and how a claim about them is decided.

The rule of every verdict (`RULE`): a claim is split into checks. Each check is about a quantity
that has one value a seed: a value of one network, or the difference between two networks of the
same seed, which see the same trials. The 95 % interval of its mean (Student's t over seeds) decides
whether the mean lies in the region that the claim names. The check holds where the whole interval
does, fails where the whole interval lies outside, and is open otherwise, or with fewer than
`LEAST_SEEDS` seeds. A claim is *reproduced* where all of its checks hold and none of its parts is
untested, *not reproduced* where one fails, and else *inconclusive*.

So that each verdict is wrong in at most 2.5 % of all cases where the truth lies on the border:

- **The best of k networks**, chosen by the same seeds that judge it, is judged by intervals for k
  comparisons (Bonferroni): a claim that some network leads holds where any of the k would.
- **A claim of m checks** is refuted by one of them, so that failing takes intervals for m
  comparisons. Holding takes all of them, and needs no correction.
- **A seed that diverged** counts. Where the quantity has a worst value, such as a performance, it
  has that; else the check about it is not judged. Leaving it out would compare survivors.
- **Bounds.** A mean of values from 0 to 1 lies there, too. The part of an interval beyond the
  bounds is cut off, by which no interval that held the mean loses it.

Student's t takes values to be about normal. With less than 6 seeds no rule without such a shape can
say in less than 2.5 % of all cases wrongly on which side of a level a mean is: six signs agree by
chance in 1 of 64. Whether two networks differ can be told by fewer, from the ranks of their seeds:
`benchmarks.paper._ranks` has such quantities, for values that are bounded or counts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy import stats

LEAST_SEEDS = 3
"""Fewer seeds decide nothing."""

CONFIDENCE = 0.95

RULE = "Rule of verdicts: 2."
"""Stands in the method of each finding that this module judged."""

REPRODUCED = "reproduced"
REFUTED = "not reproduced"
OPEN = "inconclusive"
NOT_RUN = "not run"

Bounds = tuple[float, float]
"""The least and the most that a quantity can be."""

ANY: Bounds = (-math.inf, math.inf)
SHARE: Bounds = (0.0, 1.0)
"""Bounds of a performance, an accuracy, a share."""


class Quantity(Protocol):
    """What a check can be about: a value, and the interval that decides on which side it lies."""

    @property
    def n(self) -> int:
        """Number of seeds, or of whatever else was drawn independently."""
        ...

    @property
    def lost(self) -> frozenset[int]:
        """Seeds that diverged."""
        ...

    @property
    def unknown(self) -> frozenset[int]:
        """Seeds that were lost and count with no value; with one of them nothing is decided."""
        ...

    @property
    def centre(self) -> float:
        """The value; NaN where there is none."""
        ...

    def interval(self, comparisons: int = 1) -> tuple[float, float]:
        """The 95 % interval of the value, for so many comparisons."""
        ...


@dataclass(frozen=True)
class Sample:
    """A quantity that was measured once a seed.

    Attributes:
        by_seed: Its value by seed.
        lost: Seeds that ran and have no value of their own, as the run diverged. Those among them
            that are in `by_seed` count with the worst value there is.
        bounds: What the quantity can be.
    """

    by_seed: Mapping[int, float]
    lost: frozenset[int] = frozenset()
    bounds: Bounds = ANY

    @classmethod
    def of(cls, seeds: Iterable[int], values: Iterable[float], bounds: Bounds = ANY) -> Sample:
        """Pair seeds and values; those with a value that is not finite are lost."""
        pairs = [(int(seed), float(value)) for seed, value in zip(seeds, values, strict=True)]
        known = {seed: value for seed, value in pairs if math.isfinite(value)}
        return cls(known, frozenset(seed for seed, _ in pairs if seed not in known), bounds)

    def counting(self, lost: Iterable[int], worst: float | None = None) -> Sample:
        """The same with more seeds that were lost.

        Args:
            lost: The seeds.
            worst: The value that they count with; None for none, so that nothing is decided.
        """
        seeds = frozenset(lost)
        more = {} if worst is None else dict.fromkeys(sorted(seeds), worst)
        return Sample({**self.by_seed, **more}, self.lost | seeds, self.bounds)

    @property
    def unknown(self) -> frozenset[int]:
        """Seeds that were lost and count with no value."""
        return self.lost - self.by_seed.keys()

    @property
    def n(self) -> int:
        """Number of seeds with a value."""
        return len(self.by_seed)

    @property
    def mean(self) -> float:
        """Mean over seeds; NaN where there is none."""
        return float(np.mean(list(self.by_seed.values()))) if self.by_seed else math.nan

    @property
    def centre(self) -> float:
        """The mean."""
        return self.mean

    @property
    def std(self) -> float:
        """Standard deviation over seeds (n - 1); NaN below two seeds."""
        return float(np.std(list(self.by_seed.values()), ddof=1)) if self.n > 1 else math.nan

    def interval(self, comparisons: int = 1) -> tuple[float, float]:
        """The 95 % t-interval of the mean, within the bounds; NaN below two seeds.

        Args:
            comparisons: Intervals of which all are to hold their means in 95 % of all cases.

        Example:
            >>> low, high = Sample({0: 1.0, 1: 2.0, 2: 3.0}).interval()
            >>> round(low, 2), round(high, 2)
            (-0.48, 4.48)
            >>> Sample({0: 1.0, 1: 0.9, 2: 0.95}, bounds=SHARE).interval()[1]
            1.0
        """
        if self.n < 2:
            return math.nan, math.nan
        tail = (1 - CONFIDENCE) / 2 / comparisons
        half = float(stats.t.isf(tail, self.n - 1)) * self.std / math.sqrt(self.n)
        least, most = self.bounds
        return max(self.mean - half, least), min(self.mean + half, most)

    def __neg__(self) -> Sample:
        """The values with the other sign."""
        least, most = self.bounds
        negative = {seed: -value for seed, value in self.by_seed.items()}
        return Sample(negative, self.lost, (-most, -least))

    def __sub__(self, other: Sample) -> Sample:
        """Differences between values of the same seed."""
        common = sorted(self.by_seed.keys() & other.by_seed.keys())
        return Sample(
            {seed: self.by_seed[seed] - other.by_seed[seed] for seed in common},
            self.lost | other.lost,
            (self.bounds[0] - other.bounds[1], self.bounds[1] - other.bounds[0]),
        )

    def told(self, comparisons: int = 1) -> str:
        """As `told` has it."""
        return told(self, comparisons)

    def __str__(self) -> str:
        """As `told` has it, for one comparison."""
        return self.told()


def told(quantity: Quantity, comparisons: int = 1) -> str:
    """Value, interval, number of seeds, and what became of seeds that diverged."""
    counted = sorted(quantity.lost - quantity.unknown)
    notes = [f"n={quantity.n}"] if quantity.n else []
    notes += [f"the interval for {comparisons} comparisons"] if comparisons > 1 else []
    notes += [f"diverged, counted at worst: seeds {_listed(counted)}"] if counted else []
    unknown = sorted(quantity.unknown)
    notes += [f"diverged: seeds {_listed(unknown)}"] if unknown else []
    low, high = quantity.interval(comparisons)
    spread = "" if math.isnan(low) else f" [{low:.3f}, {high:.3f}]"
    value = f"{quantity.centre:.3f}{spread}" if quantity.n else "no run"
    return f"{value} ({'; '.join(notes)})" if notes else value


@dataclass(frozen=True)
class Check:
    """One decidable part of a claim: that a value, mostly a mean, lies in a region.

    Attributes:
        text: What must hold, in words.
        sample: The quantity it is about.
        region: Between what the mean must lie.
        best_of: Of how many networks the quantity's was chosen as the best, by the same seeds.
        known: The answer where no seeds are needed, as nothing about it is random; else None.
    """

    text: str
    sample: Quantity
    region: Bounds = ANY
    best_of: int = 1
    known: bool | None = None

    @property
    def by_seeds(self) -> bool:
        """Whether seeds decide it, as opposed to a definition."""
        return self.known is None

    @property
    def holds(self) -> bool | None:
        """Whether it holds, taken by itself; None where the seeds do not decide it."""
        return self.state()

    def state(self, n_checks: int = 1) -> bool | None:
        """Whether it holds; None where the seeds do not decide it.

        Args:
            n_checks: Of how many checks any one refutes the claim when it fails.
        """
        if self.known is not None:
            return self.known
        if self.sample.n < LEAST_SEEDS or self.sample.unknown:
            return None
        least, most = self.region
        low, high = self.sample.interval(self.best_of)
        if (low > least or least == -math.inf) and (high < most or most == math.inf):
            return True
        low, high = self.sample.interval(self.best_of * n_checks)
        return False if high < least or low > most else None

    def told(self, n_checks: int = 1) -> str:
        """The check, its state and its numbers."""
        word = {True: "holds", False: "fails", None: "open"}[self.state(n_checks)]
        return f"{self.text}: {word}{self.numbers}"

    @property
    def numbers(self) -> str:
        """What the seeds say, after a comma; "" for a fact."""
        return f", {told(self.sample, self.best_of)}" if self.by_seeds else ""

    def __str__(self) -> str:
        """As `told` has it, taken by itself."""
        return self.told()


def above(text: str, sample: Quantity, level: float = 0.0, *, best_of: int = 1) -> Check:
    """Check that the mean lies above a level.

    Args:
        text: What must hold, in words.
        sample: The quantity.
        level: The level.
        best_of: Of how many networks this one was chosen by the same seeds.

    Example:
        >>> print(above("a > b", Sample({0: 0.2, 1: 0.21, 2: 0.19})))
        a > b: holds, 0.200 [0.175, 0.225] (n=3)
        >>> print(above("a > b", Sample({0: 0.2, 1: 0.25, 2: 0.15}), best_of=4))
        a > b: open, 0.200 [-0.056, 0.456] (n=3; the interval for 4 comparisons)
    """
    return Check(text, sample, (level, math.inf), max(best_of, 1))


def below(text: str, sample: Quantity, level: float = 0.0) -> Check:
    """Check that the mean lies below a level."""
    return Check(text, sample, (-math.inf, level))


def within(text: str, sample: Quantity, low: float, high: float) -> Check:
    """Check that the mean lies between two levels: its whole interval does.

    Example:
        >>> within("no big difference", Sample({0: 0.01, 1: 0.0, 2: 0.02}), -0.05, 0.05).holds
        True
    """
    return Check(text, sample, (low, high))


def fact(text: str, holds: bool) -> Check:  # noqa: FBT001 - what it is about
    """A check of something that needs no seeds, as nothing about it is random."""
    return Check(text, Sample({}), known=holds)


def refuting(checks: Sequence[Check]) -> int:
    """Of how many checks any one refutes the claim by its seeds; at least 1."""
    return max(1, sum(check.by_seeds and check.sample.n >= LEAST_SEEDS for check in checks))


def verdict(checks: Sequence[Check], untested: Sequence[str] = ()) -> str:
    """Decide a claim by its checks.

    Args:
        checks: The checks.
        untested: Parts of the claim that no check is about, in words.

    Example:
        >>> seeds = Sample({0: 0.2, 1: 0.21, 2: 0.19})
        >>> verdict([above("a", seeds)]), verdict([above("a", seeds), above("b", Sample({}))])
        ('reproduced', 'inconclusive')
        >>> verdict([above("a", seeds)], untested=["the largest network"])
        'inconclusive'
    """
    states = [check.state(refuting(checks)) for check in checks]
    if any(state is False for state in states):
        return REFUTED
    return REPRODUCED if checks and all(states) and not untested else OPEN


def _listed(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds))
