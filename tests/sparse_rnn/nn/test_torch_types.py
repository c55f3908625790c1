"""Modules of other types of numbers, under autocast and on devices that are not there."""

from __future__ import annotations

import pytest
import torch

import sparse_rnn as srnn
from tests.sparse_rnn.nn.callers import (
    INPUTS,
    N_UNITS,
    Case,
    assert_exact,
    both_refuse,
    every_case,
    every_layer,
    row,
    state_of,
)

# Types of number.


@row("autocast")
@every_case
def test_states_under_autocast_are_of_the_type_of_the_weights(case: Case) -> None:
    module = case.build(torch.float32)
    inputs = INPUTS.float()
    with torch.autocast("cpu", torch.bfloat16):
        outputs = module(inputs)
        mixed = module(inputs.bfloat16())
    states = outputs[1] if isinstance(module, srnn.Network) else outputs[0]
    assert states.dtype == torch.float32
    assert_exact(outputs[0], module, rough=True)
    assert_exact(mixed[0], module, rough=True)


@row("`.double()`")
@every_case
def test_all_backends_compute_in_double(case: Case) -> None:
    module = case.build(torch.float32)
    module.double()
    outputs = module(INPUTS)[0]
    assert outputs.dtype == torch.float64
    assert_exact(outputs, module)


@row("`.half()`, `.bfloat16()`")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@every_case
def test_shorter_numbers_are_computed_with_or_refused(case: Case, dtype: torch.dtype) -> None:
    module = case.build(torch.float32).to(dtype)
    inputs = INPUTS.to(dtype)
    if case.backend == "sparse_cpu":
        refused = (
            r"dtype must be float32, float64 for the backend 'sparse_cpu'.*\"dense\" and \"auto\""
        )
        with pytest.raises(srnn.SparseRnnError, match=refused):
            module(inputs)
        with pytest.raises(srnn.SparseRnnError, match=refused):
            case.build(dtype)
        return
    outputs, states = module(inputs)
    assert outputs.dtype == dtype
    kept = states if isinstance(states, tuple) else (states,)
    assert all(one.dtype == dtype for one in kept)
    assert_exact(outputs, module, inputs, rough=True)


@row("`.half()`, `.bfloat16()`")
def test_auto_takes_another_kernel_for_numbers_that_the_first_one_does_not_take() -> None:
    net = srnn.Network(5, 3, srnn.masks.locality((30, 30), 1))
    assert net.rnn.backend == "sparse_cpu"
    net.half()(INPUTS.half())
    assert net.rnn.backend == "dense"
    assert srnn.MaskedRNN(5, net.rnn.mask, dtype=torch.bfloat16).backend == "dense"


@row("inputs or h0 of another type or on another device")
@every_layer
def test_other_types_and_devices_are_refused_as_by_torch(case: Case) -> None:
    for dtype in (torch.float32, torch.int64):
        both_refuse(case, INPUTS.to(dtype), match=r"of type torch\.float64, as the weights are")
    wrong = state_of(case, 1, 2, N_UNITS, dtype=torch.float32)
    both_refuse(case, INPUTS, wrong, match=r"h0 must be of type torch\.float64")
    with pytest.raises(srnn.SparseRnnError, match="inputs must be on cpu, as the weights are"):
        case.build()(INPUTS.to("meta"))
