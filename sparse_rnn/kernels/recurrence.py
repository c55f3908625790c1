"""What kernels share: the recurrence as its definition reads, and the steps of those in torch."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence

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

    @classmethod
    def run(
        cls,
        projected: Tensor,
        h0: Tensor,
        weight: Tensor,
        edges: Edges,
        nonlinearity: Nonlinearity,
        alpha: float = 1.0,
    ) -> Tensor:
        """Compute the states; see `sparse_rnn.kernels.Kernel` for the arguments.

        Raises:
            InvalidArgument: The tensors differ in their types.
        """
        return cls(edges, nonlinearity, alpha).states(projected, h0, weight)

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


Add = Callable[[Tensor, Tensor, Tensor], Tensor]
"""``add(base, state, out)`` writes base plus product of a state to `out`, and returns it."""


def forward_steps(
    how: Recurrence, projected: Tensor, h0: Tensor, states: Tensor, add: Add
) -> Tensor:
    """Compute the states step by step, without a graph.

    Args:
        how: Nonlinearity and leak.
        projected: ``[T, ...]``.
        h0: The first state ``[...]``.
        states: Room for the states after each step; written.
        add: Adds the recurrent product.

    Returns:
        What the nonlinearity gave at each step: the states themselves without a leak.
    """
    rates = states if how.alpha == 1 else torch.empty_like(states)
    state = h0
    for now, rate, out in zip(projected.unbind(0), rates.unbind(0), states.unbind(0), strict=True):
        how.nonlinearity.apply_(add(now, state, rate))
        state = rate if how.alpha == 1 else torch.lerp(state, rate, how.alpha, out=out)
    return rates


def backward_steps(
    how: Recurrence, grad: Tensor, rates: Tensor, add: Add
) -> tuple[Tensor, Tensor | None]:
    """Go back through the steps.

    Args:
        how: Nonlinearity and leak.
        grad: Gradients with respect to the states, ``[T, ...]``.
        rates: What `forward_steps` returned.
        add: Adds the product with the transposed matrix.

    Returns:
        The gradients with respect to the arguments of the nonlinearity, and what the leak of the
        first step passes on to the state before it; None without a leak.
    """
    deltas = torch.empty_like(rates)
    steps = list(zip(grad.unbind(0), rates.unbind(0), deltas.unbind(0), strict=True))
    after: Tensor | None = None
    passed: Tensor | None = None
    for outer, rate, out in reversed(steps):
        delta = out.copy_(outer) if after is None else add(outer, after, out)
        if how.alpha != 1:
            # A state's gradient is shared out between its rate and the state before.
            total = delta if passed is None else delta.add_(passed)
            passed = total * (1 - how.alpha)
            delta.mul_(how.alpha)
        after = how.nonlinearity.chain_(delta, rate)
    return deltas, passed
