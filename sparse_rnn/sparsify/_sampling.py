"""Draws of a fixed number of synapses, each with a probability of its own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def inclusion(scores: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """Probabilities in proportion to scores of at least 0, clipped at 1, that sum up to k.

    Where fewer than k scores are above 0, those are certain and the others share out the rest.

    Example:
        >>> inclusion(np.array([6.0, 1.0, 1.0, 0.0]), 2)
        array([1. , 0.5, 0.5, 0. ])
    """
    probability = np.zeros(scores.size)
    certain = scores > 0
    if certain.sum() <= k:
        open_ = ~certain
        probability[certain] = 1
        probability[open_] = (k - certain.sum()) / max(open_.sum(), 1)
        return probability
    # The largest are certain: each, as long as its share of what is left would be 1 or more.
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    left = np.cumsum(ordered[::-1])[::-1]
    certain = ordered[:k] * (k - np.arange(k)) >= left[:k]
    n_certain = k if certain.all() else int(np.argmin(certain))
    probability[order[:n_certain]] = 1
    if n_certain < k:
        shares = ordered[n_certain:] * ((k - n_certain) / left[n_certain])
        probability[order[n_certain:]] = np.minimum(shares, 1)
    return probability


def exactly(probability: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Draw as many as the probabilities sum up to, each with its own.

    Systematic sampling (Madow 1949) in a random order: the probabilities are laid end to end, and
    those are drawn into which one of the points u, u + 1, u + 2, ... falls, u uniform below 1.

    Args:
        probability: float64 ``[n]``, whose sum is a whole number but for rounding.
        rng: Where u and the order are drawn from.

    Returns:
        bool ``[n]``.
    """
    k = round(float(probability.sum()))
    order = rng.permutation(probability.size)
    ends = np.cumsum(probability[order])
    steps = np.arange(k)
    found = np.searchsorted(ends, (steps + rng.random()) * (ends[-1] / k), side="right")
    # No probability is above 1, so that no two points fall into one, but for rounding.
    found = np.maximum.accumulate(found - steps) + steps
    drawn = np.zeros(probability.size, dtype=np.bool_)
    drawn[order[np.minimum(found, probability.size - k + steps)]] = True
    return drawn
