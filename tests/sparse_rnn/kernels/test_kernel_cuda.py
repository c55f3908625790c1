"""The kernel of CUDA devices, under Triton's interpreter; it needs no GPU, and no triton else."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest
import torch

import sparse_rnn as srnn
from sparse_rnn import kernels, masks

AGREE = """
import numpy as np, torch
import sparse_rnn as srnn
from sparse_rnn import kernels, masks
from tests.sparse_rnn.helpers import random_mask

def found(name, mask, f, alpha, steps, lanes):
    generator = torch.Generator().manual_seed(5)
    n = mask.n_units
    leaves = [
        torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)
        for shape in ((steps, lanes, n), (lanes, n), (mask.nnz,))
    ]
    kernel, edges = kernels.choose(name, mask), kernels.Edges.of(mask)
    states = kernel.run(*leaves, edges, kernels.nonlinearity(f), alpha)
    weights = torch.linspace(-1, 2, states.numel(), dtype=states.dtype).view_as(states)
    return [states, *torch.autograd.grad((states * weights).sum(), leaves)]

rng = np.random.default_rng(0)
many = srnn.Mask.from_edges(20, [3] * 20 + [5], [*range(20), 2])  # More than a block, and none.
empty = srnn.Mask.from_edges(3, [], [])
cases = [(mask, "tanh", 1.0, 2, 3) for mask in (many, empty, masks.locality((3, 4), 1))]
for f in kernels.NONLINEARITIES:
    cases += [(random_mask(rng, 7), f, alpha, 3, 2) for alpha in (1, 0.3)]
cases += [(random_mask(rng, 4), "relu", 1.0, 1, 70)]  # More lanes than a block.
for case in cases:
    for fast, exact in zip(found("cuda", *case), found("reference", *case), strict=True):
        torch.testing.assert_close(fast, exact, rtol=1e-10, atol=1e-11)

net = srnn.Network(5, 3, masks.locality((3, 4), 1), backend="cuda")
twin = srnn.Network(5, 3, masks.locality((3, 4), 1), backend="dense")
inputs = torch.randn(4, 2, 5, generator=torch.Generator().manual_seed(0))
torch.testing.assert_close(net(inputs)[0], twin(inputs)[0])

mask = random_mask(rng, 4)
generator = torch.Generator().manual_seed(1)
leaves = [
    torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)
    for shape in ((2, 2, 4), (2, 4), (mask.nnz,))
]
edges, tanh = kernels.Edges.of(mask), kernels.nonlinearity("tanh")
kernel = kernels.KERNELS["cuda"]
assert torch.autograd.gradcheck(lambda *t: kernel.run(*t, edges, tanh, 0.4), leaves)
print("agreed on", len(cases))
"""


@pytest.mark.slow
@pytest.mark.skipif(not find_spec("triton"), reason="needs triton: pip install triton")
def test_it_agrees_with_the_reference_under_the_interpreter() -> None:
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", AGREE],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TRITON_INTERPRET": "1", "PYTHONPATH": "."},
    )
    assert result.stdout == "agreed on 10\n", result.stderr


@pytest.fixture
def no_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)


@pytest.mark.usefixtures("no_interpreter")
def test_it_is_refused_where_there_is_no_such_device(monkeypatch: pytest.MonkeyPatch) -> None:
    mask = masks.locality((3, 4), 1)
    with pytest.raises(srnn.SparseRnnError, match="runs on CUDA devices, not on cpu"):
        kernels.choose("cuda", mask)
    monkeypatch.setattr(kernels.cuda, "find_spec", lambda name: name)
    net = srnn.Network(5, 3, mask, backend="cuda")  # It may be moved to a device.
    with pytest.raises(srnn.SparseRnnError, match="runs on CUDA devices, not on cpu"):
        net(torch.zeros(4, 2, 5))
    monkeypatch.setattr(kernels.cuda, "find_spec", lambda name: None)  # noqa: ARG005 - as importlib has it
    with pytest.raises(srnn.SparseRnnError, match="triton is not installed"):
        srnn.Network(5, 3, mask, backend="cuda")


@pytest.mark.usefixtures("no_interpreter")
def test_auto_takes_it_for_few_synapses_on_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    sparse, denser = masks.locality((30, 30), 2), masks.locality((30, 30), 5)
    monkeypatch.setattr(kernels.cuda, "find_spec", lambda name: name)
    assert kernels.choose("auto", sparse, "cuda").name == "cuda"
    assert kernels.choose("auto", denser, "cuda").name == "dense"
    assert kernels.choose("auto", sparse, "cuda", cost=kernels.STEP_COST).name == "dense"
    monkeypatch.setattr(kernels.cuda, "find_spec", lambda name: None)  # noqa: ARG005 - as importlib has it
    assert kernels.choose("auto", sparse, "cuda").name == "dense"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_it_agrees_with_the_dense_kernel_on_a_device() -> None:
    found: list[torch.Tensor] = []
    for backend in ("cuda", "dense"):
        net = srnn.Network(5, 3, masks.locality((12, 12), 2), "tanh", backend).to("cuda")
        inputs = torch.linspace(-1, 1, 7 * 20 * 5).view(7, 20, 5).to("cuda")
        net(inputs)[0].square().sum().backward()
        found.append(net.rnn.weight_hh.grad)
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-5)
