"""Do networks with local masks learn the 20 base tasks faster than the dense network of equal size?

All start from weights whose gain does not depend on the in-degree ("fan_in"), so that the mask
alone differs. The paper does not say how its networks start. The alternative, PyTorch's default
with the absent weights set to zero ("torch"), is run for two radii to see whether it decides.
"""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.figure import Figure

from benchmarks.paper import _drawing as drawing, _learning as learning
from benchmarks.paper._arms import Arm, Results, dense, locality
from benchmarks.paper._experiment import Experiment, Outcome, question
from benchmarks.paper._learning import Curves
from benchmarks.paper._scales import Scale
from benchmarks.paper._statistics import above, verdict
from benchmarks.paper.claims import CLAIMS

SIZES = {
    "smoke": (6, (0, 1, 2)),
    "laptop": (25, (0, 1, 2, 4)),
    "paper": (25, (0, 1, 2, 3, 4, 6, 8, 10)),
}
"""Side of the sheet and radii, by scale. 25 x 25 is the size of figure 2b."""

ALTERNATIVE = "torch"
ALTERNATIVE_RADII = (0, 2)
EARLY = 2000
"""The inset of the figure shows performance after so many steps."""


@dataclass(frozen=True)
class Analysis:
    """What was learned.

    Attributes:
        found: Learning curves by label, the dense network and the alternative start included.
        radii: The radii.
        side: Side of the sheet.
        early: The step that is compared.
    """

    found: Curves
    radii: tuple[int, ...]
    side: int
    early: int


def label(radius: float | None) -> str:
    """What a network is called."""
    return "dense" if radius is None else f"d={radius}"


def alternative(radius: float) -> str:
    """What a network with the other start is called."""
    return f"d={radius}, init {ALTERNATIVE}"


def arms(scale: Scale) -> tuple[Arm, ...]:
    """Every radius, the dense network, and the other start."""
    side, radii = SIZES[scale.name]
    settings = {label(d): locality(side, d) for d in radii}
    settings[label(None)] = dense(side * side)
    for d in ALTERNATIVE_RADII:
        settings[alternative(d)] = {**locality(side, d), "init": ALTERNATIVE}
    return tuple(
        Arm(name, {**scale.cog20, **own}, scale.minute_seeds) for name, own in settings.items()
    )


def analyse(results: Results, scale: Scale) -> Analysis | None:
    """Read the learning curves."""
    side, radii = SIZES[scale.name]
    found = learning.learned(arms(scale), results, scale)
    if not found:
        return None
    return Analysis(found, radii, side, min(EARLY, scale.cog20["steps"]))


def figure(analysis: Analysis) -> Figure:
    """Draw the learning curves, and performance at an early step over d (the paper's inset)."""
    drawn, axes = drawing.panels(1, 2, size=(4.2, 3.8), width_ratios=(2.4, 1))
    ax, inset = axes[0]
    local = [label(d) for d in analysis.radii]
    styles = dict(zip(local, drawing.graded(analysis.radii), strict=True))
    styles[label(None)] = drawing.DENSE
    drawing.learning(ax, {k: v for k, v in analysis.found.items() if k in styles}, styles)
    drawing.legend(ax, loc="best", ncols=2)
    samples = [learning.at(analysis.found, name, analysis.early) for name in local]
    drawing.points(inset, analysis.radii, samples, color=drawing.PALETTE[0])
    whole = learning.at(analysis.found, label(None), analysis.early)
    if whole.n:
        inset.axhline(whole.mean, **{**drawing.DENSE, "linewidth": 1.2})
    drawing.whole_ticks(inset)
    drawing.labels(inset, "radius d (dashed: dense)", "performance")
    drawing.title(inset, f"at {analysis.early} steps")
    drawing.title(ax, f"20 base tasks, {analysis.side}x{analysis.side} units")
    return drawn


def outcome(analysis: Analysis) -> Outcome:
    """Decide: every d learns faster than dense; a small d is best early on."""
    found, early = analysis.found, analysis.early
    whole = label(None)
    checks = [
        above(
            f"{label(d)} has a higher mean performance over all steps than dense",
            learning.area(found, label(d)) - learning.area(found, whole),
        )
        for d in analysis.radii
    ]
    *smaller, last = analysis.radii
    top = learning.best(found, map(label, smaller), early)
    checks.append(
        above(
            f"{top}, the best of the smaller d at {early} steps, leads {label(last)} there",
            learning.at(found, top, early) - learning.at(found, label(last), early),
            best_of=len(smaller),
        )
    )
    measured = [
        learning.row(
            f"{name} at {early} steps", one.at(early), CLAIMS["fig2a"], learning.other_measures(one)
        )
        for name, one in found.items()
    ]
    return Outcome(
        tuple(checks),
        tuple(measured),
        f"N={analysis.side**2}, {learning.told(found)} Init fan_in unless said otherwise.",
        learning.charts(found),
        _other_start(analysis),
    )


def _other_start(analysis: Analysis) -> str:
    """Say what the other start does to the comparison with the dense network."""
    whole = learning.area(analysis.found, label(None))
    checks = [
        above(alternative(d), learning.area(analysis.found, alternative(d)) - whole)
        for d in ALTERNATIVE_RADII
        if alternative(d) in analysis.found
    ]
    if not checks:
        return ""
    told = "; ".join(f"{check.text} minus dense {check.sample}" for check in checks)
    return (
        f"With the other start that the paper may have used ({ALTERNATIVE}), mean performance over "
        f"all steps: {told}: every d ahead of dense is {verdict(checks)} there."
    )


EXPERIMENT = Experiment(question(__doc__), arms, analyse, figure, outcome)
