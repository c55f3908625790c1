"""What a run trains: the content of its tasks, and what is known of each at the end of a stage."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from sparse_rnn.config.stages import Stage, ends_of
from sparse_rnn.data import TaskStream
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.evaluation.scores import TaskScores
from sparse_rnn.evaluation.transfer import StageMatrix

Marks = dict[int, TaskScores]
"""Held-out scores by gradient step: 0, before training, and the end of each stage."""


def content_of(stream: TaskStream) -> str | None:
    """The digest of what the names of a stream's tasks stand for.

    Returns:
        The SHA-256 of the tasks in JSON; None where a duration is a callable.
    """
    tasks = stream.sampler.identity["tasks"]
    if None in tasks:
        return None
    return hashlib.sha256(json.dumps(tasks, sort_keys=True).encode()).hexdigest()


def check_exam(held_out: TaskStream, n_batches: int) -> None:
    """Refuse evaluations in which a task does not occur.

    Raises:
        InvalidArgument: One does not.
    """
    seen = {task for i in range(n_batches) for task in held_out.sampler.trials(i).task.tolist()}
    missing = [task for task in dict.fromkeys(held_out.tasks) if task not in seen]
    if missing:
        allowed = f"enough for trials of each task, also of {', '.join(missing)}"
        raise InvalidArgument("eval_batches", n_batches, allowed)


def matrix_of(
    stages: Sequence[Stage], stream: TaskStream, marks: Mapping[int, TaskScores]
) -> StageMatrix | None:
    """The scores of all tasks at the end of each stage that the run has come to the end of.

    Args:
        stages: The stages of the run.
        stream: A stream of all its tasks.
        marks: The scores before training and at the ends of stages, by step.

    Returns:
        A `StageMatrix`; None where no stage has ended.
    """
    ended = [
        (marks[end], stream.drawn(weights))
        for end, (weights, _) in zip(ends_of(stages), stages, strict=True)
        if end in marks
    ]
    if not ended:
        return None
    scores, trained = zip(*ended, strict=True)
    return StageMatrix.of(scores, trained, before=marks.get(0))
