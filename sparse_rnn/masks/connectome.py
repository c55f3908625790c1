"""Masks that are given as graphs, such as a connectome."""

from __future__ import annotations

import logging
import math
from collections.abc import Hashable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from sparse_rnn.errors import InvalidArgument
from sparse_rnn.masks import _frames as frames, _graph_files as files, _sampling as sampling
from sparse_rnn.masks._columns import Asked
from sparse_rnn.masks._edges import Edges
from sparse_rnn.masks._keys import shown_size
from sparse_rnn.masks._mask import Mask
from sparse_rnn.masks._networkx import is_networkx, of_networkx
from sparse_rnn.masks._sizes import Size, check_counts, check_size, sheet_coords
from sparse_rnn.masks._swaps import swapped
from sparse_rnn.masks._worm import Synapses
from sparse_rnn.system.arguments import choice, whole

_LOG = logging.getLogger("sparse_rnn")


Aggregate = Literal["refuse", "sum"]
"""What several edges of one pair are: an error, or one with the sum of their weights."""


def from_graph(  # noqa: PLR0913 - options that commands and configurations know one by one
    graph: str | Path | Any,
    *,
    size: Size | None = None,
    nodes: Sequence[Hashable] | None = None,
    source: int | str | None = None,
    target: int | str | None = None,
    weight: int | str | None = None,
    aggregate: Aggregate = "refuse",
    synapses: Synapses | None = None,
) -> Mask:
    """Take the synapses from a graph: a connectome, or a graph of your own.

    | graph | synapses | units in the order of |
    |---|---|---|
    | a mask | its own | its units |
    | networkx, directed | edge j to i: from j onto i | `graph.nodes` |
    | networkx, undirected | both directions of each edge | `graph.nodes` |
    | scipy sparse, dense array ``[N, N]`` | entry ``[i, j]`` not 0: from j onto i | the rows |
    | data frame of pandas or polars | a row each: source, target | as in files |
    | data frame of pandas with the same labels on both sides | as a dense array | the rows |
    | `.graphml` or `.xml` file | as networkx | the file |
    | `.csv`, `.tsv`, `.txt`, `.edges`, `.edgelist` or `.el` file | a line each: source, target | \
numbers ascending; other names by first appearance |
    | the first three of these with a square matrix of 4 or more units, or with the names of the \
units above and beside it | as a dense array | the rows |

    **What is what** in a table is told by the names of its columns: source and target, from and to,
    pre and post, pre_root_id and post_root_id (FlyWire), pre_pt_root_id and post_pt_root_id (CAVE),
    bodyId_pre and bodyId_post (neuPrint), presynaptic and postsynaptic, and the like; weight,
    syn_count or count. Without a head a list has two columns, or three with the weight. Another
    head is refused until `source`, `target` and `weight` say which column is which. Cells are
    separated by commas, tabs, semicolons or blanks, whichever the lines themselves show. Lines that
    begin with # or % are comments.

    **The worm.** Columns Neuron 1, Neuron 2, Type and Nbr are those of Varshney et al. 2011
    (https://doi.org/10.1371/journal.pcbi.1001066) for the 279 neurons of C. elegans, in the file
    NeuronConnect of the WormAtlas. Its types say the direction, and each synapse is there from
    both sides. It is read by its own rules, and refused where the two sides differ. Synapses onto
    muscles are left out. A mask from this file is theirs: cite them.

    **Weights** say one thing, in all formats: 0 is no synapse, NaN and infinity are refused, and
    anything else is a synapse. Their sizes are ignored, and a warning in the log says so: a mask
    says which synapses exist.

    Args:
        graph: A file; in Python also a mask, a networkx graph, a scipy sparse matrix or array, a
            dense array, or a data frame.
        size: The number of units that the graph must have, or the side lengths of the sheet on
            which its units then lie.
        nodes: All nodes in the order of the units, in which case the graph's own order does not
            count; they may include some without an edge. Not for matrices without names.
        source: Column of a table that has the sources: its name, or its number from 0 in a table
            without a head.
        target: Column of a table that has the targets.
        weight: Column of a table, or attribute of a networkx graph's edges, that has the weights;
            by default the one that is called so, if there is one.
        aggregate: What several edges of a pair are: "refuse", an error; "sum", one with the sum of
            their weights, as for counts of synapses by region. Without weights each counts 1.
        synapses: Which synapses of the worm: "chemical", which are directed and the ones taken by
            default; "electrical", both ways; "both". Not for other graphs.

    Returns:
        The mask; without positions of the units unless `size` is a sheet.

    Raises:
        InvalidArgument: The graph has an edge twice, a matrix that is not square, a weight that is
            not finite, no node or no edge, nodes that are not in `nodes`, another size; the columns
            of a table are not understood; or the file cannot be read. The message says which.

    Example:
        >>> import networkx as nx
        >>> from sparse_rnn.masks import from_graph
        >>> from_graph(nx.DiGraph([("a", "b"), ("b", "c")])).to_dense().astype(int)
        array([[0, 0, 0],
               [1, 0, 0],
               [0, 1, 0]])
    """
    if synapses is not None:
        choice("synapses", synapses, get_args(Synapses))
    asked = Asked(source, target, weight, synapses)
    shown: object = str(graph) if isinstance(graph, str | Path) else type(graph).__name__
    summed = choice("aggregate", aggregate, ("refuse", "sum")) == "sum"
    edges, told = _read(graph, asked)
    if isinstance(edges.nodes, range):
        if nodes is not None:
            raise InvalidArgument("nodes", list(nodes), "left out for matrices")
    elif nodes is not None:
        edges = edges.renumbered(nodes)
    n_units = len(edges.nodes)
    if not n_units:
        raise InvalidArgument("graph", "no node", "a graph with at least one node")
    targets, sources, weights = edges.synapses(summed=summed)
    if not targets.size:
        raise InvalidArgument("graph", shown, "a graph with at least one edge")
    coords = graph.coords if isinstance(graph, Mask) else None
    if size is not None:
        coords = _coords(size, n_units)
    ignored = "the weights are ignored; a mask has none" if np.any(weights != 1) else ""
    for text in filter(None, (told, ignored)):
        _LOG.warning("from_graph: %s: %s.", shown, text)
    given = {"source": source, "target": target, "weight": weight, "synapses": synapses}
    parameters: dict[str, object] = {
        "graph": shown,
        **{name: value for name, value in given.items() if value is not None},
        **({"aggregate": aggregate} if summed else {}),
    }
    if size is not None:
        parameters["size"] = shown_size(check_size("size", size))
    return Mask.from_edges(
        n_units, targets, sources, coords=coords, family="from_graph", parameters=parameters
    )


