"""Kernel `autapse`: every unit has itself alone, so a step is elementwise, with no product."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from sparse_rnn.kernels._interface import Edges, Kernel, Nonlinearity, Product
from sparse_rnn.masks import Mask


class _AutapseRecurrence(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, projected: Tensor, h0: Tensor, weight: Tensor, nonlinearity: Nonlinearity
    ) -> Tensor:
        states = torch.empty_like(projected, memory_format=torch.contiguous_format)
        state = h0
        for now, out in zip(projected.unbind(0), states.unbind(0), strict=True):
            state = nonlinearity.apply_(torch.addcmul(now, state, weight, out=out))
        ctx.save_for_backward(h0, states, weight)
        ctx.nonlinearity = nonlinearity
        return states

    @staticmethod
    @once_differentiable
    # One output, so one gradient; the base class says *grad_outputs.
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, grad: Tensor
    ) -> tuple[Tensor | None, ...]:
        h0, states, weight = cast("tuple[Tensor, Tensor, Tensor]", ctx.saved_tensors)
        chain_ = ctx.nonlinearity.chain_
        deltas = torch.empty_like(states)
        steps = list(zip(grad.unbind(0), states.unbind(0), deltas.unbind(0), strict=True))
        outer, state, delta = steps.pop()
        chain_(delta.copy_(outer), state)
        for outer, state, out in reversed(steps):
            delta = chain_(torch.addcmul(outer, delta, weight, out=out), state)
        grad_h0 = delta * weight if ctx.needs_input_grad[1] else None
        grad_weight = None
        if ctx.needs_input_grad[2]:
            grad_weight = (deltas[0] * h0).sum(0) + (deltas[1:] * states[:-1]).sum((0, 1))
        return deltas, grad_h0, grad_weight, None


def run(
    projected: Tensor, h0: Tensor, weight: Tensor, edges: Edges, nonlinearity: Nonlinearity
) -> Tensor:
    """Compute the states; see `Kernel` for the arguments. Differentiable once."""
    del edges  # Edge i is the self-connection of unit i, as `refusal` has made sure.
    return cast("Tensor", _AutapseRecurrence.apply(projected, h0, weight, nonlinearity))


def product(weight: Tensor, edges: Edges) -> Product:
    """Prepare elementwise products; see `Kernel.product`."""
    del edges
    return lambda state: state * weight[:, None]


def refusal(mask: Mask, device: str) -> str:
    """Why the mask is not an autapse pool, or ""."""
    del device  # It runs on all of them.
    own = mask.nnz == mask.n_units and bool((mask.indices == mask.targets()).all())
    return "" if own else "it serves masks of one self-connection a unit only"


KERNEL = Kernel("autapse", run, refusal, product)
