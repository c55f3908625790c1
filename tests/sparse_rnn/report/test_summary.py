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
    """The cells of the table of verdicts."""
    lines = [line for line in text.split("## Each claim")[0].splitlines() if line.startswith("|")]
    cells = [re.split(r"(?<!\\)\|", line.strip("|")) for line in lines[2:]]
    return [[cell.strip() for cell in row] for row in cells]


def chip(verdict: str) -> str:
    return f'<span class="verdict {verdict.replace(" ", "-")}">{verdict}</span>'


def test_each_finding_has_a_row_with_what_was_measured_beside_the_paper() -> None:
    first, second = rows(report.markdown([not_run(), made_finding()]))
    assert first == [
        "[**Figure 2a**](#fig2a) Does a local mask speed learning up at equal numbers of units?",
        f"{chip('not reproduced')}<br>"
        r"LM-RNN d=2, 2 000 steps: 0.720 \[0.695, 0.745\], paper 0.800<br>"
        r"dense, 2 000 steps: 0.747 \[0.732, 0.761\]",
    ]
    assert second[1] == chip("not run")


def test_a_fold_has_the_scale_the_seeds_the_command_and_the_commit() -> None:
    made = made_finding()
    fold = report.markdown([made]).split("<details", 1)[1]
    assert '<span id="fig2a"></span>' in fold
    assert "- Scale: laptop; seeds 0\N{EN DASH}2." in fold
    assert f"- Command: `{made.command}`\n- Commit: `0123456789`" in fold


def test_a_claim_that_compares_networks_has_a_second_verdict() -> None:
    twin = made_finding(id="fair_fig2a", title="Figure 2a, fair", verdict="reproduced")
    other = made_finding(id="fig3h", title="Figure 3h")
    fair = {"fig2a": "fair_fig2a", "table1": "fair_table1"}
    expected = {"table1": "Table 1"}
    page = report.markdown([made_finding(), twin, other], fair=fair, expected=expected)
    columns = [(row[1].split("<br>")[0], row[2].split("<br>")[0]) for row in rows(page)]
    assert columns == [
        (chip("not reproduced"), f"[{chip('reproduced')}](#fair_fig2a)"),
        (chip("not reproduced"), "\N{EN DASH}"),
        (chip("not run"), chip("not tested")),
    ]
    assert "3 in all: 2 not reproduced, 1 not run." in " ".join(page.split())
    assert page.count("<details") == 3


def test_rows_have_pictures_and_folds_have_figures() -> None:
    made = made_finding(figures=("fig2a.svg",))
    other = made_finding(id="fig2b", title="Figure 2b")
    page = report.markdown([made, other], pictures="strips", figures="figures", first="fig2a")
    # What is told first, with its claim and figure, has no row.
    assert len(rows(page)) == 1
    assert "](strips/fig2b.svg)" in rows(page)[0][1]
    # With a second verdict it has.
    both = report.markdown([made, other], fair={"fig2a": ""}, first="fig2a")
    assert [row[2] for row in rows(both)] == [chip("not tested"), "\N{EN DASH}"]
    assert f"Claim: {made.claim}" in page.split("## Each claim")[0]
    # First of all, and in its fold.
    assert page.count("![Figure 2a](figures/laptop/fig2a.svg)") == 2
    assert page.index("](figures/laptop/fig2a.svg)") < page.index("\n| ")


def test_what_has_no_finding_is_not_run() -> None:
    expected = {"fig2a": "Figure 2a", "fig11": "Figure 11", "fig5f": "Figure 5f"}
    text = report.markdown([made_finding()], expected=expected)
    assert [row[1].split("<br>")[0] for row in rows(text)] == [
        chip("not reproduced"),
        chip("not run"),
        chip("not run"),
    ]
    assert [row[0] for row in rows(text)][1:] == ["Figure 5f", "Figure 11"]
    assert "3 in all: 1 not reproduced, 2 not run." in " ".join(text.split())


def test_claim_reason_and_method_follow() -> None:
    made = made_finding()
    text = report.markdown([made])
    assert f"<summary>{chip('not reproduced')} <strong>Figure 2a</strong></summary>" in text
    for words in (made.question, made.claim, made.reason, made.method, made.machine, "2026-11-25"):
        assert words in " ".join(text.split())


@given(st.text(), st.text())
def test_any_text_keeps_the_table_whole_and_the_lines_short(one: str, other: str) -> None:
    measured = (Measurement.of(one, [1.0], unit=other),)
    finding = made_finding(title=f"Figure {one}", measured=measured, command=f"run {other}")
    text = report.markdown([finding])
    assert [len(row) for row in rows(text)] == [2]


HOSTILE = "a | b <script>x</script> `c` [d](e) *f* 1. g # h " * 9


def test_prose_is_wrapped_and_means_what_it_says() -> None:
    text = report.markdown([made_finding(reason=HOSTILE, question="- " + HOSTILE)])
    prose = [line for line in text.splitlines() if not line.startswith(("|", "<"))]
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
    cell = rows(text)[0][1]
    assert cell.startswith(f"{chip('not reproduced')}<br>value 4: 4.500 ")
    assert cell.endswith(r"<br>and 4 more below")
    assert "value 0: " in cell
    assert "value 5" not in cell
    section = text[text.index("<details") :]
    assert [f"| value {i} | " in section for i in range(6)] == [True] * 6
    assert section.count("| 9 |") == 1
