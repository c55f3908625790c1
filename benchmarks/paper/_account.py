"""A page of prose whose numbers come from findings: blocks between comments are filled.

A block begins with a comment that says what stands in it, and ends with ``<!-- end -->``:

- ``<!-- verdict ID -->``: the verdict, with a link to its fold on the results page, which has the
  claim, the checks, all values, and the command that makes the finding again;
- ``<!-- table ID: NAME; NAME -->``: what was measured whose name begins with one of these, or all;
- ``<!-- figure ID -->``: its figures.

What is between is written anew each time, so that no number in a block is typed by hand.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.paper._reporting import FIGURES, largest
from benchmarks.paper._statistics import NOT_RUN
from benchmarks.paper.claims import CLAIMS, Claim
from sparse_rnn.errors import InvalidArgument, unknown_name
from sparse_rnn.report import _words as words
from sparse_rnn.report.findings import Finding
from sparse_rnn.report.summary import chip
from sparse_rnn.system.files import atomic_writer

WIDTH = 100

RESULTS = "results.md"
"""The page of results, beside this one."""

END = "<!-- end -->"
_BLOCK = re.compile(r"<!-- (?P<kind>\w+) (?P<id>\w+)(?:: (?P<rows>.*?))? -->\n.*?" + END, re.DOTALL)


def filled(text: str, found: Mapping[str, Finding], claims: Mapping[str, Claim] = CLAIMS) -> str:
    """Fill all blocks of a page.

    Args:
        text: The page.
        found: Findings by id.
        claims: The claims that a block may be about.

    Raises:
        UnknownName: A block is of no kind, or about no claim.
        InvalidArgument: A table names what its finding has not measured.
    """

    def fill(block: re.Match[str]) -> str:
        kind, name, rows = block["kind"], block["id"], block["rows"] or ""
        for argument, value, known in (("block", kind, KINDS), ("ID", name, claims)):
            if value not in known:
                raise unknown_name(argument, value, known, "a part of the account")
        one = found.get(name)
        ran = one is not None and one.verdict != NOT_RUN
        inside = KINDS[kind](one, rows) if one is not None and ran else NOTHING
        return f"{block[0].partition(chr(10))[0]}\n\n{inside}\n\n{END}"

    return _BLOCK.sub(fill, text)


NOTHING = "Not run yet."


def _verdict(finding: Finding, _rows: str) -> str:
    told = (
        f"**{_text(finding.title)}.** Seeds {words.seeds(finding.seeds)}, {finding.scale} scale: "
        f"[claim and checks]({RESULTS}#{finding.id})."
    )
    told = textwrap.fill(told, WIDTH, break_long_words=False, break_on_hyphens=False)
    return f"{chip(finding.verdict)}\n{told}"


def _table(finding: Finding, rows: str) -> str:
    names = [name.strip() for name in rows.split(";") if name.strip()]
    lines = ["| quantity | value |", "| --- | --- |"]
    for name in names or [""]:
        listed = [one for one in finding.measured if one.name.startswith(name)]
        if not listed:
            raise InvalidArgument("table", name, f"how a name begins that {finding.id} measured")
        lines += [f"| {_text(one.name)} | {_text(words.value(one))} |" for one in listed]
    return "\n".join(lines)


def _figure(finding: Finding, _rows: str) -> str:
    listed = [f"![{finding.title}]({FIGURES}/{finding.scale}/{name})" for name in finding.figures]
    return "\n\n".join(listed) or NOTHING


KINDS: Mapping[str, Callable[[Finding, str], str]] = {
    "verdict": _verdict,
    "table": _table,
    "figure": _figure,
}
"""What can stand in a block."""


def _text(text: str) -> str:
    plain = re.sub(r"([\\`*_\[\]|#~$])", r"\\\1", text)
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def write_account(results: Path, path: Path, claims: Mapping[str, Claim] = CLAIMS) -> None:
    """Fill the blocks of a page with the findings of the largest scale at which each ran.

    Args:
        results: Folder with a folder of findings for each scale.
        path: The page; it is read and written.
        claims: The claims that a block may be about.
    """
    found = {finding.id: finding for finding in largest(results)}
    text = filled(path.read_text(encoding="utf-8"), found, claims)
    with atomic_writer(path) as file:
        file.write(text)
