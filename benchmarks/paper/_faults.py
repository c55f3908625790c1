"""Faults of the released tasks, emulated: streams with their labels, and training on them.

`docs/fidelity.md` describes the faults. They exist in these experiments only.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import track

import modcog
import sparse_rnn as srnn
from benchmarks.paper import _cost as cost
from benchmarks.paper._arms import Arm, Results, Trained, gave_up
from benchmarks.paper._scales import Scale
from modcog.tasks.decision import TwoPlaces
from sparse_rnn.data import Batch, TaskStream
from sparse_rnn.errors import TrainingDiverged
from sparse_rnn.evaluation.mode import evaluating
from sparse_rnn.runs import weights as checkpoint
from sparse_rnn.runs.folder import state_of
from sparse_rnn.sweep import identity, store
from sparse_rnn.training.run import build
from sparse_rnn.training.session import PlannedRun, identity_of, run_to_end

RELEASED_DELAY_MS = 500.0
"""The interval that every DM trial with Int has in the released code."""


def wrap_labels(batch: Batch) -> Batch:
    """Take labels modulo the ring, as the released code does: its last direction is "fixate"."""
    n_ring = batch.source.trials.dim_ring
    return replace(batch, targets=torch.where(batch.targets == n_ring, 0, batch.targets))


@dataclass(frozen=True)
class Fault:
    """A way in which the tasks differ from ours.

    Attributes:
        name: Name of a folder.
        label: What it is called.
        constant_intervals: Whether DM tasks with Int always have the same delay.
        wraps: Whether labels are taken modulo the ring.
    """

    name: str
    label: str
    constant_intervals: bool = False
    wraps: bool = True


FAULTS = (
    Fault("labels", "labels wrapped"),
    Fault("labels-intervals", "and intervals constant", constant_intervals=True),
)


Job = tuple[srnn.TrainConfig, Path, Fault]
"""A run on faulty tasks: its settings, the folder of all results, and the fault."""

WORKERS = 2
"""Processes that train on faulty tasks, one thread each."""

WORTH_PROCESSES_S = 60.0
"""Shorter work is done in this process, as others take seconds to begin."""


@dataclass(frozen=True)
class Relabelled:
    """Batches of a stream whose targets are rewritten.

    Attributes:
        stream: Where they come from.
        rewrite: Makes the batch that is trained on.
    """

    stream: TaskStream
    rewrite: Callable[[Batch], Batch]

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        """Iterate over the batches start..stop-1."""
        return map(self.rewrite, self.stream.batches(start, stop))


def streams(config: srnn.TrainConfig, fault: Fault) -> tuple[TaskStream, TaskStream]:
    """The training and the held-out stream of a run, with right labels, from its seed."""
    training, held_out, _ = build(config)
    if not fault.constant_intervals:
        return training, held_out
    settings = {"dt": config.dt, "noise": config.noise}
    specs = [_spec(name, settings) for name in training.sampler.tasks]
    made = [
        TaskStream(
            modcog.BatchSampler(
                specs, batch_size=config.batch_size, seq_len=config.seq_len, seed=seed
            )
        )
        for seed in (training.sampler.seeds, held_out.sampler.seeds)
    ]
    return made[0], made[1]


def _spec(name: str, settings: dict[str, object]) -> modcog.TaskSpec:
    spec = modcog.task(name, **settings)
    varies = spec.interval and isinstance(spec.period(spec.interval).duration, tuple)
    if not (varies and isinstance(spec.params, TwoPlaces)):
        return spec
    return modcog.task(name, int_delay=(RELEASED_DELAY_MS, RELEASED_DELAY_MS), **settings)


def folder_of(results: Path, config: srnn.TrainConfig, fault: Fault) -> Path:
    """Folder of a run on faulty tasks."""
    return results / "faults" / fault.name / identity(config)


def train(config: srnn.TrainConfig, results: Path, fault: Fault) -> Trained:
    """Train a network on faulty tasks, or go on with it; it is evaluated against right labels."""
    folder = folder_of(results, config, fault)
    if state_of(folder, identity_of(config)) != "finished":
        training, held_out = streams(config, fault)
        network = build(config)[2]
        batches = Relabelled(training, wrap_labels) if fault.wraps else training
        options = srnn.RunOptions(threads=1, prefetch=False, tensorboard=False)
        plan = PlannedRun(config, network, batches, held_out, folder)
        result = run_to_end([plan], options).get(0)
        if isinstance(result, TrainingDiverged):
            raise result
    return Trained(config, folder)


def jobs(arms: Iterable[Arm], found: Iterable[Fault], results: Results, scale: Scale) -> list[Job]:
    """The runs of some networks on faulty tasks that are not finished."""
    return [
        (config, results.folder, fault)
        for arm in arms
        for config in arm.configs(scale)
        for fault in found
        if not finished(config, results.folder, fault)
        and not gave_up(folder_of(results.folder, config, fault))
    ]


def diverged(arm: Arm, results: Results, scale: Scale, fault: Fault) -> tuple[int, ...]:
    """Seeds with which a network diverged on faulty tasks."""
    return tuple(
        config.seed
        for config in arm.configs(scale)
        if gave_up(folder_of(results.folder, config, fault))
    )


def attempt(config: srnn.TrainConfig, results: Path, fault: Fault) -> None:
    """As `train`; a run that diverges leaves a note of it, and no network."""
    try:
        train(config, results, fault)
    except TrainingDiverged as error:
        told = f"{type(error).__name__}: {error}"
        text = "".join(traceback.format_exception(error))
        store.note_failure(folder_of(results, config, fault), told, text, retries=0, final=True)


def train_all(waiting: Sequence[Job]) -> None:
    """Train on faulty tasks, in two processes where it is worth it."""
    if sum(cost.seconds(config) for config, _, _ in waiting) < WORTH_PROCESSES_S:
        for job in waiting:
            attempt(*job)
        return
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(attempt, *job) for job in waiting]
        for future in track(
            as_completed(futures),
            "runs on faulty tasks",
            total=len(futures),
            console=Console(stderr=True),
        ):
            future.result()


def finished(config: srnn.TrainConfig, results: Path, fault: Fault) -> list[Trained]:
    """The run, where it is finished."""
    folder = folder_of(results, config, fault)
    return [Trained(config, folder)] if (folder / checkpoint.WEIGHTS).exists() else []


def agreement(run: Trained, fault: Fault) -> float:
    """Share of trials answered at their last step with the label that was trained on."""
    _, held_out = streams(run.config, fault)
    network = run.network()
    right = total = 0
    with evaluating(network), torch.no_grad():
        for batch in held_out.batches(0, run.config.eval_batches):
            labels = (wrap_labels(batch) if fault.wraps else batch).targets.numpy()
            trials = batch.source.trials
            last = trials.start + trials.length - 1
            answers = network(batch.inputs)[0].argmax(-1).numpy()
            hits = answers[last, trials.lane] == labels[last, trials.lane]
            right, total = right + int(hits.sum()), total + len(hits)
    return right / total
