"""Do local masks still lead with an optimiser whose steps do not grow with the in-degree?

Adam moves each weight by about the learning rate, however small its gradient, so that what a unit
receives moves by rate times in-degree. Stochastic gradient descent with momentum moves all weights
together by the rate times a gradient that is clipped, in norm, to the same size for every network.
If the lead of local masks at one rate for all weights comes from the steps of Adam, it is small
with the other. Each network has the rate that is best for it, of one grid for each optimiser, found
on seeds that are not compared; start and everything else are those of the paper's setting in `why`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from benchmarks.paper import _drawing as drawing, _halving as halving, _learning as learning, why
from benchmarks.paper._arms import Arm, Results
from benchmarks.paper._experiment import Experiment, Outcome, no_arms, question
from benchmarks.paper._halving import Rung, Tuned
from benchmarks.paper._learning import Curves
from benchmarks.paper._map import MAPS, Net, lateral, search
from benchmarks.paper._ranks import Shift
from benchmarks.paper._scales import PAPER, Scale, Settings
from benchmarks.paper._statistics import Sample, above, within
from benchmarks.paper.claims import CLAIMS
from sparse_rnn import TrainConfig
from sparse_rnn.report.findings import Measurement

ADAM, SGD = "Adam", "SGD"
OPTIMISERS: Mapping[str, Settings] = {
    ADAM: {},
    SGD: {"optimiser": "sgd", "optimiser_options": {"momentum": 0.9}},
}
"""Settings of the optimisers; both clip the gradient as the paper's setting does."""

RATES: Mapping[str, tuple[float, ...]] = {
    ADAM: (1e-4, 3e-4, 1e-3, 3e-3, 1e-2),
    SGD: (0.01, 0.03, 0.1, 0.3, 1.0),
}
"""Rates to choose from, as many for each optimiser. Those of SGD lie about what a local network
learned fastest with in 500 steps, with a seed that is used nowhere else (200)."""

LEARNED = 0.3
"""A performance below which a network has not learned enough to be compared."""


@dataclass(frozen=True)
class Axes:
    """Sizes at a scale.

    Attributes:
        side: Side of the sheet.
        radius: Radius of the local mask, whose in-degree the random one has.
        n_rates: Rates of each grid, from its third on where there are fewer.
        rungs: Rounds of the searches.
        seeds: Seeds of the comparison.
    """

    side: int
    radius: int
    n_rates: int
    rungs: tuple[Rung, ...]
    seeds: tuple[int, ...]


AXES: Mapping[str, Axes] = {
    "smoke": Axes(4, 1, 1, (Rung(5, (100,), 1),), (0,)),
    "laptop": Axes(
        15, 4, 5, (Rung(500, (100,), 2), Rung(1000, (100, 101, 102), 1)), (0, 1, 2, 3, 4)
    ),
    "paper": Axes(
        20, 4, 5, (Rung(1000, (100,), 3), Rung(2500, (100, 101, 102), 1)), tuple(range(15))
    ),
}
"""Sizes by scale."""


def compared(scale: Scale) -> list[Net]:
    """The dense network, the local and the random one."""
    axes = AXES[scale.name]
    sizes = {"sides": (axes.side,), "radii": (axes.radius,), "random_as": axes.radius}
    return lateral(replace(MAPS[scale.name], **sizes))


def label(optimiser: str, net: Net) -> str:
    """What a network with an optimiser is called."""
    return f"{net.label}, {optimiser}"


def tuned(scale: Scale) -> dict[str, Tuned]:
    """All networks with both optimisers, by label."""
    axes = AXES[scale.name]
    made: dict[str, Tuned] = {}
    for optimiser, settings in OPTIMISERS.items():
        rates = RATES[optimiser] if axes.n_rates > 1 else RATES[optimiser][2:3]
        one_rate = {"inits": (PAPER["init"],), "rates": rates, "factors": (1.0,)}
        grid = replace(MAPS[scale.name], rungs=axes.rungs, **one_rate)
        for net in compared(scale):
            found = search(net, scale, grid, {**scale.modcog, **settings})
            name = label(optimiser, net)
            made[name] = Tuned(replace(found, label=name), axes.seeds)
    return made


def next_arms(results: Results, scale: Scale) -> list[Arm]:
    """What can be trained now."""
    found = [arm for one in tuned(scale).values() for arm in one.next_arms(results, scale)]
    own = [one.arm(results, scale) for one in tuned(scale).values()]
    return [*found, *(why.first_arm(arm) for arm in own if arm)]


def left(results: Results, scale: Scale) -> list[TrainConfig]:
    """All runs that are not finished, to plan with."""
    arms = [arm for one in tuned(scale).values() for arm in one.planned(results, scale)]
    return halving.left(arms, results, scale)


def judged(results: Results, scale: Scale) -> tuple[Arm, ...]:
    """The networks that are compared, as far as their rates are found."""
    own = (one.arm(results, scale) for one in tuned(scale).values())
    return tuple(arm for arm in own if arm)


