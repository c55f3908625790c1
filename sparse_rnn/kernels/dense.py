"""Kernel `dense`: a dense work matrix and a backward pass over the whole sequence by hand.

The parameters are the edges; the matrix lives during a pass only. Against autograd through a loop
it keeps nothing but the states, and it computes the weight gradient as one product over time and
batch in place of T small ones.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from sparse_rnn.kernels import _blocks
from sparse_rnn.kernels._interface import Edges, Kernel, Nonlinearity


class _DenseRecurrence(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        projected: Tensor,
        h0: Tensor,
        weight: Tensor,
        edges: Edges,
        nonlinearity: Nonlinearity,
    ) -> Tensor:
        matrix = edges.scatter(weight)
        transposed = matrix.T.contiguous()
        states = torch.empty_like(projected, memory_format=torch.contiguous_format)
        state = h0
        for now, out in zip(projected.unbind(0), states.unbind(0), strict=True):
            state = nonlinearity.apply_(torch.addmm(now, state, transposed, out=out))
        ctx.save_for_backward(h0, states, matrix)
        ctx.edges, ctx.nonlinearity = edges, nonlinearity
        return states

    @staticmethod
    @once_differentiable
    # One output, so one gradient; the base class says *grad_outputs.
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, grad: Tensor
    ) -> tuple[Tensor | None, ...]:
        h0, states, matrix = cast("tuple[Tensor, Tensor, Tensor]", ctx.saved_tensors)
        edges: Edges = ctx.edges
        chain_ = ctx.nonlinearity.chain_
        # The gradient with respect to the argument of the nonlinearity, at each step.
        deltas = torch.empty_like(states)
        steps = list(zip(grad.unbind(0), states.unbind(0), deltas.unbind(0), strict=True))
        outer, state, delta = steps.pop()
        chain_(delta.copy_(outer), state)
        for outer, state, out in reversed(steps):
            delta = chain_(torch.addmm(outer, delta, matrix, out=out), state)
        grad_h0 = delta @ matrix if ctx.needs_input_grad[1] else None
        grad_weight = None
        if ctx.needs_input_grad[2]:
            grad_matrix = deltas[0].T @ h0
            grad_matrix.addmm_(deltas[1:].flatten(0, 1).T, states[:-1].flatten(0, 1))
            grad_weight = grad_matrix[edges.targets, edges.sources]
        return deltas, grad_h0, grad_weight, None, None


def run(
    projected: Tensor, h0: Tensor, weight: Tensor, edges: Edges, nonlinearity: Nonlinearity
) -> Tensor:
    """Compute the states; see `Kernel` for the arguments. Differentiable once."""
    if edges.n_blocks > 1:
        return _blocks.run(projected, h0, weight, edges, nonlinearity)
    return cast("Tensor", _DenseRecurrence.apply(projected, h0, weight, edges, nonlinearity))


KERNEL = Kernel("dense", run)
