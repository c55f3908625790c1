"""The playground of a network in a browser: with a pointer, with keys alone, small and dark."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

import sparse_rnn as srnn
from modcog.explore.serving import LocalServer
from sparse_rnn.explore import site
from tests.browser import PHONE, Visit, scrolls_sideways, wait_until_told
from tests.sparse_rnn.helpers import small_config

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def serving(run: srnn.Run) -> Iterator[str]:
    with LocalServer(site(run), port=0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.url
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def sheet(finished: srnn.Run) -> Iterator[str]:
    yield from serving(finished)


@pytest.fixture(scope="module")
def unplaced() -> Iterator[str]:
    """A network whose units lie on no sheet, of a cell with gates."""
    changes: dict[str, Any] = {"arch": "random", "size": (12,), "radius": None, "cell": "gru"}
    options = {"mask_options": {"in_degree": 3}}
    yield from serving(srnn.train(small_config(**changes, **options, steps=1)))


def opened(visit: Visit, address: str, **options: Any) -> Page:
    page = visit(address, reduced_motion="reduce", **options)
    page.wait_for_function(
        "() => /^Unit \\d/.test(document.getElementById('unit-title').textContent)"
    )
    return page


def pixels(page: Page, canvas: str) -> str:
    return page.evaluate("id => document.getElementById(id).toDataURL()", canvas)


def wait_for_unit(page: Page, unit: int) -> None:
    page.wait_for_function(
        "unit => document.getElementById('unit-title').textContent.startsWith(`Unit ${unit} `)",
        arg=unit,
    )


def test_a_visitor_clicks_through(visit: Visit, sheet: str) -> None:
    page = opened(visit, sheet)
    assert page.locator("#task").inner_text() == "Go"
    assert "locality, vanilla, 16 units" in page.locator("#what").inner_text()
    before = {name: pixels(page, name) for name in ("units", "trial", "into")}

    page.locator("#slot").select_option("1")
    page.wait_for_function("() => document.getElementById('task').textContent === 'DlyGo'")
    page.get_by_role("button", name="Another trial").click()
    page.wait_for_function("() => location.search.includes('seed=1')")
    wait_until_told(page, "DlyGo: stimulus")

    box = page.locator("#units").bounding_box()
    assert box is not None
    # The third row and the second column of a sheet of 4 x 4.
    page.mouse.click(box["x"] + 0.375 * box["width"], box["y"] + 0.625 * box["height"])
    wait_for_unit(page, 9)
    assert page.locator("#unit-title").inner_text() == "Unit 9 (row 2, column 1)"
    assert "5 synapses onto the unit" in page.locator("#into-caption").inner_text()
    assert all(pixels(page, name) != old for name, old in before.items())

    page.get_by_text("cluster", exact=True).click()
    page.wait_for_selector("#legend li")
    title = page.locator("#unit-title").inner_text()
    assert title.startswith("Unit 9 (row 2, column 1), ")
    assert title.endswith("silent") or "cluster" in title  # as the weights are drawn
    by_cluster = pixels(page, "units")
    page.get_by_text("preferred direction", exact=True).click()
    page.wait_for_function(
        "old => document.getElementById('units').toDataURL() !== old", arg=by_cluster
    )

    # The address holds what is shown.
    again = opened(visit, page.url)
    wait_for_unit(again, 9)
    assert again.locator("#task").inner_text() == "DlyGo"
    assert again.get_by_label("preferred direction").is_checked()
    again.wait_for_function(
        "old => document.getElementById('units').toDataURL() === old", arg=pixels(page, "units")
    )


def test_keys_alone_suffice(visit: Visit, sheet: str) -> None:
    page = opened(visit, sheet)
    reached = []
    for _ in range(18):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate("document.activeElement.id || document.activeElement.ariaLabel")
        )
        if reached[-1] == "units":
            break
    assert {"slot", "seed", "another", "noise", "unit"} <= set(reached)
    assert page.evaluate("document.activeElement.id") == "units"
    # From the middle, unit 10 of a sheet of 4 x 4.
    for key, unit in (("ArrowRight", 11), ("ArrowRight", 8), ("ArrowDown", 12), ("ArrowLeft", 15)):
        page.keyboard.press(key)
        wait_for_unit(page, unit)
    wait_until_told(page, "Unit 15 (row 3")
    page.locator("#stage").focus()
    page.keyboard.press("Home")
    assert page.locator(".transport output").inner_text() == "0 ms"
    early = pixels(page, "units")
    page.keyboard.press("End")
    assert pixels(page, "units") != early
    page.keyboard.press("c")
    page.wait_for_selector("#legend li")
    page.keyboard.press("a")
    page.wait_for_function("() => !document.querySelector('#legend li')")
    page.keyboard.press("?")
    assert page.locator("dialog").is_visible()


def test_units_without_a_sheet_are_shown_over_time(visit: Visit, unplaced: str) -> None:
    page = opened(visit, unplaced)
    assert "Units over time" in page.locator("#units-caption").inner_text()
    assert "over gates" in page.locator("#into-caption").inner_text()
    before = page.locator("#unit-title").inner_text()
    page.locator("#units").focus()
    page.keyboard.press("ArrowDown")
    page.wait_for_function(
        "old => document.getElementById('unit-title').textContent !== old", arg=before
    )
    seen = {before}
    for _ in range(11):
        seen.add(title := page.locator("#unit-title").inner_text())
        page.keyboard.press("ArrowDown")
        page.wait_for_function(
            "old => document.getElementById('unit-title').textContent !== old", arg=title
        )
    assert len(seen) == 12  # the arrow has met each unit once, and the first again
    assert page.locator("#unit-title").inner_text() == before


def test_plays_once_by_itself(visit: Visit, sheet: str) -> None:
    page = visit(sheet, reduced_motion="no-preference")
    page.get_by_role("button", name="Pause").wait_for()
    page.get_by_role("button", name="Play").wait_for(timeout=20_000)
    assert page.locator(".transport output").inner_text() == "1400 ms"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("which", ["sheet", "unplaced"])
def test_fits_on_a_phone(
    visit: Visit, request: pytest.FixtureRequest, which: str, scheme: str
) -> None:
    address = request.getfixturevalue(which)
    page = opened(visit, address + "?color=clusters", size=PHONE, color_scheme=scheme)
    assert not scrolls_sideways(page)


def test_everything_has_a_name(visit: Visit, sheet: str) -> None:
    page = opened(visit, sheet)
    for kind in ("button", "combobox", "slider", "radio", "checkbox", "spinbutton", "img"):
        found = page.get_by_role(kind).all()
        assert found, kind
        for element in found:
            named = element.evaluate(
                "e => (e.ariaLabel || e.textContent || [...(e.labels ?? [])]"
                ".map(l => l.textContent).join('')).trim()"
            )
            assert named, element


MIDDLE = 10
"""The unit in the middle of a sheet of 4 x 4."""


def test_the_page_starts_at_a_unit_in_the_middle(visit: Visit, sheet: str, unplaced: str) -> None:
    page = opened(visit, sheet)
    assert page.locator("#unit-title").inner_text() == "Unit 10 (row 2, column 2)"
    assert page.locator("#unit").input_value() == "10"
    assert page.url == sheet
    assert opened(visit, unplaced).locator("#unit-title").inner_text() == "Unit 6"


@pytest.mark.parametrize(
    ("query", "said", "kept"),
    [
        ("?slot=99", ["slot must be a whole number from 0 to"], ""),
        ("?unit=99&slot=1", ["unit must be a whole number from 0 to"], "?slot=1"),
        ("?task=DlyGoo", ["a task of this network; got 'DlyGoo'. Did you mean 'DlyGo'"], ""),
        ("?untit=3&noise=yes", ["got 'untit'. Did you mean 'unit'"], "?noise=yes"),
        ("?color=cluster&seed=x", ["Did you mean 'clusters'", "seed must be a whole number"], ""),
        ("?task=DlyGo", [], "?slot=1"),
    ],
)
def test_an_address_that_cannot_be_shown_shows_what_can(
    visit: Visit, sheet: str, query: str, said: list[str], kept: str
) -> None:
    page = opened(visit, sheet + query)
    wait_for_unit(page, MIDDLE)
    page.wait_for_function("() => !document.getElementById('sentence').textContent.endsWith('…')")
    notices = page.locator(".notice").all_inner_texts()
    assert len(notices) == len(said)
    assert all(part in notice for part, notice in zip(said, notices, strict=True))
    assert page.locator("#task").inner_text() == ("DlyGo" if "slot=1" in kept else "Go")
    assert page.url == sheet + kept
