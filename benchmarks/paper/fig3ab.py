"""Do units without lateral connections form clusters by task variance?

Task variance as in Yang et al. (2019), clusters as in the paper's appendix. Two controls: variances
that were dealt out anew among the units, and the same pool before training.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmarks.paper import (
    _clusters as clusters,
    _drawing as drawing,
    _learning as learning,
    _pool as pool,
)
from benchmarks.paper._arms import Results, Trained
from benchmarks.paper._clusters import Clustered
from benchmarks.paper._experiment import Experiment, Outcome, question
from benchmarks.paper._pool import Pools
from benchmarks.paper._scales import Scale
from benchmarks.paper._statistics import Check, above
from benchmarks.paper.claims import CLAIMS

COUNT = (2.0, float(clusters.MAX_CLUSTERS))
"""Bounds of a number of clusters."""


@dataclass(frozen=True, eq=False)
class Found:
    """The clusters of one pool.

    Attributes:
        trained: After training.
        before: Before training; None where too few units were active.
        inputs: Input weights ``[N, I]``.
        recurrent: Autapse weights ``[N]``.
        outputs: Readout weights ``[O, N]``.
    """

    trained: Clustered
    before: Clustered | None
    inputs: NDArray[np.float64]
    recurrent: NDArray[np.float64]
    outputs: NDArray[np.float64]


def analyse(results: Results, scale: Scale) -> Pools[Found] | None:
    """Cluster the units of each pool, trained and untrained."""
    n_trials = pool.TRIALS[scale.name]

    def look(run: Trained) -> Found | None:
        trained = clusters.clustered(run.folder, n_trials)
        if trained is None:
            return None
        before = clusters.clustered(pool.untrained(run), n_trials, str(run.config.suite))
        network = run.network()
        weights = (network.rnn.weight_ih, network.rnn.weight_hh, network.readout.weight)
        arrays = [weight.detach().double().numpy() for weight in weights]
        return Found(trained, before, *arrays)

    return pool.examine(results, scale, look)


def figure(found: Pools[Found]) -> Figure:
    """Draw the clusters (a) and the weights, sorted by them (b)."""
    one = found.example
    drawn = Figure(figsize=(12, 4.2), layout="constrained")
    axes = drawn.subplots(1, 4, width_ratios=(3, 2, 2, 1.4))
    clusters.draw(axes[0], one.trained, one.trained.variance.tasks)
    drawing.title(axes[0], "a  task variance\n")
    units = one.trained.clusters.units[clusters.order(one.trained)]
    most = float(np.abs(one.recurrent).max())
    # Points, as a diagonal of single pixels is not to be seen.
    place = np.arange(len(units))
    colours = {"cmap": drawing.DIVERGING, "vmin": -most, "vmax": most}
    image = axes[1].scatter(place, place, c=one.recurrent[units], s=9, **colours)
    axes[1].invert_yaxis()
    drawing.title(axes[1], "b  recurrent weights")
    drawing.labels(axes[1], "unit, by cluster", "unit, by cluster")
    axes[1].tick_params(labelsize=7)
    drawn.colorbar(image, ax=axes[1])
    pictures = (
        (one.inputs[units], "input weights", "input"),
        (one.outputs[:, units].T, "readout weights", "output"),
    )
    for ax, (weights, title, name) in zip(axes[2:], pictures, strict=True):
        most = float(np.abs(weights).max())
        image = ax.imshow(
            weights,
            aspect="auto",
            cmap=drawing.DIVERGING,
            vmin=-most,
            vmax=most,
            interpolation="nearest",
        )
        drawing.title(ax, title)
        drawing.labels(ax, name, "unit, by cluster")
        ax.tick_params(labelsize=7)
        drawn.colorbar(image, ax=ax)
    return drawn


def checks(found: Pools[Found], arm: str) -> tuple[Check, ...]:
    """The claim for one start: more clustered than dealt-out variances are."""
    gap = found.sample(lambda one: one.trained.silhouette - one.trained.shuffled, arm, (-2, 2))
    return (above("silhouette above that of dealt-out variances", gap),)


def outcome(found: Pools[Found]) -> Outcome:
    """Decide: the variances cluster."""
    claim = CLAIMS["fig3ab"]
    rows = {
        "Clusters": lambda one: float(one.trained.n_clusters),
        "Silhouette": lambda one: one.trained.silhouette,
        "Silhouette, dealt-out variances": lambda one: one.trained.shuffled,
        "Clusters before training": lambda one: _or_nan(one, "n_clusters"),
        "Silhouette before training": lambda one: _or_nan(one, "silhouette"),
    }
    samples = {
        f"{name}{suffix}": found.sample(value, arm, COUNT if "Clusters" in name else (-1, 1))
        for suffix, arm in (("", pool.MAIN), (", init torch", pool.OTHER))
        for name, value in rows.items()
    }
    measured = [learning.row(name, one, claim) for name, one in samples.items() if one.n]
    growth = found.sample(
        lambda one: one.trained.silhouette - _or_nan(one, "silhouette"), bounds=(-2, 2)
    )
    return Outcome(
        checks(found, pool.MAIN),
        tuple(measured),
        found.method + f" Ward linkage, best of up to {clusters.MAX_CLUSTERS} clusters.",
        tested=f"Silhouette after training minus before: {growth}. "
        + pool.other_start(checks(found, pool.OTHER)),
    )


def _or_nan(one: Found, name: str) -> float:
    return float("nan") if one.before is None else float(getattr(one.before, name))


EXPERIMENT = Experiment(question(__doc__), pool.arms, analyse, figure, outcome)
