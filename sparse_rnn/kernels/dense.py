"""Kernel `dense`: a dense work matrix and a backward pass over the whole sequence by hand.

The parameters are the edges; the matrix lives during a pass only. Against autograd through a loop
it keeps nothing but the states, and it computes the weight gradient as one product over time and
batch in place of T small ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from sparse_rnn.kernels._leak import leak, rates_beside, share_
from sparse_rnn.kernels._short import add_product, product, short, weight_gradient
from sparse_rnn.kernels.api import Edges, Kernel, Nonlinearity
from sparse_rnn.kernels.derivatives import Tensors
from sparse_rnn.kernels.recurrence import Recurrence


class _DenseRecurrence(Recurrence):
    KEEPS_OUTPUT = True

    def forth(self, *tensors: Tensor) -> Tensors:
        """The states, by a product a step."""
        projected, h0, weight = (self._apart(tensor) for tensor in tensors)
        # With an axis for networks side by side, of the states too, where there are several.
        matrix = short(
            self.edges.scatter_blocks(weight)
            if self.edges.n_blocks > 1
            else self.edges.scatter(weight)
        )
        transposed = matrix.mT.contiguous()
        states = torch.empty_like(projected, memory_format=torch.contiguous_format)
        rates = rates_beside(states, self.alpha)
        state = h0
        steps = zip(projected.unbind(0), rates.unbind(0), states.unbind(0), strict=True)
        for now, rate, out in steps:
            self.nonlinearity.apply_(add_product(now, state, transposed, rate))
            state = leak(state, rate, out, self.alpha)
        self._kept = h0, states.detach(), rates.detach(), matrix
        return (self._together(states),)

    def back(
        self, needed: Sequence[bool], grads: Tensors, *tensors: Tensor
    ) -> tuple[Tensor | None, ...]:
        """The gradients, the one of the weights as one product over time and batch."""
        del tensors
        h0, states, rates, matrix = self._kept
        grad = self._apart(grads[0])
        chain_ = self.nonlinearity.chain_
        # The gradient with respect to the argument of the nonlinearity, at each step.
        deltas = torch.empty_like(states)
        steps = list(zip(grad.unbind(0), rates.unbind(0), deltas.unbind(0), strict=True))
        outer, rate, delta = steps.pop()
        passed = share_(delta.copy_(outer), None, self.alpha)
        chain_(delta, rate)
        for outer, rate, out in reversed(steps):
            delta = add_product(outer, delta, matrix, out)
            passed = share_(delta, passed, self.alpha)
            chain_(delta, rate)
        grad_h0 = None
        if needed[1]:
            grad_h0 = product(delta, matrix)
            grad_h0 = self._together(grad_h0 if passed is None else grad_h0.add_(passed))
        grad_weight = None
        if needed[2]:
            grad_matrix = weight_gradient(deltas, states, h0, matrix)
            several = self.edges.n_blocks > 1
            where = self.edges.block_indices() if several else self.edges.indices()
            grad_weight = grad_matrix[where]
        return self._together(deltas), grad_h0, grad_weight

    def _apart(self, values: Tensor) -> Tensor:
        """``[..., B, S * N]`` as ``[..., S, B, N]``, so that each network lies in one piece."""
        if self.edges.n_blocks == 1 or values.dim() == 1:
            return values
        return values.unflatten(-1, (self.edges.n_blocks, -1)).transpose(-3, -2).contiguous()

    def _together(self, values: Tensor) -> Tensor:
        """``[..., S, B, N]`` as ``[..., B, S * N]``."""
        return values if self.edges.n_blocks == 1 else values.transpose(-3, -2).flatten(-2)


def run(
    projected: Tensor,
    h0: Tensor,
    weight: Tensor,
    edges: Edges,
    nonlinearity: Nonlinearity,
    alpha: float = 1.0,
) -> Tensor:
    """Compute the states; see `Kernel` for the arguments."""
    return _DenseRecurrence(edges, nonlinearity, alpha).states(projected, h0, weight)


KERNEL = Kernel("dense", run)
