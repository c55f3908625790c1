"""`Trainer`: the gradient steps and evaluations of one run, from any step on."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from sparse_rnn.data import Batch, TaskStream, ahead
from sparse_rnn.distributed import Group
from sparse_rnn.errors import InvalidArgument, TrainingDiverged
from sparse_rnn.evaluation import device_of, evaluate
from sparse_rnn.metrics import Record
from sparse_rnn.optimisation import Optimiser, logits_of, masked_cross_entropy, remedy
from sparse_rnn.resume import Snapshot, capture, restore
from sparse_rnn.scores import TaskScores
from sparse_rnn.settings import FitConfig

Stop = Callable[[], bool]
"""Says whether the run shall stop as soon as it can."""


class Batches(Protocol):
    """Where training batches come from; a `TaskStream` is one."""

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        """Iterate over the batches start..stop-1, each a pure function of its number."""
        ...


class StopSeen(Exception):
    """The run was asked to stop; the trainer is in a state that a snapshot can hold."""


@dataclass(frozen=True)
class Descent:
    """A gradient step whose record is not complete yet: an evaluation may be due."""

    step: int
    loss: float
    lr: float
    grad_norm: float


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
    """

    def __init__(
        self,
        network: nn.Module,
        training: Batches,
        held_out: TaskStream,
        config: FitConfig,
        *,
        group: Group | None = None,
        stop: Stop = lambda: False,
    ) -> None:
        self.network = network
        self.config = config
        self.group = group or Group()
        self.stop = stop
        self.optimiser = Optimiser(network, config)
        self.step = 0
        self.ended = ""
        self._training = training
        self._held_out = held_out
        self._exam: list[Batch] = []
        self._pending: Descent | None = None
        self._last: Descent | None = None
        self._began_s = time.monotonic()

    @property
    def elapsed_s(self) -> float:
        """Seconds of training, those before a resumption included."""
        return time.monotonic() - self._began_s

    def snapshot(self, more: Mapping[str, Any]) -> Snapshot:
        """Copy the state, with more facts to keep beside it."""
        pending = None if self._pending is None else asdict(self._pending)
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
        restore(snapshot.tensors, self.network, self.optimiser)
        self.step, self.ended = facts["step"], facts["ended"]
        self._pending = None if facts["pending"] is None else Descent(**facts["pending"])
        self._began_s = time.monotonic() - facts["elapsed_s"]

    def records(self, *, prefetch: bool = True) -> Generator[Record]:
        """Train until the run has ended, one gradient step a record.

        Raises:
            StopSeen: `stop` said so.
            TrainingDiverged: The loss or the gradient became NaN or infinite.
        """
        if self._pending is not None:
            yield self._complete(self._pending)
        if self.ended:
            return
        with ExitStack() as stack:
            batches = self._training.batches(self.step, self.config.steps)
            if prefetch:
                batches = stack.enter_context(ahead(batches))
            for batch in batches:
                self._pending = self._descend(batch)
                self.step += 1
                yield self._complete(self._pending)
                if self.ended:
                    return

    def examine(self, batches: Iterable[Batch], course: Descent | None = None) -> TaskScores:
        """Score the network as it is; the first process does it for all.

        Args:
            batches: Held-out batches.
            course: The step before, by default the last one recorded; for the message of a run that
                diverged.
        """
        rows = self.group.decide(lambda: self._score(batches, course).rows())
        return TaskScores.from_rows(rows)

    def _score(self, batches: Iterable[Batch], course: Descent | None) -> TaskScores:
        try:
            return evaluate(self.network, self._held_out, self._until_stop(batches))
        except InvalidArgument as error:
            if error.argument != "logits":
                raise
            seen = course or self._last or Descent(self.step, math.nan, 0.0, math.nan)
            advice = remedy(self.config)
            raise TrainingDiverged(seen.step, seen.loss, seen.grad_norm, advice) from error

    def _until_stop(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        for batch in batches:
            if self.stop():
                raise StopSeen
            yield batch

    def _descend(self, batch: Batch) -> Descent:
        batch = batch.to(device_of(self.network))
        optimiser, number = self.optimiser, self.step + 1
        total = self._agree(batch)
        optimiser.adam.zero_grad(set_to_none=True)
        loss = masked_cross_entropy(logits_of(self.network(batch.inputs)), batch, total)
        loss.backward()
        self.group.sum_gradients(optimiser.parameters.values())
        optimiser.penalise()
        norm = optimiser.clip()
        value = float(self.group.sum(loss.detach()))
        if not (math.isfinite(value) and math.isfinite(norm)):
            raise TrainingDiverged(number, value, norm, remedy(self.config))
        return Descent(number, value, optimiser.step(number), norm)

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

    def _complete(self, done: Descent) -> Record:
        scores = None
        config = self.config
        if done.step % config.eval_every == 0 or done.step == config.steps:
            if self.group.first and not self._exam:
                self._exam = list(self._held_out.batches(0, config.eval_batches))
            scores = self.examine(self._exam, done)
            reached = config.stop_at is not None and (
                scores.mean(config.stop_measure) >= config.stop_at
            )
            self.ended = "target" if reached else ""
        if done.step == config.steps and not self.ended:
            self.ended = "steps"
        self._pending, self._last = None, done
        return Record(done.step, done.loss, done.lr, done.grad_norm, self.elapsed_s, scores)
