"""At one fixed sparsity, are local masks better than random masks of equal in-degree?"""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.figure import Figure

from benchmarks.paper import _drawing as drawing, _learning as learning
from benchmarks.paper._arms import Arm, Results, locality, neighbours, radius_of
from benchmarks.paper._experiment import Experiment, Outcome, question
from benchmarks.paper._learning import Curves
from benchmarks.paper._scales import Scale
from benchmarks.paper._statistics import Check, Sample, above, below, verdict
from benchmarks.paper.claims import CLAIMS

DENSITY = 0.04
SIDES = {"smoke": (6, 8), "laptop": (15, 25, 35, 50), "paper": (15, 20, 25, 30, 35, 40, 50)}
"""Sides of the sheets, by scale."""

MARGIN = 0.05
"""A random mask that is ahead by this much contradicts "as good as or slightly better"."""


@dataclass(frozen=True)
class Analysis:
    """What was learned.

    Attributes:
        found: Learning curves by label.
        sides: Sides of the sheets.
    """

    found: Curves
    sides: tuple[int, ...]


def label(side: int, kind: str) -> str:
    """What a network is called; `kind` is "local" or "random"."""
    return f"{kind} {side}x{side}"


def arms(scale: Scale) -> tuple[Arm, ...]:
    """A local and a random mask of each size."""
    made: list[Arm] = []
    for side in SIDES[scale.name]:
        radius = radius_of(side, DENSITY)
        in_degree = neighbours(side, radius)
        random = {"arch": "random", "size": (side, side), "mask_options": {"in_degree": in_degree}}
        made += [
            Arm(label(side, "local"), {**scale.modcog, **locality(side, radius)}),
            Arm(label(side, "random"), {**scale.modcog, **random}),
        ]
    return tuple(made)


def analyse(results: Results, scale: Scale) -> Analysis | None:
    """Read the learning curves."""
    found = learning.learned(arms(scale), results, scale)
    return Analysis(found, SIDES[scale.name]) if found else None


def figure(analysis: Analysis) -> Figure:
    """Draw the performance at the end over the size, and the learning curves."""
    drawn, axes = drawing.panels(1, 2, size=(4.8, 3.6))
    sizes = [side * side for side in analysis.sides]
    for i, kind in enumerate(("local", "random")):
        ends = [learning.final(analysis.found, label(side, kind)) for side in analysis.sides]
        drawing.points(axes[0, 0], sizes, ends, label=f"{kind} mask", **drawing.line_style(i))
    drawing.labels(axes[0, 0], "units N", "performance at the end")
    drawing.legend(axes[0, 0])
    drawing.title(axes[0, 0], f"sparsity of about {DENSITY:.0%}")
    grades = drawing.graded(analysis.sides)
    styles = {
        label(side, kind): {**grades[i], "linestyle": "-" if kind == "local" else ":"}
        for i, side in enumerate(analysis.sides)
        for kind in ("local", "random")
    }
    drawing.learning(axes[0, 1], analysis.found, styles)
    drawing.legend(axes[0, 1], ncols=2, loc="best")
    return drawn


def outcome(analysis: Analysis) -> Outcome:
    """Decide: at no size is the random mask clearly ahead."""
    found = analysis.found
    checks: list[Check] = []
    ahead: list[Check] = []
    for side in analysis.sides:
        gap = _gap(found, side)
        text = f"random mask less than {MARGIN:g} ahead at N={side * side}"
        checks.append(below(text, -gap, MARGIN))
        ahead.append(above(f"local ahead at N={side * side}", gap))
    return Outcome(
        tuple(checks),
        tuple(learning.rows(found, CLAIMS["fig5c"])),
        learning.told(found) + f" Density nearest to {DENSITY:g} that a radius gives.",
        learning.charts(found),
        f"That local masks are strictly better at every size is {verdict(ahead)}.",
    )


def _gap(found: Curves, side: int) -> Sample:
    return learning.final(found, label(side, "local")) - learning.final(
        found, label(side, "random")
    )


EXPERIMENT = Experiment(question(__doc__), arms, analyse, figure, outcome)
