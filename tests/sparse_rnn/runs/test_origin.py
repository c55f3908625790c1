"""Runs that go on from another one, to more steps."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

import sparse_rnn as srnn
from sparse_rnn.errors import InvalidArgument, RunConflict
from sparse_rnn.runs.checkpoint import Store
from sparse_rnn.system.lock import locked
from tests.sparse_rnn.helpers import (
    contents,
    lines_without_clock,
    same_bits,
    same_outcome,
    small_config,
)
from tests.sparse_rnn.killed_runs import Killed, killer

OFTEN = srnn.RunOptions(checkpoint_every=5)


def of(steps: int, **changes: Any) -> srnn.TrainConfig:
    return small_config(**{"steps": steps, "eval_every": 7, **changes})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders of runs of 20 and of 40 steps, each from the start."""
    folder = tmp_path_factory.mktemp("made")
    for steps in (20, 40):
        srnn.train(of(steps), folder / str(steps), options=OFTEN)
    return folder


KINDS: dict[str, dict[str, Any]] = {
    "a step schedule and a warm-up": {"schedule": "step", "decay_every": 15, "warmup": 3},
    "penalties": {"l1": 1e-3, "l2": 1e-3},
    "noise in the units": {"cell": "leaky", "recurrent_noise": 0.1, "backend": "dense"},
    "evaluations that meet": {"eval_every": 5},
    "a target": {"stop_at": 1.0},
}


@pytest.mark.parametrize("left_at", [None, 13])
def test_a_longer_run_has_the_bits_of_one_from_the_start(
    left_at: int | None, made: Path, tmp_path: Path
) -> None:
    origin = made / "20"
    if left_at is not None:
        origin = tmp_path / "origin"
        with pytest.raises(Killed):
            srnn.train(of(20), origin, progress=killer(left_at), options=OFTEN)
    before = contents(origin)
    run = srnn.train(of(40), tmp_path / "run", continue_from=origin)
    assert same_outcome(tmp_path / "run", made / "40")
    assert len(run.history) == 40
    assert contents(origin) == before
    step = 20 if left_at is None else 10
    record = json.loads((tmp_path / "run" / "config.json").read_text())["continued_from"]
    weights = origin / "weights.safetensors"
    assert record == {
        "folder": str(origin),
        "step": step,
        "steps": 20,
        "config_sha256": sha256(of(20).to_json().encode()).hexdigest(),
        "checkpoint_sha256": sha256(
            (origin / "checkpoint" / f"step-{step:08d}.safetensors").read_bytes()
        ).hexdigest(),
        "weights_sha256": sha256(weights.read_bytes()).hexdigest() if left_at is None else None,
    }


@pytest.mark.parametrize("name", KINDS)
def test_whatever_does_not_depend_on_the_number_of_steps_can_go_on(
    name: str, tmp_path: Path
) -> None:
    srnn.train(of(10, **KINDS[name]), tmp_path / "short")
    srnn.train(of(20, **KINDS[name]), tmp_path / "whole")
    srnn.train(of(20, **KINDS[name]), tmp_path / "run", continue_from=tmp_path / "short")
    assert same_outcome(tmp_path / "run", tmp_path / "whole")


def test_in_memory_and_for_any_module(made: Path, tmp_path: Path) -> None:
    run = srnn.train(of(40), continue_from=made / "20")
    whole = srnn.load_run(made / "40")
    assert same_bits(run.network.state_dict(), whole.network.state_dict())
    assert run.history["loss"].tolist() == whole.history["loss"].tolist()
    config = srnn.FitConfig(suite="Go", steps=2, eval_batches=1, final_batches=1, seq_len=45)
    longer = config.model_copy(update={"steps": 4})

    def network() -> srnn.Network:
        return srnn.Network(34, 17, srnn.masks.autapse(4), seed=1)

    srnn.fit(network(), config, tmp_path / "two")
    four = srnn.fit(network(), longer, tmp_path / "four", continue_from=tmp_path / "two")
    assert same_bits(four.network.state_dict(), srnn.fit(network(), longer).network.state_dict())


