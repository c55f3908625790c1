"""What a method returns, and how a network starts with it: the mask, origins of edges, gains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparse_rnn.errors import InvalidArgument
from sparse_rnn.masks import Mask
from sparse_rnn.masks._sampling import Seed, seed_record
from sparse_rnn.masks.graphs import reachable_pairs
from sparse_rnn.nn.init import largest_eigenvalue
from sparse_rnn.nn.network import Network
from sparse_rnn.system.arguments import flag, instance


@dataclass(frozen=True, eq=False)
class Sparsified:
    """A mask that a method chose among the synapses of a network.

    Attributes:
        mask: The mask. Its family is the name of the method, its parameters are the arguments.
        given: The mask that the network has.
        origin: int64 ``[nnz]``, for each synapse its number among those of the network, ascending.
    """

    mask: Mask
    given: Mask
    origin: NDArray[np.int64]

    @property
    def gain(self) -> NDArray[np.float64]:
        """What the weights onto each unit are multiplied with, float64 ``[N]``.

        The root of its in-degree before over that after, so that the input of the unit keeps its
        variance: ``sqrt(N / k)`` where all N synapses were there and k are left. It is about the
        number of weights alone; those that were chosen for their size have more variance still. 1
        for a unit with none.
        """
        before, after = self.given.in_degree(), self.mask.in_degree()
        return np.sqrt(np.where(after == 0, 1.0, before / np.where(after == 0, 1, after)))

    def weights(self, weight: Tensor, *, rescale: bool = True) -> Tensor:
        """Take the weights of the synapses that are left.

        Args:
            weight: The weights of the network, ``weight_hh``: ``[nnz]`` or ``[gates, nnz]`` of its
                own synapses.
            rescale: Whether they are multiplied with `gain`.

        Returns:
            A copy, ``[nnz]`` or ``[gates, nnz]`` of the synapses of the mask.

        Raises:
            InvalidArgument: There are more or fewer weights than the network has synapses.

        Example:
            >>> import torch, sparse_rnn as srnn
            >>> net = srnn.Network(3, 2, srnn.masks.dense(4))
            >>> found = srnn.sparsify.magnitude(net, density=0.25)
            >>> found.weights(torch.ones(16), rescale=False)
            tensor([1., 1., 1., 1.])
        """
        instance("weight", weight, Tensor)
        flag("rescale", rescale)
        n_given = self.given.nnz
        if weight.dim() not in (1, 2) or weight.shape[-1] != n_given:
            allowed = f"of shape {[n_given]} or [gates, {n_given}]"
            raise InvalidArgument("weight", list(weight.shape), allowed)
        kept = weight.detach()[..., torch.from_numpy(self.origin).to(weight.device)]
        if not rescale:
            return kept
        factor = torch.from_numpy(self.gain[self.mask.targets()])
        return kept * factor.to(weight.device, weight.dtype)


def result(
    network: Network, kept: NDArray[np.bool_], method: str, seed: Seed, **parameters: Any
) -> Sparsified:
    """What a method returns.

    Args:
        network: The network.
        kept: bool ``[nnz]``, which of its synapses are left.
        method: The name of the method.
        seed: As the method was given it.
        **parameters: The other arguments of the method but for network and batches.
    """
    told = {**parameters, "seed": seed_record(seed)}
    given = network.rnn.mask
    return Sparsified(part(given, kept, method, told), given, np.flatnonzero(kept))


def part(
    mask: Mask,
    kept: NDArray[np.bool_],
    family: str = "custom",
    parameters: Mapping[str, Any] | None = None,
) -> Mask:
    """The mask with some of its synapses alone, bool ``[nnz]``."""
    before = np.concatenate([[0], np.cumsum(kept)])
    return replace(
        mask,
        indptr=before[mask.indptr],
        indices=mask.indices[kept],
        family=family,
        parameters=parameters or {},
    )


def apply(
    network: Network, found: Sparsified, *, rescale: bool = True, backend: str = "auto"
) -> Network:
    """Make the network that a method found: fewer synapses, all else as it was.

    Args:
        network: The network that `found` was chosen for; it is left alone.
        found: What the method returned.
        rescale: Whether the recurrent weights are multiplied with the gains of `found`. Without it
            a comparison of masks is one of gains as well.
        backend: A name in `sparse_rnn.kernels.KERNELS`, or "auto".

    Returns:
        Another network, on the same device and in the same mode, that shares no memory with the
        first.

    Raises:
        InvalidArgument: `found` belongs to a network with other synapses.
        UnknownName: There is no such backend.

    Example:
        >>> import sparse_rnn as srnn
        >>> net = srnn.Network(3, 2, srnn.masks.dense(10))
        >>> srnn.sparsify.apply(net, srnn.sparsify.magnitude(net, density=0.2)).weight_counts()
        {'recurrent': 20, 'input': 30, 'output': 20, 'total': 70}
    """
    instance("network", network, Network)
    instance("found", found, Sparsified)
    flag("rescale", rescale)
    rnn = network.rnn
    if found.given != rnn.mask:
        allowed = f"chosen for a network with the mask {rnn.mask!r}"
        raise InvalidArgument("found", found.given, allowed)
    options: Any = rnn.settings()
    sizes = rnn.input_size, network.readout.out_features
    dtype, device = rnn.weight_hh.dtype, rnn.weight_hh.device
    made = Network(*sizes, found.mask, backend=backend, dtype=dtype, **options)
    state = {**network.state_dict(), "rnn._extra_state": made.rnn.get_extra_state()}
    state["rnn.weight_hh"] = found.weights(rnn.weight_hh, rescale=rescale)
    made.load_state_dict(state)
    made.chunk = network.chunk
    for name, parameter in network.named_parameters():
        made.get_parameter(name).requires_grad_(parameter.requires_grad)
    return made.to(device).train(network.training)


@dataclass(frozen=True)
class SparseMeasures:
    """What may go wrong with a sparse network, in numbers.

    Attributes:
        density: Synapses over N squared.
        units_without_inputs: Units with no synapse onto them.
        reachable: Share of the ordered pairs of different units with a path from the first to the
            second; 1 for a single unit.
        spectral_radius: Largest absolute value of an eigenvalue of the recurrent matrix, of each
            gate one.
    """

    density: float
    units_without_inputs: int
    reachable: float
    spectral_radius: tuple[float, ...]


def measure(network: Network) -> SparseMeasures:
    """Measure whether a mask has collapsed, with the weights that it has.

    Args:
        network: A network, such as `apply` makes.

    Example:
        >>> import sparse_rnn as srnn
        >>> net = srnn.Network(3, 2, srnn.masks.dense(10))
        >>> sparse = srnn.sparsify.apply(net, srnn.sparsify.magnitude(net, density=0.1))
        >>> found = srnn.sparsify.measure(sparse)
        >>> found.density, found.units_without_inputs > 0
        (0.1, True)
    """
    mask = instance("network", network, Network).rnn.mask
    pairs = mask.n_units * (mask.n_units - 1)
    weight = network.rnn.recurrent_weights().detach().to("cpu", torch.float64)
    gates = weight.reshape(-1, mask.nnz).numpy()
    return SparseMeasures(
        density=mask.density,
        units_without_inputs=int((mask.in_degree() == 0).sum()),
        reachable=reachable_pairs(mask) / pairs if pairs else 1.0,
        spectral_radius=tuple(largest_eigenvalue(mask, values) for values in gates),
    )
