"""What does it cost to change the synapses while a network is trained?

A training step in whose place, or after which, a sparsifier changes the synapses, and the step
after it, which lays out the new edges, are compared with one that finds the mask as it was. They
take turns in one process. What a change adds is spread over the steps between two of them (100 by
default). Run it as
``python -m benchmarks.speed.sparsifiers -o sparsifiers.json``.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

import sparse_rnn as srnn
from benchmarks.speed._machine import finish, machine
from sparse_rnn.training.run import build

NETWORKS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "N=400, 3.3 %": {"size": 400, "density": 0.0325},
        "N=2500, 4.5 %": {"size": 2500, "density": 0.0452},
    }
)
"""The networks of the table, with random masks of that density."""

EVERY = 100
"""Steps between two changes: the default of all methods."""

MOST = 0.1
"""What a change may add to the steps between two of them."""


@dataclass(frozen=True)
class ChangeTime:
    """One line of the table; times are medians in seconds.

    Attributes:
        method: Name of the sparsifier.
        network: Name of the network.
        step_s: Seconds of a step that changes nothing.
        change_s: Seconds of a step with a change.
        after_s: Seconds of the step after it.
        added: What changes add to training with the mask fixed, as a share.
    """

    method: str
    network: str
    step_s: float
    change_s: float
    after_s: float
    added: float


def measure(method: str, network: str, repeats: int, seq_len: int) -> ChangeTime:
    """Measure one method on one network.

    Args:
        method: A name in `sparse_rnn.sparsify.CHANGING`.
        network: A name in `NETWORKS`.
        repeats: Steps of each kind.
        seq_len: Time steps of a sequence.
    """
    size, density = NETWORKS[network]["size"], NETWORKS[network]["density"]
    # What is pruned gradually is at its densest, and most expensive, at first.
    start = {"arch": "random", "mask_options": {"in_degree": round(size * density)}}
    options = {"every": 3, **({"density": density / 2} if method == "gradual" else {})}
    config = srnn.TrainConfig(
        suite="mod-cog-84",
        size=size,
        steps=max(20 * repeats, 100),
        batch_size=64,
        seq_len=seq_len,
        sparsifier=method,
        sparsifier_options=options,
        **start,
    )
    training, held_out, made = build(config)
    trainer = srnn.Trainer(made, training, held_out, config)
    trainer.begin()
    seconds: tuple[list[float], list[float], list[float]] = ([], [], [])
    for number, batch in enumerate(training.batches(0, 3 * repeats + 3), 1):
        began_s = time.perf_counter()
        trainer.advance(batch)
        seconds[number % 3].append(time.perf_counter() - began_s)
    # The first of each compiles.
    change_s, after_s, step_s = (float(np.median(s[1:])) for s in seconds)
    added = (change_s + after_s - 2 * step_s) / (EVERY * step_s)
    return ChangeTime(method, network, step_s, change_s, after_s, added)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure all methods on all networks."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("-o", "--output", type=Path, help="JSON file for the results")
    parser.add_argument("--repeats", type=int, default=5, help="steps of each kind")
    parser.add_argument("--seq-len", type=int, default=50, help="time steps of a sequence")
    parser.add_argument("--networks", nargs="+", choices=list(NETWORKS), default=list(NETWORKS))
    given = parser.parse_args(arguments)
    load = os.getloadavg()
    lines = [
        measure(method, network, given.repeats, given.seq_len)
        for network in given.networks
        for method in srnn.sparsify.CHANGING
    ]
    for one in lines:
        print(
            f"{one.network:16} {one.method:10} step {one.step_s * 1e3:8.1f} ms, with a change "
            f"{one.change_s * 1e3:8.1f} ms: {100 * one.added:+.1f} % every {EVERY} steps"
        )
    result = {"machine": machine(load), "every": EVERY, "lines": [asdict(one) for one in lines]}
    return finish(result, given.output)


if __name__ == "__main__":
    raise SystemExit(main())
