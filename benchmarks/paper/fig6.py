"""How do dense networks with an L1 penalty learn, next to a local mask?"""

from __future__ import annotations

from matplotlib.figure import Figure

from benchmarks.paper import _drawing as drawing, _learning as learning, table1
from benchmarks.paper._arms import Arm, Results
from benchmarks.paper._experiment import Experiment, Outcome, question
from benchmarks.paper._learning import Curves
from benchmarks.paper._scales import Scale
from benchmarks.paper._statistics import above
from benchmarks.paper.claims import CLAIMS


def arms(scale: Scale) -> tuple[Arm, ...]:
    """The local masks and the penalised networks of table 1: no run of its own."""
    return tuple(
        arm
        for sheet in table1.SHEETS[scale.name]
        if sheet.penalties
        for made in (table1.local_arms, table1.l1_arms)
        for arm in made(scale, sheet)
    )


def analyse(results: Results, scale: Scale) -> Curves | None:
    """Read the learning curves."""
    found = learning.learned(arms(scale), results, scale)
    return found if any(label.startswith("L1") for label in found) else None


def figure(found: Curves) -> Figure:
    """Draw the learning curves."""
    drawn, axes = drawing.panels(size=(6.0, 4.2))
    penalised = [label for label in found if label.startswith("L1")]
    styles = dict(zip(penalised, drawing.graded(penalised), strict=True))
    local = [label for label in found if label not in styles]
    for i, label in enumerate(local):
        styles[label] = {**drawing.line_style(1), "linestyle": ("-", "--")[i % 2]}
    drawing.learning(axes[0, 0], found, styles)
    drawing.legend(axes[0, 0], loc="best")
    drawing.title(axes[0, 0], "L1 penalties and local masks on Mod-Cog")
    return drawn


def outcome(found: Curves) -> Outcome:
    """Decide: each local mask has the higher mean performance over all steps."""
    penalised = [label for label in found if label.startswith("L1")]
    checks = [
        above(
            f"{local} above {label} over all steps",
            learning.area(found, local) - learning.area(found, label),
        )
        for local in found
        if local not in penalised
        for label in penalised
    ]
    return Outcome(
        tuple(checks),
        tuple(learning.rows(found, CLAIMS["fig6"])),
        learning.told(found),
        learning.charts(found),
    )


EXPERIMENT = Experiment(question(__doc__), arms, analyse, figure, outcome)
