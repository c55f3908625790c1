"""Batches for supervised training: whole trials of many tasks packed side by side.

Axes are ``[time, batch, channel]``. A batch is a pure function of the sampler's arguments, the
seed and the batch's number: there is no state to save, and batches may be asked for in any order,
by any number of processes.
"""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modcog.batches.batch import Batch
from modcog.batches.losses import loss_of
from modcog.batches.packing import Condition, TrialStream
from modcog.batches.schedule_data import Constant, Schedule, schedule_of
from modcog.batches.scheduled import ScheduledStream
from modcog.batches.targets import TARGETS, check_kind
from modcog.catalog.lengths import TrialLengths, checked_seq_len, lengths_of, longest_of
from modcog.catalog.rules import rule_input_of
from modcog.catalog.settings import tasks_of
from modcog.catalog.weights import Weights
from modcog.errors import InvalidArgument, instance, known_name, whole_number
from modcog.hashing import STREAMS, Seed, seed_sequence
from modcog.rendering.renderers import RENDERERS
from modcog.system.limits import LANES
from modcog.trials.gate import check_tasks
from modcog.trials.plan import Trials
from modcog.trials.spec import TaskSpec
from modcog.trials.tables import period_names


class BatchSampler:
    """Draws batches of whole trials of a suite.

    Each trial's task is drawn independently among the rule slots, with repeats: uniformly, unless
    `weights` or a `schedule` say otherwise. The trials form one stream that fills lane after lane
    and batch after batch; a trial that no longer
    fits is the last one of the next lane, and the rest of the lane before it is padding. The stream
    starts anew after a block of batches (8 192 trials or more), found from the seed and the block's
    number alone; the one trial at its end that finds no lane is dropped. With weights or a
    schedule each batch is a stream of its own, found from its number alone: what no longer fits its
    last lane is the last trial of its first one, so that tasks are as frequent as asked for in each
    batch. Batches that are drawn by other weights share no trial, though their seed be the same.

    Where `seq_len` is at least twice the longest trial, all tasks and lengths are as frequent in
    first place, which a network sees from its zero state, as they are overall; where it is k times
    the longest trial, in the first k - 1 places. In last place long ones are more frequent: of
    "cog-20" with 60 steps DMS (27 steps) has a share of 0.076 there and RTGo (10) 0.027, where 0.05
    is fair. Below twice the longest trial a long trial may be alone in its lane, and is then first.

    Args:
        tasks: Name of a suite or of one task, or a list of task names and `TaskSpec`, one per rule
            slot.
        batch_size: Number of lanes.
        seq_len: Steps of each lane, or "auto": four times the longest trial.
        seed: A whole number, a list of them, or a `numpy.random.SeedSequence`; 1, [1] and [1, 0]
            are different ones. No other use of the seed, nor of one spawned from it, shares a trial
            with these batches.
        loss_mask: What weighs the steps in the loss: "uniform", "yang" (see `LOSS_MASKS`); an array
            that broadcasts to ``[seq_len, batch_size]``, the same for all batches; or a function of
            `Trials` that returns a weight a trial, ``[n]``, or one a step of each lane. Padding has
            weight 0.
        renderer: "numpy", "numba", or "auto": the compiled one where numba is installed. Both
            write the same bits.
        rule_input: Whether the inputs end with rule channels, as in `modcog.make`, where a single
            task has none unless it is asked for: a network that is to act there needs the same
            value in both. None: as `rules` say.
        rules: What the rule channels show: "one_hot", "none" (no channels; `Trials.rule` keeps the
            slot), "factors", "orthogonal", "low_rank(8)", what `modcog.rules` makes, an array
            ``[slots, d]``, or a
            function from the tasks to one. None: one-hot, or as `rule_input` says.
        targets: What outputs are held against: "labels"; "ring", a fixation unit and a bump around
            the answer on a ring of units (Yang et al. 2019); "sin_cos", fixation and the point of
            the answer on the circle, not rounded to a direction; or "none".
        weights: How often each task is drawn: a mapping from task names, or expressions of features
            (``{"delay & ~match": 2}``, see `modcog.suite`), to weights, what is left out having 1;
            or a weight of each rule slot; or names of tasks, or of one suite: these alone, equally
            often. A weight of 0 holds a task out, and its rule channel stays. None, or equal
            weights: all equally often.
        schedule: What is drawn in which batch: a schedule of `modcog.schedules`, or a function from
            the number of a batch to weights, which has to return the same for the same number.
        **settings: Task settings, as for `modcog.task`: ``dt``, ``dim_ring``, ``noise``, ...

    Attributes:
        specs: The tasks, one per rule slot.
        targets: The kind of targets.
        seeds: The seed sequence that all is drawn from.
        schedule: What is drawn in which batch.
        lengths: Exact statistics of the trial lengths, by the weights; None where a duration is a
            callable, or the schedule has more than one weighting.

    Raises:
        InvalidArgument: An argument is out of range; the list of tasks is empty; `seq_len` holds
            no trial of some task.
        UnknownName: A name is not known.

    Example:
        >>> from modcog import BatchSampler
        >>> sampler = BatchSampler("mod-cog-84", batch_size=4, seq_len=100, seed=0)
        >>> batch = sampler.batch(17)
        >>> batch.inputs.shape, sampler.input_size, sampler.output_size
        ((100, 4, 117), 117, 17)
    """

    def __init__(  # noqa: PLR0913 - each is a choice of its own
        self,
        tasks: object,
        *,
        batch_size: int = 64,
        seq_len: int | Literal["auto"] = "auto",
        seed: Seed = 0,
        loss_mask: str | ArrayLike | Callable[[Trials], ArrayLike] = "uniform",
        renderer: str = "auto",
        rule_input: bool | None = None,
        rules: object = None,
        targets: str = "labels",
        weights: Weights = None,
        schedule: Schedule | Callable[[int], Any] | None = None,
        **settings: Any,
    ) -> None:
        self.specs: tuple[TaskSpec, ...] = tasks_of(tasks, **settings)
        self._period_names = period_names(self.specs)
        self._rule_input = rule_input_of(self.specs, rules, rule_input, default=True)
        self.targets = check_kind(targets)
        self.batch_size = whole_number("batch_size", batch_size, "lanes", most=LANES)
        self.loss_mask = loss_mask
        self.renderer = known_name("renderer", renderer, RENDERERS, "a renderer")
        if renderer != "auto":
            RENDERERS[renderer]()  # refused now where it does not work
        self.seeds = seed_sequence(seed)
        self._first, self._stride = 0, 1
        self._condition_names: tuple[str | None, ...] = ()
        self._take_schedule(schedule_of(weights, schedule), seq_len)
        self._loss = loss_of(loss_mask, (self.seq_len, self.batch_size))

    @property
    def identity(self) -> dict[str, Any]:
        """What decides the batches, in JSON types: equal for samplers that draw the same.

        A task with a callable as a duration, a condition without a name (`where`), loss weights
        from a function, and a function as a schedule or as a part of one, are None: of these
        nothing is known that outlives the process.

        Example:
            >>> from modcog import BatchSampler
            >>> BatchSampler("Go").shard(1, 4).identity["shard"]
            {'first': 1, 'stride': 4}
        """
        state = {k: v for k, v in self.seeds.state.items() if k != "n_children_spawned"}
        return {
            "streams": STREAMS,
            "seed": {name: np.asarray(value, object).tolist() for name, value in state.items()},
            "shard": {"first": self._first, "stride": self._stride},
            "batch_size": self.batch_size,
            "seq_len": self.seq_len,
            "loss_mask": self._loss.identity,
            "rule_input": self.rule_input,
            "rules": self._rule_input.identity,
            "targets": self.targets,
            "schedule": self._plan.record(),
            "conditions": list(self._condition_names),
            "tasks": [_recorded(spec) for spec in self.specs],
        }

    @property
    def tasks(self) -> tuple[str, ...]:
        """Task names, one per rule slot."""
        return tuple(spec.name for spec in self.specs)

    @property
    def input_size(self) -> int:
        """Number of input channels: fixation, two rings and the rule channels."""
        return 1 + 2 * self.specs[0].dim_ring + self._rule_input.n_channels

    @property
    def rules(self) -> NDArray[np.float32]:
        """What the rule channels show in each slot; float32 ``[slots, d]``, a copy.

        Example:
            >>> from modcog import BatchSampler
            >>> BatchSampler("cog-20", rules="factors").rules.shape
            (20, 26)
        """
        return self._rule_input.array

    @property
    def rule_input(self) -> bool:
        """Whether the inputs have rule channels."""
        return self._rule_input.n_channels > 0

    @property
    def output_size(self) -> int:
        """Number of outputs for these targets: of labels and "ring" fixation and the directions."""
        return TARGETS[self.targets].size(self.specs[0].dim_ring)

    def batch(self, index: int) -> Batch:
        """Draw batch number `index`, in any order and as often as wanted.

        Raises:
            InvalidArgument: `index` is not a whole number of at least 0.
        """
        trials, size = self.trials(index), (self.seq_len, self.batch_size)
        hidden = self._plan.hides(self._first + self._stride * index)
        return self._render(trials, size, hidden=hidden, checked=True)

    def trials(self, index: int) -> Trials:
        """The trials of batch number `index`, not rendered."""
        index = self._first + self._stride * whole_number("index", index, least=0)
        return self._stream.trials(index)

    def batch_of(self, trials: Trials) -> Batch:
        """Render trials of one's own choice, such as `modcog.conditions` makes, one a lane.

        Args:
            trials: Trials of tasks of this sampler, with its settings.

        Returns:
            A batch in which trial i is lane i, as long as the longest of them, padded.

        Raises:
            InvalidArgument: There are no trials, or one is of a task that has no rule slot here; or
                the schedule hides the rule in some batches and not in others.

        Example:
            >>> import modcog, numpy as np
            >>> sampler = modcog.BatchSampler("cog-20")
            >>> rng = np.random.default_rng(0)
            >>> trials = modcog.conditions("DlyGo", rng, location=range(16), ring=(0, 1))
            >>> sampler.batch_of(trials).inputs.shape
            (20, 32, 53)
        """
        if not len(instance("trials", trials, Trials, "Trials")):
            raise InvalidArgument("trials", "no trial", "at least one trial")
        slots = {spec: slot for slot, spec in reversed(list(enumerate(self.specs)))}
        check_tasks(trials)
        unknown = [spec.name for spec in trials.tasks if spec not in slots]
        if unknown:
            allowed = "trials of the sampler's tasks, with its settings"
            raise InvalidArgument("trials", f"trials of {', '.join(unknown)}", allowed)
        rule = np.array([slots[spec] for spec in trials.tasks])[trials.task_index]
        n = len(trials)
        placed = replace(trials, rule=rule, lane=np.arange(n), start=np.zeros(n, dtype=np.int64))
        hidden = {leaf.hides(0) for leaf in self._plan.leaves()}
        if len(hidden) > 1:
            remedy = "Use with_schedule(None).batch_of(trials), or another schedule."
            allowed = "one that hides the rule in all batches or in none"
            raise InvalidArgument("schedule", self.schedule.kind, allowed, remedy)
        return self._render(placed, (int(trials.length.max()), n), hidden=hidden.pop())

    def shard(self, rank: int, world_size: int) -> BatchSampler:
        """The part of the stream that one of several processes trains on.

        Batch i of the shard is batch ``i * world_size + rank`` here: the shards of all ranks
        together are this stream, each batch once. A shard may be sharded again.

        Args:
            rank: Number of the process, from 0.
            world_size: Number of processes.

        Raises:
            InvalidArgument: `rank` is not below `world_size`, or one is not a whole number.
        """
        world_size = whole_number("world_size", world_size, "processes")
        if whole_number("rank", rank, least=0) >= world_size:
            raise InvalidArgument("rank", rank, f"below world_size, {world_size}")
        shard = copy.copy(self)
        shard._first = self._first + self._stride * int(rank)
        shard._stride = self._stride * world_size
        return shard

    def with_seed(self, seed: Seed) -> BatchSampler:
        """A sampler with the arguments and conditions of this one, and another seed.

        Raises:
            InvalidArgument: It is no seed.
        """
        sampler = copy.copy(self)
        sampler.seeds = seed_sequence(seed)
        sampler._stream = self._stream.renewed(seeds=sampler.seeds)
        return sampler

    def with_schedule(
        self, schedule: Schedule | Callable[[int], Any] | None = None
    ) -> BatchSampler:
        """A sampler with the arguments and conditions of this one, and another schedule.

        Args:
            schedule: As for the constructor; None: all tasks, equally often.

        Raises:
            InvalidArgument: It is no schedule, or draws a task that is longer than `seq_len`.
            UnknownName: It names a task that has no rule slot here.
        """
        sampler = copy.copy(self)
        conditions = self._stream.conditions
        sampler._take_schedule(schedule_of(None, schedule), self.seq_len, conditions)
        return sampler

    def where(self, condition: Condition, *, name: str | None = None) -> BatchSampler:
        """A sampler of the trials that meet a condition, and of no others.

        Args:
            condition: Takes `Trials` and returns bool ``[n]``, such as
                ``lambda trials: trials.match == 1``.
            name: Stands for the condition where work is gone on with later, such as an export:
                nothing else tells one function from another.

        Returns:
            A sampler with the arguments of this one, and a stream of its own: none of its trials is
            among those of this one. Two samplers with other conditions may share the trials that
            meet both.

        Raises:
            InvalidArgument: The condition is no function, or the name no text. When a batch is
                drawn: it does not return such an array, or no trial meets it.

        Example:
            >>> from modcog import BatchSampler
            >>> sampler = BatchSampler("DMS", batch_size=2).where(lambda trials: ~trials.responds)
            >>> bool(sampler.batch(0).targets.any())
            False
        """
        if not callable(condition):
            raise InvalidArgument("condition", condition, "a function of Trials")
        given = cast("object", name)
        if given is not None and not (isinstance(given, str) and given):
            raise InvalidArgument("name", given, "a text, or None")
        sampler = copy.copy(self)
        conditions = (*self._stream.conditions, condition)
        sampler._stream = self._stream.renewed(conditions=conditions)
        sampler._condition_names = (*self._condition_names, name)
        return sampler

    def __iter__(self) -> Iterator[Batch]:
        """Iterate over the batches 0, 1, 2, ... without end."""
        return map(self.batch, itertools.count())

    def __repr__(self) -> str:
        """Sizes at a glance."""
        return (
            f"BatchSampler({len(self.specs)} rule slots, batch_size={self.batch_size}, "
            f"seq_len={self.seq_len}, dt={self.specs[0].dt:g} ms"
            + (")" if self.schedule == Constant() else f", schedule of {self.schedule.kind})")
        )

    def _render(
        self, trials: Trials, size: tuple[int, int], *, hidden: bool, checked: bool = False
    ) -> Batch:
        seq_len, n_lanes = size
        rendered = RENDERERS[self.renderer]()(
            trials, rules=self._rule_input, seq_len=seq_len, n_lanes=n_lanes, checked=checked
        )
        if hidden:
            rendered.observations[..., 1 + 2 * trials.dim_ring :] = 0
        mask = self._loss.weigh(trials, rendered.mask)
        targets = TARGETS[self.targets].write(trials, rendered.targets, rendered.mask)
        names = self._period_names
        return Batch(rendered.observations, targets, mask, trials, names, self.targets)

    def _take_schedule(
        self, schedule: Schedule, seq_len: object, conditions: tuple[Condition, ...] = ()
    ) -> None:
        """Follow a schedule: what it draws decides the lengths and the stream."""
        plan = schedule.resolve(self.tasks)
        uniform = plan.is_uniform()
        self.schedule, self._plan = (Constant(), Constant()) if uniform else (schedule, plan)
        drawn = [spec for spec, may in zip(self.specs, plan.support(), strict=True) if may]
        longest = longest_of(drawn)
        self.seq_len = checked_seq_len(seq_len, longest)
        self.lengths: TrialLengths | None = None
        if longest is not None and type(plan) is Constant:
            self.lengths = lengths_of(self.specs, None if uniform else plan.at(0).shares)
        size, rest = (self.specs, self.batch_size, self.seq_len), (self.seeds, conditions)
        self._stream: TrialStream | ScheduledStream
        if uniform:
            # A guess, where a callable draws durations; it costs time if wrong.
            mean_length = self.lengths.mean if self.lengths else min(self.seq_len, 20)
            self._stream = TrialStream(*size, mean_length, *rest)
        else:
            self._stream = ScheduledStream(*size, plan, *rest)


def _recorded(spec: TaskSpec) -> dict[str, Any] | None:
    """A task as JSON types; None where a duration is a callable."""
    if any(callable(period.duration) for period in spec.periods):
        return None
    return json.loads(spec.to_json())
