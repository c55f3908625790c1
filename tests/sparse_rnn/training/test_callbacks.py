"""What is called after each step: what it is told, and how it ends a run."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch

import sparse_rnn as srnn
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.training.callbacks import Callback
from tests.sparse_rnn.helpers import same_bits, same_outcome
from tests.sparse_rnn.runs.test_resume import OFTEN, Killed, nine


def at(step: int) -> Callback:
    return lambda moment: moment.record.step == step


def test_each_step_comes_with_its_record_and_changes_nothing(tmp_path: Path) -> None:
    seen: list[srnn.Moment] = []
    weights: list[torch.Tensor] = []

    def watch(moment: srnn.Moment) -> None:
        seen.append(moment)
        weights.append(moment.network.rnn.weight_hh.detach().clone())
        lines = (tmp_path / "run" / "metrics.csv").read_text().splitlines()
        assert len(lines) == 1 + moment.record.step

    run = srnn.train(nine(), tmp_path / "run", callbacks=[watch])
    srnn.train(nine(), tmp_path / "other")
    assert same_outcome(tmp_path / "run", tmp_path / "other")
    assert [moment.record.step for moment in seen] == list(range(1, 10))
    assert [moment.record.scores is not None for moment in seen] == [False, False, True] * 3
    assert {moment.folder for moment in seen} == {tmp_path / "run"}
    assert seen[0].config == nine()
    assert torch.equal(weights[-1], run.network.rnn.weight_hh)
    with pytest.raises(dataclasses.FrozenInstanceError):
        seen[0].folder = None


def test_true_ends_the_run_which_is_finished_and_can_be_continued(tmp_path: Path) -> None:
    run = srnn.train(nine(), tmp_path / "run", callbacks=[lambda _: None, at(4)])
    assert len(run.history) == 4
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["ended"] == "callback"
    again = srnn.train(nine(), tmp_path / "run")
    assert len(again.history) == 4
    assert same_bits(again.network.state_dict(), run.network.state_dict())
    short = srnn.train(nine(steps=4))
    assert same_bits(short.network.state_dict(), run.network.state_dict())
    srnn.train(nine(), tmp_path / "longer", continue_from=tmp_path / "run")
    srnn.train(nine(), tmp_path / "whole")
    assert same_outcome(tmp_path / "longer", tmp_path / "whole")


def test_a_run_with_lost_lines_is_still_refused(tmp_path: Path) -> None:
    srnn.train(nine(), tmp_path / "run")
    path = tmp_path / "run" / "metrics.csv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(srnn.SparseRnnError, match="not one for each of the 9 steps"):
        srnn.load_run(tmp_path / "run")


def test_an_interrupted_run_calls_again_for_the_steps_since_its_checkpoint(tmp_path: Path) -> None:
    seen: list[int] = []

    def killing(moment: srnn.Moment) -> bool:
        seen.append(moment.record.step)
        if len(seen) == 5:
            raise Killed
        return moment.record.step == 6

    for _ in range(2):
        try:
            run = srnn.train(nine(), tmp_path / "run", options=OFTEN, callbacks=[killing])
        except Killed:
            continue
    assert seen == [1, 2, 3, 4, 5, 5, 6]
    assert len(run.history) == 6


def test_each_run_of_an_ensemble_is_told_of_and_ended_alone() -> None:
    def first(moment: srnn.Moment) -> bool:
        return moment.config.seed == 0 and moment.record.step == 2

    runs = srnn.train_ensemble(nine(), seeds=2, callbacks=[first])
    assert [len(run.history) for run in runs] == [2, 9]


@pytest.mark.parametrize("callbacks", [None, 3, [3], at(1)])
def test_what_is_no_list_of_functions_is_refused(callbacks: object) -> None:
    with pytest.raises(InvalidArgument, match="callbacks must be a list of functions"):
        srnn.train(nine(), callbacks=callbacks)


def test_an_answer_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="functions that return True"):
        srnn.train(nine(), callbacks=[lambda _: 1])
