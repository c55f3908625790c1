"""What the tests of sparse_rnn share."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

import sparse_rnn as srnn
from sparse_rnn import kernels
from sparse_rnn.evaluation.history import Record

SMALL: dict[str, Any] = {
    "suite": ("Go", "DlyGo"),
    "arch": "locality",
    "size": (4, 4),
    "radius": 1,
    "steps": 4,
    "batch_size": 2,
    "seq_len": 45,
    "eval_every": 2,
    "eval_batches": 1,
    "final_batches": 2,
    "seed": 9,
}
"""Settings of a run that takes a blink of an eye, and that scores above 0 from the start."""


CPU_BACKENDS = [name for name in kernels.KERNELS if name != "cuda"]
"""The backends that run on every machine."""


def small_config(**changes: Any) -> srnn.TrainConfig:
    """The small configuration with some settings changed; None removes a setting."""
    settings = {**SMALL, **changes}
    return srnn.TrainConfig(
        **{name: value for name, value in settings.items() if value is not None}
    )


def random_mask(rng: np.random.Generator, n_units: int, density: float = 0.4) -> srnn.Mask:
    """A mask whose synapses are drawn one by one."""
    targets, sources = np.nonzero(rng.random((n_units, n_units)) < density)
    return srnn.Mask.from_edges(n_units, targets, sources)


def masked_cross_entropy(logits: torch.Tensor, batch: Any) -> torch.Tensor:
    """The loss as the paper has it, in plain torch: each step weighted with the mask."""
    costs = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), batch.targets.flatten(), reduction="none"
    )
    weights = batch.mask.flatten()
    return (costs * weights).sum() / weights.sum()


def weights_of(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The state dict of a module without the digests of its masks."""
    state = module.state_dict()
    return {name: state[name] for name in state if not name.endswith("_extra_state")}


def same_bits(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> bool:
    """Whether two state dicts hold the same tensors."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Bytes and time of the last change of each file in a folder and the folders in it."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def lines_without_clock(folder: Path) -> list[list[str]]:
    """Cells of `metrics.csv` but those of the clock."""
    with (folder / "metrics.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    clock = header.index("elapsed_s")
    return [[*row[:clock], *row[clock + 1 :]] for row in (header, *rows)]


def same_outcome(one: Path, other: Path) -> bool:
    """Whether two run folders hold the same run: weights and all numbers, bit for bit."""
    names = ("weights.safetensors", "evaluations.csv", "evaluation.csv")
    same = all((one / name).read_bytes() == (other / name).read_bytes() for name in names)
    return same and lines_without_clock(one) == lines_without_clock(other)


def scores_of(
    tasks: Iterable[str] = ("Go", "Anti"), accuracy: float = 0.5, chance: float = 0.0625
) -> srnn.evaluation.scores.TaskScores:
    """A table in which all measures have one value."""
    measures = dict.fromkeys(srnn.evaluation.scores.MEASURES, accuracy)
    rows = [{"task": task, "n_trials": 7, "chance": chance, **measures} for task in tasks]
    return srnn.evaluation.scores.TaskScores.from_rows(rows)


def record_of(step: int, scores: srnn.evaluation.scores.TaskScores | None = None) -> Record:
    """The record of a step that took half a second."""
    return Record(step, 1.5 / step, 1e-3, 0.25, 0.5 * step, scores)


def made_run(
    curve: Mapping[int, float], tasks: Iterable[str] = ("Go", "Anti"), **changes: Any
) -> srnn.Run:
    """A run that was never trained, with a given learning curve."""
    config = small_config(steps=max(curve), **changes)
    records = [
        record_of(step, scores_of(tasks, curve[step]) if step in curve else None)
        for step in range(1, max(curve) + 1)
    ]
    history = srnn.evaluation.history.History.of(record.row() for record in records)
    network = srnn.Network(3, 2, config.build_mask())
    return srnn.Run(config, network, history, scores_of(tasks, curve[max(curve)]))