def degree_preserving(  # noqa: PLR0913 - options that commands and configurations know one by one
    graph: str | Path | Any,
    *,
    size: Size | None = None,
    source: int | str | None = None,
    target: int | str | None = None,
    weight: int | str | None = None,
    aggregate: Aggregate = "refuse",
    synapses: Synapses | None = None,
    swaps: int = 10,
    seed: sampling.Seed = 0,
) -> Mask:
    """Wire a graph at random, each unit keeping its numbers of inputs and of outputs.

    The control of a connectome: what it does because of who has many synapses, this mask does too.
    Two synapses a to b and c to d swap their targets, and become a to d and c to b, unless one of
    these exists already or is a self-connection; many times over (Maslov & Sneppen 2002,
    https://doi.org/10.1126/science.1065103). Self-connections stay as they are. More swaps mix
    more: Milo et al. 2003 (https://arxiv.org/abs/cond-mat/0312028) advise 100 for each synapse. A
    lone cycle of three units is never turned around, since no swap leads there.

    Args:
        graph: The graph, as for `from_graph`: a file; in Python also a mask, and the rest.
        size: The number of units that the graph must have, or the side lengths of the sheet on
            which its units then lie.
        source: Column of a table that has the sources: its name, or its number from 0 in a table
            without a head.
        target: Column of a table that has the targets.
        weight: Column of a table, or attribute of a networkx graph's edges, that has the weights.
        aggregate: What several edges of a pair are: "refuse", an error; "sum", one.
        synapses: Which synapses of the worm: "chemical", "electrical" or "both". Electrical ones
            do not stay the same in both directions.
        swaps: How many swaps are tried for each synapse, on average.
        seed: Where the swaps are drawn from.

    Raises:
        InvalidArgument: As for `from_graph`; no swap was possible, as in a dense mask.

    Example:
        >>> from sparse_rnn.masks import degree_preserving, scale_free
        >>> hubs = scale_free(100, mean_in_degree=5, seed=1)
        >>> control = degree_preserving(hubs, seed=1)
        >>> (control.in_degree() == hubs.in_degree()).all(), control == hubs
        (np.True_, False)
    """
    rng = sampling.generator(seed)
    n_tried = whole("swaps", swaps, 1)
    read = from_graph(
        graph,
        size=size,
        source=source,
        target=target,
        weight=weight,
        aggregate=aggregate,
        synapses=synapses,
    )
    targets, sources = read.targets(), read.indices.astype(np.int64)
    *ends, n_swaps = swapped(rng, targets, sources, read.n_units, n_tried)
    if not n_swaps:
        allowed = "a graph in which two synapses can swap their targets"
        remedy = f"(None could, at swaps={n_tried}.)"
        raise InvalidArgument("graph", read.parameters["graph"], allowed, remedy)
    own = {"swaps": n_tried, "seed": sampling.seed_record(seed)}
    return Mask.from_edges(
        read.n_units,
        *ends,
        coords=read.coords,
        family="degree_preserving",
        parameters={**read.parameters, **own},
    )


