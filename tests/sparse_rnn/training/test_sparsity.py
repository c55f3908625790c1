"""Runs whose synapses are chosen before training, or change during it."""

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import sparse_rnn as srnn
from sparse_rnn.errors import InvalidArgument, RunConflict, UnknownKeyword, UnknownName
from sparse_rnn.nn.rewiring import Rewiring, View
from sparse_rnn.runs.folder import OF_SPARSITY, SPARSITY
from sparse_rnn.sparsify._evolving import Evolving
from sparse_rnn.sweep.naming import identity
from sparse_rnn.training.optimiser import Optimiser
from sparse_rnn.training.run import build
from tests.sparse_rnn.helpers import same_outcome, small_config
from tests.sparse_rnn.killed_runs import OFTEN, left_at, nine

STARTS: dict[str, dict[str, Any]] = {
    "random": {"density": 0.1},
    "snip": {"density": 0.1, "batches": 2},
    "synflow": {"density": 0.1, "rounds": 3},
}
CHANGING: dict[str, dict[str, Any]] = {
    "set": {"density": 0.1, "every": 2},
    "rigl": {"density": 0.1, "every": 2, "end": 1.0, "batches": 2},
    "srigl": {"density": 0.1, "every": 2, "end": 1.0},
    "selfish": {"density": 0.1, "every": 2},
    "gradual": {"density": 0.1, "every": 2},
}


def sparse(method: str, **changes: Any) -> srnn.TrainConfig:
    """A run of nine steps with a method, from a dense network of 16 units."""
    options = {**STARTS, **CHANGING}[method]
    settings = {"arch": "dense", "radius": None, "sparsifier_options": options, **changes}
    return nine(sparsifier=method, **settings)


def lines_of(folder: Path) -> list[dict[str, str]]:
    with (folder / SPARSITY).open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("method", [*STARTS, *CHANGING])
def test_a_run_has_its_budget_and_is_read_back(method: str, tmp_path: Path) -> None:
    config = sparse(method)
    run = srnn.train(config, tmp_path / "run")
    mask = run.network.rnn.mask
    assert (mask.nnz, mask.family) == (26, method)
    assert dict(mask.parameters) == dict(config.sparsifier_options)
    assert run.network.weight_counts()["recurrent"] == 26
    read = srnn.load_run(tmp_path / "run")
    assert read.network.rnn.mask == mask == srnn.load(tmp_path / "run").rnn.mask
    assert srnn.train(config, tmp_path / "run").network.rnn.mask == mask  # It is finished.
    lines = lines_of(tmp_path / "run")
    assert tuple(lines[0]) == OF_SPARSITY
    assert [line["step"] for line in lines] == ["0", "3", "6", "9"]
    budget = [256, 94, 26, 26] if method == "gradual" else [26] * 4
    assert [int(line["synapses"]) for line in lines] == budget
    assert float(lines[-1]["spectral_radius"]) > 0
    alone = srnn.train(config)  # Without a folder, the same.
    assert torch.equal(alone.network.rnn.weight_hh, run.network.rnn.weight_hh)


@pytest.mark.parametrize("method", CHANGING)
@pytest.mark.parametrize(
    "more",
    [{}, {"optimiser": "sgd", "optimiser_options": {"momentum": 0.9}}, {"cell": "gru"}],
    ids=["adam", "sgd", "gru"],
)
def test_a_killed_run_ends_with_the_same_bits(
    method: str, more: dict[str, Any], tmp_path: Path
) -> None:
    config = sparse(method, **more)
    reference = srnn.train(config, tmp_path / "whole")
    assert reference.network.rnn.mask != sparse_start(config)
    for step in (1, 5, 8):
        folder = left_at(tmp_path / str(step), step, config)
        run = srnn.train(config, folder, options=OFTEN)
        assert same_outcome(folder, tmp_path / "whole")
        assert run.network.rnn.mask == reference.network.rnn.mask
        assert lines_of(folder) == lines_of(tmp_path / "whole")


def sparse_start(config: srnn.TrainConfig) -> srnn.Mask:
    """The mask that a run has before its first step."""
    training, held_out, network = build(config)
    srnn.Trainer(network, training, held_out, config).begin()
    return network.rnn.mask


def test_a_run_without_one_is_called_as_before() -> None:
    assert small_config().sparsifier is None
    assert identity(small_config()) == identity(small_config(sparsifier_options={}))
    names = {identity(sparse("set")), identity(sparse("rigl")), identity(nine())}
    assert len(names) == 3


