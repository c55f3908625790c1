"""Initialisations of the recurrent, input and readout weights, by name.

The paper does not say how its networks start (Khona et al. 2023, appendix A). It matters: a start
whose gain shrinks with the in-degree handicaps sparse masks against dense ones. The **gain** of a
start is the root of the summed squares of the weights onto a unit: independent inputs of variance 1
give the unit an input of variance ``gain ** 2``. Each initialisation states its gain as a function
of the in-degree K of the unit.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparse_rnn.errors import InvalidArgument, unknown_name
from sparse_rnn.masks import Mask
from sparse_rnn.system.arguments import finite

Initialisation = Callable[[Mask, torch.Generator], Tensor]
"""Draws the values of a mask's edges; float64 ``[nnz]``."""

_LOG = logging.getLogger(__name__)

SMALL = 400
"""Up to so many units all eigenvalues are computed; beyond, the largest by iteration."""


def uniform(shape: tuple[int, ...], bound: float | Tensor, generator: torch.Generator) -> Tensor:
    """Draw uniformly between minus and plus a bound; float64 of that shape."""
    unit = torch.empty(shape, dtype=torch.float64).uniform_(-1, 1, generator=generator)
    return unit * bound


def torch_default(mask: Mask, generator: torch.Generator) -> Tensor:
    """``U(-1/sqrt(N), 1/sqrt(N))``, as ``torch.nn.RNN`` draws its weights, masked.

    Gain: ``sqrt(K / N / 3)``; it shrinks with the in-degree.
    """
    return uniform((mask.nnz,), 1 / math.sqrt(mask.n_units), generator)


def fan_in(mask: Mask, generator: torch.Generator) -> Tensor:
    """``U(-1/sqrt(K), 1/sqrt(K))`` with the in-degree K of the edge's target unit.

    For a dense mask this is `torch_default`. Gain: ``sqrt(1 / 3)`` for every K.
    """
    return uniform((mask.nnz,), _in_degree(mask).rsqrt(), generator)


def he(mask: Mask, generator: torch.Generator) -> Tensor:
    """``U(-sqrt(6/K), sqrt(6/K))``, for relu units.

    A relu passes half of the variance on, which this makes up for (He et al. 2015, section 2.2,
    https://doi.org/10.1109/ICCV.2015.123). Gain: ``sqrt(2)`` for every K.
    """
    return uniform((mask.nnz,), (6 / _in_degree(mask)).sqrt(), generator)


def spectral_radius(mask: Mask, generator: torch.Generator) -> Tensor:
    """Normal with variance 1/K, rescaled as a whole so that the spectral radius is 1.

    The start of echo state networks (Jaeger 2001, GMD report 148). Gain: that of the whole matrix
    depends on its largest eigenvalue. It is below 1 and comes near 1 as K grows (the circular law);
    for autapses, whose weights are their own eigenvalues, the largest weight becomes 1.

    Raises:
        InvalidArgument: The mask has no cycle, so that all eigenvalues are 0.
    """
    normal = torch.empty(mask.nnz, dtype=torch.float64).normal_(generator=generator)
    return _with_radius_one(mask, normal * _in_degree(mask).rsqrt())


def _with_radius_one(mask: Mask, values: Tensor) -> Tensor:
    radius = largest_eigenvalue(mask, values.numpy())
    if radius == 0:
        allowed = "a mask with a cycle, for the init 'spectral_radius'"
        raise InvalidArgument("mask", mask, allowed, "Its spectral radius is 0 for all weights.")
    return values / radius


def orthogonal(mask: Mask, generator: torch.Generator) -> Tensor:
    """A random orthogonal matrix (Saxe et al. 2014, arXiv:1312.6120), masked.

    Each row of the masked matrix is rescaled to norm 1. For a dense mask the result is exactly
    orthogonal; for autapses it is 1 or -1, which is orthogonal too. In between it is not: two rows
    are orthogonal where they share no source, and otherwise only by chance, as under most masks no
    orthogonal matrix exists. Nor does one under Dale's law, but for permutations, and there the
    rows keep their norm. Gain: exactly 1 for every K.
    """
    size = (mask.n_units, mask.n_units)
    normal = torch.empty(size, dtype=torch.float64).normal_(generator=generator)
    q, r = torch.linalg.qr(normal)
    # Without the signs the draw is not uniform over the orthogonal matrices (Mezzadri 2007).
    matrix = q * torch.where(r.diagonal() < 0, -1.0, 1.0)
    targets = torch.from_numpy(mask.targets())
    values = matrix[targets, torch.from_numpy(mask.indices.astype(np.int64))]
    power = torch.zeros(mask.n_units, dtype=torch.float64).index_add_(0, targets, values.square())
    return values * power[targets].rsqrt()


def identity(mask: Mask, generator: torch.Generator) -> Tensor:
    """1 for self-connections, 0 for all others (Le et al. 2015, arXiv:1504.00941).

    With a frozen recurrence these are the frozen autapses of Khona et al. 2023, section 2.3. Under
    Dale's law the self-connections of inhibitory units are -1, and the others start at 0 and learn.
    Gain: exactly 1 for every K. Nothing is random in it.

    Raises:
        InvalidArgument: A unit has no self-connection.
    """
    del generator
    own = mask.indices == mask.targets()
    if own.sum() < mask.n_units:
        lacking = f"{mask.n_units - int(own.sum())} units lack one."
        allowed = "a mask with all self-connections, for the init 'identity'"
        raise InvalidArgument("mask", mask, allowed, lacking)
    return torch.from_numpy(own.astype(np.float64))


