"""Graphs from the data frames of pandas and polars, neither of which is imported."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparse_rnn.errors import InvalidArgument
from sparse_rnn.masks import _worm as worm
from sparse_rnn.masks._columns import Asked, Columns, find, unknown
from sparse_rnn.masks._edges import Edges


def is_frame(graph: object) -> bool:
    """Whether an object is a data frame."""
    return all(hasattr(graph, name) for name in ("columns", "shape", "to_numpy"))


def read(frame: Any, asked: Asked) -> tuple[Edges, str] | None:
    """Edges of a data frame, a row each, and what the log should say of how they were read.

    Returns:
        Both; None for a square matrix, whose rows and columns have the same labels.

    Raises:
        InvalidArgument: Its columns do not say what it is, or hold no ends and weights.
    """
    labels: list[Hashable] = list(frame.columns)
    if worm.has_head(labels):
        return worm.read(enumerate(frame.to_numpy().tolist(), 1), asked)
    columns = find(labels, asked)
    if columns is None:
        index = getattr(frame, "index", None)
        # Of two or three columns with the labels 0, 1, ... nobody can tell what they are.
        told = len(labels) > 3 or labels != list(range(len(labels)))
        if index is not None and not callable(index) and list(index) == labels and told:
            return None
        raise unknown(labels, "A matrix is given by frame.to_numpy().")
    return _edges(frame, labels, columns), columns.told


def _edges(frame: Any, labels: list[Hashable], columns: Columns) -> Edges:
    ends = [_ids(frame[labels[i]], labels[i]) for i in (columns.source, columns.target)]
    weights = None
    if columns.weight is not None:
        name = labels[columns.weight]
        try:
            weights = np.asarray(frame[name].to_numpy(), dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InvalidArgument("graph", f"the column {name!r}", "one of numbers") from error
    first, second = ends
    if first.dtype == second.dtype and first.dtype.kind in "iu":
        nodes, number = np.unique(np.concatenate(ends), return_inverse=True)
        sources, targets = number.reshape(2, -1).astype(np.int64)
        return Edges(nodes.tolist(), sources, targets, weights)
    numbers: defaultdict[Hashable, int] = defaultdict()
    numbers.default_factory = numbers.__len__
    pairs = zip(first.tolist(), second.tolist(), strict=True)
    found = np.array([(numbers[a], numbers[b]) for a, b in pairs], dtype=np.int64).reshape(-1, 2)
    return in_order(list(numbers), found[:, 0], found[:, 1], weights)


def in_order(
    nodes: list[Hashable],
    sources: NDArray[np.int64],
    targets: NDArray[np.int64],
    weights: NDArray[np.float64] | None,
) -> Edges:
    """Edges of nodes by first appearance; those that are all whole numbers ascend instead."""
    numbers = [node for node in nodes if isinstance(node, int)]
    if len(numbers) < len(nodes):
        return Edges(nodes, sources, targets, weights)
    order = sorted(range(len(nodes)), key=numbers.__getitem__)
    rank = np.empty(len(nodes), dtype=np.int64)
    rank[order] = np.arange(len(nodes))
    return Edges([nodes[i] for i in order], rank[sources], rank[targets], weights)


def _ids(series: Any, name: Hashable) -> NDArray[Any]:
    """Ends of edges; whole numbers or names."""
    missing = series.isna() if hasattr(series, "isna") else series.is_null()
    if missing.any():
        raise InvalidArgument("graph", f"the column {name!r}", "one without missing nodes")
    values = np.asarray(series.to_numpy())
    listed = values.tolist() if values.dtype.kind == "O" else []
    if values.dtype.kind == "f" or any(isinstance(value, float) for value in listed):
        remedy = "Floats lose the last digits of long ids: read the column as int64 or as text."
        found = f"the column {name!r} of floats"
        raise InvalidArgument("graph", found, "a table of nodes by whole numbers or names", remedy)
    return values
