"""Layers whose edges are replaced, and the gradients of those that they could have."""

import pickle
from typing import Any

import numpy as np
import pytest
import torch

import sparse_rnn as srnn
from sparse_rnn.errors import IncompatibleState, InvalidArgument
from sparse_rnn.nn.candidates import Candidates
from sparse_rnn.nn.rewiring import View

CELLS = (srnn.MaskedRNN, srnn.LeakyRNN, srnn.MaskedGRU, srnn.MaskedLSTM)


def keys_of(layer: Any) -> torch.Tensor:
    """The place of each edge in the flat matrix."""
    return torch.from_numpy(np.flatnonzero(layer.mask.to_dense()))


def dense_weight(layer: Any) -> torch.Tensor:
    """The recurrent matrix of each gate, ``[gates, N, N]``."""
    n_units = layer.hidden_size
    matrix = torch.zeros(layer.GATES, n_units**2, dtype=layer.weight_hh.dtype)
    matrix[:, keys_of(layer)] = layer.weight_hh.detach().reshape(layer.GATES, -1)
    return matrix.view(-1, n_units, n_units)


def as_dense(layer: Any) -> Any:
    """A dense layer with the weights of this one, and 0 where it has none."""
    options: dict[str, Any] = {"dt": 20.0} if isinstance(layer, srnn.LeakyRNN) else {}
    dense = type(layer)(
        layer.input_size, srnn.masks.dense(layer.hidden_size), dtype=torch.float64, **options
    )
    state = layer.state_dict()
    state["weight_hh"] = dense_weight(layer).flatten(1).reshape(dense.weight_hh.shape)
    state["_extra_state"] = dense.get_extra_state()
    dense.load_state_dict({name: state[name] for name in dense.state_dict()})
    return dense


def layer_of(kind: Any) -> Any:
    options: dict[str, Any] = {"dt": 20.0} if kind is srnn.LeakyRNN else {}
    return kind(3, srnn.masks.locality((4, 4), 1), dtype=torch.float64, **options)


@pytest.mark.parametrize("kind", CELLS)
def test_candidates_are_the_gradients_of_a_dense_layer(kind: Any) -> None:
    layer, inputs = layer_of(kind), torch.randn(7, 2, 3, dtype=torch.float64)
    dense = as_dense(layer)
    found = Candidates(layer)
    for _ in range(2):  # Passes add up.
        with found.watching():
            layer(inputs)[0].square().sum().backward()
    (2 * dense(inputs)[0].square().sum()).backward()
    torch.testing.assert_close(found.total.flatten(), dense.weight_hh.grad.flatten())
    assert layer.watcher is None


@pytest.mark.parametrize("how", [{"chunk": 3}, {"truncate": 3}, {"freeze": True}])
def test_candidates_of_long_sequences(how: dict[str, Any]) -> None:
    mask = srnn.masks.locality((4, 4), 1)
    net = srnn.Network(3, 2, mask, dtype=torch.float64)
    dense = srnn.Network(3, 2, srnn.masks.dense(16), dtype=torch.float64)
    dense.rnn = as_dense(net.rnn)
    dense.readout = net.readout
    net.chunk = dense.chunk = how.get("chunk")
    net.rnn.weight_ih.requires_grad_(not how.get("freeze"))
    inputs = torch.randn(8, 2, 3, dtype=torch.float64)
    found = Candidates(net.rnn)
    with found.watching():
        net(inputs, truncate=how.get("truncate"))[0].square().sum().backward()
    dense(inputs, truncate=how.get("truncate"))[0].square().sum().backward()
    torch.testing.assert_close(found.total[0].flatten(), dense.rnn.weight_hh.grad)


@pytest.mark.parametrize("kind", CELLS)
def test_a_rewired_layer_is_the_layer_of_its_mask(kind: Any) -> None:
    layer = layer_of(kind)
    parameter, before = layer.weight_hh, layer.weight_hh.detach().clone()
    keys = keys_of(layer).numpy()
    net = srnn.Network(3, 2, layer.mask)
    found = View(net, steps=9).with_keys(np.concatenate([keys[5:], [3, 77, 12]]))
    layer.rewire(found.mask, found.origin)
    assert layer.weight_hh is parameter
    assert layer.mask.nnz == keys.size - 2
    held = torch.from_numpy(found.origin >= 0)
    torch.testing.assert_close(
        layer.weight_hh[..., held], before[..., torch.from_numpy(found.origin)[held]]
    )
    assert not layer.weight_hh[..., ~held].any()
    inputs = torch.randn(6, 2, 3, dtype=torch.float64)
    expected = as_dense(layer)(inputs)[0]
    torch.testing.assert_close(layer(inputs)[0], expected)
    torch.testing.assert_close(pickle.loads(pickle.dumps(layer))(inputs)[0], expected)

    fresh = layer_of(kind)
    fresh.load_state_dict(layer.state_dict())
    assert fresh.mask == layer.mask
    torch.testing.assert_close(fresh(inputs)[0], expected)
    fresh.load_state_dict(layer.state_dict())
    assert list(fresh.state_dict()) == list(layer.state_dict())


def test_a_rewired_layer_takes_no_weights_of_its_first_mask() -> None:
    layer = layer_of(srnn.MaskedRNN)
    state = layer_of(srnn.MaskedRNN).state_dict()
    layer.rewire(srnn.masks.autapse(16), np.full(16, -1))
    with pytest.raises(IncompatibleState, match="another mask"):
        layer.load_state_dict(state)


def test_the_kernel_is_chosen_again() -> None:
    layer = srnn.MaskedRNN(3, srnn.masks.dense(64))
    assert layer.backend == "dense"
    layer.rewire(srnn.masks.autapse(64), np.arange(64) * 65)
    assert layer.backend == "sparse_cpu"
    only = srnn.MaskedRNN(3, srnn.masks.autapse(4), backend="autapse")
    with pytest.raises(InvalidArgument, match="backend"):
        only.rewire(srnn.masks.dense(4), np.full(16, -1))
    assert only.mask.nnz == 4


def test_edges_and_weights_of_a_state_go_together() -> None:
    layer = layer_of(srnn.MaskedRNN)
    layer.rewire(srnn.masks.autapse(16), np.full(16, -1))
    state = layer.state_dict()
    state["weight_hh"] = torch.zeros(17, dtype=torch.float64)
    with pytest.raises(IncompatibleState, match="without as many weights"):
        layer_of(srnn.MaskedRNN).load_state_dict(state)
    state = layer.state_dict()
    state["mask_indices"] = state["mask_indices"].flip(0) + 1
    with pytest.raises(IncompatibleState, match="edges"):
        layer_of(srnn.MaskedRNN).load_state_dict(state)


@pytest.mark.parametrize(
    ("mask", "origin", "values", "message"),
    [
        (srnn.masks.autapse(5), np.full(5, -1), None, "16 units"),
        (srnn.masks.autapse(16), np.arange(16), None, "origin"),
        (srnn.masks.autapse(16), np.full(16, 900), None, "origin"),
        (srnn.masks.autapse(16), np.full(16, -2), None, "origin"),
        (srnn.masks.autapse(16), np.full(16, -1.0), None, "origin"),
        (srnn.masks.autapse(16), np.full(16, -1), torch.zeros(15), "values"),
    ],
)
def test_wrong_edges_are_refused(mask: Any, origin: Any, values: Any, message: str) -> None:
    layer = layer_of(srnn.MaskedRNN)
    before = layer.state_dict()
    with pytest.raises(InvalidArgument, match=message):
        layer.rewire(mask, origin, values)
    assert list(layer.state_dict()) == list(before)
