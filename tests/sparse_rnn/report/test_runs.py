"""Pages of runs, and the command that writes pages and summaries."""

from __future__ import annotations

import base64
import csv
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sparse_rnn as srnn
from sparse_rnn import cli, report
from sparse_rnn.errors import InvalidArgument, RunConflict
from sparse_rnn.report import _words as words, findings, mean_interval
from tests.sparse_rnn.findings_made import HOSTILE, made_finding
from tests.sparse_rnn.helpers import made_run
from tests.sparse_rnn.reading_html import Element, charts, read_page

TASKS = ["Go", "Anti", "DMS"]
RUNS = {
    "LM-RNN": made_run({2: 0.2, 4: 0.6, 6: 0.9}, TASKS, seed=3),
    "Autapses": made_run({3: 0.3, 6: 0.7}, TASKS[:2], arch="autapse", radius=None),
}


@pytest.fixture(scope="module")
def page() -> Element:
    return read_page(report.runs_page(RUNS))


def table(page: Element, label: str) -> list[list[str]]:
    (region,) = page.all("div", **{"aria-label": label})
    return region.rows()


def test_charts_have_the_learning_curves_and_chance(page: Element) -> None:
    accuracy, performance, loss = charts(page)
    assert [one["title"] for one in (accuracy, performance, loss)] == [
        "Final accuracy",
        "Performance",
        "Training loss",
    ]
    assert [one["name"] for one in accuracy["series"]] == list(RUNS)
    first = accuracy["series"][0]
    assert first["x"] == [2, 4, 6]
    assert first["mean"] == pytest.approx([0.2, 0.6, 0.9])
    assert accuracy["references"] == [{"label": "chance 0.06", "value": 0.0625}]
    assert loss["series"][0]["mean"] == [1.5 / step for step in range(1, 7)]
    assert loss["log"]


def test_long_loss_curves_are_averaged_over_blocks() -> None:
    *_, loss = charts(read_page(report.runs_page({"long": made_run({1000: 0.5})})))
    (series,) = loss["series"]
    assert len(series["x"]) == 200
    assert (series["x"][0], series["x"][-1]) == (5, 1000)
    assert series["mean"][0] == pytest.approx(sum(1.5 / step for step in range(1, 6)) / 5)


def test_scores_have_a_row_a_task_their_mean_and_chance(page: Element) -> None:
    dash = "\N{EN DASH}"
    assert table(page, "final_accuracy by task") == [
        ["task", "LM-RNN", "Autapses", "chance"],
        ["Go", "0.90", "0.70", "0.06"],
        ["Anti", "0.90", "0.70", "0.06"],
        ["DMS", "0.90", dash, "0.06"],
        ["mean", "0.90", "0.70", "0.06"],
    ]
    assert table(page, "performance by task")[0] == ["task", "LM-RNN", "Autapses"]


def test_networks_are_described(page: Element) -> None:
    head, local, autapses = table(page, "Networks and how they were trained")
    assert head[:7] == ["run", "network", "parameters", "units", "synapses", "density", "backend"]
    n_local, n_pool = (
        words.number(sum(p.numel() for p in RUNS[name].network.parameters()))
        for name in ("LM-RNN", "Autapses")
    )
    assert local[:6] == ["LM-RNN", "vanilla, locality", n_local, "16", "80", "31.2 %"]
    backend = RUNS["Autapses"].network.rnn.backend
    assert autapses[:7] == ["Autapses", "vanilla, autapse", n_pool, "16", "16", "6.25 %", backend]
    assert local[7:] == ["6", "3", "unknown", "unknown"]


def test_settings_that_differ_stand_beside_each_other(page: Element) -> None:
    head, *rows = table(page, "Settings that differ")
    assert head == ["setting", "LM-RNN", "Autapses"]
    assert {row[0]: row[1:] for row in rows} == {
        "arch": ["locality", "autapse"],
        "radius": ["1.0", "\N{EN DASH}"],
        "seed": ["3", "9"],
    }
    shared = {row[0]: row[1] for row in table(page, "The settings that all runs share")}
    assert shared["size"] == "4x4"
    assert shared["suite"] == "Go, DlyGo"


def test_one_run_alone_and_runs_alike_have_no_differences() -> None:
    run = made_run({2: 0.5})
    alone = report.runs_page({"alone": run})
    assert "Settings that differ" not in alone
    assert "All settings are the same." in report.runs_page({"one": run, "other": run})


