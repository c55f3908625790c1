"""The ring of directions: angles, activity bumps, distances and displacements.

Directions are numbered 0..n-1 and lie at the angles ``2 pi k / n``. What left and right are is
decided by `SIDES`: words, signs and drawings follow it, here and in the documents.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modcog.errors import InvalidArgument, real_number
from modcog.system import limits

Direction = Literal["L", "R"]

VELOCITY = 5 * math.pi / 4
"""Default angular velocity of both modifiers in rad/s: 10 ring units per second at n = 16."""

BUMP_WIDTH = math.pi / 8
"""Default standard deviation of the activity bump in rad (Yang et al. 2019, Methods)."""

BUMP_HEIGHT = 0.8
"""Default peak of a bump of strength 1 (Yang et al. 2019, Methods)."""


class Side(NamedTuple):
    """One of the two ways around the ring.

    Attributes:
        word: What texts call it.
        sign: Of its displacements and velocities, in ring units, rad and degrees alike.
        turn: How it goes where the ring is drawn, with direction 0 at three o'clock.
    """

    word: str
    sign: int
    turn: str


SIDES: Mapping[str, Side] = MappingProxyType(
    {"L": Side("left", -1, "clockwise"), "R": Side("right", 1, "counter-clockwise")}
)
"""Left and right by the letter that task names have; docs/concepts/ring.md says the same."""

_NUMBERS = {1.0: "one unit", 2.0: "two units", 3.0: "three units", 4.0: "four units"}


def check_dim_ring(dim_ring: object) -> int:
    """Return `dim_ring` as an int, or refuse it.

    Raises:
        InvalidArgument: `dim_ring` is not a multiple of 4 from 4 to `modcog.system.limits.RING`.
            Anti needs the opposite direction, the decision tasks need quarter turns, so other sizes
            have no exact task.
    """
    allowed = f"a multiple of 4 that is at least 4 and at most {limits.RING}"
    if isinstance(dim_ring, bool) or not isinstance(dim_ring, int | np.integer):
        raise InvalidArgument("dim_ring", dim_ring, allowed)
    if not 4 <= dim_ring <= limits.RING or dim_ring % 4:
        raise InvalidArgument("dim_ring", dim_ring, allowed)
    return int(dim_ring)


def sign_of(direction: object) -> int:
    """Return +1 for "R" and -1 for "L".

    Raises:
        InvalidArgument: `direction` is neither.
    """
    if isinstance(direction, str) and direction in SIDES:
        return SIDES[direction].sign
    raise InvalidArgument("direction", direction, "'L' or 'R'")


def to_the_side(degrees: float) -> str:
    """A displacement in words: how many degrees, to which side.

    Example:
        >>> to_the_side(-67.5), to_the_side(45.0), to_the_side(0.0)
        ('67.5° to the left', '45° to the right', '0°')
    """
    return f"{abs(degrees):g}°" + (f" to the {_word(degrees)}" if degrees else "")


def drift_in_words(velocity: float) -> str:
    """A drift in words: to which side, how many degrees a second.

    Args:
        velocity: Signed angular velocity in rad/s, not 0.

    Example:
        >>> drift_in_words(VELOCITY), drift_in_words(-VELOCITY)
        ('drifts right by 225° a second', 'drifts left by 225° a second')
    """
    return f"drifts {_word(velocity)} by {abs(round(math.degrees(velocity), 6)):g}° a second"


def _word(signed: float) -> str:
    return next(side.word for side in SIDES.values() if side.sign * signed > 0)


def directions(dim_ring: int) -> NDArray[np.float64]:
    """Angles of the ring directions.

    Returns:
        float64 ``[dim_ring]`` in rad, from 0 up to (not including) 2 pi.
    """
    return 2 * np.pi * np.arange(dim_ring) / dim_ring


def circular_distance(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Unsigned angle between two directions, elementwise.

    Args:
        a: Angles in rad, any shape.
        b: Angles in rad, broadcastable to `a`.

    Returns:
        float64 in [0, pi] rad.
    """
    difference = np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)
    return np.abs((difference + np.pi) % (2 * np.pi) - np.pi)


