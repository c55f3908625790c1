"""Trials of one task by its name or specification, from a seed or a generator."""

from __future__ import annotations

from collections.abc import Mapping

from numpy.typing import ArrayLike

from modcog.catalog.settings import task as task_of
from modcog.hashing import Random, generator_of
from modcog.trials import sampling
from modcog.trials.plan import Trials
from modcog.trials.spec import TaskSpec


def sample(
    spec: str | TaskSpec,
    rng: Random,
    n: int = 1,
    given: Mapping[str, ArrayLike] | None = None,
) -> Trials:
    """Draw n trials of one task, modifiers applied.

    Args:
        spec: Name or specification of the task.
        rng: The only source of randomness: a `numpy.random.Generator`, or a seed. A whole number 7
            stands for ``numpy.random.default_rng(7)``; lists and seed sequences are seeds as well,
            and 7 and [7] are two.
        n: Number of trials.
        given: Quantities to fix instead of drawing them, by name: the family's own (such as
            ``location``, ``ring``, ``match``), a period's duration in ms, ``noise_key``. Each is
            one value or n values. The others of the same seed stay as they were, but for those that
            the given ones say something about: these are distributed as they are among all trials
            that have the given values.

    Returns:
        The trials; trial i is in lane i and starts at step 0.

    Raises:
        InvalidArgument: `rng` is no seed, `n` or a given value is out of range, or the task plans
            trials that cannot be (see `modcog.trials.gate.check_trials`).
        UnknownName: The task is not known, or draws no quantity of a given name.

    Example:
        >>> import modcog
        >>> trials = modcog.sample("DlyGo_IntL", 0, 100)
        >>> bool((trials.duration_ms("delay") >= 100).all())
        True
    """
    return sampling.sample(task_of(spec), generator_of(rng), n, given)
