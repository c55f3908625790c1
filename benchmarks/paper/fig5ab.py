"""Which radius of a local mask learns Mod-Cog fastest, and is it ahead of the dense network?"""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.figure import Figure

from benchmarks.paper import _drawing as drawing, _learning as learning
from benchmarks.paper._arms import Arm, Results, dense_arm, local_arm, neighbours
from benchmarks.paper._experiment import Experiment, Outcome, question
from benchmarks.paper._learning import Curves
from benchmarks.paper._scales import Scale
from benchmarks.paper._statistics import Check, above
from benchmarks.paper.claims import CLAIMS

SHEETS = {
    "smoke": ((8, (0, 1, 2)),),
    "laptop": ((20, (0, 1, 2, 3, 4, 6, 8, 10)), (50, (0, 2, 4, 6, 10))),
    "paper": ((50, (0, 1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 25)),),
}
"""Sides of the sheets and radii on each, by scale."""


@dataclass(frozen=True)
class Sheet:
    """The networks of one size.

    Attributes:
        side: Side of the sheet.
        radii: The radii, ascending.
        labels: Their networks' labels.
        dense: Label of the dense network.
        judged: Whether the dense network has all seeds.
    """

    side: int
    radii: tuple[float, ...]
    labels: tuple[str, ...]
    dense: str
    judged: bool

    @property
    def title(self) -> str:
        """What its panels are called."""
        return f"{self.side}x{self.side} units"

    def of(self, found: Curves) -> Curves:
        """Its networks among those that ran, the dense one included."""
        own = {*self.labels, self.dense}
        return {label: one for label, one in found.items() if label in own}

    def extreme(self, label: str) -> bool:
        """Whether a network is at an end: autapses alone, or more than half of all synapses."""
        radius = self.radii[self.labels.index(label)]
        return radius == 0 or 2 * neighbours(self.side, radius) > self.side**2


@dataclass(frozen=True)
class Analysis:
    """What was learned.

    Attributes:
        found: Learning curves by label.
        sheets: The sheets, with the networks on them that ran.
    """

    found: Curves
    sheets: tuple[Sheet, ...]


def arms(scale: Scale) -> tuple[Arm, ...]:
    """Every radius on each sheet, and the dense network of its size."""
    return tuple(
        arm
        for side, radii in SHEETS[scale.name]
        for arm in (*(local_arm(scale, side, d) for d in radii), dense_arm(scale, side * side))
    )


def analyse(results: Results, scale: Scale) -> Analysis | None:
    """Read the learning curves."""
    found = learning.learned(arms(scale), results, scale)
    sheets: list[Sheet] = []
    for side, radii in SHEETS[scale.name]:
        labels = {d: local_arm(scale, side, d).label for d in radii}
        ran = tuple(d for d in radii if labels[d] in found)
        whole = dense_arm(scale, side * side)
        sheets.append(Sheet(side, ran, tuple(labels[d] for d in ran), whole.label, whole.decides))
    return Analysis(found, tuple(sheets)) if found else None


def figure(analysis: Analysis) -> Figure:
    """Draw the learning curves (a), and the performance at the end over d (b), a row a sheet."""
    drawn, axes = drawing.panels(len(analysis.sheets), 2, size=(5.0, 3.8))
    for (curves, ends), sheet in zip(axes, analysis.sheets, strict=True):
        styles = dict(zip(sheet.labels, drawing.graded(sheet.labels), strict=True))
        styles[sheet.dense] = drawing.DENSE
        here = sheet.of(analysis.found)
        drawing.learning(curves, here, styles)
        drawing.legend(curves, loc="best")
        drawing.title(curves, f"a  learning on Mod-Cog, {sheet.title}")
        reached = [learning.final(here, label) for label in sheet.labels]
        drawing.points(ends, sheet.radii, reached, color=drawing.PALETTE[0])
        if sheet.dense in here:
            drawing.level(ends, learning.final(here, sheet.dense).mean, "dense")
        drawing.whole_ticks(ends)
        drawing.labels(ends, "radius d", "performance at the end")
        drawing.title(ends, f"b  {sheet.title}")
    return drawn


def outcome(analysis: Analysis) -> Outcome:
    """Decide: on each sheet, a radius between the ends leads both ends and the dense network."""
    found = analysis.found
    return Outcome(
        tuple(check for sheet in analysis.sheets for check in _checks(found, sheet)),
        tuple(learning.rows(found, CLAIMS["fig5ab"])),
        learning.told(found)
        + " The paper's values are those after 10 000 steps. A radius is between the ends if it "
        "is not 0 and gives at most half of all synapses." + learning.single_seeds(found),
        tuple(
            curve
            for sheet in analysis.sheets
            for curve in learning.charts(sheet.of(found), sheet.title)
        ),
        untested=tuple(
            f"whether a local mask leads {sheet.dense}, which has one seed at this scale"
            for sheet in analysis.sheets
            if not sheet.judged
        ),
    )


def _checks(found: Curves, sheet: Sheet) -> list[Check]:
    extremes = [label for label in sheet.labels if sheet.extreme(label)]
    between = [label for label in sheet.labels if label not in extremes]
    top = learning.best(found, between)
    return [
        above(
            f"{top}, the best radius between the ends, leads {other} at the end",
            learning.final(found, top) - learning.final(found, other),
            best_of=len(between),
        )
        for other in (*extremes, *([sheet.dense] if sheet.judged else []))
        if top
    ]


EXPERIMENT = Experiment(question(__doc__), arms, analyse, figure, outcome)
