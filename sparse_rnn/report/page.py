"""The page of findings: one HTML file that asks for nothing beyond itself."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from sparse_rnn.report import _words as words
from sparse_rnn.report._charts import charts, panels_of
from sparse_rnn.report._drawn import FORMS
from sparse_rnn.report._html import Html, data_link, document, join, table, tag
from sparse_rnn.report._inline_svg import inline
from sparse_rnn.report._measured import measured_table
from sparse_rnn.report._mixing import check_commits, mixing_warning, not_shown
from sparse_rnn.report.findings import NONE, VERDICTS, Finding, check_ids, commits
from sparse_rnn.system.files import atomic_writer, read_regular

TITLE = "The paper's claims, measured"
PAPER = (
    "Khona, Chandra, Ma and Fiete (2023), Winning the lottery with neural connectivity "
    "constraints, Neural Computation 35(11)"
)
DOI = "https://doi.org/10.1162/neco_a_01613"


def findings_page(
    findings: Sequence[Finding],
    folder: Path | str,
    *,
    title: str = TITLE,
    mixed_commits: bool = False,
    damaged: Mapping[str, str] = NONE,
) -> str:
    """Show findings: a table of all, then claim, values, figures and origin of each.

    Args:
        findings: The findings, in the order of the page.
        folder: Where their figures lie.
        title: Title of the page.
        mixed_commits: Whether they may be of different commits; the page then says so.
        damaged: Findings that cannot be shown, by their files, and why; the page says so.

    Returns:
        The HTML. Figures, curves and what can be saved are in it.

    Raises:
        InvalidArgument: There is no finding, two have one id, or commits are mixed.
        IncompatibleState: A figure is no SVG.
        RunDamaged: A figure is no regular file.
        FileNotFoundError: A figure is missing.
    """
    check_ids(findings)
    made_with = commits(findings)
    check_commits("findings", made_with, mixed_commits=mixed_commits)
    return document(
        title,
        _header(findings, title, join(mixing_warning(made_with), not_shown(damaged))),
        tag("main", _summary(findings), *(_section(one, Path(folder)) for one in findings)),
    )


def write_page(
    path: Path | str,
    findings: Sequence[Finding],
    folder: Path | str,
    *,
    title: str = TITLE,
    mixed_commits: bool = False,
) -> None:
    """Write the page of findings, atomically; see `findings_page`."""
    text = findings_page(findings, folder, title=title, mixed_commits=mixed_commits)
    with atomic_writer(Path(path)) as file:
        file.write(text)


def verdict_badge(verdict: str) -> Html:
    """A verdict: its word, and a sign that needs no colour."""
    return tag("span", verdict, class_=f"verdict {verdict.replace(' ', '-')}")


def _header(findings: Sequence[Finding], title: str, warning: Html | None) -> Html:
    count = Counter(finding.verdict for finding in findings)
    tally = [
        tag("li", verdict_badge(verdict), f" {count[verdict]}")
        for verdict in VERDICTS
        if count[verdict]
    ]
    return tag(
        "header",
        tag("h1", title),
        tag("p", PAPER, ". ", tag("a", DOI, href=DOI), class_="facts"),
        tag("ul", *tally, class_="tally", aria_label="Verdicts"),
        warning,
        id="top",
    )


def _summary(findings: Sequence[Finding]) -> Html:
    rows = [
        tag(
            "tr",
            tag("th", tag("a", one.title, href=f"#{one.id}"), scope="row"),
            tag("td", one.claim),
            tag("td", verdict_badge(one.verdict)),
            tag("td", one.scale if one.verdict != "not run" else None, data_label="scale"),
            tag("td", str(len(one.seeds)) if one.seeds else None, data_label="seeds"),
            tag("td", _first_value(one), data_label="measured"),
        )
        for one in findings
    ]
    head = ("", "claim", "verdict", "scale", "seeds", "measured")
    return table(head, rows, label="All findings", class_="stacked summary")


def _first_value(finding: Finding) -> Html | None:
    if not finding.measured:
        return None
    first = finding.measured[0]
    value = words.number(first.value) + (f" {first.unit}" if first.unit else "")
    if first.paper is not None:
        value += f" (paper {words.number(first.paper)})"
    return join(tag("span", value, class_="value"), tag("span", first.name, class_="note"))


def _section(finding: Finding, folder: Path) -> Html:
    head = tag(
        "div",
        tag("h2", finding.title, id=f"{finding.id}-title"),
        verdict_badge(finding.verdict),
        tag("a", "all findings", href="#top", class_="up"),
        class_="head",
    )
    parts: list[Html] = [head, tag("p", finding.question, class_="question")]
    parts.append(
        _facts({"Claim": finding.claim, "Reason": finding.reason, "Method": finding.method})
    )
    if finding.measured:
        parts.append(measured_table(finding.measured, f"Measured values of {finding.title}"))
    parts.extend(_figure(finding, folder / name) for name in finding.figures)
    if finding.curves:
        parts.append(charts(panels_of(finding.curves), finding.id))
    parts.append(_origin(finding))
    return tag("section", *parts, id=finding.id, aria_labelledby=f"{finding.id}-title")


def _figure(finding: Finding, path: Path) -> Html:
    links = [
        data_link(read_regular(file), kind, file.name, suffix[1:].upper())
        for suffix, kind in FORMS.items()
        if os.path.lexists(file := path.with_suffix(suffix))
    ]
    drawn = tag(
        "div",
        inline(path, f"{finding.title}: {finding.question}"),
        class_="plate",
        tabindex="0",
        role="region",
        aria_label=f"Figure {path.stem}",
    )
    caption = tag("figcaption", tag("span", "Save the figure as ", *links, class_="downloads"))
    return tag("figure", drawn, caption, class_="drawn")


def _origin(finding: Finding) -> Html:
    if finding.verdict == "not run":
        return _facts({"Command": tag("code", finding.command)} if finding.command else {})
    return _facts(
        {
            "Scale": finding.scale,
            "Seeds": words.seeds(finding.seeds),
            "Command": tag("code", finding.command),
            "Commit": tag("code", words.commit(finding.commit), title=finding.commit),
            "Machine": f"{finding.machine}; {finding.date.isoformat()}",
        }
    )


def _facts(entries: dict[str, Html | str]) -> Html:
    pairs = [join(tag("dt", name), tag("dd", value)) for name, value in entries.items() if value]
    return tag("dl", *pairs)
