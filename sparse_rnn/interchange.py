"""State dicts of ``torch.nn.RNN``, in and out."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from sparse_rnn.errors import IncompatibleState
from sparse_rnn.kernels import Edges
from sparse_rnn.masks import Mask
from sparse_rnn.models import MaskedRNN

_WEIGHTS = ("weight_ih_l0", "weight_hh_l0")
_BIASES = ("bias_ih_l0", "bias_hh_l0")


def to_torch_rnn_state(layer: MaskedRNN) -> dict[str, Tensor]:
    """Write a layer as the state dict of a ``torch.nn.RNN``.

    Args:
        layer: The layer.

    Returns:
        ``weight_ih_l0`` ``[N, I]`` and ``weight_hh_l0`` ``[N, N]``, zero outside the mask; with a
        bias also ``bias_ih_l0``, and ``bias_hh_l0`` of zeros, as torch has two. Copies.

    Example:
        >>> import sparse_rnn as srnn
        >>> layer = srnn.MaskedRNN(3, srnn.masks.locality((4, 4), radius=1))
        >>> rnn = torch.nn.RNN(3, 16, nonlinearity="relu")
        >>> rnn.load_state_dict(to_torch_rnn_state(layer))
        <All keys matched successfully>
    """
    with torch.no_grad():
        matrix = Edges.of(layer.mask, layer.weight_hh.device).scatter(layer.weight_hh)
        state = {"weight_ih_l0": layer.weight_ih.detach().clone(), "weight_hh_l0": matrix}
        if layer.bias is not None:
            state["bias_ih_l0"] = layer.bias.detach().clone()
            state["bias_hh_l0"] = torch.zeros_like(state["bias_ih_l0"])
    return state


def from_torch_rnn_state(
    state: Mapping[str, Tensor],
    mask: Mask,
    nonlinearity: str = "tanh",
    backend: str = "auto",
    *,
    batch_first: bool = False,
) -> MaskedRNN:
    """Build a layer from the state dict of a ``torch.nn.RNN`` of one layer and one direction.

    Args:
        state: The state dict, with or without biases. The two biases are summed.
        mask: The mask; the state has no weight outside it.
        nonlinearity: That of the ``torch.nn.RNN``, whose default is "tanh".
        backend: A name in `sparse_rnn.kernels.KERNELS`, or "auto".
        batch_first: As in `MaskedRNN`.

    Returns:
        A layer that computes the same outputs.

    Raises:
        IncompatibleState: A tensor is missing, unexpected or of another shape, or a recurrent
            weight outside the mask is not zero.
    """
    _check_names(state)
    n_units = mask.n_units
    weight_ih, weight_hh = (state[name].detach() for name in _WEIGHTS)
    if weight_ih.dim() != 2 or len(weight_ih) != n_units:
        raise _wrong_shape("weight_ih_l0", weight_ih, f"[{n_units}, inputs]")
    if tuple(weight_hh.shape) != mask.shape:
        raise _wrong_shape("weight_hh_l0", weight_hh, str(list(mask.shape)))
    outside = int(torch.count_nonzero(weight_hh[torch.from_numpy(~mask.to_dense())]))
    if outside:
        raise IncompatibleState(
            f"weight_hh_l0 has {outside} nonzero weights outside {mask!r}. "
            "Multiply it by the mask first, or use the mask that it was trained with."
        )
    layer = MaskedRNN(
        weight_ih.shape[1],
        mask,
        nonlinearity,
        backend,
        bias=_BIASES[0] in state,
        batch_first=batch_first,
        dtype=weight_hh.dtype,
    )
    edges = Edges.of(mask, weight_hh.device)
    with torch.no_grad():
        layer.weight_ih.copy_(weight_ih)
        layer.weight_hh.copy_(weight_hh[edges.targets, edges.sources])
        if layer.bias is not None:
            for name in _BIASES:
                if tuple(state[name].shape) != (n_units,):
                    raise _wrong_shape(name, state[name], f"[{n_units}]")
            layer.bias.copy_(state[_BIASES[0]] + state[_BIASES[1]])
    return layer


def _check_names(state: Mapping[str, Tensor]) -> None:
    has_bias = any(name in state for name in _BIASES)
    expected = {*_WEIGHTS, *(_BIASES if has_bias else ())}
    missing, extra = sorted(expected - set(state)), sorted(set(state) - expected)
    if missing:
        raise IncompatibleState(f"The state of a torch.nn.RNN lacks {', '.join(missing)}.")
    if extra:
        raise IncompatibleState(
            f"The state has {', '.join(extra)}, which a torch.nn.RNN of one layer and one "
            "direction has not. Convert layer by layer, under the names of layer 0."
        )


def _wrong_shape(name: str, tensor: Tensor, expected: str) -> IncompatibleState:
    return IncompatibleState(f"{name} has shape {list(tensor.shape)}, not {expected}.")
