"""Sequence generation: the answer drifts during the response (paper, Section 2.4).

The decision lasts 1000 ms. Its first step asks for the undrifted answer; from there the answer
moves left or right at a constant velocity. A trial on which the correct behaviour is to withhold
is left alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from modcog import ring
from modcog.timing import step_distribution
from modcog.trials.interfaces import Strategy
from modcog.trials.plan import Trials
from modcog.trials.spec import TaskSpec

DECISION_MS = 1000.0
"""Duration of the decision under Seq in ms, unless the caller sets it."""


@dataclass(frozen=True)
class SeqModifier:
    """Data of the Seq modifier.

    Attributes:
        direction: "L" or "R".
        velocity: Angular velocity in rad/s, above 0.

    Raises:
        InvalidArgument: A value is out of range.
    """

    kind: ClassVar[str] = "Seq"
    tracks: ClassVar[bool] = True

    direction: str
    velocity: float = ring.VELOCITY

    def __post_init__(self) -> None:
        """Check and freeze."""
        ring.sign_of(self.direction)
        object.__setattr__(self, "velocity", ring.check_velocity("seq_velocity", self.velocity))

    @property
    def label(self) -> str:
        """How the modifier stands in a task name."""
        return f"{self.kind}{self.direction}"

    def rewrite(self, spec: TaskSpec) -> TaskSpec:
        """Return the task with a decision long enough to drift.

        Raises:
            ModifierRefused: The task already drifts.
        """
        modified = spec.with_modifier(self)
        if spec.period("decision").set_by_user:
            return modified
        return modified.with_timing({"decision": DECISION_MS}, by_user=False)

    def transform(self, trials: Trials) -> Trials:
        """Give the answers their drift in ring units per step."""
        sign = ring.sign_of(self.direction)
        per_step = ring.units_per_second(self.velocity, trials.dim_ring) * trials.dt / 1000
        return replace(trials, drift=np.where(trials.responds, sign * per_step, 0.0))

    def clause(self, spec: TaskSpec) -> str:
        """What it does to the answer, in words."""
        moved = ring.units_per_100_ms(self.velocity, spec.dim_ring)
        return f"drifts {ring.SIDES[self.direction].word} by {moved} every 100 ms"

    def strategies(self, spec: TaskSpec) -> dict[str, Strategy]:
        """The right answer at the start of the response, held."""
        duration = spec.period("decision").duration
        if callable(duration):
            return {}
        n_steps, probability = step_distribution(duration, spec.dt)
        elapsed = (n_steps - 1) * spec.dt
        moved = ring.displacement(self.velocity, elapsed, spec.dim_ring)
        return {"ignore drift": Strategy(moved, probability)}
