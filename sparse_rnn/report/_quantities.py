"""Measured values and curves: means over seeds and how well they are known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, ClassVar, NamedTuple, Self, get_type_hints

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import ConfigDict, TypeAdapter, ValidationError
from scipy import stats

from sparse_rnn.errors import InvalidArgument

_STRICT = ConfigDict(extra="forbid", strict=True)

CONFIDENCE = 0.95

Ends = Sequence[float | None]
"""Lower or upper ends of intervals, one for each of several means; None where there is none."""


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
        >>> from sparse_rnn.report import mean_interval
        >>> mean_interval([0.5, 0.6, 0.7])
        Interval(mean=0.6, low=0.352, high=0.848, n=3)
        >>> mean_interval([0.5])
        Interval(mean=0.5, low=None, high=None, n=1)
    """
    allowed = "finite numbers, one a seed and at least one"
    array = _numbers("values", values, allowed)
    if array.ndim != 1 or not array.size or not np.isfinite(array).all():
        raise InvalidArgument("values", values, allowed)
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
        check_fields(self)
        for argument in ("value", "low", "high", "paper"):
            number = getattr(self, argument)
            if number is not None:
                object.__setattr__(self, argument, _finite(argument, number))
        _check_interval((self.low,), (self.high,))
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
            >>> from sparse_rnn.report import Measurement
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
        family: Mask family of the networks, which has a colour of its own; "" for none.

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
    family: str = ""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    def __post_init__(self) -> None:
        check_fields(self)
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
        absent = (None,) * len(self.x)
        _check_interval(self.low or absent, self.high or absent)

    @classmethod
    def of(
        cls,
        name: str,
        x: ArrayLike,
        values: ArrayLike,
        labels: tuple[str, str],
        panel: str,
        family: str = "",
    ) -> Self:
        """Average the curves of several seeds.

        Args:
            name: Label of the curve.
            x: Positions, ``[points]``.
            values: One curve a seed, ``[seeds, points]``.
            labels: Labels of the x and y axes.
            panel: Title of the chart.
            family: Mask family of the networks, "" for none.

        Raises:
            InvalidArgument: Lengths differ, or a number is not finite.

        Example:
            >>> from sparse_rnn.report import Curve
            >>> curve = Curve.of("dense", [1, 2], [[0, 1], [1, 1]], ("steps", "accuracy"), "")
            >>> curve.mean, curve.low is None
            ((0.5, 1.0), False)
        """
        allowed = "numbers, one curve a seed and all of one length"
        table = np.atleast_2d(_numbers("values", values, allowed))
        places = _numbers("x", x, "ascending numbers, one a point")
        if table.shape[1:] != places.shape:
            raise InvalidArgument("values", table.shape, f"of shape [seeds, {len(places)}]")
        points = [mean_interval(column) for column in table.T]
        ends = len(table) > 1
        if len(labels) != 2 or isinstance(labels, str):
            raise InvalidArgument("labels", labels, "two texts, those of the x and the y axis")
        return cls(
            name,
            tuple(places.tolist()),
            tuple(point.mean for point in points),
            tuple(_known(point.low) for point in points) if ends else None,
            tuple(_known(point.high) for point in points) if ends else None,
            *labels,
            panel,
            family,
        )


def check_fields(record: Any) -> None:
    """Refuse fields of a dataclass that are not of the types in its definition.

    A page would show a title of None, and the JSON of such a record could not be read again.

    Raises:
        InvalidArgument: One is of another type.
    """
    for name, adapter in _adapters(type(record)).items():
        value = getattr(record, name)
        try:
            adapter.validate_python(value, strict=True)
        except ValidationError as error:
            reason = error.errors(include_url=False)[0]["msg"]
            allowed = reason.removeprefix("Input should be ")
            raise InvalidArgument(name, value, allowed) from None


@cache
def _adapters(kind: type[Any]) -> dict[str, TypeAdapter[Any]]:
    hints = get_type_hints(kind)
    return {one.name: TypeAdapter(hints[one.name]) for one in fields(kind)}


def _check_interval(low: Ends, high: Ends) -> None:
    """Refuse intervals with one end, or with the ends the wrong way round."""
    for below, above in zip(low, high, strict=True):
        if (below is None) != (above is None):
            raise InvalidArgument("low", below, "given with high, or None with it")
        if below is not None and above is not None and below > above:
            raise InvalidArgument("low", below, f"at most high, {above}")


def _numbers(argument: str, values: ArrayLike, allowed: str) -> NDArray[np.float64]:
    try:
        array = np.asarray(values)
    except ValueError as error:  # lists of different lengths
        raise InvalidArgument(argument, values, allowed) from error
    if array.size and array.dtype.kind not in "iuf":
        raise InvalidArgument(argument, values, allowed)
    return array.astype(np.float64)


def _finite(argument: str, value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise InvalidArgument(argument, number, "finite")
    return number


def _known(end: float | None) -> float:
    assert end is not None  # With two seeds or more there is an interval.
    return end
