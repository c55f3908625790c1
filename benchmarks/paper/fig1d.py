"""How do locality masks differ, as graphs, from random graphs with as many synapses?

Both are measured as directed graphs without self-connections (`sparse_rnn.masks.graphs`), as
networkx does. The paper calls the clustering coefficient of locality masks smaller. Neighbours on a
sheet are each other's neighbours, so a larger one is to be expected.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import networkx as nx
from matplotlib.figure import Figure

from benchmarks.paper import _drawing as drawing, _learning as learning
from benchmarks.paper._arms import Results
from benchmarks.paper._experiment import Experiment, Outcome, no_arms, question
from benchmarks.paper._scales import Scale
from benchmarks.paper._statistics import SHARE, Sample, above, below
from benchmarks.paper.claims import CLAIMS
from sparse_rnn import masks
from sparse_rnn.masks.graphs import measures
from sparse_rnn.report.findings import Measurement

SIZES = {"smoke": (10, (1, 2)), "laptop": (25, (1, 2, 4, 6)), "paper": (50, (1, 2, 4, 6, 10))}
"""Side of the sheet and radii, by scale."""

CHECKED = 2
"""The radius at which another definition of clustering is tested."""

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
        undirected: Clustering at radius `CHECKED` by networkx, without directions: of the locality
            mask, and of random graphs by seed.
    """

    side: int
    radii: tuple[int, ...]
    local: dict[str, list[float]]
    random: dict[str, list[Sample]]
    undirected: tuple[float, Sample]


def analyse(results: Results, scale: Scale) -> Graphs:
    """Measure the masks of each radius and their random counterparts."""
    del results
    side, radii = SIZES[scale.name]
    local: dict[str, list[float]] = {name: [] for name in MEASURES}
    random: dict[str, list[Sample]] = {name: [] for name in MEASURES}
    for radius in radii:
        mask = masks.locality((side, side), radius=radius)
        found = asdict(measures(mask))
        drawn = {seed: asdict(measures(_random(mask, seed))) for seed in scale.seeds}
        for name in MEASURES:
            local[name].append(float(found[name]))
            values = {seed: float(one[name]) for seed, one in drawn.items()}
            bounds = SHARE if name == "clustering" else (0.0, math.inf)
            random[name].append(Sample.of(values, values.values(), bounds))
    mask = masks.locality((side, side), radius=CHECKED)
    others = {seed: _undirected(_random(mask, seed)) for seed in scale.seeds[:3]}
    return Graphs(side, radii, local, random, (_undirected(mask), Sample(others, bounds=SHARE)))


def _random(mask: masks.Mask, seed: int) -> masks.Mask:
    """A random graph with the number of synapses that a mask has, in expectation."""
    # A synapse that is no self-connection exists with the share that it has in the mask.
    share = (mask.nnz - mask.n_units) / (mask.n_units * (mask.n_units - 1))
    return masks.erdos_renyi(mask.n_units, share, self_connections="always", seed=seed)


def _undirected(mask: masks.Mask) -> float:
    graph = mask.to_networkx().to_undirected()
    graph.remove_edges_from(list(nx.selfloop_edges(graph)))
    return float(nx.average_clustering(graph))


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
            name_of_local = f"{label}, locality d={radius}"
            value = graphs.local[name][i]
            measured.append(Measurement(name_of_local, value, None, None, 0, None, ""))
    return Outcome(
        tuple(checks),
        tuple(measured),
        f"{graphs.side} x {graphs.side} torus; directed graphs without self-connections; random "
        "graphs have the expected number of synapses of the mask, and are drawn once a seed.",
        tested=f"Without directions, by networkx, the clustering at d={CHECKED} is "
        f"{graphs.undirected[0]:.3f} in the locality mask and {graphs.undirected[1]} in random "
        "graphs.",
    )


EXPERIMENT = Experiment(question(__doc__), no_arms, analyse, figure, outcome)
