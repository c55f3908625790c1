"""From which density on is the dense kernel faster than the sparse one?

Training steps of both take turns in one process, on one thread, for several sizes, radii and
nonlinearities; beside the ratio stands what "auto" takes. The constants of
`sparse_rnn.kernels.choose` for the CPU come from here. Run it as
``python -m benchmarks.speed.crossover -o crossover.json``.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import nn

import sparse_rnn as srnn
from benchmarks.speed.training import INPUT_SIZE, OUTPUT_SIZE
from sparse_rnn.kernels import NONLINEARITIES

SHEETS = ((20, 2), (20, 4), (20, 6), (30, 6), (50, 6))
"""Sides and radii of the masks."""

SHAPE = (100, 20)
"""Time steps and lanes of a batch."""


@dataclass(frozen=True)
class KernelRatio:
    """One line of the table.

    Attributes:
        side: Side of the sheet.
        radius: Radius of the mask.
        nonlinearity: Nonlinearity of the units.
        auto: Backend that "auto" takes.
        ratio: CPU seconds of a step on `dense` over those on `sparse_cpu`, the least of each.
    """

    side: int
    radius: float
    nonlinearity: str
    auto: str
    ratio: float


def measure(side: int, radius: float, nonlinearity: str, repeats: int) -> KernelRatio:
    """Time both kernels on one mask."""
    mask = srnn.masks.locality((side, side), radius)
    inputs = torch.zeros(*SHAPE, INPUT_SIZE)
    inputs[..., [0, -1]] = 1
    targets = torch.zeros(SHAPE[0] * SHAPE[1], dtype=torch.int64)
    spent: dict[str, list[float]] = {"sparse_cpu": [], "dense": []}
    networks = {
        name: srnn.Network(INPUT_SIZE, OUTPUT_SIZE, mask, nonlinearity, name) for name in spent
    }
    optimisers = {name: torch.optim.Adam(net.parameters()) for name, net in networks.items()}
    for _ in range(repeats + 1):
        for name, network in networks.items():
            begin = time.process_time()
            optimisers[name].zero_grad(set_to_none=True)
            logits, _ = network(inputs)
            nn.functional.cross_entropy(logits.flatten(0, 1), targets).backward()
            optimisers[name].step()
            spent[name].append(time.process_time() - begin)
    least = {name: min(times[1:]) for name, times in spent.items()}  # The first one compiles.
    auto = srnn.MaskedRNN(INPUT_SIZE, mask, nonlinearity).backend
    return KernelRatio(side, radius, nonlinearity, auto, least["dense"] / least["sparse_cpu"])


def main() -> None:
    """Measure, print the table, and write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=4)
    parser.add_argument("-o", "--out", type=Path)
    args = parser.parse_args()
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    rows: list[KernelRatio] = []
    for side, radius in SHEETS:
        for name in NONLINEARITIES:
            rows.append(measure(side, radius, name, args.repeats))
            row = rows[-1]
            print(f"{side}x{side} d={radius} {name:9} dense/sparse {row.ratio:6.2f}  {row.auto}")
    torch.set_num_threads(before)
    if args.out is not None:
        args.out.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")


if __name__ == "__main__":
    main()
