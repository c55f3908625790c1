"""One plain sentence for each task: that of its base task, then the clause of each modifier."""

from __future__ import annotations

from typing import Any

from modcog.catalog.settings import task
from modcog.trials.spec import TaskSpec


def describe(name: str | TaskSpec, **settings: Any) -> str:
    """Say in one sentence what a task asks for.

    Left is towards lower ring indices, right towards higher ones (`modcog.ring.SIDES`). A unit
    is the distance of two neighbouring directions, 360 degrees over `dim_ring`.

    Args:
        name: The task's name or alias, or a `TaskSpec`.
        **settings: As for `modcog.task`.

    Returns:
        The sentence. A base task without a sentence (`TaskSpec.sentence`) and a modifier without
        a clause are called by their names.

    Raises:
        UnknownName: As in `modcog.task`; so also ModifierRefused and InvalidArgument.

    Example:
        >>> from modcog import describe
        >>> describe("DlyGo_IntL")
        'Hold the direction of the stimulus over a delay, then answer in it; the answer moves left
        by one unit for every 100 ms of delay.'
        >>> describe("Go_SeqR", dim_ring=32)
        'Answer in the direction of the stimulus once it has gone; the answer drifts right by two
        units every 100 ms.'
    """
    spec = task(name, **settings)
    base = spec.sentence or f"Do {spec.base}"
    if not spec.modifiers:
        return f"{base}."
    clauses = [
        modifier.clause(spec) if hasattr(modifier, "clause") else f"is changed by {modifier.label}"
        for modifier in spec.modifiers
    ]
    return f"{base}; the answer {', then '.join(clauses)}."
