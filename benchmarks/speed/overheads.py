"""What do imports, the first compilation, evaluations, checkpoints and sweeps cost?

All in processor seconds, user and system, of processes of their own with one thread: other programs
on the machine change them little. Each is the least of several. Run it as
``python -m benchmarks.speed.overheads -o overheads.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.speed._machine import finish, machine

ROOT = Path(__file__).resolve().parents[2]
ONE_THREAD = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}

_RUNS = """
import json, sys, tempfile, time
from pathlib import Path
import sparse_rnn as srnn
from sparse_rnn import sweep

def spent(work):
    times = []
    for _ in range(int(sys.argv[1]) + 1):  # The first one compiles and reads from the disk.
        with tempfile.TemporaryDirectory() as folder:
            begin = time.process_time()
            work(Path(folder))
            times.append(time.process_time() - begin)
    return min(times[1:])

def train(folder, evaluations, checkpoints):
    config = srnn.TrainConfig(
        suite=("Go", "DlyGo"), arch="locality", size=(20, 20), radius=3, steps=20, seed=0,
        eval_every=20 // evaluations, eval_batches=2, final_batches=1, backend="sparse_cpu",
    )
    every = 20 // checkpoints
    options = srnn.RunOptions(prefetch=False, tensorboard=False, checkpoint_every=every)
    srnn.train(config, folder / "run", options=options)

def swept(folder, runs):
    smallest = {
        "suite": "Go", "arch": "autapse", "size": 8, "steps": 1, "eval_batches": 1,
        "final_batches": 1, "batch_size": 2, "seq_len": 40, "backend": "dense",
    }
    sweep.run(sweep.Grid.of(smallest, seed=range(runs)).configs(), folder, workers=0)

plain, one = spent(lambda at: train(at, 1, 1)), spent(lambda at: swept(at, 1))
evaluations = spent(lambda at: train(at, 20, 1)) - plain
checkpoints = spent(lambda at: train(at, 1, 20)) - plain
print(json.dumps([evaluations, checkpoints, spent(lambda at: swept(at, 9)) - one]))
"""

_STEP = """
import torch
import sparse_rnn as srnn
network = srnn.Network(53, 17, srnn.masks.locality((20, 20), 3), backend="sparse_cpu")
logits, _ = network(torch.zeros(5, 20, 53))
logits.sum().backward()
"""

_MODULES = (
    "import sys; before = set(sys.modules); import {0}; print(len(set(sys.modules) - before))"
)


@dataclass(frozen=True)
class Cost:
    """One line of the table.

    Attributes:
        what: What is paid for.
        seconds: Processor seconds: the least of the repeats.
        count: Modules, evaluations, checkpoints or runs that they are the price of, together.
    """

    what: str
    seconds: float
    count: int


def spent(code: str, *arguments: str, **environment: str) -> float:
    """Processor seconds of a new interpreter that runs some code."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, **ONE_THREAD, **environment},
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def modules(package: str) -> int:
    """Number of modules that the import of a package loads."""
    command = [sys.executable, "-c", _MODULES.format(package)]
    result = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return int(result.stdout)


def imports(repeats: int) -> list[Cost]:
    """The packages, beside an interpreter that imports nothing, and torch for comparison."""
    bare = least(lambda: spent("pass"), repeats)

    def one(package: str) -> Cost:
        seconds = least(lambda: spent(f"import {package}"), repeats) - bare
        return Cost(f"import {package}", seconds, modules(package))

    return [one("modcog"), one("torch"), one("sparse_rnn")]


def compilation() -> list[Cost]:
    """A first step forward and backward, with and without kept code, beside the import."""
    imported = spent("import sparse_rnn")
    with tempfile.TemporaryDirectory() as folder:
        first, again = (spent(_STEP, NUMBA_CACHE_DIR=folder) for _ in range(2))
        kept = len(list(Path(folder).rglob("*.nbc")))
    return [
        Cost("first step of a machine", first - imported, kept),
        Cost("first step of a process", again - imported, kept),
    ]


def of_runs(repeats: int) -> list[Cost]:
    """Evaluations of two batches, checkpoints, and runs of a sweep, beside the first of each."""
    command = [sys.executable, "-c", _RUNS, str(repeats)]
    env = {**os.environ, **ONE_THREAD}
    result = subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE, text=True)
    found = json.loads(result.stdout.splitlines()[-1])
    names = {"evaluations": 19, "checkpoints": 19, "runs of a sweep": 8}
    return [Cost(*row) for row in zip(names, found, names.values(), strict=True)]


def least(work: Callable[[], float], repeats: int) -> float:
    """The least of some measurements."""
    return min(work() for _ in range(repeats))


PARTS: dict[str, Callable[[int], list[Cost]]] = {
    "imports": imports,
    "compilation": lambda _: compilation(),
    "runs": of_runs,
}
"""What can be measured, by name."""


def measure(parts: Sequence[str], repeats: int) -> dict[str, Any]:
    """Measure some parts; JSON types."""
    load = os.getloadavg()
    rows = [asdict(row) for part in parts for row in PARTS[part](repeats)]
    return {"rows": rows, "repeats": repeats, "machine": machine(load)}


def line(row: dict[str, Any]) -> str:
    """A line of the table in Markdown."""
    each = row["seconds"] / row["count"] if row["count"] else row["seconds"]
    return f"| {row['what']} | {row['seconds']:.2f} s | {row['count']} | {1e3 * each:.1f} ms |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, and write it as JSON."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed.overheads", description=__doc__
    )
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args(arguments)
    result = measure(options.parts, options.repeats)
    print("| what | processor seconds | count | each |\n|---|---|---|---|")
    print("\n".join(line(row) for row in result["rows"]))
    return finish(result, options.output)


if __name__ == "__main__":
    sys.exit(main())
