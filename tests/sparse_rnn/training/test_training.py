"""The training loop: determinism, what each setting does, how it fails, that it learns."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch

import sparse_rnn as srnn
from sparse_rnn.data import task_stream
from sparse_rnn.errors import InvalidArgument, TrainingDiverged
from sparse_rnn.training.objective import Objective
from sparse_rnn.training.progress import OnStep
from sparse_rnn.training.run import streams
from tests.sparse_rnn.helpers import same_bits, small_config


def outcome(run: srnn.Run) -> dict[str, np.ndarray]:
    """Everything in a run that its configuration decides: curves, scores and weights."""
    curves = {name: column for name, column in run.history.columns.items() if name != "elapsed_s"}
    weights = {name: value.numpy() for name, value in run.network.state_dict().items()}
    accuracy = {"evaluation": run.evaluation.final_accuracy, "trials": run.evaluation.n_trials}
    return {**curves, **weights, **accuracy}


def differ(one: srnn.Run, other: srnn.Run) -> bool:
    """Whether two runs differ in anything that their configuration decides."""
    ours, theirs = outcome(one), outcome(other)
    return not all(np.array_equal(ours[name], theirs[name], equal_nan=True) for name in ours)


@pytest.fixture(scope="module")
def base() -> srnn.Run:
    return srnn.train(small_config())


def test_one_configuration_is_one_run_to_the_bit(base: srnn.Run) -> None:
    again = srnn.train(small_config())
    assert again is not base
    assert same_bits(base.network.state_dict(), again.network.state_dict())
    assert not differ(base, again)
    assert base.evaluation.rows() == again.evaluation.rows()


def test_global_generators_are_left_alone() -> None:
    torch_state, numpy_state = torch.random.get_rng_state(), np.random.get_state()  # noqa: NPY002, TID251 - the check
    srnn.train(small_config(steps=2))
    assert torch.equal(torch.random.get_rng_state(), torch_state)
    after = np.random.get_state()  # noqa: NPY002, TID251 - the check
    np.testing.assert_array_equal(after[1], numpy_state[1])
    assert after[2:] == numpy_state[2:]


def test_a_run_does_not_depend_on_global_generators(base: srnn.Run) -> None:
    torch.rand(3)
    assert not differ(base, srnn.train(small_config()))


# One other value for each setting.
CHANGES: dict[str, dict[str, Any]] = {
    "suite": {"suite": ("Go", "Anti")},
    "arch": {"arch": "autapse", "radius": None},
    "size": {"size": (4, 5)},
    "radius": {"radius": 2},
    "mask_options": {"mask_options": {"periodic": False}},
    "steps": {"steps": 5},
    "weights": {"weights": {"Go": 0}},
    "stages": {"stages": (("Go", 2), ("DlyGo", 2))},
    "curriculum": {"curriculum": "own:none"},  # refused, as it comes with a function
    "continual": {"stages": (("Go", 2), ("DlyGo", 2)), "continual": "ewc"},
    "continual_options": {
        "stages": (("Go", 2), ("DlyGo", 2)),
        "continual": "ewc",
        "continual_options": {"strength": 1e4},
    },
    "rules": {"rules": "factors"},
    "sparsifier": {"sparsifier": "set", "sparsifier_options": {"every": 2}},
    "sparsifier_options": {"sparsifier": "set", "sparsifier_options": {"every": 1}},
    "batch_size": {"batch_size": 3},
    "seq_len": {"seq_len": 60},
    "lr": {"lr": 1e-3},
    "targets": {"targets": "ring", "objective": "squared_error"},
    "objective": {"objective": "own:none"},  # refused, as it comes with a function
    "optimiser": {"optimiser": "sgd"},
    "optimiser_options": {"optimiser_options": {"betas": (0.5, 0.9)}},
    "l1_proximal": {"l1_proximal": 10.0},
    "activity_l1": {"activity_l1": 1.0},
    "activity_l2": {"activity_l2": 1.0},
    "rate_target": {"rate_target": 1.0},
    "rate_weight": {"rate_target": 0.0, "rate_weight": 5.0},
    "truncate": {"truncate": 5},
    "carry_states": {"carry_states": True},
    "start": {"start": "0" * 64},  # refused, as it comes with weights
    "freeze": {"freeze": ("input",)},
    "new_rules": {"new_rules": 1},
    "rates": {"rates": {"recurrent": 0.5}},
    "clip": {"clip": 0.01},
    "schedule": {"schedule": "cosine"},
    "warmup": {"warmup": 2},
    "decay": {"schedule": "linear", "decay": 0.5},
    "decay_every": {"schedule": "step", "decay_every": 2},
    "l1": {"l1": 0.1},
    "l2": {"l2": 0.1},
    "stop_at": {"stop_at": 1e-9, "stop_measure": "final_accuracy"},
    "stop_measure": {"stop_at": 0.05, "stop_measure": "final_accuracy"},
    "seed": {"seed": 0},
    "init": {"init": "torch"},
    "init_gain": {"init_gain": 0.5},
    "cell": {"cell": "gru"},
    "nonlinearity": {"nonlinearity": "tanh"},
    "tau": {"cell": "leaky", "tau": 200.0},
    "recurrent_noise": {"cell": "leaky", "recurrent_noise": 0.1},
    "recurrence": {"recurrence": "frozen"},
    "inhibitory": {"inhibitory": 0.25},
    "backend": {"backend": "reference"},
    "eval_every": {"eval_every": 3},
    "eval_batches": {"eval_batches": 2},
    "final_batches": {"final_batches": 3},
    "precision": {"precision": "bf16"},
    "dt": {"dt": 50.0},
    "noise": {"noise": "yang"},  # the tasks of this run have no other noise
}


def test_every_setting_has_a_test_that_it_changes_something() -> None:
    assert set(CHANGES) == set(srnn.TrainConfig.model_fields)


@pytest.mark.parametrize(
    "setting",
    [name for name in CHANGES if name not in ("backend", "objective", "curriculum", "start")],
)
def test_every_setting_changes_something(base: srnn.Run, setting: str) -> None:
    assert differ(base, srnn.train(small_config(**CHANGES[setting])))


# Settings that count beside another one only: the same run with two values of them.
PAIRS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {"sparsifier": "set", "sparsifier_options": {"every": 1}},
        {"sparsifier_options": {"every": 2}},
    ),
    ({"schedule": "linear"}, {"decay": 0.5}),
    ({"schedule": "cosine"}, {"decay": 0.5}),
    ({"schedule": "step", "decay_every": 3}, {"decay": 0.5}),
    ({"schedule": "step", "decay_every": 3}, {"decay_every": 2}),
    ({"schedule": "cosine"}, {"schedule": "linear"}),
    ({"stop_at": 0.05}, {"stop_measure": "final_accuracy"}),
    ({"stop_measure": "final_accuracy"}, {"stop_at": 0.05}),
    ({"stages": (("Go", 1), ("DlyGo", 3))}, {"continual": "ewc"}),
    (
        {"stages": (("Go", 1), ("DlyGo", 3)), "continual": "ewc"},
        {"continual_options": {"strength": 1e4}},
    ),
    (
        {"stages": (("Go", 1), ("DlyGo", 3)), "continual": "projection"},
        {"continual_options": {"alpha": 1.0}},
    ),
]


@pytest.mark.parametrize(("settings", "change"), PAIRS)
def test_settings_that_go_with_another_one_change_something(
    settings: dict[str, Any], change: dict[str, Any]
) -> None:
    one = srnn.train(small_config(**settings))
    assert differ(one, srnn.train(small_config(**{**settings, **change})))


def test_the_backend_changes_the_kernel_and_hardly_the_numbers(base: srnn.Run) -> None:
    other = srnn.train(small_config(backend="reference"))
    assert base.network.rnn.backend != other.network.rnn.backend == "reference"
    theirs = other.network.state_dict()
    for name, value in base.network.state_dict().items():
        torch.testing.assert_close(value, theirs[name], rtol=1e-4, atol=1e-5)


def test_clipping_limits_the_step_and_none_is_no_limit(base: srnn.Run) -> None:
    norms = base.history["grad_norm"]
    free = srnn.train(small_config(clip=1e9))
    config = small_config()
    unlimited = srnn.train(srnn.TrainConfig(**{**config.model_dump(), "clip": None}))
    assert not differ(free, unlimited)
    tight = srnn.train(small_config(clip=float(norms[0]) / 2))
    # The first gradient is the same, and it is recorded before it is clipped.
    assert tight.history["grad_norm"][0] == norms[0] == free.history["grad_norm"][0]


def test_records_are_one_a_step_with_scores_where_they_are_due(base: srnn.Run) -> None:
    run = srnn.train(small_config(steps=5, eval_every=2))
    assert run.history["step"].tolist() == [1, 2, 3, 4, 5]
    assert run.history.curve("performance")[0].tolist() == [2, 4, 5]
    assert (np.diff(run.history["elapsed_s"]) >= 0).all()
    assert set(run.history["lr"]) == {run.config.lr}
    # The longer run began as the shorter one did.
    np.testing.assert_array_equal(run.history["loss"][:4], base.history["loss"])


def test_training_and_held_out_trials_are_independent() -> None:
    training, held_out = streams(small_config(batch_size=20))
    one, other = training.batch(0), held_out.batch(0)
    # Most fixation inputs agree by the structure of the tasks, stimuli and noise do not.
    assert not torch.equal(one.targets, other.targets)
    again = streams(small_config(batch_size=20))[1]
    assert torch.equal(again.batch(0).inputs, other.inputs)


def test_the_loss_is_the_masked_cross_entropy() -> None:
    batch = task_stream("Go", batch_size=3, seq_len=37, seed=0).batch(0)
    assert 0 < float(batch.mask.mean()) < 1
    logits = torch.randn((37, 3, 17), generator=torch.Generator().manual_seed(0))
    logp = logits.double().log_softmax(-1).numpy()
    mask, targets = batch.mask.numpy(), batch.targets.numpy()
    total = sum(-float(mask[t, b]) * logp[t, b, targets[t, b]] for t in range(37) for b in range(3))
    expected = total / float(mask.sum())
    objective = Objective(torch.nn.Identity(), srnn.FitConfig().minimised)
    assert objective(logits, None, batch)[0].item() == pytest.approx(expected, rel=1e-5)
    # What is padding counts for nothing.
    logits[batch.mask == 0] = 50 * torch.rand(17, generator=torch.Generator().manual_seed(1))
    assert objective(logits, None, batch)[0].item() == pytest.approx(expected, rel=1e-5)


def test_a_run_that_diverges_ends_with_an_error_that_says_what_to_try() -> None:
    with pytest.raises(TrainingDiverged, match=r"step \d+.*lr 1e\+30.*try a lower lr") as caught:
        srnn.train(small_config(lr=1e30, steps=20))
    assert 1 <= caught.value.step <= 20


def test_names_of_tasks_are_checked_before_anything_is_written(tmp_path: Any) -> None:
    with pytest.raises(InvalidArgument, match=r"suite must be .* Did you mean"):
        srnn.train(small_config(suite="cog-21"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_progress_sees_each_record() -> None:
    seen: list[int] = []

    @contextmanager
    def display(config: srnn.TrainConfig) -> Generator[OnStep]:
        assert config.steps == 4
        yield lambda record: seen.append(record.step)
        seen.append(-1)

    srnn.train(small_config(), progress=display)
    assert seen == [1, 2, 3, 4, -1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arch", "radius", "backend", "floor"),
    [
        ("locality", 2, "dense", 0.9),
        ("autapse", None, "autapse", 0.9),
        # The dense network learns too, but slowly. Chance is 1/16.
        ("dense", None, "dense", 0.3),
    ],
)
def test_networks_learn_to_go(arch: str, radius: float | None, backend: str, floor: float) -> None:
    config = small_config(
        suite=("Go", "Anti"),
        arch=arch,
        radius=radius,
        backend=backend,
        size=(10, 10),
        steps=1600,
        batch_size=20,
        lr=2e-3,
        eval_every=400,
        eval_batches=5,
        final_batches=10,
    )
    run = srnn.train(config)
    assert run.history["loss"][-50:].mean() < 0.3 * run.history["loss"][:10].mean()
    assert run.evaluation.mean("final_accuracy") > floor
    assert run.evaluation.mean("performance") > floor
