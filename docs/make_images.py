"""Draw the pictures of the README and the documentation: ``python docs/make_images.py``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

import modcog
from modcog.plotting import draw_trial

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
        axes[-1, column].axhline(STIMULUS * 22.5, color="#888888", linewidth=0.8, linestyle=":")
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


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    tasks_figure().savefig(IMAGES / "tasks.png", dpi=110)
