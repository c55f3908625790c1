"""The one style of the paper's figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from benchmarks.paper._learning import Curves
from benchmarks.paper._statistics import SHARE, Sample
from sparse_rnn.analysis.figures._style import SIGNED
from sparse_rnn.report._style import (
    ACCURACY_MAP,
    CHANCE_COLOR,
    PALETTE as PALETTE,
    TEXT_SIZE,
    line_style as line_style,
)
from sparse_rnn.system.palette import INK as INK, PAPER as PAPER

DENSE = {"color": INK, "linestyle": "--", "linewidth": 2}
"""How the dense network looks wherever it is the thing compared with."""

BAND = 0.18
"""Opacity of an interval."""

SEQUENTIAL = ACCURACY_MAP
DIVERGING = SIGNED


def panels(
    n_rows: int = 1, n_columns: int = 1, size: tuple[float, float] = (4.2, 3.2), **options: Any
) -> tuple[Figure, NDArray[Any]]:
    """A figure of equal panels.

    Args:
        n_rows: Rows.
        n_columns: Columns.
        size: Width and height of a panel in inches.
        **options: As for `Figure.subplots`.

    Returns:
        The figure and its axes ``[rows, columns]``.
    """
    figure = Figure(figsize=(size[0] * n_columns, size[1] * n_rows), layout="constrained")
    axes = figure.subplots(n_rows, n_columns, squeeze=False, **options)
    for ax in axes.ravel():
        plain(ax)
    return figure, axes


def plain(ax: Axes) -> None:
    """Take away what a plot does not need."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=TEXT_SIZE)


def title(ax: Axes, text: str) -> None:
    """Write a panel's title."""
    ax.set_title(text, loc="left", fontsize=TEXT_SIZE + 1)


def labels(ax: Axes, x: str, y: str) -> None:
    """Name the axes."""
    ax.set_xlabel(x, fontsize=TEXT_SIZE)
    ax.set_ylabel(y, fontsize=TEXT_SIZE)


def graded(values: Sequence[float]) -> list[dict[str, Any]]:
    """Line styles for ordered values, dark to light; the lightest colours are left out."""
    places = np.linspace(0, 0.88, max(len(values), 2))
    colours = [to_hex(colormaps[SEQUENTIAL](place)) for place in places]
    return [{"color": colours[i], "linewidth": 2} for i in range(len(values))]


def learning(ax: Axes, found: Curves, styles: Mapping[str, Mapping[str, Any]]) -> None:
    """Draw learning curves: the mean over seeds and its 95 % interval.

    Args:
        ax: Where to draw.
        found: The curves by label.
        styles: Line style by label.
    """
    for label, one in found.items():
        style = dict(styles[label])
        mean = one.values.mean(axis=0)
        marker = "o" if len(one.steps) == 1 else ""
        ax.plot(one.steps, mean, label=label, marker=marker, **style)
        seeds = range(len(one.values))
        ends = [Sample.of(seeds, column, SHARE).interval() for column in one.values.T]
        low, high = np.array(ends).T
        ax.fill_between(one.steps, low, high, color=style["color"], alpha=BAND, linewidth=0)
    ax.set_ylim(0, 1)
    ax.set_xlim(left=0)
    labels(ax, "gradient steps", "performance, mean over tasks")


def whole_ticks(ax: Axes) -> None:
    """Put ticks of the x axis at whole numbers only."""
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))


def legend(ax: Axes, **options: Any) -> None:
    """Explain the lines, without a frame; where nothing has run yet there are none."""
    if ax.get_legend_handles_labels()[0]:
        ax.legend(frameon=False, fontsize=TEXT_SIZE - 1, **options)


def spreads(samples: Sequence[Sample]) -> list[list[float]]:
    """How far intervals reach below and above their means ``[2][samples]``; 0 for a single seed."""
    ends = [(sample.mean, *sample.interval()) for sample in samples]
    below = [0.0 if np.isnan(low) else mean - low for mean, low, _ in ends]
    return [below, [0.0 if np.isnan(high) else high - mean for mean, _, high in ends]]


def points(ax: Axes, x: Sequence[float], samples: Sequence[Sample], **style: Any) -> None:
    """Draw means with their 95 % intervals, joined by a line; samples without a run are skipped."""
    pairs = [(at, sample) for at, sample in zip(x, samples, strict=True) if sample.n]
    if not pairs:
        return
    means = [sample.mean for _, sample in pairs]
    where = [at for at, _ in pairs]
    spread = spreads([sample for _, sample in pairs])
    ax.errorbar(where, means, yerr=spread, capsize=2, marker="o", markersize=4, **style)


def across(ax: Axes, samples: Sequence[Sample], heights: Sequence[float], **style: Any) -> None:
    """Draw means with their 95 % intervals from left to right, each at its height."""
    if samples:
        means = [sample.mean for sample in samples]
        ax.errorbar(means, heights, xerr=spreads(samples), fmt="o", capsize=2, ms=4, **style)


def bars(ax: Axes, samples: Mapping[str, Sample], colours: Sequence[str] = PALETTE) -> None:
    """Draw a bar with its interval and its seeds for each sample."""
    for place, (_, sample) in enumerate(samples.items()):
        if not sample.n:
            continue
        colour = colours[place % len(colours)]
        ax.bar(
            place,
            sample.mean,
            yerr=spreads([sample]),
            color=colour,
            alpha=0.75,
            width=0.7,
            capsize=3,
        )
        values = list(sample.by_seed.values())
        ax.plot([place] * len(values), values, ".", color=INK, markersize=4)
    ax.set_xticks(range(len(samples)), list(samples), rotation=30, ha="right")
    ax.tick_params(labelsize=TEXT_SIZE)


def level(ax: Axes, height: float, text: str) -> None:
    """Draw a horizontal line with a name, such as a chance level."""
    ax.axhline(height, color=CHANCE_COLOR, linestyle=(0, (5, 3)), linewidth=1.2)
    ax.annotate(
        text,
        (1, height),
        xycoords=("axes fraction", "data"),
        xytext=(-2, 3),
        textcoords="offset points",
        ha="right",
        color=CHANCE_COLOR,
        fontsize=TEXT_SIZE - 1,
    )


def grid(
    ax: Axes,
    values: NDArray[np.float64],
    rows: Sequence[str],
    columns: Sequence[str],
    **options: Any,
) -> Any:
    """Draw a table of numbers as coloured cells; NaN is left white.

    Returns:
        The image, for a colour bar.
    """
    image = ax.imshow(np.ma.masked_invalid(values), aspect="auto", **options)
    ax.set_xticks(range(len(columns)), columns, fontsize=TEXT_SIZE)
    ax.set_yticks(range(len(rows)), rows, fontsize=TEXT_SIZE)
    ax.spines[:].set_visible(False)
    for (i, j), value in np.ndenumerate(values):
        if np.isfinite(value):
            red, green, blue, opacity = image.cmap(image.norm(value))
            # What is transparent shows the paper.
            dark = 1 - opacity * (1 - (0.3 * red + 0.59 * green + 0.11 * blue)) < 0.5
            text = f"{value:+.2f}" if options.get("cmap") == DIVERGING else f"{value:.2f}"
            ax.text(
                j,
                i,
                text,
                ha="center",
                va="center",
                fontsize=TEXT_SIZE - 1,
                color=PAPER if dark else INK,
            )
    return image