def test_runs_of_several_seeds_are_one_curve_and_one_column() -> None:
    ends = {"lm/seed-0": 0.4, "lm/seed-1": 0.5, "lm/seed-2": 0.9}
    runs = {name: made_run({2: 0.2, 4: end}, seed=i) for i, (name, end) in enumerate(ends.items())}
    runs["dense"] = made_run({4: 0.3}, arch="dense", radius=None)
    runs["lm/stopped"] = made_run({2: 0.2, 3: 0.9}, seed=4)
    page = read_page(report.runs_page(runs))
    accuracy, _, loss = charts(page)
    assert [one["name"] for one in accuracy["series"]][1:] == ["dense", "lm/stopped"]
    together = accuracy["series"][0]
    assert together["name"] == "lm (3 seeds)"
    expected = mean_interval(list(ends.values()))
    for key in ("mean", "low", "high"):
        assert together[key][-1] == pytest.approx(getattr(expected, key))
    assert "low" in loss["series"][0]
    head, first, *_ = table(page, "final_accuracy by task")
    assert head == ["task", "lm (3 seeds)", "dense", "lm/stopped", "chance"]
    assert first[1:4] == ["0.60", "0.30", "0.90"]
    assert len(table(page, "Networks and how they were trained")) == 1 + len(runs)
    settings = {row[0]: row[1:] for row in table(page, "Settings that differ")}
    assert settings["seed"] == ["0\N{EN DASH}2", "9", "4"]


