"""Does the advantage of local masks survive a fair start, tuned learning rates and equal time?

A map over units N, radius d, initialisation and learning rate, with seeds. "torch" is PyTorch's
default with the absent weights set to zero, whose gain falls with the in-degree; "fan_in" has the
same gain under every mask. For a dense mask they are one and the same. A local mask leads where
one of them, at one of the learning rates, leads the dense network at each of the rates: the best
mean over seeds chooses radius and rate, and the interval is one for as many comparisons. Equal
time: the network whose steps take longer is read at the step that it reaches in the time that the
other one needs for all of its steps.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmarks.paper import _drawing as drawing, _learning as learning
from benchmarks.paper._arms import MEASURE, Arm, Results, dense, locality
from benchmarks.paper._experiment import Experiment, Outcome, question
from benchmarks.paper._learning import Curves, Learned
from benchmarks.paper._scales import Scale, Settings
from benchmarks.paper._statistics import Check, Sample, above
from benchmarks.paper.claims import CLAIMS
from sparse_rnn.report.findings import Measurement

INITS = ("torch", "fan_in")


@dataclass(frozen=True)
class Map:
    """The axes of the map.

    Attributes:
        suite: "cog20" or "modcog".
        steps: Gradient steps; None for those of the suite at this scale.
        sides: Sides of the sheets.
        radii: Radii of the local masks.
        rates: Learning rates.
    """

    suite: str
    steps: int | None
    sides: tuple[int, ...]
    radii: tuple[int, ...]
    rates: tuple[float, ...]


MAPS = {
    "smoke": Map("cog20", None, (4, 6), (1,), (3e-3, 1e-2)),
    "laptop": Map("cog20", 500, (14, 18), (2,), (1e-3, 3e-3, 1e-2)),
    "paper": Map("modcog", None, (18, 30, 50), (2, 5, 8), (3e-4, 1e-3, 3e-3, 1e-2)),
}
"""The map by scale."""


@dataclass(frozen=True)
class Cell:
    """One architecture of the map.

    Attributes:
        side: Side of the sheet.
        radius: Radius; None for dense.
        init: Initialisation.
        rate: Learning rate.
    """

    side: int
    radius: int | None
    init: str
    rate: float

    @property
    def label(self) -> str:
        """What it is called."""
        kind = "dense" if self.radius is None else f"d={self.radius}"
        return f"N={self.side**2}, {kind}, {self.init}, lr {self.rate:g}"


@dataclass(frozen=True)
class Analysis:
    """What was learned.

    Attributes:
        found: Learning curves by label.
        axes: The axes of the map.
    """

    found: Curves
    axes: Map

    def tuned(self, side: int, radius: int | None, init: str) -> Learned | None:
        """The network at the learning rate that is best for it; None where it did not run."""
        own = [Cell(side, radius, _init(radius, init), rate).label for rate in self.axes.rates]
        top = learning.best(self.found, own)
        return self.found[top] if top else None

    @property
    def n_choices(self) -> int:
        """Among how many local networks of a size the best one is chosen."""
        return len(self.axes.radii) * len(self.axes.rates)

    def leads(self, side: int, radius: int, *, equal_time: bool) -> list[Check]:
        """That a local mask at its best rate leads the dense network, at each rate of that."""
        local = self.tuned(side, radius, INITS[-1])
        word = "time" if equal_time else "updates"
        return [
            above(
                f"N={side**2}: d={radius} ahead of dense at lr {rate:g}, at equal {word}",
                _gap(local, self.found[label], equal_time=equal_time)
                if local is not None and label in self.found
                else Sample({}),
                best_of=self.n_choices,
            )
            for rate in self.axes.rates
            for label in (Cell(side, None, INITS[-1], rate).label,)
        ]

    def gap(self, side: int, radius: int, init: str, *, equal_time: bool = False) -> Sample:
        """Local minus dense at the end, both at their best learning rates, by seed."""
        local, whole = self.tuned(side, radius, init), self.tuned(side, None, init)
        if local is None or whole is None:
            return Sample({})
        return _gap(local, whole, equal_time=equal_time)


def _gap(local: Learned, whole: Learned, *, equal_time: bool) -> Sample:
    if not equal_time:
        return local.final[MEASURE] - whole.final[MEASURE]
    ours, theirs = learning.at_equal_cost(local, whole, local.seconds / whole.seconds)
    return ours - theirs


def _init(radius: int | None, init: str) -> str:
    return INITS[-1] if radius is None else init


def _suite(scale: Scale) -> Settings:
    axes = MAPS[scale.name]
    settings: Settings = getattr(scale, axes.suite)
    if axes.steps is None:
        return settings
    return {**settings, "steps": min(axes.steps, settings["steps"])}


def arms(scale: Scale) -> tuple[Arm, ...]:
    """All cells of the map; a dense network has one initialisation."""
    axes = MAPS[scale.name]
    cells = [
        Cell(side, radius, init, rate)
        for side, radius, init, rate in itertools.product(
            axes.sides, (*axes.radii, None), INITS, axes.rates
        )
        if init == _init(radius, init)
    ]
    suite = _suite(scale)
    return tuple(
        Arm(
            cell.label,
            {
                **suite,
                **(
                    dense(cell.side**2) if cell.radius is None else locality(cell.side, cell.radius)
                ),
                "init": cell.init,
                "lr": cell.rate,
            },
        )
        for cell in cells
    )


def analyse(results: Results, scale: Scale) -> Analysis | None:
    """Read the learning curves."""
    found = learning.learned(arms(scale), results, scale)
    return Analysis(found, MAPS[scale.name]) if found else None


def figure(analysis: Analysis) -> Figure:
    """Draw performance over the whole map, and the lead of local masks as it gets fairer."""
    axes_of = analysis.axes
    rows = [(side, radius) for side in axes_of.sides for radius in (*axes_of.radii, None)]
    columns = list(itertools.product(INITS, axes_of.rates))
    values = np.array(
        [
            [
                learning.final(analysis.found, Cell(side, d, _init(d, init), rate).label).mean
                for init, rate in columns
            ]
            for side, d in rows
        ]
    )
    drawn, axes = drawing.panels(1, 2, size=(5.6, 0.5 + 0.45 * len(rows)), width_ratios=(3, 2))
    names = [f"N={side**2}, " + ("dense" if d is None else f"d={d}") for side, d in rows]
    image = drawing.grid(
        axes[0, 0],
        values,
        names,
        [f"{init}\n{rate:g}" for init, rate in columns],
        cmap=drawing.SEQUENTIAL,
        vmin=0,
        vmax=1,
    )
    drawing.title(axes[0, 0], "performance at the end; columns: init and learning rate")
    drawn.colorbar(image, ax=axes[0, 0])
    lead, lead_names, lead_columns = leads(analysis)
    most = max(0.05, float(np.nanmax(np.abs(lead), initial=0.0)))
    image = drawing.grid(
        axes[0, 1], lead, lead_names, lead_columns, cmap=drawing.DIVERGING, vmin=-most, vmax=most
    )
    drawing.title(axes[0, 1], "local minus dense")
    drawn.colorbar(image, ax=axes[0, 1])
    return drawn


def leads(analysis: Analysis) -> tuple[NDArray[np.float64], list[str], list[str]]:
    """Mean lead of each local mask: as released, then with one unfairness less each."""
    axes = analysis.axes
    base = axes.rates[int(np.argmin(np.abs(np.log(np.array(axes.rates) / 1e-3))))]
    rows = [(side, radius) for side in axes.sides for radius in axes.radii]
    table = [
        [
            _at_rate(analysis, side, radius, INITS[0], base).mean,
            _at_rate(analysis, side, radius, INITS[1], base).mean,
            analysis.gap(side, radius, INITS[1]).mean,
            analysis.gap(side, radius, INITS[1], equal_time=True).mean,
        ]
        for side, radius in rows
    ]
    columns = [f"torch,\nlr {base:g}", "fan_in", "and\ntuned lr", "and\nequal time"]
    return np.array(table), [f"N={side**2}, d={d}" for side, d in rows], columns


def _at_rate(analysis: Analysis, side: int, radius: int, init: str, rate: float) -> Sample:
    local, whole = Cell(side, radius, init, rate), Cell(side, None, INITS[-1], rate)
    return learning.final(analysis.found, local.label) - learning.final(analysis.found, whole.label)


def outcome(analysis: Analysis) -> Outcome:
    """Decide, for each size, whether a local mask leads at equal updates and at equal time."""
    axes = analysis.axes
    fair = INITS[-1]
    checks: list[Check] = []
    measured: list[Measurement] = []
    for side in axes.sides:
        ran = [d for d in axes.radii if analysis.gap(side, d, fair).n]
        if not ran:
            continue
        top = max(ran, key=lambda d, side=side: analysis.gap(side, d, fair).mean)
        for equal_time, word in ((False, "updates"), (True, "time")):
            gap = analysis.gap(side, top, fair, equal_time=equal_time)
            checks += analysis.leads(side, top, equal_time=equal_time)
            if gap.n:  # The dense network may not have been evaluated by then.
                name = f"lead, N={side**2}, d={top}, equal {word}"
                measured.append(learning.row(name, gap, CLAIMS["fair"]))
    unfair = [
        f"N={side**2}, d={d}: {analysis.gap(side, d, INITS[0])}"
        for side in axes.sides
        for d in axes.radii
        if analysis.gap(side, d, INITS[0]).n
    ]
    return Outcome(
        tuple(checks),
        (*measured, *learning.rows(_tuned(analysis), CLAIMS["fair"])),
        learning.told(analysis.found).replace("Adam at", "Adam at several rates, first")
        + " Time is the median wall-clock time of a step on the machine below, which other "
        "processes shared.",
        learning.charts(_tuned(analysis)),
        f"With the start {INITS[0]} and tuned rates, local minus dense: {'; '.join(unfair)}.",
    )


def _tuned(analysis: Analysis) -> dict[str, Learned]:
    axes = analysis.axes
    cells = itertools.product(axes.sides, (*axes.radii, None), INITS)
    tuned = [analysis.tuned(*cell) for cell in cells]
    return {one.arm.label: one for one in tuned if one is not None}


EXPERIMENT = Experiment(question(__doc__), arms, analyse, figure, outcome)
