"""Frozen weights: equal bits, and no gradient; new rules alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import sparse_rnn as srnn
from sparse_rnn.config.rates import groups_of
from sparse_rnn.errors import InvalidArgument, UnknownName
from sparse_rnn.training.run import build
from tests.sparse_rnn.helpers import masked_cross_entropy, same_bits, small_config, weights_of

GROUPS = {
    "rnn.weight_ih": "input",
    "rnn.bias": "input",
    "rnn.weight_hh": "recurrent",
    "readout.weight": "readout",
    "readout.bias": "readout",
}
DECAY: dict[str, Any] = {
    "optimiser": "adamw",
    "optimiser_options": {"weight_decay": 0.5},
    "l2": 0.1,
}


def moved(config: srnn.TrainConfig) -> set[str]:
    """Names of the parameters that training has changed."""
    before = dict(build(config)[2].named_parameters())
    after = srnn.train(config).network
    return {name for name, p in after.named_parameters() if not torch.equal(p, before[name])}


@pytest.mark.parametrize("freeze", [("input",), ("recurrent", "readout"), ("readout", "input")])
def test_what_is_frozen_keeps_its_bits_whatever_the_optimiser(freeze: tuple[str, ...]) -> None:
    expected = {name for name, group in GROUPS.items() if group not in freeze}
    assert moved(small_config(freeze=freeze, **DECAY)) == expected


def test_no_gradient_is_computed_and_the_flags_come_back() -> None:
    config = small_config(freeze=("recurrent",))
    training, held_out, network = build(config)
    seen: list[bool] = []
    network.rnn.register_forward_hook(
        lambda *_: seen.append(network.rnn.weight_hh.requires_grad) if network.training else None
    )
    for _ in srnn.Trainer(network, training, held_out, config).records():
        pass
    assert seen == [False] * config.steps
    assert network.rnn.weight_hh.grad is None
    assert network.rnn.weight_hh.requires_grad


def test_the_others_take_the_steps_of_a_loop_without_the_frozen_ones() -> None:
    config = small_config(freeze=("recurrent",), clip=1.0)
    training, _, network = build(config)
    free = [p for name, p in network.named_parameters() if GROUPS[name] != "recurrent"]
    network.rnn.weight_hh.requires_grad_(False)
    optimiser = torch.optim.Adam(free, lr=config.lr)
    for batch in training.batches(0, config.steps):
        network.zero_grad()
        masked_cross_entropy(network(batch.inputs)[0], batch).backward()
        nn.utils.clip_grad_norm_(free, 1.0)
        optimiser.step()
    for one, other in zip(
        srnn.train(config).network.parameters(), network.parameters(), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("settings", [{}, DECAY, {"optimiser": "sgd", "lr": 0.1}])
def test_new_rules_alone(settings: dict[str, Any]) -> None:
    config = small_config(suite=("Go", "DlyGo", "Anti"), new_rules=2, **settings)
    assert moved(config) == {"rnn.weight_ih"}
    before, after = build(config)[2].rnn.weight_ih, srnn.train(config).network.rnn.weight_ih
    assert torch.equal(before[:, :-2], after[:, :-2])
    assert not (before[:, -2:] == after[:, -2:]).all(0).any()


def test_ensembles_freeze_too() -> None:
    config = small_config(freeze=("readout",))
    for seed, run in enumerate(srnn.train_ensemble(config, seeds=2)):
        alone = srnn.train(config.model_copy(update={"seed": seed}))
        assert same_bits(weights_of(run.network), weights_of(alone.network))


@pytest.mark.parametrize(
    ("settings", "error", "text"),
    [
        ({"freeze": ("recurent",)}, UnknownName, "Did you mean 'recurrent'"),
        ({"freeze": ("readout", "recurrent", "input")}, InvalidArgument, "one is trained"),
        ({"freeze": "input", "new_rules": 1}, InvalidArgument, "left out with new_rules"),
        ({"freeze": "recurrent", "recurrence": "frozen"}, InvalidArgument, "without recurrent"),
        ({"freeze": "recurrent", "rates": {"recurrent": 2}}, InvalidArgument, "no recurrent"),
        ({"freeze": "recurrent", "l1": 0.1}, InvalidArgument, "0 for a network without"),
        ({"new_rules": 35}, InvalidArgument, r"below the number of inputs of rnn.weight_ih"),
    ],
)
def test_what_does_not_fit_is_refused(settings: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        srnn.train(small_config(**settings))


def test_freeze_is_identity_in_one_spelling() -> None:
    config = small_config(freeze=["readout", "input"])
    assert config == small_config(freeze=("input", "readout"))
    assert type(config).from_json(config.to_json()) == config
    assert small_config(freeze="input").freeze == ("input",)


def test_groups_of_any_module_freeze() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.core, self.head = nn.RNN(35, 4), nn.Linear(4, 17)

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return self.head(self.core(inputs)[0])

    net = Net()
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    settings = small_config().model_dump(include=set(srnn.FitConfig.model_fields))
    srnn.fit(net, srnn.FitConfig(**{**settings, "freeze": ("input", "readout")}))
    changed = {name for name, p in net.named_parameters() if not torch.equal(p, before[name])}
    assert changed == {name for name, group in groups_of(net).items() if group == "recurrent"}
