"""The compiled sparse kernel: wide batches, ragged masks, threads, memory, broken numbers."""

from __future__ import annotations

import threading
import tracemalloc
import warnings
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

import sparse_rnn as srnn
from sparse_rnn import kernels, masks
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.kernels.cpu import (
    drive,
    function as sparse_cpu,
    passes,
    plan,
    readout,
    room,
    threads as cpu_threads,
)
from tests.sparse_rnn.helpers import random_mask


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def gradients(
    backend: str, mask: srnn.Mask, shape: tuple[int, int], dtype: torch.dtype, f: str = "relu"
) -> list[torch.Tensor]:
    """States and all gradients of a layer with a backend."""
    generator = torch.Generator().manual_seed(5)
    leaves = [
        torch.randn(size, generator=generator, dtype=torch.float64).to(dtype).requires_grad_()
        for size in ((*shape, mask.n_units), (shape[1], mask.n_units), (mask.nnz,))
    ]
    kernel, edges = kernels.choose(backend, mask), kernels.Edges.of(mask)
    states = kernel.run(leaves[0], leaves[1], leaves[2] * 0.1, edges, kernels.nonlinearity(f))
    weights = torch.linspace(-1, 2, states.numel(), dtype=dtype).view_as(states)
    return [states.detach(), *torch.autograd.grad((states * weights).sum(), leaves)]


@given(
    lanes=st.integers(1, 70),
    n_units=st.integers(1, 60),
    f=st.sampled_from(sorted(kernels.NONLINEARITIES)),
    seed=st.integers(0, 2**31),
)
def test_batches_of_any_width_agree_with_the_reference(
    lanes: int, n_units: int, f: str, seed: int
) -> None:
    mask = random_mask(np.random.default_rng(seed), n_units)
    for steps in (1, 9, 17):  # around the steps that the weight gradient takes at once
        fast = gradients("sparse_cpu", mask, (steps, lanes), torch.float64, f)
        exact = gradients("reference", mask, (steps, lanes), torch.float64, f)
        for a, b in zip(fast, exact, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-11)


def test_single_precision_agrees_with_double() -> None:
    mask = masks.locality((12, 11), 3)
    fast = gradients("sparse_cpu", mask, (30, 21), torch.float32)
    exact = gradients("reference", mask, (30, 21), torch.float64)
    for a, b in zip(fast, exact, strict=True):
        assert a.dtype == torch.float32
        scale = float(b.abs().max())
        torch.testing.assert_close(a.double() / scale, b / scale, rtol=1e-4, atol=2e-6)


def test_units_without_synapses_are_served() -> None:
    # Unit 0 has no input, unit 1 no output, unit 2 neither.
    mask = srnn.Mask.from_edges(4, targets=[1, 1, 3, 3], sources=[0, 3, 0, 3])
    empty = srnn.Mask.from_edges(3, targets=[], sources=[])
    for some in (mask, empty):
        fast = gradients("sparse_cpu", some, (5, 3), torch.float64)
        exact = gradients("reference", some, (5, 3), torch.float64)
        for a, b in zip(fast, exact, strict=True):
            torch.testing.assert_close(a, b)


