"""With a fixed number of synapses, does it matter how many of them are local?

Small-world masks: all synapses within a local radius, and random ones up to the number of the
largest radius, at which the mask is a locality mask. Radius 0 is a random graph.
"""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.figure import Figure

from benchmarks.paper import _drawing as drawing, _learning as learning
from benchmarks.paper._arms import Arm, Results, locality, neighbours
from benchmarks.paper._experiment import Experiment, Outcome, question
from benchmarks.paper._learning import Curves
from benchmarks.paper._scales import Scale
from benchmarks.paper._statistics import above, within
from benchmarks.paper.claims import CLAIMS

SIZES = {
    "smoke": (8, (0, 1, 2)),
    "laptop": (20, (0, 1, 2, 3)),
    "paper": (50, (0, 1, 2, 3, 4, 5, 6, 7, 8)),
}
"""Side of the sheet and local radii, by scale; the last one sets the number of synapses. The laptop
scale has about the paper's density, 7.3 % where that is 7.9 %."""

STEPS = (1000, 2000)
"""The steps that the paper compares."""

MARGIN = 0.05
"""Performances that differ by less are "not very different"."""


@dataclass(frozen=True)
class Analysis:
    """What was learned.

    Attributes:
        found: Learning curves by label.
        radii: Local radii.
        steps: The two steps that are compared.
    """

    found: Curves
    radii: tuple[int, ...]
    steps: tuple[int, int]


def label(radius: int) -> str:
    """What a network is called."""
    return f"local radius {radius}"


def arms(scale: Scale) -> tuple[Arm, ...]:
    """A mask of each local radius."""
    side, radii = SIZES[scale.name]
    nnz = neighbours(side, radii[-1]) * side * side
    small_world = {"arch": "small_world", "size": (side, side), "mask_options": {"nnz": nnz}}
    mixed = [
        Arm(label(radius), {**scale.modcog, **small_world, "radius": radius})
        for radius in radii[:-1]
    ]
    # Equal to the small-world mask of that radius, and shared with figure 5a.
    local = Arm(label(radii[-1]), {**scale.modcog, **locality(side, radii[-1])})
    return (*mixed, local)


def analyse(results: Results, scale: Scale) -> Analysis | None:
    """Read the learning curves."""
    found = learning.learned(arms(scale), results, scale)
    last = scale.modcog["steps"]
    first, second = (min(step, last) for step in STEPS)
    if first == second:
        first = max(1, second // 2)
    return Analysis(found, SIZES[scale.name][1], (first, second)) if found else None


def figure(analysis: Analysis) -> Figure:
    """Draw the performance over the local radius at both steps, and the learning curves."""
    drawn, axes = drawing.panels(1, 2, size=(4.6, 3.6))
    for i, step in enumerate(analysis.steps):
        samples = [learning.at(analysis.found, label(d), step) for d in analysis.radii]
        drawing.points(
            axes[0, 0], analysis.radii, samples, label=f"{step} steps", **drawing.line_style(i)
        )
    drawing.whole_ticks(axes[0, 0])
    drawing.labels(axes[0, 0], "local radius", "performance")
    drawing.legend(axes[0, 0])
    drawing.title(axes[0, 0], "equal number of synapses")
    names = [label(d) for d in analysis.radii]
    styles = dict(zip(names, drawing.graded(names), strict=True))
    drawing.learning(axes[0, 1], analysis.found, styles)
    drawing.legend(axes[0, 1], loc="best")
    return drawn


def outcome(analysis: Analysis) -> Outcome:
    """Decide: no big differences at the first step; the locality mask leads at the second."""
    found, (first, second) = analysis.found, analysis.steps
    local = label(analysis.radii[-1])
    others = [label(d) for d in analysis.radii[:-1]]
    checks = [
        within(
            f"{name} within {MARGIN:g} of the locality mask at {first} steps",
            learning.at(found, name, first) - learning.at(found, local, first),
            -MARGIN,
            MARGIN,
        )
        for name in others
    ] + [
        above(
            f"locality mask ahead of {name} at {second} steps",
            learning.at(found, local, second) - learning.at(found, name, second),
        )
        for name in others
    ]
    measured = [
        learning.row(f"{name} at {step} steps", one.at(step), CLAIMS["fig5f"])
        for name, one in found.items()
        for step in analysis.steps
    ]
    return Outcome(tuple(checks), tuple(measured), learning.told(found), learning.charts(found))


EXPERIMENT = Experiment(question(__doc__), arms, analyse, figure, outcome)
