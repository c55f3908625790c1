"""Take the pictures of the playgrounds for the documentation, in headless Chromium.

``python docs/tools/screenshots.py RUN`` writes them into ``docs/screenshots``. The pictures there
are of the run that this command makes, in a few minutes:

    sparse-rnn train --suite cog-20 --arch locality --size 20x20 --radius 2 --steps 1500 \
      --batch-size 20 --seq-len 100 --seed 0 --out runs/locality
"""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SCREENSHOTS = Path(__file__).parent.parent / "screenshots"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SIZE = {"width": 1280, "height": 900}

TASKS = "?task=DlyGo_IntL_SeqR&dt=20&seed=2"
TASKS_STEP = 36
NETWORK = "?slot=11&unit=150&color=clusters"
NETWORK_STEP = 9


@contextmanager
def served(site: Any) -> Iterator[str]:
    """The address of a playground."""
    from modcog.explore import LocalServer

    with LocalServer(site, port=0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.url
        server.shutdown()
        thread.join()


def take(browser: Any, address: str, ready: str, step: int, name: str) -> None:
    """Write the picture of a page once a selector is there, at a step of the trial."""
    page = browser.new_page(viewport=SIZE, reduced_motion="reduce", color_scheme="light")
    page.goto(address)
    page.wait_for_selector(ready)
    page.get_by_label("Time in the trial").fill(str(step))
    page.evaluate("document.activeElement.blur()")
    path = SCREENSHOTS / name
    page.screenshot(path=path)
    print(f"{path}: {path.stat().st_size / 1024:.0f} KiB")


def main(run: str) -> None:
    """Take the pictures."""
    from playwright.sync_api import sync_playwright

    import sparse_rnn as srnn
    from modcog import explore as tasks
    from sparse_rnn import explore as network

    SCREENSHOTS.mkdir(exist_ok=True)
    program = next(filter(None, map(shutil.which, BROWSERS)))
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=program, args=options)
        with served(tasks.site()) as address:
            ready = "article h2:not(:empty)"
            take(browser, address + TASKS, ready, TASKS_STEP, "explore-tasks.png")
        with served(network.site(srnn.load_run(run))) as address:
            take(browser, address + NETWORK, "#legend li", NETWORK_STEP, "explore-network.png")
        browser.close()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python docs/tools/screenshots.py RUN")
    main(sys.argv[1])
