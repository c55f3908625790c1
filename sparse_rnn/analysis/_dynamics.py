"""One step of a network as a smooth map of its state, with products by its Jacobian.

In every cell a unit takes part in the next step through its own state and through the products of
the recurrent matrices with all states. So the Jacobian is a sum of diagonal matrices times known
ones, and products with it cost as much as a step, for all states of a batch at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparse_rnn.analysis._weights import as_array, recurrent
from sparse_rnn.kernels import nonlinearity
from sparse_rnn.nn.cells import MaskedRNN
from sparse_rnn.nn.network import Network

Parts = tuple[Tensor, ...]
"""The state of a cell: h ``[P, N]``; of an LSTM also its memory c."""

Update = Callable[[Parts, Tensor, Tensor], Parts]
"""The next state from the state, the products ``[gates, P, N]``, the input ``[P, gates, N]``."""


SPARSE = 0.1
"""Below this density the products go over the synapses, else over whole matrices."""


@dataclass(frozen=True, eq=False)
class Matrices:
    """The recurrent matrices of a network, which share their mask; float64.

    Attributes:
        rows: The matrices below each other, ``[gates * N, N]``: a scipy matrix where few entries
            exist.
        columns: The transposes beside each other, ``[N, gates * N]``.
        n_gates: Number of gates.
    """

    rows: Any
    columns: Any
    n_gates: int

    @classmethod
    def of(cls, network: Network) -> Matrices:
        """Take the matrices from a network."""
        from scipy.sparse import csr_array, vstack

        mask, gates = network.rnn.mask, network.rnn.GATES
        values = recurrent(network).reshape(gates, mask.nnz)
        rows: Any = vstack(
            [csr_array((one, mask.indices, mask.indptr), shape=mask.shape) for one in values]
        ).tocsr()
        if mask.density > SPARSE:
            dense = rows.toarray()
            return cls(dense, dense.T, gates)
        return cls(rows, rows.T.tocsr(), gates)

    def times(self, states: Tensor) -> Tensor:
        """Products with states ``[P, N]``; ``[gates, P, N]``."""
        products = torch.from_numpy(np.ascontiguousarray((self.rows @ states.numpy().T).T))
        return products.unflatten(1, (self.n_gates, -1)).transpose(0, 1)

    def transposed_times(self, values: Tensor) -> Tensor:
        """Sum over gates of the transposes' products with ``[gates, P, N]``; ``[P, N]``."""
        beside = values.transpose(0, 1).flatten(1)
        return torch.from_numpy(np.ascontiguousarray((self.columns @ beside.numpy().T).T))

    def dense(self) -> Tensor:
        """The matrices, ``[gates, N, N]``."""
        whole = self.rows if isinstance(self.rows, np.ndarray) else self.rows.toarray()
        return torch.from_numpy(whole).unflatten(0, (self.n_gates, -1))


@dataclass(frozen=True, eq=False)
class Dynamics:
    """The map of a network's state over one step with a constant input; float64.

    Attributes:
        matrices: The recurrent matrices.
        update: What the cell computes.
        inputs: float64 ``[P or 1, gates, N]``, input times its weights plus the bias.
        n_parts: 1, or 2 for an LSTM, whose state is h and c behind each other.
    """

    matrices: Matrices
    update: Update
    inputs: Tensor
    n_parts: int

    @classmethod
    def of(cls, network: Network, inputs: NDArray[np.float64]) -> Dynamics:
        """Take the dynamics from a network.

        Args:
            network: The network.
            inputs: ``[I]``, or ``[P, I]`` with one for each state.
        """
        layer, mask = network.rnn, network.rnn.mask
        projected = np.atleast_2d(inputs) @ as_array(layer.weight_ih).T
        if layer.bias is not None:
            projected = projected + as_array(layer.bias)
        shaped = projected.reshape(len(projected), layer.GATES, mask.n_units)
        matrices = Matrices.of(network)
        update = _UPDATES[layer.CELL](network)
        n_parts = 2 if layer.CELL == "lstm" else 1
        return cls(matrices, update, torch.from_numpy(shaped), n_parts)

    @property
    def size(self) -> int:
        """Numbers in a state: N, or 2 N of an LSTM."""
        return self.n_parts * self.inputs.shape[2]

    def at(self, rows: Tensor) -> Dynamics:
        """The map of some of the states."""
        inputs = self.inputs if len(self.inputs) == 1 else self.inputs[rows]
        return Dynamics(self.matrices, self.update, inputs, self.n_parts)

    def step(self, state: Tensor) -> Tensor:
        """The next states ``[P, size]``."""
        parts = state.chunk(self.n_parts, dim=1)
        return torch.cat(self.update(parts, self.matrices.times(parts[0]), self.inputs), dim=1)

    def linearise(self, state: Tensor) -> Linear:
        """The next states, and the Jacobian at these."""
        parts = tuple(part.detach().requires_grad_() for part in state.chunk(self.n_parts, dim=1))
        products = self.matrices.times(parts[0].detach()).requires_grad_()
        after = self.update(parts, products, self.inputs)
        # Units do not meet in `update`, so the gradient of a sum has the derivative of each.
        slopes = [
            torch.autograd.grad(
                part.sum(), (*parts, products), retain_graph=True, materialize_grads=True
            )
            for part in after
        ]
        return Linear(
            torch.cat(after, dim=1).detach(),
            torch.stack([torch.stack(own[:-1]) for own in slopes]),
            torch.stack([own[-1] for own in slopes]),
            self.matrices,
        )


