"""Do sparse networks of one size learn the 20 base tasks, and how fast, next to a dense one?

Trains a locality-masked network (20x20 torus, d=2), a pool of 400 autapses and a dense network of
400 units on `cog-20` from three seeds each, and draws their learning curves and accuracies. The
recurrent learning rate falls with the in-degree and all start from the identity: at one rate for
all weights the dense network's first steps burst, and the comparison is one of step sizes. Run it
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

import modcog
import sparse_rnn as srnn
from sparse_rnn.training import progress

NETWORKS: Mapping[str, tuple[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "locality": ("LM-RNN 20x20, d=2", {"arch": "locality", "size": (20, 20), "radius": 2}),
        "autapse": ("Autapses 400", {"arch": "autapse", "size": 400}),
        "dense": ("Dense 400", {"arch": "dense", "size": 400}),
    }
)
"""Folder of each network, with its label in the figure and its settings."""

COMMON: Mapping[str, Any] = MappingProxyType(
    {
        "suite": "cog-20",
        "batch_size": 20,
        "seq_len": 100,
        "lr": 2e-3,
        # Fair to each: at one rate for all weights a dense network takes recurrent steps that are
        # larger by the ratio of the in-degrees, and bursts.
        "rates": "in_degree",
        "init": "identity",
    }
)
"""Settings of all three."""

STEPS = 1000
SEEDS = (0, 1, 2)

TARGET = 0.80
"""Mean final accuracy that the sparse networks reach by the end."""

MUST_LEARN = ("locality", "autapse")
FIGURES = ("figure.png", "figure.pdf")

FLOOR = "no evidence"
"""Label of the level of a network that sees where stimuli are, and weighs no evidence."""

Runs = Mapping[str, Sequence[srnn.Run]]
"""The runs of each network, one a seed, by the name of its folder."""


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


def run(out: Path, steps: int = STEPS, seeds: Sequence[int] = SEEDS) -> Runs:
    """Train the three networks from each seed and draw the figure.

    Args:
        out: Folder for a run folder a network and seed, and the figure. Finished runs are not
            repeated.
        steps: Gradient steps.
        seeds: Seeds of the initial weights and of all trials.

    Returns:
        The runs by the name of their network, in the order of the seeds.

    Raises:
        RunConflict: A folder holds a run of other settings.
    """
    runs: dict[str, list[srnn.Run]] = {name: [] for name in NETWORKS}
    for seed in seeds:
        for name, config in configs(steps, seed).items():
            folder = out / name / f"seed-{seed}"
            runs[name].append(srnn.train(config, folder, progress=progress.automatic))
    from sparse_rnn import report  # matplotlib is slow to import: the first bar comes sooner

    labelled = {
        f"{NETWORKS[name][0]} seed {one.config.seed}": one
        for name, several in runs.items()
        for one in several
    }
    figure = report.overview(labelled, floors={FLOOR: floor(runs, "evidence")})
    for file in FIGURES:
        figure.savefig(out / file, dpi=150)
    return runs


def floor(runs: Runs, ignores: str) -> dict[str, float]:
    """Final accuracy by task of the best strategy that ignores something.

    Args:
        runs: The runs by the name of their network.
        ignores: What it ignores, as for `modcog.chance_level`.
    """
    suite = next(iter(runs.values()))[0].config.suite
    tasks = modcog.suite(suite) if isinstance(suite, str) else suite
    return {task: modcog.chance_level(task, ignores=ignores) for task in tasks}


def summary(runs: Runs) -> str:
    """Put the results of the networks into a short table.

    Args:
        runs: The runs by the name of their network.
    """
    width = max(len(label) for label, _ in NETWORKS.values())
    n_seeds = len(next(iter(runs.values())))
    lines = [
        f"Means over 20 tasks, and their range over {n_seeds} seed{'s' * (n_seeds > 1)}",
        f"{'network':{width}}  final_accuracy        performance           bursts  training  files",
    ]
    for name, several in runs.items():
        seconds = sum(one.history["elapsed_s"][-1] for one in several)
        bursts = [str(one.history.bursts().size) for one in several]
        lines.append(
            f"{NETWORKS[name][0]:{width}}  {_spread(several, 'final_accuracy')}"
            f"  {_spread(several, 'performance')}  {', '.join(bursts):>6}"
            f"  {seconds:6.0f} s  {_root(several)}"
        )
    for label, ignores, does in (
        ("chance", "stimuli", "ignores the stimuli"),
        (FLOOR, "evidence", "sees the stimuli and ignores the evidence"),
    ):
        levels = floor(runs, ignores)
        lines.append(f"{label:{width}}  {sum(levels.values()) / len(levels):.3f}  {does}")
    told = [
        f"{NETWORKS[name][0]}, seed {one.config.seed}: {one.history.told_bursts()}."
        for name, several in runs.items()
        for one in several
        if one.history.bursts().size
    ]
    if told:
        lines += ["", f"A burst is {srnn.evaluation.history.BURST_RULE}.", *told]
    return "\n".join(lines)


def _spread(runs: Sequence[srnn.Run], measure: str) -> str:
    values = [one.evaluation.mean(measure) for one in runs]
    mean = sum(values) / len(values)
    return f"{mean:.3f} ({min(values):.3f}..{max(values):.3f})"


def _root(runs: Sequence[srnn.Run]) -> Path | None:
    folder = runs[0].folder
    return None if folder is None else folder.parent


def verdict(runs: Runs) -> str:
    """Say whether the sparse networks learned as well as they should, and how they compare.

    Args:
        runs: The runs by the name of their network.
    """
    means = {
        name: [one.evaluation.mean("final_accuracy") for one in runs[name]] for name in MUST_LEARN
    }
    missed = [
        f"{NETWORKS[name][0]} ({min(values):.3f})"
        for name, values in means.items()
        if min(values) < TARGET
    ]
    if not missed:
        return f"Both sparse networks reached a mean final_accuracy of {TARGET:.2f}."
    steps = runs[MUST_LEARN[0]][0].config.steps
    return f"Target missed after {steps} steps: {', '.join(missed)} stayed below {TARGET:.2f}."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo from the command line.

    Args:
        arguments: The words after the script's name; by default those of the process.

    Returns:
        The exit status: 0; 2 where a run cannot use its folder; 130 after Ctrl-C.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.demo",
        description="Train three networks, three seeds each, on the 20 base tasks.",
    )
    parser.add_argument("--out", type=Path, default=Path("runs/demo"), help="folder for all files")
    parser.add_argument(
        "--steps", type=int, default=STEPS, help="gradient steps (default: %(default)s)"
    )
    parser.add_argument(
        "--seeds",
        type=int,
        nargs="+",
        default=list(SEEDS),
        help="seeds (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    # At this size a second thread hardly helps on an idle machine, and on a busy one each product
    # waits for the slower of the two.
    torch.set_num_threads(1)
    try:
        runs = run(options.out, options.steps, options.seeds)
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
