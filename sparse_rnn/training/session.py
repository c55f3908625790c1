"""Runs from their beginnings, or from where they were left, to their ends: one, or several at once.

A run is an ensemble of one: `train`, `fit` and `train_ensemble` all come through `run_to_end`.
"""

from __future__ import annotations

import signal
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import cast

import torch
from torch import nn

from sparse_rnn.config.fit import FitConfig
from sparse_rnn.config.run import RunOptions
from sparse_rnn.data import TaskStream, task_stream
from sparse_rnn.errors import Interrupted, InvalidArgument, TrainingDiverged
from sparse_rnn.evaluation.history import History, Record, mean_of
from sparse_rnn.evaluation.streams import Batches, Examined, Stream
from sparse_rnn.nn.cells import LeakyRNN
from sparse_rnn.nn.network import Network
from sparse_rnn.runs import folder as run_folder
from sparse_rnn.runs.archive import Archive
from sparse_rnn.runs.checkpoint import CHECKPOINT, Snapshot, pack, unpack
from sparse_rnn.runs.finished import Outcome
from sparse_rnn.runs.identity import Identity
from sparse_rnn.runs.origin import Origin, read as read_origin
from sparse_rnn.system.hardware import device_of, precision
from sparse_rnn.system.lock import locked
from sparse_rnn.system.signals import StopRequest, watched
from sparse_rnn.training.callbacks import STOPPED, Callback, Moment, call
from sparse_rnn.training.choices import Choices, chosen, take
from sparse_rnn.training.group import Group
from sparse_rnn.training.loop import Ensemble, Trainer
from sparse_rnn.training.parts import NONE, Parts, as_given
from sparse_rnn.training.progress import Display, lasting, silent
from sparse_rnn.training.stages import check_exam, content_of
from sparse_rnn.training.steps import StopSeen
from sparse_rnn.training.stream import several


@dataclass(frozen=True, eq=False)
class PlannedRun:
    """A run that is to take place.

    Attributes:
        config: The configuration.
        network: The network, which is trained in place.
        training: The stream of training batches.
        held_out: The stream of the evaluations.
        folder: Where the files go, or None.
        continue_from: Folder of a run whose newest checkpoint is the start, or None.
        parts: What the configuration cannot hold; it has the names of them.
    """

    config: FitConfig
    network: nn.Module
    training: Batches
    held_out: Examined
    folder: Path | None
    continue_from: Path | None = None
    parts: Parts = NONE

    @cached_property
    def identity(self) -> Identity:
        """What the run's files hold of its configuration."""
        return identity_of(self.config, self.parts.stream)


@dataclass(frozen=True, eq=False)
class _Member:
    plan: PlannedRun
    trainer: Trainer
    archive: Archive | None
    rows: list[Iterable[float | str]]


def identity_of(config: FitConfig, stream: Stream | None = None) -> Identity:
    """What a run's files hold of its configuration, and of a stream of the caller's."""
    parse = type(config).from_json
    return Identity(
        config.to_json(),
        dict(config),
        config.rate,
        config.stage_plan.exam_due,
        lambda text: identity_of(parse(text), stream),
        partial(tasks_of, config) if stream is None else lambda: stream.identity,
    )


def tasks_of(config: FitConfig) -> str | None:
    """The digest of the content of a configuration's tasks, which a registered name may change."""
    how = {"dt": config.dt, "noise": config.noise}
    return content_of(
        task_stream(config.suite, batch_size=1, seq_len=config.seq_len, seed=0, **how)
    )


