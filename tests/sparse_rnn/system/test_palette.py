"""Colours: told apart, and the same in figures and pages."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb

from modcog.plotting import palette as of_tasks
from modcog.plotting.palette import direction_colors
from modcog.plotting.trial import INPUT_MAP
from sparse_rnn import report
from sparse_rnn.analysis.figures import _style
from sparse_rnn.masks import MASKS
from sparse_rnn.system import palette

ROOT = Path(__file__).parents[3]
ASSETS = Path(report.__file__).parent / "assets"


def test_every_mask_family_has_a_colour_or_dashes_of_its_own() -> None:
    assert set(palette.ARCHITECTURES) == set(MASKS)
    assert len(set(palette.ARCHITECTURES.values())) == len(MASKS)


def test_networks_have_the_colour_of_their_family_whatever_the_order() -> None:
    assert palette.series_of(["dense", "locality", "random"]) == [6, 0, 1]
    assert palette.series_of(["random", "dense"]) == [1, 6]
    assert palette.series_of(["random", "random", "dense", "random"]) == [1, 0, 6, 2]
    assert palette.series_of(["of my own", "dense"]) == [0, 6]
    assert len(set(palette.series_of(["locality"] * 9 + list(MASKS)))) == 9 + len(MASKS)


def test_signed_values_are_transparent_at_0_cold_below_and_warm_above() -> None:
    for signed in (_style.SIGNED, INPUT_MAP):
        assert signed(0.5)[3] == pytest.approx(0, abs=0.01)  # The background shows.
        assert to_hex(signed(0.0)) == palette.NEGATIVE
        assert to_hex(signed(1.0)) == palette.POSITIVE
        for side, color in ((-1, palette.NEGATIVE), (1, palette.POSITIVE)):
            shades = np.array([signed(0.5 + side * share) for share in np.linspace(0.02, 0.5, 30)])
            np.testing.assert_allclose(shades[:, :3] - to_rgb(color), 0, atol=0.01)
            assert (np.diff(shades[:, 3]) > 0).all()


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


def test_both_packages_have_one_convention() -> None:
    for name in ("NEGATIVE", "POSITIVE", "PAPER", "AMOUNT", "DENSITY"):
        assert getattr(palette, name) == getattr(of_tasks, name)
    script = (ROOT / "modcog/explore/page/palette.js").read_text(encoding="utf-8")
    assert f'SIGNS = ["{palette.NEGATIVE}", "{palette.POSITIVE}"]' in script


LITERAL = re.compile(r"#[0-9a-fA-F]{6}\b|#[0-9a-fA-F]{3}\b(?=[\"';])")
NAMED = re.compile(r"\w*color=\"(?!none)[a-z]+\"|cmap=\"\w+\"|colormaps\[\"(?!tab10|tab20|hsv)")
HOMES = (
    "modcog/plotting/palette.py",
    "modcog/explore/page/palette.js",
    "sparse_rnn/system/palette.py",
    "docs/tools/trained.py",  # those of the host's pages, which the animation stands on
)
CODE = ("modcog", "sparse_rnn", "benchmarks", "docs")


def test_no_colour_stands_outside_the_palettes() -> None:
    found: list[str] = []
    for path in (path for room in CODE for path in (ROOT / room).rglob("*")):
        name = path.relative_to(ROOT).as_posix()
        if name in HOMES or path.suffix not in (".py", ".css", ".js"):
            continue
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".css":
            # A style sheet names its colours at its head, for light and dark, and uses the names.
            text = re.sub(r"--[\w-]+:[^;]*;", "", text)
        found += [f"{name}: {one[0]}" for one in LITERAL.finditer(text)]
        found += [f"{name}: {one[0]}" for one in NAMED.finditer(text) if path.suffix == ".py"]
    assert found == [], "\n".join(found)
