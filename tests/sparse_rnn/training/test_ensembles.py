"""Networks that train at once are the networks that train alone."""

from __future__ import annotations

import copy
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import sparse_rnn as srnn
from sparse_rnn import masks
from sparse_rnn.errors import EnsembleDiverged
from sparse_rnn.evaluation.history import Record
from sparse_rnn.nn import cells
from sparse_rnn.nn.cells import LayerStack
from sparse_rnn.nn.network import NetworkStack
from sparse_rnn.training import loop
from sparse_rnn.training.progress import OnStep
from tests.sparse_rnn.helpers import (
    contents,
    lines_without_clock,
    same_bits,
    same_outcome,
    small_config,
)

MASKS: dict[str, Callable[[int], srnn.Mask]] = {
    "locality": lambda seed: masks.locality((3, 3), radius=1),  # noqa: ARG005 - called like the others
    "autapse": lambda seed: masks.autapse(9),  # noqa: ARG005 - called like the others
    "dense": lambda seed: masks.dense(9),  # noqa: ARG005 - called like the others
    "erdos_renyi": lambda seed: masks.erdos_renyi(9, probability=0.3, seed=seed),
}
CELLS: dict[str, dict[str, Any]] = {
    "vanilla": {},
    "vanilla, Dale": {"inhibitory": 0.3},
    "vanilla, frozen": {"recurrence": "frozen", "bias": False},
    "leaky": {"dt": 20.0, "recurrent_noise": 0.1, "nonlinearity": "tanh"},
    "gru": {},
    "lstm": {},
}


