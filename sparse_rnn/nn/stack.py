"""`LayerStack`: several layers of one kind, computed at once along one more axis."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from sparse_rnn import kernels
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.nn.layer import MaskedLayer


class LayerStack:
    """Layers that differ in their weights and masks alone, as one batched computation.

    Their units are put side by side: one product of all inputs, one pass of the kernel over all
    edges. The parameters stay those of the layers, and gradients flow back to them. Without
    gradients of higher order, the result of each layer is what it gives alone, up to rounding.

    Args:
        layers: S layers of one cell, with the same sizes and settings.

    Raises:
        InvalidArgument: There is none, or two of them differ in more than weights and mask.

    Example:
        >>> import sparse_rnn as srnn
        >>> mask = srnn.masks.locality((4, 4), radius=1)
        >>> layers = [srnn.MaskedRNN(5, mask, seed=seed) for seed in range(3)]
        >>> inputs = torch.ones(3, 10, 2, 5)
        >>> states = LayerStack(layers)(inputs)
        >>> states.shape, torch.allclose(states[1], layers[1](inputs[1])[0])
        (torch.Size([3, 10, 2, 16]), True)
    """

    def __init__(self, layers: Sequence[MaskedLayer]) -> None:
        if not layers:
            raise InvalidArgument("layers", len(layers), "at least one layer")
        first = _kind(layers[0])
        for number, layer in enumerate(layers):
            if _kind(layer) != first:
                allowed = f"like layers[0], {first}"
                raise InvalidArgument(f"layers[{number}]", _kind(layer), allowed)
        self.layers = tuple(layers)
        self._edges: kernels.Edges | None = None

    def __call__(self, inputs: Tensor) -> Tensor:
        """Run each layer over its own batch of sequences, from a state of zeros.

        Args:
            inputs: ``[S, T, B, I]``, time first whatever `batch_first` says.

        Returns:
            The states after each step, ``[S, T, B, N]``.
        """
        layers, first = self.layers, self.layers[0]
        shape = (len(layers), *inputs.shape[1:3], first.GATES, first.hidden_size)
        projected = project(
            inputs,
            torch.stack([layer.weight_ih for layer in layers]),
            _together([layer.bias for layer in layers]),
        ).to(first.weight_hh.dtype)
        projected = projected.view(shape)
        # [T, B, gates, S, N], in which all units of a gate are neighbours.
        inputs_of = [
            layer.with_noise(own.flatten(2)).unflatten(2, shape[3:])
            for layer, own in zip(layers, projected.unbind(0), strict=True)
        ]
        joint = first.side_by_side(layers, self._edges_on(inputs.device))
        states = joint.from_rest(torch.stack(inputs_of, dim=3).flatten(2))
        return states.unflatten(2, (len(layers), first.hidden_size)).permute(2, 0, 1, 3)

    def _edges_on(self, device: torch.device) -> kernels.Edges:
        if self._edges is None or self._edges.targets.device != device:
            masks = [layer.mask for layer in self.layers]
            self._edges = kernels.Edges.side_by_side(masks, device)
        return self._edges


def project(inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Linear maps of several networks at once.

    Args:
        inputs: ``[S, T, B, I]``.
        weight: ``[S, O, I]``.
        bias: ``[S, O]``, or None.

    Returns:
        ``[S, T, B, O]``.
    """
    rows = inputs.flatten(1, 2)
    turned = weight.transpose(1, 2)
    flat = torch.bmm(rows, turned) if bias is None else torch.baddbmm(bias[:, None], rows, turned)
    return flat.unflatten(1, inputs.shape[1:3])


def _together(biases: Sequence[Tensor | None]) -> Tensor | None:
    given: list[Tensor] = [bias for bias in biases if bias is not None]
    return torch.stack(given) if given else None


def _kind(layer: MaskedLayer) -> str:
    """What layers of a stack have in common, in words."""
    kind = {
        **layer.settings(),
        "input_size": layer.input_size,
        "n_units": layer.hidden_size,
        "bias": layer.bias is not None,
        "backend": layer.backend,
    }
    return ", ".join(f"{name}={value}" for name, value in kind.items())
