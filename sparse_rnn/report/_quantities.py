"""Measured values and curves: means over seeds and how well they are known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike
from pydantic import ConfigDict
from scipy import stats

from sparse_rnn.errors import InvalidArgument

_STRICT = ConfigDict(extra="forbid", strict=True)

CONFIDENCE = 0.95


class Interval(NamedTuple):
    """A mean with its interval.

    Attributes:
        mean: Mean over the seeds.
        low: Lower end of the 95 % interval, None for a single seed.
        high: Upper end.
        n: Number of seeds.
    """

    mean: float
    low: float | None
    high: float | None
    n: int


def mean_interval(values: ArrayLike) -> Interval:
    """Mean over seeds and its 95 % interval by Student's t, with n - 1 degrees of freedom.

    Args:
        values: One value a seed, ``[seeds]``.

    Returns:
        The mean and the ends of the interval, which a single seed does not have.

    Raises:
        InvalidArgument: There is no value, there are more dimensions, or a value is not finite.

    Example:
        >>> mean_interval([0.5, 0.6, 0.7])
        Interval(mean=0.6, low=0.352, high=0.848, n=3)
        >>> mean_interval([0.5])
        Interval(mean=0.5, low=None, high=None, n=1)
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not array.size or not np.isfinite(array).all():
        raise InvalidArgument("values", values, "finite numbers, one a seed and at least one")
    mean, n = float(array.mean()), array.size
    if n == 1:
        return Interval(mean, None, None, 1)
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1) * array.std(ddof=1) / np.sqrt(n))
    return Interval(mean, mean - half, mean + half, n)


@dataclass(frozen=True)
class Measurement:
    """One measured quantity, beside the paper's value.

    Attributes:
        name: What was measured, on what.
        value: The mean over seeds, or the value where nothing is random.
        low: Lower end of the 95 % interval of the mean, or None.
        high: Upper end, or None.
        n_seeds: Number of seeds; 0 where nothing is random.
        paper: What the paper reports, or None.
        unit: Unit, or "".
        note: Anything a reader must know, such as the paper's standard deviation.

    Raises:
        InvalidArgument: A number is not finite, or one end of the interval is missing.
    """

    name: str
    value: float
    low: float | None
    high: float | None
    n_seeds: int
    paper: float | None
    unit: str
    note: str = ""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    def __post_init__(self) -> None:
        for argument in ("value", "low", "high", "paper"):
            number = getattr(self, argument)
            if number is not None:
                object.__setattr__(self, argument, _finite(argument, number))
        if (self.low is None) != (self.high is None):
            raise InvalidArgument("low", self.low, "given with high, or None with it")
        if self.n_seeds < 0:
            raise InvalidArgument("n_seeds", self.n_seeds, "at least 0")

    @classmethod
    def of(
        cls,
        name: str,
        values: ArrayLike,
        *,
        paper: float | None = None,
        unit: str = "",
        note: str = "",
    ) -> Self:
        """Measure by the values of several seeds.

        Args:
            name: What was measured.
            values: One value a seed, ``[seeds]``.
            paper: What the paper reports.
            unit: Unit.
            note: Anything a reader must know.

        Example:
            >>> Measurement.of("performance", [0.5, 0.6, 0.7], paper=0.71).value
            0.6
        """
        interval = mean_interval(values)
        return cls(name, interval.mean, interval.low, interval.high, interval.n, paper, unit, note)


@dataclass(frozen=True)
class Curve:
    """One curve of an interactive chart. Curves of one panel share its axes.

    Attributes:
        name: Label of the curve.
        x: Positions, ascending.
        mean: Mean over seeds at each.
        low: Lower ends of the 95 % intervals, or None.
        high: Upper ends, or None.
        x_label: Label of the x axis, with its unit.
        y_label: Label of the y axis, with its unit.
        panel: Title of the chart that the curve belongs to.

    Raises:
        InvalidArgument: Lengths differ, a number is not finite, or x does not ascend.
    """

    name: str
    x: tuple[float, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...] | None
    high: tuple[float, ...] | None
    x_label: str
    y_label: str
    panel: str

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    def __post_init__(self) -> None:
        for argument in ("x", "mean", "low", "high"):
            numbers = getattr(self, argument)
            if numbers is None:
                continue
            object.__setattr__(self, argument, tuple(_finite(argument, one) for one in numbers))
            if len(numbers) != len(self.x):
                allowed = f"as long as x, which has {len(self.x)} entries"
                raise InvalidArgument(argument, len(numbers), allowed)
        if not self.x or any(b <= a for a, b in zip(self.x, self.x[1:], strict=False)):
            raise InvalidArgument("x", self.x, "ascending, with at least one entry")
        if (self.low is None) != (self.high is None):
            raise InvalidArgument("low", self.low, "given with high, or None with it")

    @classmethod
    def of(
        cls, name: str, x: ArrayLike, values: ArrayLike, labels: tuple[str, str], panel: str
    ) -> Self:
        """Average the curves of several seeds.

        Args:
            name: Label of the curve.
            x: Positions, ``[points]``.
            values: One curve a seed, ``[seeds, points]``.
            labels: Labels of the x and y axes.
            panel: Title of the chart.

        Raises:
            InvalidArgument: Lengths differ, or a number is not finite.

        Example:
            >>> curve = Curve.of("dense", [1, 2], [[0, 1], [1, 1]], ("steps", "accuracy"), "")
            >>> curve.mean, curve.low is None
            ((0.5, 1.0), False)
        """
        try:
            table = np.atleast_2d(np.asarray(values, dtype=np.float64))
        except ValueError as error:
            allowed = "numbers, one curve a seed and all of one length"
            raise InvalidArgument("values", values, allowed) from error
        points = [mean_interval(column) for column in table.T]
        ends = len(table) > 1
        return cls(
            name,
            tuple(np.asarray(x, dtype=np.float64).tolist()),
            tuple(point.mean for point in points),
            tuple(_known(point.low) for point in points) if ends else None,
            tuple(_known(point.high) for point in points) if ends else None,
            *labels,
            panel,
        )


def _finite(argument: str, value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise InvalidArgument(argument, number, "finite")
    return number


def _known(end: float | None) -> float:
    assert end is not None  # With two seeds or more there is an interval.
    return end
