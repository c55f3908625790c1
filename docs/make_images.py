"""Draw the pictures of the README and the documentation: ``python docs/make_images.py``."""

from __future__ import annotations

import io
import tomllib
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Wedge
from matplotlib.ticker import MultipleLocator
from PIL import Image

import modcog
from modcog.plotting.palette import (
    BRAND,
    DENSITY,
    INK,
    NEGATIVE,
    NOTHING,
    PAPER,
    RULE,
    SOFT,
    direction_colors,
)
from modcog.plotting.trial import draw_trial
from modcog.ring import SIDES, bumps

IMAGES = Path(__file__).parent / "images"
STORY = {
    "DlyGo": "answer where the stimulus was",
    "DlyGo_IntL": "answer to the left of it,\nthe further the longer the delay",
    "DlyGo_SeqR": "start where the stimulus was,\nthen drift to the right",
    "DlyGo_IntL_SeqR": "start to the left of it,\nthen drift to the right",
}
STIMULUS = 6
GIVEN = {"ring": 0, "location": STIMULUS, "delay": 500.0}
"""The same stimulus and delay in all columns, so that only the answer differs."""

N = 16
COLORS = direction_colors(N)
BADGES = {"python": "Python", "tasks": "tasks", "license": "licence"}


def tasks_figure() -> Figure:
    """One task and three of its variants side by side, with the same stimulus and delay."""
    figure = Figure(figsize=(12, 5.4), layout="constrained")
    heights = [0.4, 1.5, 1.5, 0.4, 2.0]
    trials = {
        name: modcog.sample(modcog.task(name), np.random.default_rng(0), 1, GIVEN) for name in STORY
    }
    # A millisecond has the same width in all columns.
    widths = [float(drawn.length[0]) for drawn in trials.values()]
    axes = figure.subplots(
        len(heights), len(STORY), sharex="col", height_ratios=heights, width_ratios=widths
    )
    for column, (name, words) in enumerate(STORY.items()):
        draw_trial(axes[:, column], trials[name])
        axes[0, column].set_title(f"{name}\n", fontsize=11, fontweight="bold")
        axes[-1, column].set_xlabel(f"time (ms)\n{words}", fontsize=9)
        axes[-1, column].axhline(STIMULUS * 22.5, color=RULE, linewidth=0.8, linestyle=":")
        # No 0, which would run into the label below it.
        axes[-1, column].set_yticks([-22.5, 90, 180, 270], ["fixate", "90°", "180°", "270°"])
        axes[-1, column].xaxis.set_major_locator(MultipleLocator(500))
        if column:
            for ax in axes[:, column]:
                ax.set_ylabel("")
                ax.tick_params(labelleft=False)
            if legend := axes[-1, column].get_legend():
                legend.remove()
    figure.align_ylabels(list(axes[:, 0]))
    return figure


def ring_figure() -> Figure:
    """The ring of directions with their colours, and the bump of a stimulus on it."""
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.4])
    draw_ring(left, bumps(N)[STIMULUS] / bumps(N).max())
    for k in range(0, N, 2):
        angle = 2 * np.pi * k / N
        left.text(1.22 * np.cos(angle), 1.22 * np.sin(angle), str(k), ha="center", va="center")
    for letter, side in SIDES.items():
        _turn(left, side.sign * 0.25, side.sign * 1.15, letter, 1.5)
    right.bar(np.arange(N) * 360 / N, bumps(N)[STIMULUS], width=18, color=COLORS)
    right.set_xticks([0, 90, 180, 270], ["0°", "90°", "180°", "270°"])
    right.set_xlabel(f"direction; the stimulus is at {STIMULUS * 360 / N:g}°, index {STIMULUS}")
    right.set_ylabel("input")
    right.spines[["top", "right"]].set_visible(False)
    return figure


def draw_ring(
    ax: Axes, values: np.ndarray, *, pointer: int | None = None, pale: str = NOTHING
) -> None:
    """Draw the ring as wedges, as dark as their values; a pointer marks one direction."""
    step = 360 / N
    for k in range(N):
        angles = (k * step - step / 2 + 0.8, k * step + step / 2 - 0.8)
        ax.add_patch(Wedge((0, 0), 1.05, *angles, width=0.3, facecolor=pale))
        wedge = Wedge((0, 0), 1.05, *angles, width=0.3, facecolor=COLORS[k])
        wedge.set_alpha(float(np.clip(values[k], 0, 1)))
        ax.add_patch(wedge)
        ax.add_patch(Wedge((0, 0), 1.1, *angles, width=0.04, facecolor=COLORS[k]))
    if pointer is not None:
        angle = 2 * np.pi * pointer / N
        tip = (0.7 * np.cos(angle), 0.7 * np.sin(angle))
        arrow = FancyArrowPatch(
            (0, 0), tip, arrowstyle="-|>", mutation_scale=18, linewidth=3, color=COLORS[pointer]
        )
        ax.add_patch(arrow)
    ax.set(xlim=(-1.4, 1.8), ylim=(-1.35, 1.35), aspect="equal")
    ax.axis("off")


