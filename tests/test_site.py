"""The documentation site: whole, quick to load, and asking no other host for anything."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import modcog
from docs.tools import player
from modcog import explore
from modcog.explore.serving import ADDRESS, PORT
from tests.browser import DESKTOP, PHONE, Visit, scrolls_sideways

pytest.importorskip("mkdocs")
from mkdocs.config import load_config

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
CUT_TABLES = """[...document.querySelectorAll(".md-typeset__scrollwrap")]
  .filter(part => part.scrollWidth > part.clientWidth).map(part => part.innerText.slice(0, 80))"""
"""Tables of which a part lies outside of the window until the reader scrolls them."""

GENERATED = {"commands.md", "contributing.md", "changelog.md"}
LATER = {"explore.md", "scaling.md", "analysis.md", "results.md"}
"""Pages of parts that a checkout may lack: the build leaves them out of the navigation."""


def build(folder: Path) -> Path:
    subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", folder],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        check=True,
    )
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("site") / "site")


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """The site behind a server on this machine: from files, browsers allow no search."""
    handler = functools.partial(QuietHandler, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files and does not report each of them."""

    def log_message(self, format: str, *args: object) -> None:
        pass


def pages(nav: list[object]) -> list[str]:
    """Pages of a navigation, in order."""
    found: list[str] = []
    for entry in nav:
        assert isinstance(entry, dict)
        ((_, target),) = entry.items()
        found += pages(target) if isinstance(target, list) else [target]
    return found


def test_every_page_is_in_the_navigation_and_exists() -> None:
    nav = pages(load_config(str(ROOT / "mkdocs.yml"))["nav"])
    there = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")} | GENERATED
    assert len(nav) == len(set(nav))
    assert there - set(nav) == set()
    assert set(nav) - there <= LATER


@pytest.mark.slow(40)
def test_strict_build_shows_every_task_and_loads_nothing_from_elsewhere(site: Path) -> None:
    gallery = (site / "gallery.html").read_text(encoding="utf-8")
    cards = re.findall(r'<figure class="card" id="([^"]+)"', gallery)
    assert cards == list(modcog.task_names())
    pictures = {name: site / "pictures" / f"{name}.svg" for name in cards}
    assert sum(path.stat().st_size for path in pictures.values()) + len(gallery) < 2_000_000
    assert all(f'src="pictures/{name}.svg"' in gallery for name in cards)
    assert gallery.count('loading="lazy"') == len(cards)

    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(
            r"<(?:script|img|iframe|source|link)\b[^>]*?(?:src|href)=\"([^\"]+)\"", text
        )
        assert [url for url in loaded if re.match(r"(?:https?:)?//", url)] == [], page.name
    for sheet in site.rglob("*.css"):
        found = re.findall(r"(?:url\(|@import\s*)[\"']?(?:https?:)?//[^)\"']+", sheet.read_text())
        assert found == [], sheet.name


@pytest.mark.slow
def test_reference_of_commands_has_all_of_them(site: Path) -> None:
    text = (site / "commands.html").read_text(encoding="utf-8")
    for words in ("modcog show", "modcog export", "sparse-rnn train", "sparse-rnn report"):
        assert f"usage: {words}" in text
    assert "--batch-size" in text


@pytest.mark.browser
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_gallery_filters_by_keyboard(address: str, visit: Visit, size: tuple[int, int]) -> None:
    page = visit(f"{address}/gallery.html", size)
    shown = page.locator(".card:not([hidden])")
    assert shown.count() == 168
    for value in ("reach", "decision"):
        page.locator(f'input[value="{value}"]').focus()
        page.keyboard.press("Space")
    page.locator("#words").focus()
    page.keyboard.type("drifts left")
    names = shown.evaluate_all("cards => cards.map(card => card.id)")
    matching = [name for name in modcog.task_names() if modcog.task(name).family == "matching"]
    assert names == [name for name in matching if name.endswith("_SeqL")]
    assert page.locator("#count").inner_text() == f"{len(names)} tasks"
    page.get_by_role("button", name="Show all").press("Enter")
    page.wait_for_function("document.querySelectorAll('.card[hidden]').length === 0")


