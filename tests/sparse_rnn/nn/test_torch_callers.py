"""What torch and its neighbours do with a module: each works, or raises one clear error.

The table is in docs/training.md.
"""

from __future__ import annotations

import copy
import io
import pickle
import subprocess
import sys
from typing import Any

import joblib
import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

import sparse_rnn as srnn
from sparse_rnn.nn.cells import CELLS
from tests.sparse_rnn.helpers import CPU_BACKENDS

LOCAL = srnn.masks.locality((4, 4), radius=1)
PAIRS = [(backend, cell) for backend in ("auto", *CPU_BACKENDS) for cell in CELLS]


def network(backend: str = "sparse_cpu", cell: str = "vanilla") -> srnn.Network:
    """A smooth network: rounding flips no slope of it."""
    mask = srnn.masks.autapse(16) if backend == "autapse" else LOCAL
    nonlinearity = "tanh" if cell in ("vanilla", "leaky") else None
    return srnn.Network(5, 3, mask, nonlinearity, backend, cell=cell)


def inputs_of(steps: int = 6, lanes: int = 2) -> Tensor:
    return torch.randn(steps, lanes, 5, generator=torch.Generator().manual_seed(0))


def gradient(net: nn.Module, weight: Tensor, inputs: Tensor | None = None) -> Tensor:
    given = inputs_of() if inputs is None else inputs
    return torch.autograd.grad(net(given)[0].float().square().sum(), weight)[0]


def answers_alike(one: nn.Module, other: srnn.Network) -> bool:
    return torch.equal(one(inputs_of())[0], other(inputs_of())[0])


def answer_of(net: srnn.Network) -> Tensor:
    """For another process."""
    return net(inputs_of())[0].detach()


@pytest.mark.parametrize(("backend", "cell"), PAIRS)
def test_pickles_and_copies_are_the_same_network(backend: str, cell: str) -> None:
    net = network(backend, cell)
    net(inputs_of())  # What a call leaves behind is pickled too.
    file = io.BytesIO()
    torch.save(net, file)
    file.seek(0)
    copies = [
        pickle.loads(pickle.dumps(net)),
        torch.load(file, weights_only=False),
        copy.deepcopy(net),
    ]
    for other in copies:
        assert other.rnn.backend == net.rnn.backend
        assert answers_alike(other, net)
        assert torch.equal(gradient(other, other.rnn.weight_hh), gradient(net, net.rnn.weight_hh))


@pytest.mark.parametrize("backend", CPU_BACKENDS)
def test_networks_cross_to_other_processes(backend: str) -> None:
    net = network(backend)
    with torch.multiprocessing.get_context("spawn").Pool(1) as pool:
        torch.testing.assert_close(pool.apply(answer_of, (net,)), answer_of(net))


def test_joblib_takes_networks() -> None:
    nets = [network("dense"), network("reference")]
    with joblib.parallel_config(backend="threading"):
        found: Any = joblib.Parallel(n_jobs=2)(joblib.delayed(answer_of)(net) for net in nets)
    for one, net in zip(found, nets, strict=True):
        assert torch.equal(one, answer_of(net))
    joblib.hash(nets)  # Pickles them.


