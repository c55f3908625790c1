"""Trials of chosen conditions, for psychometric curves, tuning curves and other analyses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modcog.catalog.sampling import sample
from modcog.errors import InvalidArgument, whole_number
from modcog.hashing import Random
from modcog.system.limits import TRIALS
from modcog.trials.draws import as_numbers
from modcog.trials.plan import Trials
from modcog.trials.spec import TaskSpec


def conditions(task: str | TaskSpec, rng: Random, repeats: int = 1, **levels: ArrayLike) -> Trials:
    """All combinations of chosen values: a factorial design.

    Args:
        task: Name or specification of a task.
        rng: Seed or generator, as for `modcog.sample`, of everything that is not chosen; it is
            drawn anew in each trial, the noise included.
        repeats: Trials of each combination.
        **levels: Values of the quantities that the task draws, under the names that `given` has in
            `modcog.sample`: ring indices such as ``location``, strengths, durations in ms such as
            ``delay``, ``match``, ``noise_key``. Whole numbers of 64 bits are kept exactly.

    Returns:
        The trials; the last quantity named varies fastest, then come the repeats.

    Raises:
        UnknownName: The task is not known, or draws no quantity of that name; the message lists
            what it draws.
        InvalidArgument: A value is out of range, or a quantity has none.

    Example:
        All 16 directions with all 11 intervals:

        >>> import numpy as np
        >>> from modcog import conditions
        >>> delays = np.arange(100, 1101, 100)
        >>> trials = conditions("DlyGo_IntL", 0, location=range(16), delay=delays)
        >>> len(trials), trials.duration_ms("delay")[:3]
        (176, array([100., 200., 300.]))
    """
    given, n = design(levels, repeats)
    return sample(task, rng, n, given=given)


def design(
    levels: Mapping[str, ArrayLike], repeats: int, argument: str = "repeats"
) -> tuple[dict[str, NDArray[Any]], int]:
    """All combinations of chosen values, each repeated.

    Args:
        levels: Values of each quantity.
        repeats: Trials of each combination.
        argument: What the repeats are called, for the error.

    Returns:
        The value of each quantity in each trial, ``[n]``, as `modcog.sample` takes them in `given`;
        and n. The last quantity named varies fastest, then come the repeats.

    Raises:
        InvalidArgument: A quantity has no values, or there are too many trials.
    """
    repeats = whole_number(argument, repeats, "trials", most=TRIALS)
    axes = {name: _level(name, values) for name, values in levels.items()}
    shape = tuple(map(len, axes.values()))
    if (n := math.prod(shape) * repeats) > TRIALS:
        raise InvalidArgument("levels", f"{n} trials", f"at most {TRIALS} trials in all")
    cells = np.repeat(np.arange(math.prod(shape)), repeats)
    places = np.unravel_index(cells, shape) if shape else ()
    chosen = zip(axes.items(), places, strict=True)
    return {name: values[place] for (name, values), place in chosen}, n


def _level(name: str, values: ArrayLike) -> NDArray[Any]:
    listed = as_numbers(values)
    listed = None if listed is None else np.atleast_1d(listed)
    if listed is None or listed.ndim != 1 or not listed.size:
        raise InvalidArgument(name, values, "a number, or a list of at least one number")
    return listed