def run_to_end(
    plans: Sequence[PlannedRun],
    options: RunOptions,
    group: Group | None = None,
    progress: Display = silent,
    callbacks: Sequence[Callback] = (),
) -> dict[int, Outcome | TrainingDiverged]:
    """Train and evaluate one run, or several at once.

    Args:
        plans: The runs. Their folders hold none that is finished; the configurations of several
            differ in their seeds alone.
        options: How they are carried out.
        group: The processes that take part in one run, each with a plan like this one.
        progress: Shows the course, in the first process: means over the runs.
        callbacks: Called after each gradient step of each run, in the first process.

    Returns:
        What came out of each run by its number, or the error of one that diverged. A run that
        another process has finished meanwhile is left out.

    Raises:
        InvalidArgument: Scores decide what a run trains, or it has stages, and a task does not
            occur in its evaluations.
    """
    group = group or Group()
    config = plans[0].config
    for plan in plans:
        if config.stages is not None or config.curriculum is not None:
            check_exam(cast("TaskStream", plan.held_out), config.eval_batches)
    with ExitStack() as stack:
        stack.enter_context(threads(options.threads))
        stack.enter_context(precision(config.precision))
        for plan in plans:
            stack.enter_context(chunks(plan.network, options.chunk))
        request = StopRequest()
        if plans[0].folder is not None:
            request = stack.enter_context(watched())
        prepared = _prepare(plans, options, group, request, stack)
        if not prepared:
            return {}
        members = list(prepared.values())
        _resume(members, group)
        for member in members:
            member.plan.network.train()
        ensemble = Ensemble([member.trainer for member in members])
        on_step = stack.enter_context(lasting(progress if group.first else silent)(config))
        try:
            new = [m for m in members if m.trainer.sparsity and m.trainer.sparsity.done < 0]
            for i, found_first in ensemble.begin().items():
                if (archive := members[i].archive) is not None:
                    archive.write_scores(0, found_first)
            for member in new:
                _write_sparsity(member, 0)
            with closing(ensemble.records(prefetch=options.prefetch)) as records:
                for found in records:
                    for i, record in found.items():
                        members[i].rows.append(record.row())
                        if (archive := members[i].archive) is not None:
                            archive.write(record)
                        if record.scores is not None:
                            _write_sparsity(members[i], record.step)
                    if found:
                        on_step(mean_of(list(found.values())))
                    if callbacks:
                        _tell({i: (members[i], record) for i, record in found.items()}, callbacks)
                    _save_if_due([members[i] for i in found], options)
            final = {
                i: member.plan.held_out.final().batches(0, config.final_batches)
                for i, member in enumerate(members)
                if i not in ensemble.diverged
            }
            scores = ensemble.examine(final) if final else {}
        except StopSeen:
            left = [_leave(member.trainer, member.archive, request) for member in members]
            raise left[0] from None
        results: dict[int, Outcome | TrainingDiverged] = {}
        for i, (number, member) in enumerate(prepared.items()):
            if i in ensemble.diverged:
                results[number] = ensemble.diverged[i]
                continue
            history = History.of(member.rows)
            trainer = member.trainer
            result = Outcome(history, scores[i], trainer.stage_matrix, trainer.decisions)
            results[number] = result
            if member.archive is not None:
                member.archive.finish(trainer, result, options.levels)
        return results


def _write_sparsity(member: _Member, step: int) -> None:
    """Write what the recurrent matrix is like, where a sparsifier may have changed it."""
    if (archive := member.archive) is not None and member.trainer.sparsity is not None:
        archive.write_sparsity(member.trainer.sparsity.row(step))


def _tell(found: Mapping[int, tuple[_Member, Record]], callbacks: Sequence[Callback]) -> None:
    """Call the callbacks with what was found of each run, and end those that they end."""
    for member, record in found.values():
        plan, trainer = member.plan, member.trainer
        moment = Moment(plan.config, record, plan.network, plan.folder)
        if trainer.group.decide(partial(call, callbacks, moment)) and not trainer.ended:
            trainer.ended = STOPPED


def _prepare(
    plans: Sequence[PlannedRun],
    options: RunOptions,
    group: Group,
    request: StopRequest,
    stack: ExitStack,
) -> dict[int, _Member]:
    """Take the folders; the members by number, without those whose run has ended."""
    members: dict[int, _Member] = {}
    for number, plan in enumerate(plans):
        archive, ended = _claim(plan, options, group, stack)
        if ended:
            continue
        training = plan.training
        if group.size > 1:
            stages = plan.config.stage_plan.trained()
            if stages is not None:  # Of steps, each of which takes several batches.
                training = cast("TaskStream", training).staged(stages, group.size)
            training = several(training, group.rank, group.size)
        for module in plan.network.modules():
            if isinstance(module, LeakyRNN):
                module.noise_stream = group.rank
        config, parts = plan.config, plan.parts
        trainer = Trainer(
            plan.network,
            training,
            plan.held_out,
            config,
            group=group,
            stop=request.__bool__,
            objective=as_given(config.objective, parts.objective),
            optimiser=as_given(config.optimiser, parts.optimiser),
            curriculum=parts.policy,
        )
        members[number] = _Member(plan, trainer, archive, [])
    return members


