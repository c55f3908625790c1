"""Do networks with local masks beat dense networks that have as many synapses?

The five networks are those of the paper, by their numbers of weights.
"""

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
from sparse_rnn.system.palette import series_of

SIZES = {
    "smoke": (6, (0, 1, 2), (27, 31)),
    "laptop": (25, (0, 2, 4), (196, 256)),
    "paper": (25, (0, 2, 4), (196, 256)),
}
"""Side of the sheet, radii, and units of the dense networks, by scale."""


@dataclass(frozen=True)
class Analysis:
    """What was learned.

    Attributes:
        found: Learning curves by label.
        local: Labels of the masked networks.
        whole: Labels of the dense networks.
        weights: All weights of each network, by label.
    """

    found: Curves
    local: tuple[str, ...]
    whole: tuple[str, ...]
    weights: dict[str, int]


def labels(scale: Scale) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What the masked and the dense networks are called."""
    side, radii, sizes = SIZES[scale.name]
    local = tuple(
        f"Autapses {side**2}" if d == 0 else f"LM-RNN {side}x{side}, d={d}" for d in radii
    )
    return local, tuple(f"Dense {size}" for size in sizes)


def arms(scale: Scale) -> tuple[Arm, ...]:
    """The masked networks, then the dense ones."""
    side, radii, sizes = SIZES[scale.name]
    settings = [locality(side, d) for d in radii] + [dense(size) for size in sizes]
    local, whole = labels(scale)
    pairs = zip((*local, *whole), settings, strict=True)
    return tuple(Arm(label, {**scale.cog20, **own}, scale.minute_seeds) for label, own in pairs)


def analyse(results: Results, scale: Scale) -> Analysis | None:
    """Read the learning curves and count the weights."""
    local, whole = labels(scale)
    found = learning.learned(arms(scale), results, scale)
    if not found:
        return None
    weights = {
        label: one.runs[0].network().weight_counts()["total"] for label, one in found.items()
    }
    return Analysis(found, local, whole, weights)


def figure(analysis: Analysis) -> Figure:
    """Draw the learning curves, each with its number of weights."""
    drawn, axes = drawing.panels(size=(6.2, 4.2))
    order = [name for name in (*analysis.local, *analysis.whole) if name in analysis.found]
    told = {f"{name} ({analysis.weights[name]:,} weights)": analysis.found[name] for name in order}
    numbers = series_of([one.arm.settings["arch"] for one in told.values()])
    styles = {name: drawing.line_style(i) for name, i in zip(told, numbers, strict=True)}
    drawing.learning(axes[0, 0], told, styles)
    drawing.legend(axes[0, 0], loc="best")
    drawing.title(axes[0, 0], "20 base tasks, networks of similar numbers of weights")
    return drawn


def outcome(analysis: Analysis) -> Outcome:
    """Decide: each masked network is ahead of every dense one that has no fewer weights."""
    found, weights = analysis.found, analysis.weights
    checks = []
    for local in analysis.local:
        # A dense network is a fair opponent where it has about as many weights, or more.
        for whole in analysis.whole:
            if local in weights and whole in weights and weights[whole] >= 0.99 * weights[local]:
                difference = learning.area(found, local) - learning.area(found, whole)
                text = f"{local} has a higher mean performance over all steps than {whole}"
                checks.append(above(text, difference))
    counts = [
        learning.Measurement(
            f"{name}, weights",
            count,
            None,
            None,
            0,
            CLAIMS["fig2b"].values.get(f"{name}, weights"),
            "",
        )
        for name, count in weights.items()
    ]
    return Outcome(
        tuple(checks),
        (*learning.rows(found, CLAIMS["fig2b"]), *counts),
        learning.told(found) + " Weights are counted without biases.",
        learning.charts(found),
    )


EXPERIMENT = Experiment(question(__doc__), arms, analyse, figure, outcome)