COMPILED = """
import torch, sparse_rnn as srnn
net = srnn.Network(5, 3, srnn.masks.locality((4, 4), 1), backend={backend!r}, cell={cell!r})
net.chunk = {chunk}
inputs = torch.randn(6, 2, 5)
found = []
for called in (torch.compile(net, backend="eager"), net):
    logits, _ = called(inputs)
    found.append((logits, *torch.autograd.grad(logits.square().sum(), list(net.parameters()))))
for one, other in zip(*found, strict=True):
    torch.testing.assert_close(one, other)
print("as without")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backend", "cell", "chunk"),
    [("sparse_cpu", "vanilla", None), ("sparse_cpu", "gru", None), ("dense", "vanilla", 4)],
)
def test_torch_compile_as_the_first_call(backend: str, cell: str, chunk: int | None) -> None:
    code = COMPILED.format(backend=backend, cell=cell, chunk=chunk)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "as without", done.stderr[-2000:]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize("chunk", [None, 4])
@pytest.mark.parametrize(("backend", "cell"), [("dense", "vanilla"), ("sparse_cpu", "lstm")])
def test_traced_networks_can_be_saved_and_trained(
    backend: str, cell: str, chunk: int | None
) -> None:
    net = network(backend, cell)
    net.chunk = chunk
    traced: Any = torch.jit.trace(net, (inputs_of(),))
    file = io.BytesIO()
    torch.jit.save(traced, file)
    file.seek(0)
    loaded = torch.jit.load(file)
    torch.testing.assert_close(loaded(2 * inputs_of())[0], net(2 * inputs_of())[0])
    # Two passes before the first gradient: each has states of its own.
    first, _ = traced(inputs_of())[0], traced(3 * inputs_of())
    (found,) = torch.autograd.grad(first.square().sum(), net.rnn.weight_hh)
    torch.testing.assert_close(found, gradient(net, net.rnn.weight_hh))
    with pytest.raises(RuntimeError):
        loaded(inputs_of(steps=9))  # The steps are those of the trace.


@pytest.mark.parametrize(("backend", "cell"), [("dense", "vanilla"), ("sparse_cpu", "gru")])
def test_exported_networks_compute_the_same(backend: str, cell: str) -> None:
    net = network(backend, cell)
    exported: Any = torch.export.export(net, (inputs_of(),)).module()
    torch.testing.assert_close(exported(2 * inputs_of())[0], net(2 * inputs_of())[0])


@pytest.mark.parametrize("chunk", [None, 2])
@pytest.mark.parametrize(("backend", "cell"), PAIRS)
def test_functional_calls_use_the_parameters_that_they_are_given(
    backend: str, cell: str, chunk: int | None
) -> None:
    net, other = network(backend, cell), network(backend, cell)
    other.chunk = chunk
    given = {name: (2 * p).detach().requires_grad_() for name, p in net.named_parameters()}
    logits, _ = torch.func.functional_call(other, given, (inputs_of(),))
    with torch.no_grad():
        for p in net.parameters():
            p.mul_(2)
    expected = net(inputs_of())[0]
    torch.testing.assert_close(logits, expected)
    found = torch.autograd.grad(logits.square().sum(), list(given.values()))
    exact = torch.autograd.grad(expected.square().sum(), list(net.parameters()))
    torch.testing.assert_close(found, exact, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("reentrant", [False, True])
@pytest.mark.parametrize(("backend", "cell"), PAIRS)
def test_checkpointed_gradients_are_the_same(backend: str, cell: str, reentrant: bool) -> None:
    net = network(backend, cell)

    def called(inputs: Tensor) -> Any:
        again = checkpoint(net, inputs, use_reentrant=reentrant)
        again[0].square().sum().backward()

    called(inputs_of().requires_grad_())
    torch.testing.assert_close(net.rnn.weight_hh.grad, gradient(net, net.rnn.weight_hh))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize(("backend", "cell"), PAIRS)
def test_other_numbers_are_computed_with_or_refused(
    backend: str, cell: str, dtype: torch.dtype
) -> None:
    net = network(backend, cell)
    expected, slope = net(inputs_of())[0], gradient(net, net.rnn.weight_hh)
    net.to(dtype)
    if backend == "sparse_cpu" and dtype != torch.float64:
        with pytest.raises(srnn.SparseRnnError, match="dtype must be float32, float64 for the"):
            net(inputs_of().to(dtype))
        with pytest.raises(srnn.SparseRnnError, match="dtype must be float32, float64 for the"):
            srnn.Network(5, 3, LOCAL, backend=backend, cell=cell, dtype=dtype)
        return
    rtol, atol = (1e-6, 1e-7) if dtype == torch.float64 else (0.05, 0.02)
    logits, hidden = net(inputs_of().to(dtype))
    assert logits.dtype == hidden.dtype == dtype
    torch.testing.assert_close(logits.float(), expected, rtol=rtol, atol=atol)
    found = gradient(net, net.rnn.weight_hh, inputs_of().to(dtype))
    assert found.dtype == dtype
    scale = float(slope.abs().max())
    torch.testing.assert_close(found.float(), slope, rtol=rtol, atol=max(atol, 1e-6) * scale)


def test_auto_takes_another_kernel_for_numbers_that_the_first_one_does_not_take() -> None:
    net = srnn.Network(5, 3, srnn.masks.locality((30, 30), 1))
    assert net.rnn.backend == "sparse_cpu"
    net.half()(inputs_of().half())
    assert net.rnn.backend == "dense"
    assert srnn.MaskedRNN(5, net.rnn.mask, dtype=torch.bfloat16).backend == "dense"


@pytest.mark.parametrize(("backend", "cell"), PAIRS)
def test_states_under_autocast_are_of_the_type_of_the_weights(backend: str, cell: str) -> None:
    net = network(backend, cell)
    expected = net(inputs_of())[0]
    with torch.autocast("cpu", torch.bfloat16):
        logits, hidden = net(inputs_of())
    assert hidden.dtype == torch.float32
    torch.testing.assert_close(logits.float(), expected, rtol=0.05, atol=0.02)


@pytest.mark.parametrize("chunk", [None, 4])
@pytest.mark.parametrize(("backend", "cell"), PAIRS)
def test_a_batch_without_lanes_gives_one_back(backend: str, cell: str, chunk: int | None) -> None:
    net = network(backend, cell)
    net.chunk = chunk
    logits, _ = net(inputs_of(lanes=0))
    assert logits.shape == (6, 0, 3)
    assert not gradient(net, net.rnn.weight_hh, inputs_of(lanes=0)).any()


@pytest.mark.parametrize("cell", CELLS)
def test_what_is_not_taken_is_refused_with_the_way_that_works(cell: str) -> None:
    layer = network(cell=cell).rnn
    packed = nn.utils.rnn.pack_padded_sequence(inputs_of(), [6, 3])
    with pytest.raises(srnn.SparseRnnError, match=r"'PackedSequence'\. Use .*pad_packed_sequence"):
        layer(packed)
    with pytest.raises(srnn.SparseRnnError, match="Add the batch axis with unsqueeze"):
        layer(inputs_of()[:, 0])
    state = torch.zeros(1, 2, 16)
    if cell == "lstm":
        with pytest.raises(srnn.SparseRnnError, match="h0 must be a pair of states"):
            layer(inputs_of(), state)
        tuples, lists = layer(inputs_of(), (state, state)), layer(inputs_of(), [state, state])
        assert torch.equal(tuples[0], lists[0])
    else:
        for several in ((state,), [state], (state, state)):
            with pytest.raises(srnn.SparseRnnError, match="h0 must be one tensor of shape"):
                layer(inputs_of(), several)
