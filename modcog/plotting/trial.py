"""Pictures of trials: inputs as heat maps, cues and targets, on axes in ms and degrees.

Figures are returned and nothing global is changed: no pyplot state, no style sheet.
"""

from __future__ import annotations

import textwrap
from typing import Any, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, ListedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from numpy.typing import NDArray

from modcog.plotting.palette import (
    INK,
    NEGATIVE,
    PAPER,
    POSITIVE,
    RULE,
    SOFT,
    direction_colors,
)
from modcog.rendering.reference import channels, render
from modcog.ring import drift_in_words
from modcog.system.output import in_figure
from modcog.trials.plan import Trials

SIZE = (7.2, 6.4)
"""Width and height of a figure in inches."""

LINE_CHARACTERS = 84
"""Longest line of the text above a trial."""

INPUT_MAP = LinearSegmentedColormap.from_list(
    "signed",
    [
        (0.0, (*to_rgb(NEGATIVE), 1.0)),
        (0.5, (*to_rgb(NEGATIVE), 0.0)),
        (0.5, (*to_rgb(POSITIVE), 0.0)),
        (1.0, (*to_rgb(POSITIVE), 1.0)),
    ],
)
"""Colour map of the ring inputs: transparent at 0, so that silence is the background."""


def trial_figure(
    trials: Trials, figure: Figure | None = None
) -> tuple[Figure, NDArray[Any], list[tuple[float, Text]]]:
    """Draw the first of some trials: five rows, a bar of the inputs, and the name of the task.

    Args:
        trials: The trials.
        figure: Where to draw; what is there is cleared. None: a new figure.

    Returns:
        The figure, the axes as `draw_trial` takes them, and what that returns.
    """
    if figure is None:
        figure = Figure(figsize=SIZE, layout="constrained")
    else:
        figure.clear()
        figure.set_layout_engine("constrained")
    heights = [0.45, 1.5, 1.5, 0.45, 1.7]
    axes = cast(
        "NDArray[Any]", figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    )
    names = draw_trial(axes, trials)
    image = axes[1].get_images()[0]
    figure.colorbar(image, ax=list(axes[1:3]), label="input", aspect=30, pad=0.015)
    figure.align_ylabels(list(axes))
    figure.suptitle(in_figure(title(trials)), x=0.02, ha="left", fontsize=11, fontweight="bold")
    return figure, axes, names


def draw_trial(axes: NDArray[Any], trials: Trials) -> list[tuple[float, Text]]:
    """Draw the first of some trials into five axes: fixation, ring 1, ring 2, rule, target.

    Returns:
        The start of each period in ms, and its name above the axes.
    """
    single = trials[:1]
    single.rule[:] = 0
    single.lane[:] = 0
    single.start[:] = 0
    n, dt = single.dim_ring, single.dt
    observations, targets, _ = render(single, n_rules=1)
    where = channels(n, 1)
    ob = observations[:, 0]
    edges = np.asarray(np.arange(len(ob) + 1) * dt, np.float64)
    spread = float(max(1.0, np.abs(ob[:, 1 : 1 + 2 * n]).max()))
    _draw_cue(axes[0], edges, ob[:, 0], "fixation")
    for ax, name, label in ((axes[1], "ring1", "ring 1"), (axes[2], "ring2", "ring 2")):
        image = ax.imshow(
            ob[:, where[name]].T,
            origin="lower",
            aspect="auto",
            extent=_extent(edges, n),
            cmap=INPUT_MAP,
            vmin=-spread,
            vmax=spread,
            interpolation="nearest",
        )
        image.set_label(name)
        _direction_axis(ax, label, n)
    _draw_cue(axes[3], edges, ob[:, where["rule"]][:, 0], "rule")
    _draw_target(axes[4], edges, targets[:, 0], single)
    names = _mark_periods(axes, single)
    axes[-1].set_xlabel("time (ms)")
    for ax in axes:
        ax.set_xlim(0, edges[-1])
    return names


def title(trials: Trials) -> str:
    """Name of the first trial's task."""
    return str(trials.task[0])


