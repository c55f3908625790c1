"""Where a finding comes from: commit of the judgement, commits and hours of the runs behind it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.paper._arms import Trained
from sparse_rnn.report import findings
from sparse_rnn.report.findings import MODIFIED
from sparse_rnn.runs import folder as run_folder

ROOT = Path(__file__).parents[2]
OUTPUTS = (
    "benchmarks/paper/results",
    "docs/results.md",
    "docs/why_local.md",
    "docs/figures/results",
)
"""What the experiments write into the repository: no part of the code that makes them."""

SHOWN = 10
"""Digits of a commit in a text."""

FEW = 90
"""Below it a time is told in minutes."""


def stamp() -> dict[str, Any]:
    """Commit, machine and date of now; earlier findings are no change of the code."""
    made = findings.stamp()
    if made["commit"].endswith(MODIFIED) and not _code_changed():
        made["commit"] = made["commit"].removesuffix(MODIFIED)
    return made


def _code_changed() -> bool:
    excluded = [f":(exclude){path}" for path in OUTPUTS]
    command = ["git", "-C", str(ROOT), "diff", "--quiet", "HEAD", "--", ".", *excluded]
    return subprocess.run(command, check=False, capture_output=True).returncode != 0


def trained_with(runs: Iterable[Trained], commit: str) -> str:
    """Say with which commits runs were trained, where it was not the one that judges them.

    Args:
        runs: The runs.
        commit: The one that judges them.
    """
    found = sorted({_commit(run.folder) for run in runs})
    if not found or found == [commit.removesuffix(MODIFIED)]:
        return ""
    return "Trained with commit " + ", ".join(name[:SHOWN] for name in found) + "."


def taken(runs: Iterable[Trained]) -> str:
    """Say how long runs took, added up: hours, or minutes where those are few; "" for none."""
    seconds = [_seconds(run.folder) for run in runs]
    minutes = sum(seconds) / 60
    told = f"{minutes:.0f} minutes" if minutes < FEW else f"{minutes / 60:.1f} hours"
    return f"{len(seconds)} runs are compared, which took {told}." if seconds else ""


def _seconds(folder: Path) -> float:
    record = json.loads((folder / run_folder.SUMMARY).read_text(encoding="utf-8"))
    return float(record["elapsed_s"])


def _commit(folder: Path) -> str:
    record = json.loads((folder / run_folder.CONFIG).read_text(encoding="utf-8"))
    git = record.get("git")
    return str(git["commit"]) if git else "unknown"
