"""Packed sequences, one sequence alone, first and last states, no lanes and no steps."""

from __future__ import annotations

import pytest
import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

import sparse_rnn as srnn
from tests.sparse_rnn.helpers import CPU_BACKENDS
from tests.sparse_rnn.nn.callers import (
    INPUTS,
    LAYERS,
    N_UNITS,
    Case,
    as_pair,
    assert_exact,
    both_refuse,
    drawn,
    every_case,
    every_layer,
    exact,
    loss,
    row,
    state_of,
    theirs_of,
)

PACKED = "a `PackedSequence`"

LENGTHS = {"sorted": [6, 4, 4, 1], "unsorted": [4, 1, 6, 4], "one length": [5, 5, 5]}


@row(PACKED)
@pytest.mark.parametrize("order", LENGTHS)
@pytest.mark.parametrize("batch_first", [False, True])
@every_layer
def test_packed_sequences_are_computed_as_each_alone(
    case: Case, batch_first: bool, order: str
) -> None:
    lengths = LENGTHS[order]
    layer = case.build(batch_first=batch_first)
    inputs = drawn(max(lengths), len(lengths), 5)
    packed = pack_padded_sequence(inputs, lengths, enforce_sorted=order == "sorted")
    h0 = state_of(case, 1, len(lengths), N_UNITS)
    for first in (None, h0):
        outputs, last = layer(packed, first)
        theirs, their_last = theirs_of(case)(packed, first)
        assert isinstance(outputs, PackedSequence)
        assert [one.shape for one in as_pair(last)] == [one.shape for one in as_pair(their_last)]
        for ours, other in zip(outputs[1:], theirs[1:], strict=True):
            assert (ours is None) == (other is None)
            assert ours is None or other is None or torch.equal(ours, other)
        padded, _ = pad_packed_sequence(outputs)
        value, exact_value = padded.new_zeros(()), padded.new_zeros(())
        for lane, length in enumerate(lengths):
            before = None if first is None else tuple(s[:, [lane]] for s in as_pair(first))
            before = before[0] if before is not None and len(before) == 1 else before
            own, own_last = exact(layer, inputs[:length, [lane]], before)
            torch.testing.assert_close(padded[:length, [lane]], own, rtol=1e-9, atol=1e-11)
            for ours, other in zip(as_pair(last), as_pair(own_last), strict=True):
                torch.testing.assert_close(ours[:, [lane]], other, rtol=1e-9, atol=1e-11)
            value = value + loss(padded[:length, [lane]]) + as_pair(last)[-1][:, lane].sum()
            exact_value = exact_value + loss(own) + as_pair(own_last)[-1].sum()
        parameters = list(layer.parameters())
        gradients = torch.autograd.grad(value, parameters)
        for ours, other in zip(
            gradients, torch.autograd.grad(exact_value, parameters), strict=True
        ):
            torch.testing.assert_close(ours, other, rtol=1e-9, atol=1e-10)


@row(PACKED)
@pytest.mark.parametrize("backend", CPU_BACKENDS)
def test_networks_take_packed_sequences_unless_in_chunks(backend: str) -> None:
    net = Case("Network", backend).build()
    packed = pack_padded_sequence(INPUTS, [3, 6], enforce_sorted=False)
    logits, states = net(packed)
    assert states.data.shape == (9, N_UNITS)
    for lane, length in enumerate([3, 6]):
        own = exact(net, INPUTS[:length, [lane]])[0]
        torch.testing.assert_close(pad_packed_sequence(logits)[0][:length, [lane]], own)
    net.chunk = 2
    with pytest.raises(srnn.SparseRnnError, match=r"'PackedSequence'\. Use .*pad_packed_sequence"):
        net(packed)


@row(PACKED)
@every_layer
def test_wrong_packed_sequences_are_refused(case: Case) -> None:
    narrow = pack_padded_sequence(drawn(6, 2, 4), [6, 3])
    both_refuse(case, narrow, match=r"packed from sequences of shape \[time, 5\]; got \[9, 4\]")
    short = pack_padded_sequence(INPUTS.float(), [6, 3])
    both_refuse(case, short, match=r"inputs must be of type torch\.float64")
    packed = pack_padded_sequence(INPUTS, [6, 3])
    wrong = state_of(case, 1, 3, N_UNITS)
    with pytest.raises(srnn.SparseRnnError, match=r"h0 must be of shape \[1, 2, 16\]"):
        case.build()(packed, wrong)  # Torch takes it.


