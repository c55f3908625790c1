"""How fast are a training step and a batch of trials, next to what people would pick instead?

Each competitor runs in a process of its own, and in a virtual environment of its own where it needs
other libraries; this script makes the environments with pip. Steps take turns, so that whatever
slows the machine slows all of them. Run it on an idle machine as
``python -m benchmarks.speed.rivals -o benchmarks/results/rivals.json``; it takes some ten minutes.
``--figure`` draws what a file has. Compared are

- a training step at batch 64 x 50 (forward, backward, Adam): a masked ``torch.nn.RNN``, a jitted
  scan of JAX over a dense matrix that is masked after each step, and one over a BCOO matrix;
- trials: neurogym's `Dataset`, batches of 64 x 350 of 20 tasks; and one task of braintools,
  delayed match to sample, each lane one trial, next to ours of the same name.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

import modcog
import sparse_rnn as srnn
from benchmarks.speed._machine import finish, machine
from benchmarks.speed._rival import LANES
from benchmarks.speed.training import BATCH_SIZE, OUTPUT_SIZE, random_mask
from sparse_rnn.data import task_stream
from sparse_rnn.system.palette import SERIES

N_STEPS = 50

ENVIRONMENTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "jax": ("jax==0.10.2", "jaxlib==0.10.2", "optax==0.2.8", "braintools==0.3.0"),
        "neurogym": ("neurogym==2.2.0",),
    }
)
"""What pip installs into each environment; None is the environment of this process."""

HOME: Mapping[str, str] = MappingProxyType(
    {
        "JAX scan, masked": "jax",
        "JAX scan, BCOO": "jax",
        "braintools": "jax",
        "neurogym": "neurogym",
    }
)
"""Environments of the competitors that do not run in that of this process."""

MASKS: Mapping[str, Callable[[], srnn.Mask]] = MappingProxyType(
    {
        "LM 15x15, d=6": lambda: srnn.masks.locality((15, 15), 6),
        "LM 20x20, d=3": lambda: srnn.masks.locality((20, 20), 3),
        "LM 20x20, d=6": lambda: srnn.masks.locality((20, 20), 6),
        "LM 30x30, d=6": lambda: srnn.masks.locality((30, 30), 6),
        "LM 50x50, d=6": lambda: srnn.masks.locality((50, 50), 6),
        "LM 70x70, d=6": lambda: srnn.masks.locality((70, 70), 6),
        "LM 50x50, d=10": lambda: srnn.masks.locality((50, 50), 10),
        "random 2500, in-degree 113": lambda: random_mask(2500, 113),
        "autapses 2500": lambda: srnn.masks.autapse(2500),
        "dense 400": lambda: srnn.masks.dense(400),
    }
)
"""The networks of the table; those of one radius are what the figure shows."""

TRAINED = ("sparse_rnn", "nn.RNN, masked", "JAX scan, masked", "JAX scan, BCOO")
"""Who trains, ours first."""

TOO_SLOW: Mapping[str, int] = MappingProxyType({"JAX scan, BCOO": 50_000})
"""Synapses above which a competitor is left out: a step would take many seconds."""


@dataclass(frozen=True)
class Race:
    """Competitors at one piece of work, in turns.

    Attributes:
        name: What they do.
        unit: "ms a step" or "steps/s".
        seconds: Seconds of each repeat, by competitor, ours first.
        steps: Steps of the batches that samplers return, by competitor; 0 where they train.
    """

    name: str
    unit: str
    seconds: Mapping[str, tuple[float, ...]]
    steps: Mapping[str, float]

    def cost(self, name: str) -> float:
        """Median seconds of a training step, or of one step of a batch."""
        return float(np.median(self.seconds[name])) / (self.steps[name] or 1.0)

    def ratios(self) -> dict[str, float]:
        """How many times as long as ours each of the others takes."""
        first, *others = self.seconds
        return {name: self.cost(name) / self.cost(first) for name in others}

    def record(self) -> dict[str, Any]:
        """As JSON types, with what was derived."""
        return {
            "name": self.name,
            "unit": self.unit,
            "seconds": {name: list(found) for name, found in self.seconds.items()},
            "steps": dict(self.steps),
            "ratios": self.ratios(),
        }

    def __str__(self) -> str:
        """A row in Markdown."""
        ours, *others = self.seconds
        seconds = self.seconds[ours]
        span = (seconds, [max(seconds)], [min(seconds)])
        middle, first, last = (self._told(ours, some) for some in span)
        if not self.steps[ours]:
            first, last = last, first
        ratios = self.ratios()
        rest = (
            f"{name}: {ratios[name]:.1f} ({self._told(name, self.seconds[name])})"
            for name in others
        )
        return f"| {self.name} | {middle} ({first} to {last}) {self.unit} | {'; '.join(rest)} |"

    def _told(self, name: str, seconds: Sequence[float]) -> str:
        """The median of some times in the table's unit."""
        middle = float(np.median(seconds))
        number = self.steps[name] / middle if self.steps[name] else 1e3 * middle
        return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def python_of(environment: str | None, folder: Path) -> str:
    """The interpreter of an environment, which is made where it is not there yet."""
    if environment is None:
        return sys.executable
    place = folder / environment
    python = place / ("Scripts" if os.name == "nt" else "bin") / "python"
    done = place / "made"
    if not done.exists():
        print(f"Installing {', '.join(ENVIRONMENTS[environment])} in {place}.", flush=True)
        venv.create(place, with_pip=True, clear=True)
        command = [str(python), "-m", "pip", "install", "--quiet", *ENVIRONMENTS[environment]]
        subprocess.run(command, check=True)
        done.touch()
    return str(python)


