"""Arguments of every mask family for a sheet of 5 x 6 units, which the tests run over."""

from __future__ import annotations

from typing import Any

import numpy as np

SIZE = (5, 6)

GRAPH = np.random.default_rng(0).random((30, 30)) < 0.15

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
    "from_graph": {"graph": GRAPH},
}
