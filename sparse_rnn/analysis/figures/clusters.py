"""Figures of clusters: the sorted variances, the places on the sheet, the sorted weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from sparse_rnn.analysis._subject import Source, Subject
from sparse_rnn.analysis._weights import InputColumns, as_array, recurrent
from sparse_rnn.analysis.clusters import Clusters
from sparse_rnn.analysis.figures._style import (
    AMOUNT,
    BLUE,
    SIGNED,
    TEXT_SIZE,
    colors,
    named_ticks,
    new_figure,
    plain,
    rows_in,
)
from sparse_rnn.analysis.variance import TaskVariance
from sparse_rnn.errors import InvalidArgument, NotApplicable
from sparse_rnn.masks import Mask

PIXELS = 600
"""Most rows of a drawn weight matrix; larger ones show the largest weight of each block."""


def cluster_figure(clusters: Clusters, variance: TaskVariance) -> Figure:
    """Draw the task variances sorted by cluster, and the silhouettes (as in Figs. 3a and 7-11).

    Args:
        clusters: The clusters.
        variance: The variances that they are of.

    Raises:
        InvalidArgument: They are of other units.
    """
    if not np.array_equal(clusters.units, variance.units):
        raise InvalidArgument("variance", len(variance.units), "that of the clustered units")
    order = np.argsort(clusters.labels, kind="stable")
    figure = new_figure(10.0, rows_in(len(variance.tasks)) + 1.4)
    left, right = figure.subplots(1, 2, width_ratios=[3, 1])
    image = left.imshow(
        variance.values[:, order], aspect="auto", cmap=AMOUNT, vmin=0, vmax=1, interpolation="none"
    )
    named_ticks(left, variance.tasks, y=True)
    title = f"Task variance of {len(order)} units in {clusters.n_clusters} clusters"
    plain(left, title, "units, sorted by cluster")
    _bars(left, clusters.labels[order], len(variance.tasks))
    bar = figure.colorbar(image, ax=left, pad=0.01, shrink=0.7)
    bar.set_label("variance over the unit's largest", fontsize=TEXT_SIZE - 1)
    bar.ax.tick_params(labelsize=TEXT_SIZE - 1)
    right.plot(clusters.n_clusters_tested, clusters.silhouette, color=BLUE, linewidth=1.5)
    best = clusters.silhouette.max()
    right.plot([clusters.n_clusters], [best], "o", color=BLUE)
    right.annotate(
        f"{clusters.n_clusters} clusters: {best:.2f}",
        (0.97, 0.97),
        xycoords="axes fraction",
        ha="right",
        va="top",
        fontsize=TEXT_SIZE,
    )
    right.margins(y=0.18)
    plain(right, "Silhouette of each cut", "clusters", "mean silhouette")
    return figure


def sheet_figure(clusters: Clusters, mask: Mask) -> Figure:
    """Draw where the units of each cluster lie on the sheet.

    Args:
        clusters: The clusters.
        mask: The mask, whose units lie on a lattice of two dimensions.

    Raises:
        NotApplicable: The units have no such places.
    """
    coords = mask.coords
    if coords is None or coords.shape[1] != 2 or not np.array_equal(coords, coords.round()):
        raise NotApplicable("The units of this mask do not lie on a sheet of two dimensions.")
    cells = coords.astype(np.int64)
    sides = cells.max(axis=0) + 1
    shown = np.full(tuple(sides), -1)
    shown[tuple(cells[clusters.units].T)] = clusters.labels
    figure = new_figure(6.4, 5.0)
    ax = figure.subplots()
    palette = [to_rgba("#e6e6e6"), *colors(clusters.n_clusters)]
    top = clusters.n_clusters - 0.5
    image = ax.imshow(shown, cmap=ListedColormap(palette), vmin=-1.5, vmax=top, origin="lower")
    plain(
        ax,
        f"{clusters.n_clusters} clusters on the sheet",
        "second side (lattice units)",
        "first side (lattice units)",
    )
    ax.spines[["top", "right"]].set_visible(True)
    every = -(-clusters.n_clusters // 15)
    ticks = list(range(0, clusters.n_clusters, every))
    bar = figure.colorbar(image, ax=ax, shrink=0.9, ticks=[-1, *ticks])
    bar.ax.set_yticklabels(["inactive", *(str(tick + 1) for tick in ticks)], fontsize=TEXT_SIZE)
    bar.set_label("cluster", fontsize=TEXT_SIZE)
    return figure


def weight_matrix_figure(network: Source, clusters: Clusters | None = None) -> Figure:
    """Draw input, recurrent and output weights (as in Fig. 3b), sorted by cluster if given.

    Args:
        network: The network, a finished run, or the folder of one.
        clusters: Clusters of its units; units without a cluster come last.

    Raises:
        NotApplicable: The cell has gates, and so several matrices.
    """
    net = Subject.of(network).network
    mask = net.rnn.mask
    if net.rnn.GATES > 1:
        raise NotApplicable(f"The cell {net.rnn.CELL!r} has {net.rnn.GATES} matrices of each kind.")
    order = np.arange(mask.n_units)
    if clusters is not None:
        label = np.full(mask.n_units, clusters.n_clusters)
        label[clusters.units] = clusters.labels
        order = np.argsort(label, kind="stable")
    matrix = np.zeros(mask.shape)
    matrix[mask.targets(), mask.indices] = recurrent(net)
    columns = InputColumns.of(net)
    parts: dict[str, NDArray[np.float64]] = {
        "fixation and stimuli": np.hstack([columns.fixation[:, None], columns.stimulus])[order],
        "rules": columns.rule[order],
        "recurrent": matrix[np.ix_(order, order)],
        "output": as_array(net.readout.weight).T[order],
    }
    figure = new_figure(11.0, 4.6)
    axes = figure.subplots(1, 4, width_ratios=[1, 1, 3, 0.8])
    for ax, (name, values) in zip(axes, parts.items(), strict=True):
        limit = float(np.abs(values).max()) or 1.0
        image = ax.imshow(
            _blocks(values),
            aspect="auto",
            cmap=SIGNED,
            vmin=-limit,
            vmax=limit,
            interpolation="none",
            extent=(-0.5, values.shape[1] - 0.5, mask.n_units - 0.5, -0.5),
        )
        plain(ax, name, "units" if name == "recurrent" else "channels")
        ax.spines[["top", "right"]].set_visible(True)
        if ax is not axes[0]:
            ax.set_yticks([])
        bar = figure.colorbar(image, ax=ax, location="bottom", shrink=0.9)
        bar.ax.tick_params(labelsize=TEXT_SIZE - 2)
    axes[0].set_ylabel("units" + ("" if clusters is None else ", sorted by cluster"))
    return figure


def _bars(ax: Axes, labels: NDArray[np.int64], n_tasks: int) -> None:
    """A coloured bar below each cluster, and its number where there is room."""
    n_clusters = int(labels.max()) + 1
    depth = 0.04 * n_tasks
    for number, color in enumerate(colors(n_clusters)):
        (members,) = np.nonzero(labels == number)
        first, width = members[0] - 0.5, len(members)
        ax.add_patch(
            Rectangle((first, n_tasks - 0.5), width, depth, facecolor=color, clip_on=False)
        )
        if width > 0.02 * len(labels):
            ax.text(
                first + width / 2,
                n_tasks - 0.5 + depth / 2,
                str(number + 1),
                ha="center",
                va="center",
                fontsize=7,
            )
        if number:
            ax.axvline(first, color="white", linewidth=0.6)
    ax.set_ylim(n_tasks - 0.5 + depth, -0.5)


def _blocks(values: NDArray[np.float64]) -> NDArray[Any]:
    """A matrix with at most `PIXELS` rows and columns: of each block the largest weight by size."""
    for axis in (0, 1):
        step = -(-values.shape[axis] // PIXELS)
        if step == 1:
            continue
        missing = -values.shape[axis] % step
        pad = [(0, missing if a == axis else 0) for a in (0, 1)]
        shape = list(values.shape)
        shape[axis : axis + 1] = [(values.shape[axis] + missing) // step, step]
        split = np.pad(values, pad).reshape(shape)
        largest = np.abs(split).argmax(axis=axis + 1)
        values = np.take_along_axis(split, np.expand_dims(largest, axis + 1), axis + 1).squeeze(
            axis + 1
        )
    return values
