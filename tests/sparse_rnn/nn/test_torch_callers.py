"""What torch and its neighbours do with a module: each works, or raises one clear error.

The table is in docs/concepts/kernels.md; each row of it is tested here, against the dense recurrent
layers of torch in float64.
"""

from __future__ import annotations

import copy
import importlib
import io
import pickle
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence
from torch.utils.checkpoint import checkpoint

import sparse_rnn as srnn
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.nn.cells import CELLS
from tests.sparse_rnn.helpers import CPU_BACKENDS, same_bits

N_UNITS = 16
LOCAL = srnn.masks.locality((4, 4), radius=1)
PAGE = Path(__file__).parents[3] / "docs" / "concepts" / "kernels.md"

# The table.

TESTS: defaultdict[str, list[str]] = defaultdict(list)
"""Names of the tests of each row."""

Test = Callable[..., None]


def row(*names: str) -> Callable[[Test], Test]:
    """Say which rows of the table a test shows to be right."""

    def listed(test: Test) -> Test:
        for name in names:
            TESTS[name].append(test.__name__)
        return test

    return listed


def test_the_table_of_the_page_has_the_rows_that_are_tested() -> None:
    _, _, section = PAGE.read_text().partition("\n## What torch does with a module\n")
    lines = section.partition("\n## ")[0].splitlines()
    cells = [line.split(" | ")[0].removeprefix("| ") for line in lines if line.startswith("| ")]
    assert cells[0] == "call"
    assert sorted(cells[1:]) == sorted(TESTS)


# Modules, and what they compute by other means.

MODULES: dict[str, Callable[..., Any]] = {
    **{kind.__name__: kind for kind in CELLS.values()},
    "Network": srnn.Network,
    "Network in chunks": srnn.Network,
}


class Case(NamedTuple):
    """A module on a backend."""

    kind: str
    backend: str

    def build(self, dtype: torch.dtype | None = torch.float64, **options: Any) -> Any:
        """The module: smooth, so that rounding flips no slope of it."""
        mask = srnn.masks.autapse(N_UNITS) if self.backend == "autapse" else LOCAL
        given: dict[str, Any] = {"backend": self.backend, "dtype": dtype, "seed": 3, **options}
        if self.kind in ("MaskedRNN", "LeakyRNN"):
            given["nonlinearity"] = "tanh"
        if self.kind == "LeakyRNN":
            given |= {"dt": 20.0, "tau": 50.0, "inhibitory": 0.25}
        if not self.kind.startswith("Network"):
            return MODULES[self.kind](5, mask, **given)
        net = srnn.Network(5, 3, mask, cell="gru" if self.kind == "Network" else "lstm", **given)
        net.chunk = None if self.kind == "Network" else 4
        return net


CASES = [Case(kind, backend) for kind in MODULES for backend in CPU_BACKENDS]
LAYERS = [case for case in CASES if not case.kind.startswith("Network")]
every_case = pytest.mark.parametrize("case", CASES, ids=" ".join)
every_layer = pytest.mark.parametrize("case", LAYERS, ids=" ".join)


