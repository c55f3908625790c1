"""The findings as a Markdown page, `docs/results.md`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sparse_rnn.errors import InvalidArgument, unknown_name
from sparse_rnn.report import _words as words
from sparse_rnn.report._markdown import code, escaped, filled, line
from sparse_rnn.report._mixing import check_commits
from sparse_rnn.report._strip import shown, strip
from sparse_rnn.report.findings import (
    NONE,
    VERDICTS,
    Finding,
    Measurement,
    check_ids,
    commits,
    order,
)

SHOWN = 2
"""Values in the row of a finding that has no picture; all of them stand in its section."""

NOT_TESTED = "not tested"

COLUMNS = "paper's setting", "fair setting"
"""Where a claim that compares networks has two verdicts."""


def markdown(  # noqa: PLR0913 - an option each, keyword-only past the first
    findings: Sequence[Finding],
    *,
    expected: Mapping[str, str] = NONE,
    title: str = "Results",
    mixed_commits: bool = False,
    damaged: Mapping[str, str] = NONE,
    fair: Mapping[str, str] | None = None,
    pictures: str | None = None,
    figures: str | None = None,
    first: str = "",
) -> str:
    """Write findings as Markdown: a screen of verdicts, then a fold for each claim.

    Args:
        findings: The findings.
        expected: Titles by id of all that there should be; "not run" is said of what is missing.
        title: Title of the page.
        mixed_commits: Whether findings may be of different commits.
        damaged: Findings that cannot be shown, by their files, and why; the page says so.
        fair: For each claim that compares networks, the id of the finding that judges it with
            fair starts and learning rates, or "" where none does; it stands in a column beside the
            other and has no row of its own. None leaves the column out.
        pictures: Address of the folder with a strip of intervals for each finding, ``ID.svg``
            (`sparse_rnn.report.strip`); None puts the first values in their place.
        figures: Address of the folder of figures, in which each scale has one; None for no figures.
        first: Id of the finding that is told first, with its figures, where it has run.

    Returns:
        The page. Each fold says claim, reason, method, scale, seeds, command and commit, and has
        all that was measured beside the paper's values.

    Raises:
        InvalidArgument: There is no finding, two have one id, or commits are mixed; or an address
            is no text.
        UnknownName: There is no claim of an id in `fair` or `first`.
    """
    check_ids(findings)
    check_commits("findings", commits(findings), mixed_commits=mixed_commits)
    found = {finding.id: finding for finding in findings}
    _check_addresses(pictures=pictures, figures=figures)
    for argument, names in (("fair", fair or {}), ("first", [first] if first else [])):
        for name in names:
            if name not in {**expected, **found}:
                raise unknown_name(argument, name, {**expected, **found}, "a claim")
    beside = set((fair or {}).values())
    ids = sorted({**expected, **found}.keys() - beside, key=order)
    verdicts = [found[name].verdict if name in found else "not run" for name in ids]
    tally = ", ".join(f"{n} {one}" for one in VERDICTS if (n := verdicts.count(one)))
    about = (
        "What became of each claim of Khona et al. (2023), and of questions of our own. "
        f"{len(ids)} in all: {tally}."
    )
    legend = (
        "A line each: mean over seeds with its 95 % interval (dot), and the paper's value "
        "(diamond); their names are in the fold of the claim, to which its title leads."
    )
    head = ["what was asked", *(("verdict",) if fair is None else COLUMNS)]
    told_first = first in found and found[first].verdict != "not run"
    rows: list[list[str]] = []
    for name in ids:
        if told_first and name == first and name not in (fair or {}):
            continue  # Its row would say the same, but for a second verdict.
        one = found.get(name)
        row = [_claim(one) if one else escaped(expected[name]), _cell(one, pictures)]
        if fair is not None:
            row.append(_fair(fair.get(name), found, pictures))
        rows.append(row)
    parts = [f"# {escaped(title)}", filled(about)]
    if fair is not None:
        parts.append(filled(FAIR))
    if told_first:
        parts += _told_first(found[first], figures)
    if pictures is not None:
        parts.append(filled(legend))
    if rows:
        parts.append("\n".join([line(head), line(["---"] * len(head)), *map(line, rows)]))
    parts += [filled(f"Not shown: {name}: {reason}") for name, reason in damaged.items()]
    shown = [found[name] for name in sorted(found, key=order)]
    parts += ["## Each claim", *(_details(one, figures) for one in shown)]
    return "\n\n".join(parts) + "\n"


FAIR = (
    "Where a claim compares networks it has two verdicts: in the paper's setting, one start and "
    "one learning rate for all; and with the start and the rates that are best for each network, "
    "found by the same search on seeds that are not compared. The second leads to its own fold."
)
"""What the two columns are."""


def _check_addresses(**addresses: object) -> None:
    for argument, address in addresses.items():
        if address is not None and not isinstance(address, str):
            raise InvalidArgument(argument, address, "the address of a folder")


def _told_first(finding: Finding, figures: str | None) -> list[str]:
    return [
        f"{chip(finding.verdict)}\n[**{escaped(finding.title)}**](#{finding.id})",
        filled(f"Claim: {finding.claim}"),
        *_pictures(finding, figures),
    ]


def _pictures(finding: Finding, figures: str | None) -> list[str]:
    names = finding.figures if figures is not None else ()
    return [f"![{escaped(finding.title)}]({figures}/{finding.scale}/{name})" for name in names]


def _claim(finding: Finding) -> str:
    return f"[**{escaped(finding.title)}**](#{finding.id}) {escaped(finding.question)}"


def chip(verdict: str) -> str:
    """A verdict that a style sheet colours, and that reads without one."""
    return f'<span class="verdict {verdict.replace(" ", "-")}">{verdict}</span>'


def _cell(finding: Finding | None, pictures: str | None, *, leads: bool = False) -> str:
    """A verdict, which leads to the fold where that is asked for, and what was measured."""
    if finding is None or finding.verdict == "not run":
        return chip("not run")
    verdict = chip(finding.verdict)
    verdict = f"[{verdict}](#{finding.id})" if leads else verdict
    if pictures is None:
        return "<br>".join([verdict, *_first(finding.measured)])
    if not strip(finding.measured):
        return verdict
    words_of = "; ".join(map(words.told, shown(finding.measured)))
    return f"{verdict} ![{escaped(words_of)}]({pictures}/{finding.id}.svg)"


def _fair(name: str | None, found: Mapping[str, Finding], pictures: str | None) -> str:
    """The cell of the second column; an en dash for a claim that compares no networks."""
    if name is None:
        return words.DASH
    if name not in found:
        return chip(NOT_TESTED)
    return _cell(found[name], pictures, leads=True)


def _first(measured: Sequence[Measurement]) -> list[str]:
    """The first values, those with one of the paper before the others; and how many more."""
    listed = sorted(measured, key=lambda one: one.paper is None)
    more = len(listed) - SHOWN
    first = [escaped(words.told(one)) for one in listed[:SHOWN]]
    return [*first, f"and {more} more below"] if more > 0 else first


def _table(measured: Sequence[Measurement]) -> str:
    """All values, beside those of the paper where it has any."""
    if not measured:
        return ""
    with_paper = any(one.paper is not None for one in measured)
    head = ["quantity", "measured", *(["paper"] if with_paper else [])]
    rows = [
        [
            escaped(one.name),
            escaped(words.value(one)),
            *(["" if one.paper is None else words.number(one.paper)] if with_paper else []),
        ]
        for one in measured
    ]
    return "\n".join([line(head), line(["---"] * len(head)), *map(line, rows)])


def _details(finding: Finding, figures: str | None) -> str:
    entries = {"Claim": finding.claim, "Reason": finding.reason, "Method": finding.method}
    if finding.verdict != "not run":
        entries["Made"] = f"{finding.date.isoformat()} on {finding.machine}."
        entries["Scale"] = f"{finding.scale}; seeds {words.seeds(finding.seeds)}."
    lines = [filled(f"- {name}: {text}", "  ") for name, text in entries.items() if text]
    if finding.command:
        lines.append(f"- Command: {code(finding.command)}")
    if finding.commit:
        lines.append(f"- Commit: {code(words.commit(finding.commit))}")
    # The heading is inside: a browser opens the fold that a link leads into.
    opening = (
        '<details class="claim" markdown="1">\n'
        f"<summary>{chip(finding.verdict)} <strong>{escaped(finding.title)}</strong></summary>\n\n"
        f'<span id="{finding.id}"></span>'
    )
    parts = (
        opening,
        filled(finding.question),
        *_pictures(finding, figures),
        "\n".join(lines),
        _table(finding.measured),
        "</details>",
    )
    return "\n\n".join(part for part in parts if part)