def permutation(mask: Mask, generator: torch.Generator) -> Tensor:
    """1 for one synapse onto each unit, each from another source, 0 for all others.

    What `identity` is where units lack a synapse onto themselves: a permutation matrix is
    orthogonal too, so that what is passed on neither grows nor dies. Units that have a synapse onto
    themselves take that one, and under a mask with all of them this is `identity`; the others are
    paired with sources of their own by a largest matching (Hopcroft & Karp 1973,
    https://doi.org/10.1137/0202019). Where there is none for all, some units begin with zeros, and
    the log says how many. Gain: exactly 1, or 0 for units that were left over. Nothing is random in
    it.
    """
    del generator
    targets, sources = mask.targets(), mask.indices
    own = targets == sources
    alone = np.ones(mask.n_units, dtype=bool)
    alone[targets[own]] = False
    free = alone[targets] & alone[sources]
    chosen = own | _paired(mask, free) if free.any() else own
    reached = np.unique(targets).size
    if left_over := reached - int(chosen.sum()):
        _LOG.warning(
            "The start 'permutation' has no source of its own for %d of %d units with synapses: "
            "their recurrent weights begin at 0. Drawn weights, such as 'fan_in', do not.",
            left_over,
            reached,
        )
    return torch.from_numpy(chosen.astype(np.float64))


def _paired(mask: Mask, free: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which edges pair as many units as can be with sources of their own, of those that may."""
    from scipy.sparse import csr_array  # scipy is slow to import, and most networks do without
    from scipy.sparse.csgraph import maximum_bipartite_matching

    targets, sources = mask.targets(), mask.indices
    edges = np.ones(int(free.sum()), dtype=np.int8), (targets[free], sources[free])
    left = csr_array(edges, shape=(mask.n_units, mask.n_units))
    source = maximum_bipartite_matching(left, perm_type="column")
    return free & (source[targets] == sources)


INITS: Mapping[str, Initialisation] = MappingProxyType(
    {
        "torch": torch_default,
        "fan_in": fan_in,
        "he": he,
        "spectral_radius": spectral_radius,
        "orthogonal": orthogonal,
        "identity": identity,
        "permutation": permutation,
    }
)
"""Initialisations of the recurrent weights by name."""

RESTORED: Mapping[str, Callable[[Mask, Tensor], Tensor]] = MappingProxyType(
    {"spectral_radius": _with_radius_one}
)
"""What makes the values keep the promise of an initialisation, for a gain of 1, after their signs
have changed. The others promise the gain of each unit alone, which Dale's law keeps."""

DEFAULT = "fan_in"


def recurrent_weights(
    name: str,
    mask: Mask,
    generator: torch.Generator,
    *,
    gain: float = 1.0,
    law: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Draw the values of a mask's edges.

    Args:
        name: A name in `INITS`.
        mask: The mask.
        generator: The source of randomness.
        gain: Factor of all values. For "spectral_radius" it is the spectral radius, for "identity"
            the weight of the self-connections, or its size under Dale's law.
        law: What becomes of the values, such as signs by Dale's law.

    Returns:
        float64 ``[nnz]``, in the order of the mask's edges.

    Raises:
        UnknownName: There is no such initialisation.
        InvalidArgument: The initialisation cannot serve this mask, or `gain` is not a finite
            number above 0.
    """
    if name not in INITS:
        raise unknown_name("init", name, INITS, "an initialisation")
    finite("init_gain", gain, "a finite number above 0", above=0)
    values = INITS[name](mask, generator) * gain
    if law is None:
        return values
    values = law(values)
    return RESTORED[name](mask, values) * gain if name in RESTORED else values


def largest_eigenvalue(mask: Mask, values: NDArray[np.float64]) -> float:
    """Spectral radius of a matrix with some values on the edges of a mask.

    Args:
        mask: The mask.
        values: float64 ``[nnz]``.

    Returns:
        The largest absolute value of an eigenvalue; exactly 0 for a mask without a cycle. The same
        bits for the same arguments: the iteration starts from a constant vector.
    """
    from scipy.sparse import csr_array  # scipy is slow to import, and most networks do without
    from scipy.sparse.csgraph import connected_components
    from scipy.sparse.linalg import ArpackNoConvergence, eigs

    # Synapses on no cycle change no eigenvalue, only how well they can be computed.
    _, part = connected_components(mask.tocsr(), directed=True, connection="strong")
    on_cycle = part[mask.targets()] == part[mask.indices]
    if not on_cycle.any():
        return 0.0
    matrix = csr_array((values * on_cycle, mask.indices, mask.indptr), shape=mask.shape)
    if mask.n_units > SMALL:
        # Several eigenvalues of a random matrix are about as large as the largest one, so a wide
        # subspace converges in fewer rounds.
        start = np.ones(mask.n_units)
        try:
            found = eigs(matrix, k=4, ncv=60, v0=start, tol=1e-9, return_eigenvectors=False)
            return float(np.abs(cast("NDArray[np.complex128]", found)).max())
        except ArpackNoConvergence:
            pass
    return float(np.abs(np.linalg.eigvals(matrix.toarray())).max())


def _in_degree(mask: Mask) -> Tensor:
    """In-degree of the target unit of each edge; float64 ``[nnz]``."""
    return torch.from_numpy(mask.in_degree()[mask.targets()]).to(torch.float64)