SOUGHT = [
    ("memory", lambda row: row["delay"]),
    ("timing", lambda row: row["timed"]),
    ("context", lambda row: row["context"]),
    ("opposite", lambda row: row["anti"]),
    ("go no-go", lambda row: row["withholds"]),
    ("categorization memory", lambda row: row["category"]),
    ("evidence", lambda row: row["family"] == "decision"),
]


@pytest.mark.browser
@pytest.mark.parametrize(("words", "meant"), SOUGHT, ids=[words for words, _ in SOUGHT])
def test_gallery_finds_what_the_field_calls_it(
    address: str, visit: Visit, words: str, meant: Any
) -> None:
    page = visit(f"{address}/gallery.html")
    page.locator("#words").fill(words)
    shown = page.locator(".card:not([hidden])").evaluate_all("cards => cards.map(card => card.id)")
    rows = modcog.features(modcog.task_names())
    found = set(shown)
    assert {name for name, row in rows.items() if meant(row)} <= found
    assert len(found) < 168
    assert page.locator("#count").inner_text() == f"{len(shown)} tasks"


@pytest.mark.browser
def test_each_card_leads_into_the_playground(address: str, visit: Visit) -> None:
    page = visit(f"{address}/gallery.html")
    links = page.locator(".card .play a").evaluate_all("links => links.map(link => link.href)")
    assert links == [f"http://{ADDRESS}:{PORT}/?task={name}" for name in modcog.task_names()]
    commands = page.locator(".card .play code").all_text_contents()
    assert commands == [f"modcog explore {name}" for name in modcog.task_names()]


def test_player_has_the_files_of_the_playground_itself() -> None:
    for path, file in player.files().items():
        assert file == explore.PAGE / path.removeprefix(f"{player.FOLDER}/")
    page = (DOCS / "player" / "player.js").read_text(encoding="utf-8")
    asked = set(re.findall(r'from "\./([^"]+)"', page))
    assert {f"{player.FOLDER}/{name}" for name in asked} <= set(player.files())


@pytest.mark.parametrize("name", ["Go", "MultiDM", "DNMC_IntL_SeqR"])
def test_trials_of_the_player_are_those_of_the_package(name: str) -> None:
    packed = json.loads(player.trials(name))
    drawn = modcog.sample(name, player.SEED, player.N_TRIALS)
    assert [panel["name"] for panel in packed] == [name] * player.N_TRIALS
    for i, panel in enumerate(packed):
        assert len(panel["targets"]) == drawn.length[i]
        assert panel["trial"]["response"] == drawn.describe(i)["response"]
    assert len(player.trials(name)) < 40_000


@pytest.mark.slow
def test_trials_of_all_tasks_are_small_files(site: Path) -> None:
    files = {path.stem: path.stat().st_size for path in (site / "player/trials").iterdir()}
    assert sorted(files) == sorted(modcog.task_names())
    assert sum(files.values()) < 5_000_000


INK = """canvas => canvas.getContext("2d")
  .getImageData(0, 0, canvas.width, canvas.height).data.some(x => x)"""
PAPER = "getComputedStyle(document.body).backgroundColor"


@pytest.mark.browser
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_card_plays_trials(address: str, visit: Visit, size: tuple[int, int], dark: bool) -> None:
    page = visit(f"{address}/gallery.html", size)
    if dark:  # by the button of the site, against what the system prefers
        page.get_by_title("Dark colours").click()
    page.locator("#DMS .open").click()
    frame = page.frame_locator("dialog.player iframe")
    frame.get_by_role("heading", name="DMS").wait_for()
    first = frame.locator(".now").inner_text()
    for _ in range(100):  # it plays by itself
        if frame.locator(".now").inner_text() != first:
            break
        page.wait_for_timeout(50)
    assert frame.locator(".now").inner_text() != first
    assert frame.locator(".ring canvas").evaluate(INK)
    facts = frame.locator(".facts").inner_text()
    frame.get_by_role("button", name="Trial 2").click()
    assert frame.locator(".facts").inner_text() != facts
    (inner,) = page.frames[1:]
    assert not inner.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    red = int(re.findall(r"\d+", inner.evaluate(PAPER))[0])
    assert red < 60 if dark else red > 200
    page.get_by_role("button", name="Close").click()
    assert not page.locator("dialog.player").is_visible()


