"""The page of a scale's findings, and the summary of all scales in `docs/results.md`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from benchmarks.paper._scales import SCALES
from benchmarks.paper._statistics import NOT_RUN, RULE
from benchmarks.paper.claims import CLAIMS, FAIR, Claim
from sparse_rnn.report import findings, page, strip, summary
from sparse_rnn.report.findings import Finding
from sparse_rnn.system.files import atomic_writer

EARLIER = (
    "This verdict rests on an earlier rule: the best of several networks was judged by the seeds "
    "that chose it, seeds that diverged were left out, intervals could reach beyond what is "
    "possible, parts that were not tested could not stop a claim from being reproduced, and "
    "clusters of units that are alike could be cut wrongly. Its runs are not in the repository; "
    "its command makes and judges them anew."
)
"""What is said of a finding that was not judged by `RULE`."""


def dated(finding: Finding) -> Finding:
    """A finding, with a note in title and reason where it rests on an earlier rule."""
    if finding.verdict == NOT_RUN or RULE in finding.method:
        return finding
    title = f"{finding.title} (earlier rule)"
    return replace(finding, title=title, reason=f"{finding.reason} {EARLIER}")


def write_page(folder: Path, path: Path) -> None:
    """Write the findings of a scale as one HTML file.

    Args:
        folder: Where the findings lie.
        path: The file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # An experiment that was run anew has another commit than those that were not.
    found = tuple(dated(finding) for finding in findings.read_all(folder))
    page.write_page(path, found, folder, mixed_commits=True)


def largest(results: Path) -> list[Finding]:
    """Of each experiment the finding of the largest scale at which it ran.

    Args:
        results: Folder with a folder of findings for each scale.
    """
    found: dict[str, Finding] = {}
    for scale in SCALES:
        if any((results / scale).glob("*.json")):
            for finding in findings.read_all(results / scale):
                if finding.verdict != NOT_RUN or finding.id not in found:
                    found[finding.id] = finding
    listed = sorted(found.values(), key=lambda finding: findings.order(finding.id))
    return [dated(finding) for finding in listed]


STRIPS = Path("figures", "results")
"""Where the intervals of each finding lie, from the summary."""

FIGURES = "../benchmarks/paper/results"
"""Where the figures lie, from the summary in `docs`."""


def write_summary(results: Path, path: Path, claims: Mapping[str, Claim] = CLAIMS) -> None:
    """Write `largest` as Markdown, with a row for each claim, and a picture for each row.

    Args:
        results: Folder with a folder of findings for each scale.
        path: The file.
        claims: Claims that have a row also where nothing ran.
    """
    found = largest(results)
    titles = {name: claim.title for name, claim in claims.items()}
    fair = {name: FAIR + name for name, claim in claims.items() if claim.compares}
    text = summary.markdown(
        found,
        expected=titles,
        mixed_commits=True,
        fair=fair,
        pictures=STRIPS.as_posix(),
        figures=FIGURES,
        first="why",
    )
    folder = path.parent / STRIPS
    folder.mkdir(parents=True, exist_ok=True)
    for finding in found:
        name = f"{finding.id}.svg"
        if f"]({(STRIPS / name).as_posix()})" in text:
            with atomic_writer(folder / name) as file:
                file.write(strip(finding.measured))
    with atomic_writer(path) as file:
        file.write(text)
