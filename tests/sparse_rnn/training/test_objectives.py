"""What is minimised: each preset against a loop in plain torch, and functions of the caller's."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import sparse_rnn as srnn
from sparse_rnn.cli import main
from sparse_rnn.data import Batch
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.training.run import build
from tests.sparse_rnn.helpers import (
    masked_cross_entropy,
    same_bits,
    same_outcome,
    small_config,
    weights_of,
)
from tests.sparse_rnn.runs.test_resume import OFTEN, Killed, killer, nine

Cost = Callable[[Tensor, Tensor, Any], Tensor]


class Numbers:
    """Batches whose targets are numbers for each output: here one-hot labels, halved."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        for batch in self.stream.batches(start, stop):
            one_hot = torch.nn.functional.one_hot(batch.targets, batch.n_outputs)
            yield replace(batch, targets=one_hot.float() / 2)


def built(config: srnn.TrainConfig) -> Any:
    """The streams and the network of a configuration, whatever it minimises."""
    return build(config.model_copy(update={"objective": "cross_entropy"}))


def by_hand(
    config: srnn.TrainConfig, cost: Cost, wrap: Any = lambda stream: stream, **how: Any
) -> Any:
    """The network after a loop in plain torch that calls it with `how`."""
    training, _, network = built(config)
    optimiser = torch.optim.Adam(network.parameters(), lr=config.lr)
    for batch in wrap(training).batches(0, config.steps):
        network.zero_grad()
        cost(*network(batch.inputs, **how), batch).backward()
        optimiser.step()
    return network


def trained(config: srnn.TrainConfig, wrap: Any = lambda stream: stream, **more: Any) -> Any:
    training, held_out, network = built(config)
    trainer = srnn.Trainer(network, wrap(training), held_out, config, **more)
    return network, list(trainer.records())


def settings(**changes: Any) -> srnn.TrainConfig:
    return small_config(clip=1e9, steps=3, eval_every=3, **changes)


def squared(outputs: Tensor, hidden: Tensor, batch: Any) -> Tensor:
    del hidden
    error = ((outputs - batch.targets) ** 2).mean(-1).flatten()
    weights = batch.mask.flatten()
    return (error * weights).sum() / weights.sum()


PENALTIES: dict[str, tuple[dict[str, Any], Callable[[Tensor], Tensor]]] = {
    "activity_l1": ({"activity_l1": 0.3}, lambda h: 0.3 * h.abs().mean()),
    "activity_l2": ({"activity_l2": 0.2}, lambda h: 0.2 * (h**2).mean()),
    "rate_target": (
        {"rate_target": 0.5, "rate_weight": 2.0},
        lambda h: 2.0 * ((h.mean((0, 1)) - 0.5) ** 2).mean(),
    ),
    "all": (
        {"activity_l1": 0.3, "activity_l2": 0.2, "rate_target": 0.0},
        lambda h: 0.3 * h.abs().mean() + 0.2 * (h**2).mean() + (h.mean((0, 1)) ** 2).mean(),
    ),
}


def test_squared_error_is_that_of_a_loop_in_torch() -> None:
    config = settings(objective="squared_error")
    network, records = trained(config, Numbers)
    expected = by_hand(config, squared, Numbers, every_state=False)
    assert same_bits(weights_of(network), weights_of(expected))
    first = next(Numbers(built(config)[0]).batches(0, 1))
    start = built(config)[2]
    assert records[0].loss == squared(*start(first.inputs, every_state=False), first).item()


@pytest.mark.parametrize("name", PENALTIES)
def test_penalties_are_those_of_a_loop_in_torch_and_not_in_the_loss(name: str) -> None:
    given, penalty = PENALTIES[name]
    config = settings(**given)
    network, records = trained(config)
    expected = by_hand(config, lambda o, h, b: masked_cross_entropy(o, b) + penalty(h))
    for (parameter, value), other in zip(
        network.named_parameters(), expected.parameters(), strict=True
    ):
        torch.testing.assert_close(value, other, rtol=1e-6, atol=1e-8, msg=parameter)
    # The states that a penalty asks for are read out after the steps, and not on the way.
    assert records[0].loss == pytest.approx(trained(settings())[1][0].loss, rel=1e-6)
    assert not same_bits(weights_of(network), weights_of(trained(settings())[0]))


