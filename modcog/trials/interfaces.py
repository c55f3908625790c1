"""What a task and a modifier bring: above specifications and trials, neither of which knows this.

All of it is structural: nothing has to be inherited. The parameters of a task (`TaskSpec.params`)
may have

- a method ``check(spec)``, called with the finished specification: it raises where the two do not
  fit, such as a distance that the ring does not have;
- a method ``strategies(spec)`` that returns `Strategy` by name, for `modcog.chance_table`;
- a method ``conditions(spec)``: the quantities of a trial of each condition, by name and one
  value a trial, as ``given`` of `modcog.sample`; where these are few enough to show each once;
- a method ``features(spec)`` that returns a `Feature` by name, for `modcog.features`: only those
  that the task has, in which it differs from others;
- a class attribute ``timing_presets``: name of a preset -> period -> ms, for ``timing`` of
  `modcog.task`. Presets are defaults, which modifiers replace.

A modifier is a `Modifier`, and may have besides

- a method ``clause(spec)``: what it does to the answer, such as "moves left by one unit for every
  100 ms of delay", for `modcog.describe`;
- a method ``mark(spec, trial)``: what a picture says of the answer of one trial, which it gets as
  `Trials.describe` returns it;
- a method ``displacement(trials)``: by how many ring units it moves the answers of trials of one
  task before the decision, negative to the left, int64 ``[n]``, for `Trials.displacement`;
- methods ``strategies(spec)`` and ``features(spec)``, as above.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple, Protocol

from numpy.typing import NDArray

from modcog.trials.draws import Draws
from modcog.trials.plan import Trials
from modcog.trials.spec import TaskSpec

Feature = bool | str | int | float | None
"""What a task is in one respect: True or False, one of several words, a number; None for none."""


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


class Strategy(NamedTuple):
    """How far off the answers of a simple strategy are; it withholds where that is right.

    Attributes:
        off: int64 ``[m]``, ring units from the right answer at the last step to that of the
            strategy; or ``[k, m]``, k variants of which the best counts.
        probability: float64 ``[m]``.
        weighs: Whether it compares strengths, or whether stimuli match.
    """

    off: NDArray[Any]
    probability: NDArray[Any]
    weighs: bool = True
