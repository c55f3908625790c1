"""The figure of a network's graph beside others of its size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from sparse_rnn.analysis.figures._style import TEXT_SIZE, new_figure, plain
from sparse_rnn.analysis.graphs import OWN, GraphComparison
from sparse_rnn.system.palette import ARCHITECTURES, INK, SERIES

_COLORS = {
    OWN: INK,
    "local": SERIES[ARCHITECTURES["locality"]],
    "random": SERIES[ARCHITECTURES["random"]],
    "small world": SERIES[ARCHITECTURES["small_world"]],
}


def graph_figure(found: GraphComparison) -> Figure:
    """Draw the degrees, the distances on the sheet and the measures of graphs of one size.

    Args:
        found: The comparison.
    """
    figure = new_figure(9.4, 5.6)
    top, bottom = figure.subplots(2, 3)
    _spread(top[0], found.names, found.in_degree, "Synapses onto a unit", "in-degree")
    _spread(top[1], found.names, found.out_degree, "Synapses from a unit", "out-degree")
    if found.distance[0].size:
        _spread(top[2], found.names, found.distance, "Length on the sheet", "lattice units")
    else:
        _bars(top[2], found, "path_length", "Mean path, in synapses")
    _bars(bottom[0], found, "clustering", "Clustering")
    _bars(bottom[1], found, "reciprocity", "Reciprocity")
    _bars(bottom[2], found, "spectral_radius", "Spectral radius")
    handles, labels = top[0].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        frameon=False,
        fontsize=TEXT_SIZE,
        ncols=len(labels),
        loc="outside lower center",
    )
    return figure


def _spread(
    ax: Axes,
    names: Sequence[str],
    values: Sequence[NDArray[np.int64]] | Sequence[NDArray[np.float64]],
    title: str,
    x: str,
) -> None:
    """Draw the share of units or synapses at or below each value, a line a graph."""
    for name, found in zip(names, values, strict=True):
        ordered = np.sort(found, axis=None)
        share = np.arange(1, ordered.size + 1) / ordered.size
        own = name == OWN
        ax.step(
            np.concatenate([ordered[:1], ordered]),
            np.concatenate([[0.0], share]),
            where="post",
            color=_COLORS[name],
            linewidth=2.4 if own else 1.4,
            linestyle="-" if own else "--",
            zorder=1 if own else 2,
            label=name,
        )
    ax.set_ylim(0, 1.02)
    plain(ax, title, x, "share at or below")


def _bars(ax: Axes, found: GraphComparison, measure: str, title: str) -> None:
    values = found.measures[measure]
    place = np.arange(len(values))
    ax.bar(place, values, color=[_COLORS[name] for name in found.names], width=0.65)
    for at, value in zip(place.tolist(), values.tolist(), strict=True):
        text = "none" if np.isnan(value) else f"{value:.2f}" if value < 10 else f"{value:.1f}"
        height = 0.0 if np.isnan(value) else value
        ax.annotate(
            text,
            (at, height),
            xytext=(0, 2),
            textcoords="offset points",
            ha="center",
            fontsize=TEXT_SIZE - 1,
        )
    ax.set_xticks([])
    ax.margins(y=0.15)
    plain(ax, title)