def test_the_proximal_step_leaves_exact_zeros_and_is_the_soft_threshold() -> None:
    config = settings(l1_proximal=100.0, rates={"recurrent": 0.5}, schedule="linear")
    network, _ = trained(config)
    training, _, expected = build(config)
    groups = [
        {"params": [p], "factor": 0.5 if "weight_hh" in name else 1.0}
        for name, p in expected.named_parameters()
    ]
    optimiser = torch.optim.Adam(groups, lr=config.lr)
    for number, batch in enumerate(training.batches(0, 3), 1):
        expected.zero_grad()
        masked_cross_entropy(expected(batch.inputs)[0], batch).backward()
        for group in optimiser.param_groups:
            group["lr"] = config.rate(number) * group["factor"]
        optimiser.step()
        weight, threshold = expected.rnn.weight_hh.data, config.rate(number) * 0.5 * 100.0
        weight.copy_(torch.sign(weight) * torch.relu(weight.abs() - threshold))
    zeros = network.rnn.weight_hh == 0
    assert 0 < int(zeros.sum()) < zeros.numel()
    assert torch.equal(zeros, expected.rnn.weight_hh == 0)
    torch.testing.assert_close(network.rnn.weight_hh, expected.rnn.weight_hh, rtol=0, atol=1e-7)


def halved(outputs: Tensor, hidden: Tensor, batch: Any) -> Tensor:
    return masked_cross_entropy(outputs, batch) / 2 + hidden.square().mean()


def fitted(out: Path | None = None, objective: Any = halved, **more: Any) -> Any:
    config = nine(clip=1e9, **more.pop("settings", {}))
    return srnn.fit(build(config)[2], config, out, objective=objective, **more)


def test_an_own_objective_is_that_of_a_loop_in_torch() -> None:
    assert same_bits(weights_of(fitted().network), weights_of(by_hand(nine(clip=1e9), halved)))


def test_an_own_objective_goes_on_by_its_name(tmp_path: Path) -> None:
    fitted(tmp_path / "whole")
    with pytest.raises(Killed):
        fitted(tmp_path / "run", progress=killer(5), options=OFTEN)
    with pytest.raises(InvalidArgument, match=r'objective=\("name", function\)'):
        fitted(tmp_path / "run", lambda o, h, b: halved(o, h, b))
    fitted(tmp_path / "run")
    assert same_outcome(tmp_path / "run", tmp_path / "whole")
    said = json.loads((tmp_path / "run" / "config.json").read_text())["config"]["objective"]
    assert said == "own:halved"


