"""The kernel `dense` for several networks side by side: one matrix each, and batched products."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from sparse_rnn.kernels._interface import Edges, Nonlinearity
from sparse_rnn.kernels._leak import leak, rates_beside, share_
from sparse_rnn.kernels._short import add_product, product, short, weight_gradient


class BlockRecurrence(torch.autograd.Function):
    """`sparse_rnn.kernels.dense` with one more axis: ``[T, S, B, N]`` inside."""

    @staticmethod
    def forward(  # noqa: PLR0913 - as `sparse_rnn.kernels.dense.run`
        ctx: Any,
        projected: Tensor,
        h0: Tensor,
        weight: Tensor,
        edges: Edges,
        nonlinearity: Nonlinearity,
        alpha: float,
    ) -> Tensor:
        """Compute the states ``[T, B, S * N]``."""
        matrix = short(edges.scatter_blocks(weight))  # [S, N, N]
        transposed = matrix.mT.contiguous()
        inputs = _apart(projected, edges)
        states = torch.empty_like(inputs)
        rates = rates_beside(states, alpha)
        first = state = _apart(h0[None], edges)[0]
        steps = zip(inputs.unbind(0), rates.unbind(0), states.unbind(0), strict=True)
        for now, rate, out in steps:
            nonlinearity.apply_(add_product(now, state, transposed, rate))
            state = leak(state, rate, out, alpha)
        ctx.save_for_backward(first, states, rates, matrix)
        ctx.edges, ctx.nonlinearity, ctx.alpha = edges, nonlinearity, alpha
        return _together(states)

    @staticmethod
    @once_differentiable
    # One output, so one gradient; the base class says *grad_outputs.
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, grad: Tensor
    ) -> tuple[Tensor | None, ...]:
        """Gradients of the first three arguments of `forward`."""
        first, states, rates, matrix = cast("tuple[Tensor, ...]", ctx.saved_tensors)
        edges: Edges = ctx.edges
        alpha: float = ctx.alpha
        chain_ = ctx.nonlinearity.chain_
        deltas = torch.empty_like(states)
        outer_grad = _apart(grad, edges)
        steps = list(zip(outer_grad.unbind(0), rates.unbind(0), deltas.unbind(0), strict=True))
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
            grad_h0 = _together((grad_h0 if passed is None else grad_h0.add_(passed))[None])[0]
        grad_weight = None
        if ctx.needs_input_grad[2]:
            grad_matrix = weight_gradient(deltas, states, first, matrix)
            grad_weight = grad_matrix[edges.block_indices()]
        return _together(deltas), grad_h0, grad_weight, None, None, None


def _apart(values: Tensor, edges: Edges) -> Tensor:
    """``[T, B, S * N]`` as ``[T, S, B, N]``, copied so that each block lies in one piece."""
    return values.unflatten(2, (edges.n_blocks, -1)).transpose(1, 2).contiguous()


def _together(values: Tensor) -> Tensor:
    """``[T, S, B, N]`` as ``[T, B, S * N]``."""
    return values.transpose(1, 2).flatten(2)
