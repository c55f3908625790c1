"""Kernel `autapse`: every unit has itself alone, so a step is elementwise, with no product."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from sparse_rnn.kernels._leak import leak, rates_beside, share_
from sparse_rnn.kernels.api import Edges, Kernel, Nonlinearity, Product
from sparse_rnn.kernels.derivatives import Tensors
from sparse_rnn.kernels.recurrence import Recurrence
from sparse_rnn.masks import Mask


class _AutapseRecurrence(Recurrence):
    KEEPS_OUTPUT = True

    def forth(self, *tensors: Tensor) -> Tensors:
        """The states, element by element."""
        projected, h0, weight = tensors
        states = torch.empty_like(projected, memory_format=torch.contiguous_format)
        rates = rates_beside(states, self.alpha)
        state = h0
        steps = zip(projected.unbind(0), rates.unbind(0), states.unbind(0), strict=True)
        for now, rate, out in steps:
            self.nonlinearity.apply_(torch.addcmul(now, state, weight, out=rate))
            state = leak(state, rate, out, self.alpha)
        self._kept = states.detach(), rates.detach()
        return (states,)

    def back(
        self, needed: Sequence[bool], grads: Tensors, *tensors: Tensor
    ) -> tuple[Tensor | None, ...]:
        """The gradients, element by element."""
        (grad,), (_, h0, weight) = grads, tensors
        states, rates = self._kept
        chain_ = self.nonlinearity.chain_
        deltas = torch.empty_like(states)
        steps = list(zip(grad.unbind(0), rates.unbind(0), deltas.unbind(0), strict=True))
        outer, rate, delta = steps.pop()
        passed = share_(delta.copy_(outer), None, self.alpha)
        chain_(delta, rate)
        for outer, rate, out in reversed(steps):
            delta = torch.addcmul(outer, delta, weight, out=out)
            passed = share_(delta, passed, self.alpha)
            chain_(delta, rate)
        grad_h0 = None
        if needed[1]:
            grad_h0 = delta * weight if passed is None else torch.addcmul(passed, delta, weight)
        grad_weight = None
        if needed[2]:
            grad_weight = (deltas[0] * h0).sum(0) + (deltas[1:] * states[:-1]).sum((0, 1))
        return deltas, grad_h0, grad_weight


def run(
    projected: Tensor,
    h0: Tensor,
    weight: Tensor,
    edges: Edges,
    nonlinearity: Nonlinearity,
    alpha: float = 1.0,
) -> Tensor:
    """Compute the states; see `Kernel` for the arguments."""
    # Edge i is the self-connection of unit i, as `refusal` has made sure.
    return _AutapseRecurrence(edges, nonlinearity, alpha).states(projected, h0, weight)


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
