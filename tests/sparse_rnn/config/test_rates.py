"""Learning rates by group of weights."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from torch import nn

import sparse_rnn as srnn
from sparse_rnn.config.fit import FitConfig
from sparse_rnn.config.rates import Rates, groups_of
from sparse_rnn.errors import InvalidArgument, UnknownName
from sparse_rnn.training.optimiser import Optimiser
from tests.sparse_rnn.helpers import masked_cross_entropy, small_config

FACTORS = {"input": 0.5, "recurrent": 0.1, "readout": 2.0}
GROUP = {
    "rnn.weight_ih": "input",
    "rnn.bias": "input",
    "rnn.weight_hh": "recurrent",
    "readout.weight": "readout",
    "readout.bias": "readout",
}


def trained(steps: int = 5, **settings: Any) -> srnn.Run:
    return srnn.train(small_config(steps=steps, **settings))


def test_each_parameter_moves_at_the_rate_of_its_group_as_with_three_optimisers_of_torch() -> None:
    config = small_config(steps=4, rates=FACTORS, clip=1e9)
    run = srnn.train(config)
    training, _, network = srnn.training.run.build(config)
    parts = [
        torch.optim.Adam([p], lr=config.lr * FACTORS[GROUP[name]])
        for name, p in network.named_parameters()
    ]
    for batch in training.batches(0, 4):
        network.zero_grad()
        logits, _ = network(batch.inputs, every_state=False)
        masked_cross_entropy(logits, batch).backward()
        for part in parts:
            part.step()
    for name, value in network.named_parameters():
        assert torch.equal(value, run.network.get_parameter(name)), name


def test_without_factors_the_bits_are_those_of_one_group() -> None:
    plain, ones = trained(), trained(rates={"recurrent": 1.0})
    for a, b in zip(plain.network.parameters(), ones.network.parameters(), strict=True):
        assert torch.equal(a, b)
    network = srnn.Network(4, 3, srnn.masks.dense(5))
    assert len(Optimiser(network, FitConfig()).inner.param_groups) == 1


@pytest.mark.parametrize(
    ("mask", "factor"),
    [
        (srnn.masks.dense(64), 0.5),
        (srnn.masks.dense(16), 1.0),
        (srnn.masks.autapse(400), 1.0),
        (srnn.masks.locality((20, 20), radius=4), 32 / 49),
    ],
)
def test_in_degree_is_the_mean_number_of_synapses_onto_a_unit(
    mask: srnn.masks.Mask, factor: float
) -> None:
    factors = Rates(recurrent="in_degree").factors(srnn.Network(4, 3, mask))
    assert factors["rnn.weight_hh"] == pytest.approx(factor)
    assert {factors[name] for name in GROUP if name != "rnn.weight_hh"} == {1.0}


def test_in_degree_of_gated_cells_and_of_torch_s_own_layers() -> None:
    rates = Rates(recurrent="in_degree")
    gated = srnn.Network(4, 3, srnn.masks.dense(64), cell="gru")
    assert rates.factors(gated)["rnn.weight_hh"] == 0.5
    assert rates.factors(nn.GRU(4, 64))["weight_hh_l0"] == 0.5


def test_groups_of_any_module() -> None:
    module = nn.ModuleDict({"core": nn.RNN(2, 3), "head": nn.Linear(3, 1)})
    assert groups_of(module) == {
        "core.weight_ih_l0": "input",
        "core.weight_hh_l0": "recurrent",
        "core.bias_ih_l0": "input",
        "core.bias_hh_l0": "input",
        "head.weight": "readout",
        "head.bias": "readout",
    }


@pytest.mark.parametrize("rates", ["in_degree", {"recurrent": "in_degree"}, FACTORS])
def test_rates_survive_json_and_are_identity(rates: object) -> None:
    config, plain = small_config(rates=rates), small_config(rates={})
    assert type(config).from_json(config.to_json()) == config
    assert config != plain
    assert hash(config) != hash(plain)


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "sgd"])
@pytest.mark.parametrize("cell", ["vanilla", "leaky", "gru", "lstm"])
def test_by_default_rates_follow_the_in_degree_where_steps_do_not_follow_the_gradient(
    optimiser: str, cell: str
) -> None:
    fair = optimiser != "sgd" and cell in ("vanilla", "leaky")
    config = small_config(optimiser=optimiser, cell=cell)
    assert config.rates == (Rates(recurrent="in_degree") if fair else Rates())
    assert small_config(optimiser=optimiser, cell=cell, rates={}).rates == Rates()
    assert FitConfig(optimiser=optimiser).rates == Rates()
    assert config.lr == (1e-3 if optimiser == "sgd" else 2e-3)
    assert small_config(optimiser=optimiser, cell=cell, lr=1e-3).lr == 1e-3
    assert FitConfig(optimiser=optimiser).lr == 1e-3
    # What was left open and follows from others is no setting that was given.
    assert not {"lr", "rates", "nonlinearity"} & small_config(cell=cell).model_fields_set


@pytest.mark.parametrize(
    ("settings", "init"),
    [
        ({}, "permutation"),
        ({"cell": "leaky"}, "permutation"),
        ({"nonlinearity": "relu"}, "permutation"),
        ({"optimiser": "sgd"}, "permutation"),
        ({"cell": "gru"}, "fan_in"),
        ({"nonlinearity": "tanh"}, "fan_in"),
        ({"cell": "leaky", "nonlinearity": "softplus"}, "fan_in"),
        ({"recurrence": "frozen"}, "fan_in"),
        ({"inhibitory": 0.2}, "fan_in"),
        ({"sparsifier": "rigl"}, "fan_in"),
    ],
    ids=repr,
)
def test_by_default_units_that_can_hand_on_what_they_hold_start_so(
    settings: dict[str, Any], init: str
) -> None:
    config = small_config(**settings)
    assert config.init == init
    assert "init" not in config.model_fields_set
    other = "fan_in" if init == "permutation" else "he"
    assert small_config(**settings, init=other).init == other


def test_a_dense_network_moves_less_by_default() -> None:
    settings: dict[str, Any] = {"arch": "dense", "size": 64, "radius": None, "steps": 1}
    start = dict(srnn.training.run.build(small_config(**settings))[2].named_parameters())

    def moved(**rates: Any) -> dict[str, float]:
        net = srnn.train(small_config(**settings, **rates)).network
        return {
            name: float((value - start[name]).detach().abs().median())
            for name, value in net.named_parameters()
        }

    plain, fair = moved(rates={}), moved()
    ratios = {name: fair[name] / plain[name] for name in plain}
    assert ratios.pop("rnn.weight_hh") == pytest.approx(0.5, rel=0.01)
    assert set(ratios.values()) == {1.0}


def test_configurations_of_the_first_version_have_one_rate_for_all() -> None:
    told = json.loads(small_config(arch="dense", size=64, radius=None).to_json())
    del told["rates"]
    assert srnn.TrainConfig.from_json(json.dumps(told)).rates == Rates()
    assert FitConfig.from_json("{}").rates == Rates()
    with pytest.raises(InvalidArgument, match="JSON"):
        srnn.TrainConfig.from_json("[")


def test_a_rule_for_weights_that_nobody_trains_asks_for_nothing() -> None:
    run = trained(steps=1, recurrence="frozen")
    assert run.config.rates.recurrent == "in_degree"


@pytest.mark.parametrize(
    ("rates", "error", "text"),
    [
        ({"recurent": 0.1}, UnknownName, "Did you mean 'recurrent'?"),
        ({"recurrent": 0}, InvalidArgument, "recurrence='frozen'"),
        ({"recurrent": float("nan")}, InvalidArgument, "a finite number above 0"),
        ({"readout": "in_degree"}, InvalidArgument, "rates.readout must be a finite number"),
        ("indegree", InvalidArgument, 'rates must be "in_degree"'),
        (0.1, InvalidArgument, 'rates must be "in_degree"'),
    ],
)
def test_what_is_no_rate_is_refused(rates: object, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text.replace("?", r"\?")):
        small_config(rates=rates)


def test_a_group_that_the_network_lacks_is_refused() -> None:
    frozen = srnn.Network(4, 3, srnn.masks.dense(5), recurrence="frozen")
    with pytest.raises(InvalidArgument, match="left out where no recurrent weights are trained"):
        Optimiser(frozen, FitConfig(rates={"recurrent": 0.5}))
