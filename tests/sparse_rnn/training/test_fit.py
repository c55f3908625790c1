"""A module of one's own in the trainer; penalties, early stop, what is reported."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import sparse_rnn as srnn
from sparse_rnn.data import Batch, task_stream
from sparse_rnn.errors import IncompatibleState, InvalidArgument, RunConflict, TrainingDiverged
from sparse_rnn.seeding import generator
from sparse_rnn.training.evaluation import evaluate
from sparse_rnn.training.objective import logits_of
from sparse_rnn.training.optimiser import Optimiser
from sparse_rnn.training.run import build, streams
from tests.sparse_rnn.helpers import masked_cross_entropy, same_bits, same_outcome, small_config

CONFIG: dict[str, Any] = {
    "suite": ("Go", "DlyGo"),
    "steps": 6,
    "batch_size": 2,
    "seq_len": 45,
    "eval_every": 3,
    "eval_batches": 1,
    "final_batches": 2,
}


class Noisy(nn.Module):
    """A torch.nn.GRU with dropout of its own generator, a buffer, and logits alone as output."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        draws = generator(seed)
        self.rnn = nn.GRU(35, 8, device="meta").to_empty(device="cpu")
        self.readout = nn.Linear(8, 17, device="meta").to_empty(device="cpu")
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -0.3, 0.3, generator=draws)
        self.draws = draws
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))

    def forward(self, inputs: Tensor) -> Tensor:
        hidden, _ = self.rnn(inputs)
        if self.training:
            self.calls += 1
            hidden = hidden * (torch.rand(hidden.shape, generator=self.draws) < 0.8)
        return self.readout(hidden)


def test_any_module_trains_and_is_evaluated_in_evaluation_mode(tmp_path: Path) -> None:
    network = Noisy()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    config = srnn.FitConfig(**CONFIG)
    run = srnn.fit(network, config, tmp_path)
    assert run.network is network
    assert network.training
    assert int(network.calls) == 6
    assert not same_bits(before, network.state_dict())
    final = streams(config)[1].final()
    scores = evaluate(network, final, final.batches(0, 2))
    assert scores.rows() == run.evaluation.rows()
    # A finished run is not repeated: its weights are put into the module.
    fresh = Noisy(seed=7)
    again = srnn.fit(fresh, config, tmp_path)
    assert same_bits(fresh.state_dict(), network.state_dict())
    assert again.evaluation.rows() == run.evaluation.rows()
    record = json.loads((tmp_path / "config.json").read_text())
    assert record["network"]["class"].endswith("Noisy")
    assert record["network"]["parameters"]["readout.weight"] == [17, 8]
    with pytest.raises(RunConflict, match="steps is 6 there and 7 here"):
        srnn.fit(fresh, srnn.FitConfig(**{**CONFIG, "steps": 7}), tmp_path)
    with pytest.raises(IncompatibleState, match="of another network"):
        srnn.fit(nn.Linear(35, 17), config, tmp_path)


def test_generators_and_buffers_go_on_where_they_were(tmp_path: Path) -> None:
    config = srnn.FitConfig(**CONFIG)
    srnn.fit(Noisy(), config, tmp_path / "whole")

    class Killed(BaseException):
        pass

    class Fragile(Noisy):
        def forward(self, inputs: Tensor) -> Tensor:
            if self.training and int(self.calls) == 4:
                raise Killed
            return super().forward(inputs)

    options = srnn.RunOptions(checkpoint_every=2)
    with pytest.raises(Killed):
        srnn.fit(Fragile(), config, tmp_path / "run", options=options)
    network = Noisy(seed=3)
    srnn.fit(network, config, tmp_path / "run", options=options)
    assert int(network.calls) == 6
    assert same_outcome(tmp_path / "run", tmp_path / "whole")


def test_a_trained_network_of_our_own_fits_too() -> None:
    config = small_config(lr=1e-3)
    _, _, network = build(config)
    run = srnn.fit(
        network, srnn.FitConfig(**{**CONFIG, "steps": 4, "eval_every": 2, "seed": config.seed})
    )
    ours = srnn.train(config)
    assert same_bits(run.network.state_dict(), ours.network.state_dict())
    assert run.evaluation.rows() == ours.evaluation.rows()


