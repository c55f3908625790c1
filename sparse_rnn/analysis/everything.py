"""All analyses of a run at once: figures, tables, and what did not apply and why.

Each analysis is one function and one row of `ANALYSES`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from sparse_rnn.analysis._materials import AnalysisConfig as AnalysisConfig, Materials
from sparse_rnn.analysis._products import Product, Table
from sparse_rnn.analysis.ablation import AblationEffect, cluster_parts, weight_group_parts
from sparse_rnn.analysis.addition import vector_addition
from sparse_rnn.analysis.input_weights import (
    circulant_structure,
    input_overlap,
    rule_correlations,
)
from sparse_rnn.analysis.population import trajectories
from sparse_rnn.analysis.recurrent_weights import weight_groups
from sparse_rnn.analysis.rings import ring
from sparse_rnn.analysis.stationary import Search, end_states, fixed_points
from sparse_rnn.analysis.timescales import time_constants
from sparse_rnn.errors import InvalidArgument, NotApplicable
from sparse_rnn.evaluation.scores import MEASURES
from sparse_rnn.runs.finished import FinishedRun as Run
from sparse_rnn.runs.folder import write_json
from sparse_rnn.system.arguments import instance
from sparse_rnn.system.provenance import provenance

SUMMARY = "analysis.json"
"""File with all numbers and reasons."""


@dataclass(frozen=True)
class AnalysisResult:
    """What `analyze` did.

    Attributes:
        folder: Where the files lie.
        done: A sentence for each analysis that was made, by name.
        skipped: The reason for each one that was not, by name.
        files: Names of the files.
    """

    folder: Path
    done: Mapping[str, str]
    skipped: Mapping[str, str]
    files: tuple[str, ...]


def analyze(run: Run, out: Path, settings: AnalysisConfig | None = None) -> AnalysisResult:
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
    out.mkdir(parents=True, exist_ok=True)
    done: dict[str, Any] = {}
    skipped: dict[str, str] = {}
    for name, analysis in ANALYSES.items():
        try:
            product = analysis(materials)
        except (NotApplicable, InvalidArgument) as error:
            skipped[name] = str(error)
            continue
        files = product.write(out)
        done[name] = {"summary": product.summary, "facts": product.facts, "files": files}
    record_ = {
        "run": str(run.folder or ""),
        "settings": asdict(materials.settings),
        "analyses": done,
        "skipped": skipped,
        **provenance(),
    }
    write_json(out / SUMMARY, record_)
    names = [file for entry in done.values() for file in entry["files"]]
    sentences = {name: entry["summary"] for name, entry in done.items()}
    return AnalysisResult(out, sentences, skipped, (*names, SUMMARY))


def _clusters(materials: Materials) -> Product:
    from sparse_rnn.analysis import figures

    variance, found = materials.variance, materials.clusters
    best = float(found.silhouette.max())
    rows = zip(found.units.tolist(), (found.labels + 1).tolist(), variance.values.T, strict=True)
    curve = zip(found.n_clusters_tested.tolist(), found.silhouette.tolist(), strict=True)
    return Product(
        f"{found.n_clusters} clusters of {len(found.units)} active units, silhouette {best:.2f}.",
        {"n_clusters": found.n_clusters, "active_units": len(found.units), "silhouette": best},
        {
            "task_variance": Table(
                ("unit", "cluster", *variance.tasks),
                [(unit, label, *values.tolist()) for unit, label, values in rows],
            ),
            "silhouettes": Table(("clusters", "silhouette"), list(curve)),
        },
        {"clusters": figures.cluster_figure(found, variance)},
    )


def _sheet(materials: Materials) -> Product:
    from sparse_rnn.analysis import figures

    figure = figures.sheet_figure(materials.clusters, materials.run.network.rnn.mask)
    return Product("Places of the clusters on the sheet.", figures={"sheet": figure})


def _weight_matrices(materials: Materials) -> Product:
    from sparse_rnn.analysis import figures

    figure = figures.weight_matrix_figure(materials.run, materials.clusters)
    counts = materials.run.network.weight_counts()
    summary = f"{counts['total']} weights, {counts['recurrent']} of them recurrent."
    return Product(summary, counts, figures={"weight_matrices": figure})


def _rule_inputs(materials: Materials) -> Product:
    from sparse_rnn.analysis import figures

    found, tasks = rule_correlations(materials.run), materials.tasks
    overlap = input_overlap(materials.run)
    others = {
        "rules": np.abs(found[~np.eye(len(found), dtype=np.bool_)]),
        "fixation": np.abs(overlap.fixation),
        "stimulus": np.abs(overlap.stimulus),
    }
    facts = {name: float(values.mean()) for name, values in others.items() if values.size}
    told = ", ".join(f"{name} {value:.2f}" for name, value in facts.items())
    cosines = (tasks, overlap.fixation.tolist(), np.abs(overlap.stimulus).mean(axis=1).tolist())
    return Product(
        f"Mean |cosine| of rule inputs with {told} (random: {overlap.chance * 0.8:.2f}).",
        {**facts, "chance_sd": overlap.chance},
        {
            "rule_correlations": Table(
                ("task", *tasks),
                [(task, *row) for task, row in zip(tasks, found.tolist(), strict=True)],
            ),
            "input_overlap": Table(
                ("task", "cosine_with_fixation", "mean_abs_cosine_with_stimulus"),
                list(zip(*cosines, strict=True)),
            ),
        },
        {
            "rule_correlations": figures.rule_figure(found, tasks),
            "input_overlap": figures.overlap_figure(overlap),
        },
    )


def _circulant(materials: Materials) -> Product:
    from sparse_rnn.analysis import figures

    found = circulant_structure(materials.run)
    return Product(
        f"{found.explained:.0%} of the correlations of stimulus inputs is circulant "
        f"(random: {found.chance:.0%}).",
        {"explained": found.explained, "chance": found.chance},
        figures={"stimulus_correlations": figures.circulant_figure(found)},
    )


def _recurrent_weights(materials: Materials) -> Product:
    from sparse_rnn.analysis import figures

    found = weight_groups(materials.run)
    (lower, upper), (low, high) = found.names, found.means
    return Product(
        f"{found.counts[0]} {lower} recurrent weights (mean {low:.2f}) and {found.counts[1]} "
        f"{upper} ones (mean {high:.2f}), apart at {found.threshold:.2f}; {found.negative:.0%} of "
        f"all are negative (inhibitory); valley {found.valley:.2f}.",
        {
            "groups": list(found.names),
            "negative": found.negative,
            "threshold": found.threshold,
            "counts": list(found.counts),
            "means": list(found.means),
            "between": found.between,
            "valley": found.valley,
        },
        figures={"recurrent_weights": figures.weight_figure(found)},
    )


def _time_constants(materials: Materials) -> Product:
    from sparse_rnn.analysis import figures

    found = time_constants(materials.run)
    columns = (found.weights.tolist(), found.tau_ms.tolist())
    rows = [(unit, *values) for unit, values in enumerate(zip(*columns, strict=True))]
    decaying = found.tau_ms[np.isfinite(found.tau_ms)]
    median = float(np.median(decaying)) if decaying.size else None
    lasting = int(np.isposinf(found.tau_ms).sum())
    told = [
        "no unit decays" if median is None else f"median {median:.0f} ms of {decaying.size} units",
        *([f"{lasting} do not decay"] if lasting and median is not None else []),
    ]
    if alternating := int(np.isnan(found.tau_ms).sum()):
        told.append(f"{alternating} have none, as their factor is negative")
    return Product(
        f"Time constants of {len(rows)} units: {'; '.join(told)}.",
        {"median_ms": median, "dt_ms": found.dt, "lasting": lasting},
        {"time_constants": Table(("unit", "weight", "tau_ms"), rows)},
        {"time_constants": figures.time_constant_figure(found)},
    )


def _ablated_weights(materials: Materials) -> Product:
    return _ablation("ablated_weights", materials.effect(weight_group_parts(materials.run)))


def _ablated_clusters(materials: Materials) -> Product:
    return _ablation("ablated_clusters", materials.effect(cluster_parts(materials.clusters)))


def _ablation(name: str, found: AblationEffect) -> Product:
    from sparse_rnn.analysis import figures

    mean = found.change().mean(axis=1)
    worst = int(mean.argmin())
    pairs = [("", found.before), *zip(found.names, found.after, strict=True)]
    rows = [
        (part, row["task"], *(row[measure] for measure in MEASURES), row["chance"])
        for part, scores in pairs
        for row in scores.rows()
    ]
    told = (
        f"Without {found.names[worst]} the accuracy falls most, by {-mean[worst]:.2f} on average."
        if mean[worst] < 0
        else f"Without any one of {len(found.names)} parts the accuracy stays or rises on average."
    )
    return Product(
        told,
        {"mean_change": dict(zip(found.names, mean.tolist(), strict=True))},
        {name: Table(("without", "task", *MEASURES, "chance"), rows)},
        {name: figures.ablation_figure(found)},
    )


def _vector_addition(materials: Materials) -> Product:
    from sparse_rnn.analysis import figures

    known = [task for task in ("Go", "Anti") if task in materials.tasks]
    tasks = known or list(dict.fromkeys(materials.tasks))[:2]
    found = [vector_addition(materials.run, task) for task in tasks]
    told = ", ".join(f"{one.task} {one.accuracy:.0%}" for one in found)
    return Product(
        f"Sums of input vectors, without dynamics, answer rightly: {told}.",
        {one.task: {"accuracy": one.accuracy, "fixation": one.fixation_kept} for one in found},
        figures={"vector_addition": figures.addition_figure(found)},
    )


def _trajectories(materials: Materials) -> Product:
    from sparse_rnn.analysis import figures

    recording = materials.memory
    found = trajectories(recording, min(3, materials.run.network.rnn.mask.n_units))
    shares = found.explained.tolist()
    held = end_states(materials.run, recording).states[:, : recording.hidden.shape[2]]
    turns = ring(materials.run, held).turns
    shape = "a ring" if turns else "no ring"
    return Product(
        f"{recording.trials.task[0]}: {len(shares)} components hold {sum(shares):.0%} of the "
        f"variance; the states at the end of the delay form {shape}.",
        {"explained": shares, "turns": turns},
        figures={"trajectories": figures.trajectory_figure(found, recording)},
    )


def _fixed_points(materials: Materials) -> Product:
    from sparse_rnn.analysis import figures

    ends = end_states(materials.run, materials.memory)
    found = fixed_points(materials.run, ends.inputs[0], ends.states, Search(iterations=50))
    if not len(found):
        raise NotApplicable("No state near the end of the delay is slow.")
    shape = ring(materials.run, found.hidden) if len(found) > 2 else None
    # A matrix of 2500 units has its eigenvalues in half a minute.
    spectra = found.spectra(slice(4 if found.dynamics.size <= 1000 else 1))
    marginal = [int((np.abs(np.abs(values) - 1) < MARGINAL).sum()) for values in spectra]
    unstable = [int((np.abs(values) > 1 + MARGINAL).sum()) for values in spectra]
    kinds = [_kind(*numbers) for numbers in zip(unstable, marginal, strict=True)]
    facts = {
        "task": str(materials.memory.trials.task[0]),
        "fixed": int(found.fixed.sum()),
        "slow": int((~found.fixed).sum()),
        "dropped_starts": int((found.point_of < 0).sum()),
        "marginal_modes": marginal,
        "unstable_modes": unstable,
        "turns": None if shape is None else shape.turns,
    }
    told = "they form a ring" if shape is not None and shape.turns else "they form no ring"
    if shape is None:
        told = "too few to tell a ring"
    answers = np.full(len(found), np.nan) if shape is None else np.degrees(shape.answer) % 360
    rows = zip(
        found.q.tolist(),
        found.fixed.tolist(),
        found.counts.tolist(),
        ["" if np.isnan(answer) else answer for answer in answers.tolist()],
        [*kinds, *[""] * (len(found) - len(kinds))],
        strict=True,
    )
    return Product(
        f"{facts['fixed']} fixed and {facts['slow']} slow points in the delay of {facts['task']}; "
        f"{told}; the {len(kinds)} slowest: {', '.join(kinds)}.",
        facts,
        {"fixed_points": Table(("q", "fixed", "starts", "answer_degrees", "kind"), list(rows))},
        {"fixed_points": figures.fixed_point_figure(found, shape, spectra)},
    )


MARGINAL = 0.02
"""A mode is marginal where its eigenvalue has a size within this of 1."""


def _kind(unstable: int, marginal: int) -> str:
    """What a point is to states near it, by the modes of its Jacobian."""
    if unstable:
        return f"unstable in {unstable} modes"
    return f"marginal in {marginal} modes" if marginal else "stable"


ANALYSES: Mapping[str, Callable[[Materials], Product]] = MappingProxyType(
    {
        "clusters": _clusters,
        "sheet": _sheet,
        "weight matrices": _weight_matrices,
        "rule inputs": _rule_inputs,
        "stimulus inputs": _circulant,
        "recurrent weights": _recurrent_weights,
        "time constants": _time_constants,
        "ablated weights": _ablated_weights,
        "ablated clusters": _ablated_clusters,
        "vector addition": _vector_addition,
        "trajectories": _trajectories,
        "fixed points": _fixed_points,
    }
)
"""All analyses by name, in the order in which they are made."""
