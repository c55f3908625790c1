"""Measures of a mask as a directed graph: degrees, clustering, distances, components."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparse_rnn.masks import _sampling as sampling
from sparse_rnn.masks._mask import Mask
from sparse_rnn.system.arguments import instance, whole

Progress = Callable[[float], None]
"""Called now and then with the part of the work that is done, from 0 to 1."""

_Graph = Any
"""A `csr_array`; the stubs of scipy 1.14 know too little of it."""

_CHUNK = 2**22
"""Entries of a matrix with one row a source that are held at once (32 MiB)."""

_DENSE_UNITS = 8192
"""Up to this many units, denser masks are multiplied as matrices: 256 MiB in float32."""


@dataclass(frozen=True)
class GraphMeasures:
    """Measures of a mask of N units; an edge runs from the source of a synapse to its target.

    Self-connections count in `n_synapses`, `density` and the in-degrees, and in nothing else, as
    they are on no shortest path and in no triangle.

    Attributes:
        n_units: Number of units N.
        n_synapses: Number of synapses.
        n_self_connections: Synapses of units onto themselves.
        density: Synapses over N squared.
        density_without_self: Other synapses over N (N - 1); NaN for one unit.
        in_degree_min: Fewest synapses onto a unit.
        in_degree_mean: Synapses onto a unit on average.
        in_degree_max: Most synapses onto a unit.
        in_degree_std: Their standard deviation over units.
        reciprocity: Share of the synapses between different units whose reverse exists; NaN if
            there is none.
        clustering: Average over units of the clustering coefficient for directed graphs (Fagiolo
            2007, https://doi.org/10.1103/PhysRevE.76.026107), the usual one where all synapses are
            reciprocal. Units with fewer than two neighbours count as 0.
        diameter: Longest of the shortest paths between units that have one, in synapses.
        mean_path_length: Mean of the shortest paths between units that have one, in synapses; NaN
            if there is none.
        unreachable_pairs: Ordered pairs of different units with no path from the first to the
            second.
        n_strong_components: Largest sets of units that all reach each other: how many.
        largest_strong_component: Units in the largest of them.
        n_weak_components: The same where synapses may be followed both ways.
        n_sources: Units that the paths start from: N, or a sample. With a sample, the diameter is
            a lower bound, and mean_path_length and unreachable_pairs are estimates.
    """

    n_units: int
    n_synapses: int
    n_self_connections: int
    density: float
    density_without_self: float
    in_degree_min: int
    in_degree_mean: float
    in_degree_max: int
    in_degree_std: float
    reciprocity: float
    clustering: float
    diameter: int
    mean_path_length: float
    unreachable_pairs: int
    n_strong_components: int
    largest_strong_component: int
    n_weak_components: int
    n_sources: int


def measures(
    mask: Mask,
    *,
    n_sources: int | None = None,
    seed: sampling.Seed = 0,
    progress: Progress | None = None,
) -> GraphMeasures:
    """Measure a mask as a directed graph.

    Paths are found from every unit, which takes seconds at N = 2500 and hours at N = 100 000.
    There, start them from a sample of the units.

    Args:
        mask: The mask.
        n_sources: Number of units that paths start from, drawn at random; None for all of them.
        seed: Where the sample is drawn from.
        progress: Told how far the work is.

    Raises:
        InvalidArgument: `n_sources` is not from 1 to N.

    Example:
        >>> from sparse_rnn.masks import measures
        >>> from sparse_rnn.masks import locality
        >>> lattice = measures(locality((20, 20), radius=2))
        >>> lattice.diameter, round(lattice.mean_path_length, 2), round(lattice.clustering, 3)
        (10, 5.26, 0.455)
    """
    from scipy.sparse import csgraph  # here as below, as scipy is slow to import

    n_units = instance("mask", mask, Mask).n_units
    n_sources = n_units if n_sources is None else whole("n_sources", n_sources, 1, n_units)
    rng = sampling.generator(seed)
    tell = progress or _tell_nobody
    graph = _without_self(mask)
    others = int(graph.nnz)
    pairs = n_units * (n_units - 1)
    in_degree = mask.in_degree()
    n_strong, strong = csgraph.connected_components(graph, connection="strong")
    n_weak, _ = csgraph.connected_components(graph, connection="weak")
    both = graph.multiply(graph.T).sum()
    clustering = _clustering(graph, lambda done: tell(0.3 * done))
    sources = np.arange(n_units)
    if n_sources < n_units:
        sources = np.sort(rng.choice(n_units, n_sources, replace=False))
    at_distance = _distances(graph, sources, lambda done: tell(0.3 + 0.7 * done))
    reached = int(at_distance.sum())
    total = int(at_distance @ np.arange(at_distance.size))
    asked = n_sources * (n_units - 1)
    return GraphMeasures(
        n_units=n_units,
        n_synapses=mask.nnz,
        n_self_connections=mask.nnz - others,
        density=mask.density,
        density_without_self=others / pairs if pairs else math.nan,
        in_degree_min=int(in_degree.min()),
        in_degree_mean=float(in_degree.mean()),
        in_degree_max=int(in_degree.max()),
        in_degree_std=float(in_degree.std()),
        reciprocity=float(both) / others if others else math.nan,
        clustering=clustering,
        diameter=at_distance.size - 1,
        mean_path_length=total / reached if reached else math.nan,
        unreachable_pairs=round((asked - reached) * n_units / n_sources),
        n_strong_components=int(n_strong),
        largest_strong_component=int(np.bincount(strong).max()),
        n_weak_components=int(n_weak),
        n_sources=n_sources,
    )


def _tell_nobody(done: float) -> None:
    del done


def reachable_pairs(mask: Mask) -> int:
    """Number of ordered pairs of different units with a path from the first to the second.

    As `measures` counts them, and faster: strongly connected units reach the same ones.

    Example:
        >>> reachable_pairs(Mask.from_edges(3, targets=[1, 2], sources=[0, 1]))
        3
    """
    from scipy.sparse import csgraph

    n_parts, part = csgraph.connected_components(_without_self(mask), connection="strong")
    ends = np.stack([part[mask.targets()], part[mask.indices]])
    between = np.unique(ends[:, ends[0] != ends[1]], axis=1)
    # In order: each part after those that it reaches. Sets of units are the bits of numbers.
    order: TopologicalSorter[int] = TopologicalSorter(dict.fromkeys(range(n_parts), ()))
    onto: dict[int, list[int]] = {i: [] for i in range(n_parts)}
    for target, source in between.T.tolist():
        order.add(source, target)
        onto[source].append(target)
    own = [0] * n_parts
    for unit, number in enumerate(part.tolist()):
        own[number] |= 1 << unit
    reached = [0] * n_parts
    for number in order.static_order():
        reached[number] = own[number]
        for target in onto[number]:
            reached[number] |= reached[target]
    found = sum(one.bit_count() * bits.bit_count() for one, bits in zip(own, reached, strict=True))
    return found - mask.n_units


def _without_self(mask: Mask) -> _Graph:
    """The graph with row = source, as scipy's graph functions have it, without self-connections."""
    from scipy.sparse import csr_array

    targets = mask.targets()
    others = mask.indices != targets
    ends = (mask.indices[others], targets[others].astype(np.int32))
    # scipy's graph functions take no indices of 64 bits.
    return csr_array((np.ones(len(ends[0]), dtype=np.float32), ends), shape=mask.shape)


def _clustering(graph: _Graph, tell: Progress) -> float:
    """Average directed clustering; triangles are the diagonal of (A + A^T) cubed."""
    from scipy.sparse import csr_array

    n_units = graph.shape[0]
    # 2 where both directions exist. No entry of the square exceeds 4 N, exact in float32.
    links: _Graph = csr_array(graph + graph.T)
    degree = links @ np.ones(n_units)
    reciprocal = graph.multiply(graph.T) @ np.ones(n_units)
    possible = 2 * (degree * (degree - 1.0) - 2 * reciprocal)
    triangles = np.zeros(n_units)
    dense = links.toarray() if _is_dense(links) else None
    rows = max(1, _CHUNK // n_units)
    for start in range(0, n_units, rows):
        part = slice(start, start + rows)
        if dense is None:
            some = links[part]
            triangles[part] = (some @ links).multiply(some).sum(axis=1)
        else:
            triangles[part] = ((dense[part] @ dense) * dense[part]).sum(axis=1, dtype=np.float64)
        tell(min(1.0, (start + rows) / n_units))
    closed = np.divide(triangles, possible, out=np.zeros(n_units), where=possible > 0)
    return float(closed.mean())


def _is_dense(links: _Graph) -> bool:
    n_units = links.shape[0]
    return n_units <= _DENSE_UNITS and links.nnz > n_units**2 / 20


def _distances(graph: _Graph, sources: NDArray[np.int64], tell: Progress) -> NDArray[np.int64]:
    """How many ordered pairs of different units lie at each distance; int64, from 0 on."""
    from scipy.sparse import csgraph

    n_units = graph.shape[0]
    # Units with a synapse onto every other need no search; a dense mask has no others.
    full = np.diff(graph.indptr)[sources] == n_units - 1
    n_direct = int(full.sum()) * (n_units - 1)
    counts = np.array([0, n_direct] if n_direct else [0], dtype=np.int64)
    sources = sources[~full]
    rows = max(1, _CHUNK // n_units)
    for start in range(0, len(sources), rows):
        some = sources[start : start + rows]
        lengths = csgraph.dijkstra(graph, indices=some, unweighted=True)
        found = np.bincount(lengths[np.isfinite(lengths)].astype(np.int64))
        found[0] = 0
        longer, shorter = (found, counts) if found.size > counts.size else (counts, found)
        longer[: shorter.size] += shorter
        counts = longer
        tell(min(1.0, (start + rows) / len(sources)))
    return counts
