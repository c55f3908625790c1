"""How fast are training steps on an NVIDIA GPU? The table of ``docs/performance.md``, in one go.

For each network: ``torch.nn.RNN`` (cuDNN) with its mask applied after the step, and our network on
each kernel that serves there, one after the other; what the timing of a run chooses; and ensembles
of 15. It ends within ten minutes: what there was no time or memory for is named at the end. Run it
as ``python -m benchmarks.speed.gpu -o gpu.json``, or ``make bench-gpu``.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

import sparse_rnn as srnn
from benchmarks.speed import ensembles
from benchmarks.speed._machine import finish, machine
from benchmarks.speed.training import (
    BATCH_SIZE,
    INPUT_SIZE,
    MASKS,
    OUTPUT_SIZE,
    MaskedTorchRNN,
)
from sparse_rnn.data import task_stream
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.kernels import KERNELS
from sparse_rnn.system import hardware

TIME_S = 500.0
"""Seconds after which nothing new is begun."""

LENGTHS = (50, 350)
REFERENCE = "nn.RNN, masked"


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        network: Name of the network.
        n_steps: Time steps of a sequence.
        chosen: The kernel that the timing of a run chooses.
        seconds: Of a training step: median, least and most, by kernel and for the reference.
        peak_mb: Peak memory on the device, in MB; 0 elsewhere than on a GPU.
    """

    network: str
    n_steps: int
    chosen: str
    seconds: Mapping[str, tuple[float, float, float]]
    peak_mb: Mapping[str, float]


def compare(name: str, n_steps: int, device: torch.device, repeats: int) -> Row:
    """Time a network on all kernels that serve on a device, and the reference."""
    mask = MASKS[name]()
    networks: dict[str, nn.Module] = {REFERENCE: MaskedTorchRNN(mask)}
    for kernel in KERNELS.values():
        if kernel.name != "reference" and not kernel.refusal(mask, device.type):
            networks[kernel.name] = srnn.Network(INPUT_SIZE, OUTPUT_SIZE, mask, None, kernel.name)
    spent: dict[str, list[float]] = {way: [] for way in networks}
    peaks = dict.fromkeys(networks, 0.0)
    for way, network in networks.items():  # In turns they would need the memory of all at once.
        step = step_of(network.to(device), n_steps, device)
        for turn in range(repeats + 2):  # The first two compile and fill caches.
            seconds, peak = step()
            if turn >= 2:
                spent[way].append(seconds)
                peaks[way] = max(peaks[way], peak)
        network.to("cpu")
    chosen = srnn.Network(INPUT_SIZE, OUTPUT_SIZE, mask).rnn.fastest(BATCH_SIZE, device.type)
    found = {
        way: (float(np.median(s)), float(np.min(s)), float(np.max(s))) for way, s in spent.items()
    }
    return Row(name, n_steps, chosen.kernel, found, peaks)


def step_of(
    network: nn.Module, n_steps: int, device: torch.device
) -> Callable[[], tuple[float, float]]:
    """A training step on a batch of `mod-cog-84`; it returns its seconds and its peak in MB."""
    batch = task_stream("mod-cog-84", batch_size=BATCH_SIZE, seq_len=350, seed=0).batch(0)
    inputs = batch.inputs[:n_steps].to(device)
    targets = batch.targets[:n_steps].flatten().to(device)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    on_gpu = device.type == "cuda"

    def run() -> tuple[float, float]:
        if on_gpu:
            torch.cuda.reset_peak_memory_stats(device)
            torch.cuda.synchronize(device)
        begin = time.perf_counter()
        optimiser.zero_grad(set_to_none=True)
        logits, _ = network(inputs)
        nn.functional.cross_entropy(logits.flatten(0, 1), targets).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        if isinstance(network, MaskedTorchRNN):
            network.apply_mask()
        if on_gpu:
            torch.cuda.synchronize(device)
        peak = torch.cuda.max_memory_allocated(device) / 1e6 if on_gpu else 0.0
        return time.perf_counter() - begin, peak

    return run


def measure(
    device: torch.device,
    *,
    lengths: Iterable[int] = LENGTHS,
    repeats: int = 5,
    seeds: int = 15,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, Any]:
    """Measure what there is time for; JSON types."""
    load, begin = os.getloadavg(), clock()
    rows: list[dict[str, Any]] = []
    together: list[dict[str, Any]] = []
    left: list[str] = []
    how = {"seeds": seeds, "shape": (100, 20), "device": device, "repeats": repeats}
    works: list[tuple[str, list[dict[str, Any]], Callable[[], Any]]] = [
        (f"{name}, {n} steps", rows, partial(compare, name, n, device, repeats))
        for n in lengths
        for name in MASKS
    ]
    works += [
        (f"{seeds} of {name}, {way}", together, partial(ensembles.measure, name, way, **how))
        for name in ensembles.MASKS
        for way in ensembles.WAYS
    ]
    for name, into, work in works:
        if clock() - begin > TIME_S:
            left.append(name)
            continue
        try:
            into.append(asdict(work()))
        except torch.OutOfMemoryError:
            left.append(f"{name} (memory)")
    on_gpu = device.type == "cuda"
    where = torch.cuda.get_device_name(device) if on_gpu else device.type
    return {
        "device": where,
        "torch": torch.__version__,
        "machine": machine(load),
        "rows": rows,
        "ensembles": together,
        "left_out": left,
    }


def line(row: Mapping[str, Any]) -> str:
    """A line of the table in Markdown: milliseconds, with the range."""
    cells = [
        f"{way} {1e3 * s[0]:.1f} ({1e3 * s[1]:.1f} to {1e3 * s[2]:.1f}) ms"
        for way, s in row["seconds"].items()
    ]
    return f"| {row['network']} | {row['n_steps']} | {row['chosen']} | {'; '.join(cells)} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, and write it as JSON; 2 where there is no GPU."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.gpu", description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args(arguments)
    try:
        device = hardware.device("cuda")
    except InvalidArgument as error:
        print(f"This measures an NVIDIA GPU, and there is none: {error}", file=sys.stderr)
        return 2
    result = measure(device, repeats=options.repeats)
    print(f"{result['device']}, torch {result['torch']}")
    print("| network | steps | chosen | a training step |\n|---|---|---|---|")
    print("\n".join(line(row) for row in result["rows"]))
    print(ensembles.table([ensembles.EnsembleTime(**row) for row in result["ensembles"]]))
    for name in result["left_out"]:
        print(f"left out: {name}")
    return finish(result, options.output)


if __name__ == "__main__":
    sys.exit(main())
