"""What methods share that soften the weights during training, until some of them are 0."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from sparse_rnn.errors import NotApplicable
from sparse_rnn.nn.layer import MaskedLayer
from sparse_rnn.nn.network import Network
from sparse_rnn.nn.soft import Soft
from sparse_rnn.seeding import Seed
from sparse_rnn.sparsify._evolving import check_network
from sparse_rnn.sparsify._result import part
from sparse_rnn.sparsify._still import Still


@dataclass(frozen=True)
class Softening(Still):
    """A method that softens the weights; abstract.

    All synapses of the mask are there until the run has ended; those whose weights are 0 then
    leave. How many these are follows from the options, and from what the network learns.

    Attributes:
        density: None, as it cannot be said before.
    """

    density: float | None = field(default=None, init=False, repr=False)

    def check(self, network: Network, steps: int) -> None:
        """Refuse a network that it cannot serve.

        Raises:
            InvalidArgument: Its recurrence is frozen.
        """
        del steps
        check_network(self, network)

    @abstractmethod
    def soft(self, weight: Tensor, seed: Seed) -> Soft:
        """What weights like these, ``[nnz]`` or ``[gates, nnz]``, are computed from."""


def harden(layer: MaskedLayer) -> None:
    """Let a layer have the synapses whose weights are not 0, with the values that they act with.

    Of a cell with gates those stay that are not 0 in one of the matrices.

    Raises:
        NotApplicable: All weights are 0; the layer is as it was.
    """
    soft = layer.soft
    if soft is None:
        return
    values = soft.settled(layer.weight_hh)
    kept = (values != 0).reshape(-1, layer.mask.nnz).any(dim=0)
    if not kept.any():
        raise NotApplicable(
            "All recurrent weights have become 0, so that no synapse is left: take a smaller l2 "
            "(str) or penalty (l0), or fewer steps."
        )
    numbers = np.flatnonzero(kept.cpu().numpy())
    del layer.soft  # A module that is set to None would stay in the list of modules.
    layer.soft = None
    layer.rewire(part(layer.mask, kept.cpu().numpy()), numbers, values[..., kept])
