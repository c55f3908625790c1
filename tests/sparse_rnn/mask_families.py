"""Arguments of every mask family for a sheet of 5 x 6 units, which the tests run over."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

SIZE = (5, 6)

GRAPH = np.random.default_rng(0).random((30, 30)) < 0.15

_ENDS = np.nonzero(GRAPH)
TWICE = sparse.coo_array(
    (np.ones(_ENDS[0].size + 1), tuple(np.append(ends, ends[0]) for ends in _ENDS)), shape=(30, 30)
)
"""The same with the first of its edges twice."""

FAMILIES: dict[str, dict[str, Any]] = {
    "locality": {"radius": 1.5},
    "autapse": {},
    "dense": {},
    "random": {"in_degree": 4},
    "erdos_renyi": {"probability": 0.1},
    "small_world": {"radius": 1, "nnz": 190},
    "watts_strogatz": {"neighbours": 4, "rewiring": 0.3},
    "distance_rule": {"decay_rate": 0.7, "mean_in_degree": 5},
    "modular": {"n_modules": 4, "p_in": 0.5, "p_out": 0.05},
    "scale_free": {"mean_in_degree": 3.5},
    "from_graph": {"graph": TWICE, "aggregate": "sum"},
    "degree_preserving": {"graph": TWICE, "aggregate": "sum"},
}

OTHERS: dict[str, dict[str, Any]] = {
    "locality": {"radius": 2, "periodic": False},
    "random": {"in_degree": 5, "self_connections": "always"},
    "erdos_renyi": {"probability": 0.2, "self_connections": "never"},
    "small_world": {"radius": 0, "nnz": 191, "periodic": False},
    "watts_strogatz": {"neighbours": 6, "rewiring": 0.4, "self_connections": "always"},
    "distance_rule": {
        "decay_rate": 0.1,
        "mean_in_degree": 6,
        "periodic": False,
        "self_connections": "always",
    },
    "modular": {"n_modules": 3, "p_in": 0.6, "p_out": 0.1, "self_connections": "never"},
    "scale_free": {"mean_in_degree": 4, "exponent": 4, "self_connections": "always"},
    "from_graph": {"graph": GRAPH.T},
    "degree_preserving": {"graph": GRAPH.T, "swaps": 3},
}
"""Other values of the options than those above or the defaults, each for another mask."""
