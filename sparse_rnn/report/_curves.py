"""Learning curves, each labelled at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from sparse_rnn.evaluation.history import BURST_RULE, History
from sparse_rnn.report._style import CHANCE_COLOR, TEXT_SIZE, line_style
from sparse_rnn.system.palette import PALE

LABEL_GAP = 0.045
"""Least distance between two labels, as a fraction of the axis."""

BURST_NOTE = f"\N{MULTIPLICATION SIGN} a burst: {BURST_RULE}"


def draw_curves(
    ax: Axes,
    groups: Mapping[str, Sequence[History]],
    series: Sequence[int],
    floors: Mapping[str, float],
) -> None:
    """Draw the mean final accuracy over gradient steps, a line a network, and floors beside them.

    Of several seeds, each is a thin line and their mean a thick one. A cross on the line of a seed
    is a burst of its gradient or loss.

    Args:
        ax: Where to draw.
        groups: The records of each network by its label, one a seed, evaluated at the same steps.
        series: Numbers of the curves' styles (`sparse_rnn.system.palette.series_of`).
        floors: Levels to hold the curves against by their label; the first is that of chance.
    """
    ends: list[float] = []
    last_step, n_bursts = 0.0, 0
    for number, (label, histories) in zip(series, groups.items(), strict=True):
        style = line_style(number)
        curves = [history.curve("final_accuracy") for history in histories]
        steps, values = curves[0][0], np.mean([curve for _, curve in curves], axis=0)
        # A run shorter than one interval between evaluations is a single point.
        marker = "o" if len(steps) == 1 else ""
        ax.plot(steps, values, label=label, marker=marker, clip_on=False, zorder=3, **style)
        for history, (_, own) in zip(histories, curves, strict=True):
            if len(histories) > 1:
                ax.plot(steps, own, label="_seed", zorder=2, **dict(style, linewidth=0.7))
            n_bursts += _mark_bursts(ax, history, (steps, own), style["color"])
        ends.append(float(values[-1]))
        last_step = max(last_step, float(steps[-1]))
    heights = spread([*ends, *floors.values()])
    for label, level in floors.items():
        ax.axhline(level, color=CHANCE_COLOR, linestyle=(0, (5, 3)), linewidth=1.2, label=label)
    for number, label, height in zip(series, groups, heights, strict=False):
        _label(ax, label, height, line_style(number)["color"])
    for (label, level), height in zip(floors.items(), heights[len(groups) :], strict=True):
        _label(ax, f"{label} {level:.2f}", height, CHANCE_COLOR)
    ax.set_xlim(0, last_step)
    ax.set_ylim(0, 1)
    ax.set_yticks(np.linspace(0, 1, 6))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel(f"gradient steps\n{BURST_NOTE}" if n_bursts else "gradient steps")
    ax.set_ylabel("final accuracy on held-out trials, mean over tasks")
    ax.set_title("Learning curves", loc="left", fontsize=TEXT_SIZE + 2)
    ax.grid(axis="y", color=PALE, linewidth=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=TEXT_SIZE)


def _mark_bursts(
    ax: Axes, history: History, curve: tuple[NDArray[np.float64], NDArray[np.float64]], color: str
) -> int:
    """Mark the bursts of a run on its curve; returns how many there are."""
    bursts = history.bursts()
    if bursts.size:
        heights = np.interp(bursts, *curve)
        (marks,) = ax.plot(bursts, heights, "x", label="_bursts", clip_on=False, zorder=4)
        marks.set(color=color, markersize=6)
    return bursts.size


def _label(ax: Axes, text: str, height: float, color: str) -> None:
    ax.annotate(
        text,
        (1, height),
        xycoords="axes fraction",
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        color=color,
        fontsize=TEXT_SIZE,
        annotation_clip=False,
    )


def spread(heights: Sequence[float], gap: float = LABEL_GAP) -> list[float]:
    """Move labels apart until none is closer to its neighbour than the gap.

    Args:
        heights: Where the labels belong, as fractions of the axis.
        gap: Least distance between two of them.

    Returns:
        Heights in the order of the argument, the vertical order kept. Labels that are too close
        share their displacement evenly.

    Example:
        >>> [round(height, 2) for height in spread([0.50, 0.52, 0.9], gap=0.1)]
        [0.46, 0.56, 0.9]
    """
    order = np.argsort(heights, kind="stable")
    # With the gaps taken out, "apart by a gap" reads "ascending", and the closest ascending
    # heights are found by pooling neighbours that descend.
    slots = np.arange(len(heights)) * gap
    blocks: list[list[float]] = []
    for value in np.asarray(heights, dtype=float)[order] - slots:
        blocks.append([float(value)])
        while len(blocks) > 1 and np.mean(blocks[-2]) > np.mean(blocks[-1]):
            blocks[-2:] = [blocks[-2] + blocks[-1]]
    pooled = np.concatenate([[np.mean(block)] * len(block) for block in blocks]) + slots
    spaced = np.empty(len(heights))
    spaced[order] = pooled
    return [float(height) for height in spaced]
