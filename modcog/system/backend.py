"""What a command does about matplotlib's backend, which is for windows that it does not open."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def figures_to_files() -> Generator[None]:
    """Hide the backend that ``MPLBACKEND`` asks for, as matplotlib refuses one it cannot import.

    A notebook sets it to a backend of its own for all commands that it starts. A command writes its
    figures to files, which no backend is asked for.
    """
    before = os.environ.get("MPLBACKEND")
    os.environ["MPLBACKEND"] = "agg"
    try:
        yield
    finally:
        del os.environ["MPLBACKEND"]
        if before is not None:
            os.environ["MPLBACKEND"] = before
