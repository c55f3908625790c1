"""Random masks in which units are unequal: members of modules, hubs."""

from __future__ import annotations

import math

import numpy as np

from sparse_rnn.errors import InvalidArgument
from sparse_rnn.masks import _sampling as sampling
from sparse_rnn.masks._arguments import SelfConnections, self_rule
from sparse_rnn.masks._keys import mask_by_rule
from sparse_rnn.masks._mask import Mask
from sparse_rnn.masks._sizes import Size, check_counts, check_size
from sparse_rnn.system.arguments import real, whole

MAX_ROUNDS = 1000
"""How often `scale_free` draws repeated synapses anew; dense masks of hubs would take forever."""


def modular(
    n: Size,
    n_modules: int,
    p_in: float,
    p_out: float,
    *,
    self_connections: SelfConnections = "random",
    seed: sampling.Seed = 0,
) -> Mask:
    """Let synapses exist with one probability inside modules and with another between them.

    The stochastic block model of Holland, Laskey & Leinhardt 1983
    (https://doi.org/10.1016/0378-8733(83)90021-7), directed, with blocks of equal size.

    Args:
        n: Number of units N, or the side lengths of the sheet they lie on.
        n_modules: Number of modules. Each has units of consecutive numbers; where N is no multiple
            of it, the first ones have a unit more.
        p_in: Probability of a synapse between units of one module, from 0 to 1.
        p_out: Probability of a synapse between units of two modules, from 0 to 1.
        self_connections: "random" (with probability `p_in`), "never" or "always".
        seed: Where the mask is drawn from.

    Raises:
        InvalidArgument: An argument has a value that is not allowed, or no synapse was drawn.

    Example:
        >>> from sparse_rnn.masks import modular
        >>> modular(12, n_modules=3, p_in=1, p_out=0).nnz
        48
    """
    sides = check_size("n", n)
    n_units = math.prod(sides)
    rule = self_rule(self_connections)
    rng = sampling.generator(seed)
    n_modules = whole("n_modules", n_modules, 1, n_units)
    p_in, p_out = real("p_in", p_in, 0, 1), real("p_out", p_out, 0, 1)
    if p_in == p_out == 0:
        raise InvalidArgument("p_in", p_in, "above 0 where p_out is 0, for a mask needs synapses")
    sizes = np.full(n_modules, n_units // n_modules)
    sizes[: n_units % n_modules] += 1
    # Module of each unit: how many units it has, and the first of them.
    size = np.repeat(sizes, sizes)
    expected = p_in * int((sizes**2).sum()) + p_out * (n_units**2 - int((sizes**2).sum()))
    check_counts("n", n_units, round(expected))
    start = np.repeat(np.cumsum(sizes) - sizes, sizes)
    inside = sampling.distinct(rng, rng.binomial(size, p_in), size)
    outside = sampling.distinct(rng, rng.binomial(n_units - size, p_out), n_units - size)
    # Numbers within a group become numbers of units: groups inside are as long as the module ...
    target, source = _split(inside, size)
    keys_in = target * n_units + start[target] + source
    # ... and those outside leave it out.
    target, source = _split(outside, n_units - size)
    source = np.where(source < start[target], source, source + size[target])
    keys = sampling.merge(keys_in, target * n_units + source)
    how = sides, "p_in", rule, seed
    return mask_by_rule("modular", keys, *how, n_modules=n_modules, p_in=p_in, p_out=p_out)


def _split(numbers: sampling.Keys, sizes: sampling.Keys) -> tuple[sampling.Keys, sampling.Keys]:
    """Group of each thing that `distinct` numbered, and its number within the group."""
    starts = np.cumsum(sizes) - sizes
    group = np.searchsorted(starts, numbers, side="right") - 1
    return group, numbers - starts[group]


def scale_free(
    n: Size,
    mean_in_degree: float,
    *,
    exponent: float = 3.0,
    self_connections: SelfConnections = "random",
    seed: sampling.Seed = 0,
) -> Mask:
    """Draw synapses between units of very unequal attractiveness, so that hubs arise.

    The static model of Goh, Kahng & Kim 2001 (https://doi.org/10.1103/PhysRevLett.87.278701),
    directed: target and source of a synapse are drawn with probabilities proportional to
    ``rank ** (-1 / (exponent - 1))``; repeated synapses are drawn anew, until there are
    ``round(mean_in_degree * N)``. In- and out-degrees then have tails like
    ``degree ** -exponent``, up to the cut-off of a finite graph. We differ in that ranks as target
    and as source are independent, and in that self-connections may exist.

    Args:
        n: Number of units N, or the side lengths of the sheet they lie on.
        mean_in_degree: Synapses onto a unit on average, self-connections included.
        exponent: Exponent of the degree distributions, above 2.
        self_connections: "random" (as any other synapse), "never" or "always".
        seed: Where the mask is drawn from.

    Raises:
        InvalidArgument: An argument has a value that is not allowed, or the mask is so dense that
            the hubs have all synapses there are, and drawing more takes too long.

    Example:
        >>> from sparse_rnn.masks import scale_free
        >>> scale_free(1000, mean_in_degree=10, seed=1).nnz
        10000
    """
    sides = check_size("n", n)
    n_units = math.prod(sides)
    rule = self_rule(self_connections)
    rng = sampling.generator(seed)
    lowest = 1 if rule == "always" else 1 / n_units
    mean_in_degree = real("mean_in_degree", mean_in_degree, lowest, n_units - (rule == "never"))
    check_counts("mean_in_degree", n_units, round(mean_in_degree * n_units))
    exponent = real("exponent", exponent, 2)
    if exponent == 2:
        raise InvalidArgument("exponent", exponent, "above 2")
    n_drawn = round(mean_in_degree * n_units) - (n_units if rule == "always" else 0)
    weights = np.arange(1, n_units + 1) ** (-1 / (exponent - 1))
    cumulated = np.cumsum(weights) / weights.sum()
    cumulated[-1] = 1
    ranks = rng.permutation(n_units), rng.permutation(n_units)
    keys = np.empty(0, dtype=np.int64)
    n_rounds = 0
    # Never more draws than synapses are missing, so that these are the first different ones.
    while missing := n_drawn - keys.size:
        n_rounds += 1
        if n_rounds > MAX_ROUNDS:
            remedy = "Take a lower mean_in_degree or a larger exponent."
            raise InvalidArgument(
                "mean_in_degree", mean_in_degree, "lower for so few units", remedy
            )
        uniform = rng.random((2, missing))
        target, source = (
            rank[np.searchsorted(cumulated, u, side="right")]
            for rank, u in zip(ranks, uniform, strict=True)
        )
        fresh = target * n_units + source
        if rule != "random":
            fresh = fresh[target != source]
        merged = sampling.merge(keys, np.sort(fresh))
        keys = merged[np.diff(merged, prepend=-1) != 0]
    how = sides, "mean_in_degree", rule, seed
    return mask_by_rule("scale_free", keys, *how, mean_in_degree=mean_in_degree, exponent=exponent)
