"""Do units form fewer clusters under a local mask than in a dense network, after 84 tasks?"""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.figure import Figure

from benchmarks.paper import _clusters as clusters, _drawing as drawing, _learning as learning
from benchmarks.paper._arms import Arm, Results, dense_arm, local_arm
from benchmarks.paper._clusters import Clustered
from benchmarks.paper._experiment import Experiment, Outcome, question
from benchmarks.paper._scales import Scale
from benchmarks.paper._statistics import Sample, below
from benchmarks.paper.claims import CLAIMS

SIZES = {
    "smoke": ((6, (1, 2)), (8, (2,))),
    "laptop": ((20, (2, 6)), (50, (10,))),
    "paper": ((20, (2, 6)), (50, (10,))),
}
"""Sides of the sheets and radii of the local masks on each, by scale."""

TRIALS = {"smoke": 4, "laptop": 32, "paper": 128}
"""Trials a task, by scale."""


@dataclass(frozen=True, eq=False)
class Analysis:
    """The clusters of each network.

    Attributes:
        found: Clusters by label and seed.
        lost: Seeds of each network that diverged, or of whose units too few are active.
        pairs: A local network and the dense one of equal size.
        untested: Comparisons of the claim that no check is about, in words.
        method: Sizes, in a sentence.
    """

    found: dict[str, dict[int, Clustered]]
    lost: dict[str, frozenset[int]]
    pairs: tuple[tuple[str, str], ...]
    untested: tuple[str, ...]
    method: str

    def counts(self, label: str) -> Sample:
        """Number of clusters, by seed."""
        own = self.found.get(label, {})
        counted = {seed: float(one.n_clusters) for seed, one in own.items()}
        sample = Sample(counted, bounds=(2.0, float(clusters.MAX_CLUSTERS)))
        return sample.counting(self.lost.get(label, ()))


def arms(scale: Scale) -> tuple[Arm, ...]:
    """The local networks of each size and the dense one; other experiments have them too."""
    return tuple(
        arm
        for side, radii in SIZES[scale.name]
        for arm in (*(local_arm(scale, side, d) for d in radii), dense_arm(scale, side * side))
    )


def analyse(results: Results, scale: Scale) -> Analysis | None:
    """Cluster the units of every network."""
    found: dict[str, dict[int, Clustered]] = {}
    lost: dict[str, frozenset[int]] = {}
    for arm in arms(scale):
        lost[arm.label] = frozenset(results.diverged(arm, scale))
        for run in results.arm(arm, scale):
            one = clusters.clustered(run.folder, TRIALS[scale.name])
            if one is None:
                lost[arm.label] |= {run.config.seed}
            else:
                found.setdefault(arm.label, {})[run.config.seed] = one
    pairs = tuple(
        (local_arm(scale, side, d).label, dense_arm(scale, side * side).label)
        for side, radii in SIZES[scale.name]
        for d in radii
        if dense_arm(scale, side * side).decides
    )
    untested = tuple(
        f"local masks against {whole.label}, which has one seed at this scale"
        for side, _ in SIZES[scale.name]
        if not (whole := dense_arm(scale, side * side)).decides
    )
    method = (
        f"{scale.modcog['suite']}, {scale.modcog['steps']} steps; {TRIALS[scale.name]} trials a "
        f"task; Ward linkage, best of up to {clusters.MAX_CLUSTERS} clusters."
    )
    return Analysis(found, lost, pairs, untested, method) if found else None


def figure(analysis: Analysis) -> Figure:
    """Draw the clusters of the first seed of each network, as the paper's five figures do."""
    drawn, axes = drawing.panels(1, len(analysis.found), size=(3.2, 4.4))
    for ax, (label, by_seed) in zip(axes[0], analysis.found.items(), strict=True):
        clusters.draw(ax, next(iter(by_seed.values())))
        drawing.title(ax, f"{label}\n")
    drawing.labels(axes[0, 0], axes[0, 0].get_xlabel(), "task")
    return drawn


def outcome(analysis: Analysis) -> Outcome:
    """Decide: each local mask has fewer clusters than the dense network of its size."""
    checks = [
        below(
            f"{local} has fewer clusters than {whole}",
            analysis.counts(local) - analysis.counts(whole),
        )
        for local, whole in analysis.pairs
    ]
    measured = []
    for label, by_seed in analysis.found.items():
        fit = Sample({seed: one.silhouette for seed, one in by_seed.items()}, bounds=(-1.0, 1.0))
        note = f"clusters; silhouette {fit}"
        measured.append(learning.row(label, analysis.counts(label), CLAIMS["fig7_11"], note))
    return Outcome(tuple(checks), tuple(measured), analysis.method, untested=analysis.untested)


EXPERIMENT = Experiment(question(__doc__), arms, analyse, figure, outcome)
