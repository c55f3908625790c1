"""Optimisers by name and of the caller's own: their steps, their states, their names."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import pytest
import torch

import sparse_rnn as srnn
from sparse_rnn.config.optimisers import OPTIMISERS
from sparse_rnn.errors import InvalidArgument, RunConflict, UnknownKeyword, UnknownName
from sparse_rnn.runs.checkpoint import Store, capture, capture_plain, restore
from sparse_rnn.sweep import columns
from sparse_rnn.sweep.naming import identity
from sparse_rnn.training.optimiser import Optimiser
from sparse_rnn.training.run import build
from tests.sparse_rnn.helpers import (
    masked_cross_entropy,
    same_bits,
    same_outcome,
    small_config,
    weights_of,
)
from tests.sparse_rnn.runs.test_resume import OFTEN, Killed, killer, nine

CASES: dict[str, tuple[dict[str, Any], Any]] = {
    "adam": ({"betas": (0.8, 0.99), "eps": 1e-6, "amsgrad": True}, torch.optim.Adam),
    "adamw": ({"weight_decay": 0.1}, torch.optim.AdamW),
    "sgd": ({"momentum": 0.9, "nesterov": True, "weight_decay": 0.01}, torch.optim.SGD),
}


def by_hand(config: srnn.TrainConfig, make: Any) -> srnn.Network:
    """The network after a loop in plain torch."""
    training, _, network = build(config)
    optimiser = make(network.parameters())
    for batch in training.batches(0, config.steps):
        network.zero_grad()
        masked_cross_entropy(network(batch.inputs, every_state=False)[0], batch).backward()
        optimiser.step()
    return network


@pytest.mark.parametrize("name", OPTIMISERS)
def test_each_takes_the_steps_of_torch_with_its_options(name: str) -> None:
    options, make = CASES[name]
    config = small_config(optimiser=name, optimiser_options=options, lr=3e-3, clip=1e9)
    expected = by_hand(config, functools.partial(make, lr=3e-3, **options))
    assert same_bits(weights_of(srnn.train(config).network), weights_of(expected))


@pytest.mark.parametrize("name", OPTIMISERS)
def test_each_goes_on_with_the_same_bits(name: str, tmp_path: Path) -> None:
    config = nine(optimiser=name, optimiser_options=CASES[name][0])
    srnn.train(config, tmp_path / "whole")
    with pytest.raises(Killed):
        srnn.train(config, tmp_path / "run", progress=killer(5), options=OFTEN)
    assert Store(tmp_path / "run").steps()[0] == 4
    srnn.train(config, tmp_path / "run")
    assert same_outcome(tmp_path / "run", tmp_path / "whole")


class Counting(torch.optim.Optimizer):
    """Keeps all that an optimiser may: numbers and tensors of another type, and a count."""

    def __init__(self, params: Any, lr: float = 0.01) -> None:
        super().__init__(params, {"lr": lr, "taken": 0})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        del closure
        for group in self.param_groups:
            group["taken"] += 1
            for p in group["params"]:
                state = self.state[p]
                state["sum"] = state.get("sum", 0.0) + float(p.grad.abs().sum())
                state["exact"] = state.get("exact", 0) + p.grad.double() ** 2
                scale = group["lr"] / (1 + state["sum"] * group["taken"])
                p.sub_((scale * state["exact"]).to(p.dtype))


def fitted(out: Path | None = None, optimiser: Any = Counting, **more: Any) -> Any:
    config = nine(**more.pop("settings", {}))
    return srnn.fit(build(config)[2], config, out, optimiser=optimiser, **more)


def test_any_optimiser_goes_on_with_the_same_bits(tmp_path: Path) -> None:
    whole = fitted(tmp_path / "whole")
    with pytest.raises(Killed):
        fitted(tmp_path / "run", progress=killer(5), options=OFTEN)
    fitted(tmp_path / "run")
    assert same_outcome(tmp_path / "run", tmp_path / "whole")
    assert (whole.config.optimiser, whole.config.lr) == ("own:Counting", 0.01)


def test_a_checkpoint_keeps_the_types_of_a_state() -> None:
    config = nine(lr=0.01)
    network = build(config)[2]
    optimiser = Optimiser(network, config, Counting)
    for parameter in network.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimiser.step(1)
    tensors, plain = capture(network, optimiser), json.loads(json.dumps(capture_plain(optimiser)))
    other = build(config)[2]
    again = Optimiser(other, config, Counting)
    restore(tensors, other, again, plain)
    state = again.inner.state[other.rnn.weight_hh]
    assert state["exact"].dtype == torch.float64
    assert again.inner.param_groups[0]["taken"] == 1


def test_the_folder_knows_the_optimiser_by_its_name(tmp_path: Path) -> None:
    out = tmp_path / "run"
    fitted(out)
    said = json.loads((out / "config.json").read_text())["config"]["optimiser"]
    assert said == "own:Counting"
    with pytest.raises(RunConflict, match="optimiser is 'own:Counting' there and 'own:other'"):
        fitted(out, ("other", Counting))
    with pytest.raises(InvalidArgument, match=r'optimiser=\("name", function\)'):
        fitted(tmp_path / "other", lambda params: Counting(params))
    assert not (tmp_path / "other").exists()
    assert fitted(None, lambda params: Counting(params)).config.optimiser == "own:unnamed"
    with pytest.raises(InvalidArgument, match="given as a function"):
        fitted(None, None, settings={"optimiser": "own:Counting"})
    with pytest.raises(InvalidArgument, match=r"given to sparse_rnn\.fit"):
        srnn.train(nine(optimiser="own:Counting"))
    with pytest.raises(InvalidArgument, match=r"given to sparse_rnn\.fit"):
        srnn.train_ensemble(nine(optimiser="own:Counting"), seeds=1)


def test_an_own_optimiser_is_the_one_of_torch_and_follows_rates_and_schedule() -> None:
    settings = {"lr": 0.02, "rates": {"recurrent": 0.1}, "schedule": "cosine"}
    named = srnn.train(nine(optimiser="sgd", **settings))
    own = fitted(optimiser=functools.partial(torch.optim.SGD, lr=0.02), settings=settings)
    assert same_bits(weights_of(own.network), weights_of(named.network))


def _some(params: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(list(params)[1:], lr=0.01)


@pytest.mark.parametrize(
    ("optimiser", "settings", "text"),
    [
        (torch.optim.LBFGS, {"lr": 1}, "without a closure"),
        (lambda params: params, {}, "returns a torch.optim.Optimizer"),
        (_some, {"lr": 0.01}, "of all parameters"),
        (Counting, {"lr": 0.5}, "made with the lr of the configuration, 0.5"),
        (("bad name", Counting), {}, "letters, digits"),
        (3, {}, "a function, or a pair"),
        ("adagrad", {}, "the name of an optimiser"),
        ("own:Counting", {}, "given to sparse_rnn.fit"),
        ("sgd", {"optimiser": "adamw"}, "what the configuration says, 'adamw'"),
    ],
)
def test_what_cannot_be_an_optimiser_is_refused(optimiser: Any, settings: Any, text: str) -> None:
    with pytest.raises(InvalidArgument, match=text):
        fitted(optimiser=optimiser, settings=settings)


def test_a_name_may_be_given_to_fit() -> None:
    named = srnn.train(nine(optimiser="sgd"))
    assert same_bits(weights_of(fitted(optimiser="sgd").network), weights_of(named.network))


@pytest.mark.parametrize(
    ("settings", "error", "text"),
    [
        ({"optimiser": "adm"}, UnknownName, "Did you mean 'adam'"),
        ({"optimiser_options": {"momentum": 0.9}}, UnknownKeyword, "an option of 'adam'"),
        ({"optimiser_options": {"betas": 0.9}}, InvalidArgument, "2 numbers from 0 to 1"),
        ({"optimiser_options": {"amsgrad": 1}}, InvalidArgument, "True or False"),
        ({"optimiser_options": {"eps": float("nan")}}, InvalidArgument, "finite"),
        (
            {"optimiser": "sgd", "optimiser_options": {"nesterov": True}},
            InvalidArgument,
            "Nesterov momentum requires a momentum",
        ),
    ],
)
def test_wrong_options_are_refused(settings: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        small_config(**settings)


def test_options_survive_json_and_those_by_default_are_left_out() -> None:
    config = small_config(optimiser="sgd", optimiser_options="momentum=0.9,dampening=0")
    assert config == small_config(optimiser="sgd", optimiser_options={"momentum": 0.9})
    assert type(config).from_json(config.to_json()) == config
    betas = small_config(optimiser_options={"betas": [0.9, 0.99]})
    assert type(betas).from_json(betas.to_json()) == betas
    assert betas == small_config(optimiser_options="betas=0.9:0.99")
    assert identity(small_config(optimiser_options={"eps": 1e-8})) == identity(small_config())
    assert identity(betas) != identity(small_config())
    assert columns.settings(betas)["optimiser_betas"] == "(0.9, 0.99)"
