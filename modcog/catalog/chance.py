"""What simple strategies score: the levels that a trained network is to be held against.

Every number is computed from the task's specification; none is measured or looked up. A task and
its modifiers bring the strategies that mean something for them (`modcog.trials.interfaces`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from modcog import ring
from modcog.catalog.settings import task
from modcog.errors import known_name
from modcog.trials.interfaces import Strategy
from modcog.trials.spec import TaskSpec

TOLERANCE = math.pi / 5
"""A response counts as correct within less than this angle (36 degrees; Yang et al. 2019)."""


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


BLIND: Mapping[str, Callable[[TaskSpec], Level]] = MappingProxyType(
    {
        "uniform label": uniform_label,
        "always fixate": always_fixate,
        "random direction": random_direction,
    }
)
"""The strategies that look at no stimulus."""

IGNORED = ("stimuli", "evidence")
"""What a floor ignores: with the stimuli also all that they show; with the evidence what weighing
says, though not where stimuli are: such a strategy picks either place, and never withholds."""


def _levels(spec: TaskSpec, ignores: str = "") -> dict[str, Level]:
    """Levels of the strategies that mean something for a task, and ignore something."""
    levels = {name: level(spec) for name, level in BLIND.items()}
    if ignores == "stimuli":
        return levels
    if spec.p_response < 1:
        levels["always respond"] = Level(spec.p_response, spec.p_response)
    for member in (spec.params, *spec.modifiers):
        strategies: dict[str, Strategy] = getattr(member, "strategies", _no_strategies)(spec)
        for name, strategy in strategies.items():
            if not ignores or not strategy.weighs:
                levels[name] = _level(spec, strategy)
    return levels


def _no_strategies(spec: TaskSpec) -> dict[str, Strategy]:
    del spec
    return {}


def _level(spec: TaskSpec, strategy: Strategy) -> Level:
    """Of several variants the best for each measure; withholding is always right."""
    p, withheld, probability = spec.p_response, 1 - spec.p_response, strategy.probability
    variants = np.atleast_2d(strategy.off) % spec.dim_ring
    exact = max(float(probability[off == 0].sum()) for off in variants)
    near = max(float(probability[accepted(off, spec.dim_ring)].sum()) for off in variants)
    return Level(p * exact + withheld, p * near + withheld)


def chance_table(name: str | TaskSpec, **settings: Any) -> dict[str, Level]:
    """Expected scores of every strategy that means something for a task.

    Args:
        name: The task.
        **settings: As for `modcog.task`.

    Example:
        >>> from modcog import chance_table
        >>> chance_table("MultiDM")["judge ring 1"].final_accuracy
        0.7857142857142857
    """
    return _levels(task(name, **settings))


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
        >>> from modcog import chance_level
        >>> chance_level("Go"), chance_level("DMS")
        (0.0625, 0.5)
        >>> chance_level("DM1"), chance_level("DM1", ignores="evidence")
        (0.0625, 0.5)
    """
    known_name("ignores", ignores, IGNORED, "what a floor ignores")
    return floor(task(name, **settings), ignores).final_accuracy


def floor(spec: TaskSpec, ignores: str) -> Level:
    """Of the strategies that ignore something (`IGNORED`), the best score in each measure."""
    levels = _levels(spec, ignores).values()
    return Level(*(max(scores) for scores in zip(*levels, strict=True)))
