"""Elastic weight consolidation, against the same in plain float64 on a dense matrix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import sparse_rnn as srnn
from sparse_rnn.errors import InvalidArgument, UnknownKeyword, UnknownName
from sparse_rnn.sweep import columns
from sparse_rnn.sweep.naming import identity
from sparse_rnn.training import consolidation
from sparse_rnn.training.group import Group
from sparse_rnn.training.run import build
from tests.sparse_rnn.dense_network import Dense, close
from tests.sparse_rnn.helpers import same_bits, same_outcome, small_config, weights_of
from tests.sparse_rnn.killed_runs import left_at

STAGES = (("Go", 3), ("DlyGo", 3), (("Go", "DlyGo"), 3))


def kept(**changes: Any) -> srnn.TrainConfig:
    given = {
        "stages": STAGES,
        "steps": None,
        "eval_batches": 4,
        "continual": "ewc",
        "continual_options": {"strength": 30.0, "batches": 2},
        **changes,
    }
    return small_config(**given)


def dense_fisher(net: Dense, batches: Any, answers: Any) -> dict[str, torch.Tensor]:
    sums = {name: torch.zeros_like(value) for name, value in net.weights.items()}
    scored = 0.0
    for batch in batches:
        for lane in range(batch.mask.shape[1]):
            log_p = net.log_p(batch.inputs[:, lane])
            chosen = answers(log_p.detach(), batch.targets[:, lane])
            mask = batch.mask[:, lane].double()
            gradient = net.grad((log_p[range(len(chosen)), chosen] * mask).sum())
            sums = {name: sums[name] + gradient[name] ** 2 for name in sums}
            scored += float(mask.sum())
    return {name: value / scored for name, value in sums.items()}


def test_the_fisher_information_is_that_of_the_dense_network() -> None:
    training, _, network = build(kept())
    batches = list(training.batches(0, 2))
    parameters = dict(network.named_parameters())
    found = consolidation.fisher(
        network, parameters, batches, consolidation.answers_of(9, 0, 0), Group()
    )
    rng = consolidation.answers_of(9, 0, 0)

    def drawn(log_p: torch.Tensor, _: Any) -> torch.Tensor:
        return torch.multinomial(log_p.exp(), 1, generator=rng)[:, 0]

    assert close(found, dense_fisher(Dense(network), batches, drawn), 1e-4)


def test_answers_are_those_of_the_network() -> None:
    """The mean over many draws is the sum over all answers by their probabilities."""
    training, _, network = build(kept(seq_len=30, batch_size=1))
    batch = training.batch(0)
    parameters = {"readout.bias": network.readout.bias}
    n = 400
    found = consolidation.fisher(
        network, parameters, [batch] * n, consolidation.answers_of(0, 0, 0), Group()
    )["readout.bias"]
    with torch.no_grad():
        p = network(batch.inputs)[0][:, 0].double().softmax(-1)
    mask = batch.mask[:, 0].double()
    # d log p(y) / d bias = onehot(y) - p, whose variance is p (1 - p).
    exact = (mask[:, None] ** 2 * p * (1 - p)).sum(0) / mask.sum()
    assert float((found.double() / exact - 1).abs().mean()) < 4 * (2 / n) ** 0.5


@pytest.mark.parametrize("mode", ["plain", "together"])
def test_a_run_is_the_one_of_the_dense_float64_reference(mode: str) -> None:
    """Three stages of plain gradient descent with the penalty of each stage that has ended."""
    lr, strength = 0.05, 30.0
    config = kept(optimiser="sgd", lr=lr, clip=1e9, init="fan_in")
    training, _, network = build(config)
    net = Dense(network)
    penalties: list[tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]] = []
    for step, batch in enumerate(training.batches(0, 9)):
        cost = net.cost(batch)
        for fisher, anchor in penalties:
            for name, value in net.weights.items():
                cost = cost + strength / 2 * (fisher[name] * (value - anchor[name]) ** 2).sum()
        gradient = net.grad(cost)
        with torch.no_grad():
            for name, value in net.weights.items():
                value -= lr * gradient[name]
        if step in (2, 5):
            rng = consolidation.answers_of(config.seed, step // 3, 0)

            def drawn(log_p: torch.Tensor, _: Any, rng: Any = rng) -> torch.Tensor:
                return torch.multinomial(log_p.exp(), 1, generator=rng)[:, 0]

            fisher = dense_fisher(net, training.batches(step - 1, step + 1), drawn)
            penalties.append((fisher, {k: v.detach().clone() for k, v in net.weights.items()}))
    if mode == "plain":
        run = srnn.train(config)
    else:
        run = srnn.train_ensemble(config, seeds=[8, config.seed])[1]
    found = dict(run.network.named_parameters())
    assert close(found, net.weights, 2e-5)
    plain = srnn.train(kept(optimiser="sgd", lr=lr, clip=1e9, continual=None, continual_options={}))
    assert not close(dict(plain.network.named_parameters()), net.weights, 1e-3)


@pytest.mark.parametrize("step", [2, 3, 4, 7])
def test_a_killed_run_goes_on_with_the_same_bits(step: int, tmp_path: Path) -> None:
    srnn.train(kept(), tmp_path / "whole")
    left_at(tmp_path / "run", step, kept())
    srnn.train(kept(), tmp_path / "run")
    assert same_outcome(tmp_path / "run", tmp_path / "whole")


def test_a_strong_penalty_holds_what_matters() -> None:
    """Where a weight has information, it moves less than without the penalty."""
    moved: list[float] = []
    stages = {"stages": (("Go", 5), ("DlyGo", 20)), "eval_every": 5, "lr": 3e-3}
    hows: list[dict[str, Any]] = [
        {"continual_options": {"strength": 1e6}},
        {"continual": None},
    ]
    for how in hows:
        at: dict[str, torch.Tensor] = {}

        def note(moment: srnn.Moment, at: dict[str, torch.Tensor] = at) -> None:
            if moment.record.step == 5:
                network: Any = moment.network
                at["bias"] = network.readout.bias.detach().clone()

        run = srnn.train(kept(**{**stages, "continual_options": {}, **how}), callbacks=[note])
        moved.append(float((run.network.readout.bias.detach() - at["bias"]).abs().sum()))
    assert moved[0] < moved[1] / 2


def test_frozen_weights_have_no_part_in_it() -> None:
    config = kept(freeze=("input",))
    run = srnn.train(config)
    start = build(config)[2]
    assert torch.equal(run.network.rnn.weight_ih, start.rnn.weight_ih)


def test_settings_survive_json_and_are_identity() -> None:
    config = kept()
    assert type(config).from_json(config.to_json()) == config
    assert kept(continual_options="strength=30,batches=2") == config
    default = kept(continual_options={"strength": 1, "batches": 10})
    assert default.continual_options == {}
    assert identity(default) == identity(kept(continual_options={}))
    plain = kept(continual=None, continual_options={})
    assert len({identity(config), identity(default), identity(plain)}) == 3
    assert columns.settings(config)["continual_strength"] == 30.0


@pytest.mark.parametrize(
    ("settings", "error", "text"),
    [
        ({"continual": "ewk"}, UnknownName, "Did you mean 'ewc'"),
        ({"continual_options": {"strenght": 1}}, UnknownKeyword, "strength"),
        ({"continual_options": {"strength": 0}}, InvalidArgument, "above 0"),
        ({"continual_options": {"strength": True}}, InvalidArgument, "above 0"),
        ({"continual_options": {"batches": 0}}, InvalidArgument, "at least 1"),
        ({"continual_options": {"batches": 2.5}}, InvalidArgument, "batches"),
        ({"continual": None}, UnknownKeyword, "continual_options"),
        ({"stages": None, "steps": 4}, InvalidArgument, "left out without stages"),
        ({"objective": "squared_error", "targets": "ring"}, InvalidArgument, "a likelihood"),
    ],
)
def test_wrong_settings_are_refused(settings: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        kept(**settings)


def test_an_ended_first_stage_alone_changes_nothing_before() -> None:
    one = srnn.train(kept(stages=(("Go", 9),)))
    plain = srnn.train(kept(stages=(("Go", 9),), continual=None, continual_options={}))
    assert same_bits(weights_of(one.network), weights_of(plain.network))