def test_outputs_that_are_no_logits_are_refused() -> None:
    with pytest.raises(InvalidArgument, match=r"network must be a network that returns logits"):
        logits_of({"logits": 3})
    with pytest.raises(InvalidArgument, match=r"got \[3, 4\]"):
        logits_of(torch.zeros(3, 4))
    logits = torch.zeros(2, 3, 4)
    assert logits_of((logits, None)) is logits
    with pytest.raises(InvalidArgument, match="one with parameters to train"):
        srnn.fit(nn.Identity(), srnn.FitConfig(**CONFIG))
    with pytest.raises(InvalidArgument, match="l1 must be 0 for a network without weights"):
        srnn.fit(nn.Linear(35, 17), srnn.FitConfig(**CONFIG, l1=0.1))


class Answers(nn.Module):
    """Logits with some number of outputs and order of axes."""

    def __init__(self, n_outputs: int, *, batch_first: bool) -> None:
        super().__init__()
        self.readout = nn.Linear(35, n_outputs)
        self.batch_first = batch_first

    def forward(self, inputs: Tensor) -> Tensor:
        logits = self.readout(inputs)
        return logits.transpose(0, 1) if self.batch_first else logits


@pytest.mark.parametrize("batch_size", [1, 3, 45])  # 45 is the number of steps.
@pytest.mark.parametrize(
    ("n_outputs", "batch_first", "remedy"),
    [(18, False, "These tasks have 17 outputs"), (17, True, "transpose the axes 0 and 1")],
)
def test_outputs_of_another_shape_are_refused_at_the_first_step(
    n_outputs: int, batch_first: bool, remedy: str, batch_size: int, tmp_path: Path
) -> None:
    network = Answers(n_outputs, batch_first=batch_first)
    start = network.readout.weight.detach().clone()
    config = srnn.FitConfig(**{**CONFIG, "seq_len": 45, "batch_size": batch_size})
    with pytest.raises(InvalidArgument, match=rf"^network must be .*{remedy}"):
        srnn.fit(network, config, tmp_path / "run")
    assert torch.equal(network.readout.weight, start)
    stream = streams(config)[1]
    with pytest.raises(InvalidArgument, match=rf"^network must be .*{remedy}"):
        evaluate(network, stream, stream.batches(0, 1))


def test_as_many_lanes_as_steps_are_no_obstacle() -> None:
    config = srnn.FitConfig(**{**CONFIG, "seq_len": 45, "batch_size": 45, "steps": 1})
    assert len(srnn.fit(Answers(17, batch_first=False), config).history) == 1


def test_a_gradient_whose_norm_overflows_is_clipped() -> None:
    """Norms that are no float32: wide dense networks meet them."""
    _, _, network = build(small_config())
    optimiser = Optimiser(network, small_config(clip=1.0))
    for p in network.parameters():
        p.grad = torch.full_like(p, 1e38)
    n_weights = sum(p.numel() for p in network.parameters())
    assert optimiser.clip() == pytest.approx(1e38 * n_weights**0.5)
    squares = sum(float((p.grad.double() ** 2).sum()) for p in network.parameters())
    assert squares**0.5 == pytest.approx(1.0)
    # Without a limit it stays infinite, and the run is refused: Adam could not go on from it.
    for p in network.parameters():
        p.grad = torch.full_like(p, 1e38)
    unlimited = srnn.TrainConfig(**{**small_config().model_dump(), "clip": None})
    assert Optimiser(network, unlimited).clip() == math.inf


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_the_norm_of_a_gradient_that_is_not_finite_is_not_finite(bad: float) -> None:
    _, _, network = build(small_config())
    optimiser = Optimiser(network, small_config(clip=1.0))
    for p in network.parameters():
        p.grad = torch.zeros_like(p)
    network.readout.bias.grad[3] = bad
    assert not math.isfinite(optimiser.clip())


