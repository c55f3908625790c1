"""The command `sparse-rnn report`: runs as a figure or a page, findings as a page or Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import tyro

from sparse_rnn.cli.info import FIGURE_TYPES
from sparse_rnn.errors import InvalidArgument, SparseRnnError
from sparse_rnn.runs.finished import FinishedRun
from sparse_rnn.runs.folder import CONFIG
from sparse_rnn.system.files import atomic_writer
from sparse_rnn.system.output import say
from sparse_rnn.training.run import read_run

PAGE, MARKDOWN = ".html", ".md"
FILE_TYPES = (*FIGURE_TYPES, PAGE, MARKDOWN)


def report(
    run: Annotated[
        tyro.conf.Positional[Path],
        tyro.conf.arg(metavar="RUN", help="Folder of a finished run, or one of findings."),
    ],
    more: Annotated[
        tyro.conf.Positional[tuple[Path, ...]],
        tyro.conf.arg(metavar="[RUN ...]", help="More of them.", help_behavior_hint="(optional)"),
    ] = (),
    *,
    out: Annotated[
        Path,
        tyro.conf.arg(
            aliases=("-o",),
            help=f"What to write: a figure ({', '.join(FIGURE_TYPES)}) or a page ({PAGE}) of runs; "
            f"of findings a page or a summary ({MARKDOWN}).",
        ),
    ],
    mixed_commits: tyro.conf.FlagCreatePairsOff[
        Annotated[
            bool,
            tyro.conf.arg(help="Show results together that different commits of the code made."),
        ]
    ] = False,
) -> None:
    """Show one or more runs side by side: learning curves, scores by task, networks, settings.

    A page (.html) is one file that needs no network. Findings of experiments lie in one folder, a
    JSON file each, and give such a page, too, or a summary in Markdown.
    """
    folders = (run, *more)
    _check_file(out)
    if len(folders) == 1 and not (run / CONFIG).exists() and any(run.glob("*.json")):
        _write_findings(run, out, mixed_commits=mixed_commits)
    else:
        _write_runs(folders, out, mixed_commits=mixed_commits)


def _check_file(out: Path) -> None:
    """Refuse the name of a file that cannot be written.

    Raises:
        InvalidArgument: Its ending is not one of `FILE_TYPES`, or its folder does not exist.
    """
    if out.suffix.lower() not in FILE_TYPES:
        allowed = "a file name that ends in " + ", ".join(FILE_TYPES)
        raise InvalidArgument("--out", str(out), allowed)
    if not out.parent.is_dir():
        raise InvalidArgument("--out", str(out), "in a folder that exists")


def _write_findings(folder: Path, out: Path, *, mixed_commits: bool) -> None:
    if out.suffix.lower() in FIGURE_TYPES:
        allowed = f"a file name that ends in {PAGE} or {MARKDOWN}, as {folder} holds findings"
        raise InvalidArgument("--out", str(out), allowed)

    from sparse_rnn.report import findings, page, summary  # matplotlib is slow to import

    found, damaged = findings.read_each(folder)
    if out.suffix.lower() == MARKDOWN:
        text = summary.markdown(found, mixed_commits=mixed_commits, damaged=damaged)
    else:
        text = page.findings_page(found, folder, mixed_commits=mixed_commits, damaged=damaged)
    _write(out, text)
    _refuse(damaged, "findings")


def _write_runs(folders: Sequence[Path], out: Path, *, mixed_commits: bool) -> None:
    if out.suffix.lower() == MARKDOWN:
        allowed = f"a file name that ends in {', '.join((*FIGURE_TYPES, PAGE))} for runs"
        raise InvalidArgument("--out", str(out), allowed)
    names = [folder.resolve().name for folder in folders]
    labels = names if len(set(names)) == len(names) else [str(folder) for folder in folders]
    if len(set(labels)) < len(labels):
        raise InvalidArgument("RUN", labels, "a different folder each")

    from sparse_rnn import report as figures  # matplotlib is slow to import

    loaded: dict[str, FinishedRun] = {}
    damaged: dict[str, str] = {}
    for label, folder in zip(labels, folders, strict=True):
        try:
            run = read_run(folder)
            figures.commits_of([run])  # reads what else is shown of it
            loaded[label] = run
        except (SparseRnnError, OSError) as error:
            if label == labels[-1] and not loaded:
                raise
            damaged[label] = str(error)
    if out.suffix.lower() == PAGE:
        _write(out, figures.runs_page(loaded, mixed_commits=mixed_commits, damaged=damaged))
    else:
        made_with = figures.commits_of(loaded.values())
        figures.check_commits("RUN", made_with, mixed_commits=mixed_commits)
        figures.overview(loaded, damaged=damaged).savefig(out, dpi=150)
        say(f"Figure: {out}")
    _refuse(damaged, "runs")


def _refuse(damaged: Mapping[str, str], what: str) -> None:
    """End with an error that names what is not shown, after the rest of it is written."""
    if damaged:
        reasons = " ".join(f"{name}: {reason}" for name, reason in damaged.items())
        raise SparseRnnError(f"Not all {what} could be shown. {reasons}")


def _write(out: Path, text: str) -> None:
    with atomic_writer(out) as file:
        file.write(text)
    say(f"Report: {out}")
