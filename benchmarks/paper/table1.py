"""Do local masks lead dense networks of equal units or weights, and those sparsified by L1?"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.figure import Figure

from benchmarks.paper import _drawing as drawing, _learning as learning
from benchmarks.paper._arms import (
    MEASURE,
    Arm,
    Results,
    dense,
    dense_arm,
    local_arm,
    nonzero,
)
from benchmarks.paper._experiment import Experiment, Outcome, question
from benchmarks.paper._learning import Curves
from benchmarks.paper._scales import Scale
from benchmarks.paper._statistics import Check, Sample, above
from benchmarks.paper.claims import CLAIMS

PENALTIES = (1e-4, 1e-5, 1e-6, 1e-7)


@dataclass(frozen=True)
class Sheet:
    """Networks that are compared with each other.

    Attributes:
        side: Side of the sheet.
        radii: Radii of the two local masks.
        small: Units of the dense network with about as many weights.
        penalties: Factors of the L1 penalty; none where that many dense networks are too much.
    """

    side: int
    radii: tuple[int, int]
    small: int
    penalties: tuple[float, ...] = PENALTIES

    @property
    def n_units(self) -> int:
        """Units of all of them but the small one."""
        return self.side**2


SHEETS = {
    "smoke": (Sheet(8, (1, 2), 20, (1e-4, 1e-5)),),
    "laptop": (Sheet(20, (2, 4), 180), Sheet(50, (6, 10), 676, ())),
    "paper": (Sheet(50, (6, 10), 676),),
}
"""The networks by scale. On the smaller sheet of the laptop scale all networks have all seeds; its
masks are about as dense as the paper's, 3.3 % and 12 % where those have 4.5 % and 13 %."""

RATES = (0.3, 3.0)
"""Factors of the learning rate with which the dense network of equal units is trained as well. Adam
changes every weight by about the learning rate, which a unit feels as often as it has synapses, so
that the rate of all may be wrong for the dense network alone."""

THRESHOLD = 1e-3
"""Recurrent weights above it count as nonzero. The paper's "small threshold" is not given."""


@dataclass(frozen=True)
class Analysis:
    """What was learned.

    Attributes:
        found: Learning curves by label.
        counts: Recurrent weights above the threshold, by label and seed.
        pairs: Labels that are compared, a locality-masked network and another of its sheet.
        tests: The same with the dense networks at other learning rates; they decide nothing.
        untested: Comparisons of the claim that no check is about, in words.
    """

    found: Curves
    counts: dict[str, Sample]
    pairs: tuple[tuple[str, str], ...]
    tests: tuple[tuple[str, str], ...]
    untested: tuple[str, ...]


def l1_arms(scale: Scale, sheet: Sheet) -> tuple[Arm, ...]:
    """The dense networks with an L1 penalty."""
    whole = {**scale.modcog, **dense(sheet.n_units)}
    return tuple(
        Arm(
            f"L1 {sheet.n_units}, {penalty:.0e}".replace("e-0", "e-"),
            {**whole, "l1": penalty},
            scale.table_seeds,
        )
        for penalty in sheet.penalties
    )


def local_arms(scale: Scale, sheet: Sheet) -> tuple[Arm, ...]:
    """The locality-masked networks."""
    return tuple(local_arm(scale, sheet.side, d) for d in sheet.radii)


def dense_arms(scale: Scale, sheet: Sheet) -> tuple[Arm, ...]:
    """The dense networks of equal weights and of equal units."""
    return dense_arm(scale, sheet.small), dense_arm(scale, sheet.n_units)


def rate_arms(scale: Scale, sheet: Sheet) -> tuple[Arm, ...]:
    """The dense network of equal units at other learning rates, where it has all seeds."""
    whole = dense_arm(scale, sheet.n_units)
    rates = [factor * scale.modcog["lr"] for factor in RATES]
    return tuple(
        replace(whole, label=f"{whole.label}, lr {rate:g}", settings={**whole.settings, "lr": rate})
        for rate in rates
        if whole.decides
    )


def arms(scale: Scale) -> tuple[Arm, ...]:
    """The rows of the table."""
    return tuple(
        arm
        for sheet in SHEETS[scale.name]
        for made in (local_arms, dense_arms, l1_arms, rate_arms)
        for arm in made(scale, sheet)
    )


