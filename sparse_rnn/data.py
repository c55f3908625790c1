"""The adapter from `modcog` to torch: batches as tensors, and scores of logits.

The only module of this package that imports `modcog`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

import modcog
from modcog.batches.targets import TARGETS
from modcog.catalog import rules as rule_inputs, weights as task_weights
from modcog.hashing import generator
from modcog.plotting.palette import angle_colors as angle_colors
from modcog.trials.plan import concatenate, place
from sparse_rnn.errors import InvalidArgument, SparseRnnError, UnknownKeyword, UnknownName
from sparse_rnn.evaluation.scores import TaskScores
from sparse_rnn.evaluation.streams import Batch as Batch, Batches as Batches
from sparse_rnn.seeding import Purpose, Seed, derive
from sparse_rnn.system.arguments import whole

TARGET_KINDS = tuple(name for name, target in TARGETS.items() if target.read)
"""Kinds of targets whose outputs are read as answers, "labels" first."""

RULES = rule_inputs.NAMES
"""What rule inputs can show, by name, "one_hot" first."""

Trials = modcog.Trials
"""The plan of trials: what was drawn for each, a column a quantity."""


@dataclass(frozen=True)
class TaskStream:
    """An endless stream of batches, each a pure function of the stream's arguments and its number.

    Attributes:
        sampler: The sampler behind it.
    """

    sampler: modcog.BatchSampler

    @property
    def input_size(self) -> int:
        """Number of input channels I."""
        return self.sampler.input_size

    @property
    def output_size(self) -> int:
        """Number of outputs O."""
        return self.sampler.output_size

    @property
    def n_rules(self) -> int:
        """Number of rule slots; one-hot rules have as many channels, the last ones of inputs."""
        return len(self.sampler.tasks)

    @property
    def tasks(self) -> tuple[str, ...]:
        """Task names, one per rule slot."""
        return self.sampler.tasks

    def conditions(self, slot: int) -> Mapping[str, NDArray[np.int64]]:
        """Every condition of a rule slot once, as `given` of `trials_of`; empty if none listed."""
        spec: Any = self.sampler.specs[slot]
        listed = getattr(spec.params, "conditions", None)
        return {} if listed is None else listed(spec)

    def trials_of(
        self, slot: int, n: int, seed: Seed = 0, given: Mapping[str, ArrayLike] | None = None
    ) -> Batch:
        """Draw whole trials of one rule slot, one a lane and each from step 0.

        Args:
            slot: Number of the rule slot.
            n: Number of trials.
            seed: Where they are drawn from. The trials of a slot do not depend on the others.
            given: Quantities to fix instead of drawing them, one value or n values each, as for
                `modcog.sample`: ``location``, ``ring``, durations in ms such as ``delay``, ...

        Raises:
            InvalidArgument: `slot`, `n` or a given value is out of range.
            UnknownName: The task draws no quantity of a given name.
        """
        slot = whole("slot", slot, 0, self.n_rules - 1)
        with _own_errors():
            rng = generator(seed, Purpose.ANALYSIS, slot)
            trials = modcog.sample(self.sampler.specs[slot], rng, n, given=given)
        trials.rule[:] = slot
        drawn = modcog.render(trials, rules=self.sampler.rules)
        kind = self.sampler.targets
        answers = modcog.targets_of(trials, kind), drawn.mask, trials
        return _as_tensors(modcog.Batch(drawn.observations, *answers, target_kind=kind))

    def rules_of(self, batch: Batch) -> NDArray[np.int64]:
        """The rule slot of each step, whatever the rule channels show.

        Args:
            batch: A batch of this stream.

        Returns:
            int64 ``[T, B]``; the number of slots on padding.
        """
        trials = batch.source.trials
        rules = np.full(tuple(batch.mask.shape), self.n_rules)
        trial = np.repeat(np.arange(len(trials)), trials.length)
        step = np.arange(trial.size) - (np.cumsum(trials.length) - trials.length)[trial]
        rules[trials.start[trial] + step, trials.lane[trial]] = trials.rule[trial]
        return rules

    def shard(self, rank: int, world_size: int) -> TaskStream:
        """The part of the stream that one of several processes trains on.

        Batch i of the shard is batch ``i * world_size + rank`` here.

        Raises:
            InvalidArgument: `rank` is not below `world_size`, or one is not a whole number.
        """
        with _own_errors():
            return TaskStream(self.sampler.shard(rank, world_size))

    def staged(self, stages: Sequence[tuple[Any, int]], n: int = 1) -> TaskStream:
        """The stream of stages: pairs of frozen weights and a number of gradient steps.

        Args:
            stages: The stages; the last one stays.
            n: Batches a step, as many as there are processes.

        Raises:
            InvalidArgument: The weights are none of these tasks; so also UnknownName.
        """
        for number, (weights, _) in enumerate(stages):
            self.drawn(weights, f"stages[{number}]")
        with _own_errors():
            # Pairs of a name and a weight are a mapping that can be hashed.
            pairs = [(dict(w) if isinstance(w[0], tuple) else w, n * k) for w, k in stages]
            return TaskStream(self.sampler.with_schedule(modcog.schedules.stages(pairs)))

    def shares(self, weights: Any, argument: str = "weights") -> tuple[float, ...]:
        """The probability of each rule slot, of frozen weights.

        Raises:
            InvalidArgument: They are none of these tasks.
        """
        with _own_errors():
            return task_weights.probabilities(weights, self.tasks, argument)

    def drawn(self, weights: Any, argument: str = "weights") -> tuple[str, ...]:
        """The tasks that frozen weights draw, in the order of the suite; raises as `shares`."""
        shares = zip(self.tasks, self.shares(weights, argument), strict=True)
        return tuple(dict.fromkeys(task for task, share in shares if share))

    @property
    def identity(self) -> str:
        """SHA-256 of what decides the batches; of a callable only that there is one."""
        return hashlib.sha256(json.dumps(self.sampler.identity).encode()).hexdigest()

    def held_out(self) -> TaskStream:
        """Trials for evaluations, none of this stream's: of all tasks, whatever it trains."""
        seed = derive(self.sampler.seeds, Purpose.HELD_OUT)
        return TaskStream(self.sampler.with_schedule(None).with_seed(seed))

    def final(self) -> TaskStream:
        """The trials of the evaluation at the end of a run: none of this stream's."""
        return self.others(Purpose.FINAL)

    def others(self, purpose: Purpose) -> TaskStream:
        """A stream like this one, of other trials: those for a purpose."""
        return TaskStream(self.sampler.with_seed(derive(self.sampler.seeds, purpose)))

    def batch(self, index: int) -> Batch:
        """Draw batch number `index`."""
        return _as_tensors(self.sampler.batch(index))

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        """Iterate over the batches start..stop-1."""
        return map(self.batch, range(start, stop))

    def score(self, answers: Iterable[tuple[Tensor, Batch]]) -> TaskScores:
        """Score logits with `modcog.evaluate`, pooled over batches.

        Args:
            answers: Pairs of logits ``[T, B, O]`` and the batch that they answer.

        Returns:
            The scores of the tasks that occur, in the order of the suite.

        Raises:
            InvalidArgument: Logits have a wrong shape or are not finite.
        """
        return self.pooled(grade(logits, batch) for logits, batch in answers)

    def pooled(self, grades: Iterable[modcog.Evaluation]) -> TaskScores:
        """Pool what `grade` returned for several batches; as `score`."""
        with _own_errors():
            rows = {row["task"]: row for row in modcog.pool(list(grades)).rows()}
        return TaskScores.from_rows(rows[one] for one in dict.fromkeys(self.tasks) if one in rows)

    def confusion(self, answers: Iterable[tuple[Tensor, Batch]]) -> NDArray[np.int64]:
        """Count what was answered where what was right, at the last decision step of each trial.

        Args:
            answers: Pairs of logits ``[T, B, O]`` and the batch that they answer.

        Returns:
            int64 ``[L, L]`` for L labels; row: the right one (0 = fixate, 1 + k = direction k),
            column: the one that the outputs say.
        """
        n_labels = 1 + self.sampler.specs[0].dim_ring
        counts = np.zeros((n_labels, n_labels), dtype=np.int64)
        for logits, batch in answers:
            trials = batch.source.trials
            # A decision is the end of its trial.
            at = trials.start + trials.length - 1, trials.lane
            outputs = logits.detach().double().cpu().numpy()[at]
            read = TARGETS[batch.source.target_kind].read
            assert read is not None  # One without would have no scores either.
            n_steps, n_lanes = batch.steps_and_lanes
            right = modcog.targets_of(trials, seq_len=n_steps, n_lanes=n_lanes)[at]
            np.add.at(counts, (right, read(outputs, n_labels - 1).label), 1)
        return counts


