"""`grasp`: the synapses stay that keep the gradient large."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from sparse_rnn.data import Batch
from sparse_rnn.masks import Seed
from sparse_rnn.nn.network import Network
from sparse_rnn.sparsify import _schedules as schedules, _scorers as scorers, _subject as subject
from sparse_rnn.sparsify._gradients import Gradients
from sparse_rnn.sparsify._result import Sparsified, result
from sparse_rnn.system.arguments import finite

_STEP = 1e-6
"""Length of the finite difference, over that of the weights."""


def grasp(
    network: Network,
    density: float,
    batches: Iterable[Batch],
    *,
    temperature: float = 200.0,
    seed: Seed = 0,
) -> Sparsified:
    """Keep the gradient flow: remove the synapses with the largest ``-w (H g)``.

    Wang et al. 2020 (arXiv:2002.07376): to first order, removing a synapse changes the squared norm
    of the gradient g by twice that. H g, the product with the Hessian, is a finite difference of
    gradients in float64, ``(grad(w + e g) - grad(w)) / e``. Both are with respect to the recurrent
    weights alone, as these alone are pruned. Gates are summed.

    Args:
        network: The network, with a dense or any wider mask.
        density: Synapses that are left, over N squared, as for `magnitude`.
        batches: What the loss is computed of.
        temperature: What the logits are divided by in the loss, above 0.
        seed: Orders synapses of equal scores.

    Returns:
        The mask, and what the initial weights are to be multiplied with.

    Raises:
        InvalidArgument: As for `snip`; or the temperature is not above 0.
        NotApplicable: The network diverges on the batches.

    Example:
        >>> import sparse_rnn as srnn
        >>> from sparse_rnn.sparsify import grasp
        >>> stream = srnn.data.task_stream("cog-20", batch_size=4, seq_len=100, seed=0)
        >>> net = srnn.Network(stream.input_size, stream.output_size, srnn.masks.dense(20))
        >>> grasp(net, 0.1, stream.batches(0, 1)).mask
        <Mask grasp(density=0.1, temperature=200.0, seed=0): 20 units, 40 synapses>
    """
    n_kept, rng = subject.budget(network, density), subject.generator(seed)
    finite("temperature", temperature, "a number above 0", above=0)
    gradient = Gradients(network, batches, temperature=temperature, dtype=torch.float64)
    weight, n_given = gradient.weight, network.rnn.mask.nnz
    first = gradient(weight)
    product, length = torch.zeros_like(first), float(first.norm())
    if length != 0:  # NaN goes on into the scores, which are refused
        step = _STEP * (float(weight.norm()) or 1.0) / length
        product = (gradient(weight + step * first) - first) / step
    parts = (values.cpu().reshape(-1, n_given).numpy() for values in (weight, product))
    scores = scorers.flow_kept(*parts)
    kept = schedules.prune(lambda _: scores, n_given, schedules.once(n_given, n_kept), rng)
    return result(network, kept, "grasp", seed, density=density, temperature=temperature)
