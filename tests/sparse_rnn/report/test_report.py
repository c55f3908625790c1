"""The overview figure: a curve a network, a cell a score, and chance by its name."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given, strategies as st
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import sparse_rnn as srnn
from sparse_rnn import report
from sparse_rnn.errors import InvalidArgument, RunConflict
from sparse_rnn.report._curves import LABEL_GAP, spread
from tests.sparse_rnn.helpers import made_run

CURVE = {2: 0.2, 4: 0.6, 6: 0.9}
RUNS = {
    "LM-RNN": made_run(CURVE, ["Go", "Anti", "DMS"]),
    "Autapses": made_run({2: 0.3, 4: 0.5, 6: 0.7}, ["Go", "Anti", "DMS"]),
}


def panels(figure: Figure) -> tuple[Axes, Axes]:
    curves, table = figure.axes
    return curves, table


def texts(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def test_curves_are_one_a_network_and_a_dashed_line_for_chance() -> None:
    curves, _ = panels(report.overview(RUNS))
    *lines, chance = curves.get_lines()
    assert [line.get_label() for line in lines] == list(RUNS)
    for line, values in zip(lines, ([0.2, 0.6, 0.9], [0.3, 0.5, 0.7]), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), [2, 4, 6])
        np.testing.assert_allclose(line.get_ydata(), values, rtol=1e-12)
    assert chance.get_label() == "chance"
    assert set(np.asarray(chance.get_ydata())) == {0.0625}
    assert chance.get_linestyle() == "--"
    assert texts(curves) == ["LM-RNN", "Autapses", "chance 0.06"]
    assert len({to_hex(line.get_color()) for line in (*lines, chance)}) == 3


def test_axes_say_in_words_what_they_show() -> None:
    curves, table = panels(report.overview(RUNS))
    assert curves.get_xlabel() == "gradient steps"
    assert curves.get_ylabel() == "final accuracy on held-out trials, mean over tasks"
    assert curves.get_title(loc="left") == "Learning curves"
    assert table.get_title(loc="left") == "Final accuracy by task"
    assert "chance: the best strategy that ignores the stimuli" in table.get_xlabel()


def test_the_table_has_a_row_a_task_and_a_column_a_network_and_chance() -> None:
    _, table = panels(report.overview(RUNS))
    rows = [label.get_text() for label in table.get_yticklabels()]
    columns = [label.get_text() for label in table.get_xticklabels()]
    assert rows == ["Go", "Anti", "DMS", "mean"]
    assert columns == ["LM-RNN", "Autapses", "chance"]
    assert len(table.texts) == len(table.patches) == len(rows) * len(columns)
    assert sorted(texts(table)) == ["0.06"] * 4 + ["0.70"] * 4 + ["0.90"] * 4


def test_cells_are_where_their_labels_are_and_dark_where_accuracy_is_low() -> None:
    runs = {"low": made_run({1: 0.1}), "high": made_run({1: 0.95})}
    _, table = panels(report.overview(runs))
    centre = {text.get_position(): text for text in table.texts}
    for x in table.get_xticks():
        for y in table.get_yticks():
            assert (x, y) in centre
    low, high = (centre[x, table.get_yticks()[0]] for x in table.get_xticks()[:2])
    assert (low.get_text(), high.get_text()) == ("0.10", "0.95")
    fills = {
        p.get_xy(): sum(p.get_facecolor()[:3]) for p in table.patches if isinstance(p, Rectangle)
    }
    assert fills[0, 0] < fills[1, 0]
    assert (low.get_color(), high.get_color()) == ("white", "black")


def test_a_network_that_was_not_scored_on_a_task_has_a_dash() -> None:
    runs = {"one": made_run({1: 0.5}, ["Go", "DMS"]), "other": made_run({1: 0.25}, ["Go"])}
    _, table = panels(report.overview(runs))
    assert texts(table).count("\N{EN DASH}") == 1
    assert texts(table).count("0.25") == 2


def test_runs_may_be_folders(finished: srnn.Run) -> None:
    assert finished.folder is not None
    figures = [report.overview({"run": source}) for source in (finished, str(finished.folder))]
    one, other = (panels(figure) for figure in figures)
    assert texts(one[1]) == texts(other[1])
    np.testing.assert_array_equal(
        one[0].get_lines()[0].get_ydata(), other[0].get_lines()[0].get_ydata()
    )


def test_no_two_texts_overlap(tmp_path: Path) -> None:
    labels = ["LM-RNN 20x20, d=2", "Autapses 400", "Dense 400", "Dense 256"]
    close = {label: made_run({5: 0.8 + i / 500}) for i, label in enumerate(labels)}
    figure = report.overview(close)
    figure.savefig(tmp_path / "figure.png")
    for ax in figure.axes:
        labelled = [*ax.texts, *ax.get_xticklabels(), *ax.get_yticklabels(), ax.xaxis.label]
        boxes = [text.get_window_extent() for text in labelled if text.get_text()]
        assert len(boxes) > 5
        for i, box in enumerate(boxes):
            assert figure.bbox.contains(box.x0, box.y0)
            assert figure.bbox.contains(box.x1, box.y1)
            assert not any(box.overlaps(other) for other in boxes[:i])


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_figures_can_be_saved(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"figure.{suffix}"
    report.overview(RUNS).savefig(path)
    assert path.stat().st_size > 5000


def test_a_long_suite_and_many_networks_fit() -> None:
    tasks = srnn.data.modcog.suite("mod-cog-168")
    runs = {f"network {i}": made_run({3: i / 10}, tasks) for i in range(9)}
    figure = report.overview(runs)
    figure.draw_without_rendering()
    curves, table = panels(figure)
    assert len(table.texts) == 169 * 10
    # More networks than colours: dashes tell the rest apart.
    styles = {(to_hex(line.get_color()), line.get_linestyle()) for line in curves.get_lines()}
    assert len(styles) == 10
    # The curves keep their shape beside a table of any length.
    assert 0.5 < curves.bbox.width / curves.bbox.height < 2


def test_nothing_global_is_changed() -> None:
    before: dict[str, Any] = dict(mpl.rcParams)  # noqa: TID251 - read, to see that it stays
    report.overview(RUNS)
    assert dict(mpl.rcParams) == before  # noqa: TID251 - compared alone


def test_the_package_does_not_load_matplotlib_and_the_report_not_pyplot() -> None:
    code = (
        "import sys, sparse_rnn\n"
        "assert 'matplotlib' not in sys.modules\n"
        "from sparse_rnn import report\n"
        "assert 'matplotlib' in sys.modules\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


def test_runs_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="runs must be at least one run"):
        report.overview({})
    with pytest.raises(RunConflict, match="holds no run"):
        report.overview({"nothing": tmp_path})


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_labels_are_spread_in_order_and_no_further_than_needed(heights: list[float]) -> None:
    spaced = spread(heights)
    order = np.argsort(heights, kind="stable")
    ordered = np.asarray(spaced)[order]
    assert (np.diff(ordered) >= LABEL_GAP - 1e-9).all()
    assert np.mean(spaced) == pytest.approx(np.mean(heights), abs=1e-9)
    if (np.diff(np.sort(heights)) >= LABEL_GAP).all():
        np.testing.assert_allclose(spaced, heights, atol=1e-9)


def with_bursts(run: srnn.Run, *steps: int) -> srnn.Run:
    """The run, with a loss that bursts at some steps."""
    columns = dict(run.history.columns)
    columns["loss"] = np.where(np.isin(columns["step"], steps), 1e4, columns["loss"])
    return replace(run, history=srnn.evaluation.history.History(columns))


def test_bursts_are_marked_where_they_were_and_explained() -> None:
    runs = {"calm": RUNS["Autapses"], "wild": with_bursts(RUNS["LM-RNN"], 3, 6)}
    curves, _ = panels(report.overview(runs))
    (marks,) = [line for line in curves.get_lines() if line.get_marker() == "x"]
    np.testing.assert_array_equal(marks.get_xdata(), [3, 6])
    np.testing.assert_allclose(marks.get_ydata(), [0.4, 0.9])
    assert "a burst: a gradient norm above 100 or a loss above 10" in curves.get_xlabel()
    calm, _ = panels(report.overview({"calm": RUNS["Autapses"]}))
    assert "burst" not in calm.get_xlabel()


def test_seeds_of_one_network_are_thin_lines_with_a_thick_mean() -> None:
    seeds = {f"LM seed {s}": made_run({2: 0.2, 4: 0.4 + 0.2 * s}, seed=s) for s in (0, 1)}
    curves, table = panels(report.overview(seeds))
    mean, *thin, _chance = curves.get_lines()
    assert mean.get_label() == "LM (2 seeds)"
    np.testing.assert_allclose(mean.get_ydata(), [0.2, 0.5])
    np.testing.assert_allclose([line.get_ydata()[1] for line in thin], [0.4, 0.6])
    assert all(line.get_linewidth() < mean.get_linewidth() for line in thin)
    assert "0.50" in texts(table)


def test_floors_stand_beside_chance_in_curves_and_table() -> None:
    floors = {"no evidence": {"Go": 0.0625, "Anti": 0.5, "DMS": 0.5}}
    curves, table = panels(report.overview(RUNS, floors=floors))
    assert texts(curves)[-2:] == ["chance 0.06", "no evidence 0.35"]
    labels = [label.get_text() for label in table.get_xticklabels()]
    assert labels[-2:] == ["chance", "no\nevidence"]
    with pytest.raises(InvalidArgument, match="with a level for DMS"):
        report.overview(RUNS, floors={"low": {"Go": 0.1, "Anti": 0.1}})
