"""Settings shared by all tests: hypothesis profiles and a plotting backend without a display.

The profile is `ci` where the variable CI is set, else `dev`; HYPOTHESIS_PROFILE names another one.
"""

from __future__ import annotations

import os
import signal

from hypothesis import settings

from tests.browser import chromium as chromium, visit as visit

os.environ.setdefault("MPLBACKEND", "Agg")

# A shell starts jobs in the background with Ctrl-C ignored, and so would the tests' processes.
signal.signal(signal.SIGINT, signal.default_int_handler)

# No deadlines: no test here asserts a duration.
settings.register_profile("dev", max_examples=20, deadline=None)
settings.register_profile("ci", max_examples=20, deadline=None, derandomize=True, print_blob=True)
settings.register_profile("nightly", max_examples=1000, deadline=None, print_blob=True)

_default = "ci" if os.environ.get("CI") else "dev"
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", _default))
