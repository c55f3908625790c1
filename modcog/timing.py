"""Durations in milliseconds and their quantisation to time steps.

A duration is a number of ms, ``("uniform", (low, high))`` in ms, ``("choice", (a, b, ...))`` in
ms, ``("steps", (low, high))`` (uniform over the whole numbers of steps whose length lies in the
given range in ms), or a callable that takes a `numpy.random.Generator` and returns ms.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modcog.errors import InvalidArgument, real_number, unknown_name
from modcog.system import limits

Distribution = tuple[str, tuple[float, ...]]
Duration = float | Distribution | Callable[[np.random.Generator], float]

DISTRIBUTIONS = ("uniform", "choice", "steps")


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
    if not (isinstance(value, tuple | list) and len(cast("Sequence[Any]", value)) == 2):
        allowed = "a number of ms, ('uniform', (low, high)), ('choice', [...]) or a callable"
        raise InvalidArgument(argument, value, allowed)
    kind, listed = cast("tuple[Any, Any]", value)
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
        return ("choice", values)
    if len(values) != 2 or values[0] > values[1]:
        raise InvalidArgument(argument, value, f"({kind!r}, (low, high)) in ms with low <= high")
    return (str(kind), values)


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
    """Draw durations: first in ms from their distribution, then quantised.

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
    kind, values = duration
    # 53 bits are what a float64 in [0, 1) holds.
    unit = (words() >> np.uint64(11)) * 2.0**-53
    if kind == "uniform":
        return steps(values[0] + unit * (values[1] - values[0]), dt)
    if kind == "choice":
        return steps(np.asarray(values)[(unit * len(values)).astype(np.int64)], dt)
    low, high = step_range(values, dt)
    return low + (unit * (high + 1 - low)).astype(np.int64)


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
    kind, values = duration
    if kind == "choice":
        support, counts = np.unique(steps(values, dt), return_counts=True)
        return support, counts / counts.sum()
    if kind == "steps":
        low, high = step_range(values, dt)
        support = np.arange(low, high + 1)
        return support, np.full(support.size, 1 / support.size)
    low_ms, high_ms = values
    first, last = (int(k) for k in steps(values, dt))
    if high_ms > 0:
        first = max(first, 1)  # exactly 0 ms has no probability, and all above it lasts a step
    if first == last:
        return np.array([first]), np.ones(1)
    support = np.arange(first, last + 1)
    # Step k collects the durations in [(k - 1/2) dt, (k + 1/2) dt); what is below one step goes up.
    edges = np.clip((np.arange(first, last + 2) - 0.5) * dt, low_ms, high_ms)
    edges[0], edges[-1] = low_ms, high_ms
    return support, np.diff(edges) / (high_ms - low_ms)


def shortest_ms(duration: Duration) -> float | None:
    """Shortest nominal duration above 0 in ms, None where it is unknown, counted in steps or 0."""
    if callable(duration):
        return None
    if not isinstance(duration, tuple):
        return duration or None
    kind, values = duration
    if kind == "steps":
        return None
    return min((value for value in values if value > 0), default=None)


def longest_ms(duration: Duration) -> float | None:
    """Longest nominal duration in ms, None where it is unknown."""
    if callable(duration):
        return None
    return max(duration[1]) if isinstance(duration, tuple) else duration
