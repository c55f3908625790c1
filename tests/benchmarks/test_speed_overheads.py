"""The script of overheads runs, counts, and writes what it measured. No time is asserted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.speed import overheads


def test_what_is_measured_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    costs = [overheads.Cost("checkpoints", 0.5, 10), overheads.Cost("nothing", 0.25, 0)]
    monkeypatch.setitem(overheads.PARTS, "runs", lambda _: costs)
    path = tmp_path / "overheads.json"
    assert overheads.main(["--parts", "runs", "-o", str(path)]) == 0
    written = json.loads(path.read_text())
    assert [row["what"] for row in written["rows"]] == ["checkpoints", "nothing"]
    assert overheads.line(written["rows"][0]) == "| checkpoints | 0.50 s | 10 | 50.0 ms |"


def test_seconds_are_those_of_a_process_of_its_own() -> None:
    busy = "import time\nend = time.process_time() + 0.2\nwhile time.process_time() < end: pass"
    assert overheads.spent(busy) > 0.2
    assert overheads.modules("json") > 0
