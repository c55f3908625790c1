"""Runs of version 0.1.0: read, or refused with the reason, and never changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch

import sparse_rnn as srnn
from sparse_rnn import sweep
from sparse_rnn.errors import RunConflict
from sparse_rnn.runs.folder import read_config
from tests.sparse_rnn.helpers import contents

MADE = Path(__file__).parent / "runs_of_0_1_0"
"""What `making_runs_of_0_1_0` made with that version."""

FINISHED, KILLED = "73a85f78794d74b4", "7cc01651059f47b5"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return shutil.copytree(MADE, tmp_path / "results")


def test_a_finished_run_is_read(results: Path) -> None:
    run = srnn.load_run(results / "runs" / FINISHED)
    assert len(run.history) == 4
    assert run.evaluation.tasks == ("Go",)
    assert run.network.rnn.mask == srnn.masks.locality((2, 2), radius=1)
    logits, _ = run.network(torch.zeros(3, 2, 34))
    assert torch.isfinite(logits).all()
    assert sweep.identity(run.config) == FINISHED  # Names of runs are those of that version.


@pytest.mark.parametrize("command", ["eval", "analyze", "report"])
def test_commands_read_a_finished_run(command: str, results: Path, tmp_path: Path) -> None:
    from sparse_rnn.cli import main

    folder = results / "runs" / FINISHED
    before = contents(folder)
    out = {"eval": "table.csv", "analyze": "analysis", "report": "page.html"}[command]
    assert main([command, str(folder), "--out", str(tmp_path / out)]) == 0
    assert (tmp_path / out).exists()
    assert contents(folder) == before


@pytest.mark.parametrize("name", [FINISHED, KILLED])
def test_no_run_goes_on_with_other_trials(name: str, results: Path, tmp_path: Path) -> None:
    folder = results / "runs" / name
    config = read_config(folder, srnn.TrainConfig.from_json)
    before = contents(results)
    with pytest.raises(RunConflict, match="streams of trials number 1, and this version"):
        srnn.train(config, folder)
    longer = config.model_copy(update={"steps": 8})
    with pytest.raises(RunConflict, match="streams of trials number 1, and this version"):
        srnn.train(longer, tmp_path / "longer", continue_from=folder)
    assert contents(results) == before
    assert not (tmp_path / "longer").exists()


def test_a_sweep_collects_them_and_adds_none_to_them(results: Path, tmp_path: Path) -> None:
    table = sweep.collect(results, out=tmp_path / "sweep.parquet").to_pydict()
    assert dict(zip(table["identity"], table["state"], strict=True)) == {
        FINISHED: "done",
        KILLED: "begun",
    }
    assert table["streams"] == [1, 1]
    assert pq.read_table(tmp_path / "sweep-tasks.parquet").num_rows == 1
    status = sweep.status(None, results)
    assert (status.done, status.waiting) == (1, 1)
    # Of one sweep, some runs would be on these trials and some on those.
    before = contents(results)
    for name in (FINISHED, KILLED):
        config = read_config(results / "runs" / name, srnn.TrainConfig.from_json)
        new = config.model_copy(update={"seed": 2})
        with pytest.raises(RunConflict, match="streams of trials number 1.*--results"):
            sweep.run([new, config], results, workers=0)
    assert contents(results) == before
