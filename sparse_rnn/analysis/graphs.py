"""The graph of a network beside others of its size: local, random and small-world ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sparse_rnn import masks
from sparse_rnn.analysis._subject import Source, Subject
from sparse_rnn.errors import NotApplicable
from sparse_rnn.seeding import Purpose, Seed, derive
from sparse_rnn.system.arguments import whole

OWN = "this network"

MEASURES = (
    "synapses",
    "in_degree_sd",
    "in_degree_max",
    "out_degree_sd",
    "out_degree_max",
    "reciprocity",
    "clustering",
    "path_length",
    "distance",
    "spectral_radius",
)
"""Names of the measures of `GraphComparison`."""

_DENSE_UNITS = 1000
"""Up to this many units all eigenvalues are computed."""

_PATH_SOURCES = 200
"""Most units that shortest paths start from."""


@dataclass(frozen=True, eq=False)
class GraphComparison:
    """Measures of a network's graph and of others with as many units and synapses.

    Attributes:
        names: Names of the graphs, "this network" first.
        measures: float64 ``[graphs]`` by name (`MEASURES`), the mean over draws: the number of
            synapses; standard deviation and largest of the synapses onto a unit and from it;
            reciprocity, clustering and mean path length as in `sparse_rnn.masks.measures`; the mean
            distance on the sheet that synapses span, in lattice units, NaN without a sheet; the
            spectral radius of the graph's matrix of zeros and ones.
        in_degree: int64 ``[draws, N]`` of each graph, synapses onto each unit.
        out_degree: int64 ``[draws, N]`` of each graph, synapses from each unit.
        distance: float64 ``[draws * nnz]`` of each graph, the distance that each synapse spans;
            empty without a sheet.
        skipped: Why a graph is not there, by its name.
    """

    names: tuple[str, ...]
    measures: Mapping[str, NDArray[np.float64]]
    in_degree: tuple[NDArray[np.int64], ...]
    out_degree: tuple[NDArray[np.int64], ...]
    distance: tuple[NDArray[np.float64], ...]
    skipped: Mapping[str, str]


class _Edges(NamedTuple):
    """Synapses in any order."""

    n_units: int
    targets: NDArray[np.int64]
    sources: NDArray[np.int64]

    def degree(self, ends: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many synapses end, or start, at each unit."""
        return np.bincount(ends, minlength=self.n_units).astype(np.int64)


def _long(units: NDArray[np.int32]) -> NDArray[np.int64]:
    return units.astype(np.int64)