def test_seeds_differ_and_rewirings_are_of_their_step() -> None:
    one, other = (srnn.train(sparse("set", seed=seed)).network.rnn.mask for seed in (0, 1))
    assert one != other


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"sparsifier": "rgl"}, UnknownName, "rigl"),
        ({"sparsifier": "rigl", "sparsifier_options": {"densty": 1}}, UnknownKeyword, "density"),
        ({"sparsifier": "snip", "sparsifier_options": {}}, InvalidArgument, "density"),
        ({"sparsifier": "rigl", "sparsifier_options": {"every": 0}}, InvalidArgument, "every"),
        ({"sparsifier": "rigl", "sparsifier_options": {"share": 1.5}}, InvalidArgument, "share"),
        ({"sparsifier": "set", "sparsifier_options": {"density": 0}}, InvalidArgument, "density"),
        ({"sparsifier_options": {"density": 0.1}}, InvalidArgument, "without a sparsifier"),
    ],
)
def test_wrong_settings_are_refused(changes: dict[str, Any], error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        small_config(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sparsifier_options": {"density": 0.5, "every": 2}}, "more synapses than its density"),
        ({"sparsifier_options": {"every": 9}}, "sparsifier_options.every"),
        ({"recurrence": "frozen"}, "recurrence"),
        ({"inhibitory": 0.2}, "inhibitory"),
        ({"freeze": ("recurrent",)}, "freeze"),
        ({"new_rules": 1}, "new_rules"),
        ({"backend": "autapse", "arch": "autapse", "radius": None}, "backend"),
    ],
)
def test_what_cannot_be_served_is_refused_before_there_are_files(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    settings = {"sparsifier": "set", "sparsifier_options": {"every": 2}, **changes}
    with pytest.raises(InvalidArgument, match=message):
        srnn.train(nine(**settings), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_ensembles_other_modules_and_continuations_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="ensemble"):
        srnn.train_ensemble(sparse("set"), seeds=2)
    fitted = srnn.FitConfig(suite="Go", sparsifier="set", steps=300)
    with pytest.raises(InvalidArgument, match="Network"):
        srnn.fit(nn.Linear(34, 17), fitted)
    with pytest.raises(InvalidArgument, match="NAdam"):
        srnn.fit(build(sparse("set"))[2], sparse("set"), optimiser=torch.optim.NAdam)
    srnn.train(sparse("set"), tmp_path / "set")
    with pytest.raises(InvalidArgument, match="continue_from"):
        srnn.train(sparse("set", steps=12), tmp_path / "more", continue_from=tmp_path / "set")


def test_a_run_with_chosen_synapses_goes_on_to_more_steps(tmp_path: Path) -> None:
    srnn.train(sparse("snip"), tmp_path / "short")
    longer, whole = sparse("snip", steps=12), tmp_path / "whole"
    srnn.train(longer, tmp_path / "longer", continue_from=tmp_path / "short")
    srnn.train(longer, whole)
    assert same_outcome(tmp_path / "longer", whole)
    assert lines_of(tmp_path / "longer") == lines_of(whole)


def test_fit_takes_a_network_and_reads_it_back(tmp_path: Path) -> None:
    config = sparse("rigl")
    run = srnn.fit(build(config)[2], config, tmp_path / "run")
    again = srnn.fit(build(config)[2], config, tmp_path / "run")
    assert again.network.rnn.mask == run.network.rnn.mask
    assert torch.equal(again.network.rnn.weight_hh, run.network.rnn.weight_hh)


def test_start_from_gives_the_weights_that_a_method_prunes(tmp_path: Path) -> None:
    dense = srnn.train(nine(arch="dense", radius=None), tmp_path / "dense")
    run = srnn.train(sparse("random", lr=1e-12), start_from=tmp_path / "dense")
    kept = torch.from_numpy(run.network.rnn.mask.to_dense())
    gain = (16 / kept.sum(dim=1, keepdim=True)).sqrt()
    expected = (dense.network.rnn.weight_hh.view(16, 16) * gain)[kept]
    torch.testing.assert_close(run.network.rnn.weight_hh, expected)


@pytest.mark.parametrize(
    "more",
    [
        {"rates": "in_degree"},
        {"l1_proximal": 1e-2},
        {"truncate": 5},
        {"precision": "bf16"},
        {
            "stages": ((("Go",), 5), (("DlyGo",), 4)),
            "continual": "ewc",
            "continual_options": {"strength": 5.0, "batches": 2},
        },
    ],
)
def test_other_settings_go_along(more: dict[str, Any], tmp_path: Path) -> None:
    config = sparse("rigl", **more)
    srnn.train(config, tmp_path / "whole")
    folder = left_at(tmp_path / "left", 7, config)
    run = srnn.train(config, folder, options=OFTEN)
    assert same_outcome(folder, tmp_path / "whole")
    assert run.network.rnn.mask.nnz == 26


def test_rates_follow_the_in_degree() -> None:
    config = sparse("random", size=(8, 8), sparsifier_options={"density": 0.75}, rates="in_degree")
    training, held_out, network = build(config)
    trainer = srnn.Trainer(network, training, held_out, config)
    trainer.begin()
    next(iter(trainer.records()))
    rates = {group["lr"] for group in trainer.optimiser.inner.param_groups}
    assert rates == {config.lr, config.lr * 32 / 48}


def test_chunks_change_nothing_but_rounding() -> None:
    config = sparse("rigl", optimiser="sgd")  # Adam makes much of gradients that are rounding.
    whole = srnn.train(config)
    chunked = srnn.train(config, options=srnn.RunOptions(chunk=7))
    assert chunked.network.rnn.mask == whole.network.rnn.mask
    torch.testing.assert_close(chunked.network.rnn.weight_hh, whole.network.rnn.weight_hh)


class Exchange(nn.Module):
    """A module with recurrent weights alone, whose gradients are given."""

    def __init__(self, values: Tensor) -> None:
        super().__init__()
        self.weight_hh = nn.Parameter(values.clone())


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("adam", {}),
        ("adam", {"amsgrad": True, "betas": (0.8, 0.99), "eps": 1e-3}),
        ("adamw", {"weight_decay": 0.1}),
        ("sgd", {"momentum": 0.9}),
    ],
)
def test_each_edge_has_the_steps_of_its_own_age(name: str, options: dict[str, Any]) -> None:
    """Against an optimiser for each edge alone, made when the edge is: its dense reference."""
    rng = np.random.default_rng(0)
    given: Any = options
    config = srnn.FitConfig(
        optimiser=name, optimiser_options=given, clip=None, lr=0.01, sparsifier="set"
    )
    module = Exchange(torch.from_numpy(rng.normal(size=5)))
    ours = Optimiser(module, config)
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}[name]
    if name == "adamw":
        options = {"betas": (0.9, 0.999), **options}

    def alone(value: float) -> tuple[nn.Parameter, torch.optim.Optimizer]:
        weight = nn.Parameter(torch.tensor([value], dtype=torch.float64))
        return weight, kind([weight], lr=0.01, **options)

    edges = [alone(float(value)) for value in module.weight_hh.detach()]
    for number in range(1, 31):
        gradient = torch.from_numpy(rng.normal(size=len(edges)) + 1)
        module.weight_hh.grad = gradient.clone()
        ours.step(number)
        for (weight, optimiser), own in zip(edges, gradient, strict=True):
            weight.grad = own[None].clone()
            optimiser.step()
        if number in (7, 8, 20):
            origin = np.array([0, -1, 2, 4, -1, 3]) if number != 8 else np.array([1, 2, 3, -1, 5])
            moved = torch.from_numpy(origin)
            ours.move(module.weight_hh, moved)
            before = module.weight_hh.detach()
            values = torch.where(moved >= 0, before[moved.clamp(min=0)], torch.zeros(()).double())
            module.weight_hh.data = values
            edges = [edges[i] if i >= 0 else alone(0.0) for i in origin]
        expected = torch.cat([weight for weight, _ in edges])
        torch.testing.assert_close(module.weight_hh, expected, rtol=1e-12, atol=1e-12)


