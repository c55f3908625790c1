"""Gradients of the loss with respect to the recurrent weights, those that were pruned included.

G = sum over time of delta_t h_(t-1)^T is the gradient of every synapse of the network, whatever its
weight is. So the network as it was given, with the weights of pruned synapses at 0, has the
gradients of the pruned ones too: one pass of its own kernel, which for a dense mask is one N x N
product over time and batch.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from sparse_rnn.data import Batch
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.nn.network import Network
from sparse_rnn.system.arguments import instance


def each(batches: Iterable[Batch]) -> Iterator[Batch]:
    """The batches, one at a time; checked.

    Raises:
        InvalidArgument: There is none, or something else among them.
    """
    if isinstance(batches, Batch) or not isinstance(batches, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance] - callers
        allowed = "several batches, such as task_stream(...).batches(0, 4)"
        raise InvalidArgument("batches", type(batches).__name__, allowed)
    number = -1
    for number, batch in enumerate(batches):  # noqa: B007 - read below
        yield instance("batches", batch, Batch)
    if number < 0:
        raise InvalidArgument("batches", [], "at least one batch")


def listed(batches: Iterable[Batch]) -> list[Batch]:
    """The same as a list."""
    return list(each(batches))


class Gradients:
    """The gradient of the loss of some batches, as a function of the recurrent weights.

    The loss is the mean over the batches of the cross entropy, as training has it by default.
    There is no recurrent noise.

    Args:
        network: The network; a copy of it is run.
        batches: The batches.
        temperature: What the logits are divided by.
        dtype: Type that is computed in; None is that of the network.

    Raises:
        InvalidArgument: There is no batch, or the targets are no labels.

    Attributes:
        weight: The weights as they are, shaped as ``weight_hh``, in that type.
    """

    def __init__(
        self,
        network: Network,
        batches: Iterable[Batch],
        *,
        temperature: float = 1.0,
        dtype: torch.dtype | None = None,
    ) -> None:
        instance("network", network, Network)
        self._batches = listed(batches)
        for batch in self._batches:
            if batch.targets.is_floating_point() or batch.targets.dim() != 2:
                found = f"targets {batch.targets.dtype} {list(batch.targets.shape)}"
                allowed = "batches with labels [T, B] as targets, for the cross entropy"
                raise InvalidArgument("batches", found, allowed)
        self._temperature = temperature
        self._network = copy.deepcopy(network).to(dtype).eval().requires_grad_(requires_grad=False)
        self.weight = self._network.rnn.weight_hh.detach().clone()
        # A frozen recurrence has a buffer of that name.
        del self._network.rnn.weight_hh
        self._network.rnn.weight_hh = nn.Parameter(self.weight.clone())

    def __call__(self, weight: Tensor) -> Tensor:
        """The gradient where the recurrent weights are these; shaped like them."""
        rnn = self._network.rnn
        with torch.no_grad():
            rnn.weight_hh.copy_(weight)
        total = torch.zeros_like(weight)
        for batch in self._batches:
            here = batch.to(weight.device)
            with torch.enable_grad():
                logits, _ = self._network(here.inputs.to(weight.dtype))
                loss = cross_entropy(logits / self._temperature, here)
                total += torch.autograd.grad(loss, rnn.weight_hh)[0]
        return total / len(self._batches)


def cross_entropy(logits: Tensor, batch: Batch) -> Tensor:
    """Cross entropy of every time step of logits ``[T, B, O]``, weighted with the batch's mask.

    The default objective of training, a scalar in nats; a test compares the two.
    """
    every_step = nn.functional.cross_entropy(
        logits.flatten(0, 1), batch.targets.flatten(), reduction="none"
    )
    weights = batch.mask.flatten()
    return (every_step * weights).sum() / weights.sum()