def test_penalties_are_those_of_the_formulas() -> None:
    training, _, network = build(small_config())
    batch: Batch = training.batch(0)
    config = small_config(l1=0.01, l2=0.02)

    def loss() -> Tensor:
        return masked_cross_entropy(network(batch.inputs)[0], batch)

    optimiser = Optimiser(network, config)
    loss().backward()
    optimiser.penalise()
    ours = {name: p.grad for name, p in network.named_parameters()}
    network.zero_grad(set_to_none=True)
    weights = [network.rnn.weight_hh, network.rnn.weight_ih, network.readout.weight]
    l1 = 0.01 * network.rnn.weight_hh.abs().sum()
    l2 = 0.01 * sum((weight**2).sum() for weight in weights)
    (loss() + l1 + l2).backward()
    for name, parameter in network.named_parameters():
        torch.testing.assert_close(ours[name], parameter.grad)


def test_the_recorded_loss_is_without_penalties_and_the_norm_with_them() -> None:
    plain, penalised = srnn.train(small_config()), srnn.train(small_config(l2=0.5))
    assert plain.history["loss"][0] == penalised.history["loss"][0]
    assert plain.history["grad_norm"][0] != penalised.history["grad_norm"][0]


def test_l1_makes_recurrent_weights_small() -> None:
    kept = small_config(steps=60, lr=5e-3, eval_every=60)
    sizes = [
        srnn.train(kept.model_copy(update={"l1": l1})).network.rnn.weight_hh.abs().mean().item()
        for l1 in (0.0, 0.01, 0.1)
    ]
    assert sizes[0] > sizes[1] > sizes[2]


def test_a_run_stops_at_its_target_and_reports_the_time_to_levels(tmp_path: Path) -> None:
    settings = {"eval_every": 2, "eval_batches": 4, "seed": 1}
    config = small_config(steps=20, stop_at=0.01, stop_measure="final_accuracy", **settings)
    options = srnn.RunOptions(levels=(0.01, 1.0))
    run = srnn.train(config, tmp_path, options=options)
    n_steps = len(run.history)
    assert n_steps < 20
    assert n_steps % 2 == 0
    values = run.history.curve("final_accuracy")[1]
    assert values[-1] >= 0.01
    assert (values[:-1] < 0.01).all()
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert (summary["steps"], summary["ended"]) == (n_steps, "target")
    (first,) = [
        entry
        for entry in summary["time_to_accuracy"]
        if (entry["measure"], entry["level"]) == ("final_accuracy", 0.01)
    ]
    assert (first["step"], first["seconds"]) == (n_steps, run.history["elapsed_s"][-1])
    # Not more than that many steps were taken: the run of that length is the same.
    same = srnn.train(small_config(steps=n_steps, **settings))
    assert same_bits(same.network.state_dict(), run.network.state_dict())


def test_evaluations_are_recorded_by_task(tmp_path: Path) -> None:
    run = srnn.train(small_config(eval_batches=3), tmp_path)
    header, *rows = [line.split(",") for line in (tmp_path / "evaluations.csv").read_text().split()]
    assert header == [
        "step",
        "task",
        "n_trials",
        "final_accuracy",
        "decision_accuracy",
        "performance",
        "trajectory_performance",
        "chance",
    ]
    assert [(row[0], row[1]) for row in rows] == [
        ("2", "Go"),
        ("2", "DlyGo"),
        ("4", "Go"),
        ("4", "DlyGo"),
    ]
    means = [(float(one[3]) + float(other[3])) / 2 for one, other in (rows[:2], rows[2:])]
    assert means == run.history.curve("final_accuracy")[1].tolist()


def test_evaluation_leaves_the_mode_of_each_part_alone() -> None:
    network = Noisy()
    network.readout.eval()
    stream = task_stream(("Go", "DlyGo"), batch_size=2, seq_len=45, seed=0)
    evaluate(network, stream, stream.batches(0, 1))
    assert network.training
    assert network.rnn.training
    assert not network.readout.training
    assert int(network.calls) == 0


class Exploding(nn.Module):
    """Gives logits that are not finite from the second evaluation on."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(17, 35))
        self.n_calls = 0

    def forward(self, inputs: Tensor) -> Tensor:
        self.n_calls += not self.training
        scale = torch.inf if self.n_calls > 1 else 1.0
        return inputs @ self.weight.T * scale


def test_outputs_that_are_not_finite_in_an_evaluation_end_the_run_with_its_step() -> None:
    with pytest.raises(TrainingDiverged, match="step [46].*try a lower lr") as caught:
        srnn.fit(Exploding(), srnn.FitConfig(**CONFIG))
    assert caught.value.step in (4, 6)
