"""What the figures share: sizes, maps of colours, plain axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.colors import LinearSegmentedColormap, ListedColormap, Normalize, to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from sparse_rnn.data import angle_colors
from sparse_rnn.system.palette import AMOUNT as AMOUNT, GREY, NEGATIVE, POSITIVE

TEXT_SIZE = 9

SIGNED = LinearSegmentedColormap.from_list(
    "signed",
    [
        (0.0, (*to_rgb(NEGATIVE), 1.0)),
        (0.5, (*to_rgb(NEGATIVE), 0.0)),
        (0.5, (*to_rgb(POSITIVE), 0.0)),
        (1.0, (*to_rgb(POSITIVE), 1.0)),
    ],
)
"""Map of signed values: cold below 0, transparent at 0, warm above."""

CYCLE = ListedColormap(angle_colors(2 * np.pi * np.arange(256) / 256))
"""Map of directions from 0 to 360 degrees: each has the colour that it has in all pictures."""

DEGREES = Normalize(0, 360)

_MOST_NAMES = 45
"""Axes with more ticks show a part of their names."""


def new_figure(width_in: float, height_in: float) -> Figure:
    """An empty figure whose parts keep clear of each other."""
    layout = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08)
    return Figure(figsize=(width_in, height_in), layout=layout)


def colors(n: int) -> list[tuple[float, float, float, float]]:
    """As many colours as there are clusters; neighbours differ."""
    if n <= 10:
        return [colormaps["tab10"](i) for i in range(n)]
    if n <= 20:
        return [colormaps["tab20"](i) for i in range(n)]
    # Steps of a bit less than the golden share of the circle: neighbours are far apart.
    return [colormaps["hsv"]((0.618 * i) % 1.0) for i in range(n)]


def direction_color(degrees: float) -> str:
    """Colour of a direction; grey for none."""
    if np.isnan(degrees):
        return GREY
    return to_hex(CYCLE(DEGREES(degrees % 360)))


def direction_bar(figure: Figure, axes: Sequence[Axes], label: str) -> None:
    """The key to the colours of directions, whose numbers grow to the right."""
    bar = figure.colorbar(
        ScalarMappable(DEGREES, CYCLE), ax=list(axes), shrink=0.8, ticks=[0, 90, 180, 270, 360]
    )
    bar.ax.set_yticklabels(["0°", "90°", "180°", "270°", "360°"])
    bar.set_label(label, fontsize=TEXT_SIZE - 1)
    bar.ax.tick_params(labelsize=TEXT_SIZE - 1)


def key(figure: Figure, image: ScalarMappable, **place: Any) -> Colorbar:
    """A colour bar; as one picture, as the seams between transparent pieces would show."""
    bar = figure.colorbar(image, **place)
    if bar.solids is not None:
        bar.solids.set_rasterized(True)
    bar.ax.tick_params(labelsize=TEXT_SIZE - 1)
    return bar


def plain(ax: Axes, title: str, x: str = "", y: str = "") -> None:
    """Title at the left, labels, and no lines where there is nothing to read off."""
    ax.set_title(title, loc="left", fontsize=TEXT_SIZE + 1)
    ax.set_xlabel(x, fontsize=TEXT_SIZE)
    ax.set_ylabel(y, fontsize=TEXT_SIZE)
    ax.tick_params(labelsize=TEXT_SIZE - 1)
    ax.spines[["top", "right"]].set_visible(False)


def named_ticks(
    ax: Axes, names: Sequence[str], *, x: bool = False, y: bool = False, most: int = _MOST_NAMES
) -> None:
    """Names at the ticks 0, 1, 2, ...; of more than `most` only some."""
    every = -(-len(names) // most)
    places, shown = list(range(0, len(names), every)), list(names[::every])
    size = 7 if len(names) > 24 or most < _MOST_NAMES else TEXT_SIZE - 1
    if y:
        ax.set_yticks(places, shown, fontsize=size)
    if x:
        ax.set_xticks(places, shown, fontsize=size, rotation=90)


def rows_in(n: int, each: float = 0.17, least: float = 2.6, most: float = 9.0) -> float:
    """Height in inches of an axis with a name a row."""
    return min(max(each * n, least), most)
