"""One task after another: what is trained when, what is evaluated, and what is kept of it."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import sparse_rnn as srnn
from sparse_rnn.errors import InvalidArgument, RunConflict, UnknownName
from sparse_rnn.evaluation.transfer import StageMatrix
from sparse_rnn.report.run_page import runs_page
from sparse_rnn.runs import folder as run_folder
from sparse_rnn.runs.checkpoint import Store
from sparse_rnn.sweep import columns
from sparse_rnn.sweep.naming import identity
from sparse_rnn.system.signals import StopRequest
from sparse_rnn.training.run import build, streams
from tests.sparse_rnn.helpers import (
    lines_without_clock,
    masked_cross_entropy,
    same_bits,
    same_outcome,
    small_config,
    weights_of,
)
from tests.sparse_rnn.killed_runs import left_at

STAGES = ((("Go",), 4), ({"DlyGo": 3, "Go": 0}, 5))


def staged(**changes: Any) -> srnn.TrainConfig:
    given = {"stages": STAGES, "steps": None, "eval_every": 3, "eval_batches": 4, **changes}
    return small_config(**given)


def tasks_at(config: srnn.TrainConfig) -> list[set[str]]:
    sampler = streams(config)[0].sampler
    return [set(sampler.trials(i).task.tolist()) for i in range(config.steps)]


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "evaluations.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_each_stage_trains_its_tasks_for_its_steps() -> None:
    config = staged()
    assert config.steps == 9
    assert tasks_at(config) == [{"Go"}] * 4 + [{"DlyGo"}] * 5
    assert tasks_at(small_config(weights={"Go": 0})) == [{"DlyGo"}] * 4


def test_a_run_is_the_one_of_a_plain_loop_over_its_stages() -> None:
    config = staged(clip=1e9)
    training, _, network = build(config)
    optimiser = torch.optim.Adam(network.parameters(), lr=config.lr)
    for batch in training.batches(0, 9):
        network.zero_grad()
        masked_cross_entropy(network(batch.inputs, every_state=False)[0], batch).backward()
        optimiser.step()
    assert same_bits(weights_of(srnn.train(config).network), weights_of(network))


def test_evaluations_are_of_all_tasks_before_and_at_the_end_of_each_stage(tmp_path: Path) -> None:
    run = srnn.train(staged(), tmp_path / "run")
    rows = rows_of(tmp_path / "run")
    assert list(dict.fromkeys(row["step"] for row in rows)) == ["0", "3", "4", "6", "9"]
    assert all(
        {row["task"] for row in rows if row["step"] == step} == {"Go", "DlyGo"}
        for step in ("0", "4", "9")
    )
    assert set(run.evaluation.tasks) == {"Go", "DlyGo"}
    matrix = run.stage_matrix
    assert matrix is not None
    found = {
        (row["step"], row["task"]): float(row["performance"])
        for row in rows
        if row["step"] in ("0", "4", "9")
    }
    for i, step in enumerate(("4", "9")):
        assert matrix.scores[i].tolist() == [found[step, task] for task in matrix.tasks]
    assert matrix.before is not None
    assert matrix.before.tolist() == [found["0", task] for task in matrix.tasks]
    assert matrix.trained.tolist() == [[True, False], [False, True]]
    # The same from the folder, from a loaded run and from the call that reads it back.
    kept = StageMatrix.read_csv(tmp_path / "run" / run_folder.STAGES)
    for one in (kept, srnn.load_run(tmp_path / "run").stage_matrix, again(tmp_path).stage_matrix):
        assert one is not None
        assert np.array_equal(one.scores, matrix.scores)
        assert np.array_equal(one.trained, matrix.trained)
    assert math.isfinite(matrix.backward_transfer())
    assert srnn.train(staged()).stage_matrix is not None
    assert srnn.train(small_config()).stage_matrix is None


def again(folder: Path) -> srnn.Run:
    return srnn.train(staged(), folder / "run")


@pytest.mark.parametrize("step", [1, 3, 4, 5, 7])
def test_a_run_killed_in_a_stage_goes_on_with_the_same_bits(step: int, tmp_path: Path) -> None:
    srnn.train(staged(), tmp_path / "whole")
    left_at(tmp_path / "run", step, staged())
    srnn.train(staged(), tmp_path / "run")
    assert same_outcome(tmp_path / "run", tmp_path / "whole")
    names = ("stages.csv",)
    assert all(
        (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
        for name in names
    )


def _asked(_: StopRequest) -> bool:
    return True


def test_a_run_asked_to_leave_before_its_first_step_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    srnn.train(staged(), tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(StopRequest, "__bool__", _asked)
        with pytest.raises(KeyboardInterrupt):
            srnn.train(staged(), tmp_path / "run")
    assert Store(tmp_path / "run").steps() == [0]
    srnn.train(staged(), tmp_path / "run")
    assert same_outcome(tmp_path / "run", tmp_path / "whole")


def test_ensembles_and_callbacks_have_stages_too(tmp_path: Path) -> None:
    alone = srnn.train(staged(seed=1), tmp_path / "alone")
    together = srnn.train_ensemble(staged(seed=0), tmp_path / "both", seeds=2)
    assert same_outcome(tmp_path / "both" / "seed-1", tmp_path / "alone")
    assert together[1].stage_matrix is not None
    assert alone.stage_matrix is not None
    assert np.array_equal(together[1].stage_matrix.scores, alone.stage_matrix.scores)
    short = srnn.train(staged(), tmp_path / "six", callbacks=[lambda m: m.record.step == 6])
    assert short.stage_matrix is not None
    assert short.stage_matrix.stages == ("1",)
    none = srnn.train(staged(), tmp_path / "two", callbacks=[lambda m: m.record.step == 2])
    assert none.stage_matrix is None
    assert srnn.load_run(tmp_path / "two").stage_matrix is None


def test_a_trainer_of_ones_own_marks_stages() -> None:
    config = staged()
    training, held_out, network = build(config)
    trainer = srnn.Trainer(network, training, held_out, config)
    assert [record.step for record in trainer.records()] == list(range(1, 10))
    assert sorted(trainer.marks) == [0, 4, 9]


def test_several_processes_change_their_tasks_at_the_same_step() -> None:
    config = staged()
    stream = streams(config)[0].staged(config.stage_plan.trained() or (), 3)
    for rank in range(3):
        sampler = stream.shard(rank, 3).sampler
        drawn = [set(sampler.trials(step).task.tolist()) for step in range(9)]
        assert drawn == [{"Go"}] * 4 + [{"DlyGo"}] * 5


def test_stages_survive_json_and_equal_ones_are_one_run() -> None:
    config = staged()
    assert type(config).from_json(config.to_json()) == config
    lists = staged(stages=[["Go", 4], [{"Go": 0.0, "DlyGo": 3.0}, 5]])
    assert lists == config
    assert staged(stages="Go:4,DlyGo=3+Go=0:5") == config
    assert identity(lists) == identity(config)
    assert identity(staged(stages=[("Go", 5), ("DlyGo", 4)])) != identity(config)
    weighted = small_config(weights={"Go": 2, "DlyGo": 1})
    assert type(weighted).from_json(weighted.to_json()) == weighted
    assert identity(weighted) == identity(small_config(weights={"DlyGo": 1.0, "Go": 2}))
    assert identity(small_config(weights=None)) == identity(small_config())
    assert columns.settings(config)["stages"] == '[[["Go"], 4], [[["DlyGo", 3.0], ["Go", 0.0]], 5]]'
    assert columns.settings(small_config())["stages"] is None


@pytest.mark.parametrize(
    ("settings", "error", "text"),
    [
        ({"steps": 8}, InvalidArgument, "steps must be at least 9, the sum"),
        ({"stages": [("Gp", 3)]}, UnknownName, "stages\\[0\\]"),
        ({"stages": [("Go", 3), ("Anti", 3)]}, UnknownName, "stages\\[1\\]"),
        ({"stages": [({"Go": 0, "DlyGo": 0}, 3)]}, InvalidArgument, "above 0"),
        ({"stages": [((1.0,), 3)]}, InvalidArgument, "one a rule slot"),
        ({"stages": [("Go", 0)]}, InvalidArgument, "at least 1"),
        ({"stages": [("Go", 2.5)]}, InvalidArgument, "at least 1"),
        ({"stages": "Go"}, InvalidArgument, "stages"),
        ({"stages": []}, InvalidArgument, "pairs"),
        ({"stages": 3}, InvalidArgument, "pairs"),
        ({"weights": "Go"}, InvalidArgument, "left out with stages"),
        ({"stages": None, "steps": 4, "weights": "Goo"}, UnknownName, "weights"),
        ({"stages": None, "steps": 4, "weights": {}}, InvalidArgument, "at least one task"),
        ({"eval_batches": 1, "suite": "cog-20"}, InvalidArgument, "eval_batches must be enough"),
    ],
)
def test_wrong_stages_are_refused_before_a_folder_is_made(
    settings: Any, error: type[Exception], text: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=text):
        srnn.train(staged(**settings), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_folder_with_other_stages_is_refused(tmp_path: Path) -> None:
    srnn.train(staged(), tmp_path / "run")
    with pytest.raises(RunConflict, match="stages"):
        srnn.train(staged(stages=[("Go", 5), ("DlyGo", 4)]), tmp_path / "run")


def test_runs_without_stages_are_as_before(tmp_path: Path) -> None:
    srnn.train(small_config(), tmp_path / "run")
    assert rows_of(tmp_path / "run")[0]["step"] == "2"
    assert len(lines_without_clock(tmp_path / "run")) == 5
    assert not (tmp_path / "run" / "stages.csv").exists()


def test_the_report_shows_the_stages(tmp_path: Path) -> None:
    run = srnn.train(staged(), tmp_path / "run")
    page = runs_page({"staged": run})
    assert run.stage_matrix is not None
    assert "after stage 2" in page
    assert f"{run.stage_matrix.backward_transfer():.2f} (below 0" in page
    assert "after stage" not in runs_page({"plain": srnn.train(small_config(), tmp_path / "plain")})
