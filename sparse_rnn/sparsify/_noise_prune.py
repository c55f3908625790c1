"""`noise_prune`: synapses stay with a probability that noise in the units gives."""

from __future__ import annotations

import numpy as np

from sparse_rnn.masks import Seed
from sparse_rnn.nn.network import Network
from sparse_rnn.sparsify import _scorers as scorers, _subject as subject
from sparse_rnn.sparsify._result import Sparsified, result
from sparse_rnn.sparsify._sampling import exactly, inclusion


def noise_prune(network: Network, density: float, *, seed: Seed = 0) -> Sparsified:
    """Keep synapses at random, those rather whose two units differ most under noise.

    Moore & Chaudhuri 2020 (arXiv:2011.07334): with C the covariance of the units of the linear
    network ``dx/dt = A x + noise``, ``A C + C A^T = -I`` and ``A = W - I``, a synapse stays with a
    probability p in proportion to ``|w| (C_ii + C_jj - 2 sign(w) C_ij)``, clipped at 1. Where A is
    not stable, its leak is 1.1 times the largest real part of an eigenvalue of W in place of 1. The
    draw has exactly these probabilities and exactly the number of synapses (systematic sampling,
    Madow 1949, https://doi.org/10.1214/aoms/1177729988). The paper divides the weights that stay by
    p; here they have the gains that all methods have.

    Args:
        network: The network, with a dense or any wider mask; of the cell vanilla or leaky, trained
            or not.
        density: Synapses that are left, over N squared, as for `magnitude`.
        seed: Where the synapses are drawn from.

    Returns:
        The mask, and what the initial weights are to be multiplied with.

    Raises:
        InvalidArgument: The density is none, or is higher than that of the network; the cell has
            gates.

    Example:
        >>> import sparse_rnn as srnn
        >>> from sparse_rnn.sparsify import noise_prune
        >>> net = srnn.Network(3, 2, srnn.masks.dense(10))
        >>> noise_prune(net, density=0.2).mask
        <Mask noise_prune(density=0.2, seed=0): 10 units, 20 synapses>
    """
    n_kept, rng = subject.budget(network, density), subject.generator(seed)
    mask = subject.ungated(network, "noise_prune").mask
    matrix = np.zeros(mask.shape)
    matrix[mask.targets(), mask.indices] = subject.weights(network)[0]
    scores = scorers.noise_spread(matrix)[mask.targets(), mask.indices]
    kept = exactly(inclusion(scores, n_kept), rng)
    return result(network, kept, "noise_prune", seed, density=density)
