"""What does sequential learning forget, under which mask, and with which remedy?

The stages are the base tasks, one after another, each with all of its variants: a network learns
four families in turn. R[stage, task] is its performance on every task at the end of every stage.
Backward transfer (Lopez-Paz & Ranzato 2017) is what later stages did to tasks that were learned:
below 0, they were forgotten. Beside it stands a network that learned all tasks at once in as many
steps. How much a remedy holds is chosen for each mask by the mean over all tasks at the end, on a
seed that is not compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmarks.paper import _drawing as drawing, _learning as learning
from benchmarks.paper._arms import Arm, Results, Trained, configs_of
from benchmarks.paper._experiment import Experiment, Outcome, no_arms, question
from benchmarks.paper._scales import Scale, Settings
from benchmarks.paper._statistics import SHARE, Check, Sample, above, below
from benchmarks.questions import composition
from benchmarks.questions._design import (
    DESIGNS,
    MASKS,
    Design,
    next_searched,
    searched,
    settings_of,
    told,
)
from benchmarks.questions._runs import carry_out, due
from benchmarks.questions.claims import CLAIMS
from sparse_rnn import TrainConfig
from sparse_rnn.evaluation.transfer import StageMatrix
from sparse_rnn.runs import folder as run_folder
from sparse_rnn.system.palette import INK

PLAIN = "plain"

REMEDIES: Mapping[str, str] = MappingProxyType({"ewc": "strength", "projection": "alpha"})
"""Methods of `continual` that are compared with plain training, and the option of each that says
how much it holds: its values to choose from are those of the design."""

_OPTIONS = "continual_options"

MEASURED = ("backward transfer", "forgetting", "mean at the end")
"""What is measured of a run."""


def methods() -> tuple[str, ...]:
    """Plain training, and the remedies."""
    return (PLAIN, *REMEDIES)


def stages(design: Design) -> list[tuple[list[str], int]]:
    """Each family with all of its variants, in the order of the base tasks."""
    each = design.steps // len(design.bases)
    return [
        ([task for task in design.suite if task.split("_")[0] == base], each)
        for base in design.bases
    ]


def candidates(mask: str, method: str, results: Results, scale: Scale, *, guess: bool) -> list[Arm]:
    """Networks of a mask and a method with each option, on the seed of the search."""
    design = DESIGNS[scale.name]
    settings = settings_of(mask, results, scale, guess=guess)
    if not settings:
        return []
    base: Settings = {**settings, "stages": stages(design)}
    seed = (design.search_seed,)
    if method == PLAIN:
        return [Arm(f"{mask}, {method}", base, seed)]
    base = {**base, "continual": method}
    option = REMEDIES[method]
    return [
        Arm(f"{mask}, {method}, {option} {value:g}", {**base, _OPTIONS: {option: value}}, seed)
        for value in design.remedies[method]
    ]


def arm(
    mask: str, method: str, results: Results, scale: Scale, *, guess: bool = False
) -> Arm | None:
    """The network of a mask and a method; None where its settings are not found yet."""
    among = candidates(mask, method, results, scale, guess=guess)
    if len(among) > 1 and not guess:
        scores: list[float] = []
        for one in among:
            runs = results.arm(one, scale)
            if not runs and not results.diverged(one, scale):
                return None
            scores.append(matrix_of(runs[0]).average() if runs else SHARE[0])
        among = [among[int(np.argmax(scores))]]
    if not among:
        return None
    return Arm(f"{mask}, {method}", among[0].settings, DESIGNS[scale.name].seeds)


def joint(mask: str, results: Results, scale: Scale) -> Arm | None:
    """The network that learns all tasks at once; a run of the experiment on composition."""
    return composition.arm((mask, "one_hot", composition.TRAINED_TOO), results, scale)


def judged(results: Results, scale: Scale) -> tuple[Arm, ...]:
    """The networks that are compared, as far as their settings are found."""
    found = [arm(mask, method, results, scale) for mask in MASKS for method in methods()]
    found += [joint(mask, results, scale) for mask in MASKS]
    return tuple(one for one in found if one is not None)


def rounds(results: Results, scale: Scale) -> list[Arm]:
    """What can be trained now."""
    tried: list[Arm] = []
    for mask in MASKS:
        for method in methods():
            among = candidates(mask, method, results, scale, guess=False)
            tried += among if len(among) > 1 else []
    return [*next_searched(results, scale), *tried, *judged(results, scale)]


def work(results: Results, scale: Scale) -> None:
    """Search settings and options, and train the networks that are compared."""
    carry_out(rounds, results, scale)


def left(results: Results, scale: Scale) -> list[TrainConfig]:
    """Runs that are not finished, those with settings to be found with guessed ones."""
    planned: list[Arm] = searched(results, scale)
    for mask in MASKS:
        for method in methods():
            among = candidates(mask, method, results, scale, guess=True)
            known = arm(mask, method, results, scale)
            compared = known or arm(mask, method, results, scale, guess=True)
            planned += among if len(among) > 1 else []
            planned += [compared] if compared else []
    return list(configs_of(due(planned, results, scale), scale))


def matrix_of(run: Trained) -> StageMatrix:
    """Scores of all tasks at the end of each stage of a run."""
    return StageMatrix.read_csv(run.folder / run_folder.STAGES)


@dataclass(frozen=True)
class Analysis:
    """What was measured, by mask and method.

    Attributes:
        found: Each quantity of `MEASURED`, by seed.
        families: Mean performance ``[stage, family]`` of plain training, by mask.
        joint: Performance of networks that learned all tasks at once, by mask.
        bases: The families.
        method: Sizes, in sentences.
    """

    found: Mapping[tuple[str, str], Mapping[str, Sample]]
    families: Mapping[str, NDArray[np.float64]]
    joint: Mapping[str, Sample]
    bases: tuple[str, ...]
    method: str

    def of(self, mask: str, method: str, quantity: str = MEASURED[0]) -> Sample:
        """A quantity; empty where nothing ran."""
        return self.found.get((mask, method), {}).get(quantity, Sample({}))


def measures(runs: list[Trained], lost: tuple[int, ...]) -> dict[str, Sample]:
    """The quantities of `MEASURED` of the runs of a network, by seed."""
    seeds = [run.config.seed for run in runs]
    matrices = [matrix_of(run) for run in runs]
    backward = [one.backward_transfer() for one in matrices]
    fell = [float(np.nanmean(one.forgetting())) for one in matrices]
    ends = [one.average() for one in matrices]
    return {
        MEASURED[0]: Sample.of(seeds, backward, (-1.0, 1.0)).counting(lost),
        MEASURED[1]: Sample.of(seeds, fell, SHARE).counting(lost),
        MEASURED[2]: Sample.of(seeds, ends, SHARE).counting(lost, SHARE[0]),
    }


def by_family(matrix: StageMatrix, bases: tuple[str, ...]) -> NDArray[np.float64]:
    """Mean performance ``[stage, family]`` over the tasks of each family."""
    family = np.array([task.split("_")[0] for task in matrix.tasks])
    return np.stack([matrix.scores[:, family == base].mean(axis=1) for base in bases], axis=1)


def analyse(results: Results, scale: Scale) -> Analysis | None:
    """Read the matrices."""
    design = DESIGNS[scale.name]
    found: dict[tuple[str, str], dict[str, Sample]] = {}
    families: dict[str, NDArray[np.float64]] = {}
    chosen: list[str] = []
    for mask in MASKS:
        for method in methods():
            one = arm(mask, method, results, scale)
            runs = results.arm(one, scale) if one else []
            if one and runs:
                found[mask, method] = measures(runs, results.diverged(one, scale))
                for name, value in one.settings.get(_OPTIONS, {}).items():
                    chosen.append(f"{mask}, {method}: {name} {value:g}")
                if method == PLAIN:
                    tables = [by_family(matrix_of(run), design.bases) for run in runs]
                    families[mask] = np.mean(tables, axis=0)
    if not found:
        return None
    together = {mask: joint(mask, results, scale) for mask in MASKS}
    at_once = {
        mask: composition.over_seeds(
            results.arm(one, scale), design.suite, results.diverged(one, scale)
        )
        for mask, one in together.items()
        if one and results.arm(one, scale)
    }
    strengths = f" Remedies: {'; '.join(chosen)}." if chosen else ""
    method = (
        f"{told(results, scale)} Stages of {design.steps // len(design.bases)} steps each."
        f"{strengths}"
    )
    return Analysis(found, families, at_once, design.bases, method)


def figure(analysis: Analysis) -> Figure:
    """Draw backward transfer and the end by mask and method, and the matrices of plain training."""
    drawn, axes = drawing.panels(1, 2 + len(MASKS), size=(3.2, 3.2))
    for ax, quantity in zip(axes[0, :2], (MEASURED[0], MEASURED[2]), strict=True):
        for number, method in enumerate(methods()):
            samples = [analysis.of(mask, method, quantity) for mask in MASKS]
            x = [place + 0.15 * number for place in range(len(MASKS))]
            style = {"color": drawing.PALETTE[number], "linestyle": "", "label": method}
            drawing.points(ax, x, samples, **style)
        if quantity == MEASURED[2]:
            samples = [analysis.joint.get(mask, Sample({})) for mask in MASKS]
            style = {"color": INK, "linestyle": "", "label": "all at once"}
            drawing.points(ax, [place - 0.15 for place in range(len(MASKS))], samples, **style)
        ax.set_xticks(range(len(MASKS)), list(MASKS))
        drawing.labels(ax, "", quantity)
        drawing.legend(ax)
    for ax, mask in zip(axes[0, 2:], MASKS, strict=True):
        drawing.title(ax, f"{mask}, plain")
        if mask in analysis.families:
            names = list(analysis.bases)
            numbers = [str(1 + stage) for stage in range(len(names))]
            scale = {"cmap": drawing.SEQUENTIAL, "vmin": 0, "vmax": 1}
            drawing.grid(ax, analysis.families[mask], numbers, names, **scale)
            ax.tick_params(axis="x", rotation=30)
            drawing.labels(ax, "family", "after stage")
    return drawn


def outcome(analysis: Analysis) -> Outcome:
    """Decide: forgetting under each mask, less of it under a local one and with each remedy."""
    checks: list[Check] = []
    for mask in MASKS:
        plain = analysis.of(mask, PLAIN)
        checks.append(below(f"{mask}: backward transfer is negative", plain))
        for method in REMEDIES:
            gain = analysis.of(mask, method) - plain
            checks.append(above(f"{mask}: {method} forgets less", gain))
    lead = analysis.of("local", PLAIN) - analysis.of("dense", PLAIN)
    checks.append(above("plain: local forgets less than dense", lead))
    claim = CLAIMS["forgetting"]
    rows = [
        learning.row(f"{quantity}: {mask}, {method}", sample, claim)
        for quantity in MEASURED
        for (mask, method), by_quantity in analysis.found.items()
        for sample in (by_quantity[quantity],)
        if sample.n
    ]
    rows += [
        learning.row(f"{MEASURED[2]}: {mask}, all at once", sample, claim)
        for mask, sample in analysis.joint.items()
    ]
    return Outcome(tuple(checks), tuple(rows), analysis.method)


EXPERIMENT = Experiment(
    question(__doc__),
    no_arms,
    analyse,
    figure,
    outcome,
    work,
    left,
    judged,
    CLAIMS["forgetting"],
    "benchmarks.questions",
)