def check_bump_width(width: object) -> float:
    """Return the standard deviation of a bump in rad as a float.

    Raises:
        InvalidArgument: Not a number of rad from 0.001 to 1000.
    """
    allowed = "a number of rad from 0.001 to 1000"
    number = real_number("bump_width", width, allowed)
    if not 1e-3 <= number <= 1e3:
        raise InvalidArgument("bump_width", width, allowed)
    return number


def check_bump_height(height: object) -> float:
    """Return the peak of a bump of strength 1 as a float.

    Raises:
        InvalidArgument: Not a number above 0, or above `modcog.system.limits.LEVEL`.
    """
    allowed = f"a finite number above 0, at most {limits.LEVEL:g}"
    number = real_number("bump_height", height, allowed)
    if not 0 < number <= limits.LEVEL:
        raise InvalidArgument("bump_height", height, allowed)
    return number


@lru_cache(maxsize=64)
def bumps(
    dim_ring: int, width: float = BUMP_WIDTH, height: float = BUMP_HEIGHT
) -> NDArray[np.float64]:
    """Activity bumps of strength 1, one row a location; the table is shared and read-only.

    Args:
        dim_ring: Number of ring directions.
        width: Standard deviation of a bump in rad; a finer ring samples the same bump more densely.
        height: Its peak.

    Returns:
        float64 ``[dim_ring, dim_ring]``: row k is the ring input of a stimulus at direction k.
    """
    theta = directions(dim_ring)
    distance = circular_distance(theta[:, None], theta[None, :])
    table = height * np.exp(-0.5 * (distance / width) ** 2)
    table.flags.writeable = False
    return table


def units(ring_units: ArrayLike) -> NDArray[np.int64]:
    """Quantise a non-negative displacement in ring units: nearest, half up.

    The inner rounding removes floating-point dust, so that 0.5 computed as 0.49999999999 still
    goes up. Signs are applied afterwards by the caller: L is then the exact mirror image of R.
    """
    value = np.asarray(ring_units, dtype=np.float64)
    return np.floor(np.round(value, 9) + 0.5).astype(np.int64)


def units_per_second(velocity: float, dim_ring: int) -> float:
    """Convert a velocity in rad/s to ring units per second."""
    return abs(velocity) * dim_ring / (2 * math.pi)


def displacement(velocity: float, duration_ms: ArrayLike, dim_ring: int) -> NDArray[np.int64]:
    """Ring units travelled in a time: ``m(tau)`` of the Mod-Cog modifiers.

    Args:
        velocity: Angular velocity in rad/s; only its magnitude counts.
        duration_ms: Time in ms, any shape.
        dim_ring: Number of ring directions.

    Returns:
        int64, the non-negative displacement in ring units, at most half a unit from the
        continuous one.

    Example:
        >>> displacement(VELOCITY, [0, 20, 100, 350, 1100], dim_ring=16)
        array([ 0,  0,  1,  4, 11])
    """
    seconds = np.asarray(duration_ms, dtype=np.float64) / 1000
    return units(units_per_second(velocity, dim_ring) * seconds)


def check_velocity(argument: str, velocity: object) -> float:
    """Return an angular velocity in rad/s as a float.

    Raises:
        InvalidArgument: Not a finite number above 0; the direction says which way.
    """
    allowed = (
        "a finite number of rad/s above 0 (the direction L or R gives the sign), at most "
        f"{limits.VELOCITY:g}"
    )
    number = real_number(argument, velocity, allowed)
    if not 0 < number <= limits.VELOCITY:
        raise InvalidArgument(argument, velocity, allowed)
    return number


def units_per_100_ms(velocity: float, dim_ring: int) -> str:
    """How far a velocity in rad/s leads in 100 ms, in words.

    Example:
        >>> units_per_100_ms(VELOCITY, dim_ring=16)
        'one unit'
    """
    moved = round(units_per_second(velocity, dim_ring) / 10, 3)
    return _NUMBERS.get(moved, f"{moved:g} units")
