"""The overview of finished runs: their learning curves beside a table of accuracies by task."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.layout_engine import ConstrainedLayoutEngine

from sparse_rnn.errors import InvalidArgument
from sparse_rnn.report import _records as records
from sparse_rnn.report._curves import draw_curves
from sparse_rnn.report._seeds import by_seed, mean_scores
from sparse_rnn.report._style import TEXT_SIZE
from sparse_rnn.report._table import Floors, draw_table, table_values
from sparse_rnn.report.findings import NONE
from sparse_rnn.runs.finished import FinishedRun
from sparse_rnn.system.arguments import finite
from sparse_rnn.system.output import in_figure
from sparse_rnn.system.palette import series_of

Source = FinishedRun | Path | str
"""A finished run of `sparse_rnn.train` or `sparse_rnn.fit`, or its folder."""

ROW_IN = 0.25
"""Height of a row of the table in inches."""

CURVES_IN = (4.6, 4.6)
"""Width and height of the learning curves in inches."""

COLUMN_IN = 0.72

_NO_FLOORS: Floors = MappingProxyType({})


def overview(
    runs: Mapping[str, Source],
    *,
    floors: Floors = _NO_FLOORS,
    damaged: Mapping[str, str] = NONE,
) -> Figure:
    """Draw finished runs side by side.

    On the left the learning curves: the mean final accuracy over gradient steps, on trials that
    training never drew, and the mean chance level. On the right the final accuracy of each task,
    from the larger evaluation at the end, beside the chance level: that of the best strategy that
    ignores the stimuli. A run without a task of another run has a dash there.

    Runs that differ in their seed alone are one network: thin curves and a thick mean, and means
    in the table. A cross on a curve is a burst of the gradient or the loss
    (`sparse_rnn.evaluation.history.History.bursts`).

    Args:
        runs: Runs or their folders, by the label they get. Their order is that of the figure.
        floors: More levels beside chance, by label and task, such as what `modcog.chance_level`
            gives with ``ignores="evidence"``.
        damaged: Runs that cannot be shown, by their labels, and why; they are named below.

    Returns:
        The figure; save it with ``figure.savefig(path)``.

    Raises:
        InvalidArgument: There is no run, or a floor has no level for a task.
        RunConflict: A folder holds no run.
        FileNotFoundError: A run has not ended.
        IncompatibleState: A file is damaged.
    """
    if not runs:
        raise InvalidArgument("runs", {}, "at least one run")
    loaded = {in_figure(label): records.loaded(run) for label, run in runs.items()}
    floors = {in_figure(label): levels for label, levels in floors.items()}
    groups = by_seed(loaded)
    scores = {label: mean_scores([r.evaluation for r in group]) for label, group in groups.items()}
    tasks, _, chance = table_values(scores)
    for label, levels in floors.items():
        if missing := [task for task in tasks if task not in levels]:
            raise InvalidArgument(f"floors[{label!r}]", levels, f"with a level for {missing[0]}")
        for task in tasks:
            finite(f"floors[{label!r}]", levels[task], "levels from 0 to 1", least=0, most=1)
    longest = max(len(task) for task in tasks)
    table_in = 0.09 * longest + COLUMN_IN * (len(groups) + 1 + len(floors))
    # A long table must not stretch the curves beside it.
    table_height_in = ROW_IN * (len(tasks) + 1)
    height_in = max(CURVES_IN[1], table_height_in)
    size_in = (CURVES_IN[0] + 1.6 + table_in, height_in + 1.4)
    figure = Figure(figsize=size_in, layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.08))
    grid = GridSpec(
        2,
        2,
        figure=figure,
        width_ratios=[CURVES_IN[0], table_in],
        height_ratios=[CURVES_IN[1], max(height_in - CURVES_IN[1], 1e-3)],
    )
    histories = {label: [run.history for run in group] for label, group in groups.items()}
    means = {
        label: float(np.mean([levels[task] for task in tasks])) for label, levels in floors.items()
    }
    series = series_of([records.family(group[0]) for group in groups.values()])
    curves_ax = figure.add_subplot(grid[0, 0])
    levels = {"chance": float(chance.mean()), **means}
    known = {label: level for label, level in levels.items() if not np.isnan(level)}
    draw_curves(curves_ax, histories, series, known)
    draw_table(figure.add_subplot(grid[:, 1]), scores, series, floors)
    if damaged:
        lines = [textwrap.fill(in_figure(f"{k}: {v}"), 110) for k, v in damaged.items()]
        figure.supxlabel("\n".join(["Not shown:", *lines]), fontsize=TEXT_SIZE - 1)
    return figure
