"""Gradient projection, against the same in plain float64 with a matrix for each unit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import sparse_rnn as srnn
from sparse_rnn.config.continual import CONTINUAL, GradientProjection
from sparse_rnn.errors import IncompatibleState, InvalidArgument, UnknownKeyword
from sparse_rnn.sweep import columns
from sparse_rnn.sweep.naming import identity
from sparse_rnn.system import limits
from sparse_rnn.training.continual import METHODS
from sparse_rnn.training.group import Group
from sparse_rnn.training.optimiser import Optimiser
from sparse_rnn.training.projection import Projection
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
        "continual": "projection",
        "continual_options": {"alpha": 0.1, "batches": 2},
        **changes,
    }
    return small_config(**given)


class Reference:
    """The rule by hand: a loop over time steps for second moments, over units for projections."""

    def __init__(self, net: Dense, alpha: float) -> None:
        self.net, self.alpha = net, alpha
        self.stages: list[dict[str, torch.Tensor]] = []

    def joint(self, values: Any) -> torch.Tensor:
        return torch.cat(
            [
                self.net.matrix(values["rnn.weight_hh"]),
                values["rnn.weight_ih"],
                values["rnn.bias"][:, None],
            ],
            dim=1,
        )

    def readout(self, values: Any) -> torch.Tensor:
        return torch.cat([values["readout.weight"], values["readout.bias"][:, None]], dim=1)

    @torch.no_grad()
    def learn(self, batches: Any) -> None:
        sums: dict[str, Any] = {"z": 0, "wz": 0, "h": 0, "y": 0}
        n, one = 0, torch.ones(1, dtype=torch.float64)
        for batch in batches:
            for lane in range(batch.mask.shape[1]):
                outputs, states = self.net.both(batch.inputs[:, lane])
                last = max(t for t, weight in enumerate(batch.mask[:, lane]) if weight > 0)
                before = torch.zeros(len(states[0]), dtype=torch.float64)
                for t in range(last + 1):
                    z = torch.cat([before, batch.inputs[t, lane].double(), one])
                    h = torch.cat([states[t], one])
                    wz = self.joint(self.net.weights) @ z
                    for name, v in (("z", z), ("wz", wz), ("h", h), ("y", outputs[t])):
                        sums[name] = sums[name] + torch.outer(v, v)
                    before, n = states[t], n + 1
        self.stages.append({name: value / n for name, value in sums.items()})

    def mean(self, name: str) -> torch.Tensor:
        return torch.stack([stage[name] for stage in self.stages]).mean(0)

    def factor(self, moments: torch.Tensor) -> torch.Tensor:
        return torch.linalg.inv(torch.eye(len(moments)) + moments / self.alpha)

    @torch.no_grad()
    def project(self, before: dict[str, torch.Tensor]) -> None:
        if not self.stages:
            return
        weights, mask = self.net.weights, self.net.mask
        move = {name: value - before[name] for name, value in weights.items()}
        wanted = self.factor(self.mean("wz")) @ self.joint(move)
        n, found = mask.n_units, torch.zeros_like(wanted)
        for unit in range(n):
            synapses = self.net.sources[self.net.targets == unit].tolist()
            own = torch.tensor([*synapses, *range(n, wanted.shape[1])])
            right = self.factor(self.mean("z")[own][:, own])
            found[unit, own] = wanted[unit, own] @ right
        out = self.factor(self.mean("y")) @ self.readout(move) @ self.factor(self.mean("h"))
        after = {
            "rnn.weight_hh": found[self.net.targets, self.net.sources],
            "rnn.weight_ih": found[:, n:-1],
            "rnn.bias": found[:, -1],
            "readout.weight": out[:, :-1],
            "readout.bias": out[:, -1],
        }
        for name, value in weights.items():
            value.copy_(before[name] + after[name])


@pytest.mark.parametrize("mode", ["plain", "together"])
@pytest.mark.parametrize("arch", ["locality", "dense"])
def test_a_run_is_the_one_of_the_reference(mode: str, arch: str) -> None:
    """Three stages of gradient descent with momentum, which goes on from stage to stage."""
    how: dict[str, Any] = {"arch": arch, "radius": 1 if arch == "locality" else None}
    how |= {"optimiser": "sgd", "optimiser_options": {"momentum": 0.5}, "lr": 0.05, "clip": 1e9}
    how["init"] = "fan_in"  # It bears such steps.
    config = kept(**how)
    training, _, network = build(config)
    net = Dense(network)
    rule = Reference(net, 0.1)
    optimiser = torch.optim.SGD([*net.weights.values()], lr=0.05, momentum=0.5)
    for step, batch in enumerate(training.batches(0, 9)):
        optimiser.zero_grad()
        net.cost(batch).backward()  # pyright: ignore[reportUnknownMemberType] - of torch
        before = {name: value.detach().clone() for name, value in net.weights.items()}
        optimiser.step()
        rule.project(before)
        if step in (2, 5):
            rule.learn(training.batches(step - 1, step + 1))
    if mode == "plain":
        run = srnn.train(config)
    else:
        run = srnn.train_ensemble(config, seeds=[8, config.seed])[1]
    assert close(dict(run.network.named_parameters()), net.weights, 2e-5)
    plain = srnn.train(kept(**how, continual=None, continual_options={}))
    assert not close(dict(plain.network.named_parameters()), net.weights, 1e-3)


CASES: list[dict[str, Any]] = [
    {},
    {"arch": "dense", "radius": None},
    {"cell": "leaky", "tau": 200.0},
    {"inhibitory": 0.25},
    {"freeze": ("recurrent",)},
    {"recurrence": "frozen"},
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case)) or "plain")
def test_answers_to_an_earlier_stage_stay_whatever_a_step_wants(case: dict[str, Any]) -> None:
    """The point of the method: what was seen keeps its answers, as far as alpha says.

    Without noise a few trials use fewer directions than a unit has sources, so that there are
    others to move in.
    """
    config = kept(noise=0.0, **case)
    training, _, network = build(config)
    network = network.double()
    old = training.batch(0)
    new = training.batch(4)
    new_inputs, old_inputs = new.inputs.double(), old.inputs.double()
    optimiser = Optimiser(network, config)
    start = {name: p.detach().clone() for name, p in network.named_parameters()}

    def changes(alpha: float | None) -> tuple[float, float]:
        """How far answers to what was seen, and to something new, move by one random step."""
        rng = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for name, p in network.named_parameters():
                p.copy_(start[name])
            before = network(old_inputs)[0], network(new_inputs)[0]
            moved = {
                name: 1e-3 * torch.randn(p.shape, generator=rng, dtype=torch.float64)
                for name, p in optimiser.parameters.items()
            }
            if alpha is None:
                for name, p in optimiser.parameters.items():
                    p.add_(moved[name])
            else:
                rule = Projection(network, optimiser, Group(), GradientProjection(alpha))
                one = type(old)(old_inputs, old.targets, old.mask, old.source)
                rule.end_stage(0, [one], 0)
                with rule.moving():
                    for name, p in optimiser.parameters.items():
                        p.add_(moved[name])
            after = network(old_inputs)[0], network(new_inputs)[0]
        scored = old.mask > 0
        return (
            float((after[0] - before[0])[scored].abs().max()),
            float((after[1] - before[1]).abs().max()),
        )

    free, strong, stronger = changes(None), changes(1e-6), changes(1e-9)
    assert strong[0] < 1e-2 * free[0]
    assert stronger[0] < 1e-5 * free[0]
    assert stronger[1] > 1e-4 * free[1]  # It still learns something else.


def test_absent_synapses_and_frozen_parts_stay_so() -> None:
    for freeze in ("input", "readout"):
        config = kept(freeze=(freeze,))
        run, start = srnn.train(config), build(config)[2]
        for name, value in weights_of(run.network).items():
            group = "readout" if name.startswith("readout") else "input"
            group = "recurrent" if "weight_hh" in name else group
            assert torch.equal(value, weights_of(start)[name]) == (group == freeze), name
    new = kept(new_rules=1)
    run, start = srnn.train(new), build(new)[2]
    before, after = start.rnn.weight_ih, run.network.rnn.weight_ih
    assert torch.equal(after[:, :-1], before[:, :-1])
    assert not torch.equal(after[:, -1], before[:, -1])


@pytest.mark.parametrize("step", [2, 3, 4, 7])
def test_a_killed_run_goes_on_with_the_same_bits(step: int, tmp_path: Path) -> None:
    srnn.train(kept(), tmp_path / "whole")
    left_at(tmp_path / "run", step, kept())
    srnn.train(kept(), tmp_path / "run")
    assert same_outcome(tmp_path / "run", tmp_path / "whole")


def test_processes_add_up_what_they_saw() -> None:
    """Two halves of the batches are the whole, if each process adds what the other has."""
    config = kept()
    training, _, network = build(config)
    batches = list(training.batches(0, 4))

    class Both(Group):
        """A process of two: sums of the other one are known before."""

        def __init__(self, others: list[torch.Tensor]) -> None:
            super().__init__(0, 2)
            self.seen: list[torch.Tensor] = []
            self.others = others

        def sum(self, value: torch.Tensor) -> torch.Tensor:
            self.seen.append(value.clone())
            other = self.others[len(self.seen) - 1] if self.others else torch.zeros_like(value)
            return value + other

    def rule(group: Group) -> Projection:
        return Projection(network, Optimiser(network, config), group, GradientProjection())

    first = Both([])
    rule(first).end_stage(0, batches[:2], 0)
    shared, alone = rule(Both(first.seen)), rule(Group())
    shared.end_stage(0, batches[2:], 0)
    alone.end_stage(0, batches, 0)
    assert close(shared.moments, alone.moments, 1e-12)


def test_a_checkpoint_of_another_network_is_refused() -> None:
    config = kept()
    training, _, network = build(config)
    rule = Projection(network, Optimiser(network, config), Group(), GradientProjection())
    rule.end_stage(0, training.batches(0, 1), 0)
    tensors = rule.tensors()
    for wrong in (
        {},
        {**tensors, "continual.hidden": torch.eye(3)},
        {k: v for k, v in tensors.items() if not k.endswith("n_stages")},
    ):
        with pytest.raises(IncompatibleState, match="no second moments of the"):
            rule.restore(wrong, ended=True)
    rule.restore({}, ended=False)
    assert rule.tensors() == {}


def test_nothing_changes_in_the_first_stage() -> None:
    one = srnn.train(kept(stages=(("Go", 9),)))
    plain = srnn.train(kept(stages=(("Go", 9),), continual=None, continual_options={}))
    assert same_bits(weights_of(one.network), weights_of(plain.network))


def test_any_objective_will_do() -> None:
    run = srnn.train(kept(objective="squared_error", targets="ring"))
    assert len(run.history) == 9


def test_settings_survive_json_and_are_identity() -> None:
    config = kept()
    assert type(config).from_json(config.to_json()) == config
    assert kept(continual_options="alpha=0.1,batches=2") == config
    default = kept(continual_options={"alpha": 1e-3, "batches": 10})
    assert default.continual_options == {}
    other = kept(continual="ewc", continual_options={})
    assert len({identity(config), identity(default), identity(other)}) == 3
    assert columns.settings(config)["continual_alpha"] == 0.1


def test_every_method_has_its_options() -> None:
    assert list(METHODS) == list(CONTINUAL.values())


@pytest.mark.parametrize(
    ("settings", "error", "text"),
    [
        ({"continual_options": {"strength": 1}}, UnknownKeyword, "alpha"),
        ({"continual_options": {"alpha": 0}}, InvalidArgument, "above 0"),
        ({"continual_options": {"alpha": "little"}}, InvalidArgument, "above 0"),
        ({"continual_options": {"batches": 0}}, InvalidArgument, "at least 1"),
        ({"cell": "gru"}, InvalidArgument, "one of vanilla, leaky with continual 'projection'"),
        ({"l1_proximal": 0.1}, InvalidArgument, "which it would undo"),
    ],
)
def test_wrong_settings_are_refused(settings: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        kept(**settings)


def test_networks_that_it_cannot_serve_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Own(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = torch.nn.RNN(35, 8)
            self.readout = torch.nn.Linear(8, 17)

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return self.readout(self.rnn(inputs)[0])

    settings = {k: v for k, v in kept().model_dump().items() if k in srnn.FitConfig.model_fields}
    with pytest.raises(InvalidArgument, match="left out for this network"):
        srnn.fit(Own(), srnn.FitConfig(**settings))
    monkeypatch.setattr(limits, "PROJECTION", 1000)
    with pytest.raises(InvalidArgument, match="left out for this mask: .* numbers, more than"):
        srnn.train(kept())
