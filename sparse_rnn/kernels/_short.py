"""Products of shorter numbers, for kernels that are written in torch (``precision="bf16"``).

Parameters, states and sums keep their type. What is short is the matrix, as autocast says in the
pass forward; the factors that it meets are shortened like it, and so is what comes out.
"""

from __future__ import annotations

import torch
from torch import Tensor


def short(matrix: Tensor) -> Tensor:
    """The matrix in the type that autocast asks for; itself where it asks for none."""
    kind = matrix.device.type
    if matrix.dtype != torch.float32 or not torch.is_autocast_enabled(kind):
        return matrix
    return matrix.to(torch.get_autocast_dtype(kind))


def add_product(base: Tensor, left: Tensor, matrix: Tensor, out: Tensor) -> Tensor:
    """Write ``base + left @ matrix``, of two or three axes, to `out`."""
    if matrix.dtype != left.dtype:
        return torch.add(base, left.to(matrix.dtype) @ matrix, out=out)
    add = torch.addmm if left.dim() == 2 else torch.baddbmm
    return add(base, left, matrix, out=out)


def product(left: Tensor, matrix: Tensor) -> Tensor:
    """``left @ matrix`` in the type of `left`."""
    return (left.to(matrix.dtype) @ matrix).to(left.dtype)


def weight_gradient(deltas: Tensor, states: Tensor, first: Tensor, like: Tensor) -> Tensor:
    """The gradient of a recurrent matrix.

    Args:
        deltas: Gradients with respect to the arguments of the nonlinearity, ``[T, ..., B, N]``.
        states: States after each step, the same shape.
        first: The state before, ``[..., B, N]``.
        like: The matrix of the pass forward, whose type decides.

    Returns:
        ``[..., N, N]``, in the type of the states.
    """
    gradient = product(deltas[0].mT, first.to(like.dtype))
    later, before = (_rows(values) for values in (deltas[1:], states[:-1]))
    return add_product(gradient, later.mT, before.to(like.dtype), gradient)


def _rows(values: Tensor) -> Tensor:
    """``[T, ..., B, N]`` as ``[..., T * B, N]``."""
    return values.movedim(0, -3).flatten(-3, -2)