@dataclass(frozen=True, eq=False)
class Linear:
    """A step, linearised at P states.

    Attributes:
        after: float64 ``[P, size]``, the next states.
        local: float64 ``[parts, parts, P, N]``, derivative of a part by the unit's own part.
        by_product: float64 ``[parts, gates, P, N]``, derivative of a part by each product.
        matrices: The recurrent matrices.
    """

    after: Tensor
    local: Tensor
    by_product: Tensor
    matrices: Matrices

    def times(self, direction: Tensor) -> Tensor:
        """The Jacobian times a direction each; ``[P, size]``."""
        parts = torch.stack(direction.chunk(len(self.local), dim=1))
        moved = self.matrices.times(parts[0])
        own = (self.local * parts).sum(dim=1) + (self.by_product * moved).sum(dim=1)
        return torch.cat(own.unbind(0), dim=1)

    def transposed_times(self, direction: Tensor) -> Tensor:
        """The transpose of the Jacobian times a direction each; ``[P, size]``."""
        parts = torch.stack(direction.chunk(len(self.local), dim=1))
        own = (self.local * parts[:, None]).sum(dim=0)
        into = (self.by_product * parts[:, None]).sum(dim=0)
        through = self.matrices.transposed_times(into)
        return torch.cat([own[0] + through, *own[1:].unbind(0)], dim=1)

    def jacobians(self) -> Tensor:
        """The Jacobians themselves; float64 ``[P, size, size]``."""
        n_parts, _, n_points, n = self.local.shape
        whole = torch.diag_embed(self.local).permute(2, 0, 3, 1, 4).contiguous()
        through = torch.einsum("ogpi,gij->poij", self.by_product, self.matrices.dense())
        whole[:, :, :, 0] += through
        return whole.reshape(n_points, n_parts * n, n_parts * n)


def _vanilla(network: Network) -> Update:
    layer = network.rnn
    assert isinstance(layer, MaskedRNN)  # "vanilla" or "leaky"
    f, alpha = nonlinearity(layer.nonlinearity).apply, layer.alpha

    def update(parts: Parts, products: Tensor, inputs: Tensor) -> Parts:
        return (torch.lerp(parts[0], f(inputs[:, 0] + products[0]), alpha),)

    return update


def _gru(network: Network) -> Update:
    bias: Tensor | None = getattr(network.rnn, "bias_hn", None)
    offset = 0.0 if bias is None else torch.from_numpy(as_array(bias))

    def update(parts: Parts, products: Tensor, inputs: Tensor) -> Parts:
        reset, keep, new = inputs.unbind(1)
        new = torch.tanh(new + torch.sigmoid(reset + products[0]) * (products[2] + offset))
        return (torch.lerp(new, parts[0], torch.sigmoid(keep + products[1])),)

    return update


def _lstm(network: Network) -> Update:  # noqa: ARG001 - as the others
    def update(parts: Parts, products: Tensor, inputs: Tensor) -> Parts:
        into, forget, cell, out = (inputs.transpose(0, 1) + products).unbind(0)
        memory = torch.sigmoid(forget) * parts[1] + torch.sigmoid(into) * torch.tanh(cell)
        return torch.sigmoid(out) * torch.tanh(memory), memory

    return update


_UPDATES: Mapping[str, Callable[[Network], Update]] = MappingProxyType(
    {"vanilla": _vanilla, "leaky": _vanilla, "gru": _gru, "lstm": _lstm}
)
