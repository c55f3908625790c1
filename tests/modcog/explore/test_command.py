"""The command `modcog explore` as a process: it starts, serves, opens a browser and ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def started(*options: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and its address."""
    program = "import sys; from modcog.cli import main; sys.exit(main(sys.argv[1:]))"
    with subprocess.Popen(
        [sys.executable, "-c", program, "explore", "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **environment},
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.search(r"http://127\.0\.0\.1:\d+/\S*", line)
            assert found is not None, line
            yield process, found[0]
        finally:
            process.kill()


def test_serves_until_ctrl_c_and_ends_cleanly() -> None:
    with started("--no-browser") as (process, address):
        with urllib.request.urlopen(address, timeout=20) as page:
            assert b"<title>Mod-Cog tasks</title>" in page.read()
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert rest == "\nmodcog explore: ended.\n"


@pytest.mark.parametrize("opened", [True, False])
def test_opens_the_page_in_the_browser_unless_told_not_to(tmp_path: Path, opened: bool) -> None:
    note = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {note}.new && mv {note}.new {note}\n')
    browser.chmod(0o755)
    options = [] if opened else ["--no-browser"]
    with started(*options, BROWSER=f"{browser} %s") as (process, address):
        # The browser's process may start after the first answer: ask until it has.
        for _ in range(400 if opened else 20):
            with urllib.request.urlopen(address + "api/catalog", timeout=20):
                pass
            if note.exists():
                break
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert note.exists() == opened
    if opened:
        assert note.read_text().strip() == address


def test_a_task_is_where_the_page_begins() -> None:
    with started("--no-browser", "dlygointl") as (process, address):
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert address.endswith("/?task=DlyGo_IntL")
