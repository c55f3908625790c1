"""Animate a trained network that solves DlyGo_IntL_SeqR: ``python -m docs.tools.trained``.

It trains a sheet of 20x20 units with a local mask on DlyGo and its three variants, in a minute or
two on one core, and writes one GIF for light pages and one for dark ones into ``docs/figures``.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

import modcog
import sparse_rnn as srnn
from docs.make_images import COLORS, N, draw_ring
from modcog.ring import bumps

FIGURES = Path(__file__).resolve().parents[1] / "figures"
TASKS = ("DlyGo", "DlyGo_IntL", "DlyGo_SeqR", "DlyGo_IntL_SeqR")
SHOWN = TASKS[-1]
GIVEN = {"ring": 0, "location": 6, "fixation": 300.0, "delay": 500.0}
SIDE = 20
CONFIG = srnn.TrainConfig(
    suite=TASKS,
    arch="locality",
    size=(SIDE, SIDE),
    radius=3,
    batch_size=32,
    seq_len=100,
    lr=3e-3,
    rates="in_degree",
    init="identity",
    steps=1200,
    seed=0,
)
SLOWED = 2
"""A step of 100 ms is shown for this many times as long."""

PAUSE_MS = 1500
MOST_BYTES = 600_000


class Look(NamedTuple):
    """The colours of a page that the animation stands on."""

    paper: str
    ink: str
    soft: str
    pale: str
    active: str


LOOKS = {
    "trained.gif": Look("#ffffff", "#222222", "#666666", "#f0f0f0", "#00597d"),
    "trained-dark.gif": Look("#0d1117", "#e6edf3", "#9198a1", "#22272e", "#6cc4ff"),
}


class Shown(NamedTuple):
    """One trial of a trained network, step by step.

    Attributes:
        inputs: Both rings, of which the trial uses the first; ``[time, N]``, 1 at a bump's peak.
        targets: Labels ``[time]``.
        probability: What the network gives each label, ``[time, 1 + N]``.
        activity: Of the units on their sheet, ``[time, SIDE, SIDE]``.
        periods: The name of the period of each step.
        dt: A step in ms.
    """

    inputs: NDArray[np.float32]
    targets: NDArray[np.int64]
    probability: NDArray[np.float32]
    activity: NDArray[np.float32]
    periods: list[str]
    dt: float


def shown_trial(network: srnn.Network) -> Shown:
    """Let a network do a noisy trial.

    Raises:
        SystemExit: At some step it does not fixate as it should, or its answer is more than one
            direction off: then there is nothing to show.
    """
    spec = modcog.task(SHOWN)
    trials = modcog.sample(spec, np.random.default_rng(0), 1, GIVEN)
    trials.rule[:] = TASKS.index(SHOWN)
    observations, targets, _ = modcog.render(trials, n_rules=len(TASKS))
    with torch.no_grad():
        logits, hidden = network(torch.from_numpy(observations))
    answers = logits[:, 0].argmax(-1).numpy()
    apart = np.abs(answers - targets[:, 0])
    near = np.minimum(apart, N - apart) <= 1
    wrong = np.flatnonzero(((answers > 0) != (targets[:, 0] > 0)) | ((answers > 0) & ~near))
    if wrong.size:
        raise SystemExit(f"The network answers wrong at steps {wrong.tolist()}: train it longer.")
    steps = trials.period_steps[0, : len(spec.periods)]
    return Shown(
        inputs=observations[:, 0, 1 : 1 + N] / bumps(N).max(),
        targets=targets[:, 0],
        probability=logits[:, 0].softmax(-1).numpy(),
        activity=hidden[:, 0].reshape(-1, SIDE, SIDE).numpy(),
        periods=[name for name, n in zip(spec.period_names, steps, strict=True) for _ in range(n)],
        dt=spec.dt,
    )


def frame(trial: Shown, t: int, look: Look) -> Image.Image:
    """Draw one step: the sheet, the ring with stimulus and answer, and the answers until then."""
    figure = Figure(figsize=(6.6, 3.0), dpi=100, facecolor=look.paper)
    answer = int(trial.probability[t].argmax())
    sheet = figure.add_axes((0.02, 0.03, 0.32, 0.74))
    _sheet(sheet, trial.activity, t, look)
    ring = figure.add_axes((0.345, 0.0, 0.34, 0.8))
    draw_ring(ring, trial.inputs[t], pointer=answer - 1 if answer else None, pale=look.pale)
    ring.set(xlim=(-1.2, 1.2), ylim=(-1.2, 1.2))
    if not answer:
        ring.plot([0], [0], "+", color=look.ink, markersize=14, markeredgewidth=2)
    _answers(figure.add_axes((0.765, 0.13, 0.225, 0.64)), trial, t, look)
    heads = ("400 units on a sheet", "stimulus and answer", "answer over time")
    for x, words in zip((0.18, 0.515, 0.85), heads, strict=True):
        figure.text(x, 0.82, words, ha="center", fontsize=11, color=look.soft)
    moment = f"{trial.periods[t]}, {t * trial.dt:g} ms"
    figure.text(0.02, 0.92, SHOWN, fontsize=13, fontweight="bold", color=look.ink)
    figure.text(0.98, 0.92, moment, ha="right", fontsize=13, color=look.ink)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", facecolor=look.paper)
    return Image.open(buffer).convert("RGB")


def _sheet(ax: Axes, activity: NDArray[np.float32], t: int, look: Look) -> None:
    colors = LinearSegmentedColormap.from_list("activity", [look.pale, look.active])
    most = np.quantile(activity, 0.995)
    ax.imshow(activity[t], cmap=colors, vmin=0, vmax=most, interpolation="nearest")
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)


def _answers(ax: Axes, trial: Shown, t: int, look: Look) -> None:
    n_steps = len(trial.targets)
    words = {"fontsize": 9, "color": look.soft}
    due = np.flatnonzero(trial.targets > 0)
    ax.plot(due, trial.targets[due] - 1, "o", mfc="none", mec=look.soft, ms=8, mew=1)
    ax.text(due[0] - 1, trial.targets[due[0]] - 1, "target", va="center", ha="right", **words)
    ax.axhline(GIVEN["location"], color=look.soft, linewidth=0.8, linestyle=":")
    ax.text(0, GIVEN["location"] + 0.3, "stimulus", **words)
    answers = trial.probability[: t + 1].argmax(-1)
    colors = [COLORS[label - 1] if label else look.soft for label in answers]
    ax.scatter(np.arange(t + 1), answers - 1, c=colors, s=20, zorder=3)
    ax.set(xlim=(-1, n_steps), ylim=(-2, N - 0.5), facecolor=look.paper)
    ax.set_yticks([-1, 0, 4, 8, 12], ["fixate", "0°", "90°", "180°", "270°"], color=look.soft)
    ticks = np.arange(0, n_steps, 10)
    ax.set_xticks(ticks, [f"{step * trial.dt / 1000:g} s" for step in ticks], color=look.soft)
    ax.tick_params(length=2, labelsize=9, color=look.soft)
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(look.soft)


def animation(trial: Shown, look: Look, path: Path) -> None:
    """Write the frames of a trial as a GIF.

    Raises:
        SystemExit: The file is larger than a page should load.
    """
    frames = [frame(trial, t, look) for t in range(len(trial.targets))]
    # One palette for all frames: no colour flickers, and what does not change costs nothing.
    together = Image.new("RGB", (frames[0].width, frames[0].height * len(frames)))
    for t, each in enumerate(frames):
        together.paste(each, (0, t * each.height))
    palette = together.quantize(128, dither=Image.Dither.NONE)
    drawn = [each.quantize(palette=palette, dither=Image.Dither.NONE) for each in frames]
    durations = [SLOWED * int(trial.dt)] * (len(drawn) - 1) + [PAUSE_MS]
    drawn[0].save(
        path, save_all=True, append_images=drawn[1:], duration=durations, loop=0, optimize=True
    )
    if path.stat().st_size > MOST_BYTES:
        raise SystemExit(f"{path} has {path.stat().st_size} bytes; at most {MOST_BYTES}.")


def main() -> None:
    """Train the network and write both animations."""
    torch.set_num_threads(1)
    run = srnn.train(CONFIG)
    scores = dict(zip(TASKS, run.evaluation.performance.round(3).tolist(), strict=True))
    print(f"Performance on held-out trials: {scores}")
    trial = shown_trial(run.network)
    for name, look in LOOKS.items():
        animation(trial, look, FIGURES / name)
        print(f"{FIGURES / name}: {(FIGURES / name).stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