@dataclass(frozen=True)
class _Sheet:
    sides: tuple[int, ...]
    periodic: bool
    known: bool

    def distance(
        self, targets: NDArray[np.int64], sources: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Distance between units, in lattice units."""
        apart = np.abs(
            np.stack(np.unravel_index(targets, self.sides), axis=1)
            - np.stack(np.unravel_index(sources, self.sides), axis=1)
        )
        if self.periodic:
            apart = np.minimum(apart, np.array(self.sides) - apart)
        return np.sqrt((apart**2).sum(axis=1))


def compare_graphs(network: Source, n_draws: int = 3, seed: Seed = 0) -> GraphComparison:
    """Compare the graph of a network with graphs of as many units and synapses.

    The others are: "local", in which each unit has its nearest units as sources (as
    `sparse_rnn.masks.locality`, at any number of synapses); "random", with other sources of the
    same number (as `sparse_rnn.masks.random`); both give all units the same in-degree, or two that
    differ by one; and "small world", `sparse_rnn.masks.small_world`, of which at most half of the
    synapses are local. Units that have no places get those of the most nearly square sheet, for
    the local and the small-world graph alone.

    Args:
        network: The network, a finished run, or the folder of one.
        n_draws: How often the graphs that have chance in them are drawn.
        seed: Where they are drawn from.

    Returns:
        The measures.

    Raises:
        InvalidArgument: `n_draws` is below 1.
        NotApplicable: All units are connected with all, or none is.

    Example:
        >>> import sparse_rnn as srnn
        >>> from sparse_rnn.analysis import compare_graphs
        >>> net = srnn.Network(53, 17, srnn.masks.locality((10, 10), radius=2))
        >>> found = compare_graphs(net, n_draws=1)
        >>> found.names
        ('this network', 'local', 'random', 'small world')
        >>> found.measures["clustering"].round(2)
        array([0.45, 0.45, 0.13, 0.12])
    """
    whole("n_draws", n_draws, 1)
    mask = Subject.of(network).network.rnn.mask
    n, nnz = mask.n_units, mask.nnz
    if nnz == 0 or nnz == n * n:
        raise NotApplicable(
            f"The {n} units have {nnz} synapses: there is one graph of that many, and no other."
        )
    sheet = _sheet(n, mask.coords, periodic=mask.parameters.get("periodic") is not False)
    rng = np.random.default_rng(derive(seed, Purpose.GRAPHS))
    makers: dict[str, Callable[[], _Edges]] = {
        "local": lambda: _local(sheet, nnz, rng),
        "random": lambda: _random(n, nnz, rng),
        "small world": lambda: _small_world(sheet, nnz, rng),
    }
    graphs, skipped = {OWN: [_Edges(n, mask.targets(), _long(mask.indices))]}, dict[str, str]()
    for name, make in makers.items():
        try:
            graphs[name] = [make() for _ in range(n_draws)]
        except NotApplicable as reason:
            skipped[name] = str(reason)
    distance = {name: [_spans(one, sheet) for one in drawn] for name, drawn in graphs.items()}
    measured = {
        name: np.mean(
            [_measured(*pair) for pair in zip(drawn, distance[name], strict=True)], axis=0
        )
        for name, drawn in graphs.items()
    }
    columns = np.array(list(measured.values())).T
    return GraphComparison(
        names=tuple(graphs),
        measures=dict(zip(MEASURES, columns, strict=True)),
        in_degree=tuple(
            np.stack([one.degree(one.targets) for one in drawn]) for drawn in graphs.values()
        ),
        out_degree=tuple(
            np.stack([one.degree(one.sources) for one in drawn]) for drawn in graphs.values()
        ),
        distance=tuple(np.concatenate(spans) for spans in distance.values()),
        skipped=skipped,
    )


def _sheet(n: int, coords: NDArray[np.float64] | None, *, periodic: bool) -> _Sheet:
    """The sheet that units lie on, row by row, or else the most nearly square one."""
    if coords is not None:
        sides = tuple(int(side) + 1 for side in coords.max(axis=0))
        if math.prod(sides) == n:
            lattice = np.stack(np.unravel_index(np.arange(n), sides), axis=1)
            if np.array_equal(lattice, coords):
                return _Sheet(sides, periodic, known=True)
    side = next(one for one in range(math.isqrt(n), 0, -1) if n % one == 0)
    return _Sheet((n // side, side), periodic=True, known=False)


def _spans(graph: _Edges, sheet: _Sheet) -> NDArray[np.float64]:
    if not sheet.known:
        return np.zeros(0)
    return sheet.distance(graph.targets, graph.sources)


def _measured(edges: _Edges, spans: NDArray[np.float64]) -> list[float]:
    """The measures in the order of `MEASURES`."""
    graph = masks.Mask.from_edges(*edges)
    known = masks.measures(graph, n_sources=min(graph.n_units, _PATH_SOURCES))
    out = graph.out_degree()
    return [
        float(graph.nnz),
        known.in_degree_std,
        float(known.in_degree_max),
        float(out.std()),
        float(out.max()),
        known.reciprocity,
        known.clustering,
        known.mean_path_length,
        float(spans.mean()) if spans.size else math.nan,
        _spectral_radius(graph.tocsr().astype(np.float64)),
    ]


def _spectral_radius(matrix: Any) -> float:
    if matrix.shape[0] <= _DENSE_UNITS:
        return float(np.abs(np.linalg.eigvals(matrix.toarray())).max())
    from scipy.sparse.linalg import eigs

    # The largest eigenvalue of a matrix without negative entries is real (Perron and Frobenius).
    largest = eigs(matrix, k=1, v0=np.ones(matrix.shape[0]), return_eigenvectors=False)
    return float(np.abs(np.asarray(largest)).max())


def _in_degrees(n: int, nnz: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """As equal as they can be; chance says which units have one more."""
    degrees = np.full(n, nnz // n)
    degrees[rng.permutation(n)[: nnz % n]] += 1
    return degrees


def _fewest(graph: _Edges, cost: NDArray[np.float64], nnz: int, rng: np.random.Generator) -> _Edges:
    """Keep the cheapest synapses onto each unit, until there are `nnz`."""
    n, targets, sources = graph
    order = np.lexsort((rng.random(targets.size), cost, targets))
    first = np.concatenate([[0], np.cumsum(graph.degree(targets))])[:-1]
    rank = np.arange(targets.size) - first[targets[order]]
    kept = order[rank < _in_degrees(n, nnz, rng)[targets[order]]]
    return _Edges(n, targets[kept], sources[kept])


def _local(sheet: _Sheet, nnz: int, rng: np.random.Generator) -> _Edges:
    n = math.prod(sheet.sides)
    most = -(-nnz // n)
    radius = 0.0
    while True:
        graph = masks.locality(sheet.sides, radius, periodic=sheet.periodic)
        if graph.in_degree().min() >= most:
            edges = _Edges(n, graph.targets(), _long(graph.indices))
            return _fewest(edges, sheet.distance(edges.targets, edges.sources), nnz, rng)
        radius += 1.0


def _random(n: int, nnz: int, rng: np.random.Generator) -> _Edges:
    graph = masks.random(n, in_degree=-(-nnz // n), seed=int(rng.integers(2**31)))
    edges = _Edges(n, graph.targets(), _long(graph.indices))
    return _fewest(edges, np.zeros(graph.nnz), nnz, rng)


def _small_world(sheet: _Sheet, nnz: int, rng: np.random.Generator) -> _Edges:
    n = math.prod(sheet.sides)
    if nnz < n:
        raise NotApplicable(f"It has fewer synapses ({nnz}) than units ({n}).")
    radius = 0.0
    while masks.locality(sheet.sides, radius + 1, periodic=sheet.periodic).nnz <= nnz / 2:
        radius += 1.0
    seed = int(rng.integers(2**31))
    graph = masks.small_world(sheet.sides, radius, nnz, periodic=sheet.periodic, seed=seed)
    return _Edges(n, graph.targets(), _long(graph.indices))
