"""The kernel of a run: chosen once, written down, and the same when the run goes on."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import sparse_rnn as srnn
from sparse_rnn.kernels import timing
from tests.sparse_rnn.helpers import same_bits, small_config
from tests.sparse_rnn.killed_runs import Killed, killer

Clock = Callable[[str], list[Any]]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Let the clock say which kernel is the fastest; returns a function, and what was asked."""

    def say(kernel: str) -> list[Any]:
        asked: list[Any] = []

        def fastest(mask: Any, batch_size: int, **how: Any) -> timing.Choice:
            asked.append((mask, batch_size, how))
            return timing.Choice(kernel, "timed", {kernel: 1.0, "other": 2.0})

        monkeypatch.setattr(timing, "fastest", fastest)
        return asked

    return say


def alike(one: Any, other: Any) -> bool:
    """Whether two runs have the same numbers, bit for bit."""
    losses = one.history["loss"].tolist() == other.history["loss"].tolist()
    return losses and same_bits(one.network.state_dict(), other.network.state_dict())


def record(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "config.json").read_text())


def rewrite(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    whole = record(folder)
    change(whole)
    (folder / "config.json").write_text(json.dumps(whole))


OFTEN = srnn.RunOptions(checkpoint_every=1)
TIMED = {"kernel": "dense", "why": "timed", "seconds": {"dense": 1.0, "other": 2.0}}


def test_what_was_chosen_is_used_and_written_down(clock: Clock, tmp_path: Path) -> None:
    asked = clock("dense")
    run = srnn.train(small_config(), tmp_path / "run")
    assert run.network.rnn.backend == "dense"
    network = record(tmp_path / "run")["network"]
    assert network["backend"] == "dense"
    assert network["kernels"] == {"rnn": TIMED}
    ((mask, batch_size, how),) = asked
    assert (mask, batch_size) == (run.network.rnn.mask, 2)
    assert how == {"gates": 0, "nonlinearity": "relu", "dtype": torch.float32, "device": "cpu"}
    clock("sparse_cpu")
    assert srnn.load_run(tmp_path / "run").network.rnn.backend == "dense"
    # And the numbers are those of that kernel.
    assert alike(run, srnn.train(small_config(backend="dense")))


@pytest.mark.parametrize("killed_at", [2, 3])
def test_a_run_that_goes_on_keeps_its_kernel_whatever_the_clock_says(
    killed_at: int, clock: Clock, tmp_path: Path
) -> None:
    clock("dense")
    whole = srnn.train(small_config())
    with pytest.raises(Killed):
        srnn.train(small_config(), tmp_path / "run", progress=killer(killed_at), options=OFTEN)
    asked = clock("sparse_cpu")
    for _ in range(2):  # Unfinished, and finished.
        run = srnn.train(small_config(), tmp_path / "run")
        assert alike(run, whole)
        assert run.network.rnn.backend == "dense"
    (leg,) = record(tmp_path / "run")["continued"]
    assert (leg["kernels"], leg["device"]) == ({"rnn": TIMED}, "cpu")
    assert asked == []


def test_a_run_without_a_checkpoint_begins_again_with_its_kernel(
    clock: Clock, tmp_path: Path
) -> None:
    clock("dense")
    with pytest.raises(Killed):
        srnn.train(small_config(), tmp_path / "run", progress=killer(1))
    assert not list((tmp_path / "run").glob("checkpoint/*"))
    asked = clock("sparse_cpu")
    assert srnn.train(small_config(), tmp_path / "run").network.rnn.backend == "dense"
    assert asked == []


def test_a_longer_run_keeps_the_kernel(clock: Clock, tmp_path: Path) -> None:
    clock("dense")
    srnn.train(small_config(), tmp_path / "short")
    whole = srnn.train(small_config(steps=8))
    asked = clock("sparse_cpu")
    origin = tmp_path / "short"
    longer = srnn.train(small_config(steps=8), tmp_path / "longer", continue_from=origin)
    assert alike(longer, whole)
    assert record(tmp_path / "longer")["network"]["kernels"] == {"rnn": TIMED}
    assert asked == []


@pytest.mark.parametrize("backend", ["dense", "sparse_cpu"])
def test_a_run_from_before_goes_on_with_its_backend(
    backend: str, clock: Clock, tmp_path: Path
) -> None:
    clock(backend)
    with pytest.raises(Killed):
        srnn.train(small_config(), tmp_path / "run", progress=killer(3), options=OFTEN)
    rewrite(tmp_path / "run", lambda whole: whole["network"].pop("kernels"))
    asked = clock("reference")
    assert srnn.train(small_config(), tmp_path / "run").network.rnn.backend == backend
    assert asked == []


def test_a_kernel_that_cannot_serve_any_more_is_replaced_and_said(
    clock: Clock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock("dense")
    with pytest.raises(Killed):
        srnn.train(small_config(), tmp_path / "run", progress=killer(3), options=OFTEN)
    gone = {"kernel": "one of another version", "why": "timed"}
    rewrite(tmp_path / "run", lambda whole: whole["network"]["kernels"].update(rnn=gone))
    with caplog.at_level(logging.WARNING, "sparse_rnn"):
        run = srnn.train(small_config(), tmp_path / "run")
    assert run.network.rnn.backend == "sparse_cpu"
    assert "began with the kernel one of another version and goes on with sparse_cpu" in caplog.text
    (leg,) = record(tmp_path / "run")["continued"]
    assert leg["kernels"]["rnn"]["kernel"] == "sparse_cpu"


def test_on_another_kind_of_device_kernels_are_chosen_anew(clock: Clock, tmp_path: Path) -> None:
    clock("dense")
    with pytest.raises(Killed):
        srnn.train(small_config(), tmp_path / "run", progress=killer(3), options=OFTEN)
    rewrite(tmp_path / "run", lambda whole: whole["network"].update(device="cuda:0"))
    asked = clock("sparse_cpu")
    assert srnn.train(small_config(), tmp_path / "run").network.rnn.backend == "sparse_cpu"
    assert len(asked) == 1


def test_members_of_an_ensemble_are_the_runs_alone(clock: Clock, tmp_path: Path) -> None:
    clock("dense")
    runs = srnn.train_ensemble(small_config(), tmp_path, seeds=2)
    for seed, run in enumerate(runs):
        assert record(tmp_path / f"seed-{seed}")["network"]["kernels"] == {"rnn": TIMED}
        assert alike(run, srnn.train(small_config(seed=seed)))


@pytest.mark.parametrize(
    "changes",
    [
        {"backend": "sparse_cpu"},
        {"precision": "bf16"},
        {
            "arch": "dense",
            "radius": None,
            "sparsifier": "set",
            "sparsifier_options": {"density": 0.5, "every": 2},
        },
    ],
    ids=["given", "bf16", "sparsifier"],
)
def test_what_the_clock_is_not_asked_for(changes: dict[str, Any], clock: Clock) -> None:
    asked = clock("reference")
    assert srnn.train(small_config(**changes)).network.rnn.backend != "reference"
    assert asked == []


def test_layers_of_a_module_of_ones_own_have_kernels_of_their_own(
    clock: Clock, tmp_path: Path
) -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = srnn.MaskedRNN(34, srnn.masks.dense(8))
            self.second = srnn.MaskedGRU(8, srnn.masks.locality((4, 4), radius=1), seed=1)
            self.given = srnn.MaskedRNN(16, srnn.masks.dense(4), backend="reference", seed=2)
            self.readout = srnn.Network(4, 17, srnn.masks.autapse(2), backend="autapse")

        def forward(self, inputs: Tensor) -> Tensor:
            hidden = self.given(self.second(self.first(inputs)[0])[0])[0]
            return self.readout(hidden)[0]

    asked = clock("dense")
    config = srnn.FitConfig(suite="Go", steps=1, batch_size=2, eval_batches=1, final_batches=1)
    fitted = srnn.fit(Two(), config, tmp_path / "run").network
    assert record(tmp_path / "run")["network"]["kernels"] == {"first": TIMED, "second": TIMED}
    assert (fitted.second.backend, fitted.given.backend) == ("dense", "reference")
    assert [how["gates"] for *_, how in asked] == [0, 3]
