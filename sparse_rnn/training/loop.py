"""The gradient steps and evaluations of a run, from any step on, and of several runs at once."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import asdict
from functools import lru_cache
from typing import Any, cast

import torch
from torch import Tensor, nn

from sparse_rnn.config.fit import FitConfig
from sparse_rnn.data import Batch, Batches, TaskStream, ahead, grade
from sparse_rnn.errors import IncompatibleState, InvalidArgument, TrainingDiverged
from sparse_rnn.evaluation.history import Descent, Record
from sparse_rnn.evaluation.mode import evaluating
from sparse_rnn.evaluation.scores import TaskScores
from sparse_rnn.nn.network import Network, NetworkSequence, NetworkStack, together
from sparse_rnn.runs.checkpoint import Snapshot, capture, restore
from sparse_rnn.system.arguments import flag
from sparse_rnn.system.hardware import device_of, shortened
from sparse_rnn.training.evaluation import evaluate
from sparse_rnn.training.group import Group
from sparse_rnn.training.optimiser import Optimiser, answer, masked_cross_entropy, probe, remedy


class StopSeen(Exception):
    """The run was asked to stop; the trainer is in a state that a snapshot can hold."""


class Trainer:
    """Trains a network in place; each step depends on the state and the step's number alone.

    Args:
        network: Maps inputs ``[T, B, I]`` to logits ``[T, B, O]``, alone or first in a tuple.
        training: Where the batches of the steps come from: this process's shard.
        held_out: Where the batches of the evaluations come from, the same ones each time.
        config: The settings.
        group: The processes of the run.
        stop: Asked before each step and each batch of an evaluation.

    Attributes:
        step: Gradient steps taken.
        ended: Why there will be no more of them: "steps", "target", or "" where there will be.
        pending: The step whose record is not complete yet, or None.

    Example:
        >>> import sparse_rnn as srnn
        >>> from sparse_rnn.training.run import build
        >>> config = srnn.TrainConfig(suite="Go", arch="autapse", size=8, steps=3, eval_every=3)
        >>> training, held_out, network = build(config)
        >>> trainer = Trainer(network, training, held_out, config)
        >>> [record.step for record in trainer.records()], trainer.ended
        ([1, 2, 3], 'steps')
    """

    def __init__(
        self,
        network: nn.Module,
        training: Batches,
        held_out: TaskStream,
        config: FitConfig,
        *,
        group: Group | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.network = network
        self.config = config
        self.group = group or Group()
        self.stop = stop
        self.optimiser = Optimiser(network, config)
        self.step = 0
        self.ended = ""
        self._training = training
        self.held_out = held_out
        self._exam: list[Batch] = []
        self.pending: Descent | None = None
        self._last: Descent | None = None
        self._began_s = time.monotonic()
        self._probed = False

    @property
    def elapsed_s(self) -> float:
        """Seconds of training, those before a resumption included."""
        return time.monotonic() - self._began_s

    def snapshot(self, more: Mapping[str, Any]) -> Snapshot:
        """Copy the state, with more facts to keep beside it."""
        pending = None if self.pending is None else asdict(self.pending)
        facts = {
            "step": self.step,
            "ended": self.ended,
            "pending": pending,
            "elapsed_s": self.elapsed_s,
            **more,
        }
        return Snapshot(facts, capture(self.network, self.optimiser))

    def resume(self, snapshot: Snapshot) -> None:
        """Go back to a state.

        Raises:
            IncompatibleState: It is that of another network.
        """
        facts = snapshot.facts
        try:
            pending = None if facts["pending"] is None else Descent(**facts["pending"])
            step, ended, elapsed_s = int(facts["step"]), facts["ended"], float(facts["elapsed_s"])
        except (KeyError, TypeError, ValueError) as error:
            raise IncompatibleState(f"The checkpoint's facts are incomplete ({error})") from error
        restore(snapshot.tensors, self.network, self.optimiser)
        self.step, self.ended, self.pending = step, ended, pending
        self._began_s = time.monotonic() - elapsed_s

    def records(self, *, prefetch: bool = True) -> Generator[Record]:
        """Train until the run has ended, one gradient step a record.

        Raises:
            StopSeen: `stop` said so.
            TrainingDiverged: The loss or the gradient became NaN or infinite.
        """
        alone = Ensemble([self])
        with closing(alone.records(prefetch=flag("prefetch", prefetch))) as records:
            for found in records:
                yield from found.values()
        if alone.diverged:
            raise alone.diverged[0]

    def upcoming(self, stack: ExitStack, *, prefetch: bool = True) -> Iterator[Batch]:
        """Open the batches of the steps to come; `stack` closes them."""
        batches = self._training.batches(self.step, self.config.steps)
        return stack.enter_context(ahead(batches)) if prefetch else batches

    def advance(self, batch: Batch) -> None:
        """Take the gradient step of a batch; its record is then pending.

        Raises:
            StopSeen: `stop` said so, in one of the processes.
            TrainingDiverged: The loss or the gradient is NaN or infinite; nothing has changed.
        """
        batch = batch.to(device_of(self.network))
        if not self._probed:
            with evaluating(self.network):
                probe(self.network, batch)
            self._probed = True
        total = self._agree(batch)
        self.optimiser.adam.zero_grad(set_to_none=True)
        with self.shortened():
            loss = masked_cross_entropy(answer(self.network, batch), batch, total)
        loss.backward()
        self.take(self.judge(loss))

    def judge(self, loss: Tensor) -> Descent:
        """Make a gradient step ready, after the gradients of `loss` were computed.

        Adds the penalties, clips, and checks what came out.

        Raises:
            TrainingDiverged: The loss or the gradient is NaN or infinite; nothing has changed.
        """
        self.group.sum_gradients(self.optimiser.parameters.values())
        self.optimiser.penalise()
        norm = self.optimiser.clip()
        value = float(self.group.sum(loss.detach()))
        number = self.step + 1
        if not (math.isfinite(value) and math.isfinite(norm)):
            raise TrainingDiverged(number, value, norm, remedy(self.config))
        return Descent(number, value, self.config.rate(number), norm)

    def take(self, descent: Descent) -> None:
        """Take the gradient step that `judge` made ready; its record is then pending."""
        self.optimiser.step(descent.step)
        self.pending = descent
        self.step += 1

    @property
    def exam_due(self) -> bool:
        """Whether the network is to be evaluated after the pending step."""
        number = self.step
        return number % self.config.eval_every == 0 or number == self.config.steps

    def exam(self) -> list[Batch]:
        """The held-out batches of the evaluations on the way; none but in the first process."""
        if self.group.first and not self._exam:
            self._exam = list(self.held_out.batches(0, self.config.eval_batches))
        return self._exam

    def complete(self, scores: TaskScores | None) -> Record:
        """Complete the record of the pending step, and decide whether it was the last one."""
        done, config = self.pending, self.config
        assert done is not None  # `take` comes before.
        if scores is not None and config.stop_at is not None:
            reached = scores.mean(config.stop_measure) >= config.stop_at
            self.ended = "target" if reached else ""
        if done.step == config.steps and not self.ended:
            self.ended = "steps"
        self.pending, self._last = None, done
        return Record(done.step, done.loss, done.lr, done.grad_norm, self.elapsed_s, scores)

    def examine(self, batches: Iterable[Batch]) -> TaskScores:
        """Score the network as it is on held-out batches; the first process does it for all."""
        rows = self.group.decide(lambda: self._score(batches).rows())
        return TaskScores.from_rows(rows)

    @contextmanager
    def scoring(self) -> Generator[None]:
        """Say it as a run that diverged where outputs in an evaluation are not finite."""
        try:
            yield
        except InvalidArgument as error:
            if error.argument != "logits":
                raise
            seen = self.pending or self._last or Descent(self.step, math.nan, 0.0, math.nan)
            advice = remedy(self.config)
            raise TrainingDiverged(seen.step, seen.loss, seen.grad_norm, advice) from error

    def shortened(self) -> AbstractContextManager[object]:
        """Compute a pass forward in the precision of the settings."""
        return shortened(self.config.precision, device_of(self.network))

    def _score(self, batches: Iterable[Batch]) -> TaskScores:
        with self.scoring(), self.shortened():
            return evaluate(self.network, self.held_out, self._until_stop(batches))

    def _until_stop(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        for batch in batches:
            if self.stop():
                raise StopSeen
            yield batch

    def _agree(self, batch: Batch) -> Tensor | None:
        """Sum of the mask over all processes, or None where there is one; and whether to stop."""
        if self.group.size == 1:
            if self.stop():
                raise StopSeen
            return None
        facts = torch.stack([batch.mask.sum(), batch.mask.new_tensor(float(self.stop()))])
        total, stops = self.group.sum(facts)
        if float(stops) > 0:
            raise StopSeen
        return total


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

    def __init__(self, trainers: Sequence[Trainer]) -> None:
        self.trainers = tuple(trainers)
        self.diverged: dict[int, TrainingDiverged] = {}
        self._alone = len(self.trainers) == 1
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
                if not self._alone:  # A run alone asks after all of its processes.
                    self._stop_if_asked(group)
                self._step({i: next(queues[i]) for i in group})
                yield self._complete([i for i in group if i not in self.diverged])

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
            i: self.trainers[i].held_out.pooled(grades[i])
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
            self.trainers[i].optimiser.adam.zero_grad(set_to_none=True)
        device = device_of(self.trainers[0].network)
        here = [batches[i].to(device) for i in numbers]
        answers = self._answers(numbers, here)
        losses = [
            masked_cross_entropy(logits, batch)
            for logits, batch in zip(answers.unbind(0), here, strict=True)
        ]
        cast("Any", torch.stack(losses).sum()).backward()
        try:
            ready = {
                i: self.trainers[i].judge(loss) for i, loss in zip(numbers, losses, strict=True)
            }
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
        inputs = torch.stack([batch.inputs for batch in batches])
        with self.trainers[0].shortened():
            return self._stack(numbers)(inputs.to(device_of(self.trainers[0].network))).float()

    def _new_stack(self, numbers: tuple[int, ...]) -> NetworkStack | NetworkSequence:
        return together([cast("Network", self.trainers[i].network) for i in numbers])

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
