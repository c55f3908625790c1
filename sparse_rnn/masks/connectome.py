"""Masks that are given as graphs, such as a connectome."""

from __future__ import annotations

import logging
import math
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from sparse_rnn.errors import InvalidArgument
from sparse_rnn.masks import _graph_files as files
from sparse_rnn.masks._keys import shown_size
from sparse_rnn.masks._mask import Mask
from sparse_rnn.masks._sizes import Size, check_size, sheet_coords

_LOG = logging.getLogger("sparse_rnn")


def from_graph(
    graph: str | Path | Any, *, size: Size | None = None, nodes: Sequence[Hashable] | None = None
) -> Mask:
    """Take the synapses from a graph: a connectome, or a graph of your own.

    | graph | synapses | units in the order of |
    |---|---|---|
    | networkx, directed | edge j to i: from j onto i | `graph.nodes` |
    | networkx, undirected | both directions of each edge | `graph.nodes` |
    | scipy sparse, dense array ``[N, N]`` | entry ``[i, j]`` not 0: from j onto i | the rows |
    | `.graphml` or `.xml` file | as networkx | the file |
    | `.csv`, `.tsv`, `.txt`, `.edges`, `.edgelist` or `.el` file | a line each: source, target | \
numbers ascending; other names by first appearance |

    Lists of edges have columns separated by commas, tabs or, in the others, by blanks. The head of
    the first two kinds may name the columns: source and target, from and to, or pre and post.
    **Weights are ignored**, and a warning in the log says so: a mask says which synapses exist.

    Args:
        graph: A file; in Python also a networkx graph, a scipy sparse matrix or array, or a dense
            array.
        size: The number of units that the graph must have, or the side lengths of the sheet on
            which its units then lie.
        nodes: All nodes in the order of the units, in which case the graph's own order does not
            count; they may include some without an edge. Not for matrices.

    Returns:
        The mask; without positions of the units unless `size` is a sheet.

    Raises:
        InvalidArgument: The graph has an edge twice, a matrix that is not square or has NaN, no
            node or no edge, nodes that are not in `nodes`, another size; or the file cannot be
            read. The message says which.

    Example:
        >>> import networkx as nx
        >>> from_graph(nx.DiGraph([("a", "b"), ("b", "c")])).to_dense().astype(int)
        array([[0, 0, 0],
               [1, 0, 0],
               [0, 1, 0]])
    """
    shown: object = type(graph).__name__
    if isinstance(graph, str | Path):
        shown = str(graph)
        n_units, targets, sources, weighted = _of_edges(files.read(Path(graph)), nodes)
    elif _is_networkx(graph):
        n_units, targets, sources, weighted = _of_edges(files.of_networkx(graph), nodes)
    else:
        if nodes is not None:
            raise InvalidArgument("nodes", list(nodes), "left out for matrices")
        n_units, targets, sources, weighted = _of_matrix(graph)
    if not targets.size:
        raise InvalidArgument("graph", shown, "a graph with at least one edge")
    coords = None if size is None else _coords(size, n_units)
    if weighted:
        _LOG.warning("from_graph: the weights of %s are ignored; a mask has none.", shown)
    parameters: dict[str, object] = {"graph": shown}
    if size is not None:
        parameters["size"] = shown_size(check_size("size", size))
    return Mask.from_edges(
        n_units, targets, sources, coords=coords, family="from_graph", parameters=parameters
    )


_Edges = tuple[int, NDArray[np.int64], NDArray[np.int64], bool]


def _is_networkx(graph: object) -> bool:
    return all(hasattr(graph, name) for name in ("nodes", "edges", "is_directed"))


def _coords(size: Size, n_units: int) -> NDArray[np.float64] | None:
    sides = check_size("size", size)
    if math.prod(sides) != n_units:
        remedy = "Nodes without an edge are in no list of edges: write GraphML, or give `nodes`."
        raise InvalidArgument("size", size, f"{n_units} units, as many as the graph has", remedy)
    return sheet_coords(sides) if len(sides) > 1 else None


def _of_edges(edges: files.EdgeList, nodes: Sequence[Hashable] | None) -> _Edges:
    order = edges.nodes if nodes is None else list(nodes)
    if not order:
        raise InvalidArgument("graph", "no node", "a graph with at least one node")
    number = {node: i for i, node in enumerate(order)}
    if len(number) != len(order):
        raise InvalidArgument("nodes", order, "different from each other")
    unknown = [node for node in edges.nodes if node not in number]
    if unknown:
        listed = ", ".join(map(repr, unknown[:3])) + (", ..." if len(unknown) > 3 else "")
        raise InvalidArgument("nodes", f"{len(order)} nodes", f"all nodes, also {listed}")
    ends = np.array([(number[a], number[b]) for a, b in edges.edges], dtype=np.int64)
    sources, targets = ends.reshape(-1, 2).T
    _refuse_repeated(targets, sources, order)
    return len(order), targets, sources, edges.weighted


def _of_matrix(graph: object) -> _Edges:
    if sparse.issparse(graph):
        coo = cast("Any", graph).tocoo()
        shape, values, at = coo.shape, coo.data, (coo.row, coo.col)
    else:
        dense = _dense(graph)
        shape = dense.shape
        at = np.nonzero(np.atleast_1d(dense))
        values = np.atleast_1d(dense)[at]
    if len(shape) != 2 or shape[0] != shape[1]:
        raise InvalidArgument("graph", f"of shape {list(shape)}", "a square matrix [N, N]")
    if shape[0] == 0:
        raise InvalidArgument("graph", "no node", "a graph with at least one node")
    if values.dtype.kind not in "biuf":
        raise InvalidArgument("graph", f"an array of {values.dtype}", "an array of numbers")
    if not np.isfinite(values).all():
        raise InvalidArgument("graph", "NaN or infinity", "a matrix of finite numbers")
    exist = values != 0
    targets, sources = (np.asarray(ends, dtype=np.int64)[exist] for ends in at)
    _refuse_repeated(targets, sources, range(shape[0]))
    return int(shape[0]), targets, sources, bool(np.any(values[exist] != 1))


def _dense(graph: object) -> NDArray[Any]:
    try:
        return np.asarray(graph)
    except ValueError as error:
        raise InvalidArgument("graph", graph, "a square matrix [N, N]", f"({error})") from error


def _refuse_repeated(
    targets: NDArray[np.int64], sources: NDArray[np.int64], nodes: Sequence[Hashable]
) -> None:
    keys = np.sort(targets * len(nodes) + sources)
    twice = keys[1:][keys[1:] == keys[:-1]]
    if twice.size:
        target, source = divmod(int(twice[0]), len(nodes))
        what = "self-connection" if target == source else "edge"
        found = f"the {what} {nodes[source]!r} -> {nodes[target]!r} twice"
        raise InvalidArgument("graph", found, "a graph with each edge once")
