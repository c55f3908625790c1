"""Learning curves, each labelled at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from sparse_rnn.metrics import History
from sparse_rnn.report._style import CHANCE_COLOR, TEXT_SIZE, line_style

LABEL_GAP = 0.045
"""Least distance between two labels, as a fraction of the axis."""


def draw_curves(ax: Axes, histories: Mapping[str, History], chance: float) -> None:
    """Draw the mean final accuracy over gradient steps, a line a network, and the mean chance.

    Args:
        ax: Where to draw.
        histories: The records of each network by its label.
        chance: Mean chance level of the tasks.
    """
    ends: list[float] = []
    last_step = 0.0
    for index, (label, history) in enumerate(histories.items()):
        steps, values = history.curve("final_accuracy")
        style = line_style(index)
        # A run shorter than one interval between evaluations is a single point.
        marker = "o" if len(steps) == 1 else ""
        ax.plot(steps, values, label=label, marker=marker, clip_on=False, zorder=3, **style)
        ends.append(float(values[-1]))
        last_step = max(last_step, float(steps[-1]))
    ax.axhline(chance, color=CHANCE_COLOR, linestyle=(0, (5, 3)), linewidth=1.2, label="chance")
    for index, (label, height) in enumerate(zip(histories, spread([*ends, chance]), strict=False)):
        _label(ax, label, height, line_style(index)["color"])
    _label(ax, f"chance {chance:.2f}", spread([*ends, chance])[-1], CHANCE_COLOR)
    ax.set_xlim(0, last_step)
    ax.set_ylim(0, 1)
    ax.set_yticks(np.linspace(0, 1, 6))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("gradient steps")
    ax.set_ylabel("final accuracy on held-out trials, mean over tasks")
    ax.set_title("Learning curves", loc="left", fontsize=TEXT_SIZE + 2)
    ax.grid(axis="y", color="#e6e6e6", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=TEXT_SIZE)


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
