"""How long is a training step, next to a masked ``torch.nn.RNN``?

The reference is what a user would write: ``torch.nn.RNN`` with a linear readout, Adam, and
``W <- G * W`` after each step. Everything runs in one process, and repeats of the competitors take
turns, so that whatever slows the machine slows all of them. A trial of `mod-cog-84` has one active
rule input of 84, which our kernel makes use of. Run it as
``python -m benchmarks.speed.training -o training.json``.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import sparse_rnn as srnn
from benchmarks.speed._machine import finish, machine
from sparse_rnn.data import task_stream

INPUT_SIZE, OUTPUT_SIZE, BATCH_SIZE = 117, 17, 64


def random_mask(n_units: int, in_degree: int) -> srnn.Mask:
    """The paper's random control: as many synapses onto each unit, from anywhere."""
    rng = np.random.default_rng(0)
    sources = [rng.choice(n_units, in_degree, replace=False) for _ in range(n_units)]
    targets = np.repeat(np.arange(n_units), in_degree)
    return srnn.Mask.from_edges(n_units, targets, np.concatenate(sources), family="random")


MASKS: Mapping[str, Callable[[], srnn.Mask]] = MappingProxyType(
    {
        "LM N=2500, d=6": lambda: srnn.masks.locality((50, 50), 6),
        "LM N=2500, d=10": lambda: srnn.masks.locality((50, 50), 10),
        "random N=2500, in-degree 113": lambda: random_mask(2500, 113),
        "LM N=10000, d=6": lambda: srnn.masks.locality((100, 100), 6),
        "autapse N=2500": lambda: srnn.masks.autapse(2500),
        "LM N=400, d=3": lambda: srnn.masks.locality((20, 20), 3),
        "dense N=400": lambda: srnn.masks.dense(400),
    }
)
"""The networks of the table."""

LONGEST_REFERENCE = 10_000
"""Above so many units times 50 steps the reference is too slow to be measured at 350 steps."""


