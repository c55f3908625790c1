"""`sparse-rnn analyze`, the figures, and what they show, on tiny runs."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.image import imread

import sparse_rnn as srnn
from sparse_rnn import analysis
from sparse_rnn.analysis import _products, figures
from sparse_rnn.analysis.everything import ANALYSES
from sparse_rnn.cli import main
from sparse_rnn.errors import InvalidArgument, NotApplicable, UnknownName
from sparse_rnn.system import palette
from tests.sparse_rnn.helpers import contents, small_config
from tests.sparse_rnn.reading_html import read_page

TASKS = ("Go", "Anti", "DlyGo", "DM1")
POOL: dict[str, Any] = {
    "suite": TASKS,
    "arch": "autapse",
    "radius": None,
    "init": "identity",
    "seq_len": 60,
}


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> srnn.Run:
    folder = tmp_path_factory.mktemp("pool") / "run"
    return srnn.train(small_config(**POOL), folder)


@pytest.fixture(scope="module")
def made(pool: srnn.Run, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder that the command writes for the pool, and what it prints."""
    out = tmp_path_factory.mktemp("out") / "a"
    before = contents(Path(str(pool.folder)))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert main(["analyze", str(pool.folder), "--out", str(out), "--trials", "8"]) == 0
    assert contents(Path(str(pool.folder))) == before
    return out, printed.getvalue()


