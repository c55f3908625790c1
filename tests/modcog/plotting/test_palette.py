"""Direction colours can be told apart, also by readers with red-green blindness."""

from __future__ import annotations

import re

import numpy as np
import pytest

from modcog.plotting.palette import angle_colors, direction_colors

# Dichromacy as a linear map of linear sRGB: Machado, Oliveira & Fernandes (2009), severity 1.
SEEN_BY = {
    "trichromats": np.eye(3),
    "deuteranopes": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "protanopes": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
}


def cielab(rgb: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """CIE L*a*b* (D65) of sRGB colours, after a linear map of linear light."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ seen.T
    to_xyz = np.array(
        [
            [0.4124564, 0.3575761, 0.1804375],
            [0.2126729, 0.7151522, 0.0721750],
            [0.0193339, 0.1191920, 0.9503041],
        ]
    )
    xyz = np.clip(linear, 0, 1) @ to_xyz.T / [0.95047, 1.0, 1.08883]
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack(
        [116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1
    )


@pytest.mark.parametrize("reader", SEEN_BY)
def test_directions_that_are_not_neighbours_look_different(reader: str) -> None:
    lab = cielab(angle_colors(2 * np.pi * np.arange(16) / 16), SEEN_BY[reader])
    difference = np.linalg.norm(lab[:, None] - lab[None], axis=-1)
    apart = np.abs((np.arange(16)[:, None] - np.arange(16) + 8) % 16 - 8)
    # A difference of 2.3 is just seen (Mahy et al. 1994); the limits are well above it.
    assert difference[apart == 1].min() > 4
    assert difference[apart >= 2].min() > 10
    assert difference[apart >= 4].min() > 20


def test_colours_are_even_and_close_the_circle() -> None:
    lab = cielab(angle_colors(2 * np.pi * np.arange(64) / 64), np.eye(3))
    steps = np.linalg.norm(np.roll(lab, -1, axis=0) - lab, axis=1)
    assert steps.max() < 3 * steps.min()


def test_finer_rings_have_the_same_colours() -> None:
    assert direction_colors(32)[::2] == direction_colors(16)
    assert all(re.fullmatch("#[0-9a-f]{6}", color) for color in direction_colors(16))
