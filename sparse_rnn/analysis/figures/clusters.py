"""Figures of clusters: the sorted variances, the places on the sheet, the sorted weights."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from sparse_rnn.analysis._subject import Source, Subject
from sparse_rnn.analysis._weights import InputColumns, as_array, recurrent
from sparse_rnn.analysis.clusters import Clusters, contacts
from sparse_rnn.analysis.figures._style import (
    AMOUNT,
    SIGNED,
    TEXT_SIZE,
    colors,
    key,
    named_ticks,
    new_figure,
    plain,
    rows_in,
)
from sparse_rnn.analysis.variance import TaskVariance
from sparse_rnn.errors import InvalidArgument, NotApplicable
from sparse_rnn.masks import Mask
from sparse_rnn.system.palette import BLUE, GREY, INK, NOTHING, PAPER

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
    figure = new_figure(9.2, rows_in(len(variance.tasks)) + 1.4)
    left, right = figure.subplots(1, 2, width_ratios=[3, 1])
    image = left.imshow(
        variance.values[:, order], aspect="auto", cmap=AMOUNT, vmin=0, vmax=1, interpolation="none"
    )
    named_ticks(left, variance.tasks, y=True)
    title = f"Task variance of {len(order)} units in {clusters.n_clusters} clusters"
    plain(left, title, "units, sorted by cluster")
    _bars(left, clusters.labels[order], len(variance.tasks))
    bar = key(figure, image, ax=left, pad=0.01, shrink=0.7)
    bar.set_label("variance over the unit's largest", fontsize=TEXT_SIZE - 1)
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


def sheet_figure(clusters: Clusters, mask: Mask, variance: TaskVariance | None = None) -> Figure:
    """Draw where the units of each cluster lie on the sheet, and how often they meet.

    On the right, for each cluster: the share of synapses onto its units that come from the same
    cluster, and what it would be if the clusters' units lay anywhere.

    Args:
        clusters: The clusters.
        mask: The mask, whose units lie on a lattice of two dimensions.
        variance: The variances that they are of; a cluster's row then names the task in which its
            units vary most.

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
    n = clusters.n_clusters
    figure = new_figure(9.2, 4.4)
    ax, right = figure.subplots(1, 2, width_ratios=[1.15, 1])
    palette = colors(n)
    ax.imshow(
        shown,
        cmap=ListedColormap([to_rgba(NOTHING), *palette]),
        vmin=-1.5,
        vmax=n - 0.5,
        origin="lower",
        interpolation="none",
    )
    plain(ax, f"{n} clusters on the sheet", "second side", "first side")
    ax.spines[["top", "right"]].set_visible(True)
    for axis in (ax.xaxis, ax.yaxis):
        axis.get_major_locator().set_params(integer=True)
    if len(clusters.units) < mask.n_units:
        note = f"grey: {mask.n_units - len(clusters.units)} units without a cluster"
        ax.set_xlabel(f"second side ({note})", fontsize=TEXT_SIZE)
    share, chance = contacts(clusters, mask.n_units, mask.targets(), mask.indices)
    place = np.arange(n)
    right.barh(place, share, color=palette, height=0.7)
    right.vlines(
        chance,
        place - 0.4,
        place + 0.4,
        color=INK,
        linewidth=1.5,
    )
    sizes = np.bincount(clusters.labels, minlength=n).tolist()
    names = [f"{k + 1}: {size} units" for k, size in enumerate(sizes)]
    if variance is not None:
        best = [variance.tasks[i] for i in _strongest(clusters, variance)]
        names = [f"{name}, {task}" for name, task in zip(names, best, strict=True)]
    every = -(-n // 24)
    right.set_yticks(place[::every], names[::every])
    right.set_ylim(n - 0.4, -0.6)
    right.set_xlim(0, max(float(np.nanmax([*share, *chance, 0.0])) * 1.1, 0.05))
    title = "Synapses from the own cluster (line: chance)"
    plain(right, title, "share of those onto its units")
    return figure


def _strongest(clusters: Clusters, variance: TaskVariance) -> list[int]:
    """The task in which the units of each cluster vary most on average."""
    labels = range(clusters.n_clusters)
    means = [variance.values[:, clusters.labels == label].mean(axis=1) for label in labels]
    return [int(mean.argmax()) for mean in means]


def weight_matrix_figure(
    network: Source, clusters: Clusters | None = None, tasks: Sequence[str] = ()
) -> Figure:
    """Draw input, recurrent and output weights (as in Fig. 3b), sorted by cluster if given.

    Each panel has a scale of its own, up to the weight that 1 of 100 exceeds in size.

    Args:
        network: The network, a finished run, or the folder of one.
        clusters: Clusters of its units; units without a cluster come last.
        tasks: Names of the rule inputs; none gives them numbers.

    Raises:
        NotApplicable: The cell has gates, and so several matrices.
    """
    net = Subject.of(network).network
    mask = net.rnn.mask
    if net.rnn.GATES > 1:
        raise NotApplicable(f"The cell {net.rnn.CELL!r} has {net.rnn.GATES} matrices of each kind.")
    order, edges = np.arange(mask.n_units), np.zeros(0)
    if clusters is not None:
        label = np.full(mask.n_units, clusters.n_clusters)
        label[clusters.units] = clusters.labels
        order = np.argsort(label, kind="stable")
        edges = np.flatnonzero(np.diff(label[order])) + 0.5
    matrix = np.zeros(mask.shape)
    matrix[mask.targets(), mask.indices] = recurrent(net)
    columns = InputColumns.of(net)
    parts: dict[str, NDArray[np.float64]] = {
        "fixation and stimuli": np.hstack([columns.fixation[:, None], columns.stimulus])[order],
        "rules": columns.rule[order],
        "recurrent": matrix[np.ix_(order, order)],
        "output": as_array(net.readout.weight).T[order],
    }
    figure = new_figure(11.0, 5.4)
    axes = figure.subplots(1, 4, width_ratios=[1.2, 2, 3.2, 0.8])
    for ax, (name, values) in zip(axes, parts.items(), strict=True):
        limit = float(np.quantile(np.abs(values[values != 0]), 0.99)) if values.any() else 1.0
        image = ax.imshow(
            _blocks(values),
            aspect="auto",
            cmap=SIGNED,
            vmin=-limit,
            vmax=limit,
            interpolation="none",
            extent=(-0.5, values.shape[1] - 0.5, mask.n_units - 0.5, -0.5),
        )
        plain(ax, name, "units" if name == "recurrent" else "")
        ax.spines[["top", "right"]].set_visible(True)
        ax.hlines(edges, *ax.get_xlim(), color=GREY, linewidth=0.5)
        if name == "recurrent":
            ax.vlines(edges, *ax.get_ylim(), color=GREY, linewidth=0.5)
        if ax is not axes[0]:
            ax.set_yticks([])
        bar = key(figure, image, ax=ax, location="bottom", shrink=0.9, extend="both")
        bar.ax.xaxis.set_major_locator(MaxNLocator(3, symmetric=True))
    n = net.readout.out_features - 1
    axes[0].set_xticks([0, (1 + n) / 2, n + (1 + n) / 2], ["fixation", "ring 1", "ring 2"])
    axes[3].set_xticks([0, 1 + n // 4, 1 + n // 2, 1 + 3 * n // 4])
    axes[3].set_xticklabels(["fixate", "90°", "180°", "270°"])
    for ax in (axes[0], axes[3]):
        ax.tick_params(axis="x", rotation=90)
    if len(tasks) == columns.rule.shape[1]:
        named_ticks(axes[1], tasks, x=True, most=24)
    axes[0].set_ylabel("units" + ("" if clusters is None else ", sorted by cluster"))
    if clusters is not None:
        _number(axes[2], np.array([-0.5, *edges, mask.n_units - 0.5]), clusters.n_clusters)
    return figure


def _number(ax: Axes, edges: NDArray[np.float64], n_clusters: int) -> None:
    """Write the number of each cluster at the right of its rows, where there is room."""
    for number, (first, last) in enumerate(pairwise(edges)):
        if number < n_clusters and last - first > 0.025 * edges[-1]:
            place = (edges[-1] * 1.012, (first + last) / 2)
            ax.text(*place, str(number + 1), va="center", fontsize=7, color=GREY)


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
            ax.axvline(first, color=PAPER, linewidth=0.6)
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