@dataclass(frozen=True)
class Analysis:
    """What was learned.

    Attributes:
        nets: The networks, the dense one first.
        found: Learning curves by label.
        norms: Spectral norm of the first updates, by label.
        ends: Labels of networks whose best rate is at an end of the grid.
        n_updates: Gradient steps of the searches.
    """

    nets: tuple[Net, ...]
    found: Curves
    norms: Mapping[str, float]
    ends: tuple[str, ...]
    n_updates: int

    def final(self, optimiser: str, net: Net) -> Sample:
        """Performance at the end; empty where it did not run."""
        return learning.final(self.found, label(optimiser, net))

    def lead(self, optimiser: str, net: Net) -> Shift:
        """By how much a network ends above the dense one."""
        return Shift(self.final(optimiser, net), self.final(optimiser, self.nets[0]))

    def gap(self, optimiser: str, net: Net) -> Sample:
        """The same by seed."""
        return self.final(optimiser, net) - self.final(optimiser, self.nets[0])


def analyse(results: Results, scale: Scale) -> Analysis | None:
    """Read the curves and the first updates."""
    every = tuned(scale)
    arms = {name: one.arm(results, scale) for name, one in every.items()}
    found = learning.named(arms, results, scale)
    if not found:
        return None
    ends = [
        name
        for name, arm in arms.items()
        if arm and arm.settings["lr"] in _ends([one["lr"] for one in every[name].search.candidates])
    ]
    return Analysis(
        tuple(compared(scale)),
        found,
        {name: why.first_norm(arm, results, scale) for name, arm in arms.items() if arm},
        tuple(ends),
        sum(one.search.n_updates for one in every.values()),
    )


def _ends(rates: list[float]) -> set[float]:
    return {min(rates), max(rates)} if len(rates) > 1 else set()


def figure(analysis: Analysis) -> Figure:
    """Draw performance and first updates with both optimisers."""
    drawn, axes = drawing.panels(1, 2, size=(3.8, 3.6))
    x = np.arange(len(analysis.nets), dtype=float)
    for i, optimiser in enumerate(OPTIMISERS):
        ends = [analysis.final(optimiser, net) for net in analysis.nets]
        style = {"color": drawing.PALETTE[i], "linestyle": "none"}
        drawing.points(
            axes[0, 0], (x + 0.12 * (2 * i - 1)).tolist(), ends, label=optimiser, **style
        )
        values = [analysis.norms.get(label(optimiser, net), math.nan) for net in analysis.nets]
        axes[0, 1].plot(
            [net.in_degree for net in analysis.nets],
            values,
            "o",
            color=drawing.PALETTE[i],
            label=optimiser,
        )
    axes[0, 0].set_xticks(x, [net.kind for net in analysis.nets], rotation=30, ha="right")
    axes[0, 0].set_ylim(0, 1)
    drawing.labels(axes[0, 0], "", "performance at the end")
    drawing.title(axes[0, 0], "one rate for all weights, the best of each")
    axes[0, 1].set_xscale("log")
    degrees = sorted({net.in_degree for net in analysis.nets})
    axes[0, 1].set_xticks(degrees, [f"{degree:g}" for degree in degrees])
    axes[0, 1].xaxis.set_minor_formatter(NullFormatter())
    axes[0, 1].set_yscale("log")
    drawing.labels(axes[0, 1], "in-degree", f"spectral norm of the first {why.FIRST_STEPS} updates")
    drawing.legend(axes[0, 1])
    return drawn


def outcome(analysis: Analysis) -> Outcome:
    """Decide: a lead with Adam, none with SGD, though both learn."""
    claim = CLAIMS["why_sgd"]
    whole, local = analysis.nets[:2]
    text = f"with SGD {local.kind} leads {whole.kind} by less than {why.MARGIN:g}"
    checks = [above(f"with Adam {local.kind} leads {whole.kind}", analysis.lead(ADAM, local))]
    dull = [
        net.kind for net in (whole, local) if not above("", analysis.final(SGD, net), LEARNED).holds
    ]
    if not dull:
        gaps = (analysis.gap(ADAM, local), analysis.gap(SGD, local))
        checks += [
            within(text, analysis.lead(SGD, local), -math.inf, why.MARGIN),
            above("its lead is larger with Adam than with SGD", Shift(*gaps)),
        ]
    untested = [
        f"whether {text}: {kind} is not known to reach {LEARNED:g} with it" for kind in dull
    ]
    rows = [
        learning.row(f"lead with {optimiser}, {net.label}", lead, claim)
        for net in analysis.nets[1:]
        for optimiser in OPTIMISERS
        if (lead := analysis.lead(optimiser, net)).n
    ]
    norms = [
        Measurement(f"first updates, {name}", norm, None, None, 1, None, "")
        for name, norm in analysis.norms.items()
        if math.isfinite(norm)
    ]
    rates = "; ".join(f"{name}: {one.arm.settings['lr']:g}" for name, one in analysis.found.items())
    at_ends = f" At an end of its grid: {', '.join(analysis.ends)}." if analysis.ends else ""
    method = (
        f"{learning.told(analysis.found, 'Adam, or SGD with momentum 0.9')} Start "
        f"{PAPER['init']}, one rate for all weights, the best of {len(RATES[SGD])} for each "
        f"network ({analysis.n_updates} updates of searches, on seeds that are not compared): "
        f"{rates}.{at_ends} Compared by the ranks of seeds."
    )
    curves = learning.charts(analysis.found)
    return Outcome(
        tuple(checks),
        (*rows, *learning.rows(analysis.found, claim), *norms),
        method,
        curves,
        untested=tuple(untested),
    )


EXPERIMENT = Experiment(
    question(__doc__),
    no_arms,
    analyse,
    figure,
    outcome,
    partial(halving.carry_out, next_arms),
    left,
    judged,
)
