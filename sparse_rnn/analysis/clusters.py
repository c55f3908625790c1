"""Clusters of units: a linkage tree, and the cut of it that the silhouette likes best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sparse_rnn.analysis.variance import TaskVariance
from sparse_rnn.errors import InvalidArgument, unknown_name
from sparse_rnn.system.arguments import whole

MAX_CLUSTERS = 40
"""Most clusters that are tried by default; the paper finds 12 to 33."""

METHODS = ("ward", "average", "complete", "single", "weighted")
"""Linkage methods of scipy that serve here; "ward" needs the metric "euclidean"."""


@dataclass(frozen=True, eq=False)
class Clusters:
    """A clustering of the units that a task variance kept.

    Attributes:
        linkage: float64 ``[kept - 1, 4]``, the tree as `scipy.cluster.hierarchy` has it.
        silhouette: float64 ``[n_cuts]``, mean silhouette of each cut.
        n_clusters_tested: int64 ``[n_cuts]``, clusters of each cut: 2, 3, ...
        labels: int64 ``[kept]``, cluster of each unit from 0; clusters are numbered by the first
            task that their units vary most in, as in the figures of Yang et al. (2019).
        n_clusters: Number of clusters of the best cut.
        units: int64 ``[kept]``, numbers of the units.
    """

    linkage: NDArray[np.float64]
    silhouette: NDArray[np.float64]
    n_clusters_tested: NDArray[np.int64]
    labels: NDArray[np.int64]
    n_clusters: int
    units: NDArray[np.int64]

    def members(self, cluster: int) -> NDArray[np.int64]:
        """Numbers of the units of a cluster, as the network counts them.

        Raises:
            InvalidArgument: There is no such cluster.
        """
        whole("cluster", cluster, 0, self.n_clusters - 1)
        return self.units[self.labels == cluster]


def contacts(
    clusters: Clusters, n_units: int, targets: NDArray[np.int64], sources: NDArray[np.integer]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How often the units of a cluster are connected with their like.

    Args:
        clusters: The clusters.
        n_units: Units of the network.
        targets: The unit that each synapse ends on.
        sources: The unit that each synapse starts from.

    Returns:
        Float64 ``[clusters]`` each: the share of the synapses onto a cluster's units, from other
        units, whose source is in the same cluster, NaN where there are no such synapses; and what
        that share would be on average if the source were any other unit.
    """
    label = np.full(n_units, -1)
    label[clusters.units] = clusters.labels
    other = (targets != sources) & (label[targets] >= 0)
    onto, source = label[targets[other]], label[sources[other]]
    total = np.bincount(onto, minlength=clusters.n_clusters)
    own = np.bincount(onto[onto == source], minlength=clusters.n_clusters)
    share = np.divide(own, total, out=np.full(clusters.n_clusters, np.nan), where=total > 0)
    sizes = np.bincount(clusters.labels, minlength=clusters.n_clusters)
    return share, (sizes - 1) / max(n_units - 1, 1)


def cluster(
    variance: TaskVariance,
    max_clusters: int | None = MAX_CLUSTERS,
    *,
    method: str = "ward",
    metric: str = "euclidean",
) -> Clusters:
    """Cluster units by their task variance (Khona et al. 2023, appendix A).

    Agglomerative linkage of the units' normalised variances, then the mean silhouette (Rousseeuw
    1987, https://doi.org/10.1016/0377-0427(87)90125-7) of each cut of the tree; the cut with the
    highest one wins, the one with fewer clusters on a tie. The paper does not name its linkage;
    Ward's keeps clusters compact, where scipy's default, single linkage, chains.

    Args:
        variance: What `sparse_rnn.analysis.task_variance` found.
        max_clusters: Most clusters to try; None tries every cut. With many small clusters the
            silhouette often rises again, as a few units are always alike, so that the best of all
            cuts can be one into pairs.
        method: A name in `METHODS`.
        metric: A distance of `scipy.spatial.distance.pdist`, such as "euclidean" or "cosine".

    Returns:
        The clusters.

    Raises:
        InvalidArgument: Fewer than three units were kept, all of them are alike, `max_clusters` is
            below 2, or method and metric do not fit.
        UnknownName: There is no such method.
    """
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import pdist, squareform

    if method not in METHODS:
        raise unknown_name("method", method, METHODS, "a linkage method")
    if method == "ward" and metric != "euclidean":
        raise InvalidArgument("metric", metric, "'euclidean' for the method 'ward'")
    n_units = len(variance.units)
    if n_units < 3:
        raise InvalidArgument("variance", f"{n_units} active units", "one of at least 3 units")
    limit = n_units - 1 if max_clusters is None else whole("max_clusters", max_clusters, 2)
    points = variance.values.T
    try:
        distances = pdist(points, metric)  # pyright: ignore[reportArgumentType, reportCallIssue] - the error says what is wrong
    except (TypeError, ValueError) as error:
        allowed = f"a distance of scipy.spatial.distance.pdist ({error})"
        raise InvalidArgument("metric", metric, allowed) from error
    if not distances.max() > 0:
        raise InvalidArgument("variance", f"{n_units} units all alike", "one of different units")
    tree = np.asarray(linkage(distances, method), dtype=np.float64)
    tested = np.arange(2, min(limit, n_units - 1) + 1)
    curve = silhouettes(squareform(distances), tree, tested)
    # Sums in another order differ in their last digits, which must not decide between equal cuts.
    best = int(tested[curve.round(12).argmax()])
    labels = _by_task(cut(tree, best), variance)
    return Clusters(tree, curve, tested, labels, best, variance.units)


