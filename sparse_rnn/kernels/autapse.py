"""Kernel `autapse`: every unit has itself alone, so a step is elementwise, with no product."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from sparse_rnn.kernels.api import Edges, Kernel, Pattern, Product
from sparse_rnn.kernels.derivatives import Tensors
from sparse_rnn.kernels.recurrence import Recurrence, backward_steps, forward_steps


class _AutapseRecurrence(Recurrence):
    KEEPS_OUTPUT = True

    def forth(self, *tensors: Tensor) -> Tensors:
        """The states, element by element."""
        projected, h0, weight = tensors
        states = torch.empty_like(projected, memory_format=torch.contiguous_format)
        rates = forward_steps(self, projected, h0, states, partial(_add_product, weight))
        self._kept = states.detach(), rates.detach()
        return (states,)

    def back(
        self, needed: Sequence[bool], grads: Tensors, *tensors: Tensor
    ) -> tuple[Tensor | None, ...]:
        """The gradients, element by element."""
        (grad,), (_, h0, weight) = grads, tensors
        states, rates = self._kept
        deltas, passed = backward_steps(self, grad, rates, partial(_add_product, weight))
        grad_h0 = None
        if needed[1]:
            first = deltas[0]
            grad_h0 = first * weight if passed is None else torch.addcmul(passed, first, weight)
        grad_weight = None
        if needed[2]:
            grad_weight = (deltas[0] * h0).sum(0) + (deltas[1:] * states[:-1]).sum((0, 1))
        return deltas, grad_h0, grad_weight


def _add_product(weight: Tensor, base: Tensor, state: Tensor, out: Tensor) -> Tensor:
    return torch.addcmul(base, state, weight, out=out)


def product(weight: Tensor, edges: Edges) -> Product:
    """Prepare elementwise products; see `Kernel.product`."""
    del edges
    return lambda state: state * weight[:, None]


def refusal(mask: Pattern, device: str) -> str:
    """Why the mask is not an autapse pool, or ""."""
    del device  # It runs on all of them.
    own = mask.nnz == mask.n_units and bool((mask.indices == mask.targets()).all())
    return "" if own else "it serves masks of one self-connection a unit only"


KERNEL = Kernel("autapse", _AutapseRecurrence.run, refusal, product)