def drawn(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    """Normal numbers."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)


INPUTS = drawn(6, 2, 5)


def layer_of(module: nn.Module) -> Any:
    return module.rnn if isinstance(module, srnn.Network) else module


def dense(layer: Any, weight: Tensor) -> Tensor:
    """The recurrent matrix ``[gates * N, N]`` of edge values."""
    targets, indices = map(torch.from_numpy, layer.mask.to_dense().nonzero())
    if layer.unit_signs is not None:
        weight = weight.abs() * layer.unit_signs.to(weight.dtype)[indices]
    rows = torch.atleast_2d(weight)
    matrices = [
        weight.new_zeros(N_UNITS, N_UNITS).index_put((targets, indices), one) for one in rows
    ]
    return torch.cat(matrices)


def exact(
    module: nn.Module, inputs: Tensor, h0: Any = None, given: Mapping[str, Tensor] | None = None
) -> tuple[Tensor, Any]:
    """Outputs and last states by torch's own dense layers in float64; differentiable."""
    own = {**dict(module.named_parameters()), **(given or {})}
    own = {name.removeprefix("rnn."): value.double() for name, value in own.items()}
    layer, inputs = layer_of(module), inputs.double()
    w_ih, bias, w_hh = own["weight_ih"], own["bias"], dense(layer, own["weight_hh"])
    if layer.CELL == "leaky":
        state = inputs.new_zeros(1, inputs.shape[1], N_UNITS) if h0 is None else h0
        states: list[Tensor] = []
        for step in inputs:
            rate = torch.tanh(step @ w_ih.T + bias + state @ w_hh.T)
            state = (1 - layer.alpha) * state + layer.alpha * rate
            states.append(state[0])
        outputs, last = torch.stack(states), state
    else:
        kind = {"vanilla": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[layer.CELL]
        second = torch.zeros_like(bias)
        if "bias_hn" in own:
            second = torch.cat([second[: 2 * N_UNITS], own["bias_hn"]])
        names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
        weights: dict[str, Tensor] = dict(zip(names, (w_ih, w_hh, bias, second), strict=True))
        torch_layer = kind(5, N_UNITS, dtype=torch.float64)
        outputs, last = torch.func.functional_call(torch_layer, weights, (inputs, h0))
    if isinstance(module, srnn.Network):
        outputs = nn.functional.linear(outputs, own["readout.weight"], own["readout.bias"])
    return outputs, last


def loss(outputs: Tensor) -> Tensor:
    """A number that depends on each output in its own way."""
    slopes = torch.linspace(-1, 2, outputs.numel(), dtype=outputs.dtype).view_as(outputs)
    return (slopes * outputs.square()).sum()


def found(outputs: Tensor, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Outputs, and the gradients of all parameters."""
    grads = torch.autograd.grad(loss(outputs), list(parameters.values()))
    return {"outputs": outputs.detach(), **dict(zip(parameters, grads, strict=True))}


def assert_exact(
    outputs: Tensor, module: nn.Module, inputs: Tensor = INPUTS, *, rough: bool = False
) -> None:
    """Outputs of a module, and their gradients, are those of torch's dense layers."""
    parameters = dict(module.named_parameters())
    ours, theirs = found(outputs, parameters), found(exact(module, inputs)[0], parameters)
    for name, value in ours.items():
        other = theirs[name].double()
        rtol, atol = (0.05, 0.04) if rough else (1e-9, 1e-11)
        scale = max(1.0, float(other.abs().max()))
        torch.testing.assert_close(value.double(), other, rtol=rtol, atol=atol * scale)


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


def outputs_of(module: nn.Module) -> Tensor:
    """For another process."""
    return module(INPUTS)[0].detach()


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


# Compilers.

COMPILED = """
import torch
from tests.sparse_rnn.nn.test_torch_callers import INPUTS, Case, assert_exact
for kind in ("MaskedRNN", "LeakyRNN", "MaskedGRU", "Network in chunks"):
    module = Case(kind, {backend!r}).build()
    for inputs in (INPUTS, INPUTS[:3]):
        assert_exact(torch.compile(module, backend="aot_eager")(inputs)[0], module, inputs)
print("exact")
"""


@row("`torch.compile`")
@pytest.mark.slow
@pytest.mark.parametrize("backend", CPU_BACKENDS)
def test_torch_compile_as_the_first_call(backend: str) -> None:
    code = COMPILED.format(backend=backend)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "exact", done.stderr[-2000:]


NOISY = """
import torch, sparse_rnn as srnn
from tests.sparse_rnn.nn.test_torch_callers import INPUTS, Case
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


def theirs_of(case: Case, **options: Any) -> Any:
    """The layer of torch that a masked layer is called like."""
    kind = {"MaskedGRU": nn.GRU, "MaskedLSTM": nn.LSTM}.get(case.kind, nn.RNN)
    return kind(5, N_UNITS, dtype=torch.float64, **options)


TORCH_ERRORS = (RuntimeError, ValueError, AttributeError, IndexError)


def both_refuse(case: Case, *arguments: Any, match: str) -> None:
    """Our error says what is allowed; torch's layer raises too, whatever it says."""
    with pytest.raises(TORCH_ERRORS):
        theirs_of(case)(*arguments)
    with pytest.raises(InvalidArgument, match=match):
        case.build()(*arguments)


def state_of(case: Case, *shape: int, dtype: torch.dtype = torch.float64) -> Any:
    """A first state of a shape; of an LSTM a pair."""
    pair = tuple(drawn(*shape, seed=seed).to(dtype) for seed in (5, 6))
    return pair if case.kind == "MaskedLSTM" else pair[0]


@row("inputs or h0 of another type or on another device")
@every_layer
def test_other_types_and_devices_are_refused_as_by_torch(case: Case) -> None:
    for dtype in (torch.float32, torch.int64):
        both_refuse(case, INPUTS.to(dtype), match=r"of type torch\.float64, as the weights are")
    wrong = state_of(case, 1, 2, N_UNITS, dtype=torch.float32)
    both_refuse(case, INPUTS, wrong, match=r"h0 must be of type torch\.float64")
    with pytest.raises(srnn.SparseRnnError, match="inputs must be on cpu, as the weights are"):
        case.build()(INPUTS.to("meta"))


# Shapes.


def as_pair(last: Any) -> tuple[Tensor, ...]:
    return last if isinstance(last, tuple) else (last,)


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