def cut(tree: NDArray[np.float64], n_clusters: int) -> NDArray[np.int64]:
    """Labels of the cut of a tree with so many clusters: its first ``n - n_clusters`` merges.

    The order of the merges decides, not their heights: where several are at one height, as with
    units that are alike, a cut by height has no such number of clusters, and
    ``scipy.cluster.hierarchy.cut_tree`` takes its merges from two orders.

    Args:
        tree: float64 ``[n - 1, 4]``, linkage.
        n_clusters: From 1 to n.

    Returns:
        int64 ``[n]``, from 0 in the order in which the clusters first appear among the points.
    """
    n = len(tree) + 1
    above = np.arange(2 * n - 1)
    merged = n - n_clusters
    above[tree[:merged, :2].astype(np.int64)] = np.arange(n, n + merged)[:, np.newaxis]
    # A merge has a higher number than what it merges, so this ends at the roots of the cut.
    for node in range(n + merged - 1, -1, -1):
        above[node] = above[above[node]]
    roots, first, label = np.unique(above[:n], return_index=True, return_inverse=True)
    rank = np.empty(len(roots), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(roots))
    return rank[label]


def silhouettes(
    distances: NDArray[np.float64], tree: NDArray[np.float64], tested: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Mean silhouette of several cuts of one tree.

    A merge adds two columns of the sums of distances from each point to each cluster, so that all
    cuts together take about as long as a few of them each from its labels.

    Args:
        distances: float64 ``[n, n]``.
        tree: float64 ``[n - 1, 4]``, linkage.
        tested: int64 ``[n_cuts]``, ascending numbers of clusters, each from 2 to n - 1.

    Returns:
        float64 ``[n_cuts]``; a point that is alone in its cluster has the silhouette 0.
    """
    n, most = len(distances), int(tested[-1])
    label = cut(tree, most)
    size = np.bincount(label).astype(np.float64)
    sums = distances @ (label[:, np.newaxis] == np.arange(most))
    # Column of each node of the tree that is a cluster now.
    column = {int(node): int(label[leaf]) for node, leaf in _roots(tree, most).items()}
    found: dict[int, float] = {}
    for n_clusters in range(most, 1, -1):
        found[n_clusters] = _mean_silhouette(sums, size, label)
        step = n - n_clusters
        left, right = (column.pop(int(node)) for node in tree[step, :2])
        kept, last = min(left, right), n_clusters - 1
        gone = max(left, right)
        sums[:, kept] += sums[:, gone]
        size[kept] += size[gone]
        label[label == gone] = kept
        if gone != last:  # The last column moves into the place that became free.
            sums[:, gone], size[gone] = sums[:, last], size[last]
            label[label == last] = gone
            column = {node: gone if own == last else own for node, own in column.items()}
        column[n + step] = kept
        sums, size = sums[:, :last], size[:last]
    return np.array([found[int(number)] for number in tested])


def _roots(tree: NDArray[np.float64], n_clusters: int) -> dict[int, int]:
    """The nodes that are the clusters of a cut, each with one of its leaves."""
    n = len(tree) + 1
    roots = {leaf: leaf for leaf in range(n)}
    for step in range(n - n_clusters):
        left, right = (int(node) for node in tree[step, :2])
        roots[n + step] = roots.pop(left)
        roots.pop(right)
    return roots


def _mean_silhouette(
    sums: NDArray[np.float64], size: NDArray[np.float64], label: NDArray[np.int64]
) -> float:
    point = np.arange(len(label))
    means = sums / size
    means[point, label] = np.inf
    other = means.min(axis=1)
    own_size = size[label]
    within = sums[point, label] / np.maximum(own_size - 1, 1)
    larger = np.maximum(within, other)
    apart = np.divide(other - within, larger, out=np.zeros_like(larger), where=larger > 0)
    return float(np.where(own_size > 1, apart, 0.0).mean())


def _by_task(labels: NDArray[np.int64], variance: TaskVariance) -> NDArray[np.int64]:
    """Number clusters by the first task that they vary most in."""
    n_clusters = int(labels.max()) + 1
    means = np.stack([variance.values[:, labels == c].mean(axis=1) for c in range(n_clusters)])
    order = np.lexsort((np.arange(n_clusters), means.argmax(axis=1)))
    new = np.empty(n_clusters, dtype=np.int64)
    new[order] = np.arange(n_clusters)
    return new[labels]
