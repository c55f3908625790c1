"""Random graphs with the degrees of a given one, by swaps of the targets of two synapses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ends = NDArray[np.int64]


def swapped(
    rng: np.random.Generator, targets: Ends, sources: Ends, n_units: int, n_tried: int
) -> tuple[Ends, Ends, int]:
    """Swap the targets of pairs of synapses, all degrees staying as they are.

    In each round all synapses but self-connections are paired at random, and each pair is tried or
    not by the toss of a coin: without it, all pairs of a small graph would only ever swap together.
    Of a pair a to b and c to d come a to d and c to b, unless one of these is a self-connection or
    there already, or touches what another pair of the round is about. By the last rule a round is
    as likely as the one that undoes it, so that no graph within reach is preferred.

    Args:
        rng: Where the pairs are drawn from.
        targets: int64 ``[nnz]``.
        sources: int64 ``[nnz]``, each pair of target and source once.
        n_units: Number of units N.
        n_tried: How many swaps are tried, in the mean over draws, for each synapse.

    Returns:
        The new targets, the sources, and how many swaps were made.
    """
    own = targets == sources
    fixed_targets, fixed_sources = targets[own], sources[own]
    onto, of = targets[~own].copy(), sources[~own]
    n_swaps, half = 0, of.size // 2
    for _ in range(4 * n_tried):  # In a round, half of the pairs, which are half of the synapses.
        pairs = rng.permutation(of.size)[: 2 * half].reshape(2, half)
        pairs = pairs[:, rng.random(half) < 0.5]
        new_onto, new_of = onto[pairs[::-1]], of[pairs]
        new = new_onto * n_units + new_of
        keys = onto * n_units + of
        proposed, n_times = np.unique(new, return_counts=True)
        refused = (new_onto == new_of) | np.isin(new, keys)
        refused |= np.isin(new, proposed[n_times > 1]) | np.isin(keys[pairs], proposed)
        made = pairs[:, ~refused.any(axis=0)]
        onto[made] = onto[made[::-1]]
        n_swaps += made.shape[1]
    both = np.concatenate([fixed_targets, onto]), np.concatenate([fixed_sources, of])
    return *both, n_swaps
