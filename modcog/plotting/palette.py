"""Every colour of the pictures of tasks, once: directions, signs, ink.

Each ring direction has one colour, the same in every picture of this project. The colours run once
around a hue circle, so that direction n - 1 is next to direction 0. The axis that red-green
blindness removes, green to red, is also an axis from dark to light: readers who do not see the one
see the other. The circle lies in the colour space OKLab (Ottosson 2020,
https://bottosson.github.io/posts/oklab/), in which equal distances look alike.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

NEGATIVE, POSITIVE = "#0072b2", "#d55e00"
"""Signs: values below 0 are cold and those above it warm, the paler the nearer to 0.

They are of Okabe & Ito (2008). 0 itself is no colour: the background shows through.
"""

INK, SOFT, RULE, PAPER = "#222222", "#666666", "#888888", "#ffffff"
"""Lines and text, those of less weight, thin lines that mark times, and the background."""

PALE = "#d9d9d9"
"""What something is compared with."""

NOTHING = "#f2f2f2"
"""Places where there is nothing, and the label "fixate" of an answer to come."""

DUE = "#fff3c4"
"""The time in which an answer is due."""

DENSITY = "Greys"
"""matplotlib's map of how much of something there is in a place: none is the paper."""

BRAND = "#00597d"
"""The badges and the site."""

AMOUNT = "cividis"
"""matplotlib's map of amounts such as activity; `modcog.explore` has it in palette.js."""

LIGHTNESS = 0.59
"""Mean lightness of the circle in OKLab, from 0 (black) to 1 (white)."""

LIGHTNESS_SWING = 0.17
"""How much lighter the reddest direction is than the mean, and how much darker the greenest."""

CHROMA = 0.12
"""Radius of the circle in OKLab; the greenest directions reach the limit of what screens show."""

_TO_CONE = np.array(
    [
        [1.0, 0.3963377774, 0.2158037573],
        [1.0, -0.1055613458, -0.0638541728],
        [1.0, -0.0894841775, -1.2914855480],
    ]
)
_TO_RGB = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)


def angle_colors(angle: ArrayLike) -> NDArray[np.float64]:
    """Colours of angles.

    Args:
        angle: Angles in rad, of any shape.

    Returns:
        float64 ``[..., 3]``: red, green and blue from 0 to 1 (sRGB), as matplotlib takes them.

    Example:
        >>> from modcog.plotting.palette import angle_colors
        >>> angle_colors([0.0, 3.14]).shape
        (2, 3)
    """
    theta = np.asarray(angle, dtype=np.float64)
    lab = np.stack(
        [
            LIGHTNESS + LIGHTNESS_SWING * np.sin(theta),
            CHROMA * np.sin(theta),
            CHROMA * np.cos(theta),
        ],
        axis=-1,
    )
    linear = np.clip((lab @ _TO_CONE.T) ** 3 @ _TO_RGB.T, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


@cache
def direction_colors(dim_ring: int) -> tuple[str, ...]:
    """Colour of each ring direction as "#rrggbb".

    Example:
        >>> from modcog.plotting.palette import direction_colors
        >>> len(direction_colors(16)), direction_colors(16)[4] == direction_colors(32)[8]
        (16, True)
    """
    rgb = np.round(255 * angle_colors(2 * np.pi * np.arange(dim_ring) / dim_ring)).astype(int)
    return tuple(f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in rgb)
