"""The gradient steps and evaluations of one run, from any step on."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from dataclasses import asdict
from typing import Any, cast

import torch
from torch import Tensor, nn

from sparse_rnn.config.fit import FitConfig
from sparse_rnn.config.plan import plan_of
from sparse_rnn.data import Batch, Batches, TaskStream, ahead
from sparse_rnn.errors import IncompatibleState, InvalidArgument, TrainingDiverged
from sparse_rnn.evaluation.history import Descent, Record
from sparse_rnn.evaluation.mode import evaluating
from sparse_rnn.evaluation.scores import TaskScores
from sparse_rnn.evaluation.streams import Scored
from sparse_rnn.evaluation.transfer import StageMatrix
from sparse_rnn.runs.checkpoint import Snapshot, capture, capture_plain, restore
from sparse_rnn.runs.decisions import Decisions
from sparse_rnn.system.arguments import instance
from sparse_rnn.system.hardware import device_of, shortened
from sparse_rnn.training.carrying import Carried
from sparse_rnn.training.consolidation import Consolidation
from sparse_rnn.training.continual import keeping
from sparse_rnn.training.curriculum import Policy, curriculum_of
from sparse_rnn.training.evaluation import evaluate
from sparse_rnn.training.group import Group
from sparse_rnn.training.objective import Objective, probe
from sparse_rnn.training.optimiser import Optimiser, remedy
from sparse_rnn.training.parts import Given, settle
from sparse_rnn.training.sparsity import Sparsity, soften
from sparse_rnn.training.stages import Marks, ends_of, matrix_of
from sparse_rnn.training.stream import endless


class StopSeen(Exception):
    """The run was asked to stop; the trainer is in a state that a snapshot can hold."""


class Steps:
    """The gradient steps and evaluations of one run, taken by a `sparse_rnn.Trainer` or ensemble.

    `sparse_rnn.Trainer` says what it is made of.

    Attributes:
        step: Gradient steps taken.
        ended: Why there will be no more of them: "steps", "target", "callback", or "" where there
            will be.
        pending: The step whose record is not complete yet, or None.
        sparsity: What chooses the synapses, or None.
        carried: The states that the next batch goes on from.
        marks: Held-out scores before training and at the ends of stages, by step; of a run with a
            policy, those that it has seen. Empty without both.
    """

    def __init__(  # noqa: PLR0913 - an option each, keyword-only past the fourth
        self,
        network: nn.Module,
        training: Batches,
        held_out: Scored,
        config: FitConfig,
        *,
        group: Group | None = None,
        stop: Callable[[], bool] = lambda: False,
        objective: Given | None = None,
        optimiser: Given | None = None,
        curriculum: Given | None = None,
    ) -> None:
        instance("network", network, nn.Module)
        instance("config", config, FitConfig)
        self.network = network
        given = {"objective": objective, "optimiser": optimiser, "curriculum": curriculum}
        self.config, parts = settle(config, network, **given)
        self.group = group or Group()
        self.stop = stop
        plan = plan_of(self.config, network)
        soften(plan)  # Before the parameters are counted.
        self.objective = Objective(network, self.config.minimised, parts.objective)
        self.optimiser = Optimiser(network, self.config, parts.optimiser)
        self._keeping = keeping(self.config.kept_by, network, self.optimiser, self.group)
        self.carried = Carried(self.group)
        self.sparsity: Sparsity | None = None
        if plan is not None:
            kept = None if self._keeping is None else self._keeping.method
            self.sparsity = Sparsity(
                plan,
                optimiser=self.optimiser,
                consolidation=kept if isinstance(kept, Consolidation) else None,
                training=lambda: self._training,
                group=self.group,
            )
        self.step = 0
        self.ended = ""
        self._training = training
        self.held_out = held_out
        self._exam: list[Batch] = []
        self.marks: Marks = {}
        self._planned: object = None
        stages = self.config.stage_plan
        self._curriculum = curriculum_of(stages, parts.policy, held_out, self.group)
        self._follow()
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
        facts: dict[str, Any] = {
            "step": self.step,
            "ended": self.ended,
            "pending": pending,
            "elapsed_s": self.elapsed_s,
            "optimiser": capture_plain(self.optimiser),
            "marks": {str(step): scores.rows() for step, scores in self.marks.items()},
            **({} if self._curriculum is None else self._curriculum.facts()),
            **more,
        }
        tensors = capture(self.network, self.optimiser) | self.carried.tensors()
        if self._keeping is not None:
            tensors |= self._keeping.method.tensors()
        if self.sparsity is not None:
            tensors |= self.sparsity.tensors()
            facts["sparsified"] = self.sparsity.done
        return Snapshot(facts, tensors)

    def resume(self, snapshot: Snapshot) -> None:
        """Go back to a state.

        Raises:
            IncompatibleState: It is that of another network.
        """
        facts = snapshot.facts
        try:
            pending = None if facts["pending"] is None else Descent(**facts["pending"])
            step, ended, elapsed_s = int(facts["step"]), facts["ended"], float(facts["elapsed_s"])
            rows: dict[str, Any] = facts.get("marks", {})
            marks = {int(at): TaskScores.from_rows(scores) for at, scores in rows.items()}
            if self._curriculum is not None:
                self._curriculum.restore(marks, facts)
        except (KeyError, TypeError, ValueError) as error:
            raise IncompatibleState(f"The checkpoint's facts are incomplete ({error})") from error
        restore(snapshot.tensors, self.network, self.optimiser, facts.get("optimiser"))
        carries = self.config.carry_states and step > 0
        self.carried.restore(snapshot.tensors, device_of(self.network), carries=carries)
        if self._keeping is not None:
            taught = any(end < self.config.steps for end in ends_of(marks))
            self._keeping.method.restore(snapshot.tensors, ended=taught)
        if self.sparsity is not None:
            self.sparsity.restore(snapshot.tensors, facts.get("sparsified"))
        self.step, self.ended, self.pending, self.marks = step, ended, pending, marks
        self._follow()
        self._began_s = time.monotonic() - elapsed_s

    def upcoming(self, stack: ExitStack, *, prefetch: bool = True) -> Iterator[Batch]:
        """Open the batches of the steps to come; `stack` closes them."""
        return stack.enter_context(closing(self._batches(prefetch=prefetch)))

    def _batches(self, *, prefetch: bool) -> Generator[Batch]:
        """The batches of the steps to come, one a step."""
        while self.step < self.config.steps:
            training = self._training
            steps = self.step, self.config.steps
            batches = endless(training.batches(*steps), *steps)
            with ahead(batches) if prefetch else nullcontext(batches) as drawn:
                for batch in drawn:
                    yield batch
                    if self._training is not training:
                        break  # Other tasks from here on: what was drawn ahead is of before.
                else:
                    return

    def _follow(self) -> None:
        """Train on what scores say by now, where they decide it."""
        if self._curriculum is None or self.ended:
            return
        planned = self._curriculum.trained(self.marks)
        if planned is not None and planned != self._planned:
            stream = instance("training", self._training, TaskStream)
            self._training = stream.staged(planned, self.group.size)
            self._planned = planned

    def begin(self) -> None:
        """Choose the synapses that the run starts with, where a sparsifier does."""
        if self.sparsity is not None:
            self.sparsity.begin(self._minimised)

    def _minimised(self, batch: Batch) -> Tensor:
        """What is minimised, of a batch, without the penalties on weights."""
        total = None if self.group.size == 1 else self.group.sum(batch.mask.sum())
        with self.shortened():
            outputs, states, _ = self.objective.respond(batch)
            return self.objective(outputs, states, batch, total, self.group.size)[1]

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
        self.optimiser.inner.zero_grad(set_to_none=True)
        watching = nullcontext() if self.sparsity is None else self.sparsity.watching(self.step + 1)
        with self.optimiser.only_trained(), watching:
            with self.shortened():
                outputs, states, last = self.objective.respond(batch, self.carried.h0)
                loss, minimised = self.objective(outputs, states, batch, total, self.group.size)
            cast("Any", minimised).backward()
        self.carried.offer(last)
        self.take(self.judge(loss))

    def judge(self, loss: Tensor) -> Descent:
        """Make a gradient step ready, after the gradients were computed.

        Adds the penalties on weights, clips, and checks what came out.

        Raises:
            TrainingDiverged: The loss or the gradient is NaN or infinite; nothing has changed.
        """
        self.group.sum_gradients(self.optimiser.parameters.values())
        if self._keeping is not None:
            self._keeping.method.penalise()
        self.optimiser.penalise()
        norm = self.optimiser.clip()
        value = float(self.group.sum(loss.detach()))
        number = self.step + 1
        if not (math.isfinite(value) and math.isfinite(norm)):
            raise TrainingDiverged(number, value, norm, remedy(self.config))
        return Descent(number, value, self.config.rate(number), norm)

    def take(self, descent: Descent) -> None:
        """Take the gradient step that `judge` made ready; its record is then pending.

        Where a sparsifier is due, it changes the synapses after the step or in place of it.
        """
        sparsity, number = self.sparsity, descent.step
        if sparsity is None or not sparsity.replaces(number):
            with nullcontext() if self._keeping is None else self._keeping.method.moving():
                self.optimiser.step(number)
        if sparsity is not None and sparsity.due(number):
            sparsity.change(number, self._minimised)
        self.carried.take()
        self.pending = descent
        self.step += 1

    @property
    def exam_due(self) -> bool:
        """Whether the network is to be evaluated after the pending step."""
        return self.config.stage_plan.exam_due(self.step, ends_of(self.marks))

    @property
    def unmarked(self) -> bool:
        """Whether the network is to be evaluated before its first step, as a run with stages is."""
        return self.config.stages is not None and not (self.step or self.marks)

    @property
    def stage_matrix(self) -> StageMatrix | None:
        """The scores at the end of each stage; None where none has ended."""
        stages = self.config.stages or ()
        return matrix_of(stages, cast("TaskStream", self.held_out), self.marks)

    @property
    def decisions(self) -> Decisions | None:
        """What a policy has decided so far; None without one."""
        return self._curriculum.decisions if isinstance(self._curriculum, Policy) else None

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
        if scores is not None:
            self._mark(done.step, scores)
        self.pending, self._last = None, done
        return Record(done.step, done.loss, done.lr, done.grad_norm, self.elapsed_s, scores)

    def _mark(self, step: int, scores: TaskScores) -> None:
        """Keep scores that say what is trained next, such as those at the end of a stage."""
        last, curriculum = step == self.config.steps, self._curriculum
        if curriculum is None or not (last or curriculum.keeps(self.marks, step, scores)):
            return
        begin = max(self.marks, default=0)
        self.marks[step] = scores
        if self._keeping is not None and not last:
            stage, seed = len(ends_of(self.marks)) - 1, self.config.seed
            self._keeping.end_stage(stage, (begin, step), self._training, seed)
        self._follow()

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
