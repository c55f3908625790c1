"""The script that compares ensembles with single networks runs. No time is asserted."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

import sparse_rnn as srnn
from benchmarks.speed import ensembles


def test_both_ways_are_measured_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ensembles, "MASKS", {"LM N=9": lambda: srnn.masks.locality((3, 3), 1)})
    out = tmp_path / "ensembles.json"
    arguments = ["--seeds", "2", "--steps", "3", "--lanes", "2", "--repeats", "1", "-o", str(out)]
    monkeypatch.setattr(sys, "argv", ["ensembles", *arguments])
    ensembles.main()
    rows = json.loads(out.read_text())["rows"]
    assert [row["way"] for row in rows] == ["as trained", "stacked"]
    for row in rows:
        assert row["over_sequence"] == pytest.approx(row["together_s"] / row["one_s"] / 2)
        assert f"{row['over_one']:.2f}" in capsys.readouterr().out or row["way"] == "stacked"
