"""Random masks in which all units are alike, and their places mean nothing."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from sparse_rnn.errors import InvalidArgument
from sparse_rnn.masks import _sampling as sampling
from sparse_rnn.masks._arguments import SelfConnections, self_rule
from sparse_rnn.masks._keys import mask_by_rule
from sparse_rnn.masks._mask import Mask
from sparse_rnn.masks._sizes import Size, check_counts, check_size
from sparse_rnn.system.arguments import choice, real, whole


def random(
    n: Size,
    in_degree: int,
    *,
    self_connections: SelfConnections = "random",
    seed: sampling.Seed = 0,
) -> Mask:
    """Give each unit the same number of random sources: the paper's random control.

    Khona et al. 2023, section 2.6 and figure 5c (https://doi.org/10.1162/neco_a_01613): "a random
    sparse graph with the same number of incoming edges from each node". All sets of sources of a
    unit are equally likely. At a low in-degree some units cannot be reached from others.

    Args:
        n: Number of units N, or the side lengths of the sheet they lie on.
        in_degree: Synapses onto each unit, self-connections included.
        self_connections: "random" (a unit is a source of itself as likely as any other unit),
            "never", or "always" (as in locality masks; the other sources are random).
        seed: Where the mask is drawn from.

    Raises:
        InvalidArgument: An argument has a value that is not allowed; there are not that many
            sources.

    Example:
        >>> from sparse_rnn.masks import random
        >>> random((50, 50), in_degree=113, seed=1).nnz
        282500
    """
    sides = check_size("n", n)
    n_units = math.prod(sides)
    rule = self_rule(self_connections)
    rng = sampling.generator(seed)
    in_degree = whole("in_degree", in_degree, 1, n_units - (rule == "never"))
    check_counts("in_degree", n_units, n_units * in_degree)
    others = np.full(n_units, in_degree)
    if rule == "random":
        keys = sampling.distinct(rng, others, n_units)
    else:
        ranks = sampling.distinct(rng, others - (rule == "always"), n_units - 1)
        keys = sampling.skip(ranks, sampling.diagonal(n_units))
    return mask_by_rule("random", keys, sides, "in_degree", rule, seed, in_degree=in_degree)


def erdos_renyi(
    n: Size,
    probability: float,
    *,
    self_connections: SelfConnections = "random",
    seed: sampling.Seed = 0,
) -> Mask:
    """Let each synapse exist with the same probability, independently of all others.

    Erdos & Renyi 1959, Gilbert 1959 (https://doi.org/10.1214/aoms/1177706098), for directed
    graphs: the random graph of figure 1d of Khona et al. 2023.

    Args:
        n: Number of units N, or the side lengths of the sheet they lie on.
        probability: Probability of each synapse, above 0 and at most 1.
        self_connections: "random" (as any other synapse), "never" or "always".
        seed: Where the mask is drawn from.

    Raises:
        InvalidArgument: An argument has a value that is not allowed, or no synapse was drawn.

    Example:
        >>> from sparse_rnn.masks import erdos_renyi
        >>> erdos_renyi(100, probability=0.1, seed=1)
        <Mask erdos_renyi(n=100, probability=0.1, ..., seed=1): 100 units, 971 synapses>
    """
    sides = check_size("n", n)
    n_units = math.prod(sides)
    rule = self_rule(self_connections)
    rng = sampling.generator(seed)
    probability = real("probability", probability, 0, 1)
    if probability == 0:
        raise InvalidArgument("probability", probability, "above 0, for a mask needs synapses")
    n_pairs = n_units**2
    check_counts("probability", n_units, round(probability * n_pairs))
    keys = sampling.distinct(rng, [rng.binomial(n_pairs, probability)], n_pairs)
    how = sides, "probability", rule, seed
    return mask_by_rule("erdos_renyi", keys, *how, probability=probability)


def watts_strogatz(
    n: Size,
    neighbours: int,
    rewiring: float,
    *,
    self_connections: Literal["never", "always"] = "never",
    seed: sampling.Seed = 0,
) -> Mask:
    """Connect the units in a ring with their nearest neighbours, then rewire some synapses.

    Watts & Strogatz 1998 (https://doi.org/10.1038/30918), directed: each synapse of the ring gets,
    with probability `rewiring`, another source. The new source is any other unit that is not yet a
    source, all of them equally likely. So every unit keeps its in-degree, which the undirected
    original does not promise. This is not the small-world mask of Khona et al. 2023, which is
    `small_world`.

    Args:
        n: Number of units N, or the side lengths of the sheet; the ring is in their numbering.
        neighbours: Sources of each unit in the ring, half of them on each side; even.
        rewiring: Probability that a synapse is rewired, from 0 to 1.
        self_connections: "never" as in the original, or "always", on top of the neighbours.
        seed: Where the mask is drawn from.

    Raises:
        InvalidArgument: An argument has a value that is not allowed.

    Example:
        >>> from sparse_rnn.masks import watts_strogatz
        >>> watts_strogatz(100, neighbours=6, rewiring=0.1, seed=1).in_degree().max()
        np.int64(6)
    """
    sides = check_size("n", n)
    n_units = math.prod(sides)
    rule = choice("self_connections", self_connections, ("never", "always"))
    rng = sampling.generator(seed)
    neighbours = whole("neighbours", neighbours, 2, n_units - 1)
    if neighbours % 2:
        raise InvalidArgument("neighbours", neighbours, "even, half of them on each side")
    check_counts("neighbours", n_units, n_units * neighbours)
    rewiring = real("rewiring", rewiring, 0, 1)
    half = neighbours // 2
    steps = np.concatenate([np.arange(-half, 0), np.arange(1, half + 1)])
    unit = np.arange(n_units)[:, None]
    ring = unit * n_units + (unit + steps) % n_units
    stays = rng.random(ring.shape) >= rewiring
    own = sampling.diagonal(n_units)
    kept = np.sort(ring[stays])
    n_kept = stays.sum(axis=1)
    ranks = sampling.distinct(rng, neighbours - n_kept, n_units - 1 - n_kept)
    keys = sampling.merge(kept, sampling.skip(ranks, sampling.merge(kept, own)))
    how = sides, "neighbours", rule, seed
    return mask_by_rule("watts_strogatz", keys, *how, neighbours=neighbours, rewiring=rewiring)
