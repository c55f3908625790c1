"""What methods read of a network, and the checks of what all of them take."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from sparse_rnn.errors import InvalidArgument, NotApplicable
from sparse_rnn.masks._sampling import Seed
from sparse_rnn.nn.network import Network
from sparse_rnn.nn.rnn import MaskedRNN
from sparse_rnn.seeding import Purpose, derive
from sparse_rnn.system.arguments import finite, instance


def budget(network: Network, density: float) -> int:
    """The number of synapses K of a density, ``round(density * N ** 2)``; checked.

    Raises:
        InvalidArgument: It is no network, or the density is none or more than the network has.
    """
    mask = instance("network", network, Network).rnn.mask
    allowed = f"above 0 and at most {mask.density:g}, that of the network"
    n_kept = round(finite("density", density, allowed, above=0, most=1) * mask.n_units**2)
    if not 1 <= n_kept <= mask.nnz:
        found = f"That is {n_kept} synapses of {mask.nnz}."
        raise InvalidArgument("density", density, allowed, found)
    return n_kept


def generator(seed: Seed) -> np.random.Generator:
    """The generator that a seed stands for; a generator itself.

    Raises:
        InvalidArgument: `seed` is no seed.
    """
    if isinstance(seed, np.random.Generator):
        return seed
    return np.random.default_rng(derive(seed, Purpose.SPARSIFIER))


def weights(network: Network) -> NDArray[np.float64]:
    """The values that the synapses act with, float64 ``[gates, nnz]``; a copy.

    Raises:
        NotApplicable: One of them is NaN or infinite.
    """
    values = network.rnn.recurrent_weights().detach().to("cpu", torch.float64)
    if not values.isfinite().all():
        raise NotApplicable("A recurrent weight is NaN or infinite: the network has diverged.")
    return values.reshape(-1, network.rnn.mask.nnz).numpy().copy()


def ungated(network: Network, method: str) -> MaskedRNN:
    """The layer of a network whose recurrence is one matrix.

    Raises:
        InvalidArgument: Its cell has gates, for which the method has no rule.
    """
    rnn = instance("network", network, Network).rnn
    if not isinstance(rnn, MaskedRNN):
        allowed = f"a network of the cell 'vanilla' or 'leaky' for the method {method!r}"
        raise InvalidArgument("network", f"the cell {rnn.CELL!r}", allowed)
    return rnn
