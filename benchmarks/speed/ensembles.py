"""What do networks of several seeds cost at once, next to one after another?

Steps of the ensemble and of its members alone take turns in one process. Run it as
``python -m benchmarks.speed.ensembles -o ensembles.json``; ``--device cuda`` measures a GPU.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor, nn

import sparse_rnn as srnn
from benchmarks.speed._machine import finish, machine
from sparse_rnn.nn.network import NetworkStack, together

INPUT_SIZE, OUTPUT_SIZE = 53, 17
"""Channels of cog-20."""

MASKS: Mapping[str, Callable[[], srnn.Mask]] = MappingProxyType(
    {
        "dense N=400": lambda: srnn.masks.dense(400),
        "LM N=400, d=3": lambda: srnn.masks.locality((20, 20), 3),
        "autapse N=400": lambda: srnn.masks.autapse(400),
    }
)
"""The networks of the table."""


@dataclass(frozen=True)
class EnsembleTime:
    """One line of the table; times are medians of training steps in seconds.

    Attributes:
        network: Name of the network.
        way: A name in `WAYS`.
        backend: Backend that "auto" took.
        seeds: Number of networks S.
        together_s: Seconds of a step of all S at once.
        one_s: Seconds of a step of one network.
        over_one: ``together_s / one_s``; S would be no gain at all.
        over_sequence: ``together_s / (S * one_s)``.
    """

    network: str
    way: str
    backend: str
    seeds: int
    together_s: float
    one_s: float
    over_one: float
    over_sequence: float


WAYS: Mapping[str, Callable[[Sequence[srnn.Network]], Callable[[Tensor], Tensor]]] = (
    MappingProxyType({"as trained": together, "stacked": NetworkStack})
)
"""How the networks are computed: as `train_ensemble` does on the device, or always batched."""


def measure(
    name: str, way: str, *, seeds: int, shape: tuple[int, int], device: torch.device, repeats: int
) -> EnsembleTime:
    """Time steps of an ensemble and of one of its members.

    Args:
        name: A name in `MASKS`.
        way: A name in `WAYS`.
        seeds: Number of networks S.
        shape: Steps T and lanes B of a batch.
        device: Where they run.
        repeats: Number of steps of each.
    """
    mask = MASKS[name]()
    networks = [
        srnn.Network(INPUT_SIZE, OUTPUT_SIZE, mask, seed=seed).to(device) for seed in range(seeds)
    ]
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(seeds, *shape, INPUT_SIZE, generator=generator).to(device)
    targets = torch.randint(OUTPUT_SIZE, (seeds, *shape), generator=generator).to(device)
    stack = WAYS[way](networks)
    optimisers = [torch.optim.Adam(network.parameters()) for network in networks]

    def step(members: range, run: Callable[[], Tensor]) -> float:
        _synchronise(device)
        begin = time.perf_counter()
        for i in members:
            optimisers[i].zero_grad(set_to_none=True)
        logits = run()
        losses = [
            nn.functional.cross_entropy(own.flatten(0, 1), targets[i].flatten())
            for i, own in zip(members, logits, strict=True)
        ]
        torch.stack(losses).sum().backward()
        for i in members:
            nn.utils.clip_grad_norm_(networks[i].parameters(), 1.0)
            optimisers[i].step()
        _synchronise(device)
        return time.perf_counter() - begin

    together: list[float] = []
    one: list[float] = []
    for turn in range(repeats + 2):  # The first two compile, lay out and fill caches.
        own = turn % seeds
        spent = step(range(seeds), lambda: stack(inputs))
        alone = step(range(own, own + 1), lambda i=own: networks[i](inputs[i])[0][None])
        if turn >= 2:
            together.append(spent)
            one.append(alone)
    both = float(np.median(together)), float(np.median(one))
    backend = networks[0].rnn.backend
    return EnsembleTime(
        name, way, backend, seeds, *both, both[0] / both[1], both[0] / (seeds * both[1])
    )


def table(rows: list[EnsembleTime]) -> str:
    """The rows as text."""
    lines = [
        f"{'network':16} {'way':10} {'backend':10} seeds  at once/one  at once/one after another"
    ]
    lines.extend(
        f"{row.network:16} {row.way:10} {row.backend:10} {row.seeds:5d}  {row.over_one:11.2f}  "
        f"{row.over_sequence:25.2f}"
        for row in rows
    )
    return "\n".join(lines)


def main() -> None:
    """Measure, print the table, and write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=100, help="time steps of a batch")
    parser.add_argument("--lanes", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("-o", "--out", type=Path)
    args = parser.parse_args()
    load_before = os.getloadavg()
    device, shape = torch.device(args.device), (args.steps, args.lanes)
    how = {"seeds": args.seeds, "shape": shape, "device": device, "repeats": args.repeats}
    rows = [measure(name, way, **how) for name in MASKS for way in WAYS]
    print(table(rows))
    record = {"machine": machine(load_before), "device": args.device, "shape": shape}
    finish({**record, "rows": [asdict(row) for row in rows]}, args.out)


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


if __name__ == "__main__":
    main()
