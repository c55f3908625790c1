"""What a run trains: the content of its tasks, and what is known of each at the end of a stage."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sparse_rnn.config.stages import Criterion, Stage, StagePlan, Trained, is_decided, limit
from sparse_rnn.data import TaskStream
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.evaluation.scores import TaskScores
from sparse_rnn.evaluation.transfer import StageMatrix

Marks = dict[int, TaskScores]
"""Held-out scores by gradient step: 0, before training, and the end of each stage; of a run with a
policy, those of each evaluation on the way."""


class Staged:
    """The `sparse_rnn.training.curriculum.Curriculum` of a run with stages.

    Args:
        plan: The stages.
        stream: A stream of all tasks of the run.
    """

    def __init__(self, plan: StagePlan, stream: TaskStream) -> None:
        self._plan = plan
        self._stages = plan.stages or ()
        self._stream = stream

    def keeps(self, marks: Marks, step: int, scores: TaskScores) -> bool:
        """Whether a stage ends here."""
        return has_ended(self._stages, self._stream, marks, step, scores)

    def trained(self, marks: Marks) -> Trained | None:
        """The stages, as far as they are decided; None where scores decide nothing."""
        return None if is_decided(self._stages) else self._plan.trained(ends_of(marks))

    def facts(self) -> Mapping[str, Any]:
        """Nothing: when stages ended is all that there is to know."""
        return {}

    def restore(self, marks: Marks, facts: Mapping[str, Any]) -> None:
        """Refuse scores of other stages.

        Raises:
            ValueError: There are too many.
        """
        del facts
        if len(ends_of(marks)) > len(self._stages):
            raise ValueError("more stages have ended than there are")


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


def ends_of(marks: Marks) -> tuple[int, ...]:
    """The gradient step at which each stage has ended that has."""
    return tuple(sorted(step for step in marks if step))


def has_ended(
    stages: Sequence[Stage], stream: TaskStream, marks: Marks, step: int, scores: TaskScores
) -> bool:
    """Whether the present stage ends here, on the way: a function of the scores so far alone.

    Args:
        stages: The stages of the run.
        stream: A stream of all its tasks.
        marks: The scores before training and at the ends of stages, by step.
        step: The gradient step that was taken.
        scores: The scores after it.
    """
    ends = ends_of(marks)
    if step == limit(stages, ends):
        return True
    weights, until = stages[len(ends)]
    return isinstance(until, Criterion) and until.met(scores, stream.drawn(weights))


def matrix_of(
    stages: Sequence[Stage], stream: TaskStream, marks: Mapping[int, TaskScores]
) -> StageMatrix | None:
    """The scores of all tasks at the end of each stage that the run has come to the end of.

    Args:
        stages: The stages of the run.
        stream: A stream of all its tasks.
        marks: The scores before training and at the ends of stages, by step.

    Returns:
        A `StageMatrix`; None where no stage has ended, or there is none.
    """
    ends = ends_of(dict(marks))
    if not (stages and ends):
        return None
    trained = [stream.drawn(weights) for weights, _ in stages[: len(ends)]]
    return StageMatrix.of([marks[end] for end in ends], trained, before=marks.get(0), ended_at=ends)
