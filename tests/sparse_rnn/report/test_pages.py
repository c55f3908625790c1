"""Pages of findings: what is on them, and that nothing in the data can run or load anything."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from sparse_rnn import report
from sparse_rnn.errors import IncompatibleState, InvalidArgument
from sparse_rnn.report import findings
from sparse_rnn.report._inline_svg import inline
from sparse_rnn.report.findings import Finding, Measurement
from sparse_rnn.report.page import write_page
from tests.sparse_rnn.findings_made import HOSTILE, made_curve, made_finding, not_run
from tests.sparse_rnn.reading_html import Element, charts, read_page

OTHER_COMMIT = "fedcba9876543210fedcba9876543210fedcba98"


def drawn() -> Figure:
    figure = Figure(figsize=(3, 2))
    ax = figure.subplots()
    ax.plot([0, 1], [0, 1])
    ax.imshow([[0, 1]], extent=(0, 1, 0, 1))
    ax.set_title("a title in the figure")
    return figure


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("findings")
    findings.write(made_finding(), path, {"fig2a": drawn(), "fig2a-inset": drawn()})
    findings.write(not_run(), path)
    return path


@pytest.fixture(scope="module")
def page(folder: Path) -> Element:
    return read_page(report.findings_page(findings.read_all(folder), folder))


def only(found: list[Element]) -> Element:
    (one,) = found
    return one


def loads(page: Element) -> list[str]:
    """Addresses that a browser fetches on its own."""
    outside: list[str] = []
    for element in page.all():
        names = ("src", "srcset", "data", "action", "poster", "xlink:href")
        outside += [element.attributes[name] for name in names if name in element.attributes]
        if element.name != "a" and "href" in element.attributes:
            outside.append(element.attributes["href"])
        outside += re.findall(r"url\(([^)]*)\)|@import\s+(\S+)", str(element.attributes))
    (style,) = page.all("style")
    outside += [one for match in re.findall(r"url\(([^)]*)\)|@import", style.text) for one in match]
    return [str(address) for address in outside if not re.match(r"#|data:|\('#", str(address))]


def test_each_finding_has_a_row_in_the_summary_that_leads_to_its_section(page: Element) -> None:
    summary = only(page.all("table", class_="summary"))
    head, *rows = summary.rows()
    assert head[1:] == ["claim", "verdict", "scale", "seeds", "measured"]
    assert rows[0][:5] == [
        "Figure 2a",
        "Every radius learns faster than the dense network.",
        "not reproduced",
        "laptop",
        "3",
    ]
    assert "0.720 (paper 0.800)" in rows[0][5]
    assert rows[1][2:] == ["not run", "", "", ""]
    targets = [link.attributes["href"] for link in summary.all("a")]
    assert targets == ["#fig2a", "#fig5d"]
    assert [section.attributes["id"] for section in page.all("section")] == ["fig2a", "fig5d"]


def test_ids_are_unique_and_every_reference_to_one_is_met(page: Element) -> None:
    elements = page.all()
    ids = [element.attributes["id"] for element in elements if "id" in element.attributes]
    assert len(ids) == len(set(ids)) > 20
    text = str([element.attributes for element in elements])
    wanted = set(re.findall(r"'#([^']+)'|url\(#([^)]+)\)", text))
    assert {a or b for a, b in wanted} <= set(ids)


def test_measured_values_stand_beside_those_of_the_paper(page: Element) -> None:
    section = only(page.all("section", id="fig2a"))
    head, first, second = only(section.all("table")).rows()
    assert head == ["quantity", "measured", "95 % interval", "paper", "seeds", ""]
    assert first == ["LM-RNN d=2, 2 000 steps", "0.720", "[0.695, 0.745]", "0.800", "3", ""]
    assert "paper: no value" in second[0]
    assert second[3] == "\N{EN DASH}"
    assert len(section.all("svg", viewbox="0 0 176 24")) == 2


def test_a_section_says_where_its_results_come_from(page: Element) -> None:
    text = only(page.all("section", id="fig2a")).text
    made = made_finding()
    for words in (made.question, made.claim, made.reason, made.method, made.command, made.machine):
        assert words in text
    for words in ("2026-11-25", "0123456789", "0\N{EN DASH}2", "not reproduced", "laptop"):
        assert words in text
    silent = only(page.all("section", id="fig5d")).text
    assert "There was no time for it." in silent
    assert "Commit" not in silent


def test_figures_are_in_the_page_and_can_be_saved(page: Element, folder: Path) -> None:
    plates = page.all("div", class_="plate")
    assert [only(plate.all("svg")).attributes["role"] for plate in plates] == ["img", "img"]
    assert "a title in the figure" in plates[0].text
    saved = {
        link.attributes["download"]: link.attributes["href"] for link in page.all("a", download="")
    }
    saved = {
        link.attributes["download"]: link.attributes["href"]
        for link in page.all("a")
        if "download" in link.attributes
    }
    files = ["fig2a.svg", "fig2a.pdf", "fig2a-inset.svg", "fig2a-inset.pdf"]
    assert list(saved) == [*files, "fig2a.csv"]
    for name in files:
        content = base64.b64decode(saved[name].partition(",")[2])
        assert content == (folder / name).read_bytes()
    table = base64.b64decode(saved["fig2a.csv"].partition(",")[2]).decode().splitlines()
    assert table[0] == "panel,curve,x,mean,low,high"
    assert len(table) == 1 + 2 * 11


def test_charts_have_the_curves_of_their_panel() -> None:
    curves = (made_curve("a", "one"), made_curve("b", "two"), made_curve("b", "one"))
    text = report.findings_page([made_finding(curves=curves)], Path())
    one, two = charts(read_page(text))
    assert [series["name"] for series in one["series"]] == ["a", "b"]
    # A curve of one name has one colour in all charts.
    assert [series["color"] for series in two["series"]] == [1]
    assert one["series"][0]["mean"] == list(curves[0].mean)
    assert one["series"][0]["low"] == list(curves[0].low or ())
    assert (one["title"], one["x_label"], one["log"]) == ("one", "gradient steps", False)


def test_the_page_asks_for_nothing_and_runs_only_its_own_script(page: Element) -> None:
    assert loads(page) == []
    policy = only(page.all("meta", **{"http-equiv": "Content-Security-Policy"}))
    (script,) = [one for one in page.all("script") if "type" not in one.attributes]
    (code,) = script.children
    assert isinstance(code, str)
    checksum = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    assert "default-src 'none'" in policy.attributes["content"]
    assert f"script-src 'sha256-{checksum}'" in policy.attributes["content"]
    handlers = [key for one in page.all() for key in one.attributes if key.startswith("on")]
    assert handlers == []


def hostile_finding() -> Finding:
    return made_finding(
        title=HOSTILE,
        question=HOSTILE,
        claim=HOSTILE,
        reason=HOSTILE,
        method=HOSTILE,
        command=HOSTILE,
        commit=HOSTILE,
        machine=HOSTILE,
        measured=(Measurement(HOSTILE, 1.0, None, None, 1, 2.0, HOSTILE, HOSTILE),),
        curves=(made_curve(HOSTILE, HOSTILE),),
    )


def test_hostile_text_stays_text() -> None:
    page = read_page(report.findings_page([hostile_finding()], Path(), title=HOSTILE))
    assert len(page.all("script")) == 2  # The chart's data and the page's own script.
    (chart,) = charts(page)
    assert chart["title"] == chart["series"][0]["name"] == HOSTILE
    assert only(page.all("title")).text == HOSTILE
    assert only(page.all("h1")).text == HOSTILE
    assert only(page.all("section")).text.count("<script>alert('x')</script>") >= 8


HOSTILE_SVG = """<?xml version="1.0"?>
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"
  width="72pt" height="36pt" viewBox="0 0 72 36" onload="alert(1)">
 <style>@import url(http://example.invalid/a.css); * { color: red }</style>
 <script>alert(2)</script>
 <metadata>nothing to see</metadata>
 <foreignObject><p xmlns="http://www.w3.org/1999/xhtml">words</p></foreignObject>
 <defs><clipPath id="clip"><rect width="9" height="9"/></clipPath><path id="dot" d="M0 0"/></defs>
 <a xlink:href="javascript:alert(3)"><text>linked</text></a>
 <g clip-path="url(#clip)" style="fill: url(http://example.invalid/b)" onclick="alert(4)">
  <use xlink:href="#dot" x="1"/><use xlink:href="http://example.invalid/c#dot"/>
  <image xlink:href="data:image/png;base64,AAAA"/><image xlink:href="http://example.invalid/d"/>
  <image href="data:image/svg+xml,%3Csvg%3E"/><text fill="URL(//example.invalid/e)">kept</text>
  <!-- a comment -->
 </g>
</svg>"""


def test_of_a_hostile_figure_only_the_drawing_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "my figure.svg"
    path.write_text(HOSTILE_SVG)
    text = inline(path, HOSTILE).text
    for gone in (
        "alert(1",
        "alert(2",
        "alert(3",
        "alert(4",
        "example.invalid",
        "metadata",
        "words",
    ):
        assert gone not in text
    for gone in ("@import", "foreignObject", "svg+xml", "comment", "xmlns", "linked"):
        assert gone not in text
    svg = only(read_page(text).all("svg"))
    assert svg.attributes["aria-label"] == HOSTILE
    assert svg.attributes["style"] == "max-width: 96px; --wide: 96px"
    assert only(svg.all("g")).attributes == {"clip-path": "url(#my-figure-clip)"}
    assert [one.attributes.get("href") for one in svg.all("use")] == ["#my-figure-dot", None]
    images = [one.attributes.get("href") for one in svg.all("image")]
    assert images == ["data:image/png;base64,AAAA", None, None]
    assert only(svg.all("text")).attributes == {}
    assert svg.text == "kept"


@pytest.mark.parametrize("content", ["", "no markup", "<html></html>", "<svg"])
def test_figures_that_are_no_svg_are_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.svg").write_text(content)
    with pytest.raises(IncompatibleState, match=r"a\.svg is no SVG"):
        report.findings_page([made_finding(figures=("a.svg",))], tmp_path)


def test_commits_are_not_mixed_unless_asked_for() -> None:
    mixed = [made_finding(), not_run(), made_finding(id="fig3", commit=OTHER_COMMIT)]
    show: list[Callable[..., Any]] = [
        lambda **options: report.findings_page(mixed, Path(), **options),
        lambda **options: report.markdown(mixed, **options),
    ]
    for one in show:
        with pytest.raises(InvalidArgument, match=r"one commit of the code.*--mixed-commits"):
            one()
        assert "fedcba9876" in one(mixed_commits=True)
    page = read_page(report.findings_page(mixed, Path(), mixed_commits=True))
    assert "made with 2 commits" in only(page.all("p", class_="warning")).text


def test_uncommitted_code_is_said() -> None:
    text = report.findings_page([made_finding(commit="ab" * 20 + findings.MODIFIED)], Path())
    assert (
        "changes that were not committed" in only(read_page(text).all("p", class_="warning")).text
    )
    assert read_page(report.findings_page([made_finding()], Path())).all(class_="warning") == []


@pytest.mark.parametrize("listed", [[], [made_finding(), made_finding()]])
def test_findings_must_be_there_and_differ(listed: list[Finding]) -> None:
    with pytest.raises(InvalidArgument, match="findings must be at least one"):
        report.findings_page(listed, Path())


def test_a_page_is_written_whole(tmp_path: Path) -> None:
    write_page(tmp_path / "report.html", [made_finding()], tmp_path)
    assert (tmp_path / "report.html").read_text() == report.findings_page(
        [made_finding()], tmp_path
    )
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
