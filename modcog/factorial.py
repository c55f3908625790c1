"""Trials of chosen conditions, for psychometric curves, tuning curves and other analyses."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from modcog.configure import task as task_of
from modcog.errors import InvalidArgument, whole_number
from modcog.limits import TRIALS
from modcog.spec import TaskSpec
from modcog.trials import Trials, sample


def conditions(
    task: str | TaskSpec, rng: np.random.Generator, repeats: int = 1, **levels: ArrayLike
) -> Trials:
    """All combinations of chosen values: a factorial design.

    Args:
        task: Name or specification of a task.
        rng: Draws everything that is not chosen, anew in each trial, the noise included.
        repeats: Trials of each combination.
        **levels: Values of the quantities that the task draws, under the names that `given` has in
            `modcog.sample`: ring indices such as ``location``, strengths, durations in ms such as
            ``delay``, ``match``, ``noise_key``.

    Returns:
        The trials; the last quantity named varies fastest, then come the repeats.

    Raises:
        UnknownName: The task draws no quantity of that name; the message lists what it draws.
        InvalidArgument: A value is out of range, or a quantity has none.

    Example:
        All 16 directions with all 11 intervals:

        >>> rng = np.random.default_rng(0)
        >>> delays = np.arange(100, 1101, 100)
        >>> trials = conditions("DlyGo_IntL", rng, location=range(16), delay=delays)
        >>> len(trials), trials.duration_ms("delay")[:3]
        (176, array([100., 200., 300.]))
    """
    spec = task_of(task) if isinstance(task, str) else task
    repeats = whole_number("repeats", repeats, "trials", most=TRIALS)
    axes = {name: _level(name, values) for name, values in levels.items()}
    n = math.prod(map(len, axes.values())) * repeats
    if n > TRIALS:
        raise InvalidArgument("levels", f"{n} trials", f"at most {TRIALS} trials in all")
    rows = [row for row in itertools.product(*axes.values()) for _ in range(repeats)]
    given = {
        name: np.array(column) for name, column in zip(axes, zip(*rows, strict=True), strict=True)
    }
    return sample(spec, rng, len(rows), given=given)


def _level(name: str, values: ArrayLike) -> list[Any]:
    listed = np.atleast_1d(np.asarray(values))
    if listed.ndim != 1 or not listed.size or listed.dtype.kind not in "buif":
        raise InvalidArgument(name, values, "a number, or a list of at least one number")
    return listed.tolist()
