"""Schedules: which tasks the trials of each batch are drawn from, as a function of its number.

A schedule is frozen data and holds no state. What it says of batch i, together with the seed, is
all that batch i is drawn from: batches may be asked for in any order and by any number of
processes, and a run that is resumed sees what it would have seen.

Wherever a schedule takes weights, these are the names of tasks, or of one task or suite (these
alone, equally often); or a mapping from task names to weights, those left out having 1; or a
weight of each rule slot; or None for all tasks, equally often. A weight of 0 holds a task out.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from itertools import accumulate, pairwise
from types import MappingProxyType
from typing import Any, cast

from modcog.batches.block_lengths import block_length
from modcog.batches.schedule_data import (
    SHAPES,
    Blocks,
    Constant,
    Interleave,
    Ramp,
    Schedule,
    Stages,
    as_schedule,
)
from modcog.catalog.weights import Weights, frozen_weights
from modcog.errors import InvalidArgument, known_name, real_number, truth_value, whole_number

__all__ = [
    "Schedule",
    "blocks",
    "constant",
    "from_json",
    "interleave",
    "ramp",
    "recorded",
    "stages",
    "to_criterion",
]


def constant(weights: Weights = None) -> Schedule:
    """The same weights in all batches; what ``weights=`` of `modcog.BatchSampler` is short for.

    Args:
        weights: Tasks or weights, see the top of this module.

    Raises:
        InvalidArgument: They are no weights.

    Example:
        >>> import modcog
        >>> from modcog import schedules
        >>> schedule = schedules.constant({"Go": 3, "DMS": 0})
        >>> sampler = modcog.BatchSampler("cog-20", schedule=schedule)
        >>> "DMS" in sampler.trials(0).task
        False
    """
    return Constant(frozen_weights(weights))


def stages(plan: Sequence[tuple[Weights | Schedule | Callable[[int], Any], int]]) -> Schedule:
    """One stage after another; the last one stays.

    Args:
        plan: Pairs of tasks, weights or a schedule, and a number of batches. In a stage, the
            batches of its own schedule are counted from its begin.

    Raises:
        InvalidArgument: It is no list of such pairs.

    Example:
        >>> import modcog
        >>> from modcog import schedules
        >>> schedule = schedules.stages([(["Go", "Anti"], 100), (["DMS"], 50)])
        >>> sampler = modcog.BatchSampler("cog-20", schedule=schedule)
        >>> sorted(set(sampler.trials(99).task.tolist())), set(sampler.trials(100).task.tolist())
        (['Anti', 'Go'], {'DMS'})
    """
    pairs = _pairs("plan", plan, "(tasks or weights, number of batches)")
    counts = [whole_number("plan", count, "batches of a stage") for _, count in pairs]
    starts = (0, *accumulate(counts[:-1]))
    return Stages(tuple(as_schedule(part) for part, _ in pairs), starts)


def recorded(decisions: Sequence[tuple[int, Weights | Schedule]]) -> Schedule:
    """What was decided on the way, written down: a closed loop that can be played again.

    Who decides from the scores of a network what it is trained on next appends to the list, and
    goes on with ``sampler.with_schedule(recorded(decisions))``. Batches before the new decision
    stay what they were. The list, kept with the checkpoint, or the schedule as JSON, is all that a
    resumed run needs.

    Args:
        decisions: Pairs of the number of the first batch that a decision is about, and tasks,
            weights or a schedule. The first is 0, and they ascend.

    Raises:
        InvalidArgument: It is no list of such pairs.

    Example:
        >>> import modcog
        >>> from modcog import schedules
        >>> sampler = modcog.BatchSampler("cog-20", schedule=schedules.recorded([(0, ["Go"])]))
        >>> later = sampler.with_schedule(schedules.recorded([(0, ["Go"]), (7, {"Go": 0})]))
        >>> sampler.trials(6) == later.trials(6), "Go" in later.trials(7).task
        (True, False)
    """
    pairs = _pairs("decisions", decisions, "(number of a batch, tasks or weights)")
    starts = tuple(whole_number("decisions", start, "batches", least=0) for start, _ in pairs)
    if starts[0] != 0 or any(one >= other for one, other in pairwise(starts)):
        raise InvalidArgument("decisions", list(starts), "about batches that ascend from 0")
    return Stages(tuple(as_schedule(part) for _, part in pairs), starts)


def to_criterion(
    plan: Sequence[Weights | Schedule],
    evaluations: Sequence[tuple[int, float]],
    *,
    criterion: float,
    most: int | None = None,
) -> Schedule:
    """Stages that end where a score is good enough: the schedule that the scores so far lead to.

    It is a function of the scores, and nothing is kept beside them: make it anew after each
    evaluation, and go on with ``sampler.with_schedule``. Scores of before a batch alone decide what
    is in it.

    Args:
        plan: Tasks, weights or a schedule of each stage.
        evaluations: Pairs of the number of batches that came before an evaluation, and its score,
            such as the mean of a measure over the tasks of the stage. The numbers ascend.
        criterion: A stage ends at the first evaluation with this score or a better one.
        most: A stage ends after so many batches, whatever the score; None: it does not.

    Raises:
        InvalidArgument: An argument is of another kind than said here.

    Example:
        >>> from modcog import schedules
        >>> scores = [(100, 0.6), (200, 0.97)]
        >>> two = schedules.to_criterion([["Go"], ["DMS"]], scores, criterion=0.95)
        >>> two == schedules.recorded([(0, ["Go"]), (200, ["DMS"])])
        True
    """
    todo = [as_schedule(part) for part in plan]
    if not todo:
        raise InvalidArgument("plan", plan, "one stage or more")
    limit = math.inf if most is None else whole_number("most", most, "batches of a stage")
    needed = real_number("criterion", criterion, "a number")
    pairs = _pairs("evaluations", evaluations, "(number of batches, score)", least=0)
    numbers = [whole_number("evaluations", number, "batches") for number, _ in pairs]
    if any(one >= other for one, other in pairwise(numbers)):
        raise InvalidArgument("evaluations", numbers, "after numbers of batches that ascend")
    scores = [real_number("evaluations", score, "a score that is a number") for _, score in pairs]
    good = [number for number, s in zip(numbers, scores, strict=True) if s >= needed]
    starts = [0]
    for _ in todo[1:]:
        reached = next((number for number in good if number > starts[-1]), math.inf)
        end = min(reached, starts[-1] + limit)
        if end == math.inf:
            break
        starts.append(int(end))
    return Stages(tuple(todo[: len(starts)]), tuple(starts))


def blocks(length: object, weights: Weights = None, *, hidden: bool = False) -> Schedule:
    """Several trials of one rule, then several of another, within each lane.

    Each lane begins a block of its own and holds its blocks in order; the end of the lane cuts the
    last one short. A block is never followed by one of the same rule, unless there is only one:
    what follows is drawn by the weights of the others. With unequal weights the shares of blocks
    are then more equal than the weights; two tasks take turns whatever their weights are.

    Args:
        length: Trials of a block: a number, ``("uniform", (low, high))``, ``("choice", [a, b,
            ...])`` or ``("geometric", mean)``, whose blocks end after each trial with the same
            probability.
        weights: Tasks or weights, see the top of this module.
        hidden: Whether the rule inputs are all zero, so that nothing but the trials tells which
            rule holds. `Trials.rule` keeps it.

    Raises:
        InvalidArgument: An argument is of another kind than said here.

    Example:
        >>> import modcog
        >>> from modcog import schedules
        >>> schedule = schedules.blocks(3, ["Go", "Anti"], hidden=True)
        >>> sampler = modcog.BatchSampler("cog-20", batch_size=1, seq_len=120, schedule=schedule)
        >>> batch = sampler.batch(0)
        >>> batch.trials.task.tolist()
        ['Go', 'Go', 'Go', 'Anti', 'Anti', 'Anti', 'Go', 'Go']
        >>> float(batch.inputs[..., 33:].max())
        0.0
    """
    return Blocks(
        frozen_weights(weights),
        length=block_length(length),
        hidden=truth_value("hidden", hidden),
    )


def interleave(*parts: Weights | Schedule | Callable[[int], Any]) -> Schedule:
    """Batches of several schedules in turn.

    Args:
        *parts: Tasks, weights or schedules. Of k parts, part j says what batches j, j + k, j + 2k,
            ... are: its own batches 0, 1, 2, ...

    Raises:
        InvalidArgument: There are none, or one is of another kind.

    Example:
        >>> import modcog
        >>> from modcog import schedules
        >>> schedule = schedules.interleave(["Go"], "cog-20", ["DMS", "DNMS"])
        >>> sampler = modcog.BatchSampler("cog-20", schedule=schedule)
        >>> [len(set(sampler.trials(i).task.tolist())) for i in range(6)]
        [1, 20, 2, 1, 20, 2]
    """
    if not parts:
        raise InvalidArgument("parts", "none", "one schedule or more")
    return Interleave(tuple(map(as_schedule, parts)))


def ramp(start: Weights, end: Weights, n_batches: int, *, shape: str = "linear") -> Schedule:
    """Weights that move from one weighting to another.

    Args:
        start: Tasks or weights of batch 0.
        end: Tasks or weights of batch `n_batches` and of all after it. In between the probabilities
            of tasks are mixed.
        n_batches: Batches that the ramp takes.
        shape: "linear", or "cosine", which begins and ends slowly.

    Raises:
        InvalidArgument: They are no weights, or no number of batches.
        UnknownName: The shape is not known.

    Example:
        >>> from modcog import schedules
        >>> schedule = schedules.ramp(["Go"], None, 100, shape="cosine").resolve(["Go", "DMS"])
        >>> [round(schedule.at(i).shares[1], 3) for i in (0, 25, 50, 75, 100, 1000)]
        [0.0, 0.073, 0.25, 0.427, 0.5, 0.5]
    """
    known_name("shape", shape, SHAPES, "a shape of ramps")
    ends = frozen_weights(start, "start"), frozen_weights(end, "end")
    return Ramp(*ends, whole_number("n_batches", n_batches, "batches"), shape)


def from_json(text: str) -> Schedule:
    """Read a schedule that `Schedule.to_json` wrote.

    Raises:
        InvalidArgument: It is no such text.
        UnknownName: It is of a kind that is not known here.

    Example:
        >>> from modcog import schedules
        >>> schedule = schedules.stages([(["Go"], 100), (schedules.ramp(["Go"], None, 50), 50)])
        >>> schedules.from_json(schedule.to_json()) == schedule
        True
    """
    try:
        return _read(json.loads(text))
    except (json.JSONDecodeError, RecursionError, TypeError) as error:
        raise InvalidArgument("text", text, "a schedule as JSON", f"({error})") from error


def _read(record: object) -> Schedule:
    data = cast("dict[str, Any]", record) if isinstance(record, dict) else {}
    kind = data.get("kind")
    kind = known_name("kind", kind, KINDS, "a kind of schedule")
    made, reader = KINDS[kind]
    values = {key: value for key, value in data.items() if key != "kind"}
    expected = {field.name for field in fields(made)}
    if values.keys() != expected:
        allowed = f"a record of the kind {kind!r} with {', '.join(sorted(expected))}"
        raise InvalidArgument("text", f"one with {', '.join(sorted(values))}", allowed)
    return reader(**values)


def _read_stages(starts: Any, parts: Any) -> Schedule:
    read = list(map(_read, parts))
    if not isinstance(starts, list) or len(cast("list[Any]", starts)) != len(read):
        raise InvalidArgument("starts", starts, f"{len(read)} numbers, one a part")
    return recorded(list(zip(cast("list[int]", starts), read, strict=True)))


def _read_interleave(parts: Any) -> Schedule:
    return interleave(*map(_read, parts))


def _pairs(argument: str, given: object, what: str, *, least: int = 1) -> list[tuple[Any, Any]]:
    listed = list(cast("Sequence[Any]", given)) if isinstance(given, list | tuple) else None
    if listed is None or len(listed) < least:
        raise InvalidArgument(argument, given, f"a list of pairs {what}")
    for pair in listed:
        if not isinstance(pair, list | tuple) or len(cast("Sequence[Any]", pair)) != 2:
            raise InvalidArgument(argument, pair, f"a list of pairs {what}")
    return [(pair[0], pair[1]) for pair in listed]


KINDS: Mapping[str, tuple[type[Schedule], Callable[..., Schedule]]] = MappingProxyType(
    {
        "constant": (Constant, constant),
        "blocks": (Blocks, blocks),
        "ramp": (Ramp, ramp),
        "stages": (Stages, _read_stages),
        "interleave": (Interleave, _read_interleave),
    }
)
"""The kinds of schedules in JSON: their data, and what makes them from the fields of the record."""
