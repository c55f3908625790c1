"""What torch and its neighbours do with a module: each works, or raises one clear error."""

from __future__ import annotations

import copy
import importlib
import io
import pickle
from pathlib import Path
from typing import Any

import joblib
import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

import sparse_rnn as srnn
from tests.sparse_rnn.helpers import CPU_BACKENDS, same_bits
from tests.sparse_rnn.nn.callers import (
    INPUTS,
    TESTS,
    Case,
    assert_exact,
    drawn,
    every_case,
    exact,
    found,
    layer_of,
    loss,
    outputs_of,
    row,
)

PAGE = Path(__file__).parents[3] / "docs" / "concepts" / "kernels.md"


def test_the_table_of_the_page_has_the_rows_that_are_tested() -> None:
    for path in Path(__file__).parent.glob("test_torch_*.py"):  # They say which rows they test.
        importlib.import_module(f"tests.sparse_rnn.nn.{path.stem}")
    _, _, section = PAGE.read_text().partition("\n## What torch does with a module\n")
    lines = section.partition("\n## ")[0].splitlines()
    cells = [line.split(" | ")[0].removeprefix("| ") for line in lines if line.startswith("| ")]
    assert cells[0] == "call"
    assert sorted(cells[1:]) == sorted(TESTS)


# Copies.

COPIES = "`pickle`, `torch.save(net)`, `copy.deepcopy`, joblib, spawned processes"