def grade(logits: Tensor, batch: Batch) -> modcog.Evaluation:
    """Score the logits ``[T, B, O]`` of one batch, for `TaskStream.pooled`.

    Raises:
        InvalidArgument: Logits have a wrong shape or are not finite.
    """
    with _own_errors():
        return modcog.evaluate(logits.detach().cpu().numpy(), batch.source)


def task_stream(
    tasks: str | Sequence[str],
    *,
    batch_size: int,
    seq_len: int | str,
    seed: Seed,
    **settings: Any,
) -> TaskStream:
    """Make the stream of a suite.

    Args:
        tasks: Name of a suite or a task, or a list of task names, one per rule slot.
        batch_size: Number of lanes B.
        seq_len: Number of steps T, or "auto".
        seed: Where the trials are drawn from.
        **settings: Task settings of `modcog`, such as ``dt`` in ms and ``noise``.

    Raises:
        UnknownName: A name is unknown.
        InvalidArgument: A setting is out of range.

    Example:
        >>> stream = task_stream("cog-20", batch_size=4, seq_len=100, seed=0)
        >>> stream.batch(0).inputs.shape, stream.output_size
        (torch.Size([100, 4, 53]), 17)
    """
    with _own_errors():
        names = tasks if isinstance(tasks, str) else list(tasks)
        sampler: Any = modcog.BatchSampler
        how = {"batch_size": batch_size, "seq_len": seq_len, "seed": seed, **settings}
        return TaskStream(sampler(names, **how))


