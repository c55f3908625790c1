"""Learning-rate schedules by name: pure functions of the step, so that a run can go on anywhere."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Course:
    """What a schedule may depend on.

    Attributes:
        steps: Gradient steps of the whole run.
        decay: Factor that the learning rate falls by.
        decay_every: Steps between the falls of "step"; None for the other schedules.
    """

    steps: int
    decay: float
    decay_every: int | None = None


Schedule = Callable[[int, Course], float]
"""Factor of the learning rate at a step, counted from 1, of a course."""


def constant(step: int, course: Course) -> float:
    """1 throughout."""
    del step, course
    return 1.0


def cosine(step: int, course: Course) -> float:
    """From 1 at the first step to `decay` after the last one, on half a cosine."""
    share = (step - 1) / course.steps
    return course.decay + (1 - course.decay) * (1 + math.cos(math.pi * share)) / 2


def linear(step: int, course: Course) -> float:
    """From 1 at the first step to `decay` after the last one, on a line."""
    return 1 - (1 - course.decay) * (step - 1) / course.steps


def staircase(step: int, course: Course) -> float:
    """Times `decay` after every `decay_every` steps."""
    return course.decay ** ((step - 1) // (course.decay_every or course.steps))


SCHEDULES: Mapping[str, Schedule] = MappingProxyType(
    {"constant": constant, "cosine": cosine, "linear": linear, "step": staircase}
)
"""All schedules by name. A linear warm-up goes with each of them."""


def factor(name: str, step: int, course: Course, warmup: int = 0) -> float:
    """Factor of the learning rate at a step.

    Args:
        name: A name in `SCHEDULES`.
        step: The step, from 1.
        course: The length of the run and how the rate falls.
        warmup: Steps over which the rate also rises on a line: step k of them has k / (warmup + 1)
            of what the schedule says.

    Example:
        >>> [round(factor("step", k, Course(9, 0.5, 3), warmup=1), 2) for k in (1, 2, 3, 4, 7)]
        [0.5, 1.0, 1.0, 0.5, 0.25]
    """
    return SCHEDULES[name](step, course) * min(1.0, step / (warmup + 1))
