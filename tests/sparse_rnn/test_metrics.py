"""Records, histories and metrics.csv."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sparse_rnn.errors import IncompatibleState
from sparse_rnn.metrics import COLUMNS, History, Record, metrics_writer
from sparse_rnn.scores import MEASURES
from tests.sparse_rnn.helpers import record_of, scores_of


def test_columns_begin_with_step_and_loss() -> None:
    assert COLUMNS[:2] == ("step", "loss")
    assert COLUMNS[-len(MEASURES) :] == MEASURES


def test_histories_survive_csv_exactly(tmp_path: Path) -> None:
    records = [record_of(1), record_of(2, scores_of(accuracy=1 / 3)), record_of(3)]
    with metrics_writer(tmp_path / "metrics.csv") as write:
        for record in records:
            write(record)
    read = History.read_csv(tmp_path / "metrics.csv")
    kept = History.of(record.row() for record in records)
    assert list(read.columns) == list(COLUMNS)
    for name in COLUMNS:
        np.testing.assert_array_equal(read[name], kept[name])
    assert read["loss"].tolist() == [1.5, 0.75, 0.5]
    assert len(read) == 3
    steps, values = read.curve("performance")
    assert (steps.tolist(), values.tolist()) == ([2.0], [1 / 3])


def test_each_line_is_on_the_disk_at_once(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    with metrics_writer(path) as write:
        for step in (1, 2):
            write(record_of(step))
            lines = path.read_text().splitlines()
            assert lines[0].startswith("step,loss,")
            assert lines[step].startswith(f"{step},")
            assert len(lines) == step + 1


def test_a_step_without_an_evaluation_has_empty_cells() -> None:
    assert record_of(2).row()[-4:] == ("", "", "", "")
    assert record_of(2, scores_of(accuracy=0.5)).row()[-4:] == (0.5, 0.5, 0.5, 0.5)
    assert Record(1, 0.5, 1e-3, 2.0, 1.23456).row()[:5] == (1, 0.5, 1e-3, 2.0, 1.235)


def test_an_empty_history_has_all_columns(tmp_path: Path) -> None:
    with metrics_writer(tmp_path / "metrics.csv"):
        pass
    read = History.read_csv(tmp_path / "metrics.csv")
    assert len(read) == 0
    assert read.curve("performance")[0].size == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "step,loss\n1,2\n",
        ",".join(COLUMNS) + "\n1,2\n",
        ",".join(COLUMNS) + "\n" + "x," * 8 + "x",
    ],
)
def test_other_tables_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "metrics.csv").write_text(text)
    with pytest.raises(IncompatibleState, match=r"metrics\.csv has not the columns step,loss"):
        History.read_csv(tmp_path / "metrics.csv")