@pytest.fixture
def _no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write tables alone: pictures take seconds, and one test has looked at all of them."""
    monkeypatch.setattr(_products, "FORMATS", ())


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_analysis_of_a_pool_is_made_or_says_why_not(made: tuple[Path, str]) -> None:
    out, printed = made
    files = sorted(path.name for path in out.iterdir())
    summary = json.loads((out / "analysis.json").read_text())
    done, skipped = summary["analyses"], summary["skipped"]
    assert [*done, *skipped] == [line.split("  ")[0] for line in printed.splitlines()[:-1]]
    assert set(done) | set(skipped) == set(ANALYSES)
    assert set(skipped) <= {"fixed points"}  # A network this young may have none.
    assert summary["settings"] == {"trials": 8, "seed": 0, "max_clusters": 40}
    made = [f for one in done.values() for f in one["files"]]
    assert sorted([*made, "analysis.json", "index.html"]) == files
    for name, entry in done.items():
        assert f"{name:17}  {entry['summary']}" in printed
    last = f"{len(files)} files, all of them on one page: {out / 'index.html'}"
    assert printed.splitlines()[-1] == last


def test_the_page_has_each_figure_with_what_it_shows_and_what_it_does_not(
    made: tuple[Path, str],
) -> None:
    out = made[0]
    summary = json.loads((out / "analysis.json").read_text())
    page = read_page((out / "index.html").read_text())
    drawn = page.all("figure")
    told = [
        (name, caption)
        for one in summary["analyses"].values()
        for name, caption in one["figures"].items()
    ]
    assert len(drawn) == len(told) == len(list(out.glob("*.svg")))
    for figure, (name, caption) in zip(drawn, told, strict=True):
        (words,) = figure.all("figcaption")
        assert caption["shows"] in words.text
        assert caption["hides"] in words.text
        (svg,) = figure.all("svg")
        assert svg.attributes["aria-label"] == caption["shows"]
        assert [link.attributes["href"] for link in words.all("a")] == [
            f"{name}.png",
            f"{name}.svg",
        ]
    titles = [one.text for one in page.all("h2")]
    assert [title.lower() for title in titles[: len(summary["analyses"])]] == [*summary["analyses"]]
    for reason in summary["skipped"].values():
        assert reason in page.text
    targets = {one.attributes.get("id") for one in page.all("section")} | {"top"}
    for link in page.all("a"):
        address = link.attributes["href"]
        assert address[1:] in targets if address.startswith("#") else (out / address).is_file()


def test_ink_and_paper_of_the_figures_are_those_of_the_page(made: tuple[Path, str]) -> None:
    text = (made[0] / "index.html").read_text()
    figures_ = text[text.index("<main") :]
    for color in (palette.INK, palette.PAPER, palette.GREY):
        assert color not in figures_
    assert "currentColor" in figures_


def test_each_figure_is_a_picture_with_ink_in_both_formats(made: tuple[Path, str]) -> None:
    pictures = list(made[0].glob("*.png"))
    assert len(pictures) >= 11
    for path in pictures:
        pixels = imread(path)
        assert min(pixels.shape[:2]) > 200
        assert pixels[..., :3].std() > 0.01
        vector = ElementTree.parse(path.with_suffix(".svg")).getroot()
        assert vector.tag.endswith("svg")


def test_tables_have_the_numbers_of_the_functions(pool: srnn.Run, made: tuple[Path, str]) -> None:
    folder = made[0]
    variance = analysis.task_variance(analysis.record(pool, trials_per_task=8))
    clusters = analysis.cluster(variance)
    rows = read_csv(folder / "task_variance.csv")
    assert [int(row["unit"]) for row in rows] == variance.units.tolist()
    assert [int(row["cluster"]) for row in rows] == (clusters.labels + 1).tolist()
    told = np.array([[float(row[task]) for task in TASKS] for row in rows])
    np.testing.assert_allclose(told.T, variance.values, rtol=1e-6)
    rows = read_csv(folder / "rule_correlations.csv")
    told = np.array([[float(row[task]) for task in TASKS] for row in rows])
    np.testing.assert_allclose(told, analysis.rule_correlations(pool))
    rows = read_csv(folder / "time_constants.csv")
    told = np.array([float(row["tau_ms"]) for row in rows])
    np.testing.assert_allclose(told, analysis.time_constants(pool).tau_ms)
    rows = read_csv(folder / "ablated_weights.csv")
    assert [row["task"] for row in rows] == list(TASKS) * 3
    assert {row["without"] for row in rows} == {"", *analysis.weight_group_parts(pool)}


@pytest.mark.usefixtures("_no_pictures")
def test_a_second_time_gives_the_same_tables_and_other_settings_others(
    pool: srnn.Run, made: tuple[Path, str], tmp_path: Path
) -> None:
    same = analysis.analyze(pool, str(tmp_path / "same"), analysis.AnalysisConfig(trials=8))
    other = analysis.analyze(pool, tmp_path / "other", analysis.AnalysisConfig(8, 3, 4))
    tables = [name for name in same.files if name.endswith(".csv")]
    assert len(tables) >= 7
    for name in tables:
        assert (same.folder / name).read_bytes() == (made[0] / name).read_bytes()
    for name in ("task_variance.csv", "silhouettes.csv", "ablated_clusters.csv"):
        assert (other.folder / name).read_bytes() != (made[0] / name).read_bytes()
    assert len(read_csv(other.folder / "silhouettes.csv")) == 3


@pytest.mark.usefixtures("_no_pictures")
@pytest.mark.parametrize("cell", ["vanilla", "leaky", "gru", "lstm"])
def test_every_cell_has_what_applies_to_it(cell: str, tmp_path: Path) -> None:
    run = srnn.train(small_config(cell=cell, suite=("DlyGo", "DMS"), seq_len=60))
    result = analysis.analyze(run, tmp_path, analysis.AnalysisConfig(trials=4))
    expected = {"time constants"}
    if cell in ("gru", "lstm"):
        expected |= {"weight matrices", "vector addition"}
    assert (
        expected
        <= set(result.skipped)
        <= expected
        | {"fixed points", "clusters", "sheet"}
        | {"ablated clusters", "weight matrices"}
    )
    assert {"rule inputs", "stimulus inputs", "recurrent weights", "trajectories"} <= set(
        result.done
    )


@pytest.mark.usefixtures("_no_pictures")
def test_a_run_without_a_delay_has_no_memory_to_look_at(tmp_path: Path) -> None:
    run = srnn.train(small_config(suite=("Go", "Anti")))
    result = analysis.analyze(run, tmp_path, analysis.AnalysisConfig(trials=4))
    assert "No task of this run has a delay" in result.skipped["trajectories"]
    assert "No task of this run has a delay" in result.skipped["fixed points"]


def test_without_out_files_go_into_the_folder_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_products, "FORMATS", ("svg",))
    srnn.train(small_config(), tmp_path / "run")
    assert main(["analyze", str(tmp_path / "run"), "--trials", "4"]) == 0
    assert (tmp_path / "run" / "analysis" / "analysis.json").is_file()
    # The run is still one that the same command takes for finished.
    assert srnn.train(small_config(), tmp_path / "run").folder == tmp_path / "run"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--trials", "1"], "--trials must be a whole number of at least 2; got 1"),
        (["--seed", "-1"], "--seed must be a whole number of at least 0; got -1"),
        (["--max-clusters", "1"], "--max-clusters must be a whole number of at least 2; got 1"),
    ],
)
def test_bad_numbers_are_refused_before_anything_is_written(
    pool: srnn.Run,
    words: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    assert main(["analyze", str(pool.folder), "--out", str(out), *words]) == 2
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_what_is_no_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", str(tmp_path)]) == 2
    assert "holds no run" in capsys.readouterr().err
    assert main(["analyze", str(tmp_path / "none")]) == 2
    assert list(tmp_path.iterdir()) == []


def test_out_must_not_be_a_file(
    pool: srnn.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = tmp_path / "taken"
    taken.touch()
    assert main(["analyze", str(pool.folder), "--out", str(taken)]) == 2
    assert "--out must be a folder" in capsys.readouterr().err


def made_variance(n_units: int = 12) -> analysis.TaskVariance:
    values = np.eye(3)[:, np.arange(n_units) % 3]
    return analysis.TaskVariance(values, values, np.arange(n_units), ("a", "b", "c"))


def test_the_cluster_figure_sorts_units_by_cluster_and_marks_the_best_cut() -> None:
    variance = made_variance()
    clusters = analysis.cluster(variance)
    matrix, curve, _ = figures.cluster_figure(clusters, variance).axes
    shown = np.asarray(matrix.images[0].get_array())
    np.testing.assert_array_equal(shown, np.repeat(np.eye(3), 4, axis=1))
    assert [label.get_text() for label in matrix.get_yticklabels()] == ["a", "b", "c"]
    assert len(matrix.patches) == 3
    line, point = curve.get_lines()
    np.testing.assert_array_equal(line.get_ydata(), clusters.silhouette)
    assert list(np.asarray(point.get_xdata())) == [3]
    with pytest.raises(InvalidArgument, match="that of the clustered units"):
        figures.cluster_figure(clusters, made_variance(15))


def test_the_sheet_figure_puts_clusters_where_their_units_are() -> None:
    variance = replace(made_variance(11), units=np.arange(1, 12))
    clusters = analysis.cluster(variance)
    mask = srnn.masks.locality((3, 4), radius=1)
    ax = figures.sheet_figure(clusters, mask).axes[0]
    shown = np.asarray(ax.images[0].get_array())
    expected = np.array([-1, *clusters.labels]).reshape(3, 4)
    np.testing.assert_array_equal(shown, expected)
    with pytest.raises(NotApplicable, match="do not lie on a sheet"):
        figures.sheet_figure(clusters, srnn.masks.dense(12))


def test_a_large_weight_matrix_shows_the_largest_weight_of_each_block() -> None:
    mask = srnn.masks.Mask.from_edges(1500, [700, 3], [10, 1499])
    net = srnn.Network(35, 17, mask)
    figure = figures.weight_matrix_figure(net)
    titles = [ax.get_title(loc="left") for ax in figure.axes[:4]]
    assert titles == ["fixation and stimuli", "rules", "recurrent", "output"]
    shown = np.asarray(figure.axes[2].images[0].get_array())
    assert shown.shape == (500, 500)
    weights = net.rnn.weight_hh.detach().numpy()  # In the order of the rows: 3, then 700.
    np.testing.assert_allclose([shown[1, 499], shown[233, 3]], weights)
    assert np.count_nonzero(shown) == 2


def test_the_ablation_figure_has_bars_for_few_parts_and_a_table_for_many(pool: srnn.Run) -> None:
    few = {"one": analysis.Part(units=[0])}
    many = {str(unit): analysis.Part(units=[unit]) for unit in range(5)}
    effect = analysis.ablation_effect(pool, few, trials_per_task=4)
    ax = figures.ablation_figure(effect).axes[0]
    heights = [bar.get_height() for bar in ax.patches]
    assert len(ax.containers) == 4  # Bars of both, and their intervals.
    np.testing.assert_allclose(heights[:4], effect.before.final_accuracy)
    np.testing.assert_allclose(heights[4:], effect.after[0].final_accuracy)
    effect = analysis.ablation_effect(pool, many, trials_per_task=4)
    ax = figures.ablation_figure(effect, "performance").axes[0]
    shown = np.asarray(ax.images[0].get_array())
    np.testing.assert_allclose(shown, effect.change("performance"))
    with pytest.raises(UnknownName, match="measure"):
        figures.ablation_figure(effect, "accuracy")


def test_figures_refuse_what_they_cannot_draw(pool: srnn.Run) -> None:
    recording = analysis.record(pool, trials_per_task=4)
    found = analysis.trajectories(recording, 1)
    with pytest.raises(InvalidArgument, match="at least 2 components"):
        figures.trajectory_figure(found, recording)
    with pytest.raises(InvalidArgument, match="at least one task"):
        figures.addition_figure([])


DRAWN: dict[str, Callable[[srnn.Run], Figure]] = {
    "rules": lambda run: figures.rule_figure(analysis.rule_correlations(run), TASKS),
    "overlap": lambda run: figures.overlap_figure(analysis.input_overlap(run)),
    "circulant": lambda run: figures.circulant_figure(analysis.circulant_structure(run)),
    "weights": lambda run: figures.weight_figure(analysis.weight_groups(run), bins=9),
    "time": lambda run: figures.time_constant_figure(analysis.time_constants(run)),
    "addition": lambda run: figures.addition_figure([analysis.vector_addition(run, "Go")]),
}


@pytest.mark.parametrize("name", DRAWN)
def test_each_axis_of_a_figure_says_what_it_shows_and_nothing_global_changes(
    name: str, pool: srnn.Run
) -> None:
    before = dict(mpl.rcParams)  # noqa: TID251 - read, not changed
    figure = DRAWN[name](pool)
    figure.canvas.draw()
    assert dict(mpl.rcParams) == before  # noqa: TID251 - compared alone
    titles = [ax.get_title(loc="left") for ax in figure.axes if ax.get_label() != "<colorbar>"]
    assert all(titles)


def test_fixed_points_are_drawn_by_kind_with_their_eigenvalues() -> None:
    net = srnn.Network(34, 17, srnn.masks.autapse(16), init="identity")
    starts = np.random.default_rng(0).random((7, 16))
    with torch.no_grad():
        net.rnn.bias.zero_()
    found = analysis.fixed_points(net, np.zeros(34), starts)
    for shape in (None, analysis.ring(net, found.hidden)):
        figure = figures.fixed_point_figure(found, shape, found.spectra([0, 1]))
        left, _, right = figure.axes[:3]
        assert f"{int(found.fixed.sum())} fixed" in left.get_title(loc="left")
        assert sum(len(line.get_xdata()) for line in right.get_lines()[1:]) == 32
        assert sum(len(dots.get_offsets()) for dots in left.collections) == (
            0 if shape is None else len(found)
        )


@pytest.mark.usefixtures("_no_pictures")
def test_sentences_about_a_local_network_are_true(tmp_path: Path) -> None:
    run = srnn.train(small_config(size=(6, 6), radius=2, seq_len=60, init="fan_in"))
    analysis.analyze(run, tmp_path, analysis.AnalysisConfig(trials=4))
    record = json.loads((tmp_path / "analysis.json").read_text())
    told = record["analyses"]["recurrent weights"]
    assert "small" not in told["summary"]
    assert f"{told['facts']['negative']:.0%} of all are negative (inhibitory)" in told["summary"]
    weights = run.network.rnn.recurrent_weights().detach().numpy()
    assert told["facts"]["negative"] == pytest.approx((weights < 0).mean())
    for name in ("ablated weights", "ablated clusters"):
        if name in record["analyses"]:
            made = record["analyses"][name]
            falls = min(made["facts"]["mean_change"].values()) < 0
            assert ("falls most" in made["summary"]) == falls
    if "fixed points" in record["analyses"]:
        made = record["analyses"]["fixed points"]
        rows = read_csv(tmp_path / "fixed_points.csv")
        kinds = [row["kind"] for row in rows if row["kind"]]
        assert len(kinds) == len(made["facts"]["unstable_modes"])
        for kind, unstable in zip(kinds, made["facts"]["unstable_modes"], strict=True):
            assert kind.startswith("unstable") == (unstable > 0)


@pytest.mark.parametrize(
    ("old", "new"),
    [("Outcome", analysis.AnalysisResult), ("Settings", analysis.AnalysisConfig)],
)
def test_renamed_classes_have_their_old_names_for_one_version(old: str, new: type) -> None:
    with pytest.warns(DeprecationWarning, match=f"analysis.{old} is now {new.__name__}"):
        assert getattr(analysis, old) is new


def test_other_names_are_not_there() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Outcomes'"):
        _ = analysis.Outcomes
