"""Modules that torch compiles, exports or traces, and their noise where it does."""

from __future__ import annotations

import importlib
import io
import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

import sparse_rnn as srnn
from tests.sparse_rnn.helpers import CPU_BACKENDS
from tests.sparse_rnn.nn.callers import (
    CASES,
    INPUTS,
    LOCAL,
    N_UNITS,
    Case,
    assert_exact,
    drawn,
    every_case,
    exact,
    found,
    loss,
    row,
)

# Compilers.

COMPILED = """
import torch
from tests.sparse_rnn.nn.callers import INPUTS, Case, assert_exact
for kind in ("MaskedRNN", "LeakyRNN", "MaskedGRU", "Network in chunks"):
    module = Case(kind, {backend!r}).build()
    for inputs in (INPUTS, INPUTS[:3]):
        assert_exact(torch.compile(module, backend="aot_eager")(inputs)[0], module, inputs)
print("exact")
"""


@row("`torch.compile`")
@pytest.mark.slow(20)
@pytest.mark.parametrize("backend", CPU_BACKENDS)
def test_torch_compile_as_the_first_call(backend: str) -> None:
    code = COMPILED.format(backend=backend)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "exact", done.stderr[-2000:]


NOISY = """
import torch, sparse_rnn as srnn
from tests.sparse_rnn.nn.callers import INPUTS, Case
layers = [Case("LeakyRNN", {backend!r}).build(recurrent_noise=0.3) for _ in range(2)]
compiled = torch.compile(layers[0], backend="aot_eager")
for _ in range(3):
    torch.testing.assert_close(compiled(INPUTS)[0], layers[1](INPUTS)[0])
print("same noise")
"""


@row("`torch.compile`")
@pytest.mark.slow
@pytest.mark.parametrize("backend", ["dense", "sparse_cpu"])
def test_compiled_layers_have_the_same_noise(backend: str) -> None:
    code = NOISY.format(backend=backend)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "same noise", done.stderr[-2000:]


@row("`torch.compile(..., fullgraph=True)`")
@pytest.mark.slow
def test_a_whole_graph_is_made_of_plain_torch_or_refused_with_the_reason() -> None:
    dynamo: Any = importlib.import_module("torch._dynamo")
    for backend in CPU_BACKENDS:
        for kind in ("MaskedRNN", "MaskedLSTM"):
            module = Case(kind, backend).build()
            dynamo.reset()
            whole = torch.compile(module, backend="aot_eager", fullgraph=True)
            gated = kind == "MaskedLSTM" and backend != "sparse_cpu"
            if backend == "reference" or gated:
                assert_exact(whole(INPUTS)[0], module)
            else:
                with pytest.raises(dynamo.exc.Unsupported, match="with fullgraph=False"):
                    whole(INPUTS)


@row("`torch.export`")
@pytest.mark.parametrize(
    "case", [case for case in CASES if "dense" in case or "LeakyRNN" in case], ids=" ".join
)
def test_exported_modules_take_any_batch(case: Case) -> None:
    module = case.build()
    batch = {"inputs": {1: torch.export.Dim("batch")}}
    exported: Any = torch.export.export(module, (INPUTS,), dynamic_shapes=batch).module()
    for inputs in (2 * INPUTS, drawn(6, 7, 5, seed=1)):
        assert torch.allclose(exported(inputs)[0], exact(module, inputs)[0], rtol=1e-9)
    with pytest.raises((RuntimeError, AssertionError), match="6"):
        exported(drawn(9, 2, 5))  # The steps are those of the example.


@row("`torch.jit.trace`")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
@every_case
def test_traced_modules_can_be_saved_and_trained(case: Case) -> None:
    module = case.build()
    traced: Any = torch.jit.trace(module, (INPUTS,), check_trace=False)
    file = io.BytesIO()
    torch.jit.save(traced, file)
    file.seek(0)
    loaded = torch.jit.load(file)
    assert torch.allclose(loaded(2 * INPUTS)[0], exact(module, 2 * INPUTS)[0], rtol=1e-9)
    # Two passes before the first gradient: each has states of its own.
    first, _ = traced(INPUTS)[0], traced(3 * INPUTS)
    assert_exact(first, module)
    with pytest.raises(RuntimeError):
        loaded(drawn(9, 2, 5))  # The steps are those of the example.


# Recurrent noise.

NOISE = "the same with `recurrent_noise`"

BACK = r"where a pass back calls the layer again.*Set `chunk`.*Call eval\(\) first"


def noisy(backend: str, chunk: int | None = None) -> srnn.Network:
    mask = srnn.masks.autapse(N_UNITS) if backend == "autapse" else LOCAL
    options: dict[str, Any] = {"cell": "leaky", "recurrent_noise": 0.3, "dtype": torch.float64}
    net = srnn.Network(5, 3, mask, "tanh", backend, **options)
    net.chunk = chunk
    return net


@row(NOISE)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize("chunk", [None, 4])
@pytest.mark.parametrize("backend", CPU_BACKENDS)
def test_noise_is_refused_where_it_would_be_another_one(backend: str, chunk: int | None) -> None:
    net = noisy(backend, chunk)
    assert not torch.equal(net(INPUTS)[0], net(INPUTS)[0])

    def outputs_of(inputs: Tensor) -> Tensor:
        return net(inputs)[0]

    for reentrant in (False, True):
        given = INPUTS.clone().requires_grad_()
        outputs: Any = checkpoint(net, given, use_reentrant=reentrant)
        with pytest.raises(srnn.SparseRnnError, match=BACK):
            loss(outputs[0]).backward()
    with pytest.raises(srnn.SparseRnnError, match=r"0 in what torch\.export .*Call eval\(\) first"):
        torch.export.export(net, (INPUTS,))
    with pytest.raises(srnn.SparseRnnError, match=r"0 in what torch\.export .*Call eval\(\) first"):
        torch.jit.trace(net, (INPUTS,))
    for randomness in ("error", "same", "different"):
        batched = torch.vmap(outputs_of, randomness=randomness)
        with pytest.raises(srnn.SparseRnnError, match=r"0 under torch\.vmap.*Call eval\(\) first"):
            batched(torch.stack([INPUTS, INPUTS]))
    net.eval()
    outputs = checkpoint(net, INPUTS.clone().requires_grad_(), use_reentrant=False)
    loss(outputs[0]).backward()
    twins = torch.vmap(outputs_of)(torch.stack([INPUTS, INPUTS]))
    torch.testing.assert_close(twins[1], outputs[0])


@row(NOISE)
@pytest.mark.parametrize("chunk", [None, 4])
@pytest.mark.parametrize("backend", CPU_BACKENDS)
def test_functions_of_parameters_and_buffers_have_the_same_noise(
    backend: str, chunk: int | None
) -> None:
    net = noisy(backend, chunk)
    parameters = dict(net.named_parameters())
    buffers = {name: buffer.clone() for name, buffer in net.named_buffers()}

    def value(parameters: Any, buffers: Any) -> Tensor:
        return loss(torch.func.functional_call(net, (parameters, buffers), (INPUTS,))[0])

    gradients = torch.func.grad(value)(parameters, buffers)
    assert torch.equal(buffers["rnn.noise_state"][1], torch.tensor(2 if chunk else 1))
    for name, expected in found(net(INPUTS)[0], parameters).items():
        if name != "outputs":
            torch.testing.assert_close(gradients[name], expected)
    if chunk is None:
        with pytest.raises(RuntimeError, match=r"accept the mutated Tensor\(s\) as inputs"):
            torch.func.grad(value)(parameters, {})
