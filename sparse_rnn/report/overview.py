"""The overview of finished runs: their learning curves beside a table of accuracies by task."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.layout_engine import ConstrainedLayoutEngine

from sparse_rnn.errors import InvalidArgument
from sparse_rnn.report._curves import draw_curves
from sparse_rnn.report._table import draw_table, table_values
from sparse_rnn.training import Run, load_run

Source = Run | Path | str
"""A finished run, or its folder."""

ROW_IN = 0.25
"""Height of a row of the table in inches."""

CURVES_IN = (4.6, 4.6)
"""Width and height of the learning curves in inches."""

COLUMN_IN = 0.72


def overview(runs: Mapping[str, Source]) -> Figure:
    """Draw finished runs side by side.

    On the left the learning curves: the mean final accuracy over gradient steps, on trials that
    training never drew, and the mean chance level. On the right the final accuracy of each task,
    from the larger evaluation at the end, beside the chance level: that of the best strategy that
    ignores the stimuli. A run without a task of another run has a dash there.

    Args:
        runs: Runs or their folders, by the label they get. Their order is that of the figure.

    Returns:
        The figure; save it with ``figure.savefig(path)``.

    Raises:
        InvalidArgument: There is no run.
        RunConflict: A folder holds no run.
        FileNotFoundError: A run has not ended.
        IncompatibleState: A file is damaged.
    """
    if not runs:
        raise InvalidArgument("runs", {}, "at least one run")
    loaded = {label: run if isinstance(run, Run) else load_run(run) for label, run in runs.items()}
    scores = {label: run.evaluation for label, run in loaded.items()}
    tasks, _, chance = table_values(scores)
    longest = max(len(task) for task in tasks)
    table_in = 0.09 * longest + COLUMN_IN * (len(loaded) + 1)
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
    curves_ax = figure.add_subplot(grid[0, 0])
    draw_curves(
        curves_ax, {label: run.history for label, run in loaded.items()}, float(chance.mean())
    )
    draw_table(figure.add_subplot(grid[:, 1]), scores)
    return figure
