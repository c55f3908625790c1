"""Colours: told apart, and the same in figures and pages."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from matplotlib.colors import to_hex, to_rgb

from modcog.plotting.palette import direction_colors
from sparse_rnn import report
from sparse_rnn.analysis.figures import _style
from sparse_rnn.masks import MASKS
from sparse_rnn.system import palette

ASSETS = Path(report.__file__).parent / "assets"


def luminance(color: object) -> float:
    rgb = np.array(to_rgb(color))  # pyright: ignore[reportArgumentType]
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_every_mask_family_has_a_colour_or_dashes_of_its_own() -> None:
    assert set(palette.ARCHITECTURES) == set(MASKS)
    assert len(set(palette.ARCHITECTURES.values())) == len(MASKS)


def test_networks_have_the_colour_of_their_family_whatever_the_order() -> None:
    assert palette.series_of(["dense", "locality", "random"]) == [6, 0, 1]
    assert palette.series_of(["random", "dense"]) == [1, 6]
    assert palette.series_of(["random", "random", "dense"]) == [0, 1, 2]
    assert palette.series_of(["of my own", "dense"]) == [0, 1]


def test_signed_values_are_paper_at_0_cold_below_and_warm_above() -> None:
    assert to_hex(_style.SIGNED(0.5)) == palette.PAPER
    for share in np.linspace(0.05, 0.5, 10):
        red, _, blue = _style.SIGNED(0.5 - share)[:3]
        assert blue > red
        red, _, blue = _style.SIGNED(0.5 + share)[:3]
        assert red > blue
    below = [luminance(_style.SIGNED(value)) for value in np.linspace(0, 0.5, 30)]
    above = [luminance(_style.SIGNED(value)) for value in np.linspace(1, 0.5, 30)]
    assert below == sorted(below)
    assert above == sorted(above)


def test_directions_have_the_colours_of_the_tasks() -> None:
    colors = [_style.direction_color(360 * k / 16) for k in range(16)]
    for ours, theirs in zip(colors, direction_colors(16), strict=True):
        np.testing.assert_allclose(to_rgb(ours), to_rgb(theirs), atol=0.02)
    assert _style.direction_color(float("nan")) == palette.GREY


def test_pages_have_the_colours_of_the_figures() -> None:
    style = (ASSETS / "page.css").read_text(encoding="utf-8")
    light = style[: style.index("@media")]
    shown = dict(re.findall(r"--(s\d): (#\w{6})", light))
    assert len(shown) == len(palette.SERIES)
    for number, color in enumerate(palette.SERIES[:3]):
        assert shown[f"s{number}"] == color
    for number, color in enumerate(palette.SERIES):
        # Pale ones are darker on the page, where they are lines on paper, and ink is its ink.
        np.testing.assert_allclose(to_rgb(shown[f"s{number}"]), to_rgb(color), atol=0.19)
