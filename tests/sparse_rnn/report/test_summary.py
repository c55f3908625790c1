"""The Markdown summary: a row for everything, and text that Markdown leaves alone."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from sparse_rnn import report
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.report.findings import Measurement
from tests.sparse_rnn.findings_made import made_finding, not_run


def rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [re.split(r"(?<!\\)\|", line.strip("|")) for line in lines[2:]]
    return [[cell.strip() for cell in row] for row in cells]


def test_each_finding_has_a_row_with_what_was_measured_beside_the_paper() -> None:
    first, second = rows(report.markdown([not_run(), made_finding()]))
    assert first == [
        "Figure 2a",
        "not reproduced",
        "laptop",
        "0\N{EN DASH}2",
        r"LM-RNN d=2, 2 000 steps: 0.720 \[0.695, 0.745\], paper 0.800<br>"
        r"dense, 2 000 steps: 0.747 \[0.732, 0.761\]",
        "`python -m benchmarks.paper.fig2a --scale laptop`",
        "`0123456789`",
    ]
    assert second[:5] == ["Figure 5d", "not run", "", "", ""]


def test_what_has_no_finding_is_not_run() -> None:
    expected = {"fig2a": "Figure 2a", "fig11": "Figure 11", "fig5f": "Figure 5f"}
    text = report.markdown([made_finding()], expected=expected)
    assert [(row[0], row[1]) for row in rows(text)] == [
        ("Figure 2a", "not reproduced"),
        ("Figure 5f", "not run"),
        ("Figure 11", "not run"),
    ]
    assert "3 in all: 1 not reproduced, 2 not run." in text


def test_claim_reason_and_method_follow() -> None:
    made = made_finding()
    text = report.markdown([made])
    assert "\n## Figure 2a: not reproduced\n" in text
    for words in (made.question, made.claim, made.reason, made.method, made.machine, "2026-11-25"):
        assert words in " ".join(text.split())


@given(st.text(), st.text())
def test_any_text_keeps_the_table_whole_and_the_lines_short(one: str, other: str) -> None:
    measured = (Measurement.of(one, [1.0], unit=other),)
    finding = made_finding(title=f"Figure {one}", measured=measured, command=f"run {other}")
    text = report.markdown([finding])
    assert [len(row) for row in rows(text)] == [7]


HOSTILE = "a | b <script>x</script> `c` [d](e) *f* 1. g # h " * 9


def test_prose_is_wrapped_and_means_what_it_says() -> None:
    text = report.markdown([made_finding(reason=HOSTILE, question="- " + HOSTILE)])
    prose = [line for line in text.splitlines() if not line.startswith("|")]
    assert max(map(len, prose)) <= 100
    assert "<script>" not in text
    # No line begins a list, a heading or a number by accident.
    assert [line for line in prose if re.match(r"  (?:[-+*#]|\d+\.) ", line)] == []
    assert r"a \| b" in text


def test_no_finding_is_no_summary() -> None:
    with pytest.raises(InvalidArgument, match="findings must be at least one"):
        report.markdown([])


def test_a_row_shows_few_values_and_the_section_all_of_them() -> None:
    measured = [Measurement.of(f"value {i}", [float(i), i + 1.0]) for i in range(6)]
    measured[4] = replace(measured[4], paper=9.0)
    text = report.markdown([made_finding(measured=tuple(measured))])
    cell = rows(text)[0][4]
    assert cell.startswith("value 4: 4.500 ")
    assert cell.endswith(r"<br>and 3 more below")
    assert "value 0: " in cell
    assert "value 5" not in cell
    section = text[text.index("\n## ") :]
    assert [f"| value {i} | " in section for i in range(6)] == [True] * 6
    assert section.count("| 9 |") == 1