def test_blocks_of_sources_agree_with_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "BLOCK", 16)
    monkeypatch.setattr(plan, "LEAST_IN_BLOCK", 2)
    rng = np.random.default_rng(0)
    sources = np.concatenate([rng.choice(70, 10, replace=False) for _ in range(70)])
    mask = srnn.Mask.from_edges(70, np.repeat(np.arange(70), 10), sources)
    rows = plan.Layout.of(mask, 8).rows
    assert not rows.grouped
    assert rows.pointers.size == 5 * 72 + 1
    fast = gradients("sparse_cpu", mask, (9, 21), torch.float64)
    exact = gradients("reference", mask, (9, 21), torch.float64)
    for a, b in zip(fast, exact, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize(
    ("mask", "fill"),
    [
        (masks.locality((50, 50), 6), 0.807),
        (masks.locality((20, 20), 3), 0.659),
        (masks.locality((21, 17), 3), 0.612),
    ],
)
def test_units_of_a_sheet_lie_in_squares(mask: srnn.Mask, fill: float) -> None:
    layout = plan.Layout.of(mask, 32)
    assert mask.nnz / layout.rows.n_values == pytest.approx(fill, abs=1e-3)
    assert mask.nnz / layout.columns.n_values == pytest.approx(fill, abs=1e-3)
    assert sorted(layout.order) == list(range(mask.n_units))
    assert (layout.order[layout.places] == np.arange(mask.n_units)).all()


@pytest.mark.parametrize("mask", [masks.autapse(50), masks.dense(40)])
def test_units_keep_their_order_where_no_other_is_better(mask: srnn.Mask) -> None:
    layout = plan.Layout.of(mask, 8)
    assert (layout.order == np.arange(mask.n_units)).all()


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("pool", [False, True])
def test_threads_share_out_all_items_and_hand_on_what_fails(
    pool: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(3)
    if pool:
        monkeypatch.setattr(cpu_threads, "_team", lambda: None)
    for n_items in (0, 1, 2, 20):
        done: list[int] = []
        cpu_threads.in_threads(done.append, n_items)
        assert sorted(done) == list(range(n_items))
    meeting = threading.Barrier(3)  # Nobody leaves before three threads are there.

    def meet(_: int) -> None:
        meeting.wait(60)

    cpu_threads.in_threads(meet, 3)

    def fail(item: int) -> None:
        if item == 7:
            raise KeyError(item)

    with pytest.raises(KeyError, match="7"):
        cpu_threads.in_threads(fail, 20)


@pytest.mark.usefixtures("threads")
def test_the_number_of_threads_changes_no_bit() -> None:
    mask = masks.locality((15, 15), 2)
    torch.set_num_threads(1)
    width = plan.tile_width(64, 1)
    alone = gradients("sparse_cpu", mask, (11, 64), torch.float32)
    for n_threads in (2, 3, 5):
        torch.set_num_threads(n_threads)
        together = gradients("sparse_cpu", mask, (11, 64), torch.float32)
        for a, b in zip(alone, together, strict=True):
            if plan.tile_width(64, n_threads) == width:
                assert torch.equal(a, b)
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


@pytest.mark.usefixtures("threads")
def test_the_number_of_threads_changes_no_bit_of_a_layer_and_its_input() -> None:
    layer = srnn.MaskedRNN(40, masks.locality((15, 15), 2), backend="sparse_cpu")
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn((40, 64, 40), generator=generator)
    rules = torch.randint(35, (2, 64), generator=generator).repeat_interleave(20, 0)
    inputs[:, :, 5:] = torch.nn.functional.one_hot(rules, 35).float()
    found: list[tuple[torch.Tensor, ...]] = []
    for n_threads in (1, 2, 3, 5):
        torch.set_num_threads(n_threads)
        states, _ = layer(inputs)
        (states * torch.linspace(-1, 2, states.numel()).view_as(states)).sum().backward()
        grads = [p.grad for p in layer.parameters()]
        layer.zero_grad()
        assert torch.equal(states, found[0][0] if found else states)  # Whatever the width.
        if plan.tile_width(64, n_threads) == plan.tile_width(64, 1):
            found.append((states, *grads))
    assert len(found) == 3
    for others in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], others, strict=True))


def test_inputs_of_another_type_are_refused() -> None:
    layer = srnn.MaskedRNN(5, masks.locality((6, 6), 1), backend="sparse_cpu")
    with pytest.raises(InvalidArgument, match="inputs must be of type torch.float32"):
        layer(torch.zeros(3, 2, 5, dtype=torch.float64))


def test_lanes_do_not_know_their_neighbours() -> None:
    mask = masks.locality((10, 10), 2)
    generator = torch.Generator().manual_seed(0)
    projected = torch.randn(9, 32, 100, generator=generator)
    weight = torch.randn(mask.nnz, generator=generator) * 0.1
    edges, relu = kernels.Edges.of(mask), kernels.nonlinearity("relu")
    whole = sparse_cpu.KERNEL.run(projected, torch.zeros(32, 100), weight, edges, relu)
    projected[:, 5:] = torch.nan
    broken = sparse_cpu.KERNEL.run(projected, torch.zeros(32, 100), weight, edges, relu)
    assert torch.equal(broken[:, :5], whole[:, :5])
    assert broken[:, 5:].isnan().all()


@pytest.mark.parametrize("f", sorted(kernels.NONLINEARITIES))
@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_broken_numbers_are_handed_on(f: str, bad: float) -> None:
    mask = masks.locality((6, 6), 1)
    net = srnn.Network(3, 2, mask, f, "sparse_cpu")
    inputs = torch.zeros(4, 2, 3)
    with torch.no_grad():
        net.rnn.weight_hh[7] = bad
    logits, _ = net(inputs + 1)
    logits.sum().backward()
    twin = srnn.Network(3, 2, mask, f, "reference")
    twin.load_state_dict(net.state_dict())
    expected, _ = twin(inputs + 1)
    assert torch.equal(logits.isfinite(), expected.isfinite())
    assert not expected.isfinite().all()


def test_memory_grows_with_the_synapses() -> None:
    mask = masks.locality((120, 120), 2)  # a dense matrix of it has 829 MB
    net = srnn.Network(5, 3, mask, backend="sparse_cpu")
    inputs = torch.zeros(6, 8, 5)
    net(inputs)  # compiles
    tracemalloc.start()
    net(inputs)[0].sum().backward()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    states = 4 * 6 * 8 * mask.n_units
    assert peak < 6 * states + 40 * mask.nnz


