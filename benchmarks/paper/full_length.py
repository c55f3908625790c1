"""At the paper's own 10 000 steps, do local masks learn faster than a dense network and lead it?

The networks of Table 1 and Figures 5a-b that a laptop can train for so long: both local masks on
the paper's sheet and the dense network with about as many weights. What else the claim names is
said to be untested.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from matplotlib.figure import Figure

from benchmarks.paper import _drawing as drawing, _learning as learning, table1
from benchmarks.paper._arms import Arm, Results, dense_arm
from benchmarks.paper._experiment import Experiment, Outcome, question
from benchmarks.paper._learning import Curves
from benchmarks.paper._scales import SCALES, Scale
from benchmarks.paper._statistics import Check, above
from benchmarks.paper.claims import CLAIMS

CLAIM = CLAIMS["full_length"]

POINTS = 20
"""About how many points of the course have an interval in the figure."""


@dataclass(frozen=True)
class Analysis:
    """What was learned.

    Attributes:
        found: Learning curves by label.
        local: Labels of the locality-masked networks.
        dense: Label of the dense network with about as many weights.
        short: Gradient steps of the other experiments of the scale, at which curves are read too.
        untested: What the claim says and no check is about, in words.
    """

    found: Curves
    local: tuple[str, ...]
    dense: str
    short: int
    untested: tuple[str, ...]


def whole_length(scale: Scale) -> Scale:
    """A scale whose networks are trained as long as the paper's; the smoke scale stays short."""
    longest = SCALES["paper"].modcog if scale.name == "laptop" else scale.modcog
    return replace(scale, modcog=longest, table_seeds=scale.seeds)


def local_arms(scale: Scale) -> tuple[Arm, ...]:
    """The locality-masked networks on the paper's sheet."""
    return table1.local_arms(whole_length(scale), table1.SHEETS[scale.name][-1])


def small_arm(scale: Scale) -> Arm:
    """The dense network with about as many weights."""
    return dense_arm(whole_length(scale), table1.SHEETS[scale.name][-1].small)


def arms(scale: Scale) -> tuple[Arm, ...]:
    """The networks: runs of the paper scale's Table 1, with the seeds of this scale."""
    return (*local_arms(scale), small_arm(scale))


def untested(scale: Scale) -> tuple[str, ...]:
    """What the claim says and no check of a scale is about."""
    n_units = table1.SHEETS[scale.name][-1].n_units
    names = " and ".join(arm.label for arm in local_arms(scale))
    return (f"{names} against Dense {n_units}, not trained for so long here",)


def analyse(results: Results, scale: Scale) -> Analysis | None:
    """Read the learning curves."""
    found = learning.learned(arms(scale), results, scale)
    if not found:
        return None
    labels = tuple(arm.label for arm in local_arms(scale))
    short: int = scale.modcog["steps"]
    return Analysis(found, labels, small_arm(scale).label, short, untested(scale))


def figure(analysis: Analysis) -> Figure:
    """Draw the learning curves (a), and their lead over the dense network along the way (b)."""
    drawn, axes = drawing.panels(1, 2, size=(5.0, 3.8))
    curves, leads = axes[0]
    styles = dict(zip(analysis.local, drawing.graded(analysis.local), strict=True))
    drawing.learning(curves, analysis.found, {**styles, analysis.dense: drawing.DENSE})
    drawing.legend(curves, loc="best")
    drawing.title(curves, "a  learning on Mod-Cog")
    whole = analysis.found.get(analysis.dense)
    for label in analysis.local:
        one = analysis.found.get(label)
        if one is None or whole is None:
            continue
        steps = [int(step) for step in np.intersect1d(one.steps, whole.steps)]
        shown = steps[:: -max(1, len(steps) // POINTS)][::-1]  # The end is among them.
        ahead = [one.at(step) - whole.at(step) for step in shown]
        drawing.points(leads, shown, ahead, label=label, **styles[label])
    drawing.level(leads, 0.0, "no lead")
    drawing.labels(leads, "gradient steps", f"lead over {analysis.dense}")
    drawing.title(leads, "b  lead over equal weights")
    return drawn


def outcome(analysis: Analysis) -> Outcome:
    """Decide: each local mask leads the dense network, over the course and at its end."""
    found = analysis.found
    early = [
        learning.row(f"{label}, after {analysis.short} steps", one.at(analysis.short), CLAIM)
        for label, one in found.items()
        if analysis.short < one.n_steps
    ]
    return Outcome(
        tuple(check for label in analysis.local for check in _checks(analysis, label)),
        (*learning.rows(found, CLAIM), *early),
        learning.told(found),
        learning.charts(found),
        untested=analysis.untested,
    )


def _checks(analysis: Analysis, label: str) -> list[Check]:
    found, other = analysis.found, analysis.dense
    return [
        above(
            f"{label} ahead of {other} at the end",
            learning.final(found, label) - learning.final(found, other),
        ),
        above(
            f"{label} ahead of {other} over the course",
            learning.area(found, label) - learning.area(found, other),
        ),
    ]


EXPERIMENT = Experiment(question(__doc__), arms, analyse, figure, outcome)