@pytest.mark.parametrize("chunk", [7, 100])
def test_states_come_to_a_penalty_in_chunks_too(chunk: int) -> None:
    config = settings(activity_l2=0.2)
    whole = srnn.train(config).network
    chunked = srnn.train(config, options=srnn.RunOptions(chunk=chunk)).network
    for one, other in zip(whole.parameters(), chunked.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)
    own = fitted(options=srnn.RunOptions(chunk=chunk))
    for one, other in zip(fitted().network.parameters(), own.network.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_ensembles_take_the_named_ones() -> None:
    config = settings(activity_l1=0.1, l1_proximal=2.0, optimiser="sgd", truncate=10, lr=0.1)
    for seed, run in enumerate(srnn.train_ensemble(config, seeds=2)):
        alone = srnn.train(config.model_copy(update={"seed": seed}))
        assert same_bits(run.network.state_dict(), alone.network.state_dict())
    with pytest.raises(InvalidArgument, match=r"given to sparse_rnn\.fit"):
        srnn.train_ensemble(settings(objective="own:halved"), seeds=1)


def test_a_stack_takes_penalties_as_its_runs_do(monkeypatch: pytest.MonkeyPatch) -> None:
    from sparse_rnn.nn.network import NetworkStack
    from sparse_rnn.training import loop

    monkeypatch.setattr(loop, "together", lambda networks, **_: NetworkStack(networks))
    config = settings(activity_l1=0.1)
    for seed, run in enumerate(srnn.train_ensemble(config, seeds=2)):
        alone = srnn.train(config.model_copy(update={"seed": seed}))
        for one, other in zip(run.network.parameters(), alone.network.parameters(), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


class Bare(torch.nn.Module):
    """Returns outputs alone."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(17, 35))

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs @ self.weight.T


@pytest.mark.parametrize(
    ("objective", "given", "text"),
    [
        ("squared_error", {}, "numbers .* one each output"),
        ("own:it", {}, "given to sparse_rnn.fit"),
        (lambda *_: 0.0, {}, "returns a scalar tensor"),
        (lambda *given: given[0], {}, "returns a scalar tensor"),
        (lambda *given: given[0].sum().detach(), {}, "returns a scalar tensor"),
        (None, {"activity_l1": 1.0}, "returns its states"),
        (None, {"l1_proximal": 1.0}, "0 for a network without weights"),
        (None, {"truncate": 3}, "None for a network that is no sparse_rnn.Network"),
    ],
)
def test_what_cannot_be_minimised_is_refused(objective: Any, given: Any, text: str) -> None:
    config = srnn.FitConfig(**{**_SMALL, **given})
    with pytest.raises(InvalidArgument, match=text):
        srnn.fit(Bare(), config, objective=objective)


_SMALL: dict[str, Any] = {
    "suite": ("Go", "DlyGo"),
    "steps": 2,
    "batch_size": 2,
    "seq_len": 45,
    "eval_batches": 1,
    "final_batches": 1,
}


def test_an_own_objective_of_a_network_without_states_is_told_so() -> None:
    seen: list[Any] = []

    def cost(outputs: Tensor, hidden: Any, batch: Any) -> Tensor:
        seen.append(hidden)
        return masked_cross_entropy(outputs, batch)

    srnn.fit(Bare(), srnn.FitConfig(**_SMALL), objective=cost)
    assert seen == [None, None]


def test_cross_entropy_refuses_numbers() -> None:
    with pytest.raises(InvalidArgument, match="squared_error"):
        trained(settings(), Numbers)


def test_an_objective_for_other_targets_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="objective must be one for the targets"):
        srnn.train(nine(objective="squared_error"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("targets", ["ring", "sin_cos"])
def test_targets_of_the_tasks_are_learned_as_numbers(targets: str, tmp_path: Path) -> None:
    config = settings(targets=targets, objective="squared_error")
    run = srnn.train(config, tmp_path / "run")
    training, held_out, expected = build(config)
    assert training.output_size == expected.readout.out_features
    optimiser = torch.optim.Adam(expected.parameters(), lr=config.lr)
    for batch in training.batches(0, config.steps):
        expected.zero_grad()
        squared(*expected(batch.inputs, every_state=False), batch).backward()
        optimiser.step()
    assert same_bits(weights_of(run.network), weights_of(expected))
    assert len(srnn.load_run(tmp_path / "run").history) == config.steps
    # Outputs that are the targets are right, and counted so.
    pairs = [(batch.targets, batch) for batch in held_out.batches(0, 2)]
    assert held_out.score(pairs).mean("performance") == 1.0
    counts = held_out.confusion(pairs)
    assert counts.shape == (17, 17)
    assert counts.sum() == counts.trace() > 0
    assert main(["eval", str(tmp_path / "run"), "--confusion"]) == 0
    with pytest.raises(InvalidArgument, match="a run on labels"):
        srnn.analysis.record(run)


def test_cross_entropy_of_numbers_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="squared_error"):
        srnn.train(settings(targets="ring"), tmp_path / "run")
    assert not (tmp_path / "run").exists()
