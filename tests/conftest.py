"""Settings shared by all tests: hypothesis profiles and a plotting backend without a display.

The profile is `ci` where the variable CI is set, else `dev`; HYPOTHESIS_PROFILE names another one.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

from tests.browser import chromium as chromium, visit as visit

os.environ.setdefault("MPLBACKEND", "Agg")
# No clock decides which kernel a test computes with.
os.environ.setdefault("SPARSE_RNN_KERNEL", "estimate")

# A shell starts jobs in the background with Ctrl-C ignored, and so would the tests' processes.
signal.signal(signal.SIGINT, signal.default_int_handler)

# No deadlines: no test here asserts a duration.
settings.register_profile("dev", max_examples=20, deadline=None)
settings.register_profile("ci", max_examples=20, deadline=None, derandomize=True, print_blob=True)
settings.register_profile("nightly", max_examples=1000, deadline=None, print_blob=True)

_default = "ci" if os.environ.get("CI") else "dev"
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", _default))


@pytest.hookimpl(trylast=True)  # after those who leave tests out or put them in an order of chance
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files of the longest tests, so that no process works on alone at the end.

    The markers `slow` and `drill` may say how many seconds a test takes; who does not takes few.
    """
    longest: dict[Path, float] = {}
    for item in items:
        seconds = [
            mark.args[0]
            for name in ("slow", "drill")
            for mark in item.iter_markers(name)
            if mark.args
        ]
        longest[item.path] = max([longest.get(item.path, 0), *seconds])
    items.sort(key=lambda item: -longest[item.path])
