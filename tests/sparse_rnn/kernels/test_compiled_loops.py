"""The compiled loops of `sparse_cpu` in fresh processes: bounds, what is kept, other processors."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest


def in_a_process(script: str, cache: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script that finds nothing compiled but what is in a folder."""
    return subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "NUMBA_CACHE_DIR": str(cache), **environment},
    )


BOUNDS = """
import torch, sparse_rnn as srnn
from sparse_rnn import masks
from sparse_rnn.kernels.cpu import loops
assert loops.CHECKED
for cell in ("vanilla", "gru"):
    for mask in (masks.locality((5, 7), 2), masks.random(31, in_degree=3, seed=0)):
        for lanes in (1, 9, 40):
            net = srnn.Network(3, 2, mask, backend="sparse_cpu", cell=cell)
            h0 = torch.zeros(1, lanes, mask.n_units, requires_grad=True)
            net(torch.ones(5, lanes, 3), h0)[0].sum().backward()
print("inside")
"""


@pytest.mark.slow
def test_no_access_is_out_of_bounds(tmp_path: Path) -> None:
    result = in_a_process(BOUNDS, tmp_path, NUMBA_BOUNDSCHECK="1")
    assert result.stdout == "inside\n", result.stderr


OUTSIDE = """
import numpy as np
from sparse_rnn.kernels.cpu import loops
pointers, weight = np.array([0, 1]), np.zeros(1)
for offsets in ([0], [1]):
    synapses = (pointers, np.array(offsets, np.uint32), weight)
    how = (loops.ONE, np.array([0]))
    loops.product(np.zeros((1, 1)), np.zeros(8), np.zeros(8), synapses, (0, 1), how, (0,) * 8)
    print("inside", flush=True)
"""


@pytest.mark.slow
def test_an_access_out_of_bounds_is_found(tmp_path: Path) -> None:
    result = in_a_process(OUTSIDE, tmp_path, NUMBA_BOUNDSCHECK="1")
    assert result.stdout == "inside\n"
    assert "IndexError: offsets" in result.stderr


FIRST = """
import sys, torch, sparse_rnn as srnn
assert "numba" not in sys.modules
net = srnn.Network(3, 2, srnn.masks.locality((6, 6), 1), backend="sparse_cpu")
for _ in range(2):
    net(torch.ones(5, 4, 3))[0].sum().backward()
from sparse_rnn.kernels.cpu import loops
for loop in (loops.forward, loops.backward):
    print(sum(loop.stats.cache_misses.values()))
"""


@pytest.mark.slow
def test_kernels_are_compiled_once_with_a_note_and_found_on_disk(tmp_path: Path) -> None:
    first = in_a_process(FIRST, tmp_path)
    assert first.stderr == "compiling kernels, once (some 10 s)\n"
    assert first.stdout == "0\n1\n"  # `forward` runs where the input comes multiplied only.
    again = in_a_process(FIRST, tmp_path)
    assert again.stderr == ""
    assert again.stdout == "0\n0\n"


REGISTERS = """
import numpy as np, torch
import sparse_rnn as srnn
from sparse_rnn import kernels, masks
from sparse_rnn.kernels.cpu import gradients, inputs as drives, llvm, loops
from tests.sparse_rnn.helpers import random_mask

def found(backend, state, dtype):
    net = srnn.Network(3, 2, mask, f, backend, cell=cell, dtype=dtype)
    net.load_state_dict(state)
    first = h0.detach().to(dtype, copy=True).requires_grad_()
    pair = (first, torch.zeros_like(first))
    # The readout on the way, and after it.
    every = bool(lanes % 2)
    logits, states = net(inputs.to(dtype), pair if cell == "lstm" else first, every_state=every)
    leaves = [first, *net.parameters()]
    return [logits, *torch.autograd.grad(logits.square().sum() + states.sum(), leaves)]

torch.set_num_threads(1)
# Rows in groups, and rows by themselves.
shapes = (masks.locality((5, 7), 2), random_mask(np.random.default_rng(0), 31, 0.1))
kinds = [*(("leaky", f) for f in kernels.NONLINEARITIES), ("vanilla", "tanh"), ("lstm", None)]
tolerances = {torch.float32: (1e-3, 1e-4), torch.float64: (1e-10, 1e-11)}
cases = [(mask, *kind, dtype) for mask in shapes for kind in kinds for dtype in tolerances]
for mask, cell, f, dtype in cases:
    for lanes in (1, 8, 13, 40):  # Tiles of 8, 16 and 32 lanes, full ones and others.
        state = srnn.Network(3, 2, mask, f, "dense", cell=cell).state_dict()
        numbers = torch.Generator().manual_seed(lanes)
        inputs = torch.randn(5, lanes, 3, generator=numbers)
        h0 = torch.randn(1, lanes, mask.n_units, generator=numbers)
        pairs = found("sparse_cpu", state, dtype), found("reference", state, torch.float64)
        rtol, atol = tolerances[dtype]
        for fast, exact in zip(*pairs, strict=True):
            torch.testing.assert_close(fast.double(), exact, rtol=rtol, atol=atol)
assembly = "".join(
    code
    for loop in (loops.product, drives.forward, loops.backward, gradients.weight_gradients)
    for code in loop.inspect_asm().values()
)
wide = [name for name in ("xmm", "ymm", "zmm") if name in assembly]
print(len(cases), llvm.register_bytes(), *wide)
"""


@pytest.mark.slow(30)
@pytest.mark.parametrize(
    ("name", "features", "n_bytes"),
    [("generic", "", 16), ("haswell", "+avx,+avx2,+fma", 32)],
)
def test_processors_with_shorter_registers_compute_the_same(
    tmp_path: Path, name: str, features: str, n_bytes: int
) -> None:
    """Of 16 bytes, as in laptops with ARM processors, and of 32 bytes, without AVX-512."""
    llvm = pytest.importorskip("llvmlite.binding")
    x86 = platform.machine().lower() in ("x86_64", "amd64")
    if n_bytes > 16 and not (x86 and llvm.get_host_cpu_features().get("avx2")):
        pytest.skip("this processor has no registers of 32 bytes")
    processor = {"NUMBA_CPU_NAME": name, "NUMBA_CPU_FEATURES": features}
    result = in_a_process(REGISTERS, tmp_path, **processor)
    used = " xmm" + (" ymm" if n_bytes > 16 else "") if x86 else ""
    assert result.stdout == f"20 {n_bytes}{used}\n", result.stderr[-3000:]
