"""`random`: the control, with the same in-degree for all units."""

from __future__ import annotations

import numpy as np

from sparse_rnn.masks import Seed
from sparse_rnn.nn.network import Network
from sparse_rnn.sparsify import _schedules as schedules, _scorers as scorers, _subject as subject
from sparse_rnn.sparsify._result import Sparsified, result


def random(network: Network, density: float, *, seed: Seed = 0) -> Sparsified:
    """Keep as many synapses onto each unit, drawn at random: the control of all other methods.

    Every choice among the synapses onto a unit is equally likely. Where the number does not come
    out even, some units, drawn at random, keep one more.

    Args:
        network: The network, with a dense or any wider mask.
        density: Synapses that are left, over N squared, as for `magnitude`.
        seed: Where the synapses are drawn from.

    Returns:
        The mask, and what the initial weights are to be multiplied with.

    Raises:
        InvalidArgument: The density is none, or a unit has fewer synapses than it has to keep.

    Example:
        >>> import sparse_rnn as srnn
        >>> from sparse_rnn.sparsify import random
        >>> net = srnn.Network(3, 2, srnn.masks.dense(10))
        >>> random(net, density=0.2).mask.in_degree()
        array([2, 2, 2, 2, 2, 2, 2, 2, 2, 2])
    """
    n_kept, rng = subject.budget(network, density), subject.generator(seed)
    mask = network.rnn.mask
    shares = schedules.equal_shares(np.diff(mask.indptr), n_kept, rng)
    scores = scorers.chance(mask.nnz, rng)
    # The place of each synapse among those onto the same unit, by its score.
    order = np.lexsort((scores, mask.targets()))
    place = np.empty(mask.nnz, dtype=np.int64)
    place[order] = np.arange(mask.nnz) - mask.indptr[:-1][mask.targets()]
    return result(network, place < shares[mask.targets()], "random", seed, density=density)
