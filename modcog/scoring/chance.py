"""What simple strategies score: the levels that a trained network is to be held against.

Every number is computed from the task's specification; none is measured or looked up.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from modcog import ring
from modcog.catalog.settings import task
from modcog.errors import unknown_name
from modcog.tasks.decision import DecisionParams, DelayedDecisionParams, least_separation
from modcog.timing import step_distribution
from modcog.trials.spec import TaskSpec

TOLERANCE = math.pi / 5
"""A response counts as correct within less than this angle (36 degrees; Yang et al. 2019)."""


_DECISION = (DecisionParams, DelayedDecisionParams)


class Level(NamedTuple):
    """Expected score of a strategy.

    Attributes:
        final_accuracy: Expected `Evaluation.final_accuracy`.
        performance: Expected `Evaluation.performance`.
    """

    final_accuracy: float
    performance: float


def accepted(offset_units: NDArray[np.int64], dim_ring: int) -> NDArray[np.bool_]:
    """Whether an answer that many ring units off still lies within the tolerance."""
    angle = 2 * np.pi * offset_units / dim_ring
    return ring.circular_distance(angle, 0.0) < TOLERANCE


def uniform_label(spec: TaskSpec) -> Level:
    """Any of the n + 1 labels, alike."""
    n, p = spec.dim_ring, spec.p_response
    near = int(accepted(np.arange(n), n).sum())
    return Level(1 / (n + 1), (p * near + (1 - p)) / (n + 1))


def always_fixate(spec: TaskSpec) -> Level:
    """Never respond."""
    return Level(1 - spec.p_response, 1 - spec.p_response)


def random_direction(spec: TaskSpec) -> Level:
    """Always respond, in any direction alike."""
    n, p = spec.dim_ring, spec.p_response
    return Level(p / n, p * int(accepted(np.arange(n), n).sum()) / n)


def always_respond(spec: TaskSpec) -> Level | None:
    """Respond in the right direction on every trial, also where withholding is correct."""
    if spec.p_response == 1:
        return None
    return Level(spec.p_response, spec.p_response)


def either_place(spec: TaskSpec) -> Level | None:
    """One of the two shown places by a fair coin, all modifiers right (decision tasks)."""
    if not isinstance(spec.params, _DECISION):
        return None
    n, least = spec.dim_ring, least_separation(spec)
    separations = np.arange(least, n - least + 1)
    return Level(0.5, 0.5 + 0.5 * float(accepted(separations, n).mean()))


def judge_ring_1(spec: TaskSpec) -> Level | None:
    """The place that is stronger on ring 1 (decision tasks that show both rings)."""
    return _judge(spec, (0,))


def judge_ring_2(spec: TaskSpec) -> Level | None:
    """The place that is stronger on ring 2 (decision tasks that show both rings)."""
    return _judge(spec, (1,))


def judge_both_rings(spec: TaskSpec) -> Level | None:
    """The place with the larger summed strength (decision tasks that show both rings)."""
    return _judge(spec, (0, 1))


def _judge(spec: TaskSpec, rings: tuple[int, ...]) -> Level | None:
    """Enumerate the evidence on both rings; a tie of the strategy's own evidence is a coin flip."""
    params = spec.params
    if not isinstance(params, _DECISION) or len(params.shown) < 2 or rings == params.judged:
        return None
    evidence = np.array(list(itertools.product(params.evidence(), repeat=2)))
    right = np.round(evidence[:, list(params.judged)].sum(axis=1), 9)
    mine = np.round(evidence[:, list(rings)].sum(axis=1), 9)[right != 0]
    right = right[right != 0]
    p = float(np.where(mine == 0, 0.5, np.sign(mine) == np.sign(right)).mean())
    near = either_place(spec)
    assert near is not None  # this is a decision task
    missed = 2 * (near.performance - 0.5)
    return Level(p, p + (1 - p) * missed)


def ignore_interval(spec: TaskSpec) -> Level | None:
    """The right answer but for the interval: the modifier Int is left out."""
    shifts = _interval_shifts(spec)
    return None if shifts is None else _constant_shift(spec, *shifts, 0)


def constant_interval(spec: TaskSpec) -> Level | None:
    """The right answer but for the interval: one constant shift, the best for each measure."""
    shifts = _interval_shifts(spec)
    if shifts is None:
        return None
    levels = [_constant_shift(spec, *shifts, shift) for shift in range(spec.dim_ring)]
    return Level(*(max(column) for column in zip(*levels, strict=True)))


