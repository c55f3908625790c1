"""Do sparse networks of one size learn the 20 base tasks, and how fast, next to a dense one?

Trains a locality-masked network (20x20 torus, d=2), a pool of 400 autapses and a dense network of
400 units on `cog-20` with the same settings, and draws their learning curves and accuracies. Run it
as ``python -m benchmarks.demo --out runs/demo``, or as ``make demo``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch

import sparse_rnn as srnn
from sparse_rnn import progress

NETWORKS: Mapping[str, tuple[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "locality": ("LM-RNN 20x20, d=2", {"arch": "locality", "size": (20, 20), "radius": 2}),
        "autapse": ("Autapses 400", {"arch": "autapse", "size": 400}),
        "dense": ("Dense 400", {"arch": "dense", "size": 400}),
    }
)
"""Folder of each network, with its label in the figure and its settings."""

COMMON: Mapping[str, Any] = MappingProxyType(
    {"suite": "cog-20", "batch_size": 20, "seq_len": 100, "lr": 2e-3}
)
"""Settings of all three."""

STEPS = 1000

TARGET = 0.80
"""Mean final accuracy that the sparse networks reach by the end."""

MUST_LEARN = ("locality", "autapse")
FIGURES = ("figure.png", "figure.pdf")


def configs(steps: int, seed: int) -> dict[str, srnn.TrainConfig]:
    """Make the configuration of each network, by the name of its folder.

    Args:
        steps: Gradient steps.
        seed: Seed of the initial weights and of all trials.
    """
    return {
        name: srnn.TrainConfig(**settings, **COMMON, steps=steps, seed=seed)
        for name, (_, settings) in NETWORKS.items()
    }


def run(out: Path, steps: int = STEPS, seed: int = 0) -> dict[str, srnn.Run]:
    """Train the three networks and draw the figure.

    Args:
        out: Folder for a run folder a network and the figure. Finished runs are not repeated.
        steps: Gradient steps.
        seed: Seed of the initial weights and of all trials.

    Returns:
        The runs by the name of their folder.

    Raises:
        RunConflict: A folder holds a run of other settings.
    """
    runs = {
        name: srnn.train(config, out / name, progress=progress.automatic)
        for name, config in configs(steps, seed).items()
    }
    from sparse_rnn import report  # matplotlib is slow to import: the first bar comes sooner

    figure = report.overview({NETWORKS[name][0]: finished for name, finished in runs.items()})
    for file in FIGURES:
        figure.savefig(out / file, dpi=150)
    return runs


def summary(runs: Mapping[str, srnn.Run]) -> str:
    """Put the results of the networks into a short table.

    Args:
        runs: The runs by the name of their folder.
    """
    width = max(len(label) for label, _ in NETWORKS.values())
    lines = [f"{'network':{width}}  final_accuracy  performance  training  files"]
    for name, finished in runs.items():
        scores, seconds = finished.evaluation, finished.history["elapsed_s"][-1]
        lines.append(
            f"{NETWORKS[name][0]:{width}}  {scores.mean('final_accuracy'):14.3f}"
            f"  {scores.mean('performance'):11.3f}  {seconds:6.0f} s  {finished.folder}"
        )
    chance = next(iter(runs.values())).evaluation.mean("chance")
    lines.append(f"{'chance':{width}}  {chance:14.3f}")
    return "\n".join(lines)


def verdict(runs: Mapping[str, srnn.Run]) -> str:
    """Say whether the sparse networks learned as well as they should.

    Args:
        runs: The runs by the name of their folder.
    """
    means = {name: runs[name].evaluation.mean("final_accuracy") for name in MUST_LEARN}
    missed = [f"{NETWORKS[name][0]} ({mean:.3f})" for name, mean in means.items() if mean < TARGET]
    if not missed:
        return f"Both sparse networks reached a mean final_accuracy of {TARGET:.2f}."
    steps = runs[MUST_LEARN[0]].config.steps
    return f"Target missed after {steps} steps: {', '.join(missed)} stayed below {TARGET:.2f}."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo from the command line.

    Args:
        arguments: The words after the script's name; by default those of the process.

    Returns:
        The exit status: 0; 2 where a run cannot use its folder; 130 after Ctrl-C.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.demo", description="Train three networks on the 20 base tasks."
    )
    parser.add_argument("--out", type=Path, default=Path("runs/demo"), help="folder for all files")
    parser.add_argument(
        "--steps", type=int, default=STEPS, help="gradient steps (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed (default: %(default)s)")
    options = parser.parse_args(arguments)
    # At this size a second thread hardly helps on an idle machine, and on a busy one each product
    # waits for the slower of the two.
    torch.set_num_threads(1)
    try:
        runs = run(options.out, options.steps, options.seed)
    except (srnn.SparseRnnError, OSError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            f"demo: interrupted. Finished runs in {options.out} are kept; the same command goes on "
            "with the others.",
            file=sys.stderr,
        )
        return 130
    print(f"\n{summary(runs)}\n\n{verdict(runs)}")
    print("Figure: " + ", ".join(str(options.out / file) for file in FIGURES))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
