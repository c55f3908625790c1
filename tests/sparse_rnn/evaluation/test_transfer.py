"""Stage matrices: transfer and forgetting against loops over stages and tasks, and tables."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from sparse_rnn.errors import IncompatibleState, InvalidArgument, RunDamaged, UnknownName
from sparse_rnn.evaluation.scores import MEASURES, TaskScores
from sparse_rnn.evaluation.transfer import StageMatrix


def scores(values: dict[str, float]) -> TaskScores:
    """An evaluation in which the task has this performance, and half of it in other measures."""
    return TaskScores.from_rows(
        {
            "task": task,
            "n_trials": 10,
            "chance": 0.1,
            **{name: value if name == "performance" else value / 2 for name in MEASURES},
        }
        for task, value in values.items()
    )


def one_after_another(table: NDArray[np.float64]) -> StageMatrix:
    """A stage a task, as in the papers; the first row is before training."""
    n = table.shape[1]
    names = tuple(f"task {i}" for i in range(n))
    return StageMatrix(names, names, table[1:], np.eye(n, dtype=bool), table[0])


@given(st.integers(2, 6).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, 10**6))))
@settings(max_examples=50, deadline=None)
def test_one_task_a_stage_is_the_formula_of_the_papers(drawn: tuple[int, int]) -> None:
    n, seed = drawn
    table = np.random.default_rng(seed).random((n + 1, n))
    matrix, r = one_after_another(table), table[1:]
    # Lopez-Paz & Ranzato (2017), equations 2 to 4, counted from 0.
    assert matrix.average() == pytest.approx(sum(r[-1]) / n)
    backward = sum(r[-1, i] - r[i, i] for i in range(n - 1)) / (n - 1)
    assert matrix.backward_transfer() == pytest.approx(backward)
    forward = sum(r[i - 1, i] - table[0, i] for i in range(1, n)) / (n - 1)
    assert matrix.forward_transfer() == pytest.approx(forward)
    # Chaudhry et al. (2018), equation 3, cut at 0; stages before the task's own do not count.
    for i, fell in enumerate(matrix.forgetting()[:-1]):
        assert fell == pytest.approx(max(0.0, max(r[m, i] for m in range(i, n - 1)) - r[-1, i]))
    assert math.isnan(matrix.forgetting()[-1])


def test_a_task_of_several_stages_counts_from_its_first_and_its_last() -> None:
    matrix = StageMatrix.of(
        [
            scores({"Go": 0.9, "Anti": 0.2, "DMS": 0.3}),
            scores({"Go": 0.5, "Anti": 0.8, "DMS": 0.3}),
            scores({"Go": 0.7, "Anti": 0.6, "DMS": 0.4}),
        ],
        [["Go"], ["Go", "Anti"], ["Go"]],
        before=scores({"Go": 0.0, "Anti": 0.1, "DMS": 0.2}),
    )
    assert matrix.stages == ("1", "2", "3")
    # Go is trained to the end, DMS never.
    assert matrix.backward_transfer() == pytest.approx(0.6 - 0.8)
    assert matrix.forward_transfer() == pytest.approx(((0.2 - 0.1) + (0.4 - 0.2)) / 2)
    assert matrix.forgetting()[:2].tolist() == pytest.approx([0.2, 0.2])
    assert math.isnan(matrix.forgetting()[2])
    assert matrix.average() == pytest.approx((0.7 + 0.6) / 2)


def test_without_scores_before_training_there_is_no_forward_transfer() -> None:
    matrix = StageMatrix.of([scores({"Go": 0.9, "Anti": 0.2})], [["Go"]], measure="final_accuracy")
    assert matrix.scores.tolist() == [[0.45, 0.1]]
    assert math.isnan(matrix.forward_transfer())
    assert math.isnan(matrix.backward_transfer())


GO = scores({"Go": 0.9, "Anti": 0.2})


@pytest.mark.parametrize(
    ("ends", "trained", "more", "error", "named"),
    [
        ([], [], {}, InvalidArgument, "trained"),
        ([GO], [["Go"], ["Anti"]], {}, InvalidArgument, "trained"),
        ([GO], [["Goo"]], {}, InvalidArgument, "Goo"),
        ([GO], [[]], {}, InvalidArgument, "trained"),
        ([GO, scores({"Go": 0.9})], [["Go"], ["Go"]], {}, InvalidArgument, "ends"),
        ([GO], [["Go"]], {"before": scores({"DMS": 0.1})}, InvalidArgument, "ends"),
        ([GO], [["Go"]], {"measure": "accuracy"}, UnknownName, "accuracy"),
        ([GO, GO], [["Go"], ["Go"]], {"stages": ["a", "a"]}, InvalidArgument, "stages"),
        ([GO], [["Go"]], {"stages": ["before"]}, InvalidArgument, "stages"),
        ([scores({"Go": math.nan})], [["Go"]], {}, InvalidArgument, "scores"),
        ([scores({"Go": 1.5})], [["Go"]], {}, InvalidArgument, "scores"),
    ],
)
def test_evaluations_that_make_no_matrix_are_refused(
    ends: list[TaskScores],
    trained: list[list[str]],
    more: dict[str, object],
    error: type[Exception],
    named: str,
) -> None:
    with pytest.raises(error, match=named):
        StageMatrix.of(ends, trained, **more)  # type: ignore[arg-type] - wrong on purpose


@given(st.integers(0, 10**6), st.booleans())
@settings(max_examples=20, deadline=None)
def test_a_table_reads_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, seed: int, known: bool
) -> None:
    rng = np.random.default_rng(seed)
    trained = rng.random((3, 4)) < 0.5
    trained[:, 0] = True
    tasks = ("Go", "DM1", "=1+1", "b,c")
    before = rng.random(4) if known else None
    matrix = StageMatrix(("1", "2", "x"), tasks, rng.random((3, 4)), trained, before)
    path = tmp_path_factory.mktemp("table") / "stages.csv"
    matrix.write_csv(path)
    again = StageMatrix.read_csv(path)
    assert (again.stages, again.tasks) == (matrix.stages, matrix.tasks)
    assert np.array_equal(again.scores, matrix.scores)
    assert np.array_equal(again.trained, matrix.trained)
    assert (again.before is None) == (before is None)
    assert before is None or np.array_equal(again.before, before)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "stage,task\n1,Go\n",
        "stage,task,score,trained\n",
        "stage,task,score,trained\n1,Go,0.5,1\n1,Go,0.5,1\n",
        "stage,task,score,trained\n1,Go,0.5,yes\n",
        "stage,task,score,trained\n1,Go,nan,1\n",
        "stage,task,score,trained\n1,Go,0.5,1\n2,Anti,0.5,1\n",
        "stage,task,score,trained\nbefore,Go,0.5,0\n",
    ],
)
def test_other_tables_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "stages.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises((IncompatibleState, RunDamaged)):
        StageMatrix.read_csv(path)
