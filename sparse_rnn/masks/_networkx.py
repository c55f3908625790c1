"""Graphs of networkx, which is not imported."""

from __future__ import annotations

from typing import Any

import numpy as np

from sparse_rnn.errors import InvalidArgument
from sparse_rnn.masks._columns import Asked
from sparse_rnn.masks._edges import Edges


def is_networkx(graph: object) -> bool:
    """Whether an object is a graph of networkx."""
    return all(hasattr(graph, name) for name in ("nodes", "edges", "is_directed"))


def of_networkx(graph: Any, asked: Asked) -> Edges:
    """Read a graph of networkx; an undirected edge is one in each direction.

    Raises:
        InvalidArgument: Columns are asked for, or a weight is no number.
    """
    Asked(asked.source, asked.target, None, asked.synapses).refuse("a graph of networkx")
    name = "weight" if asked.weight is None else asked.weight
    nodes = list(graph.nodes)
    number = {node: i for i, node in enumerate(nodes)}
    triples = [(number[a], number[b], data) for a, b, data in graph.edges(data=True)]
    if asked.weight is not None:
        lacking = [data for _, _, data in triples if name not in data]
        if lacking:
            found = f"{len(lacking)} edges without it"
            raise InvalidArgument("weight", name, "an attribute of all edges", f"({found}.)")
    weights = [data.get(name, 1) for _, _, data in triples]
    for weight in weights:
        if not isinstance(weight, int | float | np.number):
            raise InvalidArgument(
                "graph", f"the weight {weight!r}", "a graph of weights in numbers"
            )
    ends = np.array([(a, b) for a, b, _ in triples], dtype=np.int64).reshape(-1, 2)
    values = np.array(weights, dtype=np.float64)
    if not graph.is_directed():
        others = ends[:, 0] != ends[:, 1]
        ends = np.concatenate([ends, ends[others][:, ::-1]])
        values = np.concatenate([values, values[others]])
    return Edges(nodes, ends[:, 0], ends[:, 1], values)