def describe_trial(trials: Trials) -> str:
    """One sentence on the first trial: what is shown, and what the answer is."""
    record = trials.describe(0)
    spec = trials.tasks[int(trials.task_index[0])]
    shown = [
        f"{stimulus['period']} {_degrees(stimulus['angle'])} on ring {stimulus['ring'] + 1}"
        f" (strength {stimulus['strength']:.2g})"
        for stimulus in record["stimuli"]
    ]
    # Two stimuli a line: a trial of two rings shows four.
    lines = [", ".join(shown[i : i + 2]) for i in range(0, len(shown), 2)]
    text = ",\n".join(lines)
    text = text[0].upper() + text[1:]
    if not record["responds"]:
        return f"{text}.\nNo response is correct: keep fixating."
    start = record["response"] * 2 * np.pi / trials.dim_ring
    answer = f"Answer {_degrees(start)}"
    marks = [m.mark(spec, record) for m in spec.modifiers if hasattr(m, "mark")]
    answer = ", ".join([answer, *marks])
    if record["drift_velocity"]:
        answer += f", which then {drift_in_words(record['drift_velocity'])}"
    return f"{text}.\n{textwrap.fill(answer, LINE_CHARACTERS)}."


def _draw_cue(ax: Axes, edges: NDArray[np.float64], values: NDArray[Any], label: str) -> None:
    ax.stairs(values, edges, color=INK, fill=True, alpha=0.8)
    ax.set_ylim(0, 1.15)
    ax.set_yticks([0, 1])
    _label(ax, label)


def _draw_target(
    ax: Axes, edges: NDArray[np.float64], targets: NDArray[np.int64], trials: Trials
) -> None:
    n = trials.dim_ring
    labels = np.arange(1, n + 2)
    shown = np.where(targets[None, :] == labels[:, None] - 1, labels[:, None], 0)
    # The row below 0 degrees is the label "fixate".
    ax.imshow(
        shown,
        origin="lower",
        aspect="auto",
        extent=(edges[0], edges[-1], -360 * 1.5 / n, 360 - 180 / n),
        cmap=ListedColormap([PAPER, SOFT, *direction_colors(n)]),
        vmin=0,
        vmax=n + 1,
        interpolation="nearest",
    )
    if bool(trials.responds[0]):
        go = int(trials.decision_start[0])
        elapsed = np.arange(int(trials.decision_steps[0])) * trials.dt
        angle = trials.angle[0] + trials.drift_velocity[0] * elapsed / 1000
        ax.plot(
            (go * trials.dt + elapsed) + trials.dt / 2,
            np.degrees(angle) % 360,
            ".",
            color=INK,
            markersize=4,
            label="continuous answer",
        )
        ax.legend(loc="upper left", fontsize=7.5, frameon=True)
    _direction_axis(ax, "target", n)
    ax.set_ylim(-360 * 1.5 / n, 360 - 180 / n)
    ax.set_yticks([-360 / n, 0, 90, 180, 270], ["fixate", "0°", "90°", "180°", "270°"])
    ax.axhline(-180 / n, color=RULE, linewidth=1)


def _mark_periods(axes: NDArray[Any], trials: Trials) -> list[tuple[float, Text]]:
    names: list[tuple[float, Text]] = []
    spec = trials.tasks[int(trials.task_index[0])]
    steps = trials.period_steps[0, : len(spec.periods)]
    end = steps.cumsum() * trials.dt
    for name, start_ms, end_ms in zip(spec.period_names, end - steps * trials.dt, end, strict=True):
        if end_ms <= start_ms:
            continue
        for ax in axes:
            ax.axvline(start_ms, color=RULE, linewidth=0.8, linestyle="--")
        label = axes[0].annotate(
            in_figure(name),
            ((start_ms + end_ms) / 2, 1.15),
            xycoords="data",
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=8,
            color=SOFT,
            annotation_clip=False,
        )
        names.append((float(start_ms), label))
    return names


def _direction_axis(ax: Axes, label: str, n: int) -> None:
    ax.set_yticks([0, 90, 180, 270], ["0°", "90°", "180°", "270°"])
    _label(ax, label)
    # The key of the colours of directions, along the axis.
    edges = np.arange(n + 1) * 360 / n - 180 / n
    key = ax.get_yaxis_transform()
    ax.vlines(
        [-0.006] * n,
        edges[:-1],
        edges[1:],
        colors=direction_colors(n),
        linewidth=4,
        transform=key,
        clip_on=False,
        capstyle="butt",
    )
    ax.tick_params(axis="y", pad=5)


def _label(ax: Axes, label: str) -> None:
    ax.set_ylabel(label, rotation=0, ha="right", va="center")
    ax.tick_params(labelsize=8)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)


def _extent(edges: NDArray[np.float64], n: int) -> tuple[float, float, float, float]:
    half = 180 / n
    return float(edges[0]), float(edges[-1]), -half, 360 - half


def _degrees(angle: float) -> str:
    return f"{np.degrees(angle) % 360:g}°"