@row("a sequence without a batch axis")
@pytest.mark.parametrize("batch_first", [False, True])
@every_layer
def test_one_sequence_alone_has_outputs_without_a_batch_axis(case: Case, batch_first: bool) -> None:
    layer, theirs = case.build(batch_first=batch_first), theirs_of(case, batch_first=batch_first)
    inputs = INPUTS[:, 0]
    first = state_of(case, 1, N_UNITS)
    for h0 in (None, first):
        outputs, last = layer(inputs, h0)
        shapes = [one.shape for one in as_pair(last)]
        other, other_last = theirs(inputs, h0)
        assert outputs.shape == other.shape == (6, N_UNITS)
        assert shapes == [one.shape for one in as_pair(other_last)]
        before = None if h0 is None else tuple(one[:, None] for one in as_pair(h0))
        before = before[0] if before is not None and len(before) == 1 else before
        expected, expected_last = exact(layer, inputs[:, None], before)
        torch.testing.assert_close(outputs, expected[:, 0], rtol=1e-9, atol=1e-11)
        for ours, one in zip(as_pair(last), as_pair(expected_last), strict=True):
            torch.testing.assert_close(ours, one[:, 0], rtol=1e-9, atol=1e-11)
    assert_exact(layer(inputs)[0][:, None], layer, inputs[:, None])
    wrong = r"h0 must be of shape \[1, 16\] for a sequence without a batch axis; got \[1, 1, 16\]"
    both_refuse(case, inputs, state_of(case, 1, 1, N_UNITS), match=wrong)
    both_refuse(case, inputs[:, :4], match=r"or \[time, 5\] with at least one step; got \[6, 4\]")
    both_refuse(case, inputs[:0], match=r"with at least one step; got \[0, 5\]")
    both_refuse(case, inputs[0], match=r"or \[time, 5\] with at least one step; got \[5\]")


@row("a sequence without a batch axis")
@pytest.mark.parametrize("backend", CPU_BACKENDS)
def test_networks_take_one_sequence_unless_in_chunks(backend: str) -> None:
    net = Case("Network", backend).build()
    logits, states = net(INPUTS[:, 0])
    assert states.shape == (6, N_UNITS)
    torch.testing.assert_close(logits, exact(net, INPUTS[:, :1])[0][:, 0])
    net.chunk = 2
    with pytest.raises(srnn.SparseRnnError, match="Add the batch axis with unsqueeze"):
        net(INPUTS[:, 0])


@row("h0")
@every_layer
def test_first_states_are_those_that_torch_takes(case: Case) -> None:
    layer, state = case.build(), drawn(1, 2, N_UNITS)
    if case.kind == "MaskedLSTM":
        outputs = layer(INPUTS, (state, 2 * state))[0]
        torch.testing.assert_close(outputs, exact(layer, INPUTS, (state, 2 * state))[0])
        assert torch.equal(layer(INPUTS, [state, 2 * state])[0], outputs)
        for wrong in (state, (state,), [state]):
            both_refuse(case, INPUTS, wrong, match=r"h0 must be a pair of states, \(h0, c0\)")
    else:
        torch.testing.assert_close(layer(INPUTS, state)[0], exact(layer, INPUTS, state)[0])
        for wrong in ((state,), [state], (state, state)):
            both_refuse(case, INPUTS, wrong, match="h0 must be one tensor of shape")
    for shape in ((1, 3, N_UNITS), (2, 2, N_UNITS), (1, 2, 4)):
        wrong = (drawn(*shape),) * 2 if case.kind == "MaskedLSTM" else drawn(*shape)
        both_refuse(case, INPUTS, wrong, match=r"h0 must be of shape \[1, 2, 16\]")


@row("h_n")
@every_layer
def test_last_states_are_no_views(case: Case) -> None:
    inputs = [INPUTS, INPUTS[:, 0], pack_padded_sequence(INPUTS, [6, 6])]
    for given in inputs:
        outputs, last = case.build()(given)
        states = outputs.data if isinstance(outputs, PackedSequence) else outputs
        before = states.detach().clone()
        for one in as_pair(last):
            one.detach_().zero_()
        assert torch.equal(states, before)


@row("no lanes, or no steps")
@every_case
def test_a_batch_of_no_lanes_gives_one_back(case: Case) -> None:
    module = case.build()
    outputs, second = module(INPUTS[:, :0])
    assert outputs.shape == exact(module, INPUTS[:, :0])[0].shape
    for gradient in torch.autograd.grad(outputs.sum(), list(module.parameters())):
        assert not gradient.any()
    if case in LAYERS:
        theirs = theirs_of(case)(INPUTS[:, :0])[1]
        assert [one.shape for one in as_pair(second)] == [one.shape for one in as_pair(theirs)]


@row("no lanes, or no steps")
@every_layer
def test_a_batch_of_no_steps_is_refused_as_by_torch(case: Case) -> None:
    both_refuse(case, INPUTS[:0], match=r"with at least one step; got \[0, 2, 5\]")
