"""Which sparsity is best for a network of which size?

The question needs a value for each size and sparsity. The paper's figure has two such maps; ours
shows the performance early and at the end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy import stats

from benchmarks.paper import _drawing as drawing, _learning as learning
from benchmarks.paper._arms import Arm, Results, dense, locality, radius_of
from benchmarks.paper._experiment import Experiment, Outcome, question
from benchmarks.paper._learning import Curves
from benchmarks.paper._scales import Scale, Settings
from benchmarks.paper._statistics import Sample, below
from benchmarks.paper.claims import CLAIMS

GRIDS = {
    "smoke": ((6, 8), (0.1, 1.0)),
    "laptop": ((10, 15, 20, 25), (0.02, 0.04, 0.08, 0.16, 0.32, 1.0)),
    "paper": ((10, 15, 20, 25, 30, 40, 50), (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 1.0)),
}
"""Sides of the sheets and densities, by scale. Density 1 is the dense network."""


@dataclass(frozen=True)
class Analysis:
    """What was learned.

    Attributes:
        found: Learning curves by label.
        sides: Sides of the sheets.
        densities: Densities that were asked for.
        early: The step of the first map.
        complete: Whether all networks ran; a best density is known only then.
    """

    found: Curves
    sides: tuple[int, ...]
    densities: tuple[float, ...]
    early: int
    complete: bool

    def samples(self, step: int) -> list[list[Sample]]:
        """Performance at a step, sides by densities."""
        return [
            [learning.at(self.found, label(side, density), step) for density in self.densities]
            for side in self.sides
        ]


def label(side: int, density: float) -> str:
    """What a network is called."""
    return f"N={side * side}, density {density:g}"


def arms(scale: Scale) -> tuple[Arm, ...]:
    """Every size with every density; densities that a sheet cannot tell apart are run once."""
    sides, densities = GRIDS[scale.name]
    made: list[Arm] = []
    for side in sides:
        seen: list[Settings] = []
        for density in densities:
            own = dense(side * side) if density == 1 else locality(side, radius_of(side, density))
            if own not in seen:
                seen.append(own)
                made.append(Arm(label(side, density), {**scale.modcog, **own}))
    return tuple(made)


def analyse(results: Results, scale: Scale) -> Analysis | None:
    """Read the learning curves."""
    sides, densities = GRIDS[scale.name]
    networks = arms(scale)
    found = learning.learned(networks, results, scale)
    every = scale.modcog["eval_every"]
    early = max(1, scale.modcog["steps"] // 4 // every) * every
    complete = len(found) == len(networks)
    return Analysis(found, sides, densities, early, complete) if found else None


def figure(analysis: Analysis) -> Figure:
    """Draw a map early on and one at the end; each row's best density is framed."""
    drawn, axes = drawing.panels(1, 2, size=(5.0, 3.4))
    last = next(iter(analysis.found.values())).n_steps
    for ax, step in zip(axes[0], (analysis.early, last), strict=True):
        values = _means(analysis.samples(step))
        rows = [f"{side}x{side}" for side in analysis.sides]
        columns = [f"{density:g}" for density in analysis.densities]
        image = drawing.grid(ax, values, rows, columns, cmap=drawing.SEQUENTIAL)
        for i, row in enumerate(values):
            if np.isfinite(row).any():
                ax.plot(
                    int(np.nanargmax(row)),
                    i,
                    "s",
                    markersize=26,
                    markerfacecolor="none",
                    markeredgecolor=drawing.PALETTE[1],
                    markeredgewidth=2,
                )
        drawing.labels(ax, "density of the mask", "units")
        drawing.title(ax, f"performance at {step} steps")
        drawn.colorbar(image, ax=ax)
    return drawn


def outcome(analysis: Analysis) -> Outcome:
    """Decide: the best density falls with the size, in each seed's rank correlation."""
    last = next(iter(analysis.found.values())).n_steps
    samples = analysis.samples(last)
    slopes = Sample({})
    if analysis.complete:
        # Densities that a sheet cannot tell apart were run once; the others of it are empty.
        seeds = set.intersection(*(set(one.by_seed) for row in samples for one in row if one.n))
        trends = {seed: _trend(samples, analysis, seed) for seed in sorted(seeds)}
        slopes = Sample(trends, bounds=(-1.0, 1.0))
    check = below("rank correlation of size and best density, a value a seed, below 0", slopes)
    measured = [
        learning.row(label(side, density), sample, CLAIMS["fig5de"])
        for side, row in zip(analysis.sides, samples, strict=True)
        for density, sample in zip(analysis.densities, row, strict=True)
        if sample.n
    ]
    return Outcome(
        (check,),
        tuple(measured),
        learning.told(analysis.found) + " The density is the one nearest that a radius gives.",
    )


def _means(samples: list[list[Sample]]) -> NDArray[np.float64]:
    return np.array([[sample.mean for sample in row] for row in samples])


def _trend(samples: list[list[Sample]], analysis: Analysis, seed: int) -> float:
    """Rank correlation between size and best density in one seed; 0 where one of them is fixed."""
    best = [
        analysis.densities[int(np.nanargmax([one.by_seed.get(seed, np.nan) for one in row]))]
        for row in samples
    ]
    if len(set(best)) == 1:
        return 0.0
    return float(stats.spearmanr(analysis.sides, best).statistic)


EXPERIMENT = Experiment(question(__doc__), arms, analyse, figure, outcome)