@pytest.mark.parametrize(
    ("frozen", "maker", "names"),
    [
        ("recurrent", (passes.Passes, "recurrent"), ["rnn.weight_hh"]),
        ("input", (drive.TiledDrive, "multiplied"), ["rnn.weight_ih"]),
        ("input and bias", (drive.TiledDrive, "held"), ["rnn.weight_ih", "rnn.bias"]),
        ("readout", (readout.TiledReadout, "matrix"), ["readout.weight"]),
    ],
)
def test_what_is_frozen_costs_no_weight_gradient(
    frozen: str, maker: tuple[type, str], names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    del frozen
    net = srnn.Network(3, 2, masks.locality((6, 6), 1), backend="sparse_cpu")
    for name in names:
        net.get_parameter(name).requires_grad_(False)
    monkeypatch.setattr(*maker, None)
    net(torch.ones(4, 2, 3), every_state=False)[0].sum().backward()
    with_gradient = {name for name, p in net.named_parameters() if p.grad is not None}
    assert with_gradient == {name for name, _ in net.named_parameters()} - set(names)


def test_tiles_are_freed_with_the_graph() -> None:
    net = srnn.Network(5, 3, masks.locality((50, 50), 1), backend="sparse_cpu")
    inputs = torch.zeros(20, 8, 5)
    net(inputs, every_state=False)[0].sum().backward()  # compiles
    tracemalloc.start()
    logits, _ = net(inputs, every_state=False)
    states = 4 * 20 * 8 * 2500
    assert tracemalloc.get_traced_memory()[0] > states
    logits.sum().backward(retain_graph=True)
    assert tracemalloc.get_traced_memory()[0] > states
    logits.sum().backward()
    assert tracemalloc.get_traced_memory()[0] < states / 2
    tracemalloc.stop()
    with pytest.raises(RuntimeError, match="a second time"):
        logits.sum().backward()


def test_memory_of_large_tiles_serves_again_once_nobody_refers_to_it() -> None:
    def address(array: np.ndarray) -> int:
        return array.__array_interface__["data"][0]

    shape = (2, 3, room.LEAST // 8)
    first = room.empty(shape, np.float32)
    first[:] = 1
    here = address(first)
    part = torch.from_numpy(first[1, 2, 5:7]).view(2, 1)  # A view of a view, in torch.
    del first
    other = room.empty(shape, np.float32)
    other[:] = 2
    assert address(other) != here
    assert part.tolist() == [[1], [1]]
    del part
    again = room.empty(shape, np.float64)  # Of another size.
    assert address(again) != here
    assert address(room.empty(shape, np.float32)) == here


@pytest.mark.parametrize("shape", [(1, 1, 8), (2, 7, 40), (2, 3, room.LEAST // 8), (2, 0, 32)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tiles_begin_where_a_cache_line_does(shape: tuple[int, ...], dtype: type) -> None:
    for _ in range(3):
        array = room.empty(shape, dtype)
        assert array.__array_interface__["data"][0] % 64 == 0 or not array.size
        assert array.shape == shape
        assert array.flags.c_contiguous
        assert array.flags.writeable


def test_large_tiles_agree_with_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LEAST", 1)
    for shape in ((5, 21), (5, 3), (5, 21)):
        mask = masks.locality((5, 5), 1)  # Its units do not fill all groups.
        for memory in room._FREE:
            memory[:] = 255  # NaN, whatever the type.
        fast = gradients("sparse_cpu", mask, shape, torch.float64)
        exact = gradients("reference", mask, shape, torch.float64)
        for a, b in zip(fast, exact, strict=True):
            torch.testing.assert_close(a, b)
    assert room._FREE
    room._FREE.clear()


@pytest.mark.parametrize(
    ("n_lanes", "n_threads", "width"), [(64, 2, 32), (20, 2, 16), (1, 1, 8), (8, 4, 8), (20, 1, 32)]
)
def test_tiles_suit_the_batch_and_the_threads(n_lanes: int, n_threads: int, width: int) -> None:
    assert plan.tile_width(n_lanes, n_threads) == width


def test_without_numba_the_dense_kernel_steps_in_with_one_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sparse_cpu, "find_spec", lambda name: None)  # noqa: ARG005 - as importlib has it
    kernels._warn_once.cache_clear()
    mask = masks.locality((30, 30), 2)
    with pytest.warns(UserWarning, match="numba is not installed"):
        assert kernels.choose("auto", mask).name == "dense"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert kernels.choose("auto", mask).name == "dense"
    kernels._warn_once.cache_clear()
    with pytest.raises(srnn.SparseRnnError, match="numba is not installed"):
        kernels.choose("sparse_cpu", mask)


def test_auto_says_why() -> None:
    assert kernels.reason(masks.autapse(9)) == "sparse_cpu: every unit has itself alone"
    assert kernels.reason(masks.locality((50, 50), 6)).startswith("sparse_cpu: 4.52 % of the")
    assert kernels.reason(masks.dense(50)).startswith("dense: 100 %")
    with pytest.raises(srnn.SparseRnnError, match="runs on the CPU, not on cuda"):
        kernels.choose("sparse_cpu", masks.dense(4), "cuda")


@pytest.mark.slow
def test_whole_trainings_agree_between_backends() -> None:
    curves = []
    for backend in ("sparse_cpu", "dense"):
        config = srnn.TrainConfig(
            arch="locality", size=(14, 14), radius=2, steps=50, eval_every=50, backend=backend
        )
        curves.append(srnn.train(config).history["loss"])
    np.testing.assert_allclose(curves[0], curves[1], rtol=2e-3)
