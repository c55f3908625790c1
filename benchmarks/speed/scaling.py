"""How do time and memory of a training step grow with the network?

At a fixed in-degree against the number of units, and at a fixed size against the density; the
sparse and the dense backend side by side, with a picture. Run it as
``python -m benchmarks.speed.scaling -o scaling.json --figure scaling.png``.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

import sparse_rnn as srnn
from benchmarks.speed._machine import finish, machine
from benchmarks.speed.training import INPUT_SIZE, OUTPUT_SIZE, step_of
from sparse_rnn.system.palette import BLUE, INK

RADIUS = 6
SIDES = (20, 30, 50, 80, 120, 200)
"""Sides of the sheets of the first series: 400 to 40 000 units, 113 synapses each."""

RADII = (0, 1, 2, 4, 6, 10, 16, 25)
"""Radii of the second series, on a sheet of 50 x 50."""

LARGEST_DENSE = 5000
"""Units above which the dense backend is left out."""

N_STEPS = 20

LARGEST = (400, 250)
"""A sheet of 100 000 units, with 11.3 million synapses."""

LARGEST_STEPS, LARGEST_CHUNK = 100, 20
"""Time steps of its training step, and how many of them are kept at a time."""


def measure_one(side: int, radius: float, backend: str, repeats: int = 3) -> dict[str, Any]:
    """Time a training step of one network in a process of its own, and its peak memory.

    Returns:
        Units, synapses, backend, seconds of a step (median) and peak memory in MB above that of a
        network of 64 units.
    """
    command = [sys.executable, "-m", "benchmarks.speed.scaling", "--one"]
    arguments = [str(side), str(radius), backend, str(repeats)]
    result = subprocess.run([*command, *arguments], capture_output=True, text=True, check=True)
    return json.loads(result.stdout.splitlines()[-1])


def _one(side: int, radius: float, backend: str, repeats: int) -> dict[str, Any]:
    small = srnn.masks.locality((8, 8), 1)
    step_of(srnn.Network(INPUT_SIZE, OUTPUT_SIZE, small, backend=backend), N_STEPS)()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    mask = srnn.masks.locality((side, side), radius)
    run = step_of(srnn.Network(INPUT_SIZE, OUTPUT_SIZE, mask, backend=backend), N_STEPS)
    run()
    seconds = [run() for _ in range(repeats)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {
        "units": mask.n_units,
        "synapses": mask.nnz,
        "backend": backend,
        "seconds": float(np.median(seconds)),
        "peak_mb": peak / 1024,
    }


def measure_largest() -> dict[str, Any]:
    """Train `LARGEST` for two steps in a process of its own.

    Returns:
        Units, synapses, steps, chunk, seconds of the second step and peak memory in MB, all told.
    """
    command = [sys.executable, "-m", "benchmarks.speed.scaling", "--largest"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(result.stdout.splitlines()[-1])


def _largest() -> dict[str, Any]:
    mask = srnn.masks.locality(LARGEST, RADIUS)
    network = srnn.Network(INPUT_SIZE, OUTPUT_SIZE, mask, backend="sparse_cpu")
    network.chunk = LARGEST_CHUNK
    run = step_of(network, LARGEST_STEPS)
    run()  # Compiles, and lays out the mask.
    return {
        "units": mask.n_units,
        "synapses": mask.nnz,
        "steps": LARGEST_STEPS,
        "chunk": LARGEST_CHUNK,
        "seconds": run(),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def exponent(rows: Sequence[Mapping[str, Any]], column: str = "seconds") -> float:
    """Slope of a straight line through the logarithms: cost grows as units to this power.

    Rows of no cost are left out; with fewer than two rows it is NaN.
    """
    costly = [row for row in rows if row[column] > 0]
    if len(costly) < 2:
        return float("nan")
    units, values = (np.log([row[name] for row in costly]) for name in ("units", column))
    return float(np.polyfit(units, values, 1)[0])


def measure(
    sides: Sequence[int] = SIDES,
    radii: Sequence[int] = RADII,
    repeats: int = 3,
    density_side: int = 50,
) -> dict[str, Any]:
    """Measure both series; JSON can hold the result."""
    load_before = os.getloadavg()
    by_size: list[dict[str, Any]] = []
    for side in sides:
        for backend in ("sparse_cpu", "dense"):
            if backend == "sparse_cpu" or side**2 <= LARGEST_DENSE:
                by_size.append(measure_one(side, RADIUS, backend, repeats))
                print(json.dumps(by_size[-1]), flush=True)
    by_density: list[dict[str, Any]] = []
    for radius in radii:
        by_density.append(measure_one(density_side, radius, "sparse_cpu", repeats))
        print(json.dumps(by_density[-1]), flush=True)
    by_density.append(measure_one(density_side, RADIUS, "dense", repeats))
    sparse = [row for row in by_size if row["backend"] == "sparse_cpu"]
    return {
        "machine": {**machine(load_before), "torch": torch.__version__},
        "steps": N_STEPS,
        "batch_size": 64,
        "by_size": by_size,
        "by_density": by_density,
        "exponent_of_time": exponent(sparse),
        "exponent_of_memory": exponent(sparse, "peak_mb"),
    }


def figure(result: Mapping[str, Any]) -> Figure:
    """Three log-log panels: time and memory against units, time against density."""
    fig = Figure(figsize=(11, 3.6), layout="constrained")
    axes = fig.subplots(1, 3)
    style = {"sparse_cpu": (BLUE, "o"), "dense": (INK, "s")}
    for ax, column, label in zip(
        axes, ("seconds", "peak_mb"), ("seconds a training step", "peak memory (MB)"), strict=False
    ):
        for backend, (colour, marker) in style.items():
            rows = [row for row in result["by_size"] if row["backend"] == backend]
            # Small networks may not show in the peak of a process, and 0 has no logarithm.
            shown = [(row["units"], row[column]) for row in rows if row[column] > 0]
            if shown:
                ax.loglog(*zip(*shown, strict=True), color=colour, marker=marker, label=backend)
        ax.set(xlabel="units, 113 synapses each", ylabel=label)
        if ax.lines:
            ax.legend(frameon=False)
    sparse = [row for row in result["by_density"] if row["backend"] == "sparse_cpu"]
    (dense,) = (row for row in result["by_density"] if row["backend"] == "dense")
    density = [row["synapses"] / row["units"] ** 2 for row in sparse]
    colour, marker = style["sparse_cpu"]
    axes[2].loglog(density, [row["seconds"] for row in sparse], color=colour, marker=marker)
    axes[2].axhline(dense["seconds"], color=style["dense"][0])
    axes[2].text(density[0], dense["seconds"] * 1.1, "dense", color=style["dense"][0])
    axes[2].set(xlabel="density, 2500 units", ylabel="seconds a training step")
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
    return fig


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, write and draw."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.scaling", description=__doc__)
    parser.add_argument("-o", "--output", type=Path, help="JSON file to write")
    parser.add_argument("--figure", type=Path, help="picture to write")
    parser.add_argument("--repeats", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--largest", action="store_true", help="100 000 units, and nothing else")
    parser.add_argument("--one", nargs=4, metavar=("SIDE", "RADIUS", "BACKEND", "REPEATS"))
    options = parser.parse_args(arguments)
    if options.one:
        side, radius, backend, repeats = options.one
        print(json.dumps(_one(int(side), float(radius), backend, int(repeats))))
        return 0
    if options.largest:
        print(json.dumps(_largest()))
        return 0
    result = measure(repeats=options.repeats)
    result["largest"] = measure_largest()
    print(json.dumps(result["largest"]))
    print(f"Time grows as N to the power {result['exponent_of_time']:.2f},", end=" ")
    print(f"memory to {result['exponent_of_memory']:.2f}.")
    if options.figure:
        figure(result).savefig(options.figure, dpi=150)
    return finish(result, options.output)


if __name__ == "__main__":
    sys.exit(main())
