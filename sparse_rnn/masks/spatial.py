"""Random masks on a sheet of units, in which near units are joined more often."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sparse_rnn.errors import InvalidArgument
from sparse_rnn.masks import _sampling as sampling
from sparse_rnn.masks._arguments import SelfConnections, self_rule
from sparse_rnn.masks._keys import mask_of_keys
from sparse_rnn.masks._mask import Mask
from sparse_rnn.masks._sheet import check_radius, within
from sparse_rnn.masks._sizes import Size, check_counts, check_sheet
from sparse_rnn.system.arguments import flag, real, whole


def small_world(
    shape: Size,
    radius: float,
    nnz: int,
    *,
    periodic: bool = True,
    seed: sampling.Seed = 0,
) -> Mask:
    """Connect units within a radius, then add random synapses up to a fixed number.

    The small-world masks of Khona et al. 2023, section 2.6 and figure 5f
    (https://doi.org/10.1162/neco_a_01613): all synapses of `locality`, and others from anywhere
    until there are `nnz`. All sets of absent synapses are equally likely to be added. Radius 0
    leaves the self-connections and an otherwise random graph; the radius of a locality mask of
    `nnz` synapses is that mask.

    Args:
        shape: Side lengths of the sheet in units; ``(400,)`` is a ring.
        radius: Largest distance of the local synapses, in lattice units; at least 0.
        nnz: Number of synapses in all, self-connections included.
        periodic: Whether opposite borders of the sheet touch.
        seed: Where the random synapses are drawn from.

    Raises:
        InvalidArgument: An argument has a value that is not allowed; `nnz` is below the number of
            local synapses or above N squared.

    Example:
        >>> from sparse_rnn.masks import small_world
        >>> mask = small_world((50, 50), radius=3, nnz=492_500, seed=1)  # as many as at d = 8
        >>> mask.nnz, mask.in_degree().min() >= 29
        (492500, np.True_)
    """
    sides = check_sheet("shape", shape)
    n_units = math.prod(sides)
    radius = check_radius(radius)
    periodic = flag("periodic", periodic)
    rng = sampling.generator(seed)
    indptr, indices = within(sides, radius, periodic=periodic)
    target = np.repeat(np.arange(n_units), np.diff(indptr))
    local = target * n_units + indices
    nnz = whole("nnz", nnz, 1)
    check_counts("nnz", n_units, nnz)
    if not local.size <= nnz <= n_units**2:
        allowed = f"from {local.size}, the synapses within radius {radius}, to {n_units**2}, N**2"
        raise InvalidArgument("nnz", nnz, allowed)
    ranks = sampling.distinct(rng, [nnz - local.size], n_units**2 - local.size)
    keys = sampling.merge(local, sampling.skip(ranks, local))
    parameters = {
        "shape": sides,
        "radius": radius,
        "nnz": nnz,
        "periodic": periodic,
        "seed": sampling.seed_record(seed),
    }
    return mask_of_keys(keys, sides, "small_world", parameters, "nnz")


def distance_rule(
    shape: Size,
    decay_rate: float,
    mean_in_degree: float,
    *,
    periodic: bool = True,
    self_connections: SelfConnections = "random",
    seed: sampling.Seed = 0,
) -> Mask:
    """Let the probability of a synapse fall exponentially with its length.

    The exponential distance rule of Ercsey-Ravasz et al. 2013
    (https://doi.org/10.1016/j.neuron.2013.07.036), ``p(d) = min(1, c exp(-decay_rate d))``. There
    it says how many axons have which length; here each synapse of the sheet is drawn on its own,
    and c is chosen such that the expected in-degree is `mean_in_degree`.

    Args:
        shape: Side lengths of the sheet in units; ``(400,)`` is a ring.
        decay_rate: How fast the probability falls, per lattice unit; 0 is a random graph.
        mean_in_degree: Expected number of synapses onto a unit, self-connections included.
        periodic: Whether opposite borders of the sheet touch; distances are Euclidean.
        self_connections: "random" (as a synapse of length 0), "never" or "always".
        seed: Where the mask is drawn from.

    Raises:
        InvalidArgument: An argument has a value that is not allowed, or no synapse was drawn.

    Example:
        >>> from sparse_rnn.masks import distance_rule
        >>> mask = distance_rule((50, 50), decay_rate=0.3, mean_in_degree=113, seed=1)
        >>> 112 < mask.nnz / 2500 < 114
        True
    """
    sides = check_sheet("shape", shape)
    n_units = math.prod(sides)
    rule = self_rule(self_connections)
    periodic = flag("periodic", periodic)
    rng = sampling.generator(seed)
    decay_rate = real("decay_rate", decay_rate, 0)
    lowest = 1 if rule == "always" else 1 / n_units
    mean_in_degree = real("mean_in_degree", mean_in_degree, lowest, n_units - (rule == "never"))
    check_counts("mean_in_degree", n_units, round(mean_in_degree * n_units))
    offsets, distances = _offsets(sides, periodic=periodic)
    lengths = np.array(sides) - (np.zeros_like(offsets) if periodic else np.abs(offsets))
    counts = lengths.prod(axis=1)
    probabilities = np.empty(len(counts))
    own = distances == 0
    probabilities[own] = float(rule == "always")
    # The rule of self-connections takes its part of the synapses first.
    ruled = np.ones(len(counts), dtype=np.bool_) if rule == "random" else ~own
    left = mean_in_degree * n_units - (n_units if rule == "always" else 0)
    probabilities[ruled] = _falling(distances[ruled], counts[ruled], decay_rate, left)
    chosen = sampling.distinct(rng, rng.binomial(counts, probabilities), counts)
    keys = np.sort(_keys(chosen, offsets, lengths, sides))
    parameters = {
        "shape": sides,
        "decay_rate": decay_rate,
        "mean_in_degree": mean_in_degree,
        "periodic": periodic,
        "self_connections": rule,
        "seed": sampling.seed_record(seed),
    }
    return mask_of_keys(keys, sides, "distance_rule", parameters, "mean_in_degree")


def _offsets(
    sides: tuple[int, ...], *, periodic: bool
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Every offset from target to source, int64 ``[offsets, sides]``, and its length."""
    axes = [np.arange(0 if periodic else 1 - side, side) for side in sides]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(sides))
    steps = np.minimum(grid, np.array(sides) - grid) if periodic else grid
    return grid, np.sqrt((steps**2).sum(axis=1))


def _falling(
    distances: NDArray[np.float64], counts: NDArray[np.int64], decay_rate: float, total: float
) -> NDArray[np.float64]:
    """Probabilities ``min(1, c exp(-decay_rate d))`` whose sum over all pairs is `total`."""
    order = np.argsort(distances, kind="stable")
    n_pairs, exponents = counts[order], -decay_rate * distances[order]
    # If the m shortest offsets are certain, c follows from what the others must add up to. The
    # right m is the first whose c makes no other offset certain. Logarithms do not underflow.
    certain = np.cumsum(n_pairs) - n_pairs
    others = np.logaddexp.accumulate((np.log(n_pairs) + exponents)[::-1])[::-1]
    with np.errstate(divide="ignore"):
        log_c = np.log(np.maximum(total - certain, 0)) - others
    fits = log_c + exponents <= 1e-12
    m = int(np.argmax(fits)) if fits.any() else len(order)
    probabilities = np.ones(len(order))
    if m < len(order):
        probabilities[order[m:]] = np.exp(np.minimum(log_c[m] + exponents[m:], 0))
    return probabilities


def _keys(
    chosen: sampling.Keys,
    offsets: NDArray[np.int64],
    lengths: NDArray[np.int64],
    sides: tuple[int, ...],
) -> sampling.Keys:
    """Keys of the chosen pairs; the pairs of an offset are numbered as a sheet of `lengths`."""
    counts = lengths.prod(axis=1)
    starts = np.cumsum(counts) - counts
    group = np.searchsorted(starts, chosen, side="right") - 1
    number = chosen - starts[group]
    target = np.zeros(chosen.size, dtype=np.int64)
    source = np.zeros(chosen.size, dtype=np.int64)
    stride = 1
    for axis in reversed(range(len(sides))):
        number, place = np.divmod(number, lengths[group, axis])
        step = offsets[group, axis]
        # On an open sheet a target begins where its source is still on the sheet. On a torus steps
        # are not negative.
        place += np.maximum(-step, 0)
        target += place * stride
        source += (place + step) % sides[axis] * stride
        stride *= sides[axis]
    return target * stride + source
