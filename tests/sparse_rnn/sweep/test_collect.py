"""Tables of a sweep: what stands in them, and that other tools read them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

import sparse_rnn as srnn
from sparse_rnn import sweep
from sparse_rnn.evaluation.scores import MEASURES
from sparse_rnn.sweep import store
from tests.sparse_rnn.helpers import SMALL, small_config

GRID = sweep.Grid.of(
    {**SMALL, "radius": None},
    runs=[
        {"arch": "locality", "radius": 1},
        {"arch": "random", "mask_options": {"in_degree": 3}, "noise": "yang"},
    ],
    seed=range(2),
)
DIVERGING = small_config(seed=7)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("collect")
    assert sweep.run(GRID, folder, workers=0).done == 4
    failed = sweep.folder_of(folder, DIVERGING)
    store.note_failure(failed, "TrainingDiverged: at step 3", "Trace", retries=0, final=True)
    return folder


@pytest.fixture(scope="module", name="table")
def _table(results: Path) -> pd.DataFrame:
    return sweep.collect(results, [*GRID.configs(), DIVERGING]).to_pandas()


def test_each_run_has_a_row_with_its_settings_in_the_order_of_the_runs(table: pd.DataFrame) -> None:
    configs = (*GRID.configs(), DIVERGING)
    assert list(table["identity"]) == [sweep.identity(config) for config in configs]
    assert list(table["state"]) == ["done"] * 4 + ["failed"]
    assert set(srnn.TrainConfig.model_fields) <= set(table.columns)
    for config, (_, row) in zip(configs, table.iterrows(), strict=True):
        plain = ("arch", "steps", "lr", "seed", "batch_size", "cell", "nonlinearity", "clip")
        assert [row[name] for name in plain] == [getattr(config, name) for name in plain]
        assert (row["suite"], row["size"], row["n_units"]) == ("Go+DlyGo", "4x4", 16)
        assert json.loads(row["mask_options"]) == dict(config.mask_options)
    assert table["mask_in_degree"].tolist()[2:4] == [3, 3]
    assert table["noise"].isna().tolist() == [False, False, True, True, False]
    assert table["radius"].isna().tolist() == [False, False, True, True, False]


def test_a_run_that_is_done_has_its_results(table: pd.DataFrame, results: Path) -> None:
    for config, (_, row) in zip(GRID.configs(), table.iterrows(), strict=False):
        run = srnn.load_run(sweep.folder_of(results, config))
        for measure in (*MEASURES, "chance"):
            assert row[measure] == run.evaluation.mean(measure)
        assert row["steps_taken"] == len(run.history) == 4
        assert row["seconds"] == run.history["elapsed_s"][-1]
        assert row["n_recurrent"] == run.network.weight_counts()["recurrent"]
        assert row["n_parameters"] == sum(p.numel() for p in run.network.parameters())
        assert (row["ended"], row["n_tasks"], row["n_failures"]) == ("steps", 2, 0)
        assert row["torch"]
        assert row["processor"]
        assert row["threads"] == 1


def test_a_run_that_failed_says_why(table: pd.DataFrame) -> None:
    row = table.iloc[4]
    assert (row["error"], row["n_failures"]) == ("TrainingDiverged: at step 3", 1)
    assert np.isnan(row["performance"])


def test_the_step_at_which_a_level_was_reached_has_a_column(
    finished: srnn.Run, tmp_path: Path
) -> None:
    assert finished.folder is not None
    folder = tmp_path / "runs" / "one"
    shutil.copytree(finished.folder, folder)
    summary = json.loads((folder / "summary.json").read_text())
    level = {"measure": "performance", "level": 0.55, "step": 2, "seconds": 1.5}
    (folder / "summary.json").write_text(json.dumps({**summary, "time_to_accuracy": [level]}))
    (row,) = sweep.collect(tmp_path).to_pylist()
    assert (row["step_at_performance_55"], row["seconds_at_performance_55"]) == (2, 1.5)


@pytest.mark.usefixtures("table")
def test_curves_and_tasks_are_those_of_the_runs(results: Path) -> None:
    curves = pd.read_parquet(results / "sweep-curves.parquet")
    tasks = pd.read_parquet(results / "sweep-tasks.parquet")
    for config in GRID.configs():
        run = srnn.load_run(sweep.folder_of(results, config))
        curve = curves[curves["identity"] == sweep.identity(config)]
        evaluated = ~np.isnan(run.history["performance"])
        for column in ("step", "loss", "lr", "elapsed_s", *MEASURES):
            np.testing.assert_array_equal(curve[column], run.history[column][evaluated])
        own = tasks[tasks["identity"] == sweep.identity(config)]
        assert tuple(own["task"]) == run.evaluation.tasks
        np.testing.assert_array_equal(own["performance"], run.evaluation.performance)
        np.testing.assert_array_equal(own["n_trials"], run.evaluation.n_trials)


@pytest.mark.usefixtures("table")
def test_pandas_polars_and_duckdb_read_and_join_the_tables(results: Path) -> None:
    runs, tasks = results / "sweep.parquet", results / "sweep-tasks.parquet"
    from_pandas = (
        pd.read_parquet(runs)
        .merge(pd.read_parquet(tasks).astype({"identity": str}), on="identity")
        .groupby("arch")["performance_y"]
        .mean()
        .to_dict()
    )
    from_polars = dict(
        pl.read_parquet(runs)
        .join(pl.read_parquet(tasks).cast({"identity": pl.String}), on="identity")
        .group_by("arch")
        .agg(pl.col("performance_right").mean())
        .iter_rows()
    )
    from_duckdb = dict(
        duckdb.sql(
            f"select arch, avg(t.performance) from '{runs}' r join '{tasks}' t using (identity) "
            "group by arch"
        ).fetchall()
    )
    assert set(from_pandas) == {"locality", "random"}
    assert from_pandas == pytest.approx(from_polars)
    assert from_pandas == pytest.approx(from_duckdb)


def test_without_a_list_all_runs_of_the_folder_are_collected(results: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "all.parquet"
    table = sweep.collect(results, out=out)
    assert table.num_rows == 5
    assert sorted(path.name for path in out.parent.iterdir()) == [
        "all-curves.parquet",
        "all-tasks.parquet",
        "all.parquet",
    ]
    assert (
        sweep.collect(results, [small_config(seed=99)], tmp_path / "none.parquet")
        .to_pylist()[0]
        .get("state")
        == "new"
    )


def test_an_empty_folder_gives_empty_tables(tmp_path: Path) -> None:
    assert sweep.collect(tmp_path).num_rows == 0
    assert pd.read_parquet(tmp_path / "sweep-curves.parquet").empty


@pytest.mark.parametrize("name", ["config.json", "summary.json", "evaluation.csv", "metrics.csv"])
def test_a_damaged_run_is_told_and_does_not_stop_the_others(
    finished: srnn.Run, tmp_path: Path, name: str
) -> None:
    assert finished.folder is not None
    for run in ("whole", "damaged"):
        shutil.copytree(finished.folder, tmp_path / "runs" / run)
    (tmp_path / "runs" / "damaged" / name).write_text("broken")
    rows: dict[str, dict[str, Any]] = {
        row["identity"]: row for row in sweep.collect(tmp_path).to_pylist()
    }
    assert rows["whole"]["state"] == "done"
    assert rows["damaged"]["state"] == "damaged"
    assert rows["damaged"]["error"]


def test_rates_have_a_column_each(tmp_path: Path) -> None:
    configs = [small_config(rates=rates) for rates in ({"input": 0.5}, "in_degree")]
    rows = sweep.collect(tmp_path, configs).to_pylist()
    assert [row["rates_input"] for row in rows] == [0.5, 1.0]
    assert [row["rates_recurrent"] for row in rows] == ["1.0", "in_degree"]
