"""The synapses of one unit with their weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparse_rnn.nn.cells import MaskedLayer


def synapses(layer: MaskedLayer, unit: int) -> dict[str, Any]:
    """Where the synapses of a unit come from and go to.

    Args:
        layer: The recurrent layer.
        unit: Number of the unit.

    Returns:
        "into" and "out": the other "units" and the "weights" of the synapses; and whether the
        weights are "signed". A cell with gates has several weights on a synapse: the root of the
        sum of their squares stands for them.
    """
    mask = layer.mask
    values = layer.recurrent_weights().detach().cpu().double().numpy()
    signed = values.ndim == 1
    if not signed:
        values = np.sqrt((values**2).sum(axis=0))
    onto = slice(int(mask.indptr[unit]), int(mask.indptr[unit + 1]))
    (from_it,) = np.nonzero(mask.indices == unit)
    # The row of an edge is the last one that begins at it or before.
    targets = np.searchsorted(mask.indptr, from_it, side="right") - 1
    return {
        "into": _listed(mask.indices[onto], values[onto]),
        "out": _listed(targets, values[from_it]),
        "signed": signed,
    }


def _listed(units: NDArray[Any], weights: NDArray[np.float64]) -> dict[str, Any]:
    return {"units": units.tolist(), "weights": [float(f"{w:.6g}") for w in weights]}
