"""What programs write into the README: measured numbers, and a learning curve.

``python -m docs.tools.readme`` writes the text between the markers from the measurements in
``benchmarks/results``. With a folder of ``make demo``, as in ``python
-m docs.tools.readme runs/demo``, it first keeps the curves of that demo in
``benchmarks/results/demo.json`` and draws them, for light pages and for dark ones.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from numpy.typing import NDArray

from docs.tools import citation
from docs.tools.trained import LOOKS
from sparse_rnn.system.palette import BLUE, GREEN

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
RESULTS = ROOT / "benchmarks" / "results"
FIGURES = ROOT / "docs" / "figures"
MEASURE = "final_accuracy"
EARLY = 300
"""The gradient step at which the text compares the networks, beside the last one."""

LOOKS_OF = {
    "learning.svg": LOOKS["trained.gif"],
    "learning-dark.svg": LOOKS["trained-dark.gif"],
}
"""Colours of light and of dark pages."""

COLORS = {"locality": BLUE, "autapse": GREEN}
"""As in the figure of the demo; seen on light and on dark paper. Dense has the colour of text."""


def blocks() -> dict[str, str]:
    """What stands between the markers, by their names."""
    return {"numbers": numbers(), "curves": curves(), "bibtex": citation.block()}


def numbers() -> str:
    """Three numbers, each with what it is a number of."""
    rivals = {race["name"]: race["ratios"] for race in _loaded("rivals")["races"]}
    largest = _loaded("scaling")["largest"]
    cells = {
        f"{rivals['20 tasks']['neurogym']:.0f} times": "the trials per second of neurogym's "
        "`Dataset`, from one core",
        f"{rivals['LM 50x50, d=6']['nn.RNN, masked']:.0f} times": "faster training steps than "
        "`torch.nn.RNN` times a mask: 2500 units, 282,500 synapses, on two cores",
        f"{largest['units']:,} units": f"with {largest['synapses'] / 1e6:.1f} million synapses "
        f"train in {largest['peak_mb'] / 1000:.1f} GB",
    }
    head = " | ".join(f"**{number}**" for number in cells)
    return f"| {head} |\n|{'---|' * len(cells)}\n| {' | '.join(cells.values())} |\n"


def curves() -> str:
    """The demo in two sentences."""
    demo = _loaded("demo")
    networks = demo["networks"]

    def accuracy(name: str, step: int) -> str:
        return f"{_curves(networks[name])[:, demo['steps'].index(step)].mean():.2f}"

    def weights(name: str) -> str:
        return f"{networks[name]['weights']:,} weights"

    last = demo["steps"][-1]
    seconds = {name: np.mean(networks[name]["seconds"]) for name in networks}
    text = (
        f"After {EARLY} steps the local network ({weights('locality')}) answers "
        f"{accuracy('locality', EARLY)} of the trials right, "
        f"and the dense one ({weights('dense')}) {accuracy('dense', EARLY)}. "
        f"After {last:,} steps they are level, at {accuracy('locality', last)} and "
        f"{accuracy('dense', last)}: {seconds['locality']:.0f} s of training on one core for the "
        f"local network, {seconds['dense']:.0f} s for the dense one."
    )
    return textwrap.fill(text, 100) + "\n"


def _loaded(name: str) -> Any:
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def filled(text: str) -> str:
    """A text with what belongs between its markers.

    Raises:
        LookupError: A marker is missing, or is there twice.
    """
    for name, block in blocks().items():
        pattern = re.compile(rf"(<!-- {name}: [^>]*-->\n).*?(<!-- end of {name} -->)", re.S)
        text, n = pattern.subn(lambda found, block=block: found[1] + block + found[2], text)
        if n != 1:
            raise LookupError(f"The marker {name!r} is there {n} times.")
    return text


def kept(folder: Path) -> dict[str, Any]:
    """The curves of a demo, as JSON types."""
    import modcog
    import sparse_rnn as srnn
    from benchmarks import demo

    networks: dict[str, Any] = {}
    steps: list[int] = []
    for name, (label, _) in demo.NETWORKS.items():
        runs = [srnn.load_run(folder / name / f"seed-{seed}") for seed in demo.SEEDS]
        scored = [np.isfinite(run.history[MEASURE]) for run in runs]
        steps = runs[0].history["step"][scored[0]].astype(int).tolist()
        networks[name] = {
            "label": label,
            "weights": runs[0].network.weight_counts()["total"],
            "curves": [
                run.history[MEASURE][there].round(4).tolist()
                for run, there in zip(runs, scored, strict=True)
            ],
            "seconds": [round(float(run.history["elapsed_s"][-1]), 1) for run in runs],
        }
    suite = modcog.suite(demo.COMMON["suite"])
    floors = {
        what: float(np.mean([modcog.chance_level(task, ignores=what) for task in suite]))
        for what in ("stimuli", "evidence")
    }
    return {"measure": MEASURE, "steps": steps, "networks": networks, "floors": floors}


def _curves(network: dict[str, Any]) -> NDArray[np.float64]:
    return np.array(network["curves"])


def figure(demo: dict[str, Any], ink: str, soft: str) -> Figure:
    """Draw the means over the seeds with their ranges, and the two floors."""
    drawn = Figure(figsize=(6.6, 3.2), layout="constrained")
    drawn.patch.set_alpha(0)
    ax = drawn.subplots()
    steps = demo["steps"]
    for name, network in demo["networks"].items():
        several = _curves(network)
        ax.fill_between(
            steps, several.min(0), several.max(0), color=COLORS.get(name, ink), alpha=0.25, lw=0
        )
        label = f"{network['label']}: {network['weights']:,} weights"
        ax.plot(steps, several.mean(0), color=COLORS.get(name, ink), linewidth=2, label=label)
    words = {"stimuli": "ignores the stimuli", "evidence": "sees the stimuli, weighs no evidence"}
    for what, level in demo["floors"].items():
        ax.axhline(level, color=soft, linewidth=0.8, linestyle=":")
        ax.text(steps[-1], level + 0.01, words[what], ha="right", fontsize=9, color=soft)
    ax.set(xlim=(0, steps[-1] * 1.01), ylim=(0, 1), facecolor="none")
    ax.set_xlabel("gradient steps", color=ink)
    ax.set_ylabel("accuracy, mean of 20 tasks", color=ink)
    ax.tick_params(colors=soft)
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(soft)
    ax.legend(loc="center right", frameon=False, labelcolor=ink, bbox_to_anchor=(1, 0.56))
    return drawn


def draw() -> None:
    """Write the figure of the kept demo, for light pages and for dark ones."""
    settings = {
        "svg.fonttype": "none",
        "svg.hashsalt": "learning",
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial"],
    }
    with rc_context(settings):
        for name, look in LOOKS_OF.items():
            figure(_loaded("demo"), look.ink, look.soft).savefig(
                FIGURES / name, metadata={"Date": None}
            )


def main(arguments: list[str]) -> None:
    """Keep the demo in a folder, where one is given, and write the README's blocks."""
    if arguments:
        (folder,) = arguments
        text = json.dumps(kept(Path(folder)), indent=1)
        (RESULTS / "demo.json").write_text(text + "\n", encoding="utf-8")
        draw()
    README.write_text(filled(README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