def _turn(ax: Axes, start: float, end: float, word: str, radius: float) -> None:
    points = [(radius * np.cos(a), radius * np.sin(a)) for a in (start, end)]
    bend = 0.25 if end > start else -0.25
    arrow = FancyArrowPatch(
        *points, connectionstyle=f"arc3,rad={bend}", arrowstyle="-|>", mutation_scale=12, color=INK
    )
    ax.add_patch(arrow)
    middle = (start + end) / 2
    ax.text(1.72 * np.cos(middle), 1.72 * np.sin(middle), word, ha="center", va="center")


def integrate_figure() -> Figure:
    """The answer of DlyGo_IntL for short and long delays: one stimulus, one line."""
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    axes = figure.subplots(1, 3, width_ratios=[1, 1, 1.5])
    for ax, delay in zip(axes, (200.0, 600.0), strict=False):
        given = {**GIVEN, "delay": delay}
        trials = modcog.sample(modcog.task("DlyGo_IntL"), np.random.default_rng(0), 1, given)
        draw_ring(ax, bumps(N)[STIMULUS] / bumps(N).max(), pointer=int(trials.response[0]))
        ax.set_title(f"delay {delay:g} ms", fontsize=10)
    delays = np.arange(100, 1101, 100)
    for name, marker in (("DlyGo_IntL", "o"), ("DlyGo_IntR", "s")):
        trials = modcog.conditions(
            name, np.random.default_rng(0), ring=0, location=STIMULUS, delay=delays
        )
        colors = [COLORS[k] for k in trials.response]
        axes[2].scatter(delays, trials.response * 360 / N, c=colors, s=45, marker=marker)
        axes[2].annotate(name[-4:], (1130, trials.response[-1] * 360 / N), va="center", fontsize=9)
    axes[2].axhline(STIMULUS * 360 / N, color=RULE, linewidth=0.8, linestyle=":")
    axes[2].set(xlabel="delay (ms)", xlim=(0, 1350))
    axes[2].set_ylabel("answer")
    axes[2].set_yticks([0, 90, 180, 270, 360], ["0°", "90°", "180°", "270°", "360°"])
    axes[2].spines[["top", "right"]].set_visible(False)
    return figure


def sequence_figure() -> Figure:
    """The answer of DlyGo_SeqR over its decision, on the ring and over time."""
    figure = Figure(figsize=(8, 2.6), layout="constrained")
    moments = (0, 300, 600, 900)
    axes = figure.subplots(1, len(moments) + 1, width_ratios=[1, 1, 1, 1, 1.9])
    trials = modcog.sample(modcog.task("DlyGo_SeqR"), np.random.default_rng(0), 1, GIVEN)
    answer = _answers(trials)
    for ax, ms in zip(axes, moments, strict=False):
        draw_ring(ax, np.zeros(N), pointer=answer[int(ms / trials.dt)])
        ax.set_title(f"{ms} ms", fontsize=10)
    times = np.arange(len(answer)) * trials.dt
    axes[-1].scatter(times, np.array(answer) * 360 / N, c=[COLORS[k] for k in answer], s=40)
    axes[-1].set_xlabel("time since the go cue (ms)")
    axes[-1].set_yticks([0, 90, 180, 270, 360], ["0°", "90°", "180°", "270°", "360°"])
    axes[-1].spines[["top", "right"]].set_visible(False)
    return figure


def _answers(trials: modcog.Trials) -> list[int]:
    """Directions that the target shows during the decision."""
    _, targets, _ = modcog.render(trials)
    return [int(label) - 1 for label in targets[:, 0] if label > 0]


def drift_animation(path: Path) -> None:
    """A trial of DlyGo_IntL_SeqR in real time: inputs on the outer ring, the answer as a hand."""
    spec = modcog.task("DlyGo_IntL_SeqR", dt=50, noise=0)
    trials = modcog.sample(spec, np.random.default_rng(0), 1, GIVEN)
    observations, targets, _ = modcog.render(trials)
    rings = observations[:, 0, 1 : 1 + N] / bumps(N).max()
    steps = trials.period_steps[0, : len(spec.periods)].cumsum()
    frames: list[Image.Image] = []
    for t in range(len(targets)):
        figure = Figure(figsize=(3.6, 3.3), dpi=80)
        ax = figure.add_axes((0, 0, 1, 0.9))
        label = int(targets[t, 0])
        draw_ring(ax, rings[t], pointer=label - 1 if label else None)
        if not label:
            ax.plot([0], [0], "+", color=INK, markersize=14, markeredgewidth=2)
        period = spec.period_names[int(np.searchsorted(steps, t, side="right"))]
        figure.text(0.5, 0.93, f"{period}, {t * spec.dt:g} ms", ha="center", fontsize=11)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png")
        frame = Image.open(buffer).convert("RGB")
        frames.append(frame.quantize(64, dither=Image.Dither.NONE))
    pause_ms = 1200
    durations = [int(spec.dt)] * (len(frames) - 1) + [pause_ms]
    frames[0].save(
        path, save_all=True, append_images=frames[1:], duration=durations, loop=0, optimize=True
    )


