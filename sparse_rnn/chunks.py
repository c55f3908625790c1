"""Sequences in chunks of time: activations of one chunk at a time, and exact gradients.

Between a forward and a backward pass a network keeps its activations of all steps. In chunks it
keeps the state at each border only and computes the rest again, chunk by chunk, when the gradient
comes (Chen et al. 2016, https://arxiv.org/abs/1604.06174). That costs a second forward pass.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

Piece = Callable[..., tuple[Tensor, ...]]
"""Runs some steps: of the inputs ``[steps, B, I]`` and the states before them the outputs ``[steps,
B, O]`` and the states after them."""


class _Recomputed(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        piece: Piece,
        changing: Sequence[Tensor],
        inputs: Tensor,
        n_states: int,
        *tensors: Tensor,
    ) -> tuple[Tensor, ...]:
        ctx.before = [buffer.clone() for buffer in changing]
        ctx.piece, ctx.changing, ctx.n_states = piece, changing, n_states
        ctx.save_for_backward(inputs, *tensors)
        return piece(inputs, *tensors[:n_states])

    @staticmethod
    @once_differentiable
    # As many gradients as outputs; the base class says so, in other words.
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, *grads: Tensor
    ) -> tuple[Tensor | None, ...]:
        inputs, *tensors = cast("tuple[Tensor, ...]", ctx.saved_tensors)
        states = [tensor.detach().requires_grad_() for tensor in tensors[: ctx.n_states]]
        sequence = inputs.detach().requires_grad_(ctx.needs_input_grad[2])
        with torch.enable_grad(), _as_it_was(ctx.changing, ctx.before):
            outputs = ctx.piece(sequence, *states)
        wanted = [sequence] if sequence.requires_grad else []
        wanted += [*states, *tensors[ctx.n_states :]]
        found = list(torch.autograd.grad(outputs, wanted, grads, allow_unused=True))
        of_inputs = found.pop(0) if sequence.requires_grad else None
        return None, None, of_inputs, None, *found


@contextmanager
def _as_it_was(changing: Sequence[Tensor], before: Sequence[Tensor]) -> Generator[None]:
    """Set some buffers back, such as the count of what noise was drawn from, and forth again."""
    now = [buffer.clone() for buffer in changing]
    for buffer, value in zip(changing, before, strict=True):
        buffer.copy_(value)
    try:
        yield
    finally:
        for buffer, value in zip(changing, now, strict=True):
            buffer.copy_(value)


def run(
    piece: Piece,
    inputs: Tensor,
    states: tuple[Tensor, ...],
    chunk: int,
    module: torch.nn.Module,
) -> tuple[Tensor, Tensor]:
    """Run a sequence chunk by chunk.

    Args:
        piece: Runs some steps with the parameters and buffers of `module`.
        inputs: ``[T, B, I]``, of at least one step.
        states: The states before the first step.
        chunk: Steps of a chunk.
        module: The module that `piece` belongs to.

    Returns:
        The outputs ``[T, B, O]``, and the first of the states at the end of each chunk, one after
        the other. Differentiable once.
    """
    trained = [p for p in module.parameters() if p.requires_grad]
    changing = list(module.buffers())
    outputs: list[Tensor] = []
    borders: list[Tensor] = []
    for part in inputs.split(chunk):
        if torch.is_grad_enabled():
            found = _Recomputed.apply(piece, changing, part, len(states), *states, *trained)
            output, *after = cast("tuple[Tensor, ...]", found)
        else:
            output, *after = piece(part, *states)
        states = tuple(after)
        outputs.append(output)
        borders.append(states[0])
    return torch.cat(outputs), torch.cat(borders)