def _read(graph: Any, asked: Asked) -> tuple[Edges, str]:
    """Edges of a graph of any kind, and what the log should say of how they were read."""
    if isinstance(graph, str | Path):
        return files.read(Path(graph), asked)
    if isinstance(graph, Mask):
        asked.refuse("a mask")
        return Edges(
            range(graph.n_units), graph.indices.astype(np.int64), graph.targets(), None
        ), ""
    if is_networkx(graph):
        return of_networkx(graph, asked), ""
    if frames.is_frame(graph):
        found = frames.read(graph, asked)
        if found is not None:
            return found
        asked.refuse("a matrix")
        matrix = _of_matrix(graph.to_numpy())
        return replace(matrix, nodes=list(graph.columns)), ""
    asked.refuse("a matrix")
    return _of_matrix(graph), ""


def _coords(size: Size, n_units: int) -> NDArray[np.float64] | None:
    sides = check_size("size", size)
    if math.prod(sides) != n_units:
        remedy = "Nodes without an edge are in no list of edges: write GraphML, or give `nodes`."
        raise InvalidArgument("size", size, f"{n_units} units, as many as the graph has", remedy)
    return sheet_coords(sides) if len(sides) > 1 else None


_LIST = "A list of edges is given by Mask.from_edges, networkx.DiGraph, or a table with a head."


def _of_matrix(graph: object) -> Edges:
    from scipy import sparse

    if sparse.issparse(graph):
        coo = cast("Any", graph).tocoo()
        shape, values, at = coo.shape, coo.data, (coo.row, coo.col)
    else:
        dense = _dense(graph)
        shape = dense.shape
        at = np.nonzero(np.atleast_1d(dense))
        values = np.atleast_1d(dense)[at]
    if len(shape) != 2 or shape[0] != shape[1]:
        raise InvalidArgument("graph", f"of shape {list(shape)}", "a square matrix [N, N]", _LIST)
    if values.dtype.kind not in "biuf":
        raise InvalidArgument("graph", f"an array of {values.dtype}", "an array of numbers")
    check_counts("graph", shape[0], len(values))
    targets, sources = (np.asarray(ends, dtype=np.int64) for ends in at)
    return Edges(range(shape[0]), sources, targets, values.astype(np.float64))


def _dense(graph: object) -> NDArray[Any]:
    if isinstance(graph, list | tuple) and any(isinstance(row, tuple) for row in graph):
        # Two pairs of numbers would be a matrix of 2 x 2.
        raise InvalidArgument("graph", "a list of tuples", "a square matrix [N, N]", _LIST)
    try:
        return np.asarray(graph)
    except ValueError as error:
        raise InvalidArgument("graph", graph, "a square matrix [N, N]", f"({error})") from error