def ignore_drift(spec: TaskSpec) -> Level | None:
    """The right answer at the start of the response, held: the modifier Seq is left out."""
    for modifier in spec.modifiers:
        if modifier.kind == "Seq":
            duration = spec.period("decision").duration
            if callable(duration):
                return None
            n_steps, probability = step_distribution(duration, spec.dt)
            elapsed = (n_steps - 1) * spec.dt
            velocity: float = modifier.velocity  # type: ignore[attr-defined]
            moved = ring.displacement(velocity, elapsed, spec.dim_ring)
            return _constant_shift(spec, moved, probability, 0)
    return None


def _interval_shifts(spec: TaskSpec) -> tuple[NDArray[np.int64], NDArray[Any]] | None:
    """Possible displacements by the interval in ring units, and their probabilities."""
    for modifier in spec.modifiers:
        if modifier.kind == "Int" and spec.interval is not None:
            duration = spec.period(spec.interval).duration
            if callable(duration):
                return None
            n_steps, probability = step_distribution(duration, spec.dt)
            velocity: float = modifier.velocity  # type: ignore[attr-defined]
            return ring.displacement(velocity, n_steps * spec.dt, spec.dim_ring), probability
    return None


def _constant_shift(
    spec: TaskSpec, moved: NDArray[np.int64], probability: NDArray[Any], shift: int
) -> Level:
    """Answer with one shift where the target moves by `moved`; withholding is always right."""
    off = (moved - shift) % spec.dim_ring
    p, withheld = spec.p_response, 1 - spec.p_response
    exact = float(probability[off == 0].sum())
    near = float(probability[accepted(off, spec.dim_ring)].sum())
    return Level(p * exact + withheld, p * near + withheld)


STRATEGIES: Mapping[str, Callable[[TaskSpec], Level | None]] = MappingProxyType(
    {
        "uniform label": uniform_label,
        "always fixate": always_fixate,
        "random direction": random_direction,
        "always respond": always_respond,
        "either place": either_place,
        "judge ring 1": judge_ring_1,
        "judge ring 2": judge_ring_2,
        "judge both rings": judge_both_rings,
        "ignore interval": ignore_interval,
        "constant interval": constant_interval,
        "ignore drift": ignore_drift,
    }
)
"""Strategies by name; one that means nothing for a task gives None."""

BLIND = ("uniform label", "always fixate", "random direction")
"""The strategies that look at no stimulus."""

IGNORING: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"stimuli": BLIND, "evidence": (*BLIND, "always respond", "either place")}
)
"""What a floor ignores -> its strategies: those that look at no stimulus, and with them those that
see where stimuli are and weigh nothing: they pick either place, and never withhold."""


def chance_table(name: str | TaskSpec, **settings: Any) -> dict[str, Level]:
    """Expected scores of every strategy that means something for a task.

    Args:
        name: The task.
        **settings: As for `modcog.task`.

    Example:
        >>> chance_table("MultiDM")["judge ring 1"].final_accuracy
        0.7857142857142857
    """
    spec = task(name, **settings)
    levels = {strategy: level(spec) for strategy, level in STRATEGIES.items()}
    return {strategy: level for strategy, level in levels.items() if level is not None}


def chance_level(name: str | TaskSpec, *, ignores: str = "stimuli", **settings: Any) -> float:
    """Floor of a task: `final_accuracy` of the best strategy that ignores something.

    Args:
        name: The task.
        ignores: "stimuli" for chance, the best answer to no stimulus at all; "evidence" for the
            best answer of a network that sees where stimuli are, and neither compares their
            strengths nor whether they match.
        **settings: As for `modcog.task`.

    Raises:
        UnknownName: `ignores` is neither, or the task is not known.

    Example:
        >>> chance_level("Go"), chance_level("DMS")
        (0.0625, 0.5)
        >>> chance_level("DM1"), chance_level("DM1", ignores="evidence")
        (0.0625, 0.5)
    """
    if ignores not in IGNORING:
        raise unknown_name("ignores", ignores, IGNORING, "what a floor ignores")
    spec = task(name, **settings)
    levels = [STRATEGIES[strategy](spec) for strategy in IGNORING[ignores]]
    return max(level.final_accuracy for level in levels if level is not None)