class MaskedTorchRNN(nn.Module):
    """What a user writes today: ``torch.nn.RNN``, a readout, and a mask for after the step."""

    def __init__(self, mask: srnn.Mask) -> None:
        super().__init__()
        self.rnn = nn.RNN(INPUT_SIZE, mask.n_units, nonlinearity="relu")
        self.readout = nn.Linear(mask.n_units, OUTPUT_SIZE)
        self.register_buffer("mask", torch.from_numpy(mask.to_dense()).float())

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Logits ``[T, B, O]`` and states ``[T, B, N]``."""
        hidden, _ = self.rnn(inputs)
        return self.readout(hidden), hidden

    def apply_mask(self) -> None:
        """Set absent synapses to zero: ``W <- G * W``."""
        with torch.no_grad():
            self.rnn.weight_hh_l0.mul_(self.mask)


def step_of(network: nn.Module, n_steps: int) -> Callable[[], float]:
    """One training step: forward, backward, Adam, and the mask where there is one to apply.

    The inputs are a batch of `mod-cog-84`.

    Returns:
        A function that does it and returns the seconds it took.
    """
    length = max(n_steps, 350)  # Longer than any trial; cut to the steps that are wanted.
    batch = task_stream("mod-cog-84", batch_size=BATCH_SIZE, seq_len=length, seed=0).batch(0)
    inputs, targets = batch.inputs[:n_steps], batch.targets[:n_steps].flatten()
    # As `sparse_rnn.train` calls a network whose units have no penalty.
    how: dict[str, Any] = {"every_state": False} if isinstance(network, srnn.Network) else {}
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)

    def run() -> float:
        begin = time.perf_counter()
        optimiser.zero_grad(set_to_none=True)
        logits, _ = network(inputs, **how)
        nn.functional.cross_entropy(logits.flatten(0, 1), targets).backward()
        optimiser.step()
        if isinstance(network, MaskedTorchRNN):
            network.apply_mask()
        return time.perf_counter() - begin

    return run


@dataclass(frozen=True)
class StepTime:
    """One line of the table; times are medians in seconds, with their ranges.

    Attributes:
        network: Name of the network.
        synapses: Number of synapses.
        n_steps: Time steps of a sequence.
        backend: Backend that training takes.
        ours_s: Seconds of our training step: median, least, most.
        reference_s: Seconds of the reference's: median, least, most.
        ratio: Median of the reference over ours.
        multiply_adds: Multiply-adds of our step that the mask, input and readout ask for.
        peak_share: Their rate, over the measured peak of the machine.
        bandwidth_share: Bytes a second that our step cannot do without (`least_bytes`), over the
            measured bandwidth of memory.
    """

    network: str
    synapses: int
    n_steps: int
    backend: str
    ours_s: tuple[float, float, float]
    reference_s: tuple[float, float, float]
    ratio: float
    multiply_adds: int
    peak_share: float
    bandwidth_share: float


def least_bytes(mask: srnn.Mask, n_steps: int) -> int:
    """Bytes that a training step moves at least, in float32, if nothing stays in the caches.

    States and deltas are written once, and read once for the gradients of the weights; states are
    read on the way back too. The readout takes them where they are. Weights are read forward and
    backward; Adam reads weight, gradient and two moments and writes three of them.
    """
    states = n_steps * BATCH_SIZE * mask.n_units
    weights = mask.nnz + mask.n_units * (INPUT_SIZE + OUTPUT_SIZE)
    return 4 * (5 * states + (2 + 1 + 7) * weights)


def compare(name: str, n_steps: int, repeats: int, limits: tuple[float, float]) -> StepTime:
    """Measure one network against the reference, in turns.

    Args:
        name: A network of `MASKS`.
        n_steps: Time steps of a sequence.
        repeats: Training steps of each competitor.
        limits: Multiply-adds and bytes a second of the machine.
    """
    peak, bytes_s = limits
    mask = MASKS[name]()
    net = srnn.Network(INPUT_SIZE, OUTPUT_SIZE, mask)
    net.rnn.use(net.rnn.fastest(BATCH_SIZE).kernel)  # As `sparse_rnn.train` chooses.
    ours, theirs = step_of(net, n_steps), step_of(MaskedTorchRNN(mask), n_steps)
    ours()  # compiles
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        seconds[0].append(ours())
        seconds[1].append(theirs())
    # Forward, and twice as much backward: for the states and for the weights. The input needs no
    # gradient.
    n_weights = 3 * mask.nnz + mask.n_units * (2 * INPUT_SIZE + 3 * OUTPUT_SIZE)
    multiply_adds = n_weights * n_steps * BATCH_SIZE
    mine, other = ((float(np.median(s)), float(np.min(s)), float(np.max(s))) for s in seconds)
    return StepTime(
        name,
        mask.nnz,
        n_steps,
        net.rnn.backend,
        mine,
        other,
        other[0] / mine[0],
        multiply_adds,
        multiply_adds / mine[0] / peak,
        least_bytes(mask, n_steps) / mine[0] / bytes_s,
    )


def peak_multiply_adds(repeats: int = 7) -> float:
    """Multiply-adds a second of a large float32 product on all threads: what the machine can do."""
    a, b = torch.ones(2048, 2048), torch.ones(2048, 2048)
    best = min(_seconds(lambda: torch.mm(a, b)) for _ in range(repeats))
    return 2048**3 / best


def bandwidth(repeats: int = 7) -> float:
    """Bytes a second that a large copy reads and writes."""
    source = torch.ones(2**26)
    target = torch.empty_like(source)
    return 2 * 4 * 2**26 / min(_seconds(lambda: target.copy_(source)) for _ in range(repeats))


def _seconds(run: Callable[[], object]) -> float:
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def peak_memory_mb(name: str, kind: str, n_steps: int) -> float:
    """Peak memory of a process that does one training step, less what it had before.

    Args:
        name: A network of `MASKS`.
        kind: "ours" or "reference".
        n_steps: Time steps of a sequence.
    """
    command = [sys.executable, "-m", "benchmarks.speed.training", "--peak", name, kind]
    result = subprocess.run([*command, str(n_steps)], capture_output=True, text=True, check=True)
    return float(result.stdout.splitlines()[-1])


def _peak_of_this_process(name: str, kind: str, n_steps: int) -> float:
    mask = MASKS[name]()
    if kind == "ours":
        # Compiling takes memory once and for all networks: not what is asked for here.
        step_of(srnn.Network(INPUT_SIZE, OUTPUT_SIZE, srnn.masks.locality((8, 8), 1)), 8)()
    before = peak_rss_mb()
    network = (
        srnn.Network(INPUT_SIZE, OUTPUT_SIZE, mask) if kind == "ours" else MaskedTorchRNN(mask)
    )
    step_of(network, n_steps)()
    return peak_rss_mb() - before


def peak_rss_mb() -> float:
    """Largest resident memory of this process so far, in MB.

    Not `getrusage`, whose peak a process inherits from the one that started it.
    """
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def end_to_end(arch: Mapping[str, Any], steps: int) -> dict[str, float]:
    """Train on `mod-cog-84` at batch 20 x 100, data and evaluations included.

    Returns:
        Seconds an update (after the first tenth, which compiles), and the minutes that 10 000
        updates would take at that rate.
    """
    config = srnn.TrainConfig(
        suite="mod-cog-84", **arch, steps=steps, eval_every=max(steps // 2, 1)
    )
    elapsed = srnn.train(config).history["elapsed_s"]
    skipped = steps // 10
    update_s = float(elapsed[-1] - elapsed[skipped]) / (steps - 1 - skipped)
    return {"updates": steps, "update_s": update_s, "minutes_for_10000": update_s * 10_000 / 60}


def measure(
    names: Sequence[str] = tuple(MASKS),
    lengths: Sequence[int] = (50, 350),
    repeats: int = 3,
    updates: tuple[int, int] = (200, 20),
) -> dict[str, Any]:
    """Measure everything.

    Args:
        names: Networks of `MASKS`.
        lengths: Time steps of a sequence.
        repeats: Training steps of each competitor.
        updates: Updates of the sparse and of the dense network, end to end; 0 leaves it out.

    Returns:
        The machine and the rows; JSON can hold it.
    """
    load_before = os.getloadavg()
    limits = peak_multiply_adds(), bandwidth()
    rows: list[StepTime] = []
    for n_steps in lengths:
        for name in names:
            n_units = MASKS[name]().n_units
            if n_units * n_steps <= LONGEST_REFERENCE * 50:
                rows.append(compare(name, n_steps, repeats if n_units <= 2500 else 1, limits))
                print(line(rows[-1]), flush=True)
            elif n_units < LONGEST_REFERENCE:
                rows.append(compare(name, n_steps, 1, limits))
                print(line(rows[-1]), flush=True)
    large = [name for name in names if MASKS[name]().n_units >= LONGEST_REFERENCE]
    memory = {
        name: {kind: peak_memory_mb(name, kind, 50) for kind in ("ours", "reference")}
        for name in large
    }
    trainings: dict[str, dict[str, float]] = {}
    if updates[0]:
        lm = {"arch": "locality", "size": (50, 50), "radius": 6}
        trainings["LM 50x50, d=6"] = end_to_end(lm, updates[0])
        trainings["dense N=2500"] = end_to_end({"arch": "dense", "size": 2500}, updates[1])
    return {
        "machine": {**machine(load_before), "torch": torch.__version__, "threads": threads()},
        "multiply_adds_per_s": limits[0],
        "bytes_per_s": limits[1],
        "batch_size": BATCH_SIZE,
        "rows": [row.__dict__ for row in rows],
        "peak_memory_mb": memory,
        "end_to_end": trainings,
    }


def threads() -> int:
    """Threads that torch uses, and `sparse_cpu` with it."""
    return torch.get_num_threads()


HEADER = (
    "| network | synapses | steps | backend | ours | nn.RNN, masked | ratio | of the peak "
    "| of the bandwidth |\n|---|---|---|---|---|---|---|---|---|"
)


def line(row: StepTime) -> str:
    """A row in Markdown; times as median (least to most)."""
    ours, other = (
        f"{1e3 * mid:.0f} ms ({1e3 * low:.0f} to {1e3 * high:.0f})"
        for mid, low, high in (row.ours_s, row.reference_s)
    )
    return (
        f"| {row.network} | {row.synapses:,} | {row.n_steps} | {row.backend} | {ours} | {other} "
        f"| {row.ratio:.1f} | {row.peak_share:.0%} | {row.bandwidth_share:.0%} |"
    )


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed.training", description=__doc__
    )
    parser.add_argument("-o", "--output", type=Path, help="JSON file to write")
    parser.add_argument("--repeats", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--lengths", type=int, nargs="+", default=[50, 350])
    parser.add_argument("--peak", nargs=3, metavar=("NETWORK", "KIND", "STEPS"), help="for itself")
    options = parser.parse_args(arguments)
    if options.peak:
        name, kind, n_steps = options.peak
        print(_peak_of_this_process(name, kind, int(n_steps)))
        return 0
    print(HEADER)
    result = measure(lengths=options.lengths, repeats=options.repeats)
    for name, peaks in result["peak_memory_mb"].items():
        print(f"Peak memory, {name}: {peaks['ours']:.0f} MB, nn.RNN {peaks['reference']:.0f} MB")
    for name, run in result["end_to_end"].items():
        print(
            f"{name}, mod-cog-84, batch 20 x 100: {run['update_s']:.3f} s an update over "
            f"{run['updates']:.0f} updates; 10 000 would take {run['minutes_for_10000']:.0f} min"
        )
    return finish(result, options.output)


if __name__ == "__main__":
    sys.exit(main())
