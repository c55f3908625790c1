"""State dicts of torch.nn.RNN, in and out."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import sparse_rnn as srnn

MASK = srnn.masks.locality((3, 4), radius=1)


def their_layer(nonlinearity: str = "tanh", *, bias: bool = True) -> nn.RNN:
    """A torch layer with two biases and no weight outside the mask."""
    layer = nn.RNN(5, 12, nonlinearity=nonlinearity, bias=bias, dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(
                torch.randn(parameter.shape, generator=generator, dtype=torch.float64) / 3
            )
        layer.weight_hh_l0 *= torch.from_numpy(MASK.to_dense())
    return layer


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("nonlinearity", ["relu", "tanh"])
def test_there_and_back_again_with_equal_outputs(nonlinearity: str, bias: bool) -> None:
    theirs = their_layer(nonlinearity, bias=bias)
    ours = srnn.from_torch_rnn_state(theirs.state_dict(), MASK, nonlinearity)
    back = nn.RNN(5, 12, nonlinearity=nonlinearity, bias=bias, dtype=torch.float64)
    back.load_state_dict(srnn.to_torch_rnn_state(ours))
    inputs = torch.randn((7, 2, 5), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    expected = theirs(inputs)[0]
    for layer in (ours, back):
        torch.testing.assert_close(layer(inputs)[0], expected, rtol=1e-12, atol=1e-12)
    assert ours.weight_hh.numel() == MASK.nnz
    assert torch.equal(back.weight_hh_l0, theirs.weight_hh_l0)
    assert torch.equal(back.weight_ih_l0, theirs.weight_ih_l0)


def test_the_nonlinearity_of_a_state_is_that_of_torch_unless_said() -> None:
    theirs = their_layer()
    assert srnn.from_torch_rnn_state(theirs.state_dict(), MASK).nonlinearity == theirs.nonlinearity


def test_axes_may_be_those_of_batch_first() -> None:
    theirs = their_layer()
    ours = srnn.from_torch_rnn_state(theirs.state_dict(), MASK, batch_first=True)
    inputs = torch.ones((2, 7, 5), dtype=torch.float64)
    torch.testing.assert_close(ours(inputs)[0], theirs(inputs.transpose(0, 1))[0].transpose(0, 1))


def test_states_that_are_written_are_copies() -> None:
    layer = srnn.MaskedRNN(5, MASK)
    state = srnn.to_torch_rnn_state(layer)
    for tensor in state.values():
        tensor.zero_()
    assert layer.weight_ih.any()
    assert layer.weight_hh.any()


def test_weights_outside_the_mask_are_refused_rather_than_lost() -> None:
    state = their_layer().state_dict()
    state["weight_hh_l0"][0, 6] = 0.5
    assert not MASK.to_dense()[0, 6]
    with pytest.raises(srnn.SparseRnnError, match="weight_hh_l0 has 1 nonzero weights outside"):
        srnn.from_torch_rnn_state(state, MASK)


@pytest.mark.parametrize(
    ("name", "tensor", "message"),
    [
        ("weight_hh_l0", None, "lacks weight_hh_l0"),
        ("bias_hh_l0", None, "lacks bias_hh_l0"),
        ("weight_ih_l1", torch.zeros(12, 12), "has weight_ih_l1, which a torch.nn.RNN of one"),
        ("weight_ih_l0", torch.zeros(11, 5), r"weight_ih_l0 has shape \[11, 5\]"),
        ("weight_hh_l0", torch.zeros(11, 11), r"weight_hh_l0 has shape \[11, 11\], not \[12, 12\]"),
        ("bias_hh_l0", torch.zeros(11), r"bias_hh_l0 has shape \[11\]"),
    ],
)
def test_states_that_do_not_fit_are_refused(
    name: str, tensor: torch.Tensor | None, message: str
) -> None:
    state = dict(their_layer().state_dict())
    if tensor is None:
        del state[name]
    else:
        state[name] = tensor
    with pytest.raises(srnn.SparseRnnError, match=message):
        srnn.from_torch_rnn_state(state, MASK)


GATED = {
    "gru": (nn.GRU, 3, srnn.from_torch_gru_state, srnn.to_torch_gru_state),
    "lstm": (nn.LSTM, 4, srnn.from_torch_lstm_state, srnn.to_torch_lstm_state),
}


def their_gated_layer(name: str, *, bias: bool = True) -> nn.GRU | nn.LSTM:
    """A torch layer with two different biases and no weight outside the mask."""
    kind, gates, *_ = GATED[name]
    layer = kind(5, 12, bias=bias, dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in layer.parameters():
            drawn = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.copy_(drawn / 3)
        layer.weight_hh_l0 *= torch.from_numpy(MASK.to_dense()).repeat(gates, 1)
    return layer


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", GATED)
def test_gated_layers_there_and_back_again_with_equal_outputs(name: str, bias: bool) -> None:
    kind, gates, read, write = GATED[name]
    theirs = their_gated_layer(name, bias=bias)
    ours = read(theirs.state_dict(), MASK)
    back = kind(5, 12, bias=bias, dtype=torch.float64)
    back.load_state_dict(write(ours))
    inputs = torch.randn((7, 2, 5), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    expected = theirs(inputs)[0]
    for layer in (ours, back):
        torch.testing.assert_close(layer(inputs)[0], expected, rtol=1e-12, atol=1e-12)
    assert ours.weight_hh.shape == (gates, MASK.nnz)
    assert torch.equal(back.weight_hh_l0, theirs.weight_hh_l0)
    swapped = read(theirs.state_dict(), MASK, batch_first=True)
    torch.testing.assert_close(swapped(inputs.transpose(0, 1))[0].transpose(0, 1), expected)


@pytest.mark.parametrize("name", GATED)
def test_gated_states_that_are_written_are_copies(name: str) -> None:
    *_, read, write = GATED[name]
    layer = read(their_gated_layer(name).state_dict(), MASK)
    before = {key: value.clone() for key, value in layer.state_dict().items()}
    for tensor in write(layer).values():
        tensor.zero_()
    assert all(torch.equal(value, before[key]) for key, value in layer.state_dict().items())


@pytest.mark.parametrize("name", GATED)
def test_gated_states_that_do_not_fit_are_refused(name: str) -> None:
    _, gates, read, _ = GATED[name]
    whole = dict(their_gated_layer(name).state_dict())
    outside = whole["weight_hh_l0"].clone()
    outside[12, 6] = 0.5  # In the second gate; unit 0 has no synapse from unit 6.
    for key, tensor, message in (
        ("weight_hh_l0", outside, "weight_hh_l0 has 1 nonzero weights outside"),
        ("weight_hh_l0", torch.zeros(12, 12), rf"not \[{12 * gates}, 12\]"),
        ("weight_ih_l0", torch.zeros(12, 5), rf"not \[{12 * gates}, inputs\]"),
        ("bias_hh_l0", torch.zeros(12), rf"not \[{12 * gates}\]"),
        ("weight_hr_l0", torch.zeros(12), f"which a torch.nn.{name.upper()} of one layer"),
    ):
        with pytest.raises(srnn.SparseRnnError, match=message):
            read({**whole, key: tensor}, MASK)
    del whole["bias_ih_l0"]
    with pytest.raises(srnn.SparseRnnError, match=f"nn.{name.upper()} lacks bias_ih_l0"):
        read(whole, MASK)


def test_under_dales_law_the_weights_that_act_are_written() -> None:
    layer = srnn.MaskedRNN(5, MASK, "tanh", inhibitory=0.25, seed=1)
    with torch.no_grad():
        layer.weight_hh.neg_()  # Their signs do not matter.
    theirs = nn.RNN(5, 12)
    theirs.load_state_dict(srnn.to_torch_rnn_state(layer))
    inputs = torch.ones(6, 2, 5)
    torch.testing.assert_close(theirs(inputs)[0], layer(inputs)[0])
    assert (theirs.weight_hh_l0 < 0).any(0).sum() == 3


@pytest.mark.parametrize(
    ("layer", "found"),
    [
        (srnn.LeakyRNN(5, MASK, dt=20, tau=100), "layer must be a MaskedRNN.*'LeakyRNN'"),
        (srnn.MaskedGRU(5, MASK), "layer must be a MaskedRNN.*'MaskedGRU'"),
        (srnn.MaskedRNN(5, MASK, "softplus"), "nonlinearity must be relu or tanh.*'softplus'"),
    ],
    ids=["leaky", "gru", "softplus"],
)
def test_layers_that_torch_cannot_compute_are_refused(layer: srnn.MaskedRNN, found: str) -> None:
    with pytest.raises(srnn.SparseRnnError, match=found):
        srnn.to_torch_rnn_state(layer)
    state = srnn.to_torch_rnn_state(srnn.MaskedRNN(5, MASK))
    with pytest.raises(srnn.SparseRnnError, match="nonlinearity must be relu or tanh"):
        srnn.from_torch_rnn_state(state, MASK, "softplus")


def test_gated_layers_are_not_taken_for_each_other() -> None:
    with pytest.raises(srnn.SparseRnnError, match="layer must be a MaskedGRU"):
        srnn.to_torch_gru_state(srnn.MaskedLSTM(5, MASK))
    with pytest.raises(srnn.SparseRnnError, match="layer must be a MaskedLSTM"):
        srnn.to_torch_lstm_state(srnn.MaskedGRU(5, MASK))
