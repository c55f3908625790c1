"""States that lanes carry from batch to batch, against loops in plain torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import sparse_rnn as srnn
from sparse_rnn.data import Batch
from sparse_rnn.errors import IncompatibleState, InvalidArgument, TrainingDiverged
from sparse_rnn.nn.cells import CELLS
from sparse_rnn.sweep.naming import identity
from sparse_rnn.training.carrying import Carried
from sparse_rnn.training.evaluation import evaluate
from sparse_rnn.training.group import Group
from sparse_rnn.training.loop import Trainer
from sparse_rnn.training.run import build
from tests.sparse_rnn.helpers import (
    masked_cross_entropy,
    same_bits,
    same_outcome,
    small_config,
    weights_of,
)
from tests.sparse_rnn.killed_runs import OFTEN, Killed, killer, left_at, nine


def carrying(**changes: Any) -> srnn.TrainConfig:
    return small_config(**{"carry_states": True, "clip": 1e9, **changes})


def detached(state: Any) -> Any:
    return tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()


def by_hand(config: srnn.TrainConfig, stretch: int = 10**6) -> Any:
    """A loop in plain calls, whose states go on from stretch to stretch and batch to batch."""
    training, _, network = build(config)
    optimiser = torch.optim.Adam(network.parameters(), lr=config.lr)
    state: Any = None
    for batch in training.batches(0, config.steps):
        network.zero_grad()
        parts: list[Tensor] = []
        for part in batch.inputs.split(stretch):
            logits, _, state = network(part, state, every_state=False, last_state=True)
            state = detached(state)
            parts.append(logits)
        masked_cross_entropy(torch.cat(parts), batch).backward()
        optimiser.step()
    return network


@pytest.mark.parametrize("cell", CELLS)
def test_a_run_is_a_loop_in_torch_to_the_bit(cell: str) -> None:
    config = carrying(cell=cell)
    run = srnn.train(config)
    assert same_bits(weights_of(run.network), weights_of(by_hand(config)))
    from_zero = srnn.train(carrying(cell=cell, carry_states=False))
    assert not same_bits(weights_of(run.network), weights_of(from_zero.network))


@pytest.mark.parametrize("chunk", [None, 7])
def test_it_goes_with_truncated_gradients_and_chunks(chunk: int | None) -> None:
    config = carrying(truncate=10)
    run = srnn.train(config, options=srnn.RunOptions(chunk=chunk))
    expected = dict(by_hand(config, 10).named_parameters())
    for name, value in run.network.named_parameters():
        torch.testing.assert_close(value, expected[name], rtol=1e-5, atol=1e-6)


def test_lanes_go_on_from_stage_to_stage() -> None:
    config = carrying(stages=(("Go", 2), ("DlyGo", 3)), steps=None, eval_batches=4)
    assert same_bits(weights_of(srnn.train(config).network), weights_of(by_hand(config)))


@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("cell", ["vanilla", "lstm"])
@pytest.mark.parametrize("chunk", [None, 4])
def test_the_last_state_is_where_a_sequence_goes_on(
    cell: str, chunk: int | None, *, last: bool
) -> None:
    net = srnn.Network(3, 2, srnn.masks.autapse(4), cell=cell, seed=1)
    net.chunk = chunk
    inputs = torch.linspace(-1, 1, 66).view(11, 2, 3)
    whole = net(inputs)[0]
    if not last:
        assert len(net(inputs, last_state=False)) == 2
        return
    first, _, state = net(inputs[:6], last_state=True)
    second, _, end = net(inputs[6:], state, last_state=True)
    torch.testing.assert_close(torch.cat([first, second]), whole)
    assert isinstance(end, tuple) == (cell == "lstm")


@pytest.mark.parametrize("cell", ["leaky", "lstm"])
@pytest.mark.parametrize("step", [2, 5])
def test_a_killed_run_goes_on_with_the_same_bits(cell: str, step: int, tmp_path: Path) -> None:
    config = nine(carry_states=True, cell=cell)
    srnn.train(config, tmp_path / "whole")
    left_at(tmp_path / "run", step, config)
    srnn.train(config, tmp_path / "run")
    assert same_outcome(tmp_path / "run", tmp_path / "whole")


def test_ensembles_are_their_runs_alone(tmp_path: Path) -> None:
    config = nine(carry_states=True)
    with pytest.raises(Killed):
        srnn.train_ensemble(config, tmp_path, seeds=2, progress=killer(5), options=OFTEN)
    for seed, run in enumerate(srnn.train_ensemble(config, tmp_path, seeds=2)):
        alone = srnn.train(config.model_copy(update={"seed": seed}))
        assert same_bits(weights_of(run.network), weights_of(alone.network))


def test_evaluations_begin_at_0() -> None:
    config = carrying()
    run = srnn.train(config)
    held_out = build(config)[1]
    batches = held_out.final().batches(0, config.final_batches)
    assert evaluate(run.network, held_out, batches).rows() == run.evaluation.rows()


class Gated(nn.Module):
    """A module of a user's, as torch's own layers are called."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.GRU(35, 6)
        self.readout = nn.Linear(6, 17)
        with torch.no_grad():
            for parameter in self.parameters():
                values = torch.linspace(-0.5, 0.5, parameter.numel())
                parameter.copy_(values.cos().mul(30).sin().view_as(parameter))

    def forward(self, inputs: Tensor, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        hidden, last = self.rnn(inputs, h0)
        return self.readout(hidden), last


def test_fit_carries_what_a_module_returns_last() -> None:
    names = srnn.FitConfig.model_fields
    settings = {k: v for k, v in carrying().model_dump().items() if k in names}
    config = srnn.FitConfig(**settings)
    fitted = srnn.fit(Gated(), config).network
    module, state = Gated(), None
    training = build(carrying())[0]
    optimiser = torch.optim.Adam(module.parameters(), lr=config.lr)
    for batch in training.batches(0, config.steps):
        module.zero_grad()
        outputs, state = module(batch.inputs, state)
        state = state.detach()
        masked_cross_entropy(outputs, batch).backward()
        optimiser.step()
    assert same_bits(fitted.state_dict(), module.state_dict())


class Forgetful(Gated):
    def forward(self, inputs: Tensor, h0: Tensor | None = None) -> Any:
        return super().forward(inputs, h0)[0]


@pytest.mark.parametrize(
    ("module", "text"),
    [
        (nn.Linear(35, 17), r"forward is not forward\(inputs, h0=None\)"),
        (Forgetful(), "returns the state to go on from last"),
    ],
)
def test_modules_that_carry_nothing_are_refused(module: nn.Module, text: str) -> None:
    config = srnn.FitConfig(
        suite=("Go", "DlyGo"), steps=2, seq_len=45, batch_size=2, carry_states=True
    )
    with pytest.raises(InvalidArgument, match=text):
        srnn.fit(module, config)


def test_a_step_that_is_not_taken_carries_nothing() -> None:
    config = carrying()
    training, held_out, network = build(config)

    class Broken:
        """The second batch has an input that is no number."""

        def batches(self, start: int, stop: int) -> Iterator[Batch]:
            for number in range(start, stop):
                batch = training.batch(number)
                yield replace(batch, inputs=batch.inputs * (torch.nan if number == 1 else 1.0))

    trainer = Trainer(network, Broken(), held_out, config)
    with pytest.raises(TrainingDiverged):
        list(trainer.records())
    assert trainer.step == 1
    expected = build(config)[2](training.batch(0).inputs, last_state=True)[2]
    assert torch.equal(trainer.carried.h0, expected.detach())


def test_each_process_has_lanes_of_its_own() -> None:
    class Second(Group):
        def gather(self, value: Tensor) -> Tensor:
            return torch.stack([value + 1, value])

    for last in (torch.ones(1, 2, 3), (torch.ones(1, 2, 3), torch.zeros(1, 2, 3))):
        carried = Carried(Second(1, 2))
        carried.offer(last)
        carried.take()
        other = Carried(Second(0, 2))
        other.restore(carried.tensors(), torch.device("cpu"), carries=True)
        same = Carried(Second(1, 2))
        same.restore(carried.tensors(), torch.device("cpu"), carries=True)
        pairs = [last] if isinstance(last, Tensor) else last
        found = [same.h0] if isinstance(last, Tensor) else same.h0
        others = [other.h0] if isinstance(last, Tensor) else other.h0
        for one, own, theirs in zip(pairs, found, others, strict=True):
            assert torch.equal(own, one)
            assert torch.equal(theirs, one + 1)


def test_a_checkpoint_without_states_is_refused() -> None:
    for tensors in ({}, {"carried.alone": torch.zeros(2, 1, 2, 3)}):
        with pytest.raises(IncompatibleState, match="no states to carry on"):
            Carried(Group()).restore(tensors, torch.device("cpu"), carries=True)


def test_left_out_it_leaves_the_names_of_runs_as_they_are() -> None:
    assert identity(small_config(carry_states=False)) == identity(small_config())
    assert identity(small_config(carry_states=True)) != identity(small_config())
