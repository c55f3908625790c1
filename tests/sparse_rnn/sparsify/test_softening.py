"""Runs whose sparsifier softens weights: against dense matrices, killed, continued, and refused."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import sparse_rnn as srnn
from sparse_rnn.errors import InvalidArgument, NotApplicable, UnknownKeyword
from sparse_rnn.nn.soft import HardConcrete
from sparse_rnn.training.run import build, streams
from tests.sparse_rnn.helpers import masked_cross_entropy, same_outcome, small_config
from tests.sparse_rnn.killed_runs import OFTEN, left_at

SOFT: dict[str, dict[str, Any]] = {
    "str": {"sparsifier": "str", "sparsifier_options": {"start": -2.0}, "l2": 1e-2, "lr": 1e-2},
    "l0": {
        "sparsifier": "l0",
        "sparsifier_options": {"penalty": 1e-3, "open_at_start": 0.085},
        "lr": 1e-2,
    },
}
"""Methods with options under which some synapses of small networks go in a few steps."""


def _config(kind: str, **changes: Any) -> srnn.TrainConfig:
    settings = {"arch": "dense", "size": 8, "radius": None, "steps": 5, **SOFT[kind], **changes}
    return small_config(**settings)


def _matrix(net: srnn.Network) -> Tensor:
    mask = net.rnn.mask
    matrix = torch.zeros(mask.shape)
    values = net.rnn.recurrent_weights().detach()
    matrix[torch.tensor(mask.targets()), torch.tensor(mask.indices).long()] = values
    return matrix


def _reference(kind: str, config: srnn.TrainConfig) -> Tensor:
    """W after a run in plain torch: a dense network, Adam over w and what softens it."""
    net = build(config)[2]
    n, rnn = 8, net.rnn
    w = rnn.weight_hh.detach().reshape(n, n).clone().requires_grad_()
    assert rnn.bias is not None
    others = [rnn.weight_ih, rnn.bias, net.readout.weight, net.readout.bias]
    w_in, bias, w_out, b_out = (p.detach().clone().requires_grad_() for p in others)
    if kind == "str":
        own = torch.tensor(-2.0, requires_grad=True)
    else:
        own = torch.full((n, n), math.log(0.085 / 0.915), requires_grad=True)
        draws = HardConcrete(torch.zeros(n * n), 0.085, 0.0, config.seed)

    def acts(*, training: bool) -> Tensor:
        if kind == "str":
            return torch.where(w.abs() > own.sigmoid(), w - w.sign() * own.sigmoid(), 0.0)
        noise = draws._noise().reshape(n, n) if training else 0.0
        z = torch.sigmoid((noise + own) * (1.5 if training else 1.0)) * 1.2 - 0.1
        return w * z.clamp(0, 1)

    decayed = [w, w_in, w_out, *([own] if kind == "str" else [])]
    optimiser = torch.optim.Adam([w, w_in, bias, w_out, b_out, own], config.lr)
    for batch in streams(config)[0].batches(0, config.steps):
        matrix, state, logits = acts(training=True), torch.zeros(batch.mask.shape[1], n), []
        for inputs in batch.inputs:
            state = torch.relu(inputs @ w_in.T + bias + state @ matrix.T)
            logits.append(state @ w_out.T + b_out)
        loss = masked_cross_entropy(torch.stack(logits), batch)
        loss = loss + config.l2 / 2 * sum(p.square().sum() for p in decayed)
        if kind == "l0":
            loss = loss + 1e-3 * torch.sigmoid(own - 2 / 3 * math.log(1 / 11)).sum()
            draws.advance()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return acts(training=False).detach()


@pytest.mark.parametrize("kind", SOFT)
def test_a_run_ends_with_the_matrix_of_a_dense_network_in_plain_torch(kind: str) -> None:
    config = _config(kind, clip=1e9)
    expected = _reference(kind, config)
    net = srnn.train(config).network
    assert 0 < net.rnn.mask.nnz < 64
    assert net.rnn.soft is None
    assert net.rnn.mask.family == kind
    assert (net.rnn.weight_hh != 0).all()
    torch.testing.assert_close(_matrix(net), expected, rtol=1e-3, atol=1e-5)
    there = torch.tensor(net.rnn.mask.to_dense())
    assert torch.equal(there, expected != 0)


@pytest.mark.parametrize("kind", SOFT)
@pytest.mark.parametrize("cell", [{}, {"cell": "gru"}, {"cell": "leaky", "recurrent_noise": 0.1}])
def test_a_killed_run_goes_on_with_the_same_bits(
    kind: str, cell: dict[str, Any], tmp_path: Path
) -> None:
    config = _config(kind, eval_every=2, **cell)
    run = srnn.train(config, tmp_path / "whole")
    for step in (3, 5):
        folder = left_at(tmp_path / str(step), step, config)
        srnn.train(config, folder, options=OFTEN)
        assert same_outcome(folder, tmp_path / "whole")
        name = "sparsity.csv"
        assert (folder / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    read = srnn.load_run(tmp_path / "whole")
    assert read.network.rnn.mask == run.network.rnn.mask
    held_out = streams(config)[1].final()
    again = srnn.evaluate(read.network, held_out, held_out.batches(0, config.final_batches))
    assert again.rows() == run.evaluation.rows()  # That of the network without the zeros.


@pytest.mark.parametrize("kind", SOFT)
def test_a_longer_run_goes_on_from_all_synapses(kind: str, tmp_path: Path) -> None:
    srnn.train(_config(kind, steps=3), tmp_path / "short")
    longer = _config(kind, steps=6)
    srnn.train(longer, tmp_path / "on", continue_from=tmp_path / "short")
    srnn.train(longer, tmp_path / "whole")
    assert same_outcome(tmp_path / "on", tmp_path / "whole")


@pytest.mark.parametrize("kind", SOFT)
def test_the_zeros_leave_a_run_that_a_callback_ends(kind: str) -> None:
    net = srnn.train(_config(kind), callbacks=[lambda moment: moment.record.step == 4]).network
    assert net.rnn.soft is None
    assert net.rnn.mask.nnz < 64
    short = srnn.train(_config(kind, steps=4)).network
    assert torch.equal(net.rnn.weight_hh, short.rnn.weight_hh)


@pytest.mark.parametrize("kind", SOFT)
def test_the_log_counts_synapses_that_are_not_0(kind: str, tmp_path: Path) -> None:
    run = srnn.train(_config(kind, eval_every=1), tmp_path / "run")
    with (tmp_path / "run" / "sparsity.csv").open(newline="") as file:
        counts = [int(row["synapses"]) for row in csv.DictReader(file)]
    assert len(counts) == 6
    assert counts[-1] == run.network.rnn.mask.nnz < 64


def test_weight_decay_acts_on_the_threshold_and_not_on_the_gates() -> None:
    found: dict[tuple[str, float], Tensor] = {}

    def look(moment: srnn.Moment) -> None:
        net: Any = moment.network
        found[kind, decay] = next(net.rnn.soft.parameters()).grad.clone()

    for kind in SOFT:
        for decay in (0.0, 0.5):
            srnn.train(_config(kind, steps=1, l2=decay, clip=1e9), callbacks=[look])
    torch.testing.assert_close(found["str", 0.5], found["str", 0.0] + 0.5 * -2.0)
    torch.testing.assert_close(found["l0", 0.5], found["l0", 0.0])


@pytest.mark.parametrize("kind", SOFT)
def test_what_softens_belongs_to_the_recurrent_weights(kind: str) -> None:
    rates: list[dict[str, float]] = []

    def look(moment: srnn.Moment) -> None:
        net: Any = moment.network
        parameters = dict(net.named_parameters())
        rates.append(moment.config.rates.factors(net))
        assert any(name.startswith("rnn.soft.") for name in parameters)

    changes: dict[str, Any] = {"rates": {"recurrent": 0.1}, "freeze": ("readout",), "steps": 1}
    srnn.train(_config(kind, **changes), callbacks=[look])
    own = {name: factor for name, factor in rates[0].items() if "soft" in name}
    assert set(own.values()) == {0.1}
    srnn.train(_config(kind, rates="in_degree", steps=1), callbacks=[look])
    assert rates[1]["rnn.weight_hh"] == rates[1][next(iter(own))]
    with pytest.raises(InvalidArgument, match="freeze"):
        srnn.train(_config(kind, freeze=("recurrent",)))


def test_a_run_without_a_synapse_left_says_so() -> None:
    options = {"penalty": 10.0, "open_at_start": 0.05}
    with pytest.raises(NotApplicable, match="no synapse is left"):
        srnn.train(_config("l0", sparsifier_options=options, steps=1))


def test_what_is_none_of_their_options_is_refused() -> None:
    with pytest.raises(UnknownKeyword, match="density"):
        _config("str", sparsifier_options={"density": 0.1})
    for kind, options in (
        ("str", {"start": 1.0}),
        ("l0", {"penalty": -1.0}),
        ("l0", {"open_at_start": 1.0}),
    ):
        with pytest.raises(InvalidArgument, match=next(iter(options))):
            _config(kind, sparsifier_options=options)
