"""`jacobian`: the synapses stay that pass most on from state to state."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray

from sparse_rnn import kernels
from sparse_rnn.data import Batch
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.masks import Seed
from sparse_rnn.nn.network import Network
from sparse_rnn.nn.rnn import MaskedRNN
from sparse_rnn.sparsify import _schedules as schedules, _scorers as scorers, _subject as subject
from sparse_rnn.sparsify._gradients import listed
from sparse_rnn.sparsify._result import Sparsified, result
from sparse_rnn.system.arguments import whole


def jacobian(
    network: Network,
    density: float,
    batches: Iterable[Batch],
    *,
    steps: int = 4,
    seed: Seed = 0,
) -> Sparsified:
    """Keep the synapses with the largest normalised effect on the Jacobian.

    Zhang & Stadie 2020 (arXiv:1912.00120): the effect of a synapse is ``|w g|``, g the gradient of
    ``|J 1|``, where J is the Jacobian of the last state with respect to the one some steps before,
    and the norm is averaged over sequences. It is divided by the size that a gradient is expected
    to have. The paper has no code; that size is read here as the mean ``|g|`` of the synapses onto
    the same unit, which spreads the synapses over the units, as the paper wants it. The slopes of
    the nonlinearity are held, which is exact for relu.

    Args:
        network: The network, with a dense or any wider mask; of the cell vanilla or leaky.
        density: Synapses that are left, over N squared, as for `magnitude`.
        batches: Sequences; the paper has 64 of them.
        steps: How many steps at the end of each sequence it is about, padding left out.
        seed: Orders synapses of equal scores.

    Returns:
        The mask, and what the initial weights are to be multiplied with.

    Raises:
        InvalidArgument: As for `snip`; the cell has gates; there is no step, or a sequence has
            fewer.
        NotApplicable: The network diverges on the batches.

    Example:
        >>> import sparse_rnn as srnn
        >>> from sparse_rnn.sparsify import jacobian
        >>> stream = srnn.data.task_stream("cog-20", batch_size=64, seq_len=100, seed=0)
        >>> net = srnn.Network(stream.input_size, stream.output_size, srnn.masks.dense(20))
        >>> jacobian(net, 0.1, stream.batches(0, 1)).mask
        <Mask jacobian(density=0.1, steps=4, seed=0): 20 units, 40 synapses>
    """
    n_kept, rng = subject.budget(network, density), subject.generator(seed)
    rnn, n_steps = subject.ungated(network, "jacobian"), whole("steps", steps, 1)
    mask, weight = rnn.mask, subject.weights(network)[0]
    targets, matrix = mask.targets(), np.zeros(mask.shape)
    matrix[targets, mask.indices] = weight
    slopes = np.concatenate([_slopes(rnn, one, n_steps) for one in listed(batches)], axis=1)
    gradient = scorers.passed_on(matrix, slopes, rnn.alpha)[targets, mask.indices]
    scores = scorers.dispersed(weight, gradient, targets)
    kept = schedules.prune(lambda _: scores, mask.nnz, schedules.once(mask.nnz, n_kept), rng)
    return result(network, kept, "jacobian", seed, density=density, steps=steps)


def _slopes(rnn: MaskedRNN, batch: Batch, n_steps: int) -> NDArray[np.float64]:
    """Derivatives of the nonlinearity at the last steps of each sequence, ``[steps, B, N]``."""
    inputs = batch.inputs.to(rnn.weight_hh.device, rnn.weight_hh.dtype)
    times, lanes = _last_steps(batch.mask.numpy(force=True) > 0, n_steps)
    was_training = rnn.training
    with torch.no_grad():
        try:
            states, _ = rnn.eval()(inputs)  # without recurrent noise
        finally:
            rnn.train(was_training)
        before = torch.cat([states.new_zeros(1, *states.shape[1:]), states])[times, lanes]
        drive = torch.nn.functional.linear(inputs[times, lanes], rnn.weight_ih, rnn.bias)
        edges = kernels.Edges.of(rnn.mask, inputs.device)
        matrix = edges.scatter(rnn.recurrent_weights())
        f = kernels.nonlinearity(rnn.nonlinearity)
        rates = f.apply(drive + before @ matrix.T)
        slopes = f.chain_(torch.ones_like(rates), rates)
        # The slope of relu is 1 at NaN.
        slopes = torch.where(rates.isfinite(), slopes, torch.nan)
        return slopes.to("cpu", torch.float64).numpy()


def _last_steps(
    counts: NDArray[np.bool_], n_steps: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Time and lane of the last steps of each sequence, padding left out; ``[steps, n]``, ``[n]``.

    Args:
        counts: bool ``[T, B]``, which steps count in the loss.
        n_steps: How many steps.

    Raises:
        InvalidArgument: A sequence has fewer.
    """
    lanes = np.flatnonzero(counts.any(axis=0))  # Others have padding alone.
    ends = len(counts) - counts[::-1, lanes].argmax(axis=0)
    if not lanes.size or ends.min() < n_steps:
        shortest = int(ends.min()) if lanes.size else 0
        raise InvalidArgument("steps", n_steps, f"at most those of a sequence, {shortest}")
    times = ends + np.arange(-n_steps, 0)[:, None]
    return times, lanes