def layers(cell: str, mask: str, n: int = 3, **options: Any) -> list[cells.MaskedLayer]:
    kind, settings = cell.split(",")[0], {**CELLS[cell], **options}
    made = [cells.build(kind, 4, MASKS[mask](seed), seed=seed, **settings) for seed in range(n)]
    return [layer.double() for layer in made]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    ("mask", "backend"),
    [
        *((mask, backend) for mask in MASKS for backend in ("reference", "dense", "sparse_cpu")),
        ("autapse", "autapse"),
    ],
)
def test_a_stack_computes_what_its_layers_compute_and_so_do_its_gradients(
    cell: str, mask: str, backend: str
) -> None:
    stacked = layers(cell, mask, backend=backend)
    alone = copy.deepcopy(stacked)
    rng = torch.Generator().manual_seed(1)
    inputs = torch.randn(3, 6, 2, 4, generator=rng, dtype=torch.float64, requires_grad=True)
    own = inputs.detach().clone().requires_grad_()
    states = LayerStack(stacked)(inputs)
    expected = torch.stack([layer(own[i])[0] for i, layer in enumerate(alone)])
    torch.testing.assert_close(states, expected, rtol=1e-12, atol=1e-12)
    weights = torch.randn(states.shape, generator=rng, dtype=torch.float64)
    (states * weights).sum().backward()
    (expected * weights).sum().backward()
    torch.testing.assert_close(inputs.grad, own.grad, rtol=1e-10, atol=1e-10)
    for one, other in zip(stacked, alone, strict=True):
        for (name, p), q in zip(one.named_parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(p.grad, q.grad, rtol=1e-10, atol=1e-10, msg=name)
        assert same_bits(one.state_dict(), other.state_dict())  # The noise has gone on alike.


def test_layers_that_differ_in_more_than_weights_are_refused() -> None:
    mask = masks.dense(9)
    with pytest.raises(srnn.SparseRnnError, match="at least one layer"):
        LayerStack([])
    relu, tanh = (srnn.MaskedRNN(4, mask, nonlinearity=name) for name in ("relu", "tanh"))
    with pytest.raises(srnn.SparseRnnError, match=r"layers\[1\] must be like layers\[0\]"):
        LayerStack([relu, tanh])
    with pytest.raises(srnn.SparseRnnError, match=r"layers\[1\]"):
        LayerStack([relu, srnn.MaskedRNN(4, masks.dense(8))])


def test_a_dense_stack_holds_a_matrix_for_each_network_and_none_for_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    networks = [srnn.Network(4, 3, masks.dense(40), seed=seed) for seed in range(10)]
    made: list[int] = []
    zeros = torch.Tensor.new_zeros

    def counted(self: torch.Tensor, *size: Any, **how: Any) -> torch.Tensor:
        result = zeros(self, *size, **how)
        made.append(result.numel())
        return result

    monkeypatch.setattr(torch.Tensor, "new_zeros", counted)
    NetworkStack(networks)(torch.zeros(10, 5, 2, 4)).sum().backward()
    assert max(made) == 10 * 40**2


CONFIGS: dict[str, dict[str, Any]] = {
    "locality": {"arch": "locality", "size": (4, 4), "radius": 1, "backend": "sparse_cpu"},
    "dense": {"arch": "dense", "size": 16},
    "random leaky": {
        "arch": "erdos_renyi",
        "size": 16,
        "mask_options": {"probability": 0.3},
        "cell": "leaky",
        "tau": 200.0,
        "recurrent_noise": 0.05,
    },
    "gru": {"arch": "autapse", "size": 16, "cell": "gru"},
}


@pytest.fixture(params=["in turns", "stacked"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to compute an ensemble; that of a GPU runs here on the CPU."""
    if request.param == "stacked":
        monkeypatch.setattr(loop, "together", NetworkStack)
    return request.param


@pytest.mark.parametrize("name", CONFIGS)
def test_an_ensemble_trains_like_its_members_alone(name: str, way: str) -> None:
    config = small_config(**{"radius": None, **CONFIGS[name]}, steps=50, eval_every=25)
    runs = srnn.train_ensemble(config, seeds=(3, 0))
    assert [run.config.seed for run in runs] == [3, 0]
    for run in runs:
        alone = srnn.train(run.config)
        if way == "in turns":
            assert same_bits(run.network.state_dict(), alone.network.state_dict())
        np.testing.assert_allclose(run.history["loss"], alone.history["loss"], rtol=1e-4)
        np.testing.assert_allclose(run.history["grad_norm"], alone.history["grad_norm"], rtol=1e-3)
        assert run.evaluation.tasks == alone.evaluation.tasks
        assert abs(run.evaluation.mean() - alone.evaluation.mean()) < 0.02


def test_members_are_run_folders_and_finished_ones_are_not_repeated(tmp_path: Path) -> None:
    config = small_config()
    srnn.train(config.model_copy(update={"seed": 1}), tmp_path / "seed-1")
    before = contents(tmp_path / "seed-1")
    runs = srnn.train_ensemble(config, tmp_path, seeds=3)
    assert contents(tmp_path / "seed-1") == before
    for seed, run in enumerate(runs):
        assert run.folder == tmp_path / f"seed-{seed}"
        read = srnn.load_run(run.folder)
        assert read.config == run.config
        assert same_bits(read.network.state_dict(), run.network.state_dict())
    assert srnn.train(runs[2].config, tmp_path / "seed-2").config.seed == 2
    again = srnn.train_ensemble(config, tmp_path, seeds=3)
    assert [run.config for run in again] == [run.config for run in runs]


def killer(step: int) -> Callable[[srnn.FitConfig], Any]:
    @contextmanager
    def display(_config: srnn.FitConfig) -> Generator[OnStep]:
        def on_step(record: Record) -> None:
            if record.step == step:
                raise KeyboardInterrupt

        yield on_step

    return display


@pytest.mark.parametrize("step", [1, 7, 12])
def test_an_ensemble_that_was_killed_goes_on_with_the_same_bits(
    step: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "together", NetworkStack)
    config = small_config(steps=14, eval_every=4)
    options = srnn.RunOptions(checkpoint_every=3)
    srnn.train_ensemble(config, tmp_path / "whole", seeds=3, options=options)
    with pytest.raises(KeyboardInterrupt):
        srnn.train_ensemble(
            config, tmp_path / "killed", seeds=3, options=options, progress=killer(step)
        )
    srnn.train_ensemble(config, tmp_path / "killed", seeds=3, options=options)
    for seed in range(3):
        one, other = (tmp_path / kind / f"seed-{seed}" for kind in ("whole", "killed"))
        assert same_outcome(one, other)


def test_a_kill_between_two_checkpoints_leaves_a_step_that_all_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "together", NetworkStack)
    config = small_config(steps=9, eval_every=4)
    options = srnn.RunOptions(checkpoint_every=3)
    srnn.train_ensemble(config, tmp_path / "whole", seeds=3, options=options)
    from sparse_rnn.runs.archive import Archive

    save, saved = Archive.save, []

    def dying(self: Archive, trainer: Any) -> None:
        if trainer.step == 6 and self.folder.name == "seed-1":
            raise KeyboardInterrupt
        save(self, trainer)
        saved.append((self.folder.name, trainer.step))

    with monkeypatch.context() as patch:
        patch.setattr(Archive, "save", dying)
        with pytest.raises(KeyboardInterrupt):
            srnn.train_ensemble(config, tmp_path / "killed", seeds=3, options=options)
    assert saved[-1] == ("seed-0", 6)
    srnn.train_ensemble(config, tmp_path / "killed", seeds=3, options=options)
    for seed in range(3):
        one, other = (tmp_path / kind / f"seed-{seed}" for kind in ("whole", "killed"))
        assert same_outcome(one, other)


def test_members_stop_at_their_own_targets(tmp_path: Path) -> None:
    settings = {"batch_size": 8, "seq_len": 40, "eval_every": 4, "eval_batches": 4, "lr": 0.02}
    target = {"stop_at": 0.05, "stop_measure": "final_accuracy"}
    config = small_config(suite="Go", steps=48, **settings, **target)
    runs = srnn.train_ensemble(config, tmp_path, seeds=3)
    lengths = [len(run.history) for run in runs]
    assert len(set(lengths)) > 1, lengths
    for run in runs:
        alone = srnn.train(run.config)
        assert len(alone.history) == len(run.history)
        assert (
            len(lines_without_clock(tmp_path / f"seed-{run.config.seed}")) == len(run.history) + 1
        )


def test_one_that_diverges_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small_config(arch="locality", size=(3, 3), backend="sparse_cpu", steps=6)
    from sparse_rnn.training import ensembles

    build = ensembles.build

    def poisoned(config: srnn.TrainConfig) -> Any:
        made = build(config)
        if config.seed == 1:
            made[2].rnn.weight_hh.data[0] = float("nan")
        return made

    monkeypatch.setattr(ensembles, "build", poisoned)
    monkeypatch.setattr(loop, "together", NetworkStack)
    with pytest.raises(EnsembleDiverged, match=r"2 networks are finished\. Seed 1: Training div"):
        srnn.train_ensemble(config, tmp_path, seeds=3)
    for seed in (0, 2):
        alone = srnn.train(config.model_copy(update={"seed": seed}))
        found = srnn.load_run(tmp_path / f"seed-{seed}")
        np.testing.assert_allclose(found.history["loss"], alone.history["loss"], rtol=1e-4)
    with pytest.raises(FileNotFoundError):
        srnn.load_run(tmp_path / "seed-1")


@pytest.mark.parametrize("seeds", [0, (), (1, 1), -1, (0, -2), True, (0, 1.5)])
def test_seeds_that_are_none_are_refused(seeds: Any) -> None:
    with pytest.raises(srnn.SparseRnnError, match="seeds must be a number of networks"):
        srnn.train_ensemble(small_config(), seeds=seeds)


def test_several_processes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(srnn.SparseRnnError, match="left to one process"):
        srnn.train_ensemble(small_config(), seeds=2)


def test_an_ensemble_keeps_activations_in_chunks_as_its_runs_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from sparse_rnn.nn import chunks

    seen: list[int] = []
    run = chunks.run

    def counting(*arguments: Any) -> Any:
        seen.append(arguments[3])
        return run(*arguments)

    monkeypatch.setattr(chunks, "run", counting)
    config = small_config()
    options = srnn.RunOptions(chunk=20)
    runs = srnn.train_ensemble(config, seeds=2, options=options)
    assert set(seen) == {20}
    assert len(seen) >= 2 * 4
    for seed, one in enumerate(runs):
        alone = srnn.train(config.model_copy(update={"seed": seed}), options=options)
        assert same_bits(one.network.state_dict(), alone.network.state_dict())
        assert one.network.chunk is None
