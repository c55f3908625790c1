"""Dale's law: all synapses from one unit have one sign.

The recurrent weights are ``|w|`` times the sign of their source unit, so that the law holds
whatever an optimiser does (Song et al. 2016, https://doi.org/10.1371/journal.pcbi.1004792). They
rectify w where we take its absolute value: a rectified weight that reaches 0 has no gradient and
stays there, which takes synapses out of a mask that is to be compared with others.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sparse_rnn import seeding
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.kernels import Edges
from sparse_rnn.system.arguments import finite


def unit_signs(n_units: int, inhibitory: float, seed: seeding.Seed) -> Tensor:
    """Draw which units are inhibitory.

    Args:
        n_units: Number of units N.
        inhibitory: Share of them, above 0 and below 1; rounded to whole units.
        seed: Where they are drawn from.

    Returns:
        float64 ``[N]`` of 1 and -1; of both at least one.

    Raises:
        InvalidArgument: The share is out of range, or none or all of the units are inhibitory.
    """
    finite("inhibitory", inhibitory, "above 0 and below 1", above=0, most=1)
    n_inhibitory = round(inhibitory * n_units)
    if not 0 < n_inhibitory < n_units:
        allowed = f"a share that makes at least 1 of {n_units} units inhibitory, and not all"
        raise InvalidArgument("inhibitory", inhibitory, allowed, f"It makes {n_inhibitory}.")
    signs = torch.ones(n_units, dtype=torch.float64)
    order = torch.randperm(n_units, generator=seeding.generator(seed))
    signs[order[:n_inhibitory]] = -1
    return signs


def signed(weight: Tensor, edges: Edges, signs: Tensor) -> Tensor:
    """Give edge values ``[nnz]`` the sign of their source unit; differentiable.

    The derivative of the absolute value at 0 is taken as 1, not as torch's 0: a synapse that starts
    at 0, as most do with the init "identity", would have no gradient for ever.
    """
    return torch.where(weight < 0, -weight, weight) * signs[edges.sources]


def balanced(weight: Tensor, edges: Edges, signs: Tensor) -> Tensor:
    """Let excitation and inhibition of each unit cancel at the start.

    Without it the mean input of a unit grows with its in-degree. Song et al. scale the inhibitory
    weights by the ratio of the numbers of units; here each unit's are scaled by the ratio of the
    sums onto it, so that it holds for every mask, and then all of them so that the gain stays.
    A unit with one kind of source alone keeps its weights.

    Args:
        weight: Values of the edges, ``[nnz]``.
        edges: The edges.
        signs: Signs of the units, ``[N]``.

    Returns:
        The values with their signs, ``[nnz]``.
    """
    sizes = weight.abs()
    inhibits = signs[edges.sources] < 0

    def onto(values: Tensor) -> Tensor:
        return torch.zeros_like(signs).index_add_(0, edges.targets, values)

    excitation, inhibition = onto(sizes * ~inhibits), onto(sizes * inhibits)
    mixed = (excitation > 0) & (inhibition > 0)
    ratio = torch.where(mixed, excitation / inhibition, 1.0)
    scaled = torch.where(inhibits, sizes * ratio[edges.targets], sizes)
    shrink = torch.where(mixed, (onto(sizes.square()) / onto(scaled.square())).sqrt(), 1.0)
    return signed(scaled * shrink[edges.targets], edges, signs)
