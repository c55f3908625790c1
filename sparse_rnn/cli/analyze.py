"""The command `sparse-rnn analyze`: all analyses of a finished run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from sparse_rnn.analysis.clusters import MAX_CLUSTERS
from sparse_rnn.analysis.everything import AnalysisConfig, analyze as make_all
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.system.files import atomic_writer, check_kind
from sparse_rnn.system.output import say
from sparse_rnn.training.run import load_run

FOLDER = "analysis"
"""Folder inside that of the run, where nothing else is said."""


def analyze(
    run: Annotated[
        tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN", help="Folder of a finished run.")
    ],
    *,
    out: Annotated[
        Path | None,
        tyro.conf.arg(
            aliases=("-o",), help=f"Folder for figures and tables; by default RUN/{FOLDER}."
        ),
    ] = None,
    trials: Annotated[int, tyro.conf.arg(help="Trials of each task.")] = 64,
    seed: Annotated[int, tyro.conf.arg(help="Seed of these trials.")] = 0,
    max_clusters: Annotated[
        int, tyro.conf.arg(help="Most clusters of units that are tried.")
    ] = MAX_CLUSTERS,
) -> None:
    """Make all analyses that apply to a trained network: figures, tables, a summary.

    index.html shows them all on one page, each with what one sees and what it does not show.
    Figures are PNG and SVG, tables CSV; analysis.json has all numbers, and the reasons for what was
    skipped. docs/analysis.md says what each means.
    """
    settings = AnalysisConfig(trials, seed, max_clusters)
    loaded = load_run(run)
    folder = run / FOLDER if out is None else out
    if out is None:
        check_kind(folder, "folder")  # A link would take the files out of the run's own folder.
    if folder.exists() and not folder.is_dir():
        raise InvalidArgument("--out", str(folder), "a folder, or a name that is free")
    result = make_all(loaded, folder, settings)
    from sparse_rnn.report.analysis_page import PAGE, analysis_page  # matplotlib is slow to import

    with atomic_writer(folder / PAGE) as file:
        file.write(analysis_page(loaded, result))
    width = max(len(name) for name in (*result.done, *result.skipped))
    for name, sentence in result.done.items():
        say(f"{name:{width}}  {sentence}")
    for name, reason in result.skipped.items():
        say(f"{name:{width}}  skipped: {reason}")
    say(f"{len(result.files) + 1} files, all of them on one page: {folder / PAGE}")
