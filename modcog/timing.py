"""Durations in milliseconds and their quantisation to time steps.

A duration is

- a number of ms;
- ``("uniform", (low, high))`` in ms;
- ``("exponential", (mean, low, high))`` in ms: low and an exponential time of that mean, of those
  that end before high. Whoever waits learns nothing: until high comes near, the rate at which the
  period ends is 1 / mean;
- ``("normal", (mean, std, low, high))`` in ms, of those from low to high;
- ``("choice", (a, b, ...))`` in ms, each as probable as the others, or with their probabilities
  ``("choice", (a, b, ...), (p, q, ...))``;
- ``("steps", (low, high))``: uniform over the whole numbers of steps whose length lies in the given
  range in ms;
- a callable that takes a `numpy.random.Generator` and returns ms. Nothing is known of it in
  advance, and JSON does not hold it.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modcog.errors import InvalidArgument, real_number, unknown_name
from modcog.system import limits

Values = tuple[float, ...]
Distribution = tuple[str, Values] | tuple[str, Values, Values]
Duration = float | Distribution | Callable[[np.random.Generator], float]

DISTRIBUTIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "uniform": ("low", "high"),
        "choice": (),
        "steps": ("low", "high"),
        "exponential": ("mean", "low", "high"),
        "normal": ("mean", "std", "low", "high"),
    }
)
"""Names of the values of each distribution, in ms; a choice has as many as one likes."""


def check_dt(dt: object) -> float:
    """Return the time step in ms as a float.

    Raises:
        InvalidArgument: `dt` is not a number above 0, or above `modcog.system.limits.DURATION_MS`.
    """
    allowed = "a number of ms above 0"
    number = real_number("dt", dt, allowed)
    if number <= 0:
        raise InvalidArgument("dt", dt, allowed)
    if number > limits.DURATION_MS:
        raise InvalidArgument("dt", dt, f"at most {limits.DURATION_MS:g} ms")
    return number


def steps(duration_ms: ArrayLike, dt: float, argument: str = "duration") -> NDArray[np.int64]:
    """Quantise durations: the nearest number of steps (half up), at least 1 unless 0 ms.

    Args:
        duration_ms: Durations in ms, any shape.
        dt: Time step in ms.
        argument: Name of the durations for the error message.

    Raises:
        InvalidArgument: A duration has more steps than `modcog.system.limits.PERIOD_STEPS`.

    Example:
        >>> steps([0, 20, 250, 500], dt=100)
        array([0, 1, 3, 5])
    """
    ms = np.asarray(duration_ms, dtype=np.float64)
    longest = float(ms.max(initial=0.0))
    if not longest <= limits.PERIOD_STEPS * dt:  # NaN is refused here, too
        raise InvalidArgument(argument, longest, _most_steps(dt))
    nearest = np.floor(np.round(ms / dt, 9) + 0.5).astype(np.int64)
    return np.where(ms > 0, np.maximum(nearest, 1), 0)


def _most_steps(dt: float) -> str:
    return f"at most {limits.PERIOD_STEPS} steps of {dt:g} ms"


def check_duration(argument: str, value: object) -> Duration:
    """Bring a duration specification into its one frozen form.

    Args:
        argument: Name for the error message, such as ``timing['delay']``.
        value: A number of ms, a distribution (tuples and lists alike), or a callable.

    Raises:
        InvalidArgument: The value is negative, unordered, empty or of no known form.
        UnknownName: The distribution's name is not known.
    """
    if callable(value):
        return cast("Duration", value)
    if not isinstance(value, bool) and isinstance(value, numbers.Real):
        return _milliseconds(argument, value)
    parts = cast("Sequence[Any]", value) if isinstance(value, tuple | list) else ()
    if len(parts) != 2 and not (len(parts) == 3 and parts[0] == "choice"):
        allowed = "a number of ms, a distribution such as ('uniform', (low, high)), or a callable"
        raise InvalidArgument(argument, value, allowed)
    kind, listed, *rest = parts
    if not isinstance(kind, str) or kind not in DISTRIBUTIONS:
        raise unknown_name(argument, kind, DISTRIBUTIONS, "a distribution of durations")
    if isinstance(listed, np.ndarray) and listed.ndim == 1:
        listed = tuple(listed)
    if not isinstance(listed, tuple | list):
        raise InvalidArgument(argument, value, f"({kind!r}, a list of ms)")
    values = tuple(_milliseconds(argument, ms) for ms in cast("Sequence[object]", listed))
    if kind == "choice":
        if not values:
            raise InvalidArgument(argument, value, "a choice of at least one duration")
        return _choice(argument, values, rest[0]) if rest else ("choice", values)
    names = DISTRIBUTIONS[kind]
    # Before the two bounds comes what scales the distribution.
    scaled = len(names) > 2
    if len(values) != len(names) or values[-2] > values[-1] or (scaled and not values[-3]):
        above = f" and {names[-3]} > 0" if scaled else ""
        form = f"({kind!r}, ({', '.join(names)})) in ms with low <= high{above}"
        raise InvalidArgument(argument, value, form)
    low, high = values[-2:]
    if low < high and kind in _MASSES:
        (mass,) = _MASSES[kind](values, np.array([low, high]))
        if not mass > 0:
            allowed = f"a {kind} distribution that has durations from low to high"
            raise InvalidArgument(argument, value, allowed)
    return (kind, values)


def _choice(argument: str, values: Values, weights: object) -> Distribution:
    """A choice with probabilities; what is never chosen is left out."""
    allowed = f"a choice with {len(values)} probabilities, each at least 0, that add up to 1"
    listed = np.asarray(weights, dtype=object)
    if listed.shape != (len(values),):
        raise InvalidArgument(argument, weights, allowed)
    chances = [real_number(argument, chance, allowed) for chance in listed.tolist()]
    if min(chances) < 0 or abs(math.fsum(chances) - 1) > 1e-9:
        raise InvalidArgument(argument, weights, allowed)
    kept = [pair for pair in zip(values, chances, strict=True) if pair[1] > 0]
    return ("choice", tuple(ms for ms, _ in kept), tuple(chance for _, chance in kept))


def _milliseconds(argument: str, value: object) -> float:
    allowed = f"a finite number of ms that is not negative, at most {limits.DURATION_MS:g}"
    is_number = isinstance(value, numbers.Real)
    number = real_number(argument, value, allowed if is_number else "a number of ms")
    if not 0 <= number <= limits.DURATION_MS:
        raise InvalidArgument(argument, value, allowed)
    return number


def draw_steps(
    argument: str, duration: Duration, dt: float, words: Callable[[], NDArray[np.uint64]]
) -> int | NDArray[np.int64]:
    """Draw durations in ms from their distribution, quantised.

    Args:
        argument: Name of the duration for error messages, such as ``timing['delay']``.
        duration: The specification, already checked.
        dt: Time step in ms.
        words: Makes uint64 ``[n]``, uniform random words, one for each duration.

    Returns:
        int64 ``[n]``, steps; a single number where the duration is fixed and nothing is drawn.

    Raises:
        InvalidArgument: A callable returns no duration, or one that is too long.
    """
    if callable(duration):
        streams = (np.random.Generator(np.random.PCG64(int(word))) for word in words())
        drawn = [_milliseconds(argument, duration(rng)) for rng in streams]
        return steps(np.array(drawn, dtype=np.float64), dt, argument)
    if not isinstance(duration, tuple):
        return _fixed_steps(duration, dt)
    kind, values, *chances = duration
    # 53 bits are what a float64 in [0, 1) holds.
    unit = (words() >> np.uint64(11)) * 2.0**-53
    if kind == "uniform":
        return steps(values[0] + unit * (values[1] - values[0]), dt)
    if kind == "choice" and not chances:
        return steps(np.asarray(values)[(unit * len(values)).astype(np.int64)], dt)
    if kind == "steps":
        low, high = step_range(values, dt)
        return low + (unit * (high + 1 - low)).astype(np.int64)
    support, below = _cumulative(duration, dt)
    return support[np.searchsorted(below, unit, side="right")]


@lru_cache(maxsize=256)
def _cumulative(duration: Distribution, dt: float) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """The possible numbers of steps, and the probability of as many or fewer."""
    support, probability = step_distribution(duration, dt)
    # Rounding hides the last-bit differences of mathematical libraries between platforms.
    below = np.round(np.cumsum(probability), 12)
    below[-1] = 1.0
    return support, below


@lru_cache(maxsize=1024)
def _fixed_steps(duration_ms: float, dt: float) -> int:
    return int(steps(duration_ms, dt))


def step_range(range_ms: tuple[float, ...], dt: float) -> tuple[int, int]:
    """Fewest and most whole steps whose length lies in a range of ms.

    Raises:
        InvalidArgument: There are more of them than `modcog.system.limits.PERIOD_STEPS`.
    """
    low, high = range_ms
    if high > limits.PERIOD_STEPS * dt:
        raise InvalidArgument("duration", high, _most_steps(dt))
    return math.ceil(round(low / dt, 9)), math.floor(round(high / dt, 9))


def step_distribution(duration: Duration, dt: float) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Exact distribution of a quantised duration.

    Args:
        duration: A checked duration specification.
        dt: Time step in ms.

    Returns:
        The possible numbers of steps (int64, ascending) and their probabilities (float64).

    Raises:
        InvalidArgument: The duration is a callable, of which nothing can be known without calling.

    Example:
        >>> step_distribution(("uniform", (200, 500)), dt=100)[0]
        array([2, 3, 4, 5])
    """
    if callable(duration):
        allowed = "a number or a distribution for exact statistics"
        raise InvalidArgument("duration", duration, allowed, "Give seq_len as a number instead.")
    if not isinstance(duration, tuple):
        return steps([duration], dt), np.ones(1)
    kind, values, *chances = duration
    if kind == "choice":
        support, counts = np.unique(steps(values, dt), return_counts=True)
        if not chances:
            return support, counts / counts.sum()
        place = np.searchsorted(support, steps(values, dt))
        return support, np.bincount(place, chances[0]) / math.fsum(chances[0])
    if kind == "steps":
        low, high = step_range(values, dt)
        support = np.arange(low, high + 1)
        return support, np.full(support.size, 1 / support.size)
    low_ms, high_ms = values[-2:]
    first, last = (int(k) for k in steps((low_ms, high_ms), dt))
    if high_ms > 0:
        first = max(first, 1)  # exactly 0 ms has no probability, and all above it lasts a step
    if first == last:
        return np.array([first]), np.ones(1)
    support = np.arange(first, last + 1)
    # Step k collects the durations in [(k - 1/2) dt, (k + 1/2) dt); what is below one step goes up.
    edges = np.clip((np.arange(first, last + 2) - 0.5) * dt, low_ms, high_ms)
    edges[0], edges[-1] = low_ms, high_ms
    return support, _MASSES[kind](values, edges)


