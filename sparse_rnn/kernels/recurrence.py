"""The recurrence as its definition reads: the kernel `reference`, and the derivatives of others."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from sparse_rnn.errors import InvalidArgument
from sparse_rnn.kernels.api import Edges, Nonlinearity
from sparse_rnn.kernels.derivatives import Operation, Tensors


def recurrence(
    projected: Tensor,
    h0: Tensor,
    weight: Tensor,
    edges: Edges,
    nonlinearity: Nonlinearity,
    alpha: float = 1.0,
) -> Tensor:
    """Compute the states as `sparse_rnn.kernels.Kernel` defines them; see there."""
    matrix = edges.scatter(weight)
    state = h0
    states: list[Tensor] = []
    for step in projected.unbind(0):
        rate = nonlinearity.apply(step + state @ matrix.T)
        state = rate if alpha == 1 else torch.lerp(state, rate, alpha)
        states.append(state)
    return torch.stack(states)


class Recurrence(Operation):
    """A pass of a kernel: of the projected input, the first state and the weights the states.

    Attributes:
        edges: The edges.
        nonlinearity: The nonlinearity.
        alpha: Share of the state that a step replaces.
    """

    def __init__(self, edges: Edges, nonlinearity: Nonlinearity, alpha: float) -> None:
        self.edges, self.nonlinearity, self.alpha = edges, nonlinearity, alpha

    def formula(self, *tensors: Tensor) -> Tensors:
        """The definition."""
        projected, h0, weight = tensors
        how = (self.edges, self.nonlinearity, self.alpha)
        return (recurrence(projected, h0, weight, *how),)

    def states(self, *tensors: Tensor) -> Tensor:
        """Compute the states ``[T, B, N]``; differentiable in all tensors, to every order.

        Raises:
            InvalidArgument: The tensors differ in their types.
        """
        check_types(tensors)
        return self(*tensors)[0]

    @abstractmethod
    def forth(self, *tensors: Tensor) -> Tensors:
        """The states, by the kernel."""


def check_types(tensors: Sequence[Tensor]) -> None:
    """Refuse tensors of several types, which a kernel would read as if they were of one.

    Raises:
        InvalidArgument: Their types differ.
    """
    kinds = {tensor.dtype for tensor in tensors}
    if len(kinds) > 1:
        found = ", ".join(sorted(map(str, kinds)))
        raise InvalidArgument("tensors", found, "input, state and weights of one type")
