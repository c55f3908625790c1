"""The findings as a Markdown page, `docs/results.md`."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence

from sparse_rnn.report import _words as words
from sparse_rnn.report._mixing import check_commits
from sparse_rnn.report.findings import (
    NONE,
    VERDICTS,
    Finding,
    Measurement,
    check_ids,
    commits,
    order,
)
from sparse_rnn.system.output import plain

WIDTH = 100

SHOWN = 3
"""Values in the row of a finding; all of them stand in its section."""


def markdown(
    findings: Sequence[Finding],
    *,
    expected: Mapping[str, str] = NONE,
    title: str = "Results",
    mixed_commits: bool = False,
    damaged: Mapping[str, str] = NONE,
) -> str:
    """Write findings as Markdown: a row each, then claim, reason and method of each.

    Args:
        findings: The findings.
        expected: Titles by id of all that there should be; "not run" is said of what is missing.
        title: Title of the page.
        mixed_commits: Whether findings may be of different commits.
        damaged: Findings that cannot be shown, by their files, and why; the page says so.

    Returns:
        The page. Each row says the verdict, scale and seeds, what was measured beside the paper's
        values, the command and the commit.

    Raises:
        InvalidArgument: There is no finding, two have one id, or commits are mixed.
    """
    check_ids(findings)
    check_commits("findings", commits(findings), mixed_commits=mixed_commits)
    found = {finding.id: finding for finding in findings}
    ids = sorted({**expected, **found}, key=order)
    rows = [_row(found[name]) if name in found else _missing(expected[name]) for name in ids]
    counts = [(verdict, sum(one.verdict == verdict for one in findings)) for verdict in VERDICTS]
    missing = len(ids) - len(found)
    counts = [(verdict, n + missing * (verdict == "not run")) for verdict, n in counts]
    tally = ", ".join(f"{n} {verdict}" for verdict, n in counts if n)
    about = (
        "What became of each claim of Khona et al. (2023). Values are means over seeds with 95 % "
        f"intervals, the paper's beside them. {len(ids)} in all: {tally}."
    )
    head = ["", "verdict", "scale", "seeds", "measured", "command", "commit"]
    table = [_line(head), _line(["---"] * len(head)), *map(_line, rows)]
    parts = [f"# {_text(title)}", _filled(about), "\n".join(table)]
    parts += [_filled(f"Not shown: {name}: {reason}") for name, reason in damaged.items()]
    parts += [_details(found[name]) for name in ids if name in found]
    return "\n\n".join(parts) + "\n"


def _row(finding: Finding) -> list[str]:
    if finding.verdict == "not run":
        return [_text(finding.title), "not run", "", "", "", _code(finding.command), ""]
    return [
        _text(finding.title),
        finding.verdict,
        finding.scale,
        words.seeds(finding.seeds),
        "<br>".join(_first(finding.measured)),
        _code(finding.command),
        _code(words.commit(finding.commit)),
    ]


def _missing(title: str) -> list[str]:
    return [_text(title), "not run", "", "", "", "", ""]


def _first(measured: Sequence[Measurement]) -> list[str]:
    """The first values, those with one of the paper before the others; and how many more."""
    listed = sorted(measured, key=lambda one: one.paper is None)
    shown = [
        _text(f"{one.name}: {_value(one)}")
        + ("" if one.paper is None else _text(f", paper {words.number(one.paper)}"))
        for one in listed[:SHOWN]
    ]
    more = len(listed) - SHOWN
    return [*shown, f"and {more} more below"] if more > 0 else shown


def _value(one: Measurement) -> str:
    unit = f" {one.unit}" if one.unit else ""
    ends = words.interval(one)
    return f"{words.number(one.value)}{unit}{' ' * bool(ends)}{ends}"


def _table(measured: Sequence[Measurement]) -> str:
    """All values, beside those of the paper where it has any."""
    if len(measured) <= SHOWN:
        return ""
    with_paper = any(one.paper is not None for one in measured)
    head = ["quantity", "measured", *(["paper"] if with_paper else [])]
    rows = [
        [
            _text(one.name),
            _text(_value(one)),
            *(["" if one.paper is None else words.number(one.paper)] if with_paper else []),
        ]
        for one in measured
    ]
    return "\n".join([_line(head), _line(["---"] * len(head)), *map(_line, rows)])


def _details(finding: Finding) -> str:
    entries = {"Claim": finding.claim, "Reason": finding.reason, "Method": finding.method}
    if finding.verdict != "not run":
        entries["Made"] = f"{finding.date.isoformat()} on {finding.machine}."
    lines = [_filled(f"- {name}: {text}", "  ") for name, text in entries.items() if text]
    question = _filled(finding.question)
    heading = f"## {_text(finding.title)}: {finding.verdict}"
    parts = (heading, question, "\n".join(lines), _table(finding.measured))
    return "\n\n".join(part for part in parts if part)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _filled(text: str, indent: str = "") -> str:
    """Prose in lines of the width of a page; no line but the first can begin a list or heading."""
    marker = re.match(r"- ", text)
    plain = _text(text[marker.end() :] if marker else text)
    # A sign that stands alone may come to stand first in a line.
    plain = re.sub(r" (?=(?:[-+=]|\d+[.)]) )", "\N{NO-BREAK SPACE}", plain)
    return textwrap.fill(
        ("- " if marker else "") + plain,
        WIDTH,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _text(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    plain = re.sub(r"([\\`*_\[\]|#~$])", r"\\\1", _one_line(text))
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _code(text: str) -> str:
    """A code span in a table, which a bar would end and a backtick too."""
    plain = _one_line(text).replace("`", "'").replace("|", r"\|")
    return f"`{plain}`" if plain else ""


def _one_line(text: str) -> str:
    # Not `str.split`: it would take the narrow spaces out of numbers.
    return plain(re.sub(r"[\x00-\x20\x7f-\x9f\u2028\u2029]+", " ", text).strip(" "))