def _uniform(values: Values, edges: NDArray[Any]) -> NDArray[np.float64]:
    low, high = values
    return np.diff(edges) / (high - low)


def _exponential(values: Values, edges: NDArray[Any]) -> NDArray[np.float64]:
    mean, low, high = values
    reached = np.exp((low - edges[:-1]) / mean)
    return reached * np.expm1(-np.diff(edges) / mean) / np.expm1((low - high) / mean)


def _normal(values: Values, edges: NDArray[Any]) -> NDArray[np.float64]:
    mean, std, low, _ = values
    # From the end where the tail is small, so that far tails keep their digits.
    side = 1.0 if low >= mean else -1.0
    scaled = side * (edges - mean) / (std * math.sqrt(2))
    beyond = np.array([0.5 * math.erfc(x) for x in scaled.tolist()])
    total = np.abs(beyond[-1] - beyond[0])
    return np.abs(np.diff(beyond)) / total if total else np.full(len(edges) - 1, np.nan)


_MASSES: Mapping[str, Callable[[Values, NDArray[Any]], NDArray[np.float64]]] = MappingProxyType(
    {"uniform": _uniform, "exponential": _exponential, "normal": _normal}
)
"""Probability of the parts between edges, the first of which is low and the last high."""


def shortest_ms(duration: Duration) -> float | None:
    """Shortest nominal duration above 0 in ms, None where it is unknown, counted in steps or 0."""
    if callable(duration):
        return None
    if not isinstance(duration, tuple):
        return duration or None
    if duration[0] == "steps":
        return None
    return min((value for value in _extent(duration) if value > 0), default=None)


def longest_ms(duration: Duration) -> float | None:
    """Longest nominal duration in ms, None where it is unknown."""
    if callable(duration):
        return None
    return max(_extent(duration)) if isinstance(duration, tuple) else duration


def _extent(duration: Distribution) -> Values:
    """Durations among which are the shortest and the longest."""
    kind, values, *_ = duration
    return values if kind == "choice" else values[-2:]
