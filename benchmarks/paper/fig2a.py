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
    local = [Arm(label(d), {**scale.cog20, **locality(side, d)}, tags={"d": d}) for d in radii]
    whole = Arm(label(None), {**scale.cog20, **dense(side * side)})
    other = [
        Arm(alternative(d), {**scale.cog20, **locality(side, d), "init": ALTERNATIVE})
        for d in ALTERNATIVE_RADII
    ]
    return (*local, whole, *other)


def analyse(results: Results, scale: Scale) -> Analysis | None:
    """Read the learning curves."""
    side, radii = SIZES[scale.name]
    found = learning.learned(arms(scale), results, scale)
    if label(None) not in found or len(found) < 2:
        return None
    return Analysis(found, radii, side, min(EARLY, scale.cog20["steps"]))


def figure(analysis: Analysis) -> Figure:
    """Draw the learning curves, with performance at an early step over d as the inset."""
    drawn, axes = drawing.panels(size=(6.2, 4.2))
    ax = axes[0, 0]
    local = [label(d) for d in analysis.radii]
    styles = dict(zip(local, drawing.graded(analysis.radii), strict=True))
    styles[label(None)] = drawing.DENSE
    drawing.learning(ax, {k: v for k, v in analysis.found.items() if k in styles}, styles)
    drawing.legend(ax, loc="upper left", ncols=2)
    inset = ax.inset_axes((0.66, 0.12, 0.32, 0.36))
    drawing.plain(inset)
    samples = [learning.at(analysis.found, name, analysis.early) for name in local]
    drawing.points(inset, analysis.radii, samples, color=drawing.PALETTE[0])
    whole = learning.at(analysis.found, label(None), analysis.early).mean
    inset.axhline(whole, **{**drawing.DENSE, "linewidth": 1.2})
    inset.set_title(f"at {analysis.early} steps; dashed: dense", fontsize=7)
    inset.set_xlabel("d", fontsize=7)
    drawing.whole_ticks(inset)
    inset.tick_params(labelsize=7)
    drawing.title(ax, f"20 base tasks, {analysis.side}x{analysis.side} units")
    return drawn


def outcome(analysis: Analysis) -> Outcome:
    """Decide: every d learns faster than dense; a small d is best early on."""
    found, early = analysis.found, analysis.early
    whole = label(None)
    checks = [
        above(
            f"{label(d)} has a higher mean performance over {found[whole].n_steps} steps than "
            "dense",
            learning.area(found, label(d)) - learning.area(found, whole),
        )
        for d in analysis.radii
    ]
    top = max(analysis.radii, key=lambda d: _mean(found, d, early))
    last = analysis.radii[-1]
    if top != last:
        checks.append(
            above(
                f"{label(top)}, the best at {early} steps, leads {label(last)} there",
                learning.at(found, label(top), early) - learning.at(found, label(last), early),
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


def _mean(found: Curves, d: float, step: int) -> float:
    sample = learning.at(found, label(d), step)
    return sample.mean if sample.n else float("-inf")


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
