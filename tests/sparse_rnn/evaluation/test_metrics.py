"""Records, histories and metrics.csv."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sparse_rnn.errors import IncompatibleState
from sparse_rnn.evaluation.history import COLUMNS, History, Record, csv_line
from sparse_rnn.evaluation.scores import MEASURES
from tests.sparse_rnn.helpers import record_of, scores_of


def write_all(path: Path, records: list[Record]) -> None:
    """Write a `metrics.csv`."""
    rows = [COLUMNS, *(record.row() for record in records)]
    path.write_text("".join(csv_line(row) for row in rows))


def test_columns_begin_with_step_and_loss() -> None:
    assert COLUMNS[:2] == ("step", "loss")
    assert COLUMNS[-len(MEASURES) :] == MEASURES


def test_histories_survive_csv_exactly(tmp_path: Path) -> None:
    records = [record_of(1), record_of(2, scores_of(accuracy=1 / 3)), record_of(3)]
    write_all(tmp_path / "metrics.csv", records)
    read = History.read_csv(tmp_path / "metrics.csv")
    kept = History.of(record.row() for record in records)
    assert list(read.columns) == list(COLUMNS)
    for name in COLUMNS:
        np.testing.assert_array_equal(read[name], kept[name])
    assert read["loss"].tolist() == [1.5, 0.75, 0.5]
    assert len(read) == 3
    steps, values = read.curve("performance")
    assert (steps.tolist(), values.tolist()) == ([2.0], [1 / 3])


def test_a_step_without_an_evaluation_has_empty_cells() -> None:
    assert record_of(2).row()[-4:] == ("", "", "", "")
    assert record_of(2, scores_of(accuracy=0.5)).row()[-4:] == (0.5, 0.5, 0.5, 0.5)
    assert Record(1, 0.5, 1e-3, 2.0, 1.23456).row()[:5] == (1, 0.5, 1e-3, 2.0, 1.235)


def test_an_empty_history_has_all_columns(tmp_path: Path) -> None:
    write_all(tmp_path / "metrics.csv", [])
    read = History.read_csv(tmp_path / "metrics.csv")
    assert len(read) == 0
    assert read.curve("performance")[0].size == 0


def test_the_time_to_a_level_is_that_of_the_first_evaluation_there() -> None:
    scores = {2: 0.3, 4: 0.6, 6: 0.5, 8: 0.7}
    records = [
        record_of(step, scores_of(accuracy=scores[step]) if step in scores else None)
        for step in range(1, 9)
    ]
    history = History.of(record.row() for record in records)
    assert history.reached(0.3) == (2, 1.0)  # half a second a step
    assert history.reached(0.55, "final_accuracy") == (4, 2.0)
    assert history.reached(0.61) == (8, 4.0)
    assert history.reached(0.71) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "step,loss\n1,2\n",
        ",".join(COLUMNS) + "\n1,2\n",
        ",".join(COLUMNS) + "\n" + "x," * 8 + "x\n",
    ],
)
def test_other_tables_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "metrics.csv").write_text(text)
    with pytest.raises(IncompatibleState, match=r"metrics\.csv has not the columns step,loss"):
        History.read_csv(tmp_path / "metrics.csv")


def test_bursts_are_steps_with_a_large_gradient_or_loss() -> None:
    rows = [(1, 2.8, 100.0), (2, 2.8, 100.1), (3, 10.1, 1.0), (4, 10.0, 1.0), (5, 9e5, 3e6)]
    records = [Record(step, loss, 1e-3, norm, 0.1 * step) for step, loss, norm in rows]
    history = History.of(record.row() for record in records)
    assert history.bursts().tolist() == [2, 3, 5]
    assert [record.is_burst for record in records] == [False, True, True, False, True]
    assert history.told_bursts() == (
        "bursts at 3 of 5 steps (first at step 2; largest loss 9e+05, largest gradient norm 3e+06)"
    )
    calm = History.of([records[0].row()])
    assert (calm.bursts().tolist(), calm.told_bursts()) == ([], "")
