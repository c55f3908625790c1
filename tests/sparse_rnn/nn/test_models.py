"""The masked layer and network: what they compute, what their parameters are, how they train."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

import sparse_rnn as srnn
from sparse_rnn.data import task_stream
from tests.sparse_rnn.helpers import random_mask, same_bits, weights_of

LOCAL = srnn.masks.locality((4, 4), radius=1)

# The published weight counts: suite, mask, recurrent weights, all weights.
PAPER = [
    ("mod-cog-84", srnn.masks.locality, ((50, 50), 6), 282_500, 617_500),
    ("mod-cog-84", srnn.masks.locality, ((50, 50), 10), 792_500, 1_127_500),
    ("mod-cog-84", srnn.masks.dense, (676,), 456_976, 547_560),
    ("mod-cog-84", srnn.masks.dense, (2500,), 6_250_000, 6_585_000),
    ("cog-20", srnn.masks.locality, ((25, 25), 2), 8_125, 51_875),
    ("cog-20", srnn.masks.locality, ((25, 25), 4), 30_625, 74_375),
    ("cog-20", srnn.masks.autapse, (625,), 625, 44_375),
    ("cog-20", srnn.masks.dense, (196,), 38_416, 52_136),
    ("cog-20", srnn.masks.dense, (256,), 65_536, 83_456),
]


@pytest.mark.parametrize(("suite", "family", "arguments", "recurrent", "total"), PAPER)
def test_weights_are_as_many_as_in_the_paper(
    suite: str, family: object, arguments: tuple[object, ...], recurrent: int, total: int
) -> None:
    stream = task_stream(suite, batch_size=1, seq_len="auto", seed=0)
    mask = family(*arguments)
    net = srnn.Network(stream.input_size, stream.output_size, mask)
    counts = net.weight_counts()
    assert counts["recurrent"] == mask.nnz == recurrent
    assert counts["total"] == total
    biases = [p.numel() for name, p in net.named_parameters() if "bias" in name]
    assert sum(p.numel() for p in net.parameters()) == total + sum(biases)
    assert biases == [mask.n_units, stream.output_size]


@pytest.mark.parametrize("mask", [LOCAL, srnn.masks.autapse(16), srnn.masks.dense(16)])
def test_absent_synapses_are_neither_parameters_nor_optimiser_state(mask: srnn.Mask) -> None:
    net = srnn.Network(5, 3, mask)
    optimiser = torch.optim.Adam(net.parameters())
    net(torch.ones(4, 2, 5))[0].sum().backward()
    optimiser.step()
    kept = mask.nnz + 16 * 5 + 16 + 3 * 16 + 3
    assert sum(p.numel() for p in net.parameters()) == kept
    assert sum(tensor.numel() for tensor in weights_of(net).values()) == kept
    moments = [
        state[name] for state in optimiser.state.values() for name in ("exp_avg", "exp_avg_sq")
    ]
    assert sum(moment.numel() for moment in moments) == 2 * kept


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("nonlinearity", ["relu", "tanh"])
def test_outputs_are_those_of_torch(nonlinearity: str, batch_first: bool) -> None:
    layer = srnn.MaskedRNN(
        5, LOCAL, nonlinearity, batch_first=batch_first, dtype=torch.float64, seed=3
    )
    theirs = nn.RNN(5, 16, nonlinearity=nonlinearity, batch_first=batch_first, dtype=torch.float64)
    theirs.load_state_dict(srnn.to_torch_rnn_state(layer))
    generator = torch.Generator().manual_seed(0)
    shape = (3, 7, 5) if batch_first else (7, 3, 5)
    inputs = torch.randn(shape, generator=generator, dtype=torch.float64)
    h0 = torch.randn((1, 3, 16), generator=generator, dtype=torch.float64)
    for arguments in ((inputs,), (inputs, h0)):
        for own, other in zip(layer(*arguments), theirs(*arguments), strict=True):
            torch.testing.assert_close(own, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("clip", [0.05, 10.0], ids=["clipped", "unclipped"])
@pytest.mark.parametrize(
    "mask", [LOCAL, srnn.masks.autapse(16), random_mask(np.random.default_rng(0), 16)]
)
def test_training_is_that_of_the_paper_which_masks_after_each_step(
    mask: srnn.Mask, clip: float
) -> None:
    """Adam on the edges alone = Adam on a dense matrix and ``W <- G * W`` after each step."""
    generator = torch.Generator().manual_seed(1)
    steps = [
        (
            torch.randn((6, 3, 5), generator=generator, dtype=torch.float64),
            torch.randint(4, (6, 3), generator=generator),
        )
        for _ in range(8)
    ]
    net = srnn.Network(5, 4, mask, dtype=torch.float64, seed=2)
    start = srnn.to_torch_rnn_state(net.rnn)

    rnn = nn.RNN(5, 16, nonlinearity="relu", dtype=torch.float64)
    rnn.load_state_dict(start)
    rnn.bias_hh_l0.requires_grad_(requires_grad=False)  # torch has two biases, this layer has one
    readout = copy.deepcopy(net.readout)
    gate = torch.from_numpy(mask.to_dense())
    params = [p for p in (*rnn.parameters(), *readout.parameters()) if p.requires_grad]

    own_optimiser = torch.optim.Adam(net.parameters(), lr=0.02)
    dense_optimiser = torch.optim.Adam(params, lr=0.02)
    norms: list[float] = []
    for inputs, targets in steps:
        own_optimiser.zero_grad()
        nn.functional.cross_entropy(net(inputs)[0].flatten(0, 1), targets.flatten()).backward()
        norms.append(float(nn.utils.clip_grad_norm_(net.parameters(), clip)))
        own_optimiser.step()

        dense_optimiser.zero_grad()
        logits = readout(rnn(inputs)[0])
        nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten()).backward()
        existing = [p.grad * gate if p is rnn.weight_hh_l0 else p.grad for p in params]
        norm = torch.stack([grad.square().sum() for grad in existing]).sum().sqrt()
        for p in params:
            p.grad *= min(1.0, clip / (norm.item() + 1e-6))
        dense_optimiser.step()
        with torch.no_grad():
            rnn.weight_hh_l0 *= gate
        assert norms[-1] == pytest.approx(norm.item(), rel=1e-9)

    clipped = clip == 0.05
    assert all((norm > clip) == clipped for norm in norms)
    trained = srnn.to_torch_rnn_state(net.rnn)
    for name, tensor in rnn.state_dict().items():
        torch.testing.assert_close(trained[name], tensor, rtol=0, atol=1e-10)
        moved = not torch.equal(tensor, start[name])
        assert moved or name == "bias_hh_l0"
    torch.testing.assert_close(net.readout.weight, readout.weight, rtol=0, atol=1e-10)


def test_a_seed_is_a_network_and_torch_is_left_alone() -> None:
    before = torch.random.get_rng_state()
    state = weights_of(srnn.Network(5, 3, LOCAL, seed=4))
    assert same_bits(state, weights_of(srnn.Network(5, 3, LOCAL, seed=4)))
    other = weights_of(srnn.Network(5, 3, LOCAL, seed=5))
    assert not any(torch.equal(state[name], other[name]) for name in state)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_networks_that_differ_in_the_mask_alone_start_with_the_same_other_weights() -> None:
    one = weights_of(srnn.Network(5, 3, LOCAL))
    other = weights_of(srnn.Network(5, 3, srnn.masks.dense(16)))
    assert one["rnn.weight_hh"].shape != other["rnn.weight_hh"].shape
    for name in set(one) - {"rnn.weight_hh"}:
        assert torch.equal(one[name], other[name])


def test_input_and_readout_weights_start_within_the_range_of_torch() -> None:
    net = srnn.Network(50, 17, srnn.masks.autapse(100))
    for parameter in (net.rnn.weight_ih, net.rnn.bias, net.readout.weight, net.readout.bias):
        assert parameter is not None
        assert 0.08 < float(parameter.detach().abs().max()) <= 0.1


def test_logits_read_the_states_out() -> None:
    net = srnn.Network(5, 3, LOCAL, dtype=torch.float64)
    inputs = torch.randn((6, 2, 5), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    logits, hidden = net(inputs)
    assert logits.shape == (6, 2, 3)
    assert hidden.shape == (6, 2, 16)
    torch.testing.assert_close(logits, hidden @ net.readout.weight.T + net.readout.bias)
    first, _ = net(inputs[:2])
    rest, _ = net(inputs[2:], hidden[1:2])
    torch.testing.assert_close(torch.cat([first, rest]), logits)


def test_a_layer_without_bias_maps_nothing_to_nothing() -> None:
    layer = srnn.MaskedRNN(5, LOCAL, bias=False)
    assert "bias" not in dict(layer.named_parameters())
    assert not layer(torch.zeros(3, 2, 5))[0].any()
    assert srnn.MaskedRNN(5, LOCAL)(torch.zeros(3, 2, 5))[0].any()


@pytest.mark.parametrize("backend", ["reference", "dense"])
def test_backends_are_taken_by_name(backend: str) -> None:
    layer = srnn.MaskedRNN(5, srnn.masks.autapse(4), backend=backend)
    assert layer.backend == backend
    assert srnn.MaskedRNN(5, srnn.masks.autapse(4)).backend == "sparse_cpu"
    assert f"backend='{backend}'" in repr(layer)


def test_networks_can_be_copied() -> None:
    net = srnn.Network(5, 3, LOCAL)
    twin = copy.deepcopy(net)
    assert same_bits(net.state_dict(), twin.state_dict())
    with torch.no_grad():
        twin.rnn.weight_hh.zero_()
    assert net.rnn.weight_hh.any()


@pytest.mark.parametrize(
    ("shape", "state", "message"),
    [
        ((6, 4), None, r"inputs must be of shape \[time, batch, 5\] or \[time, 5\] with"),
        ((6, 2, 4), None, r"inputs must be of shape \[time, batch, 5\]"),
        ((0, 2, 5), None, "with at least one step"),
        ((6, 2, 5), (2, 16), r"h0 must be of shape \[1, 2, 16\]; got \[2, 16\]"),
        ((6, 2, 5), (1, 3, 16), r"h0 must be of shape \[1, 2, 16\]"),
    ],
)
def test_wrong_shapes_are_refused(
    shape: tuple[int, ...], state: tuple[int, ...] | None, message: str
) -> None:
    net = srnn.Network(5, 3, LOCAL)
    with pytest.raises(srnn.SparseRnnError, match=message):
        net(torch.zeros(shape), None if state is None else torch.zeros(state))


@pytest.mark.parametrize(
    ("sizes", "message"),
    [((0, 3), "input_size must be"), ((5, 0), "output_size must be"), ((2.5, 3), "got 2.5")],
)
def test_wrong_sizes_are_refused(sizes: tuple[int, int], message: str) -> None:
    with pytest.raises(srnn.SparseRnnError, match=message):
        srnn.Network(*sizes, LOCAL)