def saved_and_loaded(module: nn.Module) -> Any:
    file = io.BytesIO()
    torch.save(module, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


@row(COPIES)
@pytest.mark.parametrize("called", [False, True])
@every_case
def test_pickles_and_copies_are_the_same_module(case: Case, called: bool) -> None:
    module = case.build()
    if called:  # What a call leaves behind is copied too.
        loss(module(INPUTS)[0]).backward()
    for copied in (pickle.loads(pickle.dumps(module)), saved_and_loaded(module)):
        assert layer_of(copied).backend == case.backend
        assert same_bits(copied.state_dict(), module.state_dict())
        assert_exact(copied(INPUTS)[0], copied)
    other = copy.deepcopy(module)
    for (name, one), two in zip(module.named_parameters(), other.parameters(), strict=True):
        assert one is not two, name
        assert torch.equal(one, two)
        assert two.grad is None  # Torch copies none.
    with torch.no_grad():
        layer_of(other).weight_hh.mul_(2)
    assert_exact(other(INPUTS)[0], other)
    assert_exact(module(INPUTS)[0], module)


@row(COPIES)
@pytest.mark.slow
@pytest.mark.parametrize("backend", CPU_BACKENDS)
def test_networks_cross_to_other_processes(backend: str) -> None:
    net = Case("Network", backend).build()
    with torch.multiprocessing.get_context("spawn").Pool(1) as pool:
        torch.testing.assert_close(pool.apply(outputs_of, (net,)), outputs_of(net))


@row(COPIES)
def test_joblib_takes_networks() -> None:
    nets = [Case("Network", backend).build() for backend in ("dense", "reference")]
    with joblib.parallel_config(backend="threading"):
        outputs: Any = joblib.Parallel(n_jobs=2)(joblib.delayed(outputs_of)(net) for net in nets)
    for one, net in zip(outputs, nets, strict=True):
        assert torch.equal(one, outputs_of(net))
    joblib.hash(nets)  # Pickles them.


@row("`torch.load(..., weights_only=True)`")
@every_case
def test_state_dicts_are_read_without_pickle_and_modules_are_not(case: Case) -> None:
    module, other = case.build(), case.build(seed=4)
    file = io.BytesIO()
    torch.save(module.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(outputs_of(other), outputs_of(module))
    file = io.BytesIO()
    torch.save(module, file)
    file.seek(0)
    with pytest.raises(pickle.UnpicklingError, match="weights_only"):
        torch.load(file, weights_only=True)


# Functions of parameters.


@row("`torch.func.functional_call`")
@every_case
def test_functional_calls_use_the_parameters_that_they_are_given(case: Case) -> None:
    module = case.build()
    given = {name: (2 * p).detach().requires_grad_() for name, p in module.named_parameters()}
    outputs, _ = torch.func.functional_call(module, given, (INPUTS,))
    theirs = found(exact(module, INPUTS, given=given)[0], given)
    for name, value in found(outputs, given).items():
        torch.testing.assert_close(value, theirs[name], rtol=1e-9, atol=1e-10)


@row("`torch.func.grad`, `torch.vmap`")
@every_case
def test_functions_of_parameters_are_derived_and_batched(case: Case) -> None:
    modules = [case.build(seed=seed) for seed in range(2)]
    parameters, buffers = torch.func.stack_module_state(modules)

    def outputs(parameters: Any, buffers: Any, inputs: Tensor) -> Tensor:
        return torch.func.functional_call(modules[0], (parameters, buffers), (inputs,))[0]

    def gradient(parameters: Any, buffers: Any, inputs: Tensor) -> Any:
        def value(own: Any) -> Tensor:
            return loss(outputs(own, buffers, inputs))

        return torch.func.grad(value)(parameters)

    # Each module over inputs of its own.
    inputs = torch.stack([INPUTS, drawn(6, 2, 5, seed=1)])
    together = torch.vmap(outputs)(parameters, buffers, inputs)
    gradients = torch.vmap(gradient)(parameters, buffers, inputs)
    for number, (module, own) in enumerate(zip(modules, inputs, strict=True)):
        theirs = found(exact(module, own)[0], dict(module.named_parameters()))
        torch.testing.assert_close(together[number], theirs.pop("outputs"), rtol=1e-9, atol=1e-11)
        for name, value in theirs.items():
            torch.testing.assert_close(gradients[name][number], value, rtol=1e-9, atol=1e-10)


@row("`create_graph`, `jvp` and other derivatives")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@every_case
def test_second_derivatives_and_derivatives_forward_are_exact(case: Case) -> None:
    module = case.build()
    weight = layer_of(module).weight_hh
    name = "rnn.weight_hh" if isinstance(module, srnn.Network) else "weight_hh"

    def second(outputs: Tensor) -> Tensor:
        (first,) = torch.autograd.grad(loss(outputs), weight, create_graph=True)
        return torch.autograd.grad(first.square().sum(), weight)[0]

    theirs = second(exact(module, INPUTS)[0])
    torch.testing.assert_close(second(module(INPUTS)[0]), theirs, rtol=1e-8, atol=1e-10)

    def called(value: Tensor) -> Tensor:
        return torch.func.functional_call(module, {name: value}, (INPUTS,))[0]

    direction = torch.ones_like(weight)
    if case.kind == "Network in chunks":
        with pytest.raises(srnn.SparseRnnError, match="chunk must be None for derivatives forward"):
            torch.func.jvp(called, (weight.detach(),), (direction,))
        return
    pushed = torch.func.jvp(called, (weight.detach(),), (direction,))[1]
    step = 1e-6 * direction
    near = [exact(module, INPUTS, given={name: weight + s * step})[0] for s in (1, -1)]
    torch.testing.assert_close(pushed, (near[0] - near[1]).detach() / 2e-6, rtol=1e-6, atol=1e-8)


@row("`torch.utils.checkpoint`")
@pytest.mark.parametrize("reentrant", [False, True])
@every_case
def test_checkpointed_gradients_are_the_same(case: Case, reentrant: bool) -> None:
    module = case.build()
    again: Any = checkpoint(module, INPUTS.clone().requires_grad_(), use_reentrant=reentrant)
    loss(again[0]).backward()
    theirs = found(exact(module, INPUTS)[0], dict(module.named_parameters()))
    for name, parameter in module.named_parameters():
        torch.testing.assert_close(parameter.grad, theirs[name], rtol=1e-9, atol=1e-10)
