"""Pages in a browser: no errors, figures with a size, curves that can be read and hidden."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from matplotlib.figure import Figure

from sparse_rnn import report
from sparse_rnn.report import findings
from sparse_rnn.report.page import write_page
from tests.browser import PHONE, Visit, scrolls_sideways
from tests.sparse_rnn.findings_made import HOSTILE, made_curve, made_finding, not_run
from tests.sparse_rnn.helpers import made_run

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def drawn() -> Figure:
    figure = Figure(figsize=(9, 3))
    left, right = figure.subplots(1, 2)
    left.plot([0, 1], [0, 1])
    right.imshow([[0, 1], [1, 0]])
    return figure


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("findings")
    many = tuple(made_curve(f"network {i}", "", 0.5 + i / 25) for i in range(9))
    single = made_finding(id="table1", title=HOSTILE, reason=HOSTILE, curves=many)
    findings.write(made_finding(), folder, {"fig2a": drawn()})
    findings.write(single, folder, {"table1": drawn()})
    findings.write(not_run(), folder)
    path = folder / "report.html"
    write_page(path, findings.read_all(folder), folder)
    return path.as_uri()


@pytest.fixture(scope="module")
def runs_address(tmp_path_factory: pytest.TempPathFactory) -> str:
    tasks = [f"a task with a long name, number {i}" for i in range(20)]
    curves = ({100: 0.2, 200: 0.6, 300: 0.9}, {100: 0.3, 300: 0.7})
    names = "a network with a name that is long", "another one with a name that is long", HOSTILE
    runs = {name: made_run(curves[i % 2], tasks, seed=i) for i, name in enumerate(names)}
    runs["one of two seeds"] = made_run(curves[0], tasks, seed=4)
    path = tmp_path_factory.mktemp("runs") / "report.html"
    path.write_text(report.runs_page(runs), encoding="utf-8")
    return path.as_uri()


def test_axes_of_a_short_run_have_ticks_where_its_values_are(visit: Visit, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    run = made_run({2: 0.0, 4: 0.0})
    path.write_text(report.runs_page({"short": run}), encoding="utf-8")
    page = visit(path.as_uri())
    texts = [
        panel.locator("svg text").all_text_contents()
        for panel in page.locator("figure .plot").all()
    ]
    assert len(texts) == 3
    for shown in texts:
        assert sum(text.replace(".", "").isdigit() for text in shown) >= 5
        assert not any(text.startswith("-") for text in shown)
    # Performance was 0 all the time, and steps are whole.
    heights = [text for text in texts[1] if text.startswith("0.")]
    assert heights == ["0.0", "0.2", "0.4", "0.6", "0.8"]
    assert {"2", "3", "4"} <= set(texts[1])


def sizes(page: Page, selector: str) -> list[dict[str, float]]:
    boxes = [one.bounding_box() for one in page.locator(selector).all()]
    assert None not in boxes
    return [dict(box) for box in boxes if box is not None]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1280, 900), PHONE])
def test_every_figure_has_a_size_and_nothing_is_wider_than_the_window(
    visit: Visit, address: str, runs_address: str, size: tuple[int, int], scheme: str
) -> None:
    for place, expected in ((address, 4), (runs_address, 3)):
        page = visit(place, size, color_scheme=scheme)
        boxes = sizes(page, "figure svg:not(.legend svg)")
        assert len(boxes) == expected
        assert all(box["width"] > 200 and box["height"] > 100 for box in boxes)
        assert not scrolls_sideways(page)


def test_colours_follow_the_scheme_and_are_readable(visit: Visit, address: str) -> None:
    brightness = """element => getComputedStyle(element)[KEY].match(/\\d+/g).slice(0, 3)
        .reduce((sum, part) => sum + Number(part), 0) / 3"""
    for scheme, dark in (("light", False), ("dark", True)):
        body = visit(address, color_scheme=scheme).locator("body")
        paper = body.evaluate(brightness.replace("KEY", "'backgroundColor'"))
        ink = body.evaluate(brightness.replace("KEY", "'color'"))
        assert (paper < 60) == dark
        assert abs(paper - ink) > 150


def test_pointing_at_a_chart_shows_the_values_there(visit: Visit, address: str) -> None:
    page = visit(address)
    plot = page.locator("#fig2a .plot")
    box = sizes(page, "#fig2a .plot")[0]
    tip = plot.locator(".tip")
    assert not tip.is_visible()
    plot.scroll_into_view_if_needed()
    plot.hover(position={"x": box["width"] - 16, "y": box["height"] / 2})
    rows = [row.inner_text().split("\t") for row in tip.locator("tr").all()]
    curve, dense = made_finding().curves
    assert tip.locator("> div").inner_text() == "gradient steps 1\u202f000"
    assert [row[:2] for row in rows] == [
        ["dense", f"{dense.mean[-1]:.3f}"],
        [curve.name, f"{curve.mean[-1]:.3f}"],
    ]
    assert curve.low is not None
    assert rows[1][2].startswith(f"[{curve.low[-1]:.3f}, ")
    page.mouse.move(0, 0)
    assert not tip.is_visible()


def test_arrow_keys_read_a_chart(visit: Visit, address: str) -> None:
    page = visit(address)
    plot = page.locator("#fig2a .plot")
    plot.focus()
    said: list[str] = []
    for key in ("ArrowRight", "ArrowRight", "End", "ArrowRight", "ArrowLeft", "Home"):
        page.keyboard.press(key)
        said.append((plot.get_attribute("aria-valuetext") or "").partition(";")[0])
    steps = ["0", "100", "1\u202f000", "1\u202f000", "900", "0"]
    assert said == [f"gradient steps {step}" for step in steps]
    assert plot.get_attribute("aria-valuenow") == "0"
    assert plot.locator(".tip").is_visible()
    page.keyboard.press("Escape")
    assert not plot.locator(".tip").is_visible()


def test_a_name_hides_its_curve_and_shows_it_again(visit: Visit, address: str) -> None:
    page = visit(address)
    chart = page.locator("#fig2a .chart")
    button = chart.get_by_role("button", name="dense")

    def shown() -> list[str | None]:
        return [one.get_attribute("data-name") for one in chart.locator("g.series").all()]

    both = [curve.name for curve in made_finding().curves]
    assert shown() == both
    button.focus()
    page.keyboard.press("Enter")
    assert (shown(), button.get_attribute("aria-pressed")) == (both[:1], "false")
    button.click()
    assert (shown(), button.get_attribute("aria-pressed")) == (both, "true")
    for one in chart.get_by_role("button").all():
        one.click()
    assert shown() == []
    chart.locator(".plot").hover()
    assert not chart.locator(".tip").is_visible()


def test_many_curves_differ_in_colour_or_dashes(visit: Visit, address: str) -> None:
    page = visit(address)
    style = "line => getComputedStyle(line).stroke + getComputedStyle(line).strokeDasharray"
    lines = page.locator("#table1 .plot .series .line").all()
    styles = {line.evaluate(style) for line in lines}
    assert len(styles) == 9


def test_a_single_evaluation_stands_between_whole_steps(visit: Visit, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    runs = {"one": made_run({60: 0.2}, ["Go"], seed=0)}
    path.write_text(report.runs_page(runs), encoding="utf-8")
    page = visit(path.as_uri())
    labels = page.locator(".plot .axes").first.locator("text").all_text_contents()
    steps = [label for label in labels if "." not in label]
    assert {"0", "60", "120"} <= set(steps)


def test_charts_follow_the_width_of_the_window(visit: Visit, address: str) -> None:
    page = visit(address)
    page.set_viewport_size({"width": 500, "height": 800})
    page.wait_for_function("document.querySelector('.plot > svg').viewBox.baseVal.width < 480")
    assert not scrolls_sideways(page)


def test_a_page_prints_in_ink_on_paper_with_everything_open(
    visit: Visit, runs_address: str
) -> None:
    page = visit(runs_address, color_scheme="dark")
    assert not page.get_by_text("eval_every").is_visible()
    page.emulate_media(media="print", color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("body").evaluate("b => getComputedStyle(b).backgroundColor") == (
        "rgb(255, 255, 255)"
    )
    assert page.get_by_text("eval_every").is_visible()
    assert not page.locator(".downloads").first.is_visible()
    assert all(box["height"] > 100 for box in sizes(page, ".plot > svg"))
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert not page.get_by_text("eval_every").is_visible()
    assert len(page.pdf()) > 20_000


def test_links_lead_to_sections_and_files_can_be_saved(visit: Visit, address: str) -> None:
    page = visit(address)
    page.get_by_role("link", name="Figure 5d").click()
    assert page.url.endswith("#fig5d")
    top = sizes(page, "#fig5d")[0]["y"]
    assert 0 <= top < 900
    with page.expect_download() as saved:
        page.locator("#fig2a").get_by_role("link", name="PDF").click()
    assert saved.value.suggested_filename == "fig2a.pdf"
    assert Path(saved.value.path()).read_bytes().startswith(b"%PDF")


def test_everything_that_acts_can_be_reached_by_tab(visit: Visit, address: str) -> None:
    page = visit(address)
    acts = page.locator("a[href], button, [tabindex='0']").count()
    reached = set[str]()
    for _ in range(acts):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.outerHTML.slice(0, 400)"))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none"
    assert "body" not in {one[1:5] for one in reached}
    assert page.evaluate("document.activeElement.closest('section').id") == "table1"


def test_hostile_text_is_shown_and_does_nothing(visit: Visit, address: str) -> None:
    page = visit(address)
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    page.reload()
    assert "<script>alert('x')</script>" in page.locator("#table1 h2").inner_text()
    assert dialogs == []
