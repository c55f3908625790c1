"""The playground of the tasks in a browser: with a pointer, with keys alone, small and dark."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from modcog.explore import site
from modcog.explore.serving import LocalServer
from tests.browser import PHONE, Visit, scrolls_sideways, wait_until_told

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with LocalServer(site(), port=0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.url
        server.shutdown()
        thread.join()


@pytest.fixture
def still(visit: Visit, address: str) -> Any:
    """Opens the playground for a visitor who wants no motion, so that nothing moves by itself."""

    def opened(query: str = "", **options: Any) -> Page:
        page = visit(address + query, reduced_motion="reduce", **options)
        page.wait_for_selector("article h2:not(:empty)")
        return page

    return opened


def title(page: Page) -> list[str]:
    return page.locator("article h2").all_inner_texts()


def code(page: Page) -> str:
    return page.locator("#code").inner_text()


def wait_for_code(page: Page, words: str) -> None:
    page.wait_for_function(
        "words => document.getElementById('code').textContent.includes(words)", arg=words
    )


def picture(page: Page, which: str = "article canvas >> nth=0") -> bytes:
    return page.locator(which).screenshot()


def shown_targets(page: Page) -> list[list[int]]:
    """The targets that the page has, asked for as the page asks."""
    return page.evaluate(
        "fetch('/api/view' + location.search).then(r => r.json())"
        ".then(answer => answer.panels.map(panel => panel.targets))"
    )


def test_a_visitor_clicks_through(still: Any) -> None:
    page = still("", permissions=["clipboard-read", "clipboard-write"])
    assert title(page) == ["DlyGo"]
    before = picture(page)
    page.locator("#task-base").select_option("DlyAnti")
    page.get_by_text("IntL", exact=True).first.click()
    wait_for_code(page, '"DlyAnti_IntL"')
    page.get_by_text("SeqR", exact=True).first.click()
    wait_for_code(page, '"DlyAnti_IntL_SeqR"')
    page.get_by_label("Time step", exact=True).fill("20")
    wait_for_code(page, "dt=20")
    page.get_by_label("Velocity of Seq", exact=True).fill("112.5")
    wait_for_code(page, "seq_velocity=math.radians(112.5)")
    page.get_by_role("button", name="Another trial").click()
    wait_for_code(page, "seed=1")
    wait_until_told(page, "Another trial. DlyAnti_IntL_SeqR: stimulus")
    assert picture(page) != before

    page.locator("#copy").click()
    page.wait_for_function("() => document.getElementById('copy').textContent === 'Copied'")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.evaluate("document.getElementById('code').textContent")
    names: dict[str, Any] = {}
    exec(copied, names)
    assert shown_targets(page) == [names["target"].tolist()]

    # The address holds all of it.
    address = page.url
    page.reload()
    page.wait_for_selector("article h2:not(:empty)")
    assert page.url == address
    assert code(page).strip() == copied.strip()
    assert page.locator("#set-dt").input_value() == "20"

    page.get_by_role("button", name="All as in the tasks").click()
    wait_for_code(page, 'make("DlyAnti_IntL_SeqR")')


def test_two_tasks_side_by_side(still: Any) -> None:
    page = still("?task=DlyGo_IntL&seed=4")
    page.get_by_role("button", name="Compare two tasks").click()
    wait_for_code(page, "target_2")
    assert title(page) == ["DlyGo_IntL", "DlyGo"]
    first, second = (page.locator("article").nth(i).bounding_box() for i in (0, 1))
    assert first["y"] == second["y"]
    assert first["x"] + first["width"] <= second["x"]
    page.locator("#task-2-base").select_option("DM1")
    wait_for_code(page, '"DM1"')
    names: dict[str, Any] = {}
    exec(code(page), names)
    assert shown_targets(page) == [names["target"].tolist(), names["target_2"].tolist()]
    page.get_by_role("button", name="Show one task").click()
    page.wait_for_function("() => document.querySelectorAll('article').length === 1")
    assert "compare" not in page.url


def test_what_a_task_refuses_is_disabled_and_says_why(still: Any) -> None:
    page = still("?task=RTGo")
    assert page.locator("#task input[value=IntL]").is_disabled()
    assert page.locator("#task input[value=SeqL]").is_enabled()
    assert "no interval to time" in page.locator("#task-reason").inner_text()
    assert page.locator("#set-interval").is_disabled()
    assert page.locator("#set-coherence").is_disabled()
    assert "no coherence" in page.locator("#set-coherence-reason").inner_text()
    page.locator("#task-base").select_option("DM1")
    wait_for_code(page, '"DM1"')
    assert page.locator("#set-coherence").is_enabled()
    assert page.locator("#task-reason").inner_text() == ""


def test_keys_alone_suffice(still: Any) -> None:
    page = still("?task=DlyGo_SeqR&dt=20")
    keys = page.keyboard
    keys.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the trial"
    reached = []
    for _ in range(40):
        keys.press("Tab")
        label = page.evaluate(
            "(() => { const e = document.activeElement; const s = getComputedStyle("
            "e.closest('.choice label') ?? e); return [e.id || e.ariaLabel || e.name || e.tagName,"
            " s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2]; })()"
        )
        reached.append(label)
    names = [name for name, _ in reached]
    assert {"compare", "keys", "task-base", "seed", "another", "set-dt", "Play", "code"} <= set(
        names
    )
    unfocused = [name for name, visible in reached if not visible and name != "BODY"]
    assert unfocused == []

    page.locator("#stage").focus()
    keys.press("n")
    wait_for_code(page, "seed=1")
    keys.press("Home")
    assert page.locator(".transport output").inner_text() == "0 ms"
    keys.press("ArrowRight")
    keys.press("ArrowRight")
    assert page.locator(".transport output").inner_text() == "40 ms"
    wait_until_told(page, "40 ms, fixation: target fixate")
    keys.press("End")
    assert "decision: target" in page.locator(".now").inner_text()
    keys.press("c")
    wait_for_code(page, "target_2")
    keys.press("?")
    assert page.locator("dialog").is_visible()
    page.locator("#keys-on").uncheck()
    keys.press("Escape")
    assert not page.locator("dialog").is_visible()
    keys.press("c")
    keys.press("n")
    assert "seed=1" in code(page)
    assert len(title(page)) == 2

    page.locator("#task-base").focus()
    keys.press("a")  # a select's own key, not the page's
    keys.press("n")
    page.wait_for_function("() => document.getElementById('task-base').value === 'Anti'")


def test_the_bump_moves_while_it_plays(visit: Visit, address: str) -> None:
    page = visit(address + "?task=DlyGo_SeqL&dt=20", reduced_motion="no-preference")
    play = page.get_by_role("button", name="Pause")
    play.wait_for()  # a first visit plays the trial once, by itself
    early, late = (
        page.evaluate(
            "words => new Promise(done => { const look = () => document.querySelector('.now')"
            ".textContent.includes(words) ? done(document.querySelector('.ring canvas')"
            ".toDataURL()) : requestAnimationFrame(look); look(); })",
            words,
        )
        for words in ("stimulus", "decision")
    )
    assert early != late
    page.get_by_role("button", name="Play").wait_for(timeout=20_000)
    end = page.locator(".transport output").inner_text()
    page.get_by_label("Time in the trial").fill("10")
    assert page.locator(".transport output").inner_text() == "200 ms"
    assert end != "200 ms"


def test_nothing_moves_for_visitors_who_want_less_motion(still: Any) -> None:
    page = still("?task=DlyGo_SeqL&dt=20")
    assert page.get_by_role("button", name="Play").is_visible()
    before = page.locator(".now").inner_text()
    page.evaluate("new Promise(done => setTimeout(done, 300))")
    assert page.locator(".now").inner_text() == before


def test_pointing_at_the_picture_goes_there(still: Any) -> None:
    page = still("?task=DlyGo")
    box = page.locator("article canvas").first.bounding_box()
    page.mouse.click(box["x"] + box["width"] - 12, box["y"] + 100)
    assert page.locator(".transport output").inner_text() == "1900 ms"


def test_bad_values_are_told_in_the_page(visit: Visit, address: str) -> None:
    # The browser itself notes refused requests in its console, so this page is watched here.
    page = visit(address, reduced_motion="reduce")
    page.wait_for_selector("article h2:not(:empty)")
    page.route("**/api/view?*seed=-3*", lambda route: route.fulfill(json=refusal(address)))
    page.locator("#seed").fill("-3")
    page.locator("#seed").press("Enter")
    notice = page.locator(".notice")
    notice.wait_for()
    assert "seed must be a whole number" in notice.inner_text()
    assert title(page) == ["DlyGo"]
    page.locator("#seed").fill("3")
    page.locator("#seed").press("Enter")
    wait_for_code(page, "seed=3")
    assert page.locator(".notice").count() == 0


def refusal(address: str) -> Any:
    """What the server answers to a bad seed, with the status of a good one."""
    import json
    from urllib.error import HTTPError
    from urllib.request import urlopen

    with pytest.raises(HTTPError) as refused:
        urlopen(address + "api/view?seed=-3", timeout=20)
    return json.loads(refused.value.read())


def test_an_address_that_cannot_be_shown_shows_what_can(chromium: Any, address: str) -> None:
    page = chromium.new_page(reduced_motion="reduce")
    page.goto(address + "?task=DlyGo_IntL&int_velocity=-5&seed=3")
    page.wait_for_selector("article h2:not(:empty)")
    page.wait_for_selector(".notice")
    assert "degrees per second above 0" in page.locator(".notice").inner_text()
    assert title(page) == ["DlyGo_IntL"]
    assert "int_velocity" not in page.url
    assert page.locator("#set-int_velocity").get_attribute("aria-invalid") == "true"
    for query, said, kept in (
        ("?task=Goo", ["got 'Goo'. Did you mean Go"], ""),
        ("?tsk=Go&seed=3", ["a field of this page; got 'tsk'. Did you mean task"], "?seed=3"),
        ("?task=Go&compare=Antii", ["compare must be the name of a task"], "?task=Go"),
        ("?task=Goo&x=1&seed=2", ["got 'x'", "got 'Goo'"], "?seed=2"),
    ):
        page.goto(address + query)
        page.wait_for_selector("article h2:not(:empty)")
        page.wait_for_selector(f".notice >> nth={len(said) - 1}")
        notices = page.locator(".notice").all_inner_texts()
        assert len(notices) == len(said)
        assert all(part in notice for part, notice in zip(said, notices, strict=True))
        assert title(page) == ["Go" if "task=Go" in kept else "DlyGo"]
        assert page.url == address + kept
    page.close()


@pytest.mark.parametrize("query", ["?task=MultiDM_SeqL&dim_ring=64", "?task=DMC&compare=CtxDlyDM1"])
def test_fits_on_a_phone(still: Any, query: str) -> None:
    page = still(query, size=PHONE)
    assert not scrolls_sideways(page)
    small = page.evaluate(
        "[...document.querySelectorAll('button, select')].filter(e => e.offsetParent"
        " && !e.matches('.plain') && e.offsetHeight < 40).map(e => e.textContent)"
    )
    assert small == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read(still: Any, scheme: str) -> None:
    page = still("?task=RTGo&compare=DM1&dt=20", color_scheme=scheme)
    ratios = page.evaluate(CONTRAST)
    assert len(ratios) > 20
    assert [(text, ratio) for text, ratio in ratios if ratio < 4.5] == []


def test_everything_has_a_name(still: Any) -> None:
    page = still("?task=DlyGo&compare=DM1")
    for kind in ("button", "combobox", "slider", "radio", "spinbutton", "img"):
        found = page.get_by_role(kind).all()
        assert found, kind
        for element in found:
            named = element.evaluate(
                "e => (e.ariaLabel || e.textContent || [...(e.labels ?? [])]"
                ".map(l => l.textContent).join('')).trim()"
            )
            assert named, element


def test_colours_of_values_are_those_of_the_figures(still: Any) -> None:
    from matplotlib import colormaps

    from modcog.plotting.palette import AMOUNT, NEGATIVE, POSITIVE

    page = still()
    shown = page.evaluate("import('/palette.js').then(palette => [...palette.MAP])")
    table = colormaps[AMOUNT](np.arange(256))[:, :3]
    np.testing.assert_array_equal(np.reshape(shown, (256, 3)), np.round(255 * table))
    signs = page.evaluate("import('/palette.js').then(palette => palette.SIGNS)")
    assert ["#" + bytes(color).hex() for color in signs] == [NEGATIVE, POSITIVE]


CONTRAST = """
(() => {
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const rgb = text => text.match(/[\\d.]+/g).map(Number);
  const behind = e => {
    for (; e; e = e.parentElement) {
      const c = rgb(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] > 0) return c;
    }
    return [255, 255, 255];
  };
  const found = [];
  const kinds = 'h1, h2, h3, p, li, label, legend, output, button, pre';
  for (const e of document.querySelectorAll(kinds)) {
    if (!e.offsetParent || !e.textContent.trim() || e.matches('.unseen')) continue;
    if (e.matches(':disabled') || e.querySelector(':disabled')) continue;
    const [a, b] = [light(rgb(getComputedStyle(e).color)), light(behind(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    found.push([e.textContent.trim().slice(0, 40), ratio]);
  }
  return found;
})()
"""
