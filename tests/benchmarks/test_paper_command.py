"""The command ``python -m benchmarks.paper``: plans, refusals, findings, page and summary."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks.paper.__main__ import main
from benchmarks.paper._experiment import not_run
from benchmarks.paper._reporting import largest, write_summary
from benchmarks.paper._scales import SCALES
from benchmarks.paper._statistics import RULE
from benchmarks.paper.table import EXPERIMENTS
from sparse_rnn.report import findings


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    """The command sets the number of threads of its process, which here is that of all tests."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def places(folder: Path) -> list[str]:
    return ["--runs", str(folder / "runs"), "--results", str(folder / "results")]


def test_a_plan_counts_shared_runs_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fig2a", "fig3ab", "--scale", "laptop", "--dry-run", *places(tmp_path)]) == 0
    rows = {line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines()}
    assert rows["fig2a"][:3] == ["105", "0", "105"]
    assert rows["fig3ab"][:3] == ["30", "0", "0"]
    assert rows["total"][0] == "105"
    assert not (tmp_path / "runs").exists()


def test_an_unknown_experiment_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fig2c", *places(tmp_path)]) == 2
    assert "fig2a" in capsys.readouterr().err


def test_findings_of_what_needs_no_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = tmp_path / "results.md"
    words = ["fig1d", "fig2a", "--finished", "--summary", str(summary), *places(tmp_path)]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "not run" in printed
    found = {one.id: one for one in findings.read_all(tmp_path / "results" / "smoke")}
    assert found["fig1d"].verdict == "inconclusive"  # two seeds
    assert found["fig2a"].verdict == "not run"
    assert "<html" in (tmp_path / "runs" / "report-smoke.html").read_text(encoding="utf-8")
    text = summary.read_text(encoding="utf-8")
    for row in ("[**Figure 1d**](#fig1d)", "[**Figure 2a**](#fig2a)", "Table 1", "Figures 7-11"):
        assert f"| {row}" in text
    assert (tmp_path / "figures" / "results" / "fig1d.svg").exists()


def test_the_summary_takes_the_largest_scale_that_ran(tmp_path: Path) -> None:
    for scale, verdict in (("smoke", "inconclusive"), ("laptop", "not run")):
        for name in ("fig1d", "fig2a"):
            ran = "inconclusive" if name == "fig1d" else verdict
            made = not_run(name, EXPERIMENTS[name], SCALES[scale])
            findings.write(replace(made, verdict=ran), tmp_path / "results" / scale)
    found = {one.id: one.scale for one in largest(tmp_path / "results")}
    assert found == {"fig1d": "laptop", "fig2a": "smoke"}
    write_summary(tmp_path / "results", tmp_path / "deep" / "results.md")
    assert (tmp_path / "deep" / "results.md").exists()


def test_findings_of_an_earlier_rule_say_so(tmp_path: Path) -> None:
    folder = tmp_path / "results" / "laptop"
    made = not_run("fig2a", EXPERIMENTS["fig2a"], SCALES["laptop"])
    findings.write(replace(made, verdict="inconclusive", method="Old."), folder)
    summary = tmp_path / "results.md"
    words = ["--pages", "--scale", "laptop", "--summary", str(summary), *places(tmp_path)]
    assert main(words) == 0
    text = " ".join(summary.read_text(encoding="utf-8").split())
    assert "This verdict rests on an earlier rule" in text
    assert "| [**Figure 2a (earlier rule)**](#fig2a)" in text
    assert findings.read(folder / "fig2a.json").verdict == "inconclusive"  # as it was
    findings.write(replace(made, verdict="inconclusive", method=f"New. {RULE}"), folder)
    assert main(words) == 0
    assert "earlier rule" not in summary.read_text(encoding="utf-8")


OF_EACH_KIND = ("fig1d", "fig2b", "fig3ab", "fig4ae", "why", "fair_table1")
"""No runs, some, those of another claim, nothing to judge, searches, and a twin in fair settings.

That each experiment is measured, judged and drawn is what `test_paper_experiments` shows."""


@pytest.mark.slow(60)
def test_the_smoke_scale_runs(tmp_path: Path) -> None:
    assert main([*OF_EACH_KIND, "--scale", "smoke", "--workers", "2", *places(tmp_path)]) == 0
    found = findings.read_all(tmp_path / "results" / "smoke")
    assert {one.id for one in found} == set(OF_EACH_KIND)
    assert all(one.measured for one in found)
    assert {one.verdict for one in found} <= {"inconclusive", "reproduced"}
