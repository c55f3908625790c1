"""Figures of weights: rules, overlaps, circulant structure, histogram, time constants."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from sparse_rnn.analysis.figures._style import (
    SIGNED,
    TEXT_SIZE,
    key,
    named_ticks,
    new_figure,
    plain,
    rows_in,
)
from sparse_rnn.analysis.input_weights import Circulant, InputOverlap
from sparse_rnn.analysis.recurrent_weights import WeightGroups
from sparse_rnn.analysis.timescales import TimeConstants
from sparse_rnn.system.palette import BLUE, GREY, NEGATIVE, POSITIVE


def rule_figure(correlations: NDArray[np.float64], tasks: Sequence[str]) -> Figure:
    """Draw the correlations of the rule inputs (as in Fig. 3c).

    Args:
        correlations: float64 ``[rule, rule]``, of `rule_correlations`.
        tasks: Names of the tasks, one per rule slot.
    """
    side = rows_in(len(tasks), least=3.4)
    figure = new_figure(side + 2.2, side + 1.4)
    ax = figure.subplots()
    image = ax.imshow(correlations, cmap=SIGNED, vmin=-1, vmax=1, interpolation="none")
    named_ticks(ax, tasks, x=True, y=True)
    plain(ax, "Rule inputs: normalised correlation")
    bar = key(figure, image, ax=ax, shrink=0.7)
    bar.set_label("cosine of the columns", fontsize=TEXT_SIZE - 1)
    return figure


def overlap_figure(overlap: InputOverlap) -> Figure:
    """Draw the cosines of the rule inputs with the other inputs (as in Figs. 3d and 3e)."""
    figure = new_figure(7.6, 3.4)
    axes = figure.subplots(1, 2, sharex=True)
    bins = np.linspace(-1, 1, 41)
    for ax, (name, values) in zip(
        axes,
        {"fixation": overlap.fixation, "stimulus": overlap.stimulus.ravel()}.items(),
        strict=True,
    ):
        ax.hist(values, bins=bins.tolist(), color=BLUE)
        ax.axvspan(-2 * overlap.chance, 2 * overlap.chance, color=GREY, alpha=0.25, linewidth=0)
        title = f"Rules and {name}: mean |cos| {np.abs(values).mean():.2f}"
        plain(ax, title, "cosine of the columns", "pairs of inputs")
    axes[0].set_xlim(-1, 1)
    axes[0].annotate(
        "grey: two s.d.\nof random vectors",
        (0.98, 0.97),
        xycoords="axes fraction",
        ha="right",
        va="top",
        fontsize=TEXT_SIZE - 1,
        color=GREY,
    )
    return figure


def circulant_figure(found: Circulant) -> Figure:
    """Draw the correlations of the stimulus inputs and their circulant part (Fig. 3e, inset)."""
    figure = new_figure(8.6, 4.0)
    axes = figure.subplots(1, 2)
    n = len(found.correlation) // 2
    titles = (
        "Stimulus inputs: normalised correlation",
        f"Circulant part: {found.explained:.0%} of the variance (random: {found.chance:.0%})",
    )
    pairs = zip(axes, (found.correlation, found.circulant), titles, strict=True)
    image = None
    for ax, values, title in pairs:
        image = ax.imshow(values, cmap=SIGNED, vmin=-1, vmax=1, interpolation="none")
        plain(ax, title, "direction", "direction")
        ax.axhline(n - 0.5, color=GREY, linewidth=0.8)
        ax.axvline(n - 0.5, color=GREY, linewidth=0.8)
        middle = [(n - 1) / 2, n + (n - 1) / 2]
        ax.set_xticks(middle, ["ring 1", "ring 2"])
        ax.set_yticks(middle, ["ring 1", "ring 2"], rotation=90, va="center")
    assert image is not None
    bar = key(figure, image, ax=axes, shrink=0.7)
    bar.set_label("cosine of the columns", fontsize=TEXT_SIZE - 1)
    return figure


def weight_figure(groups: WeightGroups, bins: int = 60) -> Figure:
    """Draw the histogram of the recurrent weights by their sign, and the split into two groups.

    As in Fig. 3f; cold colours inhibit and warm ones excite.

    Args:
        groups: The groups.
        bins: Number of bins.
    """
    figure = new_figure(6.6, 4.4)
    ax = figure.subplots()
    weights = groups.weights.ravel()
    for name, chosen, color in (
        ("negative (inhibit)", weights < 0, NEGATIVE),
        ("positive (excite)", weights > 0, POSITIVE),
    ):
        if chosen.any():
            values = weights[chosen]
            label = (
                f"{values.size} {name}: {values.size / weights.size:.0%}, mean {values.mean():.2f}"
            )
            edges = _edges(values, weights, bins)
            ax.hist(values, bins=edges.tolist(), color=color, label=label)
    ax.axvline(0, color=GREY, linewidth=0.8)
    gap = "a gap" if groups.valley < 0.5 else "no gap"
    label = f"best split into two: {groups.threshold:.2f}, {gap} (valley {groups.valley:.2f})"
    ax.axvline(groups.threshold, color=GREY, linewidth=1.2, linestyle="--", label=label)
    figure.legend(frameon=False, fontsize=TEXT_SIZE - 1, loc="outside lower left")
    plain(ax, f"{weights.size} recurrent weights by sign", "weight", "weights")
    return figure


def _edges(
    values: NDArray[np.float64], weights: NDArray[np.float64], bins: int
) -> NDArray[np.float64]:
    """Edges of bins as wide for both signs, one of them at 0."""
    width = float(np.ptp(weights)) / bins or 1.0
    n = int(np.ceil(np.abs(values).max() / width))
    return np.sort(np.sign(values[0]) * width * np.arange(n + 1))


def time_constant_figure(found: TimeConstants) -> Figure:
    """Draw the time constants of the units over their weights onto themselves."""
    figure = new_figure(8.4, 3.6)
    left, right = figure.subplots(1, 2)
    lasting = np.isinf(found.tau_ms)
    fading = (found.tau_ms > 0) & ~lasting
    left.plot(found.weights[fading], found.tau_ms[fading], ".", color=BLUE, markersize=4)
    left.set_yscale("log")
    plain(left, "Time constant of each unit", "weight onto itself", "time constant (ms)")
    if fading.any():
        low, high = np.log10(found.tau_ms[fading].min()), np.log10(found.tau_ms[fading].max())
        bins = np.logspace(low - 0.05, high + 0.05, 30)
        right.hist(found.tau_ms[fading], bins=bins.tolist(), color=BLUE)
        right.set_xscale("log")
    never = int((~lasting & ~fading).sum())
    note = f"{int(lasting.sum())} units do not decay; {never} forget within a step"
    plain(right, note, "time constant (ms)", "units")
    return figure