def analyse(results: Results, scale: Scale) -> Analysis | None:
    """Read the learning curves and count the weights that are left."""
    found = learning.learned(arms(scale), results, scale)
    if not found:
        return None
    counts = {
        label: Sample(
            {run.config.seed: float(nonzero(run.network(), THRESHOLD)) for run in one.runs},
            bounds=(0.0, math.inf),
        ).counting(one.diverged)
        for label, one in found.items()
    }
    pairs = _pairs(scale, dense_arms) + _pairs(scale, l1_arms)
    return Analysis(found, counts, pairs, _pairs(scale, rate_arms), untested(scale))


def untested(scale: Scale) -> tuple[str, ...]:
    """What the claim says and no check of a scale is about."""
    parts: list[str] = []
    for sheet in SHEETS[scale.name]:
        locals_ = " and ".join(arm.label for arm in local_arms(scale, sheet))
        for other in dense_arms(scale, sheet):
            if not other.decides:
                parts.append(f"{locals_} against {other.label}, which has one seed at this scale")
        if not sheet.penalties:
            parts.append(f"{locals_} against L1 {sheet.n_units}, not trained at this scale")
    return tuple(parts)


def _pairs(
    scale: Scale, made: Callable[[Scale, Sheet], tuple[Arm, ...]]
) -> tuple[tuple[str, str], ...]:
    return tuple(
        (local.label, other.label)
        for sheet in SHEETS[scale.name]
        for local in local_arms(scale, sheet)
        for other in made(scale, sheet)
        if other.decides
    )


def figure(analysis: Analysis) -> Figure:
    """Draw the rows of the table: performance, and the number of recurrent weights."""
    labels = list(analysis.found)
    drawn, axes = drawing.panels(1, 2, size=(4.6, 0.8 + 0.36 * len(labels)), sharey=True)
    steps = next(iter(analysis.found.values())).n_steps
    ends = {label: one.final[MEASURE] for label, one in analysis.found.items()}
    paper = CLAIMS["table1"]
    for ax, samples, suffix in (
        (axes[0, 0], ends, ""),
        (axes[0, 1], analysis.counts, ", nonzero recurrent"),
    ):
        reported = [paper.values.get(label + suffix, np.nan) for label in labels]
        for place, label in enumerate(labels):
            ax.errorbar(
                samples[label].mean,
                place,
                xerr=drawing.spreads([samples[label]]),
                fmt="o",
                capsize=3,
                color=drawing.PALETTE[0],
                label=None if place else "measured",
            )
        if not np.isnan(reported).all():
            ax.plot(
                reported,
                range(len(labels)),
                "D",
                markerfacecolor="none",
                color=drawing.PALETTE[1],
                label="the paper, 10 000 steps",
            )
    axes[0, 0].set_yticks(range(len(labels)), labels)
    axes[0, 0].invert_yaxis()
    axes[0, 1].set_xscale("log")
    drawing.legend(axes[0, 0], loc="upper center", bbox_to_anchor=(0.5, 1.12), ncols=2)
    drawing.labels(axes[0, 0], f"performance at {steps} steps", "")
    drawing.labels(axes[0, 1], f"recurrent weights above {THRESHOLD:g}", "")
    return drawn


def outcome(analysis: Analysis) -> Outcome:
    """Decide: each local mask leads each other network."""
    found = analysis.found
    checks = _leads(found, analysis.pairs)
    tests = [check for check in _leads(found, analysis.tests) if check.sample.n]
    tested = "With the dense network alone at other learning rates: " + "; ".join(map(str, tests))
    counts = [
        learning.row(f"{label}, nonzero recurrent", sample, CLAIMS["table1"])
        for label, sample in analysis.counts.items()
    ]
    return Outcome(
        tuple(checks),
        (*learning.rows(found, CLAIMS["table1"]), *counts),
        learning.told(found) + f" Nonzero: above {THRESHOLD:g}. The paper's values are those after "
        "10 000 steps." + learning.single_seeds(found),
        learning.charts(found),
        f"{tested}." if tests else "",
        analysis.untested,
    )


def _leads(found: Curves, pairs: tuple[tuple[str, str], ...]) -> list[Check]:
    return [
        above(
            f"{local} ahead of {other}", learning.final(found, local) - learning.final(found, other)
        )
        for local, other in pairs
    ]


EXPERIMENT = Experiment(question(__doc__), arms, analyse, figure, outcome)