@pytest.mark.browser
def test_the_player_has_an_address_of_its_own(address: str, visit: Visit) -> None:
    page = visit(f"{address}/player/index.html?task=DlyGo_IntL&trial=3", reduced_motion="reduce")
    page.get_by_role("heading", name="DlyGo_IntL").wait_for()
    assert page.locator("[aria-pressed=true]").inner_text() == "Trial 3"
    before = page.locator(".now").inner_text()
    page.keyboard.press("ArrowRight")
    assert page.locator(".now").inner_text() != before
    page.get_by_role("link", name="Gallery").click()
    assert page.url.endswith("gallery.html#DlyGo_IntL")


@pytest.mark.browser
def test_the_player_refuses_what_is_no_name(address: str, visit: Visit) -> None:
    page = visit(f"{address}/player/index.html?task=../trials/Go")
    assert page.locator(".notice").inner_text() == "There are no trials of ../trials/Go here."


@pytest.mark.browser
def test_gallery_shows_all_tasks_without_scripts(address: str, visit: Visit) -> None:
    page = visit(f"{address}/gallery.html", java_script_enabled=False)
    assert page.locator(".card:visible").count() == 168
    assert not page.locator("#filter").is_visible()


@pytest.mark.browser
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_no_page_is_wider_than_its_window(
    site: Path, address: str, visit: Visit, size: tuple[int, int]
) -> None:
    page = visit(f"{address}/index.html", size)
    page.wait_for_load_state("networkidle")
    for path in sorted(site.rglob("*.html")):
        # A page that is left while it loads reports the loads that this ends as failed.
        url = f"{address}/{path.relative_to(site).as_posix()}"
        page.goto(url, wait_until="networkidle")
        assert not scrolls_sideways(page), path.name
        assert page.evaluate(CUT_TABLES) == [], path.name


HIDDEN = """folds => folds.filter(
  fold => !fold.querySelector("summary ~ *").checkVisibility()).length"""


@pytest.mark.browser
def test_paper_shows_what_folds_hold(address: str, visit: Visit) -> None:
    page = visit(f"{address}/why_local.html")
    folds = page.locator(".md-typeset details")
    assert folds.evaluate_all(HIDDEN) == folds.count() > 1
    page.emulate_media(media="print")
    assert folds.evaluate_all(HIDDEN) == 0


@pytest.mark.browser
def test_paper_shows_the_claims_that_are_open(address: str, visit: Visit) -> None:
    page = visit(f"{address}/results.html#fig2a")
    page.emulate_media(media="print")
    claims = page.locator("details.claim")
    assert claims.count() > 20
    (shown,) = [one for one in claims.all() if one.is_visible()]
    assert shown.locator("#fig2a").count() == 1


@pytest.mark.browser
@pytest.mark.parametrize("name", ["index", "howto", "tutorials/modifiers", "api/masks"])
def test_copy_buttons_give_code_alone(address: str, visit: Visit, name: str) -> None:
    page = visit(f"{address}/{name}.html", permissions=["clipboard-read", "clipboard-write"])
    blocks = page.locator(".highlight:has(> pre button[data-clipboard-target])")
    blocks.first.wait_for()
    sessions = 0
    for block in blocks.all():
        shown = block.locator("code").inner_text()
        block.locator("button[data-clipboard-target]").first.click(force=True)
        copied = page.evaluate("navigator.clipboard.readText()")
        lines = [line for line in copied.splitlines() if line.strip()]
        if shown.startswith(">>> "):
            sessions += 1
            compile(copied, name, "exec")
            typed = re.findall(r"^(?:>>>|\.\.\.) (.+)$", shown, flags=re.MULTILINE)
            assert lines == [line.rstrip() for line in typed if line.strip()]
        else:
            assert lines == [line for line in shown.splitlines() if line.strip()]
    assert sessions


@pytest.mark.browser
@pytest.mark.parametrize(
    ("words", "found"), [("connectome", "connectome.html"), ("learning rate", "training.html")]
)
def test_search_finds_pages(address: str, visit: Visit, words: str, found: str) -> None:
    page = visit(f"{address}/index.html")
    box = page.locator(".md-search__input")
    box.click()
    page.get_by_text("Type to start searching").wait_for()
    # All words at once, and a key that is let go: the theme's search stumbles on a part of them.
    box.fill(words)
    box.press("End")
    first = page.locator(".md-search-result__item").first
    first.wait_for()
    assert words in first.inner_text().lower()
    assert found in first.locator("a").first.get_attribute("href")
