"""One plain sentence for each task: that of its base task, then one clause for each modifier.

168 tasks are a product of two tables, and so are their sentences. Directions, velocities and
periods come from the specification, so that the sentence of a task with other settings holds too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from modcog.catalog.settings import task
from modcog.ring import units_per_second
from modcog.trials.interfaces import Modifier
from modcog.trials.spec import TaskSpec

BASE_SENTENCES: Mapping[str, str] = MappingProxyType(
    {
        "Go": "Answer in the direction of the stimulus once it has gone",
        "RTGo": "Answer in the direction of the stimulus as soon as it appears",
        "DlyGo": "Hold the direction of the stimulus over a delay, then answer in it",
        "Anti": "Answer opposite to the stimulus once it has gone",
        "RTAnti": "Answer opposite to the stimulus as soon as it appears",
        "DlyAnti": "Hold the direction of the stimulus over a delay, then answer opposite to it",
        "DM1": "Answer in the direction of the stronger of two stimuli on ring 1",
        "DM2": "Answer in the direction of the stronger of two stimuli on ring 2",
        "CtxDM1": (
            "Answer in the direction of the stronger stimulus on ring 1, whatever ring 2 shows"
        ),
        "CtxDM2": (
            "Answer in the direction of the stronger stimulus on ring 2, whatever ring 1 shows"
        ),
        "MultiDM": "Answer in the direction that is stronger on both rings together",
        "DlyDM1": "Answer in the direction of the stronger of two successive stimuli on ring 1",
        "DlyDM2": "Answer in the direction of the stronger of two successive stimuli on ring 2",
        "CtxDlyDM1": (
            "Answer in the direction of the stronger of two successive stimuli on ring 1, "
            "whatever ring 2 shows"
        ),
        "CtxDlyDM2": (
            "Answer in the direction of the stronger of two successive stimuli on ring 2, "
            "whatever ring 1 shows"
        ),
        "MultiDlyDM": (
            "Answer in the direction of the stronger of two successive stimuli, "
            "both rings taken together"
        ),
        "DMS": (
            "Answer in the direction of the test if it is that of the sample, "
            "and keep fixating otherwise"
        ),
        "DNMS": (
            "Answer in the direction of the test if it is not that of the sample, "
            "and keep fixating otherwise"
        ),
        "DMC": (
            "Answer in the direction of the test if it lies in the same half of the ring as the "
            "sample, and keep fixating otherwise"
        ),
        "DNMC": (
            "Answer in the direction of the test if it lies in the other half of the ring than the "
            "sample, and keep fixating otherwise"
        ),
    }
)
"""What each base task asks for, without a full stop."""

_SIDES = {"L": "left", "R": "right"}
_NUMBERS = {1.0: "one unit", 2.0: "two units", 3.0: "three units", 4.0: "four units"}
_RATE_MS = 100.0


def describe(name: str | TaskSpec, **settings: Any) -> str:
    """Say in one sentence what a task asks for.

    Left is towards lower ring indices (clockwise in the usual plot), right is the other way. A unit
    is the distance of two neighbouring directions, 360 degrees over `dim_ring`.

    Args:
        name: The task's name or alias, or a `TaskSpec`.
        **settings: As for `modcog.task`.

    Returns:
        The sentence. A base task or a modifier of one's own, which is in no table, is called by
        its name.

    Raises:
        UnknownName: As in `modcog.task`; so also ModifierRefused and InvalidArgument.

    Example:
        >>> describe("DlyGo_IntL")
        'Hold the direction of the stimulus over a delay, then answer in it; the answer moves left
        by one unit for every 100 ms of delay.'
        >>> describe("Go_SeqR", dim_ring=32)
        'Answer in the direction of the stimulus once it has gone; the answer drifts right by two
        units every 100 ms.'
    """
    spec = task(name, **settings)
    base = BASE_SENTENCES.get(spec.base, f"Do {spec.base}")
    if not spec.modifiers:
        return f"{base}."
    return f"{base}; the answer {', then '.join(_clause(m, spec) for m in spec.modifiers)}."


def _clause(modifier: Modifier, spec: TaskSpec) -> str:
    clause = _CLAUSES.get(modifier.kind)
    return f"is changed by {modifier.label}" if clause is None else clause(modifier, spec)


def _integrated(modifier: Any, spec: TaskSpec) -> str:
    how_far = f"moves {_SIDES[modifier.direction]} by {_per_100_ms(modifier.velocity, spec)}"
    if spec.interval == "delay":
        return f"{how_far} for every 100 ms of delay"
    return f"{how_far} for every 100 ms that the {spec.interval} lasts"


def _drifting(modifier: Any, spec: TaskSpec) -> str:
    rate = _per_100_ms(modifier.velocity, spec)
    return f"drifts {_SIDES[modifier.direction]} by {rate} every 100 ms"


def _per_100_ms(velocity: float, spec: TaskSpec) -> str:
    moved = round(units_per_second(velocity, spec.dim_ring) * _RATE_MS / 1000, 3)
    return _NUMBERS.get(moved, f"{moved:g} units")


_CLAUSES: Mapping[str, Callable[[Any, TaskSpec], str]] = MappingProxyType(
    {"Int": _integrated, "Seq": _drifting}
)
"""What each kind of modifier does to the answer."""
