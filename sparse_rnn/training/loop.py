"""The gradient steps and evaluations of a run, and of several runs at once."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import lru_cache
from typing import Any, cast

import torch
from torch import Tensor

from sparse_rnn.data import Batch, TaskStream, grade
from sparse_rnn.errors import TrainingDiverged
from sparse_rnn.evaluation.history import Record
from sparse_rnn.evaluation.mode import evaluating
from sparse_rnn.evaluation.scores import TaskScores
from sparse_rnn.nn.network import Network, NetworkSequence, NetworkStack, together
from sparse_rnn.system.arguments import flag
from sparse_rnn.system.hardware import device_of
from sparse_rnn.training.steps import Steps, StopSeen


class Ensemble:
    """Trains the networks of one run, or of several at once; each takes the steps of its run alone.

    A run keeps its own batches, optimiser, gradient norm and evaluations. Several share the pass
    through the networks (`sparse_rnn.nn.network.together`). Where they are at different steps,
    those that are behind catch up first. A run that has reached its target, or that diverged, takes
    no more steps, and the others go on.

    Args:
        trainers: One for each run; those of several are of one process, and of `Network`s that
            differ in weights and masks alone.

    Attributes:
        trainers: As given.
        diverged: The error of each run that diverged, by its number.
    """

    def __init__(self, trainers: Sequence[Steps]) -> None:
        self.trainers = tuple(trainers)
        self.diverged: dict[int, TrainingDiverged] = {}
        self._alone = len(self.trainers) == 1
        # Two: those who catch up, and all. The edges of a stack are laid out once.
        self._stack = lru_cache(maxsize=2)(self._new_stack)

    def begin(self) -> dict[int, TaskScores]:
        """Choose the first synapses of those about to take their first step, and evaluate some.

        Returns:
            The scores of those that are about to take the first step of a run with stages.

        Raises:
            StopSeen: A run was asked to stop.
        """
        for trainer in self.trainers:
            trainer.begin()
        due = [i for i, trainer in enumerate(self.trainers) if trainer.unmarked]
        scores = self.examine({i: self.trainers[i].exam() for i in due}) if due else {}
        for i, found in scores.items():
            self.trainers[i].marks[0] = found
        return scores

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
                if not self._alone:  # A run alone asks after all of its processes.
                    self._stop_if_asked(group)
                self._step({i: next(queues[i]) for i in group})
                yield self._complete([i for i in group if i not in self.diverged])
        for i, trainer in enumerate(self.trainers):
            if i not in self.diverged and trainer.sparsity is not None:
                trainer.sparsity.end()

    def examine(self, exams: Mapping[int, Iterable[Batch]]) -> dict[int, TaskScores]:
        """Score runs as they are, on as many held-out batches each.

        A run whose outputs are not finite joins `diverged`; its scores are those before.

        Args:
            exams: The batches of each run, by its number.

        Returns:
            The scores of those that did not diverge, by number.
        """
        numbers = tuple(exams)
        if self._alone:
            with self._noted(0):
                return {0: self.trainers[0].examine(exams[0])}
            return {}
        grades: dict[int, list[Any]] = {i: [] for i in numbers}
        with ExitStack() as stack:
            for i in numbers:
                stack.enter_context(evaluating(self.trainers[i].network))
            for batches in zip(*exams.values(), strict=True):
                self._stop_if_asked(numbers)
                with torch.no_grad():
                    answers = self._answers(numbers, batches)
                    if not answers.isfinite().all():  # As in `_step`.
                        alone = zip(numbers, batches, strict=True)
                        answers = torch.cat([self._answers((i,), [one]) for i, one in alone])
                for i, logits, batch in zip(numbers, answers, batches, strict=True):
                    if i not in self.diverged:
                        with self._noted(i), self.trainers[i].scoring():
                            grades[i].append(grade(logits, batch))
        return {
            i: cast("TaskStream", self.trainers[i].held_out).pooled(grades[i])
            for i in numbers
            if i not in self.diverged
        }

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
        if self._alone:
            with self._noted(0):
                self.trainers[0].advance(batches[0])
            return
        for i in numbers:
            self.trainers[i].optimiser.inner.zero_grad(set_to_none=True)
        device = device_of(self.trainers[0].network)
        here = [batches[i].to(device) for i in numbers]
        with ExitStack() as stack:
            for i in numbers:
                stack.enter_context(self.trainers[i].optimiser.only_trained())
            how = self.trainers[0].objective.how()
            if self._carries:
                how["firsts"] = [self.trainers[i].carried.h0 for i in numbers]
            outputs, states, *last = self._both(numbers, here, **how)
            found = zip(numbers, outputs.unbind(0), states, here, strict=True)
            costs = {
                i: self.trainers[i].objective(own, hidden, batch) for i, own, hidden, batch in found
            }
            total = torch.stack([minimised for _, minimised in costs.values()]).sum()
            cast("Any", total).backward()
        for i, after in zip(numbers, last[0] if last else [None] * len(numbers), strict=True):
            self.trainers[i].carried.offer(after)
        try:
            ready = {i: self.trainers[i].judge(loss) for i, (loss, _) in costs.items()}
        except TrainingDiverged as error:
            if len(numbers) == 1:
                self.diverged[numbers[0]] = error
                return
            # A NaN of one network reaches others where a kernel multiplies it by a zero between
            # them, so that who diverged is seen alone.
            for i in numbers:
                self._step({i: batches[i]})
            return
        for i, descent in ready.items():
            self.trainers[i].take(descent)

    def _complete(self, numbers: Sequence[int]) -> dict[int, Record]:
        due = [i for i in numbers if self.trainers[i].exam_due]
        scores = self.examine({i: self.trainers[i].exam() for i in due}) if due else {}
        return {
            i: self.trainers[i].complete(scores.get(i)) for i in numbers if i not in self.diverged
        }

    def _answers(self, numbers: tuple[int, ...], batches: Sequence[Batch]) -> Tensor:
        """Logits ``[S, T, B, O]`` of the runs, each for its own batch."""
        return self._both(numbers, batches, every_state=False)[0]

    def _both(
        self, numbers: tuple[int, ...], batches: Sequence[Batch], **how: Any
    ) -> tuple[Tensor, *tuple[Sequence[Any], ...]]:
        """The same logits, the states of each run, and the last ones if wanted."""
        inputs = torch.stack([batch.inputs for batch in batches])
        inputs = inputs.to(device_of(self.trainers[0].network))
        with self.trainers[0].shortened():
            logits, *states = self._stack(numbers).both(inputs, **how)
        return logits.float(), *states

    def _new_stack(self, numbers: tuple[int, ...]) -> NetworkStack | NetworkSequence:
        networks = [cast("Network", self.trainers[i].network) for i in numbers]
        # A batched computation truncates no gradients, and begins at 0.
        in_turns = self._carries or self.trainers[0].config.truncate is not None
        return NetworkSequence(networks) if in_turns else together(networks)

    @property
    def _carries(self) -> bool:
        return self.trainers[0].objective.carries

    def _stop_if_asked(self, numbers: Sequence[int]) -> None:
        if any(self.trainers[i].stop() for i in numbers):
            raise StopSeen

    @contextmanager
    def _noted(self, number: int) -> Generator[None]:
        """Note that a run diverged, where it does."""
        try:
            yield
        except TrainingDiverged as error:
            self.diverged[number] = error


class Trainer(Steps):
    """Trains a network in place; each step depends on the state and the step's number alone.

    Args:
        network: Maps inputs ``[T, B, I]`` to logits ``[T, B, O]``, alone or first in a tuple.
        training: Where the batches of the steps come from: this process's shard.
        held_out: Where the batches of the evaluations come from, the same ones each time.
        config: The settings.
        group: The processes of the run.
        stop: Asked before each step and each batch of an evaluation.
        objective: As for `sparse_rnn.fit`.
        optimiser: As for `sparse_rnn.fit`.
        curriculum: As for `sparse_rnn.fit`.

    Attributes:
        step: Gradient steps taken.
        ended: Why there will be no more of them: "steps", "target", or "" where there will be.
        pending: The step whose record is not complete yet, or None.

    Example:
        >>> import sparse_rnn as srnn
        >>> from sparse_rnn import Trainer
        >>> from sparse_rnn.training.run import build
        >>> config = srnn.TrainConfig(suite="Go", arch="autapse", size=8, steps=3, eval_every=3)
        >>> training, held_out, network = build(config)
        >>> trainer = Trainer(network, training, held_out, config)
        >>> [record.step for record in trainer.records()], trainer.ended
        ([1, 2, 3], 'steps')
    """

    def records(self, *, prefetch: bool = True) -> Generator[Record]:
        """Train until the run has ended, one gradient step a record.

        Raises:
            StopSeen: `stop` said so.
            TrainingDiverged: The loss or the gradient became NaN or infinite.
        """
        alone = Ensemble([self])
        alone.begin()
        with closing(alone.records(prefetch=flag("prefetch", prefetch))) as records:
            for found in records:
                yield from found.values()
        if alone.diverged:
            raise alone.diverged[0]
