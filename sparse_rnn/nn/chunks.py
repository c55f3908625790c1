"""Sequences in chunks of time: activations of one chunk at a time, and exact gradients.

Between a forward and a backward pass a network keeps its activations of all steps. In chunks it
keeps the state at each border only and computes the rest again, chunk by chunk, when the gradient
comes (Chen et al. 2016, https://arxiv.org/abs/1604.06174). That costs a second forward pass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from sparse_rnn.errors import InvalidArgument
from sparse_rnn.kernels.derivatives import Operation, Tensors, traced
from sparse_rnn.nn import noise

Piece = Callable[..., Tensors]
"""Runs some steps: of the inputs ``[steps, B, I]`` and the states before them the outputs ``[steps,
B, O]``, one or several of them, and the states after them."""


class _Holder(nn.Module):
    """A piece as a module, so that it can be called with other parameters than its own."""

    def __init__(self, module: nn.Module, piece: Piece) -> None:
        super().__init__()
        self.module = module
        self._piece = piece

    def forward(self, *tensors: Tensor) -> Tensors:
        return self._piece(*tensors)


class _Recomputed(Operation):
    """Of the inputs, the states before and the parameters the outputs and the states after."""

    def __init__(self, holder: _Holder, chunk: int, n_states: int, device: str) -> None:
        self._holder, self._chunk, self._n_data = holder, chunk, 1 + n_states
        self._names = [name for name, _ in holder.named_parameters()]
        # Buffers may change on the way, such as the count of what noise was drawn from.
        self._before = {name: buffer.clone() for name, buffer in holder.named_buffers()}
        self._shortened = (
            device,
            torch.get_autocast_dtype(device),
            torch.is_autocast_enabled(device),
            torch.is_autocast_cache_enabled(),
        )

    def _run(self, tensors: Sequence[Tensor], buffers: dict[str, Tensor]) -> Tensors:
        parameters = zip(self._names, tensors[self._n_data :], strict=True)
        given = {**dict(parameters), **buffers}
        return torch.func.functional_call(self._holder, given, tuple(tensors[: self._n_data]))

    def formula(self, *tensors: Tensor) -> Tensors:
        """The piece, from the buffers as they were and in the precision of the pass forward."""
        before = {name: buffer.clone() for name, buffer in self._before.items()}
        with torch.autocast(*self._shortened), noise.again():
            return self._run(tensors, before)

    def check_forward(self) -> None:
        """Refuse: torch loses its way between a recomputation and a derivative forward.

        Raises:
            InvalidArgument: Always.
        """
        allowed = "None for derivatives forward, such as jvp, jacfwd and torch.func.hessian"
        raise InvalidArgument("chunk", self._chunk, allowed)

    def forth(self, *tensors: Tensor) -> Tensors:
        """The piece, which may change the buffers."""
        return self._run(tensors, {})

    def back(
        self, needed: Sequence[bool], grads: Tensors, *tensors: Tensor
    ) -> tuple[Tensor | None, ...]:
        """The gradients, from activations that are computed anew."""
        pairs = zip(tensors, needed, strict=True)
        own = [tensor.detach().requires_grad_(want) for tensor, want in pairs]
        with torch.enable_grad():
            outputs = self.formula(*own)
        wanted = [tensor for tensor in own if tensor.requires_grad]
        found = iter(torch.autograd.grad(outputs, wanted, grads, materialize_grads=True))
        return tuple(next(found) if tensor.requires_grad else None for tensor in own)


def run(
    piece: Piece,
    inputs: Tensor,
    states: tuple[Tensor, ...],
    chunk: int,
    module: nn.Module,
) -> tuple[Tensors, Tensor, Tensors]:
    """Run a sequence chunk by chunk.

    Args:
        piece: Runs some steps with the parameters and buffers of `module`.
        inputs: ``[T, B, I]``, of at least one step.
        states: The states before the first step.
        chunk: Steps of a chunk.
        module: The module that `piece` belongs to.

    Returns:
        What the piece returns beside states, such as the outputs ``[T, B, O]``; the first of the
        states at the end of each chunk, one after the other; and the states at the end.
        Differentiable to every order, but not forward.
    """
    outputs: list[Tensors] = []
    borders: list[Tensor] = []
    holder, parameters = _Holder(module, piece), tuple(module.parameters())
    # Nothing is kept where no gradient comes, nor where the pass is traced for later.
    again = torch.is_grad_enabled() and not traced()
    n_states = len(states)
    for part in inputs.split(chunk):
        if again:
            operation = _Recomputed(holder, chunk, n_states, inputs.device.type)
            found = operation(part, *states, *parameters)
        else:
            found = piece(part, *states)
        output, states = found[:-n_states], found[-n_states:]
        outputs.append(output)
        borders.append(states[0])
    return (
        tuple(torch.cat(parts) for parts in zip(*outputs, strict=True)),
        torch.cat(borders),
        states,
    )
