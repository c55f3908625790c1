"""The examples of a page run in an empty folder, and those that need an extra where it is."""

import os
from importlib.util import find_spec
from pathlib import Path

import pytest

# No clock decides which kernel an example computes with.
os.environ.setdefault("SPARSE_RNN_KERNEL", "estimate")
collect_ignore = [] if find_spec("neurogym") else ["neurogym.md"]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a page writes lands in a folder of its own."""
    monkeypatch.chdir(tmp_path)
