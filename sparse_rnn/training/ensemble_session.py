"""The runs of an ensemble from their beginnings, or from where they were left, to their ends."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import cast

from sparse_rnn.config.run import RunOptions
from sparse_rnn.errors import TrainingDiverged
from sparse_rnn.evaluation.history import History, Record
from sparse_rnn.evaluation.scores import TaskScores
from sparse_rnn.runs.archive import Archive
from sparse_rnn.runs.checkpoint import Snapshot
from sparse_rnn.system.hardware import precision
from sparse_rnn.system.signals import StopRequest, watched
from sparse_rnn.training.ensemble_loop import EnsembleTrainer
from sparse_rnn.training.group import Group
from sparse_rnn.training.loop import StopSeen, Trainer
from sparse_rnn.training.progress import Display, OnStep, lasting
from sparse_rnn.training.session import Job, Row, chunks, claim, due, leave, threads

Outcome = tuple[History, TaskScores] | TrainingDiverged


@dataclass(frozen=True, eq=False)
class _Member:
    trainer: Trainer
    archive: Archive | None
    rows: list[Row]
    job: Job


def carry_out(jobs: Sequence[Job], progress: Display) -> dict[int, Outcome]:
    """Train and evaluate several runs at once.

    Args:
        jobs: The runs, with the same options and, but for the seed, settings; their folders hold
            none that is finished.
        progress: Shows the course, as that of one run: means over the runs.

    Returns:
        The course and the final scores of each run by its number, or the error of one that
        diverged. A run that another process has finished meanwhile is left out.
    """
    with ExitStack() as stack:
        options = jobs[0].options
        stack.enter_context(threads(options.threads))
        stack.enter_context(precision(jobs[0].config.precision))
        for job in jobs:
            stack.enter_context(chunks(job.network, options.chunk))
        request = StopRequest()
        if jobs[0].folder is not None:
            request = stack.enter_context(watched())
        members = _prepare(jobs, request, stack)
        if not members:
            return {}
        numbers = list(members)
        listed = list(members.values())
        trainer = EnsembleTrainer([member.trainer for member in listed])
        _resume(listed)
        for member in listed:
            member.job.network.train()
        on_step = stack.enter_context(lasting(progress)(jobs[0].config))
        try:
            with closing(trainer.records(prefetch=options.prefetch)) as records:
                for by_member in records:
                    for i, record in by_member.items():
                        listed[i].rows.append(record.row())
                        if (archive := listed[i].archive) is not None:
                            archive.write(record)
                    _save_if_due([listed[i] for i in by_member], options)
                    _show(by_member, on_step)
            scores = _final_scores(trainer, listed)
        except StopSeen:
            left = [leave(member.trainer, member.archive, request) for member in listed]
            raise left[0] from None
        outcomes: dict[int, Outcome] = dict(
            zip([numbers[i] for i in trainer.diverged], trainer.diverged.values(), strict=True)
        )
        for i, final in scores.items():
            history = History.of(listed[i].rows)
            outcomes[numbers[i]] = history, final
            if (archive := listed[i].archive) is not None:
                archive.finish(listed[i].trainer, history, final, options.levels)
        return outcomes


def _prepare(jobs: Sequence[Job], request: StopRequest, stack: ExitStack) -> dict[int, _Member]:
    """Take the folders; the members by number, without those whose run has ended."""
    members: dict[int, _Member] = {}
    for number, job in enumerate(jobs):
        archive: Archive | None = None
        if job.folder is not None:
            archive, ended = claim(job, job.folder, Group(), stack)
            if ended:
                continue
        stop = request.__bool__
        trainer = Trainer(job.network, job.training, job.held_out, job.config, stop=stop)
        members[number] = _Member(trainer, archive, [], job)
    return members


def _resume(members: Sequence[_Member]) -> None:
    """Go back to the newest step of which all members have a checkpoint.

    Each keeps two, and all write them at the same steps, so that there is one even where the
    process was killed between two of them. Runs that go on together from one step have the bits
    of an ensemble that was never interrupted. Where damage leaves none in common, those that are
    behind catch up, and the bits are those up to rounding.
    """
    found = [None if m.archive is None else m.archive.find() for m in members]
    limit = min((_step(snapshot) for snapshot in found if not _ended(snapshot)), default=None)
    for member, newest in zip(members, found, strict=True):
        snapshot = newest
        if member.archive is None:
            continue
        if limit is not None and _step(newest) > limit:
            snapshot = member.archive.find(limit) or newest
        if snapshot is not None:
            member.trainer.resume(snapshot)
        member.rows.extend(cast("list[Row]", member.archive.open(snapshot)))


def _step(snapshot: Snapshot | None) -> int:
    return 0 if snapshot is None else int(snapshot.facts["step"])


def _ended(snapshot: Snapshot | None) -> bool:
    return snapshot is not None and bool(snapshot.facts["ended"])


def _save_if_due(members: Sequence[_Member], options: RunOptions) -> None:
    """Write the checkpoints of all members where that of one is due, so that they stay in step."""
    archives = [(m.archive, m.trainer) for m in members if m.archive is not None]
    if any(due(archive, trainer, options) for archive, trainer in archives):
        for archive, trainer in archives:
            archive.save(trainer)


def _final_scores(trainer: EnsembleTrainer, members: Sequence[_Member]) -> dict[int, TaskScores]:
    numbers = [i for i in range(len(members)) if i not in trainer.diverged]
    if not numbers:
        return {}
    jobs = [members[i].job for i in numbers]
    exams = [job.held_out.final().batches(0, job.config.final_batches) for job in jobs]
    found = trainer.examine(numbers, exams)
    return dict(zip([i for i in numbers if i not in trainer.diverged], found, strict=True))


def _show(records: Mapping[int, Record], on_step: OnStep) -> None:
    if not records:
        return
    listed = list(records.values())
    scores = [record.scores for record in listed if record.scores is not None]
    on_step(
        Record(
            listed[0].step,
            statistics.fmean(record.loss for record in listed),
            listed[0].lr,
            statistics.fmean(record.grad_norm for record in listed),
            listed[0].elapsed_s,
            TaskScores.mean_of(scores) if scores else None,
        )
    )
