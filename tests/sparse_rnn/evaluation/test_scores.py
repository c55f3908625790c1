"""The table of scores, and its trip through CSV."""

from __future__ import annotations

import math
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, strategies as st

from sparse_rnn.errors import IncompatibleState, UnknownName
from sparse_rnn.evaluation.scores import MEASURES, TaskScores
from tests.sparse_rnn.helpers import scores_of

SHARES = st.floats(0, 1)
ROWS = st.fixed_dictionaries(
    {
        "task": st.sampled_from(["Go", "DlyGo_IntL_SeqR", "DMS"]),
        "n_trials": st.integers(0, 10**9),
        "chance": SHARES,
        **dict.fromkeys(MEASURES, SHARES),
    }
)


@given(st.lists(ROWS, min_size=1, max_size=5))
def test_tables_survive_csv_exactly(rows: list[dict[str, float]]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "evaluation.csv"
        TaskScores.from_rows(rows).write_csv(path)
        again = TaskScores.read_csv(path)
    assert again.rows() == rows
    assert again.tasks == tuple(row["task"] for row in rows)
    assert again.n_trials.dtype == np.int64


def test_a_table_without_a_task_is_damaged(tmp_path: Path) -> None:
    TaskScores.from_rows([]).write_csv(tmp_path / "evaluation.csv")
    with pytest.raises(IncompatibleState, match="is no table with columns task"):
        TaskScores.read_csv(tmp_path / "evaluation.csv")


def test_means_are_over_tasks_and_not_over_trials() -> None:
    rows = [*scores_of(["Go"], 1.0).rows(), *scores_of(["DMS"], 0.5, chance=0.5).rows()]
    rows[0]["n_trials"] = 1000
    table = TaskScores.from_rows(rows)
    for measure in MEASURES:
        assert table.mean(measure) == 0.75
    assert table.mean("chance") == 0.28125
    assert table.mean() == table.mean("performance")
    assert math.isnan(TaskScores.from_rows([]).mean())


def test_measures_that_do_not_exist_are_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'final_accuracy'"):
        scores_of().mean("final_acuracy")


HEADER = "task,n_trials,final_accuracy,decision_accuracy,performance,trajectory_performance,chance"


@pytest.mark.parametrize(
    "text", ["task\nGo\n", HEADER + "\nGo,7,0.5\n", HEADER + "\nGo,many,1,1,1,1,1\n"]
)
def test_other_tables_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "evaluation.csv").write_text(text)
    with pytest.raises(IncompatibleState, match="is no table with columns task,n_trials"):
        TaskScores.read_csv(tmp_path / "evaluation.csv")
