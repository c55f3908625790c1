"""Kernel `dense`: a dense work matrix and a backward pass over the whole sequence by hand.

The parameters are the edges; the matrix lives during a pass only. Against autograd through a loop
it keeps nothing but the states, and it computes the weight gradient as one product over time and
batch in place of T small ones.

Products may be of shorter numbers (``precision="bf16"``). Parameters, states and sums keep their
type. What is short is the matrix, as autocast says in the pass forward; the factors that it meets
are shortened like it, and so is what comes out.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from sparse_rnn.kernels.api import Kernel
from sparse_rnn.kernels.derivatives import Tensors
from sparse_rnn.kernels.recurrence import Recurrence, backward_steps, forward_steps


class _DenseRecurrence(Recurrence):
    KEEPS_OUTPUT = True

    def forth(self, *tensors: Tensor) -> Tensors:
        """The states, by a product a step."""
        projected, h0, weight = (self._apart(tensor) for tensor in tensors)
        # With an axis for networks side by side, of the states too, where there are several.
        matrix = _short(
            self.edges.scatter_blocks(weight)
            if self.edges.n_blocks > 1
            else self.edges.scatter(weight)
        )
        transposed = matrix.mT.contiguous()
        states = torch.empty_like(projected, memory_format=torch.contiguous_format)
        rates = forward_steps(self, projected, h0, states, partial(_add_product, transposed))
        self._kept = h0, states.detach(), rates.detach(), matrix
        return (self._together(states),)

    def back(
        self, needed: Sequence[bool], grads: Tensors, *tensors: Tensor
    ) -> tuple[Tensor | None, ...]:
        """The gradients, the one of the weights as one product over time and batch."""
        del tensors
        h0, states, rates, matrix = self._kept
        grad = self._apart(grads[0])
        deltas, passed = backward_steps(self, grad, rates, partial(_add_product, matrix))
        grad_h0 = None
        if needed[1]:
            grad_h0 = _product(deltas[0], matrix)
            grad_h0 = self._together(grad_h0 if passed is None else grad_h0.add_(passed))
        grad_weight = None
        if needed[2]:
            grad_matrix = _weight_gradient(deltas, states, h0, matrix)
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


def _short(matrix: Tensor) -> Tensor:
    """The matrix in the type that autocast asks for; itself where it asks for none."""
    kind = matrix.device.type
    if matrix.dtype != torch.float32 or not torch.is_autocast_enabled(kind):
        return matrix
    return matrix.to(torch.get_autocast_dtype(kind))


def _add_product(matrix: Tensor, base: Tensor, left: Tensor, out: Tensor) -> Tensor:
    """Write ``base + left @ matrix``, of two or three axes, to `out`."""
    if matrix.dtype != left.dtype:
        return torch.add(base, left.to(matrix.dtype) @ matrix, out=out)
    add = torch.addmm if left.dim() == 2 else torch.baddbmm
    return add(base, left, matrix, out=out)


def _product(left: Tensor, matrix: Tensor) -> Tensor:
    """``left @ matrix`` in the type of `left`."""
    return (left.to(matrix.dtype) @ matrix).to(left.dtype)


def _weight_gradient(deltas: Tensor, states: Tensor, first: Tensor, like: Tensor) -> Tensor:
    """The gradient of a recurrent matrix.

    Args:
        deltas: Gradients with respect to the arguments of the nonlinearity, ``[T, ..., B, N]``.
        states: States after each step, the same shape.
        first: The state before, ``[..., B, N]``.
        like: The matrix of the pass forward, whose type decides.

    Returns:
        ``[..., N, N]``, in the type of the states.
    """
    gradient = _product(deltas[0].mT, first.to(like.dtype))
    later, before = (_rows(values) for values in (deltas[1:], states[:-1]))
    return _add_product(before.to(like.dtype), gradient, later.mT, gradient)


def _rows(values: Tensor) -> Tensor:
    """``[T, ..., B, N]`` as ``[..., T * B, N]``."""
    return values.movedim(0, -3).flatten(-3, -2)


KERNEL = Kernel("dense", _DenseRecurrence.run)
