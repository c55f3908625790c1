"""What the figures share: sizes, colours that colour-blind readers can tell apart, plain axes."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

TEXT_SIZE = 9
BLUE, ORANGE, GREEN, GREY = "#0072b2", "#d55e00", "#009e73", "#595959"  # Okabe & Ito
AMOUNT = "cividis"
"""Map of amounts: evenly graded, and the same to readers with red-green blindness."""

SIGNED = "PuOr"
"""Map of signed values, white at 0."""

CYCLE = "twilight"
"""Map of angles: its ends meet."""

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


def plain(ax: Axes, title: str, x: str = "", y: str = "") -> None:
    """Title at the left, labels, and no lines where there is nothing to read off."""
    ax.set_title(title, loc="left", fontsize=TEXT_SIZE + 1)
    ax.set_xlabel(x, fontsize=TEXT_SIZE)
    ax.set_ylabel(y, fontsize=TEXT_SIZE)
    ax.tick_params(labelsize=TEXT_SIZE - 1)
    ax.spines[["top", "right"]].set_visible(False)


def named_ticks(ax: Axes, names: Sequence[str], *, x: bool = False, y: bool = False) -> None:
    """Names at the ticks 0, 1, 2, ...; only some of many."""
    every = -(-len(names) // _MOST_NAMES)
    places, shown = list(range(0, len(names), every)), list(names[::every])
    size = 7 if len(names) > 24 else TEXT_SIZE - 1
    if y:
        ax.set_yticks(places, shown, fontsize=size)
    if x:
        ax.set_xticks(places, shown, fontsize=size, rotation=90)


def rows_in(n: int, each: float = 0.17, least: float = 2.6, most: float = 9.0) -> float:
    """Height in inches of an axis with a name a row."""
    return min(max(each * n, least), most)
