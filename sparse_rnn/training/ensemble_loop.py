"""`EnsembleTrainer`: the gradient steps and evaluations of several runs, as one computation."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import lru_cache
from typing import Any, cast

import torch
from torch import Tensor

from sparse_rnn.data import Batch, grade
from sparse_rnn.errors import InvalidArgument, TrainingDiverged
from sparse_rnn.evaluation.history import Record
from sparse_rnn.evaluation.mode import evaluating
from sparse_rnn.evaluation.scores import TaskScores
from sparse_rnn.nn.network import Network, NetworkSequence, NetworkStack, together
from sparse_rnn.system.hardware import device_of
from sparse_rnn.training.loop import Descent, StopSeen, Trainer
from sparse_rnn.training.optimiser import masked_cross_entropy


class EnsembleTrainer:
    """Trains the networks of several runs at once; each run takes the steps it would take alone.

    A run keeps its own batches, optimiser, gradient norm and evaluations; what is shared is the
    pass through the networks (`sparse_rnn.nn.network.together`). Where runs are at different steps,
    those that are behind catch up first. A run that has reached its target, or that diverged, takes
    no more steps, and the others go on.

    Args:
        trainers: One for each run, of networks that differ in weights and masks alone.

    Attributes:
        trainers: As given.
        diverged: The error of each run that diverged, by its number.
    """

    def __init__(self, trainers: Sequence[Trainer]) -> None:
        self.trainers = tuple(trainers)
        self.diverged: dict[int, TrainingDiverged] = {}
        # Two: those who catch up, and all. The edges of a stack are laid out once.
        self._stack = lru_cache(maxsize=2)(self._new_stack)

    def records(self, *, prefetch: bool = True) -> Generator[dict[int, Record]]:
        """Train until all runs have ended; the records of a gradient step by number of the run.

        Raises:
            StopSeen: A run was asked to stop; all of them are in a state that a snapshot can hold.
        """
        late = [i for i, trainer in enumerate(self.trainers) if trainer.pending is not None]
        if late:
            yield self._complete(late)
        with ExitStack() as stack:
            queues: dict[int, Iterator[Batch]] = {}
            while group := self._next():
                for i in group:
                    if i not in queues:
                        queues[i] = self.trainers[i].upcoming(stack, prefetch=prefetch)
                if any(self.trainers[i].stop() for i in group):
                    raise StopSeen
                self._step({i: next(queues[i]) for i in group})
                yield self._complete([i for i in group if i not in self.diverged])

    def examine(self, numbers: Sequence[int], exams: Sequence[Iterable[Batch]]) -> list[TaskScores]:
        """Score runs as they are, on as many held-out batches each.

        A run whose outputs are not finite joins `diverged`; its scores are those before.

        Args:
            numbers: Numbers of the runs.
            exams: Their held-out batches.

        Returns:
            The scores of those that did not diverge.
        """
        grades: dict[int, list[Any]] = {i: [] for i in numbers}
        trainers = [self.trainers[i] for i in numbers]
        with ExitStack() as stack:
            for trainer in trainers:
                stack.enter_context(evaluating(trainer.network))
            for batches in zip(*exams, strict=True):
                if any(trainer.stop() for trainer in trainers):
                    raise StopSeen
                with torch.no_grad():
                    answers = self._answers(tuple(numbers), batches)
                    if not answers.isfinite().all():  # As in `_step`.
                        alone = zip(numbers, batches, strict=True)
                        answers = torch.cat([self._answers((i,), [one]) for i, one in alone])
                for i, logits, batch in zip(numbers, answers, batches, strict=True):
                    self._guarded(i, grades, logits, batch)
        return [
            self.trainers[i].held_out.pooled(grades[i]) for i in numbers if i not in self.diverged
        ]

    def _guarded(
        self, number: int, grades: dict[int, list[Any]], logits: Tensor, batch: Batch
    ) -> None:
        if number in self.diverged:
            return
        try:
            with self.trainers[number].scoring():
                grades[number].append(grade(logits, batch))
        except TrainingDiverged as error:
            self.diverged[number] = error

    def _next(self) -> list[int]:
        """The runs that take the next step: of those that go on, the ones that are behind."""
        steps = {
            i: trainer.step
            for i, trainer in enumerate(self.trainers)
            if not trainer.ended and i not in self.diverged
        }
        return [i for i, step in steps.items() if step == min(steps.values())]

    def _step(self, batches: dict[int, Batch]) -> None:
        """Take a step of the runs, each alone if one diverges."""
        numbers = tuple(batches)
        for i in numbers:
            self.trainers[i].optimiser.adam.zero_grad(set_to_none=True)
        here = [batches[i].to(self._device()) for i in numbers]
        answers = self._answers(numbers, here)
        losses = [
            masked_cross_entropy(logits, batch)
            for logits, batch in zip(answers.unbind(0), here, strict=True)
        ]
        cast("Any", torch.stack(losses).sum()).backward()
        ready: dict[int, Descent] = {}
        for i, loss in zip(numbers, losses, strict=True):
            try:
                ready[i] = self.trainers[i].judge(loss)
            except TrainingDiverged as error:
                if len(numbers) == 1:
                    self.diverged[i] = error
                    return
                break
        if len(ready) == len(numbers):
            for i, descent in ready.items():
                self.trainers[i].take(descent)
            return
        # A NaN of one network reaches others where a kernel multiplies it by a zero between them,
        # so that who diverged is seen alone.
        for i in numbers:
            self._step({i: batches[i]})

    def _complete(self, numbers: list[int]) -> dict[int, Record]:
        due = [i for i in numbers if self.trainers[i].exam_due]
        scores: dict[int, TaskScores] = {}
        if due:
            found = self.examine(due, [self.trainers[i].exam() for i in due])
            scores = dict(zip([i for i in due if i not in self.diverged], found, strict=True))
        return {
            i: self.trainers[i].complete(scores.get(i)) for i in numbers if i not in self.diverged
        }

    def _answers(self, numbers: tuple[int, ...], batches: Sequence[Batch]) -> Tensor:
        """Logits ``[S, T, B, O]`` of the runs, each for its own batch."""
        inputs = torch.stack([batch.inputs for batch in batches]).to(self._device())
        with self.trainers[0].shortened():
            return self._stack(numbers)(inputs).float()

    def _new_stack(self, numbers: tuple[int, ...]) -> NetworkStack | NetworkSequence:
        networks = [self.trainers[i].network for i in numbers]
        if not all(isinstance(network, Network) for network in networks):
            allowed = "a sparse_rnn.Network; others cannot be stacked"
            raise InvalidArgument("network", type(networks[0]).__name__, allowed)
        return together(cast("list[Network]", networks))

    def _device(self) -> torch.device:
        return device_of(self.trainers[0].network)
