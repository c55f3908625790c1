"""Task-variance clusters of trained networks, next to what chance and training make of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from benchmarks.paper import _drawing as drawing
from sparse_rnn.analysis import (
    Clusters,
    Source,
    TaskVariance,
    cluster,
    recordings,
    task_variance,
)
from sparse_rnn.errors import InvalidArgument

MAX_CLUSTERS = 60
"""Cuts with more clusters are not tried: singletons would win by being alone."""


@dataclass(frozen=True, eq=False)
class Clustered:
    """The clusters of a network.

    Attributes:
        variance: Task variance of its units.
        clusters: The best cut.
        silhouette: Mean silhouette of the best cut.
        shuffled: The same after each task's variances were dealt out anew among the units.
    """

    variance: TaskVariance
    clusters: Clusters
    silhouette: float
    shuffled: float

    @property
    def n_clusters(self) -> int:
        """Number of clusters."""
        return self.clusters.n_clusters


def clustered(network: Source, n_trials: int, suite: str | None = None) -> Clustered | None:
    """Cluster the units of a network; None where too few are active.

    Args:
        network: The network, or the folder of its run.
        n_trials: Trials of each task.
        suite: Its tasks, for a network by object.
    """
    variance = task_variance(recordings(network, suite, trials_per_task=n_trials))
    try:
        clusters = cluster(variance, MAX_CLUSTERS)
        dealt = cluster(shuffled(variance), MAX_CLUSTERS)
    except InvalidArgument:
        return None
    best, chance = float(clusters.silhouette.max()), float(dealt.silhouette.max())
    return Clustered(variance, clusters, best, chance)


def shuffled(variance: TaskVariance, seed: int = 0) -> TaskVariance:
    """Deal the variances of each task out anew among the units: no unit keeps its pattern."""
    rng = np.random.default_rng(seed)
    dealt = rng.permuted(variance.values, axis=1)
    largest = dealt.max(axis=0)
    return replace(variance, values=dealt / np.where(largest > 0, largest, 1))


def order(found: Clustered) -> NDArray[np.int64]:
    """Columns of the variances, cluster by cluster."""
    return np.argsort(found.clusters.labels, kind="stable")


def draw(ax: Axes, found: Clustered, tasks: Sequence[str] | None = None) -> None:
    """Draw the variances, tasks by units, with a bar of clusters above.

    Args:
        ax: Where to draw.
        found: The clusters.
        tasks: Names to write at the rows; None writes none.
    """
    columns = order(found)
    ax.imshow(
        found.variance.values[:, columns],
        aspect="auto",
        cmap=drawing.SEQUENTIAL,
        vmin=0,
        vmax=1,
        interpolation="nearest",
    )
    labels = found.clusters.labels[columns]
    bar = ax.inset_axes((0, 1.01, 1, 0.035))
    colours = np.array([_colour(label) for label in labels])
    bar.imshow(colours[np.newaxis], aspect="auto", interpolation="nearest")
    bar.set_axis_off()
    for edge in np.flatnonzero(np.diff(labels)) + 0.5:
        ax.axvline(edge, color=drawing.PAPER, linewidth=0.5)
    if tasks is None:
        ax.set_yticks([])
    else:
        ax.set_yticks(range(len(tasks)), tasks, fontsize=6)
    ax.set_xlabel(f"{len(columns)} active units, in {found.n_clusters} clusters", fontsize=8)
    ax.tick_params(labelsize=6)


def _colour(label: int) -> tuple[float, float, float]:
    from matplotlib.colors import to_rgb

    return to_rgb(drawing.PALETTE[label % len(drawing.PALETTE)])
