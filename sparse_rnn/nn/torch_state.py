"""State dicts of ``torch.nn.RNN``, ``torch.nn.GRU`` and ``torch.nn.LSTM``, in and out.

Those of masked layers carry the digest of their mask, and are refused by a layer with another one;
`with_digests` is for states that have none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from sparse_rnn.errors import IncompatibleState, InvalidArgument
from sparse_rnn.kernels import Edges
from sparse_rnn.masks import Mask
from sparse_rnn.nn.cells import MaskedGRU, MaskedLayer, MaskedLSTM, MaskedRNN
from sparse_rnn.system.arguments import instance


def with_digests(state: Mapping[str, Tensor], module: nn.Module) -> dict[str, Tensor]:
    """Say that the recurrent weights of a state dict belong to the masks of a module.

    For state dicts without digests: those of version 0.1, and those that were put together by
    hand. Nothing can be checked but their shapes; the order of the values is that of the mask's
    edges, by target and then by source.

    Args:
        state: The state dict.
        module: The module that it is for.

    Returns:
        The state dict with the digests of the module's masks where it has none.

    Example:
        >>> import sparse_rnn as srnn
        >>> net = srnn.Network(3, 2, srnn.masks.autapse(4))
        >>> old = dict(net.named_parameters())
        >>> net.load_state_dict(with_digests(old, net))
        <All keys matched successfully>
    """
    digests = {
        f"{name}._extra_state".lstrip("."): layer.get_extra_state()
        for name, layer in module.named_modules()
        if isinstance(layer, MaskedLayer)
    }
    return {**digests, **state}


_WEIGHTS = ("weight_ih_l0", "weight_hh_l0")
_BIASES = ("bias_ih_l0", "bias_hh_l0")


def to_torch_rnn_state(layer: MaskedRNN) -> dict[str, Tensor]:
    """Write a layer as the state dict of a ``torch.nn.RNN``.

    Args:
        layer: The layer.

    Returns:
        ``weight_ih_l0`` ``[N, I]`` and ``weight_hh_l0`` ``[N, N]``, zero outside the mask (under
        Dale's law the weights that act, with their signs); with a bias also ``bias_ih_l0``, and
        ``bias_hh_l0`` of zeros, as torch has two. Copies.

    Raises:
        InvalidArgument: It is a layer that ``torch.nn.RNN`` cannot compute: leaky, with gates, or
            with another nonlinearity than relu and tanh.

    Example:
        >>> import torch
        >>> import sparse_rnn as srnn
        >>> from sparse_rnn import to_torch_rnn_state
        >>> layer = srnn.MaskedRNN(3, srnn.masks.locality((4, 4), radius=1))
        >>> rnn = torch.nn.RNN(3, 16, nonlinearity="relu")
        >>> rnn.load_state_dict(to_torch_rnn_state(layer))
        <All keys matched successfully>
    """
    return _to_torch(layer, MaskedRNN)


def to_torch_gru_state(layer: MaskedGRU) -> dict[str, Tensor]:
    """Write a layer as the state dict of a ``torch.nn.GRU``.

    Args:
        layer: The layer.

    Returns:
        ``weight_ih_l0`` ``[3 * N, I]`` and ``weight_hh_l0`` ``[3 * N, N]``, zero outside the mask;
        with biases also ``bias_ih_l0`` and ``bias_hh_l0``, of which the latter is zero but for the
        new gate. Copies.

    Raises:
        InvalidArgument: It is a layer of another kind.
    """
    state = _to_torch(layer, MaskedGRU)
    if layer.bias_hn is not None:
        state["bias_hh_l0"][2 * layer.hidden_size :] = layer.bias_hn.detach()
    return state


def to_torch_lstm_state(layer: MaskedLSTM) -> dict[str, Tensor]:
    """Write a layer as the state dict of a ``torch.nn.LSTM``.

    Args:
        layer: The layer.

    Returns:
        ``weight_ih_l0`` ``[4 * N, I]`` and ``weight_hh_l0`` ``[4 * N, N]``, zero outside the mask;
        with a bias also ``bias_ih_l0``, and ``bias_hh_l0`` of zeros. Copies.

    Raises:
        InvalidArgument: It is a layer of another kind.
    """
    return _to_torch(layer, MaskedLSTM)


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
        InvalidArgument: `nonlinearity` is none of ``torch.nn.RNN``.
    """
    _check_nonlinearity(nonlinearity)
    options = {"nonlinearity": nonlinearity, "backend": backend, "batch_first": batch_first}
    return _layer_like(MaskedRNN, "RNN", state, mask, **options)


_LayerT = TypeVar("_LayerT", MaskedRNN, MaskedGRU, MaskedLSTM)


def _layer_like(
    kind: type[_LayerT],
    name: str,
    state: Mapping[str, Tensor],
    mask: Mask,
    **options: Any,
) -> _LayerT:
    """A layer with the weights of a state of torch's layer of that name, and its biases summed."""
    _check(state, mask, name, kind.GATES)
    width, dtype = state["weight_ih_l0"].shape[1], state["weight_hh_l0"].dtype
    layer = kind(width, mask, bias=_BIASES[0] in state, dtype=dtype, **options)
    _fill(layer, state)
    return layer


def from_torch_gru_state(
    state: Mapping[str, Tensor],
    mask: Mask,
    backend: str = "auto",
    *,
    batch_first: bool = False,
) -> MaskedGRU:
    """Build a layer from the state dict of a ``torch.nn.GRU`` of one layer and one direction.

    Args:
        state: The state dict, with or without biases. Those of the first two gates are summed.
        mask: As for `from_torch_rnn_state`, and so are the others.
        backend: See there.
        batch_first: See there.

    Returns:
        A layer that computes the same outputs.

    Raises:
        IncompatibleState: See there.
    """
    layer = _layer_like(MaskedGRU, "GRU", state, mask, backend=backend, batch_first=batch_first)
    if layer.bias is not None and layer.bias_hn is not None:
        new = slice(2 * mask.n_units, None)
        with torch.no_grad():
            layer.bias[new] = state["bias_ih_l0"][new]
            layer.bias_hn.copy_(state["bias_hh_l0"][new])
    return layer


def from_torch_lstm_state(
    state: Mapping[str, Tensor],
    mask: Mask,
    backend: str = "auto",
    *,
    batch_first: bool = False,
) -> MaskedLSTM:
    """Build a layer from the state dict of a ``torch.nn.LSTM`` of one layer and one direction.

    Args:
        state: The state dict, with or without biases. The two biases are summed.
        mask: As for `from_torch_rnn_state`, and so are the others.
        backend: See there.
        batch_first: See there.

    Returns:
        A layer that computes the same outputs.

    Raises:
        IncompatibleState: See there.
    """
    return _layer_like(MaskedLSTM, "LSTM", state, mask, backend=backend, batch_first=batch_first)


_TORCH_HAS = ("relu", "tanh")
"""Nonlinearities of ``torch.nn.RNN``."""


def _to_torch(layer: MaskedLayer, kind: type[MaskedLayer]) -> dict[str, Tensor]:
    if type(layer) is not kind:
        allowed = f"a {kind.__name__}, whose equations are those of torch"
        raise InvalidArgument("layer", type(layer).__name__, allowed)
    if isinstance(layer, MaskedRNN):
        _check_nonlinearity(layer.nonlinearity)
    with torch.no_grad():
        edges = Edges.of(layer.mask, layer.weight_hh.device)
        gates = layer.recurrent_weights().reshape(layer.GATES, -1)
        matrix = torch.cat([edges.scatter(values) for values in gates])
        state = {"weight_ih_l0": layer.weight_ih.detach().clone(), "weight_hh_l0": matrix}
        if layer.bias is not None:
            state["bias_ih_l0"] = layer.bias.detach().clone()
            state["bias_hh_l0"] = torch.zeros_like(state["bias_ih_l0"])
    return state


def _check_nonlinearity(nonlinearity: str) -> None:
    if nonlinearity not in _TORCH_HAS:
        allowed = "relu or tanh, as torch.nn.RNN has no other"
        raise InvalidArgument("nonlinearity", nonlinearity, allowed)


def _fill(layer: MaskedLayer, state: Mapping[str, Tensor]) -> None:
    """Copy the edges' weights, the input weights and the sum of the biases."""
    edges = Edges.of(layer.mask, state["weight_hh_l0"].device)
    matrices = state["weight_hh_l0"].detach().unflatten(0, (layer.GATES, -1))
    with torch.no_grad():
        layer.weight_ih.copy_(state["weight_ih_l0"])
        values = matrices[:, edges.targets, edges.sources]
        layer.weight_hh.copy_(values.reshape(layer.weight_hh.shape))
        if layer.bias is not None:
            layer.bias.copy_(state[_BIASES[0]] + state[_BIASES[1]])


def _check(state: Mapping[str, Tensor], mask: Mask, kind: str, gates: int) -> None:
    instance("state", state, Mapping)
    instance("mask", mask, Mask)
    _check_names(state, kind)
    height = gates * mask.n_units
    weight_ih, weight_hh = (state[name].detach() for name in _WEIGHTS)
    if weight_ih.dim() != 2 or len(weight_ih) != height:
        raise _wrong_shape("weight_ih_l0", weight_ih, f"[{height}, inputs]")
    if tuple(weight_hh.shape) != (height, mask.n_units):
        raise _wrong_shape("weight_hh_l0", weight_hh, str([height, mask.n_units]))
    for name in _BIASES:
        if name in state and tuple(state[name].shape) != (height,):
            raise _wrong_shape(name, state[name], f"[{height}]")
    absent = torch.from_numpy(~mask.to_dense()).to(weight_hh.device)
    outside = int(torch.count_nonzero(weight_hh.unflatten(0, (gates, -1))[:, absent]))
    if outside:
        raise IncompatibleState(
            f"weight_hh_l0 has {outside} nonzero weights outside {mask!r}. "
            "Multiply it by the mask first, or use the mask that it was trained with."
        )


def _check_names(state: Mapping[str, Tensor], kind: str) -> None:
    has_bias = any(name in state for name in _BIASES)
    expected = {*_WEIGHTS, *(_BIASES if has_bias else ())}
    missing, extra = sorted(expected - set(state)), sorted(set(state) - expected)
    if missing:
        raise IncompatibleState(f"The state of a torch.nn.{kind} lacks {', '.join(missing)}.")
    if extra:
        raise IncompatibleState(
            f"The state has {', '.join(extra)}, which a torch.nn.{kind} of one layer and one "
            "direction has not. Convert layer by layer, under the names of layer 0."
        )


def _wrong_shape(name: str, tensor: Tensor, expected: str) -> IncompatibleState:
    return IncompatibleState(f"{name} has shape {list(tensor.shape)}, not {expected}.")
