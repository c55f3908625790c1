"""A table of accuracies by task and network as coloured cells with numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from sparse_rnn.evaluation.scores import TaskScores
from sparse_rnn.report._style import ACCURACY_MAP, CHANCE_COLOR, TEXT_SIZE, line_style

SEPARATION = 0.25
"""Width of the gap before the floors and above the row "mean", in cells."""

CHANCE_NOTE = "chance: the best strategy that ignores the stimuli"

Floors = Mapping[str, Mapping[str, float]]
"""Levels to hold networks against: label -> task -> `final_accuracy`."""


def table_values(
    scores: Mapping[str, TaskScores], measure: str = "final_accuracy"
) -> tuple[list[str], NDArray[np.float64], NDArray[np.float64]]:
    """Line up a measure of several networks.

    Args:
        scores: Final scores by label.
        measure: One of `sparse_rnn.evaluation.scores.MEASURES`.

    Returns:
        The tasks in the order of their suite, the measure ``[tasks, networks]``, NaN where a
        network was not scored on a task, and the chance level ``[tasks]``.
    """
    tasks = list(dict.fromkeys(task for one in scores.values() for task in one.tasks))
    values = np.full((len(tasks), len(scores)), np.nan)
    chance = np.full(len(tasks), np.nan)
    for column, one in enumerate(scores.values()):
        for i, task in enumerate(one.tasks):
            values[tasks.index(task), column] = getattr(one, measure)[i]
            chance[tasks.index(task)] = one.chance[i]
    return tasks, values, chance


def draw_table(ax: Axes, scores: Mapping[str, TaskScores], floors: Floors) -> None:
    """Draw the table: rows are tasks and their mean, columns are networks and floors.

    Args:
        ax: Where to draw.
        scores: Final scores by label.
        floors: Columns beside that of chance.
    """
    tasks, values, chance = table_values(scores)
    n_tasks, n_networks = values.shape
    rows = [float(row) for row in range(n_tasks)]
    mean_row = n_tasks + SEPARATION
    for column in range(n_networks):
        for row in range(n_tasks):
            _cell(ax, column, rows[row], values[row, column])
        _cell(ax, column, mean_row, float(np.nanmean(values[:, column])), bold=True)
    plain = {"chance": chance}
    for label, levels in floors.items():
        plain[label] = np.array([levels.get(task, np.nan) for task in tasks])
    first_plain = n_networks + SEPARATION
    for column, levels in enumerate(plain.values()):
        for row in range(n_tasks):
            _plain_cell(ax, first_plain + column, rows[row], levels[row])
        _plain_cell(ax, first_plain + column, mean_row, float(np.mean(levels)), bold=True)
    ax.set_xlim(0, first_plain + len(plain))
    ax.set_ylim(mean_row + 1, 0)
    ax.set_yticks([row + 0.5 for row in [*rows, mean_row]], [*tasks, "mean"])
    ax.get_yticklabels()[-1].set_fontweight("bold")
    columns = [*range(n_networks), *(first_plain + column for column in range(len(plain)))]
    ax.set_xticks([column + 0.5 for column in columns], _headers([*scores, *plain]))
    ax.xaxis.tick_top()
    for index, label in enumerate(ax.get_xticklabels()):
        if index < n_networks:
            label.set_color(line_style(index)["color"])
        else:
            label.set(color=CHANCE_COLOR, fontstyle="italic")
    ax.tick_params(length=0, labelsize=TEXT_SIZE)
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.set_xlabel(CHANCE_NOTE, fontsize=TEXT_SIZE - 1, color=CHANCE_COLOR, loc="right")
    ax.set_title("Final accuracy by task", loc="left", fontsize=TEXT_SIZE + 2, pad=10)


def _headers(labels: Sequence[str]) -> list[str]:
    """Labels with a line for each word, so that neighbours do not run into each other."""
    return ["\n".join(label.split()) for label in labels]


def _cell(ax: Axes, column: float, row: float, value: float, *, bold: bool = False) -> None:
    """Draw one accuracy as a coloured cell with its number; a dash where there is none."""
    if np.isnan(value):
        _write(ax, column, row, "\N{EN DASH}", CHANCE_COLOR, bold=bold)
        return
    color = colormaps[ACCURACY_MAP](value)
    box = Rectangle((column, row), 1, 1, facecolor=color, edgecolor="white", linewidth=1.5)
    ax.add_patch(box)
    # Dark ink on the light half of the map, light ink on its dark half.
    luminance = 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2]
    _write(ax, column, row, f"{value:.2f}", "black" if luminance > 0.45 else "white", bold=bold)


def _plain_cell(ax: Axes, column: float, row: float, value: float, *, bold: bool = False) -> None:
    """Draw a chance level: a number without a colour, so that no reader takes it for a result.

    Of tasks whose chance level nobody knows, a dash.
    """
    box = Rectangle((column, row), 1, 1, facecolor="#f2f2f2", edgecolor="white", linewidth=1.5)
    ax.add_patch(box)
    told = "\N{EN DASH}" if np.isnan(value) else f"{value:.2f}"
    _write(ax, column, row, told, CHANCE_COLOR, bold=bold)


def _write(ax: Axes, column: float, row: float, text: str, color: str, *, bold: bool) -> None:
    weight = "bold" if bold else "normal"
    middle = (column + 0.5, row + 0.5)
    ax.text(*middle, text, ha="center", va="center", color=color, fontsize=8.5, fontweight=weight)