def test_a_run_that_has_begun_needs_the_other_no_more(made: Path, tmp_path: Path) -> None:
    origin = shutil.copytree(made / "20", tmp_path / "origin")
    with pytest.raises(Killed):
        srnn.train(of(40), tmp_path / "run", progress=killer(23), continue_from=origin)
    assert Store(tmp_path / "run").steps() == [20]
    shutil.rmtree(origin)
    # By the same command, or without the other.
    srnn.train(of(40), tmp_path / "run", progress=killer(99), continue_from=origin)
    assert same_outcome(tmp_path / "run", made / "40")
    assert "continued_from" in json.loads((tmp_path / "run" / "config.json").read_text())
    before = contents(tmp_path / "run")
    srnn.train(of(40), tmp_path / "run", progress=killer(1), continue_from=origin)
    assert contents(tmp_path / "run") == before


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_a_schedule_over_all_steps_is_refused(schedule: str, tmp_path: Path) -> None:
    srnn.train(of(3, schedule=schedule), tmp_path / "short")
    with pytest.raises(InvalidArgument, match="learning rate does not depend on steps; the sched"):
        srnn.train(of(6, schedule=schedule), tmp_path / "run", continue_from=tmp_path / "short")
    assert not (tmp_path / "run").exists()


def test_what_cannot_be_continued_is_refused_and_nothing_is_made(
    made: Path, tmp_path: Path
) -> None:
    bare = shutil.copytree(made / "20", tmp_path / "bare")
    shutil.rmtree(bare / "checkpoint")
    changed = shutil.copytree(made / "20", tmp_path / "changed")
    (changed / "metrics.csv").write_text("step\n")
    out = tmp_path / "run"
    before = contents(tmp_path), contents(made)
    for config, origin, error, message in (
        (of(40), bare, RunConflict, "has no checkpoint to continue from"),
        (of(40), changed, RunConflict, "metrics.csv has lost or changed lines"),
        (of(40), tmp_path / "absent", RunConflict, "holds no run"),
        (of(40, lr=0.1), made / "20", RunConflict, r"differ .* in its steps alone \(lr: 0.002"),
        (of(20), made / "20", InvalidArgument, "steps must be more than the 20"),
        (of(11), made / "20", InvalidArgument, "steps must be more than the 20"),
    ):
        with pytest.raises(error, match=message):
            srnn.train(config, out, continue_from=origin)
        assert not out.exists()
    with pytest.raises(InvalidArgument, match="must be another folder"):
        srnn.train(of(40), made / "20", continue_from=made / "20")
    with locked(bare), pytest.raises(RunConflict, match="is still in use"):
        srnn.train(of(40), out, continue_from=bare)
    assert (contents(tmp_path), contents(made)) == before


def test_a_run_that_reached_its_target_has_nothing_to_go_on_to(tmp_path: Path) -> None:
    target = {"stop_at": 1e-9, "stop_measure": "final_accuracy", "eval_every": 2}
    run = srnn.train(of(9, **target), tmp_path / "short")
    assert len(run.history) < 9
    with pytest.raises(RunConflict, match="has reached its target"):
        srnn.train(of(20, **target), continue_from=tmp_path / "short")


def test_the_command_takes_a_folder(made: Path, tmp_path: Path, capsys: Any) -> None:
    from sparse_rnn.cli import main

    words = (
        "train --suite Go DlyGo --arch locality --size 4x4 --radius 1 --batch-size 2 --seq-len 45 "
        "--eval-every 7 --eval-batches 1 --final-batches 2 --seed 9 --steps 40 "
        f"--out {tmp_path / 'run'} -q"
    ).split()
    assert main([*words, "--continue-from", str(made / "20")]) == 0
    assert same_outcome(tmp_path / "run", made / "40")
    assert lines_without_clock(tmp_path / "run") == lines_without_clock(made / "40")
    assert main([*words, "--continue-from", str(made / "20"), "--seeds", "2"]) == 2
    assert "--continue-from must be left out where --seeds is given" in capsys.readouterr().err
    words[words.index("40")] = "50"
    assert main(words) == 2
    assert "--continue-from" in capsys.readouterr().err