@contextmanager
def competitor(
    name: str, data: Mapping[str, Any], folder: Path
) -> Iterator[Callable[[], tuple[float, float]]]:
    """Start one, and give the function that has it do a step: its seconds and its steps."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "data.npz"
        np.savez(path, **data)
        command = [python_of(HOME.get(name), folder), "-m", "benchmarks.speed._rival"]
        with subprocess.Popen(
            [*command, name, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        ) as process:
            lines, answers = process.stdin, process.stdout
            assert lines
            assert answers

            def step() -> tuple[float, float]:
                print(file=lines, flush=True)
                seconds, steps = map(float, answers.readline().split())
                return seconds, steps

            if answers.readline() != "ready\n":
                raise RuntimeError(f"{name} did not start: {' '.join(command)}")
            yield step


def race(
    name: str, unit: str, who: Mapping[str, Mapping[str, Any]], folder: Path, repeats: int
) -> Race:
    """Let competitors take turns.

    Args:
        name: What they do.
        unit: What the table counts.
        who: What each of them is given, ours first.
        folder: Where environments are.
        repeats: Steps of each.
    """
    seconds: dict[str, list[float]] = {one: [] for one in who}
    steps: dict[str, float] = {}
    with ExitStack() as stack:
        ready = {
            one: stack.enter_context(competitor(one, data, folder)) for one, data in who.items()
        }
        for _ in range(repeats):
            for one, step in ready.items():
                spent, steps[one] = step()
                seconds[one].append(spent)
    return Race(name, unit, {one: tuple(found) for one, found in seconds.items()}, steps)


def training_race(name: str, folder: Path, repeats: int) -> Race:
    """A training step of one network."""
    mask = MASKS[name]()
    batch = task_stream("mod-cog-84", batch_size=BATCH_SIZE, seq_len=350, seed=0).batch(0)
    edges = mask.tocsr().tocoo()
    data = {
        "n_units": mask.n_units,
        "n_outputs": OUTPUT_SIZE,
        "rows": edges.row.astype(np.int64),
        "columns": edges.col.astype(np.int64),
        "inputs": batch.inputs[:N_STEPS].numpy(),
        "targets": batch.targets[:N_STEPS].numpy(),
    }
    who = {one: data for one in TRAINED if mask.nnz <= TOO_SLOW.get(one, mask.nnz)}
    return race(name, "ms a step", who, folder, repeats)


def trial_races(folder: Path, repeats: int) -> Iterator[Race]:
    """Batches of trials."""
    suite = "cog-20"
    data = {"suite": suite, "n_tasks": len(modcog.suite(suite))}
    who = {"modcog": data, "neurogym": data}
    yield race("20 tasks", "steps/s", who, folder, repeats)
    who = {"modcog": {"suite": "DMS"}, "braintools": {"n_lanes": 16 * LANES}}
    yield race("delayed match to sample", "steps/s", who, folder, repeats)


def measure(
    folder: Path,
    names: Sequence[str] = tuple(MASKS),
    repeats: tuple[int, int] = (9, 15),
    *,
    trials: bool = True,
) -> dict[str, Any]:
    """Measure everything.

    Args:
        folder: Where environments are, or are made.
        names: Networks of `MASKS`.
        repeats: Turns of a training step, and of a batch of trials.
        trials: Whether samplers are compared too.

    Returns:
        The machine and the races; JSON can hold it.
    """
    load_before = os.getloadavg()
    found: list[Race] = []
    print(HEADER)
    for name in names:
        found.append(training_race(name, folder, repeats[0]))
        print(found[-1], flush=True)
    for one in trial_races(folder, repeats[1]) if trials else ():
        found.append(one)
        print(one, flush=True)
    return {
        "machine": machine(load_before),
        "environments": {name: list(what) for name, what in ENVIRONMENTS.items()},
        "sizes": {name: MASKS[name]().n_units for name in names},
        "races": [one.record() for one in found],
    }


HEADER = (
    "| | ours: median (least to most) | how many times as long others take (their median) |\n"
    "|---|---|---|"
)


def figure(result: Mapping[str, Any]) -> Figure:
    """Draw how long a step takes and how many times ours, against the number of units."""
    races = {one["name"]: one for one in result["races"] if one["name"].endswith(", d=6")}
    sizes = {name: result["sizes"][name] for name in races}
    drawn, (times, ratios) = plt.subplots(1, 2, figsize=(8.4, 3.4), layout="constrained")
    for number, who in enumerate(TRAINED):
        there = [name for name in races if who in races[name]["seconds"]]
        x = [sizes[name] for name in there]
        y = [1e3 * float(np.median(races[name]["seconds"][who])) for name in there]
        times.plot(x, y, "o-", color=SERIES[number], label=who)
        if number:
            y = [races[name]["ratios"][who] for name in there]
            ratios.plot(x, y, "o-", color=SERIES[number], label=who)
    times.set(xlabel="units", ylabel="ms a training step", xscale="log", yscale="log")
    ratios.set(xlabel="units", ylabel="times as long as sparse_rnn", xscale="log", yscale="log")
    ratios.axhline(1, color=SERIES[0], linewidth=1)
    times.legend(frameon=False, fontsize="small")
    for axes in (times, ratios):
        axes.spines[["top", "right"]].set_visible(False)
        axes.minorticks_off()
        axes.set_xticks(list(sizes.values()), [str(size) for size in sizes.values()])
    return drawn


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and write; or draw what was written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, help="JSON file to write")
    parser.add_argument("--environments", type=Path, default=Path("runs/environments"))
    parser.add_argument("--networks", nargs="+", choices=MASKS, default=list(MASKS), metavar="NAME")
    parser.add_argument("--repeats", type=int, nargs=2, default=(9, 15))
    parser.add_argument(
        "--figure", type=Path, help="draw what is in the file -o, to this file, and print it"
    )
    args = parser.parse_args(arguments)
    if args.figure:
        if not args.output:
            parser.error("--figure needs -o: the file with what was measured")
        known = json.loads(args.output.read_text(encoding="utf-8"))
        for one in known["races"]:
            print(Race(one["name"], one["unit"], one["seconds"], one["steps"]))
        drawn = figure(known)
        drawn.savefig(args.figure)
        plt.close(drawn)
        return 0
    return finish(measure(args.environments, args.networks, tuple(args.repeats)), args.output)


if __name__ == "__main__":
    sys.exit(main())
