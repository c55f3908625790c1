"""A trial as far as it has come: the picture of `modcog.plot_trial`, uncovered step by step.

What is to come is covered, the target included. Crosses in the row of the target are the actions
that were taken.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from modcog.plotting.palette import PAPER
from modcog.plotting.trial import SIZE, trial_figure
from modcog.rendering.reference import channels, render
from modcog.trials.plan import Trials

SHADES = " .:-=+*#%@"
"""Strengths of an input from 0 to 1 or more, as characters."""

WITHOUT_WINDOWS = ("agg", "cairo", "pdf", "pgf", "ps", "svg", "template")
"""Backends of matplotlib that only write files."""


class Progress:
    """The picture of the first of some trials, of which so many steps are shown.

    Args:
        trials: The trials.
        figure: Where to draw; what is there is cleared. None: a new figure.

    Attributes:
        figure: The figure.
    """

    def __init__(self, trials: Trials, figure: Figure | None = None) -> None:
        self.figure, self._axes, self._names = trial_figure(trials, figure)
        self._dt, self._dim_ring = trials.dt, trials.dim_ring
        self._end = int(trials.length[0]) * trials.dt
        self._covers: list[Rectangle] = []
        for ax in self._axes:
            transform = ax.get_xaxis_transform()
            # Its edge covers the pixel that shows a part of the next step.
            cover = Rectangle((0, 0), 0, 1, color=PAPER, lw=2, zorder=10, transform=transform)
            self._covers.append(ax.add_patch(cover))
        self._maps = [(i, np.asarray(i.get_array())) for ax in self._axes for i in ax.get_images()]
        if legend := self._axes[-1].get_legend():
            legend.remove()  # only trials that have an answer have one
        (self._taken,) = self._axes[-1].plot([], [], "kx", markersize=7, zorder=5)
        self._clock = self._axes[0].set_title(" ", loc="left", fontsize=8.5, pad=19)
        self.figure.draw_without_rendering()
        self.figure.set_layout_engine("none")  # the axes stay where they are from frame to frame

    def show(self, n_steps: int, actions: Sequence[int] = ()) -> None:
        """Show the first steps.

        Args:
            n_steps: Number of steps.
            actions: The actions of the first of them, 0 for fixation, 1 + k for direction k.
        """
        now = (n_steps - 1) * self._dt
        for cover in self._covers:
            cover.set_bounds(n_steps * self._dt, 0, self._end, 1)
        for image, values in self._maps:
            # Matplotlib scales by all values, so that those to come would show in the last digits.
            image.set_data(np.hstack([values[:, :n_steps], 0 * values[:, n_steps:]]))
        for start, name in self._names:
            name.set_visible(start <= now)
        taken = np.asarray(actions, dtype=np.int64)
        degrees = 360 / self._dim_ring
        self._taken.set_data((np.arange(taken.size) + 0.5) * self._dt, (taken - 1) * degrees)
        crosses = "; crosses are actions" if taken.size else ""
        self._clock.set_text(f"{now:g} of {self._end:g} ms{crosses}")

    def pixels(self) -> NDArray[np.uint8]:
        """The picture, uint8 ``[height, width, 3]``: red, green, blue."""
        canvas = FigureCanvasAgg(self.figure)
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[..., :3].copy()


class Window:
    """A window of matplotlib, opened at once.

    Where matplotlib has no windows, as on a machine without a screen, there is a warning, and the
    picture is drawn unseen.

    Args:
        seconds: How long each picture stays, at least.

    Attributes:
        figure: Where to draw.
    """

    def __init__(self, seconds: float) -> None:
        import matplotlib.pyplot as plt  # here alone: it chooses the backend

        self._plt, self._seconds = plt, seconds
        self.figure = plt.figure(figsize=SIZE)
        backend = mpl.get_backend().lower()
        self._seen = backend not in WITHOUT_WINDOWS
        if not self._seen:
            reason = f"the backend {backend} of matplotlib has no windows"
            warnings.warn(f"Nobody sees what is drawn: {reason}.", UserWarning, stacklevel=2)

    def refresh(self) -> None:
        """Show what was drawn."""
        if self._seen:
            self._plt.pause(self._seconds)
        else:
            self.figure.canvas.draw()

    def close(self) -> None:
        """Close it."""
        self._plt.close(self.figure)


def progress_text(trials: Trials, n_steps: int, actions: Sequence[int] = ()) -> str:
    """The first steps of the first of some trials as text, one line a step.

    Args:
        trials: The trials.
        n_steps: Number of steps.
        actions: The actions of the first of them, 0 for fixation, 1 + k for direction k.

    Returns:
        Time in ms, period, fixation input, the inputs of both rings (a character a direction, from
        `SHADES`), the label and the action, if there is one yet.

    Example:
        >>> from modcog.tasks.reach import GO
        >>> from modcog.trials.sampling import sample
        >>> trial = sample(GO, np.random.default_rng(0), 1, {"location": 4})
        >>> progress_text(trial, 6, [0, 0, 0, 0, 0]).splitlines()[0]
        'Go, 500 of 1500 ms'
    """
    single = trials[:1]
    single.lane[:], single.start[:] = 0, 0
    n, dt = single.dim_ring, single.dt
    observations, targets, _ = render(single)
    where = channels(n, 0)
    spec = single.tasks[int(single.task_index[0])]
    period = np.repeat(spec.period_names, single.period_steps[0, : len(spec.periods)])
    top = len(SHADES) - 1
    shades = np.clip(np.round(observations[:, 0] * top), 0, top).astype(int)

    def said(action: int) -> str:
        return "fixate" if action == 0 else f"{(action - 1) * 360 / n:g}°"

    end = len(targets) * dt
    lines = [f"{spec.name}, {(n_steps - 1) * dt:g} of {end:g} ms"]
    row = f"{{:>8}}  {{:<12}}  {{:<8}}  {{:<{n}}}  {{:<{n}}}  {{:<8}}  {{}}"
    lines.append(row.format("ms", "period", "fixation", "ring 1", "ring 2", "target", "action"))
    for step in range(n_steps):
        rings = ("".join(SHADES[s] for s in shades[step, where[r]]) for r in ("ring1", "ring2"))
        shown = "on" if observations[step, 0, 0] else "off"
        taken = said(actions[step]) if step < len(actions) else ""
        target = said(int(targets[step, 0]))
        line = row.format(f"{step * dt:g}", period[step], shown, *rings, target, taken)
        lines.append(line.rstrip())
    return "\n".join(lines)
