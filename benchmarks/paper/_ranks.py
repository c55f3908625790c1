"""Quantities that are judged by ranks: how much one network leads another, and what goes with what.

A performance lies between 0 and 1, a number of bursts is 0 for most networks and large for some,
and a seed that diverged is worst by any amount. Means of such values, and intervals that take them
to be about normal, say little. Ranks need no shape:

- `Shift` is the interval that belongs to the exact test of Mann & Whitney (1947), with the estimate
  of Hodges & Lehmann (1963). It is wrong in at most as many cases as it says wherever the seeds of
  two networks that do not differ could be exchanged. Networks of one seed see the same trials, so
  that they are alike rather than independent, which makes it wrong in fewer cases. Where two
  networks have the same median but one of them is spread far wider, it is wrong in up to 1 of 32
  cases with 5 seeds, as any rule without a shape.
- `Association` is a rank correlation (Spearman 1904) over runs that come in groups, such as all
  networks with the same settings. Its interval is a bootstrap that draws whole groups (Efron 1979).

With 3 seeds each the exact test decides nothing; with 5 seeds each it can decide up to 6
comparisons at a time, where all seeds of one network lie above all of the other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks.paper._statistics import CONFIDENCE, Bounds, Sample

RESAMPLES = 1000
"""Draws of the bootstrap."""

SEED = 0
"""Seed of the bootstrap, so that an interval is a function of its data."""

Pairs = Mapping[str, Sequence[tuple[float, float]]]
"""Pairs of values by group."""


@dataclass(frozen=True)
class Shift:
    """By how much the values of one network lie above those of another, by seed, judged by ranks.

    Attributes:
        ours: The values of one.
        other: The values of the other.
    """

    ours: Sample
    other: Sample

    @property
    def n(self) -> int:
        """Seeds of the network that has fewer."""
        return min(self.ours.n, self.other.n)

    @property
    def lost(self) -> frozenset[int]:
        """Seeds with which one of them diverged."""
        return self.ours.lost | self.other.lost

    @property
    def unknown(self) -> frozenset[int]:
        """Seeds that were lost and count with no value."""
        return self.ours.unknown | self.other.unknown

    @property
    def bounds(self) -> Bounds:
        """What the shift can be."""
        return (
            self.ours.bounds[0] - self.other.bounds[1],
            self.ours.bounds[1] - self.other.bounds[0],
        )

    @property
    def centre(self) -> float:
        """Median of the differences between all values of both; NaN where one has none."""
        return float(np.median(self._differences)) if self.n else math.nan

    @cached_property
    def _differences(self) -> NDArray[np.float64]:
        ours, other = (np.array(list(one.by_seed.values())) for one in (self.ours, self.other))
        return np.sort(np.subtract.outer(ours, other), axis=None)

    def interval(self, comparisons: int = 1) -> tuple[float, float]:
        """The 95 % interval of the shift; all that it can be, where the seeds are too few.

        Args:
            comparisons: Intervals of which all are to hold their shifts in 95 % of all cases.

        Example:
            >>> high, low = (Sample.of(range(5), [x, x, x, x, x + 0.1]) for x in (0.7, 0.5))
            >>> tuple(round(end, 2) for end in Shift(high, low).interval())
            (0.1, 0.3)
            >>> Shift(Sample({0: 1.0, 1: 2.0}), Sample({0: 0.0, 1: 0.0})).interval()
            (-inf, inf)
        """
        if not self.n:
            return math.nan, math.nan
        tail = (1 - CONFIDENCE) / 2 / comparisons
        rank = int(np.searchsorted(_below(self.ours.n, self.other.n), tail, side="right"))
        if not rank:
            return self.bounds
        return float(self._differences[rank - 1]), float(self._differences[-rank])


@cache
def _below(n: int, m: int) -> NDArray[np.float64]:
    """Probability that at most 0, 1, ... of the n x m pairs favour one of two equal networks."""
    ways = [1] + [0] * (n * m)
    for i in range(1, n + 1):  # The coefficients of a Gaussian binomial.
        for u in range(n * m, m + i - 1, -1):
            ways[u] -= ways[u - m - i]
        for u in range(i, n * m + 1):
            ways[u] += ways[u - i]
    return np.cumsum(np.array(ways, dtype=float)) / math.comb(n + m, n)


@dataclass(frozen=True)
class Association:
    """The rank correlation of two values over runs that come in groups.

    Attributes:
        groups: The pairs of values, by group. Groups are independent, pairs within one need not be.
        lost: Seeds of runs that diverged and count with no value.
        resamples: Draws of the bootstrap.
    """

    groups: Pairs
    lost: frozenset[int] = frozenset()
    resamples: int = RESAMPLES

    @property
    def n(self) -> int:
        """Number of groups; 0 where one of the values never differs."""
        return 0 if math.isnan(self.centre) else len(self.groups)

    @property
    def unknown(self) -> frozenset[int]:
        """Seeds that were lost: a run without a value has no rank."""
        return self.lost

    @property
    def centre(self) -> float:
        """The rank correlation of all pairs; NaN where it has none."""
        return self._whole

    @cached_property
    def _whole(self) -> float:
        return _correlation(np.array([pair for one in self.groups.values() for pair in one]))

    @cached_property
    def _drawn(self) -> NDArray[np.float64]:
        rng = np.random.default_rng(SEED)
        pairs = [np.array(one, dtype=float).reshape(-1, 2) for one in self.groups.values()]
        made = [
            _correlation(np.concatenate([pairs[i] for i in chosen]))
            for chosen in rng.integers(len(pairs), size=(self.resamples, len(pairs)))
        ]
        return np.nan_to_num(np.array(made))  # Values that do not differ go with nothing.

    def interval(self, comparisons: int = 1) -> tuple[float, float]:
        """The 95 % interval of the rank correlation; NaN below two groups.

        Args:
            comparisons: Intervals of which all are to hold their values in 95 % of all cases.

        Example:
            >>> found = Association({str(i): [(i, i + i % 2)] for i in range(20)})
            >>> round(found.centre, 2), 0.9 < found.interval()[0]
            (1.0, True)
        """
        if self.n < 2:
            return math.nan, math.nan
        tail = (1 - CONFIDENCE) / 2 / comparisons
        low, high = np.quantile(self._drawn, [tail, 1 - tail])
        return float(low), float(high)


def _correlation(pairs: NDArray[np.float64]) -> float:
    if len(pairs) < 2 or (pairs == pairs[0]).all(axis=0).any():
        return math.nan
    ranks = stats.rankdata(pairs, axis=0)
    ours, other = (ranks - ranks.mean(axis=0)).T
    return float(ours @ other / math.sqrt((ours @ ours) * (other @ other)))
