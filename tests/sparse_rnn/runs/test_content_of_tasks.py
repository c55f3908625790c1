"""A name of a suite or a task that is registered anew stands for other tasks: no run mixes them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import modcog
import sparse_rnn as srnn
from sparse_rnn.errors import RunConflict, UnknownName
from sparse_rnn.sweep.naming import folder_of
from sparse_rnn.sweep.validation import check_results
from tests.sparse_rnn.killed_runs import left_at, nine

NAME = "of-this-test"
MATCH = "had other content than those of the same names have now"


@contextmanager
def registered(*tasks: str) -> Generator[None]:
    modcog.register_suite(NAME, list(tasks))
    try:
        yield
    finally:
        modcog.unregister(NAME)


def config(**changes: Any) -> srnn.TrainConfig:
    return nine(suite=NAME, **changes)


def test_no_way_leads_into_a_run_of_a_suite_that_changed(tmp_path: Path) -> None:
    with registered("Go", "DlyGo"):
        srnn.train(config(), tmp_path / "done")
        left_at(tmp_path / "half", 5, config())
        srnn.train(config(), folder_of(tmp_path / "sweep", config()))
        srnn.train(config(), tmp_path / "done")
        check_results([config()], tmp_path / "sweep")
    with registered("Go", "Anti"):
        with pytest.raises(RunConflict, match=MATCH):
            srnn.train(config(), tmp_path / "done")
        with pytest.raises(RunConflict, match=MATCH):
            srnn.train(config(), tmp_path / "half")
        with pytest.raises(RunConflict, match=MATCH):
            srnn.train(config(steps=12), tmp_path / "longer", continue_from=tmp_path / "done")
        with pytest.raises(RunConflict, match=MATCH):
            check_results([config()], tmp_path / "sweep")
        assert srnn.load_run(tmp_path / "done").evaluation.tasks == ("Go", "DlyGo")
    with pytest.raises(UnknownName):
        srnn.train(config(), tmp_path / "half")
    with registered("Go", "DlyGo"):
        srnn.train(config(), tmp_path / "half")


def own(name: str, coherence: float) -> Any:
    spec = modcog.task("DM1", coherences=(coherence, 0.4))
    return dataclasses.replace(spec, base=name)


def test_a_task_that_changed_is_another_one(tmp_path: Path) -> None:
    name = "OwnOfThisTest"
    run = nine(suite=(name, "Go"))
    modcog.register_task(own(name, 0.1))
    try:
        srnn.train(run, tmp_path / "run")
        modcog.register_task(own(name, 0.2), replace=True)
        with pytest.raises(RunConflict, match=MATCH):
            srnn.train(run, tmp_path / "run")
    finally:
        modcog.unregister(name)


def test_a_run_that_has_not_written_down_its_tasks_is_taken(tmp_path: Path) -> None:
    with registered("Go", "DlyGo"):
        srnn.train(config(), tmp_path / "run")
    path = tmp_path / "run" / "config.json"
    record = json.loads(path.read_text())
    assert len(record.pop("tasks_sha256")) == 64
    path.write_text(json.dumps(record))
    with registered("Go", "Anti"):
        assert srnn.train(config(), tmp_path / "run").evaluation.tasks == ("Go", "DlyGo")
