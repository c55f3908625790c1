"""Figures of dynamics: trajectories of the population, and fixed points with their spectra."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from sparse_rnn.analysis.figures._style import (
    BLUE,
    CYCLE,
    GREY,
    ORANGE,
    TEXT_SIZE,
    new_figure,
    plain,
)
from sparse_rnn.analysis.population import Trajectories
from sparse_rnn.analysis.recording import Recording
from sparse_rnn.analysis.rings import Ring
from sparse_rnn.analysis.stationary import FixedPoints
from sparse_rnn.errors import InvalidArgument

_ANGLES = Normalize(0, 360)


def trajectory_figure(found: Trajectories, recording: Recording, most: int = 64) -> Figure:
    """Draw trajectories in the first principal components, coloured by the right answer.

    Args:
        found: The trajectories, with at least two components.
        recording: The trials that they are of.
        most: Most trials to draw.

    Raises:
        InvalidArgument: They are of other trials, or there is one component.
    """
    n_components = found.points.shape[2]
    if n_components < 2 or found.points.shape[:2] != recording.mask.shape:
        allowed = f"of shape {[*recording.mask.shape, 'at least 2 components']}"
        raise InvalidArgument("found", found.points.shape, allowed)
    pairs = [(0, 1)] if n_components == 2 else [(0, 1), (0, 2)]
    figure = new_figure(4.4 * len(pairs) + 1.0, 4.2)
    axes = np.atleast_1d(figure.subplots(1, len(pairs)))
    angle = np.degrees(recording.trials.angle) % 360
    go = recording.trials.decision_start
    for ax, (a, b) in zip(axes, pairs, strict=True):
        for trial in range(min(most, len(angle))):
            color = _color(float(angle[trial]))
            path = found.points[:, trial]
            ax.plot(path[:, a], path[:, b], color=color, linewidth=0.9, alpha=0.8)
            ax.plot(*path[0, [a, b]], ".", color=GREY, markersize=3)
            cue = path[max(int(go[trial]) - 1, 0)]
            ax.plot(*cue[[a, b]], "o", color=color, markersize=4)
        shares = found.explained
        x, y = (f"component {i + 1} ({shares[i]:.0%})" for i in (a, b))
        plain(ax, "", x, y)
    names = ", ".join(dict.fromkeys(recording.tasks)) if len(recording.tasks) < 4 else "all tasks"
    axes[0].set_title(f"Trajectories: {names} (dots: before the cue)", loc="left", fontsize=10)
    _angle_bar(figure, list(axes), "right answer (degrees; grey: none)")
    return figure


def fixed_point_figure(
    points: FixedPoints, ring: Ring | None, spectra: NDArray[np.complex128]
) -> Figure:
    """Draw fixed and slow points in the plane of their ring, and the spectra at some of them.

    Args:
        points: The points.
        ring: The ring of their states, or None where they are too few.
        spectra: complex128 ``[k, size]``, eigenvalues at some points.
    """
    figure = new_figure(11.0, 3.8)
    left, middle, right = figure.subplots(1, 3)
    if ring is not None:
        _draw_ring(left, points, ring)
        left.legend(frameon=False, fontsize=TEXT_SIZE - 1)
        _angle_bar(figure, [left], "answer of the readout (degrees)")
    plain(left, f"{int(points.fixed.sum())} fixed, {int((~points.fixed).sum())} slow points")
    left.set_aspect("equal", adjustable="datalim")
    norm = np.maximum(np.linalg.norm(points.states, axis=1), 1e-12)
    middle.semilogy(np.sort(np.maximum(points.speed / norm, 1e-16)), ".-", color=BLUE)
    plain(middle, "Speed", "points, slowest first", "distance of a step over norm")
    angle = np.linspace(0, 2 * np.pi, 200)
    right.plot(np.cos(angle), np.sin(angle), color=GREY, linewidth=0.8)
    values = spectra.ravel()
    unstable = np.abs(values) > 1
    for name, chosen, color in (("inside", ~unstable, BLUE), ("unstable", unstable, ORANGE)):
        label = f"{name}: {int(chosen.sum())}"
        at = values[chosen]
        right.plot(at.real, at.imag, ".", color=color, markersize=3, label=label)
    right.legend(frameon=False, fontsize=TEXT_SIZE - 1)
    right.set_aspect("equal", adjustable="datalim")
    plain(right, f"Eigenvalues at {len(spectra)} points", "real part", "imaginary part")
    return figure


def _draw_ring(ax: Axes, points: FixedPoints, ring: Ring) -> None:
    for fixed, marker in ((True, "o"), (False, "x")):
        chosen = points.fixed == fixed
        degrees = np.degrees(ring.answer[chosen]) % 360
        name = "fixed" if fixed else "slow"
        ax.scatter(
            *ring.plane[chosen].T,
            c=degrees,
            cmap=CYCLE,
            norm=_ANGLES,
            marker=marker,
            s=26,
            label=f"{name}: {int(chosen.sum())}",
        )
    ax.set_xlabel(f"plane with {ring.explained:.0%} of the variance", fontsize=TEXT_SIZE)


def _color(degrees: float) -> object:
    if np.isnan(degrees):
        return GREY
    colours = ScalarMappable(_ANGLES, CYCLE)
    return colours.to_rgba(degrees)  # pyright: ignore[reportArgumentType] - a number will do


def _angle_bar(figure: Figure, axes: list[Axes], label: str) -> None:
    bar = figure.colorbar(
        ScalarMappable(_ANGLES, CYCLE), ax=axes, shrink=0.8, ticks=[0, 90, 180, 270, 360]
    )
    bar.set_label(label, fontsize=TEXT_SIZE - 1)
    bar.ax.tick_params(labelsize=TEXT_SIZE - 1)
