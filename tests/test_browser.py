"""The browser of the tests opens pages, and notes what goes wrong in them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser import PHONE, Visit, scrolls_sideways, watch

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


def test_pages_open_at_the_size_asked_for(visit: Visit, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("<!doctype html><title>a page</title><p>words")
    page = visit(path.as_uri(), PHONE)
    assert page.title() == "a page"
    assert not scrolls_sideways(page)
    page.set_content("<div style='width: 400px'>wide</div>")
    assert scrolls_sideways(page)


def test_what_goes_wrong_is_noted(chromium: Browser) -> None:
    errors: list[str] = []
    page = chromium.new_page()
    watch(page, errors)
    page.set_content("<script>console.error('told'); throw new Error('thrown')</script>")
    # Nothing is asked of the network: the request is answered here.
    page.route("**/*", lambda route: route.fulfill(body="x"))
    page.evaluate("fetch('http://example.invalid/a', {mode: 'no-cors'})")
    page.close()
    for words in ("told", "thrown", "asked for http://example.invalid/a"):
        assert any(words in error for error in errors)
