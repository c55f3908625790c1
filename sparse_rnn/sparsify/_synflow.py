"""`synflow`: the synapses stay that carry most of a flow through the network, without data."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from sparse_rnn.masks import Seed
from sparse_rnn.nn.init import largest_eigenvalue
from sparse_rnn.nn.network import Network
from sparse_rnn.sparsify import _schedules as schedules, _scorers as scorers, _subject as subject
from sparse_rnn.sparsify._result import Sparsified, part, result
from sparse_rnn.system.arguments import finite


def synflow(
    network: Network,
    density: float,
    *,
    share: float = 0.9,
    rounds: int = 100,
    seed: Seed = 0,
) -> Sparsified:
    """Keep the synapses on the strongest paths from the inputs to the readout, through time.

    SynFlow (Tanaka et al. 2020, arXiv:2006.05467) scores a weight with ``w dR/dw``, R being what
    comes out of the network of absolute weights for an input of ones. It has no published rule
    through time, where plain unrolling overflows: the spectral radius of ``|W|`` is about
    ``sqrt(N) / 2``. Here it is brought to c: ``B = c |W| / radius``. Paths of all lengths sum up
    to ``r = (I - B)^-1 |W_in| 1`` into each unit and ``l = (I - B)^-T |W_out|^T 1`` out of it, and
    a synapse has the score ``l_i B_ij r_j``. Each round computes the radius of what is left.

    Args:
        network: The network, with a dense or any wider mask; of the cell vanilla or leaky, which
            have the same steady flow.
        density: Synapses that are left, over N squared, as for `magnitude`.
        share: c, above 0 and below 1: a path that is a step longer carries that share of the flow.
        rounds: Number of rounds, as for `iterative_snip`.
        seed: Orders synapses of equal scores.

    Returns:
        The mask, and what the initial weights are to be multiplied with.

    Raises:
        InvalidArgument: The density is none, or is higher than that of the network; c is not
            between 0 and 1; there is no round; the cell has gates.
        NotApplicable: The synapses that are left have no cycle.

    Example:
        >>> import sparse_rnn as srnn
        >>> from sparse_rnn.sparsify import synflow
        >>> net = srnn.Network(3, 2, srnn.masks.dense(10))
        >>> synflow(net, density=0.2, rounds=20).mask
        <Mask synflow(density=0.2, share=0.9, rounds=20, seed=0): 10 units, 20 synapses>
    """
    n_kept, rng = subject.budget(network, density), subject.generator(seed)
    allowed = "a number above 0 and below 1"
    finite("share", share, allowed, above=0, most=float(np.nextafter(1, 0)))
    mask = subject.ungated(network, "synflow").mask
    targets, weight = mask.targets(), np.abs(subject.weights(network)[0])
    into, out = _ends(network)

    def score(kept: NDArray[np.bool_]) -> NDArray[np.float64]:
        matrix = np.zeros(mask.shape)
        matrix[targets[kept], mask.indices[kept]] = weight[kept]
        radius = largest_eigenvalue(part(mask, kept), weight[kept])
        return scorers.flow(matrix, radius, into, out, share)[targets, mask.indices]

    budgets = schedules.exponential(mask.nnz, n_kept, rounds)
    kept = schedules.prune(score, mask.nnz, budgets, rng)
    return result(network, kept, "synflow", seed, density=density, share=share, rounds=rounds)


def _ends(network: Network) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What enters each unit for an input of ones, and what a sum of the outputs takes from it."""
    into = network.rnn.weight_ih.detach().to("cpu", torch.float64)
    out = network.readout.weight.detach().to("cpu", torch.float64)
    return into.abs().sum(dim=1).numpy(), out.abs().sum(dim=0).numpy()