def _claim(
    plan: PlannedRun, options: RunOptions, group: Group, stack: ExitStack
) -> tuple[Archive | None, bool]:
    """Take the folder; returns its archive, in the first process, and whether its run has ended."""
    folder, identity = plan.folder, plan.identity
    if folder is None:
        return None, False
    claimed: list[Archive] = []

    def claim() -> bool:
        folder.mkdir(parents=True, exist_ok=True)
        stack.enter_context(locked(folder))
        state = run_folder.state_of(folder, identity)
        if state == "finished":
            return True
        if state == "unfinished":
            run_folder.check_network(folder, plan.network)
        events = options.tensorboard
        archive = Archive(folder, identity, plan.network, group.size, tensorboard=events)
        stack.callback(archive.close)
        claimed.append(archive)
        return False

    ended = group.decide(claim)
    return (claimed[0] if claimed else None), ended


def _resume(members: Sequence[_Member], group: Group) -> None:
    """Go back to the newest step of which all members have a checkpoint.

    Each keeps two, and all write them at the same steps, so that there is one even where the
    process was killed between two of them, and bits are those without an interruption. Where damage
    leaves none in common, those behind catch up, and the bits are those up to rounding.
    """
    found: list[Snapshot | None] = [None] * len(members)

    # The first process alone looks, and knows what it found.
    def find() -> None:
        found[:] = [None if m.archive is None else m.archive.find() for m in members]
        limit = min((_step(snapshot) for snapshot in found if not _ended(snapshot)), default=None)
        for i, member in enumerate(members):
            if limit is not None and member.archive is not None and _step(found[i]) > limit:
                found[i] = member.archive.find(limit) or found[i]

    group.decide(find)
    agreed: Choices | None = None  # Of networks that are one computation, the first one decides.
    for member, snapshot in zip(members, found, strict=True):
        choices = _begin(member, snapshot, group, agreed)
        agreed = None if device_of(member.plan.network).type == "cpu" else choices


def _begin(
    member: _Member, snapshot: Snapshot | None, group: Group, agreed: Choices | None
) -> Choices:
    """Go back to a checkpoint, in all processes.

    Where there is none, that is the one of the run that this one continues; and where there is none
    either, all start from the weights of the first. Returns the kernels, recorded or chosen now.
    """
    plan, trainer, archive = member.plan, member.trainer, member.archive
    origin: Origin | None = None

    def find_origin() -> None:
        nonlocal snapshot, origin
        if snapshot is None and plan.continue_from is not None:
            origin = read_origin(plan.continue_from, plan.identity, group.size)
            snapshot = origin.snapshot

    def open_files() -> None:
        if archive is not None:
            member.rows.extend(archive.open(snapshot, origin, choices))
            if origin is not None:
                archive.save(trainer)  # From here on the folder needs the other no more.
        elif origin is not None:
            member.rows.extend(origin.rows())

    group.decide(find_origin)
    if agreed is None:
        folder = plan.folder if origin is None else origin.folder
        config = plan.config
        how = config.batch_size, None if config.sparsifier else config.precision
        agreed = group.decide(partial(chosen, plan.network, *how, folder))
    choices = take(plan.network, agreed)
    if group.size > 1:
        snapshot = unpack(group.bytes(pack(snapshot)))
    if snapshot is not None:
        trainer.resume(snapshot)
    else:
        group.begin_alike(plan.network)
    group.decide(open_files)
    return choices


def _step(snapshot: Snapshot | None) -> int:
    return 0 if snapshot is None else int(snapshot.facts["step"])


def _ended(snapshot: Snapshot | None) -> bool:
    return snapshot is not None and bool(snapshot.facts["ended"])


def _save_if_due(members: Sequence[_Member], options: RunOptions) -> None:
    """Write the checkpoints of all members where that of one is due, so that they stay in step."""
    archives = [(m.archive, m.trainer) for m in members if m.archive is not None]
    often = options.checkpoint_every, options.checkpoint_seconds
    if any(archive.due(trainer, *often) for archive, trainer in archives):
        for archive, trainer in archives:
            archive.save(trainer)


def _leave(trainer: Trainer, archive: Archive | None, request: StopRequest) -> Interrupted:
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