def floors(tasks: str | Sequence[str]) -> dict[str, tuple[float, float]]:
    """Performance, by task, of the best strategies that ignore the stimuli, or the evidence.

    Example:
        >>> floors(["Go", "DM1"])
        {'Go': (0.1875, 0.1875), 'DM1': (0.1875, 0.5)}
    """
    table: Any = modcog.features(tasks if isinstance(tasks, str) else list(tasks))
    return {k: (row["chance_performance"], row["floor_performance"]) for k, row in table.items()}


def frozen_weights(weights: Any, argument: str) -> tuple[Any, ...] | None:
    """Weights of tasks in a form that can be hashed; raises InvalidArgument."""
    with _own_errors():
        return task_weights.frozen_weights(weights, argument)


def written_rules(name: Any) -> Any:
    """The name of rule inputs as all equal ones write it; raises InvalidArgument."""
    with _own_errors():
        return rule_inputs.written(name) if isinstance(name, str) else name


def join_trials(parts: Sequence[Trials]) -> Trials:
    """Put trials behind each other, one a lane and each from step 0."""
    n = len(joined := concatenate(parts))
    return place(joined, np.arange(n), np.zeros(n, dtype=np.int64))


@contextmanager
def ahead(batches: Iterable[Batch]) -> Generator[Iterator[Batch]]:
    """Iterate over batches that a thread draws ahead: the same ones in the same order."""
    with modcog.Prefetch(batches) as drawn:
        yield drawn


def shows_whole_trials(env: Any) -> bool:
    """Whether the trials that an environment makes are all that its steps would show.

    They are not where it has none, with right answers, after a reset, or a wrapper that acts on
    steps.
    """
    from modcog.batches.rollouts import acts_on_steps  # the environments alone need gymnasium

    made = all(hasattr(env.unwrapped, name) for name in ("new_trial", "ob", "gt"))
    return made and acts_on_steps(env) is None


def next_trial(env: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Start a trial of an environment that `shows_whole_trials`.

    Returns:
        Observations ``[steps, ...]`` and right answers ``[steps, ...]``.

    Raises:
        InvalidArgument: It has observations of another shape than its space.
    """
    from modcog.batches import rollouts

    with _own_errors():
        return rollouts.next_trial(env)


def local_site(
    files: Mapping[str, Path], answers: Mapping[str, Callable[[Mapping[str, str]], Any]], name: str
) -> Any:
    """A local page of the parts of `modcog.explore` and files of its own, for `serve_site`.

    Args:
        files: File of each path, beside the shared ones.
        answers: Function of each path: fields of the query -> JSON types.
        name: Of the program, for its messages.
    """
    from modcog import explore  # the pages alone need it

    shared = explore.files(*explore.SHARED)
    return explore.Site({**shared, **files}, answers, (SparseRnnError, modcog.ModcogError), name)


def serve_site(site: Any, port: int, *, browser: bool) -> None:
    """Serve a local page until Ctrl-C; see `modcog.explore.serve`.

    Raises:
        InvalidArgument: The port cannot be had.
    """
    from modcog import explore

    with _own_errors():
        explore.serve(site, port, browser=browser)


def trial_panel(
    trials: Trials, inputs: NDArray[np.float32], targets: NDArray[np.int64]
) -> dict[str, Any]:
    """A trial as a local page shows it, in JSON types.

    Args:
        trials: The first of these is shown.
        inputs: float32 ``[time, I]``; the page shows its rule as 1, whatever the channels do.
        targets: int64 ``[time]``.
    """
    from modcog import explore

    rings = 1 + 2 * trials.dim_ring
    shown = np.column_stack([inputs[:, :rings], inputs[:, rings:].any(axis=1)])
    return explore.trial_panel(trials, shown.astype(np.float32), targets)


def _as_tensors(source: modcog.Batch) -> Batch:
    inputs, targets = torch.from_numpy(source.inputs), torch.from_numpy(source.targets)
    return Batch(inputs, targets, torch.from_numpy(source.mask), source)


@contextmanager
def _own_errors() -> Generator[None]:
    """Raise refusals by `modcog` as this package's, so that callers need to know one kind."""
    try:
        yield
    except modcog.InvalidArgument as error:
        argument = "suite" if error.argument == "tasks" else error.argument
        own = UnknownName if isinstance(error, modcog.UnknownName) else InvalidArgument
        own = UnknownKeyword if isinstance(error, TypeError) else own
        raise own(argument, error.value, error.allowed, error.remedy) from error
