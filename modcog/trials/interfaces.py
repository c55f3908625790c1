"""What a task and a modifier have to be: above specifications and trials, which both know neither.

Both are structural: nothing has to be inherited.
"""

from __future__ import annotations

from typing import ClassVar, Protocol

from modcog.trials.draws import Draws
from modcog.trials.plan import Trials
from modcog.trials.spec import TaskSpec


class Plan(Protocol):
    """Draws the trials of a task, all of them at once: `TaskSpec.plan`."""

    def __call__(self, spec: TaskSpec, draws: Draws, /) -> Trials:
        """Say what is shown and what is right, by `modcog.plan_trials`."""
        ...


class Modifier(Protocol):
    """What a task modifier is: frozen data with two pure functions.

    `rewrite` says which durations change and refuses tasks that it cannot modify; `transform`
    moves the response of trials that were drawn from the rewritten specification. A modifier
    knows no task family. Modifiers are dataclasses, so that a specification survives JSON.
    """

    kind: ClassVar[str]
    """Row of the modifier in `modcog.modifiers.MODIFIERS`, such as "Int"."""

    tracks: ClassVar[bool]
    """Whether the response has to follow the target through the whole decision."""

    @property
    def label(self) -> str:
        """How the modifier stands in a task name, such as "IntL"."""
        ...

    def rewrite(self, spec: TaskSpec) -> TaskSpec:
        """Return the specification with this modifier applied."""
        ...

    def transform(self, trials: Trials) -> Trials:
        """Return the trials with the response displaced."""
        ...
