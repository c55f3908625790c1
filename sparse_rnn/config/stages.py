"""What a run trains in which steps: weights of the tasks, and stages of one after another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, cast

from sparse_rnn.data import frozen_weights
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.system.arguments import whole

Weighting = tuple[Any, ...]
"""Names of tasks; or a weight of each rule slot; or pairs of a name and a weight."""

Stage = tuple[Weighting, int]
"""What is trained, and for how many gradient steps."""

_ALLOWED = "pairs of tasks or weights and a number of steps"


def parse_weights(value: object, argument: str = "weights") -> Weighting | None:
    """Read weights, and bring them into the one form that all equal ones share.

    A command line writes them as ``Go+Anti`` or ``Go=3+DMS=0``.

    Args:
        value: As for `modcog.BatchSampler`; pairs of a name and a weight are a mapping too.
        argument: Name for the error messages.

    Raises:
        InvalidArgument: They are none.

    Example:
        >>> parse_weights(["Go", "Anti"]), parse_weights({"Go": 3}), parse_weights("Go=3+DMS=0")
        (('Anti', 'Go'), (('Go', 3.0),), (('DMS', 0.0), ('Go', 3.0)))
    """
    if value is None or value == "":
        return None
    if isinstance(value, str) and ("+" in value or "=" in value):
        value = _read(value, argument)
    if isinstance(value, list | tuple):
        members = cast("Sequence[Any]", value)
        if members and all(_is_pair(member) for member in members):
            if len({name for name, _ in members}) < len(members):
                raise InvalidArgument(argument, value, "one weight a task")
            value = dict(members)
    frozen = frozen_weights(value, argument)
    if frozen is None:  # An empty mapping.
        raise InvalidArgument(argument, value, "at least one task")
    return frozen if isinstance(frozen[0], float) else tuple(sorted(set(cast("Any", frozen))))


def parse_stages(value: object) -> tuple[Stage, ...] | None:
    """Read stages: pairs of tasks or weights and a number of gradient steps.

    A command line writes them as ``Go+Anti:500,DMS:500``.

    Raises:
        InvalidArgument: They are none.

    Example:
        >>> parse_stages([("Go", 500), (["Anti", "DMS"], 300)])
        ((('Go',), 500), (('Anti', 'DMS'), 300))
        >>> parse_stages("Go:500,Anti+DMS:300") == parse_stages(
        ...     [("Go", 500), (["Anti", "DMS"], 300)]
        ... )
        True
    """
    if value is None or value == "":
        return None
    if isinstance(value, str):
        value = [_stage(part) for part in value.split(",")]
    if not isinstance(value, list | tuple) or not value:
        raise InvalidArgument("stages", value, _ALLOWED)
    stages: list[Stage] = []
    for number, pair in enumerate(cast("Sequence[Any]", value)):
        if not isinstance(pair, list | tuple) or len(cast("Sequence[Any]", pair)) != 2:
            raise InvalidArgument(f"stages[{number}]", pair, _ALLOWED)
        weights = parse_weights(pair[0], f"stages[{number}]")
        if weights is None:
            raise InvalidArgument(f"stages[{number}]", pair, _ALLOWED)
        stages.append((weights, whole(f"stages[{number}] steps", pair[1], 1)))
    return tuple(stages)


def ends_of(stages: Sequence[Stage] | None) -> tuple[int, ...]:
    """The gradient step at which each stage ends.

    Example:
        >>> ends_of(parse_stages("Go:500,DMS:300"))
        (500, 800)
    """
    return tuple(accumulate(steps for _, steps in stages or ()))


def _is_pair(value: object) -> bool:
    if not isinstance(value, list | tuple):
        return False
    members = cast("Sequence[object]", value)
    return len(members) == 2 and isinstance(members[0], str) and not isinstance(members[1], str)


def _stage(text: str) -> tuple[str, object]:
    tasks, _, steps = text.rpartition(":")
    return tasks.strip(), int(steps) if steps.strip().isdecimal() else steps


def _read(text: str, argument: str) -> Mapping[str, float] | list[str]:
    """Weights as a command line writes them."""
    pairs = [part.strip().partition("=") for part in text.split("+")]
    if not any(sign for _, sign, _ in pairs):
        return [name for name, _, _ in pairs]
    try:
        found = {name: float(weight) for name, sign, weight in pairs if sign}
    except ValueError:
        found = {}
    if len(found) < len(pairs):
        raise InvalidArgument(argument, text, "NAME+NAME or NAME=WEIGHT+NAME=WEIGHT")
    return found
