"""`ridge_readout`: the readout of a reservoir in closed form."""

from __future__ import annotations

import copy
from collections.abc import Iterable

import torch
from torch import Tensor

from sparse_rnn.data import Batch
from sparse_rnn.errors import InvalidArgument, NotApplicable
from sparse_rnn.evaluation.mode import evaluating
from sparse_rnn.nn.network import Network
from sparse_rnn.sparsify._gradients import each
from sparse_rnn.system.arguments import finite, instance
from sparse_rnn.system.hardware import device_of

_ROWS = 4096
"""Time steps of lanes whose states are held in float64 at a time."""


def ridge_readout(network: Network, batches: Iterable[Batch], *, ridge: float = 1e-4) -> Network:
    """Compute the readout that fits the targets best, by ridge regression: an echo state network.

    Jaeger 2001 (GMD report 148): the recurrent and the input weights stay as they are, and the
    readout alone is learned. It minimises the mean over all time steps, weighted with the masks of
    the batches, of ``|W h + b - y| ** 2``, plus ``ridge * |W| ** 2``; the bias has no penalty. Of
    labels, y is 1 for the label and 0 for all others, so that the largest output is the answer.
    The batches are read once, and ``N + 1 + O`` sums of each unit are kept, in float64.

    Args:
        network: The network; it computes in evaluation mode, and is left as it is.
        batches: What the readout is fitted to. The more, the better: with a few of them a small
            `ridge` fits their noise.
        ridge: Strength of the penalty, above 0. As it stands beside a mean, the number of batches
            does not change what it does.

    Returns:
        A copy of the network with that readout.

    Raises:
        InvalidArgument: There is no batch, or a batch has other channels or outputs than the
            network; or all of its steps have the weight 0.
        NotApplicable: The states are not finite; or `ridge` is so small, next to states that are
            nearly dependent, that the equations cannot be solved.

    Example:
        >>> import sparse_rnn as srnn
        >>> stream = srnn.data.task_stream("Go", batch_size=8, seq_len=100, seed=0)
        >>> mask = srnn.masks.random(50, in_degree=5)
        >>> reservoir = srnn.Network(
        ...     stream.input_size,
        ...     stream.output_size,
        ...     mask,
        ...     "tanh",
        ...     init="spectral_radius",
        ...     init_gain=0.9,
        ...     recurrence="frozen",
        ... )
        >>> fitted = srnn.ridge_readout(reservoir, stream.batches(0, 10))
        >>> scores = srnn.evaluate(fitted, stream, stream.batches(10, 12))
        >>> scores.mean("decision_accuracy") > 0.3
        True
    """
    instance("network", network, Network)
    finite("ridge", ridge, "a finite number above 0", above=0)
    fitted = copy.deepcopy(network)
    n_outputs, n_units = network.readout.weight.shape
    sums = torch.zeros(
        n_units + 1, n_units + 1 + n_outputs, dtype=torch.float64, device=device_of(network)
    )
    with evaluating(fitted), torch.no_grad():
        for batch in each(batches):
            _add(sums, fitted, batch.to(sums.device))
    gram, moments = sums.split([n_units + 1, n_outputs], dim=1)
    weight = gram[-1, -1].clone()  # The state of the bias is 1.
    if weight == 0:
        raise InvalidArgument("batches", "a mask of zeros", "some steps that count")
    if not sums.isfinite().all():
        raise NotApplicable("The states of the network are NaN or infinite: it has diverged.")
    penalty = torch.full((n_units + 1,), float(ridge), dtype=torch.float64, device=sums.device)
    penalty[-1] = 0
    matrix = gram / weight + penalty.diag()
    factor, failed = torch.linalg.cholesky_ex(matrix)
    # A pivot of the size of rounding errors is one of them, and so would be the weights.
    rounding = len(matrix) * torch.finfo(matrix.dtype).eps * matrix.diagonal().max()
    if failed or factor.diagonal().square().min() <= rounding:
        raise NotApplicable(
            f"The states are too nearly dependent for ridge {ridge:g}: take a larger one."
        )
    solved = torch.cholesky_solve(moments / weight, factor).T.to(network.readout.weight.dtype)
    with torch.no_grad():
        fitted.readout.weight.copy_(solved[:, :-1])
        fitted.readout.bias.copy_(solved[:, -1])
    return fitted


def _add(sums: Tensor, network: Network, batch: Batch) -> None:
    """Add the sums of products of states, of which the last is 1, with states and targets."""
    n_outputs = network.readout.out_features
    if batch.n_outputs != n_outputs:
        allowed = f"batches for the {n_outputs} outputs of the network"
        raise InvalidArgument("batches", f"one for {batch.n_outputs} outputs", allowed)
    _, hidden = network(batch.inputs.to(network.readout.weight.dtype), every_state=True)
    states, mask = hidden.flatten(0, 1), batch.mask.flatten()
    targets = batch.targets.flatten(0, 1)
    for some, weights, goals in zip(
        states.split(_ROWS), mask.split(_ROWS), targets.split(_ROWS), strict=True
    ):
        labels = not goals.is_floating_point()
        wanted = torch.nn.functional.one_hot(goals, n_outputs) if labels else goals
        own = torch.nn.functional.pad(some.double(), (0, 1), value=1.0)
        sums += (own * weights.double()[:, None]).T @ torch.cat([own, wanted.double()], dim=1)
