"""How do locality masks differ, as graphs, from random graphs with as many synapses?

Both are measured as directed graphs without self-connections (`sparse_rnn.masks.graphs`), as
networkx does. The paper calls the clustering coefficient of locality masks smaller. Neighbours on a
sheet are each other's neighbours, so a larger one is to be expected.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from matplotlib.figure import Figure

from benchmarks.paper import _drawing as drawing, _learning as learning
from benchmarks.paper._arms import Results
from benchmarks.paper._experiment import Experiment, Outcome, no_arms, question
from benchmarks.paper._scales import Scale
from benchmarks.paper._statistics import Sample, above, below
from benchmarks.paper.claims import CLAIMS
from sparse_rnn import masks
from sparse_rnn.masks.graphs import measures

SIZES = {"smoke": (10, (1, 2)), "laptop": (25, (1, 2, 4, 6)), "paper": (50, (1, 2, 4, 6, 10))}
"""Side of the sheet and radii, by scale."""

MEASURES = {
    "diameter": "diameter",
    "clustering": "clustering coefficient",
    "mean_path_length": "mean shortest path",
}


@dataclass(frozen=True)
class Graphs:
    """Measures of masks.

    Attributes:
        side: Side of the sheet.
        radii: Radii of the locality masks.
        local: Each measure at each radius.
        random: Each measure of random graphs with as many synapses, by radius and seed.
    """

    side: int
    radii: tuple[int, ...]
    local: dict[str, list[float]]
    random: dict[str, list[Sample]]


def analyse(results: Results, scale: Scale) -> Graphs:
    """Measure the masks of each radius and their random counterparts."""
    del results
    side, radii = SIZES[scale.name]
    local: dict[str, list[float]] = {name: [] for name in MEASURES}
    random: dict[str, list[Sample]] = {name: [] for name in MEASURES}
    for radius in radii:
        mask = masks.locality((side, side), radius=radius)
        found = asdict(measures(mask))
        # An edge that is not a self-connection exists with the share it has in the lattice.
        share = (mask.nnz - mask.n_units) / (mask.n_units * (mask.n_units - 1))
        drawn = {
            seed: asdict(
                measures(
                    masks.erdos_renyi(side * side, share, self_connections="always", seed=seed)
                )
            )
            for seed in scale.seeds
        }
        for name in MEASURES:
            local[name].append(float(found[name]))
            random[name].append(Sample({seed: float(one[name]) for seed, one in drawn.items()}))
    return Graphs(side, radii, local, random)


def figure(graphs: Graphs) -> Figure:
    """Draw the three measures over the radius, as three panels."""
    drawn, axes = drawing.panels(1, 3, size=(3.1, 3.0))
    for ax, (name, label) in zip(axes[0], MEASURES.items(), strict=True):
        ax.plot(
            graphs.radii, graphs.local[name], marker="o", label="locality", **drawing.line_style(0)
        )
        drawing.points(
            ax, graphs.radii, graphs.random[name], label="Erdos-Renyi", **drawing.line_style(1)
        )
        drawing.labels(ax, "radius d", label)
        drawing.whole_ticks(ax)
        ax.set_ylim(bottom=0)
    drawing.legend(axes[0, 0])
    drawn.suptitle(f"{graphs.side} x {graphs.side} units, equal number of synapses", fontsize=9)
    return drawn


def outcome(graphs: Graphs) -> Outcome:
    """Decide the three parts of the claim at each radius."""
    checks = []
    measured = []
    for name, label in MEASURES.items():
        decide = below if name == "clustering" else above
        word = "smaller" if name == "clustering" else "larger"
        for i, radius in enumerate(graphs.radii):
            random = graphs.random[name][i]
            local = Sample(dict.fromkeys(random.by_seed, graphs.local[name][i]))
            checks.append(decide(f"{label} {word} at d={radius}", local - random))
            measured.append(
                learning.row(f"{label}, random, as at d={radius}", random, CLAIMS["fig1d"])
            )
            value = np.array([graphs.local[name][i]])
            measured.append(
                learning.Measurement(
                    f"{label}, locality d={radius}", float(value[0]), None, None, 0, None, ""
                )
            )
    return Outcome(
        tuple(checks),
        tuple(measured),
        f"{graphs.side} x {graphs.side} torus; directed graphs without self-connections; random "
        "graphs have the expected number of synapses of the mask, and are drawn once a seed.",
        tested="The clustering of a lattice is that of its geometry: no random draw enters.",
    )


EXPERIMENT = Experiment(question(__doc__), no_arms, analyse, figure, outcome)
