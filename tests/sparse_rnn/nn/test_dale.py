"""Dale's law: signs of columns, their start in balance, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import sparse_rnn as srnn
from sparse_rnn import kernels
from sparse_rnn.nn import init as inits
from tests.sparse_rnn.layers_made import AUTAPSE, drawn, layer_of


@pytest.mark.parametrize("backend", ["dense", "sparse_cpu"])
@pytest.mark.parametrize("name", ["vanilla", "leaky"])
def test_signs_of_columns_hold_while_the_weights_train(name: str, backend: str) -> None:
    mask = srnn.masks.locality((5, 5), radius=2)
    net = srnn.Network(5, 3, mask, cell=name, inhibitory=0.2, backend=backend)
    signs = net.rnn.unit_signs
    assert signs is not None
    assert (signs == -1).sum() == 5
    optimiser = torch.optim.SGD(net.parameters(), lr=1.0)
    started, crossed = net.rnn.weight_hh.detach().clone(), False
    for step in range(5):
        optimiser.zero_grad()
        net(drawn(4, 2, 5, seed=step).float())[0].square().sum().backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        crossed |= bool((net.rnn.weight_hh.sign() != started.sign()).any())
        matrix = kernels.Edges.of(mask).scatter(net.rnn.recurrent_weights().detach())
        assert ((matrix * signs)[torch.from_numpy(mask.to_dense())] > 0).all()
    assert crossed  # The parameters have left their sign; the weights that act have not.


@pytest.mark.parametrize("name", ["vanilla", "leaky"])
def test_gradients_under_dales_law(name: str) -> None:
    layer = layer_of(name, inhibitory=0.3, seed=2)
    inputs = drawn(3, 2, 5)

    def run(weight: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(layer, {"weight_hh": weight}, (inputs,))[0]

    assert torch.autograd.gradcheck(run, layer.weight_hh.detach().clone().requires_grad_())


def test_excitation_and_inhibition_balance_at_the_start_with_the_gain_of_the_init() -> None:
    for mask in (srnn.masks.locality((10, 10), radius=3), srnn.masks.dense(100)):
        free, dale = srnn.MaskedRNN(5, mask), srnn.MaskedRNN(5, mask, inhibitory=0.2)
        edges = kernels.Edges.of(mask)
        rows, plain = (edges.scatter(layer.recurrent_weights()) for layer in (dale, free))
        inhibited = (rows < 0).any(1)
        assert inhibited.sum() > 90
        torch.testing.assert_close(rows.sum(1)[inhibited], torch.zeros(int(inhibited.sum())))
        torch.testing.assert_close(rows.square().sum(1), plain.square().sum(1))
        # The other weights start as they do without the law.
        assert torch.equal(free.weight_ih, dale.weight_ih)


MASKS = {
    "local": srnn.masks.locality((6, 6), radius=1),
    "local, wide": srnn.masks.locality((6, 6), radius=3),
    "dense": srnn.masks.dense(36),
    "autapse": srnn.masks.autapse(36),
}


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5, 0.8])
@pytest.mark.parametrize("init", inits.INITS)
@pytest.mark.parametrize("mask", MASKS)
def test_initialisations_keep_their_promise_under_dales_law(
    mask: str, init: str, share: float
) -> None:
    pattern, gain = MASKS[mask], 0.9
    options: dict[str, Any] = {"init": init, "init_gain": gain, "dtype": torch.float64, "seed": 3}
    dale = srnn.MaskedRNN(5, pattern, inhibitory=share, **options)
    free = srnn.MaskedRNN(5, pattern, **options)
    assert dale.unit_signs is not None
    assert int((dale.unit_signs < 0).sum()) == round(share * 36)
    edges = kernels.Edges.of(pattern)
    matrix, plain = (edges.scatter(layer.recurrent_weights().detach()) for layer in (dale, free))
    assert (matrix * dale.unit_signs >= 0).all()
    if init == "spectral_radius":
        assert torch.linalg.eigvals(matrix).abs().max() == pytest.approx(gain, rel=1e-9)
    else:  # The gain of each unit.
        torch.testing.assert_close(matrix.square().sum(1), plain.square().sum(1))
    # No synapse is dead: each one moves as soon as its gradient is not 0.
    slopes = drawn(pattern.nnz, seed=5)
    (dale.recurrent_weights() * slopes).sum().backward()
    assert dale.weight_hh.grad is not None
    torch.testing.assert_close(dale.weight_hh.grad.abs(), slopes.abs())


def test_synapses_that_start_at_zero_learn_under_dales_law() -> None:
    layer = srnn.MaskedRNN(5, MASKS["local"], "tanh", init="identity", inhibitory=0.25)
    absent = layer.weight_hh.detach() == 0
    assert absent.sum() == 4 * 36
    optimiser = torch.optim.SGD(layer.parameters(), lr=0.1)
    layer(drawn(6, 2, 5).float())[0].square().sum().backward()
    optimiser.step()
    assert (layer.weight_hh[absent] != 0).all()
    assert layer.unit_signs is not None
    sources = kernels.Edges.of(layer.mask).sources
    assert (layer.recurrent_weights() * layer.unit_signs[sources] >= 0).all()


@pytest.mark.parametrize(("n_units", "share"), [(16, 0.01), (16, 0.99), (1, 0.5), (4, 0.1)])
def test_shares_that_make_no_unit_inhibitory_or_all_of_them_are_refused(
    n_units: int, share: float
) -> None:
    message = f"inhibitory must be a share that makes at least 1 of {n_units} units inhibitory"
    with pytest.raises(srnn.SparseRnnError, match=message):
        srnn.MaskedRNN(5, srnn.masks.dense(n_units), inhibitory=share)


def test_a_unit_with_one_kind_of_source_keeps_its_weights() -> None:
    layer = srnn.MaskedRNN(5, AUTAPSE, inhibitory=0.5, init="identity")
    assert torch.equal(layer.weight_hh, torch.ones(6))
    assert sorted(layer.recurrent_weights().tolist()) == [-1] * 3 + [1] * 3
