"""Headless Chromium for the tests that carry the marker `browser`.

A test takes the fixture `visit` and opens pages with it. A page that writes an error to the
console, throws, or asks for anything beyond this machine fails the test at its end.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DESKTOP = (1280, 900)
PHONE = (390, 844)

_HERE = {"localhost", "127.0.0.1", "::1"}
_LOCAL_SCHEMES = {"file", "data", "blob", "about"}


class Visit(Protocol):
    """Opens an address in a new page."""

    def __call__(self, address: str, size: tuple[int, int] = DESKTOP, **options: Any) -> Page:
        """Open an address.

        Args:
            address: What to open, such as ``path.as_uri()``.
            size: Width and height of the window in CSS pixels.
            **options: More for playwright's `Browser.new_context`, such as ``color_scheme="dark"``.
        """
        ...


@pytest.fixture(scope="module")  # No longer: while it runs, `asyncio.run` in this thread fails.
def chromium() -> Iterator[Browser]:
    """A headless Chromium, or a skip that says what is missing."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip(f"there is no browser: none of {', '.join(NAMES)} is on the PATH")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Visit]:
    """What opens pages; at the end of the test they must have had no errors."""
    errors: list[str] = []
    contexts: list[Any] = []

    def opened(address: str, size: tuple[int, int] = DESKTOP, **options: Any) -> Page:
        viewport: Any = {"width": size[0], "height": size[1]}
        context = chromium.new_context(viewport=viewport, **options)
        contexts.append(context)
        page = context.new_page()
        watch(page, errors)
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert errors == []


def watch(page: Page, errors: list[str]) -> None:
    """Note in a list what goes wrong in a page: errors, exceptions, requests to other machines."""
    page.on("console", lambda m: errors.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("requestfailed", lambda request: errors.append(f"failed: {request.url[:200]}"))
    page.on("request", lambda request: errors.extend(_abroad(request.url)))


def wait_until_told(page: Page, words: str) -> None:
    """Wait for an announcement that has some words in it.

    The page empties the line before it says something new, so that what is read there once may be
    nothing, or the announcement before.
    """
    page.wait_for_function(
        "words => document.getElementById('status').textContent.includes(words)", arg=words
    )


def scrolls_sideways(page: Page) -> bool:
    """Whether a page is wider than its window."""
    return bool(page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))


def _abroad(url: str) -> list[str]:
    parts = urlsplit(url)
    if parts.scheme in _LOCAL_SCHEMES or parts.hostname in _HERE:
        return []
    return [f"asked for {url[:200]}"]
