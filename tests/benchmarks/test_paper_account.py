"""The account `docs/why_local.md`: its blocks are what the committed findings say."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.paper import _account as account
from benchmarks.paper._reporting import largest
from benchmarks.paper._statistics import RULE
from benchmarks.paper.claims import CLAIMS
from sparse_rnn.errors import InvalidArgument, UnknownName
from sparse_rnn.report import findings
from tests.sparse_rnn.findings_made import made_finding

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "why_local.md"

TEXT = """# A page

<!-- verdicts why_sgd
why -->
old
<!-- end -->

Prose.

<!-- table why: lead, N=400; rank -->
<!-- end -->

<!-- figure why_sgd -->
<!-- end -->
"""


def found() -> findings.Finding:
    measured = (
        findings.Measurement.of("lead, N=225, d=2", [0.1, 0.2, 0.3]),
        findings.Measurement.of("lead, N=400, d=2", [0.4, 0.5, 0.6]),
        findings.Measurement("rank correlation", 0.5, None, None, 30, None, ""),
    )
    return made_finding(id="why", measured=measured, method=f"As told. {RULE}")


def test_the_page_is_what_the_findings_say() -> None:
    known = {one.id: one for one in largest(ROOT / "benchmarks" / "paper" / "results")}
    text = PAGE.read_text(encoding="utf-8")
    assert account.filled(text, known) == text, "run: python -m benchmarks.paper --pages --account"
    assert len(account._BLOCK.findall(text)) == text.count(account.END) > 5


def test_blocks_are_filled_and_prose_stays() -> None:
    text = account.filled(TEXT, {"why": found()})
    assert "old" not in text
    assert "\n\nProse.\n\n" in text
    block = text.split("Prose.")[0]
    assert '<span class="verdict not-reproduced">not reproduced</span>' in block
    assert f"| [{found().question}](results.md#why) |" in block
    assert block.index("results.md#why") < block.index('<span class="verdict not-run">')
    assert f"| {CLAIMS['why_sgd'].title} |" in block
    assert "| lead, N=400, d=2 | 0.500 [" in text.replace("\\", "")
    assert "N=225" not in text.split("Prose.")[1]
    assert text.index("| rank correlation | 0.500 |") > text.index("N=400")
    assert text.split("figure why_sgd -->")[1].split("<!--")[0].strip() == account.NOTHING
    assert account.filled(text, {"why": found()}) == text


@pytest.mark.parametrize(
    ("block", "error", "message"),
    [
        ("tabel why", UnknownName, "table"),
        ("table whi", UnknownName, "why"),
        ("verdicts why whi", UnknownName, "why"),
        ("table why: leed", InvalidArgument, "leed"),
    ],
)
def test_a_block_about_nothing_is_refused(block: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        account.filled(f"<!-- {block} -->\n<!-- end -->", {"why": found()})


def test_a_figure_says_where_it_comes_from() -> None:
    made = made_finding(id="why", figures=("why.svg",))
    text = account.filled("<!-- figure why -->\n<!-- end -->", {"why": made})
    assert "/laptop/why.svg)\n\n" in text
    told = " ".join(text.split())
    assert f"`{made.command}`: seeds 0\N{EN DASH}2, commit `{made.commit[:10]}`" in told


def test_a_page_is_written_with_the_findings_of_a_folder(tmp_path: Path) -> None:
    findings.write(found(), tmp_path / "results" / "laptop")
    page = tmp_path / "page.md"
    page.write_text(TEXT, encoding="utf-8")
    account.write_account(tmp_path / "results", page)
    assert page.read_text(encoding="utf-8") == account.filled(TEXT, {"why": found()})