def test_the_same_run_twice_is_not_two_seeds() -> None:
    runs = {f"lm/{i}": made_run({4: 0.5}, seed=i // 2) for i in range(3)}
    accuracy, *_ = charts(read_page(report.runs_page(runs)))
    assert [one["name"] for one in accuracy["series"]] == list(runs)
    assert "low" not in accuracy["series"][0]


def test_hostile_labels_stay_text() -> None:
    page = read_page(report.runs_page({HOSTILE: made_run({2: 0.5}, [HOSTILE])}))
    assert len(page.all("script")) == 4
    assert table(page, "final_accuracy by task")[1][0] == HOSTILE
    assert {series["name"] for one in charts(page) for series in one["series"]} == {HOSTILE}


def test_no_run_is_no_page() -> None:
    with pytest.raises(InvalidArgument, match="runs must be at least one run"):
        report.runs_page({})


def copy_with(run: srnn.Run, folder: Path, **changes: Any) -> Path:
    """A copy of a run folder whose `config.json` has other entries."""
    assert run.folder is not None
    shutil.copytree(run.folder, folder)
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return folder


def git(commit: str, *, modified: bool = False) -> dict[str, Any]:
    return {"commit": commit * 10, "modified": modified}


def test_a_run_from_a_folder_says_commit_backend_and_machine(
    finished: srnn.Run, tmp_path: Path
) -> None:
    machine = {"processor": "a processor"}
    continued = [{"step": 2, "git": git("bcde", modified=True)}]
    changes = {"git": git("abcd"), "machine": machine, "continued": continued}
    folder = copy_with(finished, tmp_path / "run", **changes)
    with pytest.raises(InvalidArgument, match="abcdabcdab, bcdebcdebc \\(modified\\)"):
        report.runs_page({"run": folder})
    page = read_page(report.runs_page({"run": folder}, mixed_commits=True))
    row = table(page, "Networks and how they were trained")[1]
    assert row[9:] == ["abcdabcdab, bcdebcdebc (modified)", "a processor"]
    (warning,) = page.all("p", class_="warning")
    assert "2 commits" in warning.text
    assert "not committed" in warning.text


def test_a_record_that_is_damaged_after_loading_is_named(
    finished: srnn.Run, tmp_path: Path
) -> None:
    folder = copy_with(finished, tmp_path / "run")
    run = srnn.load_run(folder)
    for content in ("[]", "{"):
        (folder / "config.json").write_text(content)
        with pytest.raises(RunConflict, match=r"config\.json"):
            report.runs_page({"run": run})


def test_the_command_writes_a_page(
    finished: srnn.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report.html"
    assert cli.main(["report", str(finished.folder), "-o", str(out)]) == 0
    assert str(out) in capsys.readouterr().out
    page = read_page(out.read_text(encoding="utf-8"))
    assert [row[0] for row in table(page, "final_accuracy by task")] == [
        "task",
        "Go",
        "DlyGo",
        "mean",
    ]
    assert [link.attributes["download"] for link in page.all("a")] == [
        "overview.svg",
        "overview.pdf",
        "curves.csv",
    ]


@pytest.mark.parametrize("kind", ["html", "svg"])
def test_the_command_mixes_commits_where_it_is_told_to(
    finished: srnn.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    one = copy_with(finished, tmp_path / "one", git=git("abcd"))
    two = copy_with(finished, tmp_path / "two", git=git("bcde"))
    out = tmp_path / f"report.{kind}"
    words = ["report", str(one), str(two), "-o", str(out)]
    assert cli.main(words) == 2
    assert "one commit of the code; got 'abcdabcdab, bcdebcdebc'" in capsys.readouterr().err
    assert not out.exists()
    assert cli.main([*words, "--mixed-commits"]) == 0
    assert out.stat().st_size > 5000


def test_the_command_shows_findings(tmp_path: Path) -> None:
    folder = tmp_path / "findings"
    findings.write(made_finding(), folder)
    for name, start in (("report.html", "<!doctype html>"), ("results.md", "# Results\n")):
        assert cli.main(["report", str(folder), "-o", str(tmp_path / name)]) == 0
        assert (tmp_path / name).read_text(encoding="utf-8").startswith(start)


def test_the_command_refuses_files_that_do_not_fit(
    finished: srnn.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    findings.write(made_finding(), tmp_path / "findings")
    for source, out, message in (
        (finished.folder, "a.md", "ends in .png, .pdf, .svg, .html for runs"),
        (tmp_path / "findings", "a.png", "ends in .html or .md, as"),
        (tmp_path / "findings", "a.txt", "ends in .png, .pdf, .svg, .html, .md"),
        (tmp_path, "a.html", "holds no run"),
    ):
        assert cli.main(["report", str(source), "-o", str(tmp_path / out)]) == 2
        assert message in capsys.readouterr().err
        assert not (tmp_path / out).exists()


def test_bursts_are_marked_in_each_chart_and_told_below() -> None:
    calm, wild = made_run({2: 0.2, 6: 0.9}), made_run({2: 0.3, 6: 0.8}, lr=0.1)
    columns = dict(wild.history.columns)
    columns["grad_norm"] = np.where(columns["step"] == 4, 2e6, columns["grad_norm"])
    wild = replace(wild, history=srnn.evaluation.history.History(columns))
    page = read_page(report.runs_page({"calm": calm, "wild": wild}))
    for chart in charts(page):
        first, second = chart["series"]
        assert "marks" not in first
        assert second["marks"] == [4]
    (told,) = page.all("div", class_="bursts")
    assert "wild, seed 9: bursts at 1 of 6 steps (first at step 4;" in told.text
    assert "calm" not in told.text


@pytest.mark.parametrize(
    "changes",
    [
        {"continued": 7},
        {"machine": "a name"},
        {"git": {"commit": "x"}},
        {"network": []},
        {"git": 1},
    ],
)
@pytest.mark.parametrize("suffix", [".html", ".svg"])
def test_a_damaged_run_is_shown_as_damaged_beside_the_others(
    finished: srnn.Run,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, Any],
    suffix: str,
) -> None:
    damaged = copy_with(finished, tmp_path / "broken", **changes)
    if changes == {"network": []}:
        damaged.joinpath("config.json").write_text("[" * 100_000)
    out = tmp_path / f"report{suffix}"
    assert cli.main(["report", str(damaged), "-o", str(out)]) == 2
    assert not out.exists()
    capsys.readouterr()
    assert cli.main(["report", str(finished.folder), str(damaged), "-o", str(out)]) == 2
    err = capsys.readouterr().err
    assert err.startswith("sparse-rnn: Not all runs could be shown. broken: ")
    assert len(err.splitlines()) == 1
    text = out.read_text(encoding="utf-8")
    assert "Not shown:" in text
    assert "broken" in text


HOSTILE_NAME = "=1+$x^{$ $\x1b]0;owned\x07\u202e"


def test_a_hostile_name_of_a_folder_is_shown_sign_by_sign(
    finished: srnn.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copy_with(finished, tmp_path / HOSTILE_NAME, machine={"processor": "cpu\x1b[2J"})
    for suffix in (".html", ".svg", ".pdf", ".png"):
        out = tmp_path / f"report{suffix}"
        assert cli.main(["report", str(folder), "-o", str(out)]) == 0
    captured = capsys.readouterr()
    for text in (
        captured.out + captured.err,
        (tmp_path / "report.html").read_text(encoding="utf-8"),
        (tmp_path / "report.svg").read_text(encoding="utf-8"),
    ):
        assert not set("\x1b\x07\u202e") & set(text)
    assert cli.main(["report", str(folder / "no"), "-o", str(tmp_path / "report.svg")]) == 2
    assert not set("\x1b\x07\u202e") & set(capsys.readouterr().err)
    page = read_page((tmp_path / "report.html").read_text(encoding="utf-8"))
    (link,) = [one for one in page.all("a") if one.attributes["download"] == "curves.csv"]
    rows = list(
        csv.reader(
            io.StringIO(base64.b64decode(link.attributes["href"].partition(",")[2]).decode())
        )
    )
    assert rows[1][1].startswith("'=1+$x^{$ $\\x1b]0;owned")
