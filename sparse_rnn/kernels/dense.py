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

from sparse_rnn.kernels._interface import Edges, Kernel, Nonlinearity
from sparse_rnn.kernels._leak import leak, rates_beside, share_
from sparse_rnn.kernels._short import add_product, product, short, weight_gradient


class _DenseRecurrence(torch.autograd.Function):
    @staticmethod
    def forward(  # noqa: PLR0913 - as `run`
        ctx: Any,
        projected: Tensor,
        h0: Tensor,
        weight: Tensor,
        edges: Edges,
        nonlinearity: Nonlinearity,
        alpha: float,
    ) -> Tensor:
        # With an axis for networks side by side, of the states too, where there are several.
        matrix = short(
            edges.scatter_blocks(weight) if edges.n_blocks > 1 else edges.scatter(weight)
        )
        transposed = matrix.mT.contiguous()
        states = torch.empty_like(projected, memory_format=torch.contiguous_format)
        rates = rates_beside(states, alpha)
        state = h0
        steps = zip(projected.unbind(0), rates.unbind(0), states.unbind(0), strict=True)
        for now, rate, out in steps:
            nonlinearity.apply_(add_product(now, state, transposed, rate))
            state = leak(state, rate, out, alpha)
        ctx.save_for_backward(h0, states, rates, matrix)
        ctx.edges, ctx.nonlinearity, ctx.alpha = edges, nonlinearity, alpha
        return states

    @staticmethod
    @once_differentiable
    # One output, so one gradient; the base class says *grad_outputs.
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, grad: Tensor
    ) -> tuple[Tensor | None, ...]:
        h0, states, rates, matrix = cast("tuple[Tensor, ...]", ctx.saved_tensors)
        edges: Edges = ctx.edges
        alpha: float = ctx.alpha
        chain_ = ctx.nonlinearity.chain_
        # The gradient with respect to the argument of the nonlinearity, at each step.
        deltas = torch.empty_like(states)
        steps = list(zip(grad.unbind(0), rates.unbind(0), deltas.unbind(0), strict=True))
        outer, rate, delta = steps.pop()
        passed = share_(delta.copy_(outer), None, alpha)
        chain_(delta, rate)
        for outer, rate, out in reversed(steps):
            delta = add_product(outer, delta, matrix, out)
            passed = share_(delta, passed, alpha)
            chain_(delta, rate)
        grad_h0 = None
        if ctx.needs_input_grad[1]:
            grad_h0 = product(delta, matrix)
            grad_h0 = grad_h0 if passed is None else grad_h0.add_(passed)
        grad_weight = None
        if ctx.needs_input_grad[2]:
            grad_matrix = weight_gradient(deltas, states, h0, matrix)
            several = edges.n_blocks > 1
            grad_weight = grad_matrix[edges.block_indices() if several else edges.indices()]
        return deltas, grad_h0, grad_weight, None, None, None


def run(
    projected: Tensor,
    h0: Tensor,
    weight: Tensor,
    edges: Edges,
    nonlinearity: Nonlinearity,
    alpha: float = 1.0,
) -> Tensor:
    """Compute the states; see `Kernel` for the arguments. Differentiable once."""
    rest = (weight, edges, nonlinearity, alpha)
    if edges.n_blocks == 1:
        return cast("Tensor", _DenseRecurrence.apply(projected, h0, *rest))
    states = _DenseRecurrence.apply(_apart(projected, edges), _apart(h0, edges), *rest)
    return cast("Tensor", states).transpose(-3, -2).flatten(-2)


def _apart(values: Tensor, edges: Edges) -> Tensor:
    """``[..., B, S * N]`` as ``[..., S, B, N]``, copied so that each network lies in one piece."""
    return values.unflatten(-1, (edges.n_blocks, -1)).transpose(-3, -2).contiguous()


KERNEL = Kernel("dense", run)
