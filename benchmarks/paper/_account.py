"""A page of prose whose numbers come from findings: blocks between comments are filled.

A block begins with a comment that says what stands in it, and ends with ``<!-- end -->``:

- ``<!-- verdicts ID ID -->``: a row for each, with the verdict and the question, which leads to its
  fold on the results page: claim, checks, all values, and the command that makes it again;
- ``<!-- table ID: NAME; NAME -->``: what was measured whose name begins with one of these, or all;
- ``<!-- figure ID -->``: its figures, and where they come from.

What is between is written anew each time, so that no number in a block is typed by hand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.paper._reporting import FIGURES, largest
from benchmarks.paper._statistics import NOT_RUN
from benchmarks.paper.claims import CLAIMS, Claim
from sparse_rnn.errors import InvalidArgument, unknown_name
from sparse_rnn.report import _words as words
from sparse_rnn.report.findings import Finding
from sparse_rnn.report.summary import chip
from sparse_rnn.system.files import atomic_writer

RESULTS = "results.md"
"""The page of results, beside this one."""

END = "<!-- end -->"
_BLOCK = re.compile(
    r"(?P<head><!-- (?P<kind>\w+)(?P<ids>(?:\s\w+)+)(?:: (?P<rows>[^\n]*?))? -->)\n.*?" + END,
    re.DOTALL,
)


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
        kind, names, rows = block["kind"], block["ids"].split(), block["rows"] or ""
        asked: tuple[tuple[str, str, Mapping[str, object]], ...] = (
            ("block", kind, KINDS),
            *(("ID", name, claims) for name in names),
        )
        for argument, value, known in asked:
            if value not in known:
                raise unknown_name(argument, value, known, "a part of the account")
        ran = [found[name] for name in names if name in found and found[name].verdict != NOT_RUN]
        waiting = [claims[name] for name in names if name not in {one.id for one in ran}]
        inside = KINDS[kind](ran, waiting, rows)
        return f"{block['head']}\n\n{inside}\n\n{END}"

    return _BLOCK.sub(fill, text)


NOTHING = "Not run yet."


def _verdicts(ran: Sequence[Finding], waiting: Sequence[Claim], _rows: str) -> str:
    lines = ["| verdict | what was asked |", "| --- | --- |"]
    lines += [
        f"| {chip(one.verdict)} | [{_text(one.question)}]({RESULTS}#{one.id}) |" for one in ran
    ]
    lines += [f"| {chip(NOT_RUN)} | {_text(one.title)} |" for one in waiting]
    return "\n".join(lines)


def _table(ran: Sequence[Finding], _waiting: Sequence[Claim], rows: str) -> str:
    names = [name.strip() for name in rows.split(";") if name.strip()]
    lines: list[str] = []
    for finding, name in ((finding, name) for finding in ran for name in names or [""]):
        listed = [one for one in finding.measured if one.name.startswith(name)]
        if not listed:
            raise InvalidArgument("table", name, f"how a name begins that {finding.id} measured")
        lines += [f"| {_text(one.name)} | {_text(words.value(one))} |" for one in listed]
    return "\n".join(["| quantity | value |", "| --- | --- |", *lines]) if lines else NOTHING


def _figure(ran: Sequence[Finding], _waiting: Sequence[Claim], _rows: str) -> str:
    listed: list[str] = []
    for one in ran:
        listed += [f"![{one.title}]({FIGURES}/{one.scale}/{name})" for name in one.figures]
        listed.append(
            f"`{one.command}`:\nseeds {words.seeds(one.seeds)}, commit "
            f"`{words.commit(one.commit)}`; [hours and machine]({RESULTS}#{one.id})."
        )
    return "\n\n".join(listed) or NOTHING


KINDS: Mapping[str, Callable[[Sequence[Finding], Sequence[Claim], str], str]] = {
    "verdicts": _verdicts,
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
