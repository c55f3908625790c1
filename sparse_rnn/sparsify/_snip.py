"""`snip` and `iterative_snip`: the synapses stay without which the loss would change most."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import torch
from numpy.typing import NDArray

from sparse_rnn.data import Batch
from sparse_rnn.masks import Seed
from sparse_rnn.nn.network import Network
from sparse_rnn.sparsify import _schedules as schedules, _scorers as scorers, _subject as subject
from sparse_rnn.sparsify._gradients import Gradients
from sparse_rnn.sparsify._result import Sparsified, result


def snip(
    network: Network, density: float, batches: Iterable[Batch], *, seed: Seed = 0
) -> Sparsified:
    """Keep the synapses with the largest ``|w G|``: connection sensitivity.

    Lee et al. 2019 (arXiv:1810.02340). It is the derivative of the loss with respect to a factor of
    the synapse, at 1. That holds for weights that are shared over time too, where G is the sum of
    the gradients of all steps; a factor that gates share has the sum of theirs.

    Args:
        network: The network, with a dense or any wider mask.
        density: Synapses that are left, over N squared, as for `magnitude`.
        batches: What the loss is computed of; the paper has one batch, more of them less noise.
        seed: Orders synapses of equal scores, as those of silent units are.

    Returns:
        The mask, and what the initial weights are to be multiplied with.

    Raises:
        InvalidArgument: The density is none, or is higher than that of the network; there is no
            batch.
        NotApplicable: The network diverges on the batches.

    Example:
        >>> import sparse_rnn as srnn
        >>> from sparse_rnn.sparsify import snip
        >>> stream = srnn.data.task_stream("cog-20", batch_size=4, seq_len=100, seed=0)
        >>> net = srnn.Network(stream.input_size, stream.output_size, srnn.masks.dense(20))
        >>> snip(net, 0.1, stream.batches(0, 2)).mask
        <Mask snip(density=0.1, seed=0): 20 units, 40 synapses>
    """
    n_kept, rng = subject.budget(network, density), subject.generator(seed)
    score, n_given = sensitivity(network, batches), network.rnn.mask.nnz
    kept = schedules.prune(score, n_given, schedules.once(n_given, n_kept), rng)
    return result(network, kept, "snip", seed, density=density)


def iterative_snip(
    network: Network,
    density: float,
    batches: Iterable[Batch],
    *,
    rounds: int = 10,
    seed: Seed = 0,
) -> Sparsified:
    """Prune by connection sensitivity in rounds, each with the gradients of what the last one left.

    De Jorge et al. 2020 (arXiv:2006.09081). In contrast to `force`, what is gone stays away.

    Args:
        network: The network, with a dense or any wider mask.
        density: Synapses that are left, over N squared, as for `magnitude`.
        batches: What the loss is computed of, the same ones in each round.
        rounds: Number of rounds n; after round j of them ``K ** (j / n) * M ** (1 - j / n)`` of M
            synapses are left. One round is `snip`.
        seed: Orders synapses of equal scores.

    Returns:
        The mask, and what the initial weights are to be multiplied with.

    Raises:
        InvalidArgument: As for `snip`; there is no round.
        NotApplicable: The network diverges on the batches.

    Example:
        >>> import sparse_rnn as srnn
        >>> from sparse_rnn.sparsify import iterative_snip
        >>> stream = srnn.data.task_stream("cog-20", batch_size=4, seq_len=100, seed=0)
        >>> net = srnn.Network(stream.input_size, stream.output_size, srnn.masks.dense(20))
        >>> iterative_snip(net, 0.1, stream.batches(0, 1), rounds=3).mask
        <Mask iterative_snip(density=0.1, rounds=3, seed=0): 20 units, 40 synapses>
    """
    kept = kept_in_rounds(network, density, batches, rounds, seed)
    return result(network, kept, "iterative_snip", seed, density=density, rounds=rounds)


def kept_in_rounds(
    network: Network,
    density: float,
    batches: Iterable[Batch],
    rounds: int,
    seed: Seed,
    *,
    regrow: bool = False,
) -> NDArray[np.bool_]:
    """Which synapses are left after rounds of `sensitivity`; `regrow` lets pruned ones back."""
    n_kept, rng = subject.budget(network, density), subject.generator(seed)
    n_given = network.rnn.mask.nnz
    budgets = schedules.exponential(n_given, n_kept, rounds)
    return schedules.prune(sensitivity(network, batches), n_given, budgets, rng, regrow=regrow)


def sensitivity(
    network: Network, batches: Iterable[Batch]
) -> Callable[[NDArray[np.bool_]], NDArray[np.float64]]:
    """``|w G|`` of all synapses, with the gradient of the network that has some of them alone."""
    gradient = Gradients(network, batches)
    weight = gradient.weight

    def score(kept: NDArray[np.bool_]) -> NDArray[np.float64]:
        there = torch.from_numpy(kept).to(weight.device)
        found = gradient(weight * there)
        both = [values.to("cpu", torch.float64) for values in (weight, found)]
        return scorers.saliency(*(values.reshape(-1, kept.size).numpy() for values in both))

    return score