def masks_figure() -> Figure:
    """What one unit is connected with, under four masks; and why the sheet is a torus."""
    from sparse_rnn import masks  # the other pictures need no torch

    shape, unit = (21, 21), 2 * 21 + 4
    families = {
        "locality, radius 4": masks.locality(shape, radius=4),
        "random, the same in-degree": masks.random(shape, in_degree=49),
        "small_world": masks.small_world(shape, radius=3, nnz=49 * 441),
        "autapse": masks.autapse(shape),
    }
    figure = Figure(figsize=(10, 2.9), layout="constrained")
    for ax, (name, mask) in zip(figure.subplots(1, len(families)), families.items(), strict=True):
        sources = mask.to_dense()[unit].reshape(shape).astype(int)
        sources.flat[unit] = 2

        ax.imshow(sources, cmap=ListedColormap([NOTHING, NEGATIVE, INK]), vmin=0, vmax=2)
        ax.set_title(name, fontsize=10)
        ax.set(xticks=[], yticks=[])
    return figure


def kernels_figure() -> Figure:
    """What a dense and a sparse kernel hold and compute for one mask."""
    from sparse_rnn import masks

    mask = masks.locality((6, 6), radius=1)
    dense = mask.to_dense().astype(float)
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=[1, 1, 0.6])
    left.imshow(np.where(dense > 0, 1.0, 0.35), cmap=DENSITY, vmin=0, vmax=1.4)
    left.set_title("dense: a matrix product\nover all pairs of units", fontsize=10)
    middle.imshow(dense, cmap=DENSITY, vmin=0, vmax=1.4)
    middle.set_title("sparse_cpu: a multiply-add\nfor each synapse", fontsize=10)
    right.imshow(mask.to_dense().nonzero()[1].reshape(36, 5), cmap=DENSITY, aspect="auto")
    right.set_title("what it stores:\n5 sources a unit", fontsize=10)
    for ax in (left, middle):
        ax.set(xlabel="from unit", ylabel="onto unit", xticks=[], yticks=[])
    right.set(xticks=[], yticks=[])
    return figure


def badge(label: str, value: str) -> str:
    """A small label for the README, drawn here so that it loads from nowhere else."""
    left, right = 10 + 6.6 * len(label), 10 + 6.6 * len(value)
    text = f'font-family="Verdana,sans-serif" font-size="11" fill="{PAPER}" text-anchor="middle"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right:.0f}" height="20" '
        f'role="img" aria-label="{label}: {value}"><title>{label}: {value}</title>'
        f'<rect width="{left + right:.0f}" height="20" rx="3" fill="{SOFT}"/>'
        f'<rect x="{left:.0f}" width="{right:.0f}" height="20" rx="3" fill="{BRAND}"/>'
        f'<text x="{left / 2:.0f}" y="14" {text}>{label}</text>'
        f'<text x="{left + right / 2:.0f}" y="14" {text}>{value}</text></svg>\n'
    )


def badge_values() -> dict[str, str]:
    """What the badges say, read from where it is decided."""
    text = Path(modcog.__file__).parents[1].joinpath("pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    versions = [c.rpartition(" ")[2] for c in project["classifiers"] if ":: 3." in c]
    return {
        "python": f"{versions[0]} to {versions[-1]}",
        "tasks": str(len(modcog.task_names())),
        "license": project["license"],
    }


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    tasks_figure().savefig(IMAGES / "tasks.png", dpi=110)
    ring_figure().savefig(IMAGES / "ring.png", dpi=110)
    integrate_figure().savefig(IMAGES / "integrate.png", dpi=110)
    sequence_figure().savefig(IMAGES / "sequence.png", dpi=110)
    masks_figure().savefig(IMAGES / "masks.png", dpi=110)
    kernels_figure().savefig(IMAGES / "kernels.png", dpi=110)
    drift_animation(IMAGES / "drift.gif")
    for name, value in badge_values().items():
        path = IMAGES / f"badge-{name}.svg"
        path.write_text(badge(BADGES[name], value), encoding="utf-8")
