"""Hold-outs by conditions: trials told apart by what they show and ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modcog.catalog.settings import tasks_of
from modcog.catalog.suites import task_names
from modcog.errors import InvalidArgument, truth_value, unknown_keyword
from modcog.trials.draws import as_numbers
from modcog.trials.plan import STIMULUS, Trials
from modcog.trials.tables import coherence

Column = NDArray[Any]


@dataclass(frozen=True)
class Quantity:
    """What of a trial may be held out.

    Attributes:
        of: Its values, ``[n]``, or ``[n, m]`` where a trial has several, of which any counts.
        least: The smallest value that it can have.
        most: The greatest, or None.
        whole: Whether it is a whole number.
        on_ring: Whether it is a direction, so that the ring says what is the greatest.
    """

    of: Callable[[Trials], Column]
    least: float = 0.0
    most: float | None = None
    whole: bool = False
    on_ring: bool = False


def _shown(trials: Trials, column: Column) -> Column:
    """A column of stimuli where there is a stimulus; NaN where there is none."""
    return np.where(trials.stimulus_strength > 0, column, np.nan)


def _coherence(trials: Trials) -> Column:
    """By how much the two stimuli of a ring differ in strength, for each ring; NaN without two."""
    bumps = {name.removeprefix("stimulus_"): getattr(trials, name) for name in STIMULUS}
    return np.abs(np.stack([coherence(bumps, ring) for ring in (0, 1)], axis=1))


QUANTITIES: Mapping[str, Quantity] = MappingProxyType(
    {
        "location": Quantity(
            lambda trials: _shown(trials, trials.stimulus_location), whole=True, on_ring=True
        ),
        "ring": Quantity(lambda trials: _shown(trials, trials.stimulus_ring), most=1, whole=True),
        "strength": Quantity(lambda trials: _shown(trials, trials.stimulus_strength)),
        "coherence": Quantity(_coherence),
        "match": Quantity(lambda trials: trials.match, least=-1, most=1, whole=True),
        "base_response": Quantity(
            lambda trials: trials.base_response, least=-1, whole=True, on_ring=True
        ),
        "response": Quantity(lambda trials: trials.response, least=-1, whole=True, on_ring=True),
    }
)
"""What may be held out beside the durations of periods."""


@dataclass(frozen=True)
class HeldOut:
    """Whether a trial has a quantity of a value that is held out: a condition for `where`.

    It is data: equal ones hold for the same trials, and it crosses to other processes.

    Attributes:
        values: Pairs of a quantity and its values.
        together: Whether a trial has to have all of the quantities, or any.
        negated: Whether it holds for the other trials instead.
    """

    values: tuple[tuple[str, tuple[float, ...]], ...]
    together: bool
    negated: bool

    def __call__(self, trials: Trials) -> NDArray[np.bool_]:
        """Tell the trials apart; bool ``[n]``.

        Raises:
            InvalidArgument: A direction is held out that the ring of the trials does not have.
        """
        has = [_has(trials, name, values) for name, values in self.values]
        join = np.logical_and if self.together else np.logical_or
        return np.asarray(join.reduce(has) != self.negated)


def _has(trials: Trials, name: str, values: tuple[float, ...]) -> NDArray[np.bool_]:
    quantity = _quantity(name)
    if quantity.on_ring and max(values) >= trials.dim_ring:
        allowed = f"directions of the ring, below {trials.dim_ring}"
        raise InvalidArgument(name, list(values), allowed)
    column = quantity.of(trials).reshape(len(trials), -1)
    close = np.isclose(column[..., None], values, rtol=0, atol=1e-6)
    return np.asarray(close.any(axis=(1, 2)))


def _quantity(name: str) -> Quantity:
    """The quantity of that name, or the duration of the period of that name."""
    return QUANTITIES.get(name, Quantity(partial(_duration, name)))


def _duration(name: str, trials: Trials) -> Column:
    if any(name in spec.period_names for spec in trials.tasks):
        return trials.duration_ms(name)
    return np.full(len(trials), np.nan)


@dataclass(frozen=True)
class ConditionSplit:
    """Two conditions of which every trial meets one, for `modcog.BatchSampler.where`.

    Attributes:
        train: Holds for the trials without what is held out.
        test: Holds for the trials with it.
    """

    train: HeldOut
    test: HeldOut


def conditions(
    suite: object = None, *, together: bool = False, **held_out: ArrayLike
) -> ConditionSplit:
    """Hold out trials by what they show or ask for, such as places, coherences or delays.

    A trial that has no such quantity, such as a delay in Go, is trained.

    Args:
        suite: Whose periods may be named: name of a suite, or a list of task names; by default all
            tasks that have a name.
        together: Whether only trials with values of all the quantities are held out, so that
            training has each of them, but never in combination; by default those with any.
        **held_out: A value or a list of values of each quantity:

            - ``location``, ``ring`` (0, 1) and ``strength`` of a stimulus, of whichever of the
              trial's; ``coherence``, by how much two stimuli that a ring shows at once differ in
              strength, without sign;
            - ``match`` (1, 0, or -1 where the question has no meaning); ``base_response`` and
              ``response``, the answer before and after Int at the first step (-1 for none);
            - the name of a period, such as ``delay``: its duration in ms.

    Returns:
        The conditions of the trials that are trained, and of those that are tested.

    Raises:
        UnknownName: There is no such quantity.
        InvalidArgument: A value is out of range, or nothing is held out. When a batch is drawn: no
            trial is such.

    Example:
        >>> import modcog
        >>> from modcog import splits
        >>> split = splits.conditions("cog-20", location=[0, 1, 2, 3])
        >>> sampler = modcog.BatchSampler("Go", batch_size=8)
        >>> held_out = sampler.where(split.test, name="test").batch(0).trials
        >>> int(held_out.stimulus_location.max())
        3
        >>> trained = sampler.where(split.train, name="train").batch(0).trials
        >>> int(trained.stimulus_location.min())
        4
    """
    specs = tasks_of(task_names() if suite is None else suite)
    known = (*QUANTITIES, *dict.fromkeys(p for spec in specs for p in spec.period_names))
    together = truth_value("together", together)
    if not held_out:
        allowed = "at least one quantity with values, such as location=[0, 1]"
        raise InvalidArgument("held_out", "nothing", allowed)
    for name in held_out:
        if name not in known:
            raise unknown_keyword("held_out", name, known, "a quantity of these trials")
    values = tuple((name, _values(name, given)) for name, given in held_out.items())
    train, test = (HeldOut(values, together, negated=negated) for negated in (True, False))
    return ConditionSplit(train, test)


def _values(name: str, given: ArrayLike) -> tuple[float, ...]:
    quantity = _quantity(name)
    kind = "whole number" if quantity.whole else "number"
    bounds = f"of at least {quantity.least:g}"
    if quantity.most is not None:
        bounds = f"from {quantity.least:g} to {quantity.most:g}"
    allowed = f"a {kind} {bounds}, or a list of them"
    listed = as_numbers(given)
    listed = None if listed is None else np.atleast_1d(listed)
    if listed is None or listed.ndim != 1 or not listed.size or listed.dtype.kind == "b":
        raise InvalidArgument(name, given, allowed)
    in_range = np.isfinite(listed) & (listed >= quantity.least)
    if quantity.most is not None:
        in_range &= listed <= quantity.most
    if quantity.whole:
        in_range &= listed == np.round(listed)
    if not in_range.all():
        raise InvalidArgument(name, given, allowed)
    return tuple(float(value) for value in listed)
