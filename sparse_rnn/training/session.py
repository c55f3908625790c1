"""One run from its beginning, or from where it was left, to its end."""

from __future__ import annotations

import signal
from collections.abc import Generator, Iterable
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from sparse_rnn.config.fit import FitConfig
from sparse_rnn.config.run import RunOptions
from sparse_rnn.data import TaskStream
from sparse_rnn.errors import Interrupted, InvalidArgument
from sparse_rnn.evaluation.history import History
from sparse_rnn.evaluation.scores import TaskScores
from sparse_rnn.nn.cells import LeakyRNN
from sparse_rnn.nn.network import Network
from sparse_rnn.runs import folder as run_folder
from sparse_rnn.runs.archive import Archive
from sparse_rnn.runs.checkpoint import CHECKPOINT, Snapshot, pack, unpack
from sparse_rnn.runs.identity import Identity
from sparse_rnn.runs.origin import Origin, read as read_origin
from sparse_rnn.system.hardware import precision
from sparse_rnn.system.lock import locked
from sparse_rnn.system.signals import StopRequest, watched
from sparse_rnn.training.group import Group
from sparse_rnn.training.loop import StopSeen, Trainer
from sparse_rnn.training.progress import Display, lasting, silent

Row = Iterable[float | str]


@dataclass(frozen=True, eq=False)
class Job:
    """A run that is to be carried out.

    Attributes:
        config: The settings.
        network: The network, which is trained in place.
        training: The stream of training batches.
        held_out: The stream of the evaluations.
        folder: Where the files go, or None.
        options: How the run is carried out.
        continue_from: Folder of a run whose newest checkpoint is the start, or None.
    """

    config: FitConfig
    network: nn.Module
    training: TaskStream
    held_out: TaskStream
    folder: Path | None
    options: RunOptions
    continue_from: Path | None = None


def identity_of(config: FitConfig) -> Identity:
    """What a run's files hold of its configuration."""
    parse = type(config).from_json
    return Identity(
        config.to_json(), dict(config), config.rate, lambda text: identity_of(parse(text))
    )


def carry_out(job: Job, group: Group, progress: Display) -> tuple[History, TaskScores] | None:
    """Train and evaluate.

    Args:
        job: The run; its folder holds none that is finished.
        group: The processes that take part, each with a job like this one.
        progress: Shows the course, in the first process.

    Returns:
        The course of the run and its final scores; None where another process has finished the
        folder's run meanwhile.
    """
    with ExitStack() as stack:
        stack.enter_context(threads(job.options.threads))
        stack.enter_context(precision(job.config.precision))
        stack.enter_context(chunks(job.network, job.options.chunk))
        request = StopRequest()
        archive: Archive | None = None
        if job.folder is not None:
            request = stack.enter_context(watched())
            archive, ended = claim(job, job.folder, group, stack)
            if ended:
                return None
        shard = job.training if group.size == 1 else job.training.shard(group.rank, group.size)
        for module in job.network.modules():
            if isinstance(module, LeakyRNN):
                module.noise_stream = group.rank
        stop = request.__bool__
        trainer = Trainer(job.network, shard, job.held_out, job.config, group=group, stop=stop)
        rows: list[Row] = []
        rows.extend(resume(job, trainer, archive, group))
        job.network.train()
        on_step = stack.enter_context(lasting(progress if group.first else silent)(job.config))
        try:
            with closing(trainer.records(prefetch=job.options.prefetch)) as records:
                for record in records:
                    rows.append(record.row())
                    if archive is not None:
                        archive.write(record)
                    on_step(record)
                    if archive is not None and due(archive, trainer, job.options):
                        archive.save(trainer)
            scores = trainer.examine(job.held_out.final().batches(0, job.config.final_batches))
        except StopSeen:
            raise leave(trainer, archive, request) from None
        history = History.of(rows)
        if archive is not None:
            archive.finish(trainer, history, scores, job.options.levels)
        return history, scores


def claim(job: Job, folder: Path, group: Group, stack: ExitStack) -> tuple[Archive | None, bool]:
    """Take the folder; returns its archive, in the first process, and whether its run has ended."""
    claimed: list[Archive] = []

    def claim() -> bool:
        folder.mkdir(parents=True, exist_ok=True)
        stack.enter_context(locked(folder))
        identity = identity_of(job.config)
        state = run_folder.state_of(folder, identity)
        if state == "finished":
            return True
        if state == "unfinished":
            run_folder.check_network(folder, job.network)
        events = job.options.tensorboard
        archive = Archive(folder, identity, job.network, group.size, tensorboard=events)
        stack.callback(archive.close)
        claimed.append(archive)
        return False

    ended = group.decide(claim)
    return (claimed[0] if claimed else None), ended


def resume(job: Job, trainer: Trainer, archive: Archive | None, group: Group) -> list[list[str]]:
    """Go back to the newest checkpoint, in all processes; returns the rows of the steps before.

    That is the folder's own, else the one of the run that this one continues. Where there is none,
    all processes start from the weights of the first.
    """
    found: Snapshot | None = None
    origin: Origin | None = None
    rows: list[list[str]] = []

    # The first process alone looks, and knows what it found.
    def find() -> None:
        nonlocal found, origin
        found = None if archive is None else archive.find()
        if found is None and job.continue_from is not None:
            origin = read_origin(job.continue_from, identity_of(job.config), group.size)
            found = origin.snapshot

    def open_files() -> None:
        nonlocal rows
        if archive is not None:
            rows = archive.open(found, origin)
            if origin is not None:
                archive.save(trainer)  # From here on the folder needs the other no more.
        elif origin is not None:
            rows = origin.rows()

    group.decide(find)
    if group.size > 1:
        found = unpack(group.bytes(pack(found)))
    if found is not None:
        trainer.resume(found)
    else:
        group.begin_alike(job.network)
    group.decide(open_files)
    return rows


def due(archive: Archive, trainer: Trainer, options: RunOptions) -> bool:
    """Whether the options ask for a checkpoint now."""
    return archive.due(trainer, options.checkpoint_every, options.checkpoint_seconds)


def leave(trainer: Trainer, archive: Archive | None, request: StopRequest) -> Interrupted:
    """Save the run; returns the error that says how to go on."""
    number = request.number or signal.SIGTERM  # None where another process got the signal.
    if archive is None:
        return Interrupted("", number)
    if archive.saved != trainer.step:
        archive.save(trainer)
    return Interrupted(
        f"{number.name} after step {trainer.step} of {trainer.config.steps}. "
        f"{archive.folder / CHECKPOINT} has this step: the same command goes on from it.",
        number,
    )


@contextmanager
def threads(number: int | None) -> Generator[None]:
    """Compute with a number of torch's threads; None leaves them as they are."""
    before = torch.get_num_threads()
    if number is not None:
        torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def chunks(network: nn.Module, chunk: int | None) -> Generator[None]:
    """Keep the activations of a number of time steps at a time; None leaves the network's own.

    Raises:
        InvalidArgument: The network is none that can.
    """
    if chunk is None:
        yield
        return
    if not isinstance(network, Network):
        allowed = "left out for a network that is no sparse_rnn.Network"
        raise InvalidArgument("chunk", chunk, allowed)
    before, network.chunk = network.chunk, chunk
    try:
        yield
    finally:
        network.chunk = before
