"""Findings: through JSON and back, refusals, and intervals against scipy."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from matplotlib.figure import Figure
from scipy import stats

from sparse_rnn import cli
from sparse_rnn.errors import IncompatibleState, InvalidArgument
from sparse_rnn.report import findings
from sparse_rnn.report.findings import Curve, Finding, Measurement, mean_interval
from tests.sparse_rnn.findings_made import HOSTILE, made_curve, made_finding, not_run

numbers = st.floats(-1e6, 1e6)


@given(
    text=st.text(),
    values=st.lists(numbers, min_size=1, max_size=4),
    paper=st.none() | numbers,
    verdict=st.sampled_from(["reproduced", "not reproduced", "inconclusive"]),
)
def test_findings_survive_json(
    text: str, values: list[float], paper: float | None, verdict: str
) -> None:
    measured = (Measurement.of(text, values, paper=paper, note=text),)
    finding = made_finding(reason=text, measured=measured, verdict=verdict)
    assert Finding.from_json(finding.to_json()) == finding


def test_what_was_not_run_survives_json() -> None:
    assert Finding.from_json(not_run().to_json()) == not_run()


@given(st.lists(numbers, min_size=2, max_size=15).filter(lambda v: np.std(v) > 1e-3))
def test_the_interval_is_that_of_scipy(values: list[float]) -> None:
    mean, low, high, n = mean_interval(values)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (mean, n) == (pytest.approx(np.mean(values)), len(values))
    np.testing.assert_allclose([low, high], expected, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("values", [[], [[0.1, 0.2]], [0.5, float("nan")], 0.5])
def test_values_without_a_mean_are_refused(values: Any) -> None:
    with pytest.raises(InvalidArgument, match="values must be finite numbers, one a seed"):
        mean_interval(values)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": "Fig 2a"}, "id must be lower-case letters"),
        ({"id": "../fig2a"}, "id must be lower-case letters"),
        ({"scale": "huge"}, "scale must be 'smoke', 'laptop' or 'paper'"),
        ({"verdict": "proved"}, "verdict must be 'reproduced'"),
        ({"verdict": "not run"}, "verdict must be another one where there are results"),
        ({"measured": ()}, "where nothing was measured"),
        ({"command": ""}, "command must be given"),
        ({"commit": ""}, "commit too"),
        ({"figures": ("../a.svg",)}, "figures must be names of SVG files"),
        ({"figures": ("a.png",)}, "figures must be names of SVG files"),
    ],
)
def test_findings_that_contradict_themselves_are_refused(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidArgument, match=message):
        made_finding(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"value": float("nan")}, "value must be finite"),
        ({"paper": float("inf")}, "paper must be finite"),
        ({"low": None}, "low must be given with high"),
        ({"n_seeds": -1}, "n_seeds must be at least 0"),
    ],
)
def test_measurements_are_checked(changes: dict[str, Any], message: str) -> None:
    fields: dict[str, Any] = {"name": "a", "value": 1.0, "low": 0.5, "high": 1.5, "n_seeds": 3}
    with pytest.raises(InvalidArgument, match=message):
        Measurement(**{**fields, "paper": None, "unit": "", **changes})


@pytest.mark.parametrize(
    ("x", "mean", "message"),
    [
        ((), (), "x must be ascending"),
        ((2.0, 1.0), (0.1, 0.2), "x must be ascending"),
        ((1.0, 2.0), (0.1,), "mean must be as long as x, which has 2 entries"),
        ((1.0, 2.0), (0.1, float("nan")), "mean must be finite"),
    ],
)
def test_curves_are_checked(x: tuple[float, ...], mean: tuple[float, ...], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        Curve("a", x, mean, None, None, "x", "y", "")


def test_a_curve_of_seeds_has_their_mean_and_interval_at_each_point() -> None:
    values = np.array([[0.1, 0.5], [0.2, 0.5], [0.6, 0.5]])
    curve = Curve.of("a", np.array([1, 2]), values, ("steps", "score"), "panel")
    assert curve.mean == pytest.approx((0.3, 0.5))
    assert curve.low is not None
    assert curve.low[0] == pytest.approx(mean_interval(values[:, 0]).low)
    assert curve.low[1] == pytest.approx(0.5)
    single = Curve.of("a", [1, 2], values[:1], ("steps", "score"), "panel")
    assert (single.mean, single.low, single.high) == ((0.1, 0.5), None, None)


def test_curves_of_different_lengths_have_no_mean() -> None:
    with pytest.raises(InvalidArgument, match="values must be numbers, one curve a seed"):
        Curve.of("a", [1, 2], [[0.1, 0.2], [0.1]], ("steps", "score"), "panel")


def drawn() -> Figure:
    figure = Figure(figsize=(3, 2))
    ax = figure.subplots()
    ax.plot([0, 1], [0, 1], label="a line")
    ax.set_title("a title that can be searched")
    return figure


def test_findings_and_figures_are_written_and_read_back(tmp_path: Path) -> None:
    finding = findings.write(made_finding(), tmp_path / "new", {"fig2a": drawn()})
    assert finding.figures == ("fig2a.svg",)
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == [
        "fig2a.json",
        "fig2a.pdf",
        "fig2a.svg",
    ]
    assert findings.read_all(tmp_path / "new") == (finding,)
    assert "a title that can be searched" in (tmp_path / "new" / "fig2a.svg").read_text()


def test_the_same_figure_gives_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        findings.write(made_finding(), tmp_path / folder, {"fig2a": drawn()})
    for name in ("fig2a.svg", "fig2a.pdf", "fig2a.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_the_order_is_that_of_the_paper(tmp_path: Path) -> None:
    names = ["fig1d", "fig2a", "fig2b", "fig7", "fig11", "table1", "open_question"]
    for name in reversed(names):
        findings.write(made_finding(id=name), tmp_path)
    assert [finding.id for finding in findings.read_all(tmp_path)] == names


def _changed(**changes: Any) -> str:
    return json.dumps({**json.loads(made_finding().to_json()), **changes})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no finding"),
        ("[1]", "holds no finding"),
        (_changed(verdict="maybe"), "verdict must be valid"),
        (_changed(colour="red"), "colour must be valid"),
        (_changed(seeds=["0"]), "seeds.0 must be valid"),
        (_changed(id="fig3"), "name it as its file"),
        (_changed(figures=["gone.svg"]), "names gone.svg, which is not beside it"),
        (_changed(date="yesterday"), "date must be valid"),
    ],
)
def test_files_that_hold_no_finding_are_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "fig2a.json").write_text(text)
    with pytest.raises(IncompatibleState, match=message) as caught:
        findings.read_all(tmp_path)
    assert "fig2a.json" in str(caught.value)


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    (tmp_path / "fig2a.json").write_bytes(b"\xff\xfe{}")
    with pytest.raises(IncompatibleState, match=r"fig2a\.json holds no finding"):
        findings.read_all(tmp_path)


def test_a_folder_without_findings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="a folder with findings"):
        findings.read_all(tmp_path / "nothing")


def test_a_finding_that_cannot_be_written_whole_leaves_no_json(tmp_path: Path) -> None:
    (tmp_path / "fig2a.svg").mkdir()
    with pytest.raises(OSError, match="fig2a.svg"):
        findings.write(made_finding(), tmp_path, {"fig2a": drawn()})
    assert not (tmp_path / "fig2a.json").exists()


def test_commits_are_those_of_what_was_run() -> None:
    made = [made_finding(), not_run(), made_finding(commit="ff" * 20)]
    assert findings.commits(made) == (made[0].commit, "ff" * 20)


def test_hostile_text_survives_json() -> None:
    finding = made_finding(title=HOSTILE, curves=(made_curve(HOSTILE, HOSTILE),))
    assert Finding.from_json(finding.to_json()) == finding


def test_the_stamp_fills_a_finding() -> None:
    stamp = findings.stamp()
    assert made_finding(**stamp).machine == stamp["machine"]


def drawing() -> Figure:
    figure = Figure(figsize=(1, 1))
    figure.subplots().plot([0, 1])
    return figure


@pytest.mark.parametrize("suffix", [".svg", ".pdf", ".json"])
def test_a_link_among_the_files_of_a_finding_publishes_nothing(
    tmp_path: Path, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, secret = tmp_path / "findings", tmp_path / "secret"
    secret.write_text("<svg xmlns='http://www.w3.org/2000/svg'><text>a secret</text></svg>")
    findings.write(made_finding(), folder, {"one": drawing()})
    findings.write(made_finding(id="fig2b"), folder)
    linked = folder / ("fig2a.json" if suffix == ".json" else f"one{suffix}")
    linked.unlink()
    linked.symlink_to(secret)
    with pytest.raises(IncompatibleState, match="is a symbolic link"):
        findings.read_all(folder)
    # The command shows the others, says what it does not show, and says so by its status.
    out = tmp_path / "page.html"
    assert cli.main(["report", str(folder), "-o", str(out)]) == 2
    assert "Not all findings could be shown. fig2a.json: " in capsys.readouterr().err
    page = out.read_text(encoding="utf-8")
    assert "is a symbolic link" in page
    assert 'id="fig2b"' in page
    assert "a secret" not in page
    assert base64.b64encode(secret.read_bytes()).decode() not in page
    assert cli.main(["report", str(folder), "-o", str(tmp_path / "page.md")]) == 2
    assert "Not shown: fig2a.json" in (tmp_path / "page.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "content",
    ["", "<svg", "<html/>", "<g>" * 200_000, '<svg width="1.2.3pt" xmlns="x"/>', "\0"],
)
def test_a_figure_that_is_no_svg_is_refused(tmp_path: Path, content: str) -> None:
    findings.write(made_finding(), tmp_path, {"one": drawing()})
    (tmp_path / "one.svg").write_text(content)
    with pytest.raises(IncompatibleState, match=r"one\.svg is no SVG"):
        findings.read(tmp_path / "fig2a.json")


def test_where_no_finding_can_be_read_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "fig2a.json").write_text("{" * 100_000)
    out = tmp_path / "page.html"
    assert cli.main(["report", str(tmp_path), "-o", str(out)]) == 2
    assert not out.exists()
