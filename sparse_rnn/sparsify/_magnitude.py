"""`magnitude`: the largest weights stay."""

from __future__ import annotations

from sparse_rnn.masks import Seed
from sparse_rnn.nn.network import Network
from sparse_rnn.sparsify import _schedules as schedules, _scorers as scorers, _subject as subject
from sparse_rnn.sparsify._result import Sparsified, result


def magnitude(network: Network, density: float, *, seed: Seed = 0) -> Sparsified:
    """Keep the synapses with the largest weights.

    The baseline of every comparison of pruning (Han et al. 2015, arXiv:1506.02626). Of a cell with
    gates it is the sum of the absolute weights of all gates that counts.

    Args:
        network: The network, with a dense or any wider mask.
        density: Synapses that are left, over N squared: ``round(density * N ** 2)`` of them. The
            `density` of another mask of N units gives as many as it has.
        seed: Orders synapses of equal scores.

    Returns:
        The mask, and what the initial weights are to be multiplied with.

    Raises:
        InvalidArgument: The density is none, or is higher than that of the network.

    Example:
        >>> import sparse_rnn as srnn
        >>> from sparse_rnn.sparsify import magnitude
        >>> net = srnn.Network(3, 2, srnn.masks.dense(10))
        >>> magnitude(net, density=0.2).mask
        <Mask magnitude(density=0.2, seed=0): 10 units, 20 synapses>
    """
    n_kept, rng = subject.budget(network, density), subject.generator(seed)
    scores = scorers.magnitude(subject.weights(network))
    budgets = schedules.once(scores.size, n_kept)
    kept = schedules.prune(lambda _: scores, scores.size, budgets, rng)
    return result(network, kept, "magnitude", seed, density=density)
