"""Figures of dynamics: trajectories of the population, and fixed points with their spectra."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from sparse_rnn.analysis.figures._style import (
    CYCLE,
    DEGREES,
    TEXT_SIZE,
    Figure,
    direction_bar,
    direction_color,
    new_figure,
    plain,
)
from sparse_rnn.analysis.population import Trajectories
from sparse_rnn.analysis.recording import Recording
from sparse_rnn.analysis.rings import Ring
from sparse_rnn.analysis.stationary import MARGINAL, FixedPoints
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.system.palette import BLUE, GREEN, GREY, INK, ORANGE, PALE, PAPER

_LABELS = 24
"""Most points with a label each."""


def trajectory_figure(found: Trajectories, recording: Recording, most: int = 64) -> Figure:
    """Draw trajectories coloured by the right answer, in two planes.

    The first is that of the first two principal components. The second is the plane in which the
    states just before the cue differ most, where a line joins them in the order of their answers:
    it goes round once where the network holds the direction on a ring. A path is pale from the cue
    on. Where fewer than three trials have an answer, there is the first plane alone.

    Args:
        found: The trajectories, with at least two components.
        recording: The trials that they are of.
        most: Most trials to draw.

    Raises:
        InvalidArgument: They are of other trials, or there is one component.
    """
    if found.points.shape[2] < 2 or found.points.shape[:2] != recording.mask.shape:
        allowed = f"of shape {[*recording.mask.shape, 'at least 2 components']}"
        raise InvalidArgument("found", found.points.shape, allowed)
    degrees = np.degrees(recording.trials.angle)[:most] % 360
    go = np.maximum(recording.trials.decision_start[:most].astype(np.int64), 1)
    x, y = (f"component {i + 1} ({found.explained[i]:.0%})" for i in (0, 1))
    ring: NDArray[np.float64] | None = None
    planes = [(found.points[:, :most, :2], x, y)]
    hidden = recording.hidden[:, :most].astype(np.float64)
    held = hidden[go - 1, np.arange(len(go))][~np.isnan(degrees)]
    if len(held) > 2 and np.ptp(held, axis=0).any():
        mean = held.mean(axis=0)
        _, scale, directions = np.linalg.svd(held - mean, full_matrices=False)
        share = float((scale[:2] ** 2).sum() / (scale**2).sum())
        paths = (hidden - mean) @ directions[:2].T
        paths[~recording.mask[:, :most]] = np.nan
        planes.append((paths, f"plane with {share:.0%} of the variance before the cue", ""))
        around = np.argsort(degrees[~np.isnan(degrees)], kind="stable")
        ring = ((held - mean) @ directions[:2].T)[np.append(around, around[:1])]
    figure = new_figure(4.2 * len(planes) + 0.8, 4.3)
    axes = np.atleast_1d(figure.subplots(1, len(planes)))
    for ax, (paths, x_label, y_label) in zip(axes, planes, strict=True):
        _draw_paths(ax, paths, go, degrees)
        plain(ax, "", x_label, y_label)
    names = ", ".join(dict.fromkeys(recording.tasks)) if len(recording.tasks) < 4 else "all tasks"
    axes[0].set_title(f"Trajectories: {names}", loc="left", fontsize=TEXT_SIZE + 1)
    if ring is not None:
        axes[1].plot(*ring.T, color=GREY, linewidth=0.8, zorder=1)
        axes[1].set_title("The same, about the memory", loc="left", fontsize=TEXT_SIZE + 1)
    keys = [
        Line2D([], [], color=GREY, marker="s", markersize=3, linestyle="", label="start"),
        Line2D([], [], color=GREY, marker="o", markersize=5, linestyle="", label="before the cue"),
        Line2D([], [], color=GREY, linewidth=0.9, alpha=0.5, label="response"),
    ]
    figure.legend(
        handles=keys, frameon=False, fontsize=TEXT_SIZE - 1, ncols=3, loc="outside lower center"
    )
    direction_bar(figure, list(axes), "right answer (grey: none)")
    return figure


def _draw_paths(
    ax: Axes, paths: NDArray[np.float64], go: NDArray[np.int64], degrees: NDArray[np.float64]
) -> None:
    for trial, (angle, step) in enumerate(zip(degrees.tolist(), go.tolist(), strict=True)):
        color, path = direction_color(angle), paths[:, trial]
        ax.plot(*path[step - 1 :].T, color=color, linewidth=0.9, alpha=0.35)
        ax.plot(*path[:step].T, color=color, linewidth=1.3)
        ax.plot(*path[0], "s", color=GREY, markersize=3)
        ax.plot(*path[step - 1], "o", color=color, markersize=5.5, markeredgecolor=PAPER, zorder=3)


def fixed_point_figure(
    points: FixedPoints, ring: Ring | None, spectra: NDArray[np.complex128]
) -> Figure:
    """Draw fixed and slow points in the plane of their ring, and the spectra at some of them.

    Args:
        points: The points.
        ring: The ring of their states, or None where they are too few.
        spectra: complex128 ``[k, size]``, eigenvalues at some points.
    """
    figure = new_figure(9.6, 3.9)
    left, middle, right = figure.subplots(1, 3, width_ratios=[1.25, 0.8, 1])
    if ring is not None:
        _draw_ring(left, points, ring)
        direction_bar(figure, [left], "answer of the readout")
    plain(left, f"{int(points.fixed.sum())} fixed, {int((~points.fixed).sum())} slow points")
    if ring is not None:
        plane = f"share of variance in this plane: {ring.explained:.0%}"
        left.set_xlabel(plane, fontsize=TEXT_SIZE)
    left.set_aspect("equal", adjustable="datalim")
    left.margins(0.22)
    norm = np.maximum(np.linalg.norm(points.states, axis=1), 1e-12)
    speed = np.sort(np.maximum(points.speed / norm, 1e-16))
    middle.semilogy(np.arange(1, len(speed) + 1), speed, ".-", color=BLUE)
    middle.xaxis.get_major_locator().set_params(integer=True)
    plain(middle, "How slow", "points, slowest first", "step over size of state")
    _draw_spectra(right, spectra)
    return figure


def _draw_ring(ax: Axes, points: FixedPoints, ring: Ring) -> None:
    degrees = np.degrees(ring.answer) % 360
    if ring.turns:
        around = np.argsort(degrees, kind="stable")
        ax.plot(*ring.plane[np.append(around, around[:1])].T, color=PALE, linewidth=1, zorder=1)
    for fixed, marker in ((True, "o"), (False, "X")):
        chosen = points.fixed == fixed
        ax.scatter(
            *ring.plane[chosen].T,
            c=degrees[chosen],
            cmap=CYCLE,
            norm=DEGREES,
            marker=marker,
            s=40,
            edgecolors=PAPER,
            linewidths=0.6,
            zorder=2,
            label=f"{'fixed' if fixed else 'slow'}: {int(chosen.sum())}",
        )
    every = -(-len(degrees) // _LABELS)
    for place, angle in list(zip(ring.plane, degrees.tolist(), strict=True))[::every]:
        outwards = 9 * place / max(float(np.linalg.norm(place)), 1e-12)
        ax.annotate(
            f"{angle:.0f}°",
            place,
            xytext=outwards.tolist(),
            textcoords="offset points",
            ha="left" if place[0] >= 0 else "right",
            va="center",
            fontsize=7,
            color=GREY,
        )
    ax.legend(
        frameon=False,
        fontsize=TEXT_SIZE - 1,
        loc="lower right",
        ncols=2,
        handletextpad=0.2,
        columnspacing=0.8,
    )


def _draw_spectra(ax: Axes, spectra: NDArray[np.complex128]) -> None:
    """Draw eigenvalues about the circle on which modes neither grow nor decay."""
    angle = np.linspace(0, 2 * np.pi, 200)
    ax.plot(np.cos(angle), np.sin(angle), color=INK, linewidth=0.8)
    values = spectra.ravel()
    size = np.abs(values)
    kinds = (
        ("decays", size < 1 - MARGINAL, PALE),
        ("stays (within 2 %)", np.abs(size - 1) <= MARGINAL, GREEN),
        ("grows", size > 1 + MARGINAL, ORANGE),
    )
    for name, chosen, color in kinds:
        at = values[chosen]
        label = f"{name}: {int(chosen.sum())}"
        ax.plot(at.real, at.imag, "o", color=color, markersize=2.5, label=label)
    ax.legend(
        frameon=False, fontsize=TEXT_SIZE - 1, loc="lower left", markerscale=2, handletextpad=0.2
    )
    ax.set_aspect("equal")
    ax.set_ylim(-1.75, max(1.1, 1.05 * float(np.abs(values.imag).max(initial=0.0))))
    ax.set_xlim(-1.1, max(1.1, 1.05 * float(values.real.max(initial=0.0))))
    n = len(spectra)
    plain(ax, f"Eigenvalues at {n} point{'s' * (n != 1)}", "real part", "imaginary part")
