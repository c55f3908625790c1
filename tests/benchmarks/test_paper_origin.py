"""Where findings come from: commits and hours of the runs behind them, and what is code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.paper import _origin as origin
from benchmarks.paper._arms import Trained
from benchmarks.paper._reporting import FIGURES


def run(folder: Path, seconds: float, commit: str | None = None) -> Trained:
    """The files of a run that say where it comes from."""
    folder.mkdir()
    git = {"commit": commit} if commit else None
    (folder / "config.json").write_text(json.dumps({"git": git}), encoding="utf-8")
    (folder / "summary.json").write_text(json.dumps({"elapsed_s": seconds}), encoding="utf-8")
    config: Any = None
    return Trained(config, folder)


def test_hours_are_added_up(tmp_path: Path) -> None:
    runs = [run(tmp_path / str(i), seconds) for i, seconds in enumerate((1800.0, 1830.0, 5400.0))]
    assert origin.taken([]) == ""
    assert origin.taken(runs[:2]) == "2 runs are compared, which took 60 minutes."
    assert origin.taken(runs) == "3 runs are compared, which took 2.5 hours."


def test_commits_are_told_where_they_differ_from_the_judging_one(tmp_path: Path) -> None:
    commits = ("a" * 40, "b" * 40, None)
    runs = [run(tmp_path / str(i), 1.0, commit) for i, commit in enumerate(commits)]
    assert origin.trained_with(runs[:1], "a" * 40) == ""
    assert origin.trained_with(runs[:1], "a" * 40 + origin.MODIFIED) == ""
    told = origin.trained_with(runs, "a" * 40)
    assert told == f"Trained with commit {'a' * 10}, {'b' * 10}, unknown."


def test_what_the_experiments_write_is_no_change_of_the_code() -> None:
    for path in origin.OUTPUTS:
        assert (origin.ROOT / path).exists(), path
    assert "benchmarks/paper/results" in origin.OUTPUTS
    assert FIGURES.endswith("benchmarks/paper/results")
