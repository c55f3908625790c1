"""How long the trials of a suite are, as a caller asks for it."""

from __future__ import annotations

from typing import Any

from modcog.catalog.lengths import TrialLengths, lengths_of
from modcog.catalog.settings import tasks_of
from modcog.catalog.weights import Weights, frozen_weights, probabilities


def trial_lengths(source: object, weights: Weights = None, **settings: Any) -> TrialLengths:
    """Exact length statistics of the trials of a suite, a task or a list of tasks.

    Args:
        source: Name of a suite or task, or a list of names and `TaskSpec`.
        weights: How often each task is drawn, as for `modcog.BatchSampler`.
        **settings: As for `modcog.task`.

    Raises:
        InvalidArgument: A duration is a callable, of which nothing is known in advance.
        UnknownName: A name is not known.

    Example:
        >>> from modcog import trial_lengths
        >>> trial_lengths("DlyGo_IntL").mean
        21.0
        >>> trial_lengths("cog-20").longest, trial_lengths("cog-20", ["Go", "Anti"]).longest
        (27, 15)
    """
    specs = tasks_of(source, **settings)
    if weights is None:
        return lengths_of(specs)
    return lengths_of(specs, probabilities(frozen_weights(weights), [s.name for s in specs]))