def test_a_late_count_for_all_would_take_a_first_step_of_three_rates() -> None:
    """What goes wrong in published code, as `sparsifiers.md` derives it."""
    weight = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    adam = torch.optim.Adam([weight], lr=1.0)
    zero = torch.zeros(1, dtype=torch.float64)
    adam.state[weight] = {
        "step": torch.tensor(100_000.0),
        "exp_avg": zero.clone(),
        "exp_avg_sq": zero.clone(),
    }
    weight.grad = torch.ones(1, dtype=torch.float64)
    adam.step()
    assert weight.item() == pytest.approx(-(1 - 0.9) / math.sqrt(1 - 0.999), rel=1e-6)


@dataclass(frozen=True)
class Counting(Evolving):
    """Grows one synapse each time, and remembers how often it was asked."""

    asked: ClassVar[list[int]] = []

    def change(self, view: View, step: int, rng: np.random.Generator) -> Rewiring | None:
        """Grow a synapse where there is none."""
        self.asked.append(step)
        absent = np.flatnonzero(~view.mask.to_dense().ravel())
        keys = np.flatnonzero(view.mask.to_dense().ravel())
        if step == 4:
            return None
        return view.with_keys(np.append(keys, rng.choice(absent)))

    def state(self) -> Mapping[str, Tensor]:
        return {"asked": torch.tensor(self.asked)}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        self.asked[:] = state["asked"].tolist()


def test_a_method_of_ones_own_has_a_state(tmp_path: Path) -> None:
    srnn.sparsify.register("counting", Counting)
    config = nine(sparsifier="counting", sparsifier_options={"every": 2})
    left_at(tmp_path / "run", 7, config)
    Counting.asked[:] = []
    run = srnn.train(config, tmp_path / "run", options=OFTEN)
    assert Counting.asked == [2, 4, 6, 8]
    assert run.network.rnn.mask.nnz == config.build_mask().nnz + 3


def test_a_checkpoint_without_its_place_is_refused(tmp_path: Path) -> None:
    config = sparse("set")
    folder = left_at(tmp_path / "run", 5, config)
    with pytest.raises(RunConflict, match="another configuration"):
        srnn.train(sparse("rigl"), folder)
