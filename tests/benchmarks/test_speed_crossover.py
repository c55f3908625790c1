"""The script that compares the dense and the sparse kernel runs. No time is asserted."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks.speed import crossover


def test_every_nonlinearity_gets_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crossover, "SHEETS", ((8, 1),))
    monkeypatch.setattr(crossover, "SHAPE", (3, 2))
    out = tmp_path / "crossover.json"
    monkeypatch.setattr(sys, "argv", ["crossover", "--repeats", "1", "-o", str(out)])
    crossover.main()
    rows = json.loads(out.read_text())
    assert [row["nonlinearity"] for row in rows] == ["relu", "tanh", "softplus"]
    assert [row["auto"] for row in rows] == ["sparse_cpu", "sparse_cpu", "dense"]
    assert all(row["ratio"] > 0 for row in rows)
