"""Which radius of a local mask learns Mod-Cog fastest, and is it ahead of the dense network?"""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.figure import Figure

from benchmarks.paper import _drawing as drawing, _learning as learning
from benchmarks.paper._arms import Arm, Results, dense, locality
from benchmarks.paper._experiment import Experiment, Outcome, question
from benchmarks.paper._learning import Curves
from benchmarks.paper._scales import Scale
from benchmarks.paper._statistics import above
from benchmarks.paper.claims import CLAIMS

SIZES = {
    "smoke": (8, (0, 1, 2)),
    "laptop": (50, (0, 2, 4, 6, 8, 10, 16)),
    "paper": (50, (0, 1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 25)),
}
"""Side of the sheet and radii, by scale."""


@dataclass(frozen=True)
class Analysis:
    """What was learned.

    Attributes:
        found: Learning curves by label.
        radii: The radii that ran, ascending.
        side: Side of the sheet.
    """

    found: Curves
    radii: tuple[float, ...]
    side: int


def label(side: int, radius: float | None) -> str:
    """What a network is called."""
    if radius is None:
        return f"Dense {side * side}"
    return f"LM-RNN {side}x{side}, d={radius:g}"


def arms(scale: Scale) -> tuple[Arm, ...]:
    """Every radius, and the dense network."""
    side, radii = SIZES[scale.name]
    local = [Arm(label(side, d), {**scale.modcog, **locality(side, d)}) for d in radii]
    return (*local, Arm(label(side, None), {**scale.modcog, **dense(side * side)}))


def analyse(results: Results, scale: Scale) -> Analysis | None:
    """Read the learning curves."""
    side, radii = SIZES[scale.name]
    found = learning.learned(arms(scale), results, scale)
    if not found:
        return None
    return Analysis(found, tuple(d for d in radii if label(side, d) in found), side)


def figure(analysis: Analysis) -> Figure:
    """Draw the learning curves (a), and the performance at the end over d (b)."""
    drawn, axes = drawing.panels(1, 2, size=(5.0, 3.8))
    names = [label(analysis.side, d) for d in analysis.radii]
    whole = label(analysis.side, None)
    styles = dict(zip(names, drawing.graded(names), strict=True))
    styles[whole] = drawing.DENSE
    drawing.learning(axes[0, 0], analysis.found, styles)
    drawing.legend(axes[0, 0], loc="best")
    drawing.title(axes[0, 0], "a  learning on Mod-Cog")
    ends = [learning.final(analysis.found, name) for name in names]
    drawing.points(axes[0, 1], analysis.radii, ends, color=drawing.PALETTE[0])
    if whole in analysis.found:
        drawing.level(axes[0, 1], learning.final(analysis.found, whole).mean, "dense")
    drawing.whole_ticks(axes[0, 1])
    drawing.labels(axes[0, 1], "radius d", "performance at the end")
    drawing.title(axes[0, 1], f"b  {analysis.side}x{analysis.side} units")
    return drawn


def outcome(analysis: Analysis) -> Outcome:
    """Decide: the best radius is neither the least nor the largest, and ahead of dense."""
    found = analysis.found
    names = [label(analysis.side, d) for d in analysis.radii]
    whole = label(analysis.side, None)
    top = learning.best(found, names)
    checks = []
    for other in (*names[:1], *names[-1:], whole):
        difference = learning.final(found, top) - learning.final(found, other)
        if other != top:
            checks.append(above(f"{top}, the best radius, leads {other} at the end", difference))
        else:
            ends = learning.Sample({})
            checks.append(above(f"{top} is no intermediate radius: a best one between", ends))
    return Outcome(
        tuple(checks),
        tuple(learning.rows(found, CLAIMS["fig5ab"])),
        learning.told(found) + " The paper's values are those after 10 000 steps.",
        learning.charts(found),
    )


EXPERIMENT = Experiment(question(__doc__), arms, analyse, figure, outcome)
