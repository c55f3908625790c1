"""How often each task is drawn: what a caller gives as weights, as a probability of each slot."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from modcog.catalog.features import FEATURES
from modcog.catalog.filters import matching
from modcog.catalog.settings import tasks_of
from modcog.catalog.suites import named_suite, suites
from modcog.errors import InvalidArgument, real_number, unknown_name

Weights = str | Sequence[str] | Sequence[float] | NDArray[Any] | Mapping[str, float] | None
"""A mapping from task names, or expressions of features such as ``delay & ~match``, to weights,
what is left out having 1; or a weight of each rule slot; or the names of tasks, or of one task or
suite: these alone, equally often. None: all equally often."""

Frozen = tuple[str, ...] | tuple[float, ...] | tuple[tuple[str, float], ...] | None
"""Weights as data that can be hashed; a mapping is its pairs."""

_SIGNS = re.compile(r"[&|~=<>()]")

_ALLOWED = "a mapping from task names to weights, a weight of each rule slot, or names of tasks"


def frozen_weights(weights: object, argument: str = "weights") -> Frozen:
    """Bring weights into their one frozen form; what only a list of tasks can tell is not checked.

    Raises:
        InvalidArgument: They are of another kind than `Weights`, empty, negative or not finite.

    Example:
        >>> frozen_weights({"Go": 3, "DMS": 0})
        (('Go', 3.0), ('DMS', 0.0))
    """
    if weights is None:
        return None
    if isinstance(weights, str):
        return named_suite(weights) if weights in suites() else (weights,)
    if isinstance(weights, Mapping):
        given = cast("Mapping[Any, Any]", weights)
        pairs = tuple((_name(argument, k), _weight(f"{argument}[{k!r}]", given[k])) for k in given)
        return pairs or None
    if isinstance(weights, np.ndarray):
        weights = weights.tolist()
    if not isinstance(weights, Sequence) or isinstance(weights, bytes) or not weights:
        raise InvalidArgument(argument, weights, _ALLOWED)
    items = cast("Sequence[Any]", weights)
    if isinstance(items[0], str):
        return tuple(_name(argument, item) for item in items)
    return tuple(_weight(f"{argument}[{i}]", item) for i, item in enumerate(items))


def probabilities(
    weights: Frozen, names: Sequence[str], argument: str = "weights"
) -> tuple[float, ...]:
    """The probability of each rule slot.

    Args:
        weights: As `frozen_weights` returns them. A name stands for all slots of that task, and
            goes before expressions; of several expressions that hold for a task the last counts.
        names: The task of each slot.
        argument: Name for the error messages.

    Raises:
        UnknownName: A name is none of these tasks; the message offers the nearest.
        InvalidArgument: There is not one weight a slot, or none above 0.

    Example:
        >>> probabilities((("Go", 3.0), ("DMS", 0.0)), ["Go", "DMS", "Anti"])
        (0.75, 0.0, 0.25)
        >>> probabilities((("match", 0.0), ("DMC", 1.0)), ["Go", "DMS", "DMC"])
        (0.5, 0.0, 0.5)
    """
    if weights is None:
        by_slot: list[float] = [1.0] * len(names)
    elif isinstance(weights[0], float):
        by_slot = list(cast("tuple[float, ...]", weights))
        if len(by_slot) != len(names):
            allowed = f"{len(names)} weights, one a rule slot"
            raise InvalidArgument(argument, f"{len(by_slot)} of them", allowed)
    else:
        alone = isinstance(weights[0], str)
        pairs = cast("Any", weights)
        given: dict[str, float] = dict.fromkeys(pairs, 1.0) if alone else dict(pairs)
        by_name: dict[str, float] = {}
        for name in given:
            if name not in names:
                by_name.update(
                    dict.fromkeys(_matching(name, names, argument, alone=alone), given[name])
                )
        by_name.update((name, given[name]) for name in given if name in names)
        by_slot = [by_name.get(name, 0.0 if alone else 1.0) for name in names]
    greatest = max(by_slot)
    if greatest == 0:
        raise InvalidArgument(argument, "0 for all tasks", "above 0 for one task or more")
    scaled = [weight / greatest for weight in by_slot]  # whose sum overflows in no case
    total = math.fsum(scaled)
    return tuple(weight / total for weight in scaled)


def _matching(name: str, names: Sequence[str], argument: str, *, alone: bool) -> tuple[str, ...]:
    """The tasks that a key of a mapping is about, which is none of their names."""
    if alone or not (_SIGNS.search(name) or name in FEATURES):
        known = dict.fromkeys(names)
        what = "a task of the sampler" + ("" if alone else ", or an expression of features")
        raise unknown_name(argument, name, known, what)
    return matching(tasks_of(tuple(dict.fromkeys(names))), name, f"{argument}[{name!r}]")


def _name(argument: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidArgument(argument, value, _ALLOWED)
    return value


def _weight(argument: str, value: object) -> float:
    allowed = "a finite number of at least 0"
    weight = real_number(argument, value, allowed)
    if weight < 0:
        raise InvalidArgument(argument, value, allowed)
    return weight
