"""All analyses of a run at once: figures, tables, and what did not apply and why.

Each analysis is one function and one row of `ANALYSES`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sparse_rnn.analysis import (
    _rows_dynamics as dynamics,
    _rows_units as units,
    _rows_weights as weights,
)
from sparse_rnn.analysis._materials import AnalysisConfig as AnalysisConfig, Materials
from sparse_rnn.analysis._products import Product
from sparse_rnn.errors import InvalidArgument, NotApplicable
from sparse_rnn.runs.finished import FinishedRun as Run
from sparse_rnn.runs.folder import write_json
from sparse_rnn.system.arguments import instance
from sparse_rnn.system.provenance import provenance

SUMMARY = "analysis.json"
"""File with all numbers and reasons."""


@dataclass(frozen=True)
class Caption:
    """What the reader of a figure should know.

    Attributes:
        analysis: Name of the analysis.
        shows: One sentence: what one sees.
        hides: One sentence: what it does not show.
    """

    analysis: str
    shows: str
    hides: str


@dataclass(frozen=True)
class AnalysisResult:
    """What `analyze` did.

    Attributes:
        folder: Where the files lie.
        done: A sentence for each analysis that was made, by name.
        skipped: The reason for each one that was not, by name.
        files: Names of the files.
        captions: Captions of the figures by name; the files are that name with ".png", ".svg".
    """

    folder: Path
    done: Mapping[str, str]
    skipped: Mapping[str, str]
    files: tuple[str, ...]
    captions: Mapping[str, Caption]


def analyze(run: Run, out: Path | str, settings: AnalysisConfig | None = None) -> AnalysisResult:
    """Make all analyses that apply to a run, and write their figures and tables.

    Args:
        run: The run.
        out: Folder for the files, made if need be; files of an earlier analysis are replaced.
        settings: The settings; None are the defaults.

    Returns:
        What was made, and what was skipped and why.
    """
    instance("run", run, Run)
    given = instance("settings", AnalysisConfig() if settings is None else settings, AnalysisConfig)
    materials = Materials(run, given)
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    done: dict[str, Any] = {}
    skipped: dict[str, str] = {}
    captions: dict[str, Caption] = {}
    for name, analysis in ANALYSES.items():
        try:
            product = analysis(materials)
        except (NotApplicable, InvalidArgument) as error:
            skipped[name] = str(error)
            continue
        files = product.write(folder)
        told = {key: Caption(name, one.shows, one.hides) for key, one in product.pictures.items()}
        figures = {key: {"shows": one.shows, "hides": one.hides} for key, one in told.items()}
        done[name] = {
            "summary": product.summary,
            "facts": product.facts,
            "files": files,
            "figures": figures,
        }
        captions |= told
    record_ = {
        "run": str(run.folder or ""),
        "settings": asdict(materials.settings),
        "analyses": done,
        "skipped": skipped,
        **provenance(),
    }
    write_json(folder / SUMMARY, record_)
    names = [file for entry in done.values() for file in entry["files"]]
    sentences = {name: entry["summary"] for name, entry in done.items()}
    return AnalysisResult(folder, sentences, skipped, (*names, SUMMARY), captions)


ANALYSES: Mapping[str, Callable[[Materials], Product]] = MappingProxyType(
    {
        "clusters": units.clusters,
        "sheet": units.sheet,
        "graph": weights.graph,
        "weight matrices": weights.weight_matrices,
        "rule inputs": weights.rule_inputs,
        "stimulus inputs": weights.stimulus_inputs,
        "recurrent weights": weights.recurrent_weights,
        "time constants": weights.unit_time_constants,
        "ablated weights": units.ablated_weights,
        "ablated clusters": units.ablated_clusters,
        "vector addition": dynamics.added_vectors,
        "trajectories": dynamics.population_trajectories,
        "fixed points": dynamics.delay_fixed_points,
    }
)
"""All analyses by name, in the order in which they are made."""
