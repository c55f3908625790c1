"""The kernel `dense` for several networks side by side: one matrix each, and batched products."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from sparse_rnn.kernels._interface import Edges, Nonlinearity


class _BlockRecurrence(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        projected: Tensor,
        h0: Tensor,
        weight: Tensor,
        edges: Edges,
        nonlinearity: Nonlinearity,
    ) -> Tensor:
        matrix = edges.scatter_blocks(weight)  # [S, N, N]
        transposed = matrix.transpose(1, 2).contiguous()
        inputs = _apart(projected, edges)  # [T, S, B, N]
        states = torch.empty_like(inputs)
        first = state = _apart(h0[None], edges)[0]
        for now, out in zip(inputs.unbind(0), states.unbind(0), strict=True):
            state = nonlinearity.apply_(torch.baddbmm(now, state, transposed, out=out))
        ctx.save_for_backward(first, states, matrix)
        ctx.edges, ctx.nonlinearity = edges, nonlinearity
        return _together(states)

    @staticmethod
    @once_differentiable
    # One output, so one gradient; the base class says *grad_outputs.
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, grad: Tensor
    ) -> tuple[Tensor | None, ...]:
        first, states, matrix = cast("tuple[Tensor, Tensor, Tensor]", ctx.saved_tensors)
        edges: Edges = ctx.edges
        chain_ = ctx.nonlinearity.chain_
        deltas = torch.empty_like(states)
        outer_grad = _apart(grad, edges)
        steps = list(zip(outer_grad.unbind(0), states.unbind(0), deltas.unbind(0), strict=True))
        outer, state, delta = steps.pop()
        chain_(delta.copy_(outer), state)
        for outer, state, out in reversed(steps):
            delta = chain_(torch.baddbmm(outer, delta, matrix, out=out), state)
        grad_h0 = _together((delta @ matrix)[None])[0] if ctx.needs_input_grad[1] else None
        grad_weight = None
        if ctx.needs_input_grad[2]:
            grad_matrix = deltas[0].transpose(1, 2) @ first
            later = deltas[1:].transpose(0, 1).flatten(1, 2)  # [S, (T - 1) * B, N]
            before = states[:-1].transpose(0, 1).flatten(1, 2)
            grad_matrix.baddbmm_(later.transpose(1, 2), before)
            grad_weight = grad_matrix[edges.block_indices()]
        return _together(deltas), grad_h0, grad_weight, None, None


def run(
    projected: Tensor, h0: Tensor, weight: Tensor, edges: Edges, nonlinearity: Nonlinearity
) -> Tensor:
    """Compute the states; see `Kernel` for the arguments. Differentiable once."""
    return cast("Tensor", _BlockRecurrence.apply(projected, h0, weight, edges, nonlinearity))


def _apart(values: Tensor, edges: Edges) -> Tensor:
    """``[T, B, S * N]`` as ``[T, S, B, N]``, copied so that each block lies in one piece."""
    return values.unflatten(2, (edges.n_blocks, -1)).transpose(1, 2).contiguous()


def _together(values: Tensor) -> Tensor:
    """``[T, S, B, N]`` as ``[T, B, S * N]``."""
    return values.transpose(1, 2).flatten(2)
