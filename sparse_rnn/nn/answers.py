"""A layer and its readout computed at once, where nobody sees what goes between them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from sparse_rnn.kernels.derivatives import traced
from sparse_rnn.nn.layer import MaskedLayer
from sparse_rnn.nn.rnn import MaskedRNN

_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def at_once(
    layer: MaskedLayer, readout: nn.Module, inputs: Any, h0: Any
) -> tuple[Tensor, Tensor] | None:
    """Compute the logits of a sequence without handing out the states.

    Args:
        layer: The layer.
        readout: The readout.
        inputs: As `sparse_rnn.MaskedRNN` takes them.
        h0: See there.

    Returns:
        The logits ``[T, B, O]`` and the last state ``[1, B, N]``; None where layer and readout are
        to be called one after the other: the kernel has no such way, a hook or a class of the
        caller's wants to see the states, or an argument is to be refused.

    Raises:
        InvalidArgument: As the layer.
    """
    if torch.compiler.is_compiling() or traced() or torch.is_autocast_enabled("cpu"):
        return None
    if not isinstance(layer, MaskedRNN) or not isinstance(readout, nn.Linear):
        return None
    if not (_is_untouched(layer, MaskedRNN) and _is_untouched(readout, nn.Linear)):
        return None
    if (
        not isinstance(inputs, Tensor)
        or layer.batch_first
        or inputs.dim() != 3
        or inputs.requires_grad
    ):
        return None
    weight, bias, like = readout.weight, readout.bias, layer.weight_hh
    if weight.shape[1] != layer.hidden_size or (weight.dtype, weight.device) != _kind(like):
        return None
    if bias is None:  # pyright: ignore[reportUnnecessaryComparison] - torch says that there is one
        bias = weight.new_zeros(len(weight))
    sequence, first = layer.start(inputs, h0)
    return layer.answers(sequence, first, (weight, bias))


def _kind(tensor: Tensor) -> tuple[torch.dtype, torch.device]:
    return tensor.dtype, tensor.device


def _is_untouched(module: nn.Module, kind: type[nn.Module]) -> bool:
    """Whether a call of a module is what its class says, and nobody else is told of it."""
    every: Any = torch.nn.modules.module  # Hooks of all modules; torch has no public name for it.
    if every._has_any_global_hook() or any(getattr(module, name) for name in _HOOKS):
        return False
    return type(module).forward is kind.forward and "forward" not in vars(module)
