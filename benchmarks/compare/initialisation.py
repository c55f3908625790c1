"""Which initial recurrent weights does each architecture need?

A comparison of masks must not be decided by how the networks start. This trains a locality-masked
network, a pool of autapses and a dense network of equal size on `cog-20` from every initialisation
in `sparse_rnn.nn.init`, and reports for each pair all seeds, their mean and their range. On a dense
mask "torch" and "fan_in" are one and the same. Made with
``python -m benchmarks.compare.initialisation --results benchmarks/results``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure

import sparse_rnn as srnn
from sparse_rnn.nn.init import INITS
from sparse_rnn.system.palette import SERIES
from sparse_rnn.system.provenance import provenance

ARCHITECTURES: Mapping[str, tuple[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "locality": ("LM-RNN 15x15, d=2", {"arch": "locality", "size": (15, 15), "radius": 2}),
        "autapse": ("Autapses 225", {"arch": "autapse", "size": 225}),
        "dense": ("Dense 225", {"arch": "dense", "size": 225}),
    }
)
"""Label and settings of each architecture; all have relu units."""

COMMON: Mapping[str, Any] = MappingProxyType(
    {
        "suite": "cog-20",
        "batch_size": 20,
        "seq_len": 100,
        "lr": 2e-3,
        "rates": {},
        "eval_every": 100,
    }
)
"""Settings of all runs."""

STEPS = 500
SEEDS = 3
MEASURE = "performance"


@dataclass(frozen=True)
class InitResult:
    """What became of one architecture from one initialisation.

    Attributes:
        architecture: Name in `ARCHITECTURES`.
        init: Name in `sparse_rnn.nn.init.INITS`.
        performance: Final value of each seed, mean over tasks; None where training diverged.
        loss: Mean training loss over the last tenth of the steps, in nats, of each seed.
        steps: Steps at which the network was evaluated.
        curve: Performance at these steps, mean over the seeds.
    """

    architecture: str
    init: str
    performance: list[float | None]
    loss: list[float | None]
    steps: list[int]
    curve: list[float]

    def finite(self) -> list[float]:
        """Performance of the seeds that did not diverge."""
        return [value for value in self.performance if value is not None]


def run(out: Path, steps: int, seeds: int) -> dict[tuple[str, str], list[srnn.Run | None]]:
    """Train every architecture from every initialisation.

    Args:
        out: Folder for a run folder each. Finished runs are not repeated.
        steps: Gradient steps.
        seeds: Number of seeds.

    Returns:
        The runs of each pair by seed; None where training diverged.
    """
    runs: dict[tuple[str, str], list[srnn.Run | None]] = {}
    for name, (_, settings) in ARCHITECTURES.items():
        for init in INITS:
            found = runs.setdefault((name, init), [])
            for seed in range(seeds):
                config = srnn.TrainConfig(**settings, **COMMON, init=init, steps=steps, seed=seed)
                try:
                    found.append(srnn.train(config, out / f"{name}-{init}-{seed}"))
                except srnn.errors.TrainingDiverged as error:
                    print(f"{name} from {init}, seed {seed}: {error}", file=sys.stderr)
                    found.append(None)
            print(f"{name} from {init}: done", file=sys.stderr, flush=True)
    return runs


def score(runs: Mapping[tuple[str, str], Sequence[srnn.Run | None]]) -> list[InitResult]:
    """Put the runs into a table.

    Args:
        runs: What `run` returns.
    """
    rows: list[InitResult] = []
    for (name, init), by_seed in runs.items():
        whole = [found for found in by_seed if found is not None]
        curves = [found.history[MEASURE] for found in whole]
        at = np.flatnonzero(~np.isnan(curves[0])) if curves else np.zeros(0, dtype=int)
        rows.append(
            InitResult(
                name,
                init,
                [found.evaluation.mean(MEASURE) if found else None for found in by_seed],
                [_late_loss(found) if found else None for found in by_seed],
                (at + 1).tolist(),
                np.mean([curve[at] for curve in curves], axis=0).tolist() if curves else [],
            )
        )
    return rows


def _late_loss(run: srnn.Run) -> float:
    losses = run.history["loss"]
    return float(losses[-max(1, len(losses) // 10) :].mean())


def table(rows: Sequence[InitResult]) -> str:
    """Print mean and range over the seeds, architectures by initialisations.

    Args:
        rows: What `score` returns.
    """
    lines = [f"{MEASURE}: mean (least to most of the seeds)"]
    lines.append(f"{'init':16}" + "".join(f"{label:>26}" for label, _ in ARCHITECTURES.values()))
    for init in INITS:
        cells = [_cell(row) for row in rows if row.init == init]
        lines.append(f"{init:16}" + "".join(f"{cell:>26}" for cell in cells))
    return "\n".join(lines)


def _cell(row: InitResult) -> str:
    values = row.finite()
    lost = len(row.performance) - len(values)
    note = f", {lost} diverged" if lost else ""
    if not values:
        return f"all {lost} diverged"
    return f"{np.mean(values):.3f} ({min(values):.3f} to {max(values):.3f}{note})"


def verdict(rows: Sequence[InitResult]) -> str:
    """Say which architecture leads from each initialisation, and from what each one does best.

    Args:
        rows: What `score` returns.
    """
    means = {(r.architecture, r.init): float(np.mean(r.finite() or [0.0])) for r in rows}
    lines: list[str] = []
    for name, (label, _) in ARCHITECTURES.items():
        best = max(INITS, key=lambda init, name=name: means[name, init])
        spreads = {r.init: r.finite() for r in rows if r.architecture == name}
        # The ranges over the seeds overlap.
        equal = [
            init
            for init, values in spreads.items()
            if init != best and values and max(values) >= min(spreads[best])
        ]
        rest = f"; within the range of its seeds: {', '.join(equal)}" if equal else ""
        lines.append(f"{label} does best from {best}{rest}.")
    for init in INITS:
        order = sorted(ARCHITECTURES, key=lambda name, init=init: -means[name, init])
        lines.append(f"From {init}: {' > '.join(order)}.")
    return "\n".join(lines)


def figure(rows: Sequence[InitResult]) -> Figure:
    """Draw the learning curves and every seed's final value.

    Args:
        rows: What `score` returns.
    """
    drawing, axes = plt.subplots(
        2, len(ARCHITECTURES), figsize=(10, 6.4), sharey="row", layout="constrained"
    )
    for column, (name, (label, _)) in enumerate(ARCHITECTURES.items()):
        curves, ends = axes[0, column], axes[1, column]
        for row in (row for row in rows if row.architecture == name):
            number = list(INITS).index(row.init)
            style = {"color": SERIES[number % len(SERIES)]}
            # Dashes on top, as two initialisations are the same one on a dense mask.
            dashes = {"linestyle": "--", "zorder": 3} if number == 0 else {}
            curves.plot(row.steps, row.curve, label=row.init, marker="o", ms=3, **dashes, **style)
            values = row.finite()
            ends.plot([number] * len(values), values, "o", alpha=0.7, **style)
            if values:
                ends.plot(number, np.mean(values), "_", markersize=18, **style)
            if len(values) < len(row.performance):
                lost = f"{len(row.performance) - len(values)} diverged"
                where = ends.get_xaxis_transform()
                ends.text(number, 0.04, lost, rotation=90, ha="center", transform=where, **style)
        curves.set(title=label, xlabel="gradient steps")
        ends.set_xlim(-0.6, len(INITS) - 0.4)
        ends.set_xticks(range(len(INITS)), list(INITS), rotation=40, ha="right")
        for axis in (curves, ends):
            axis.spines[["top", "right"]].set_visible(False)
    axes[0, 0].set_ylabel(f"{MEASURE}, mean of the seeds")
    axes[1, 0].set_ylabel(f"final {MEASURE}, each seed")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    drawing.legend(handles, labels, title="init", frameon=False, loc="outside right upper")
    return drawing


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study from the command line.

    Args:
        arguments: The words after the script's name; by default those of the process.

    Returns:
        The exit status: 0; 2 where a run cannot use its folder.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compare.initialisation",
        description=(__doc__ or "").splitlines()[0],
    )
    parser.add_argument("--out", type=Path, default=Path("runs/initialisation"))
    parser.add_argument("--results", type=Path, help="folder for table and figure (default: --out)")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    try:
        rows = score(run(options.out, options.steps, options.seeds))
    except (srnn.SparseRnnError, OSError) as error:
        print(f"initialisation: {error}", file=sys.stderr)
        return 2
    results: Path = options.results or options.out
    results.mkdir(parents=True, exist_ok=True)
    record = {
        "common": {**COMMON, "steps": options.steps, "seeds": options.seeds},
        "architectures": {name: dict(settings) for name, (_, settings) in ARCHITECTURES.items()},
        "rows": [asdict(row) for row in rows],
        **provenance(),
    }
    text = json.dumps(record, indent=1)
    (results / "initialisation.json").write_text(text + "\n", encoding="utf-8")
    drawing = figure(rows)
    drawing.savefig(results / "initialisation.svg")
    plt.close(drawing)
    print(f"{table(rows)}\n\n{verdict(rows)}\n\nFiles: {results}/initialisation.json and .svg")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
