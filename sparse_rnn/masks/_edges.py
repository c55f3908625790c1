"""`Edges`: what a graph of any format is read as, and what its weights mean."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sparse_rnn.errors import InvalidArgument
from sparse_rnn.masks._sizes import check_counts


@dataclass(frozen=True)
class Edges:
    """The edges of a graph by the numbers of its nodes, in any order.

    Attributes:
        nodes: The nodes, in the order of their numbers.
        sources: int64 ``[rows]``, node that each edge starts from.
        targets: int64 ``[rows]``, node that each edge ends on.
        weights: float64 ``[rows]``; None where the graph has none.
    """

    nodes: Sequence[Hashable]
    sources: NDArray[np.int64]
    targets: NDArray[np.int64]
    weights: NDArray[np.float64] | None

    def renumbered(self, nodes: Sequence[Hashable]) -> Edges:
        """The same edges with the nodes in another order, in which there may be more of them.

        Raises:
            InvalidArgument: A node is missing or there twice.
        """
        number = {node: i for i, node in enumerate(nodes)}
        if len(number) != len(nodes):
            raise InvalidArgument("nodes", list(nodes), "different from each other")
        unknown = [node for node in self.nodes if node not in number]
        if unknown:
            listed = ", ".join(map(repr, unknown[:3])) + (", ..." if len(unknown) > 3 else "")
            raise InvalidArgument("nodes", f"{len(nodes)} nodes", f"all nodes, also {listed}")
        new = np.array([number[node] for node in self.nodes], dtype=np.int64)
        return Edges(list(nodes), new[self.sources], new[self.targets], self.weights)

    def synapses(
        self, *, summed: bool
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Target, source and weight of each synapse, each pair once.

        Args:
            summed: Whether several edges of a pair are one with the sum of their weights; where
                there are no weights, each counts 1.

        Raises:
            InvalidArgument: A weight is NaN or infinite; a pair has several edges and they are not
                summed; there are too many nodes.
        """
        n = len(self.nodes)
        check_counts("graph", n, len(self.sources))
        weights = np.ones(len(self.sources)) if self.weights is None else self.weights
        wrong = np.flatnonzero(~np.isfinite(weights))
        if wrong.size:
            found = f"the weight {weights[wrong[0]]:g} of {self._named(int(wrong[0]))}"
            remedy = "0 is no synapse; leave the edge out or write 0."
            raise InvalidArgument("graph", found, "a graph of finite weights", remedy)
        keys = self.targets * n + self.sources
        if summed:
            keys, place = np.unique(keys, return_inverse=True)
            weights = np.bincount(place, weights, len(keys))
        exist = weights != 0
        keys, weights = keys[exist], weights[exist]
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        twice = np.flatnonzero(ordered[1:] == ordered[:-1])
        if twice.size:
            row = int(np.flatnonzero(exist)[order[twice[0]]])
            remedy = (
                'aggregate="sum" adds up several rows of a pair, such as synapse counts of regions.'
            )
            found = f"{self._named(row)} twice"
            raise InvalidArgument("graph", found, "a graph with each edge once", remedy)
        return keys // n, keys % n, np.asarray(weights, dtype=np.float64)

    def _named(self, row: int) -> str:
        source, target = int(self.sources[row]), int(self.targets[row])
        what = "self-connection" if source == target else "edge"
        return f"the {what} {self.nodes[source]!r} -> {self.nodes[target]!r}"
