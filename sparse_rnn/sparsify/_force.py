"""`force`: sensitivity in rounds, in which pruned synapses come back."""

from __future__ import annotations

from collections.abc import Iterable

from sparse_rnn.data import Batch
from sparse_rnn.masks import Seed
from sparse_rnn.nn.network import Network
from sparse_rnn.sparsify._result import Sparsified, result
from sparse_rnn.sparsify._snip import kept_in_rounds


def force(
    network: Network,
    density: float,
    batches: Iterable[Batch],
    *,
    rounds: int = 10,
    seed: Seed = 0,
) -> Sparsified:
    """Prune by what a synapse would do if it were there, in rounds: foresight.

    De Jorge et al. 2020 (arXiv:2006.09081): each round scores all synapses with ``|w0 G|``, their
    weights at the start times the gradient of the network that the last round left. A pruned
    synapse with a large gradient comes back.

    Args:
        network: The network, with a dense or any wider mask.
        density: Synapses that are left, over N squared, as for `magnitude`.
        batches: What the loss is computed of, the same ones in each round.
        rounds: Number of rounds, as for `iterative_snip`. One round is `snip`.
        seed: Orders synapses of equal scores.

    Returns:
        The mask, and what the initial weights are to be multiplied with.

    Raises:
        InvalidArgument: As for `iterative_snip`.
        NotApplicable: The network diverges on the batches.

    Example:
        >>> import sparse_rnn as srnn
        >>> from sparse_rnn.sparsify import force
        >>> stream = srnn.data.task_stream("cog-20", batch_size=4, seq_len=100, seed=0)
        >>> net = srnn.Network(stream.input_size, stream.output_size, srnn.masks.dense(20))
        >>> force(net, 0.1, stream.batches(0, 1), rounds=3).mask
        <Mask force(density=0.1, rounds=3, seed=0): 20 units, 40 synapses>
    """
    kept = kept_in_rounds(network, density, batches, rounds, seed, regrow=True)
    return result(network, kept, "force", seed, density=density, rounds=rounds)
