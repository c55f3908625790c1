"""Interval integration: the answer moves with the length of a timed interval (paper, Section 2.4).

The stimuli never move. The interval's duration is drawn uniformly over whole steps, and the answer
lies as many ring units to the left or right of the base task's answer as the velocity makes of the
realised duration. A trial on which the correct behaviour is to withhold is left alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from modcog import ring
from modcog.errors import (
    AmbiguousIntervalWarning,
    InvalidArgument,
    ModifierRefused,
    real_number,
)
from modcog.system.limits import DURATION_MS
from modcog.timing import step_distribution
from modcog.trials.interfaces import Feature, Strategy
from modcog.trials.plan import Trials
from modcog.trials.spec import TaskSpec

DELAY = (100.0, 1100.0)
"""Range of the interval in ms, unless the caller sets it: at 100 ms, 1 to 11 ring units."""


@dataclass(frozen=True)
class IntModifier:
    """Data of the Int modifier.

    Attributes:
        direction: "L" or "R".
        velocity: Angular velocity in rad/s, above 0.
        delay: Range (low, high) in ms of the interval, uniform over the whole steps in it; two
            equal numbers fix it.

    Raises:
        InvalidArgument: A value is out of range.
    """

    kind: ClassVar[str] = "Int"
    tracks: ClassVar[bool] = False

    direction: str
    velocity: float = ring.VELOCITY
    delay: tuple[float, float] = DELAY

    def __post_init__(self) -> None:
        """Check and freeze."""
        ring.sign_of(self.direction)
        object.__setattr__(self, "velocity", ring.check_velocity("int_velocity", self.velocity))
        object.__setattr__(self, "delay", _check_range(self.delay))

    @property
    def label(self) -> str:
        """How the modifier stands in a task name."""
        return f"{self.kind}{self.direction}"

    def rewrite(self, spec: TaskSpec) -> TaskSpec:
        """Return the task with its interval drawn at random.

        A range that the caller chose for the interval in ``timing`` stays. A single duration does
        not vary, so that there is nothing to integrate; it is refused, unless it is said to Int
        itself: ``int_delay=(500, 500)``.

        Raises:
            ModifierRefused: The task has no interval before the go cue, or is integrated already.
            InvalidArgument: The caller fixed the interval by ``timing``, or gave both ``timing``
                and ``int_delay``.

        Warns:
            AmbiguousIntervalWarning: The intervals span a full turn, so that two share an answer.
        """
        modified = spec.with_modifier(self)
        if spec.interval is None:
            allowed = "a task with an interval before the go cue"
            remedy = f"{spec.name} answers at the go cue: there is no interval to time. Use Seq."
            raise ModifierRefused("task", spec.name, allowed, remedy)
        if spec.period(spec.interval).set_by_user:
            self._check_chosen(spec.interval, spec)
        else:
            low, high = self.delay
            duration = ("steps", self.delay) if low < high else low
            modified = modified.with_timing({spec.interval: duration}, by_user=False)
        self._warn_if_ambiguous(modified)
        return modified

    def transform(self, trials: Trials) -> Trials:
        """Move the answers by what the realised intervals amount to."""
        (spec,) = trials.tasks
        assert spec.interval is not None  # `rewrite` refused the others
        moved = self.displacement(trials)
        response = np.where(trials.responds, (trials.response + moved) % spec.dim_ring, -1)
        interval_ms = trials.duration_ms(spec.interval)
        turned = ring.sign_of(self.direction) * self.velocity * interval_ms / 1000
        return replace(trials, response=response, angle=(trials.angle + turned) % (2 * np.pi))

    def displacement(self, trials: Trials) -> NDArray[np.int64]:
        """Ring units by which the intervals move the answers, negative to the left; ``[n]``."""
        (spec,) = trials.tasks
        assert spec.interval is not None  # `rewrite` refused the others
        interval_ms = trials.duration_ms(spec.interval)
        moved = ring.displacement(self.velocity, interval_ms, spec.dim_ring)
        return ring.sign_of(self.direction) * moved

    def clause(self, spec: TaskSpec) -> str:
        """What it does to the answer, in words."""
        moved = ring.units_per_100_ms(self.velocity, spec.dim_ring)
        timed = "of delay" if spec.interval == "delay" else f"that the {spec.interval} lasts"
        return f"moves {ring.SIDES[self.direction].word} by {moved} for every 100 ms {timed}"

    def features(self, spec: TaskSpec) -> dict[str, Feature]:
        """The period whose length the network has to measure."""
        return {"timed": spec.interval}

    def mark(self, spec: TaskSpec, trial: Mapping[str, Any]) -> str:
        """How far the interval of a trial moved its answer."""
        interval = trial["period_ms"][spec.interval]
        moved = int(ring.displacement(self.velocity, interval, spec.dim_ring)) % spec.dim_ring
        turn = ring.to_the_side(ring.sign_of(self.direction) * moved * 360 / spec.dim_ring)
        return f"which is {turn} of the base answer for a {spec.interval} of {interval:g} ms"

    def strategies(self, spec: TaskSpec) -> dict[str, Strategy]:
        """All right but for the interval: left out, or replaced by one constant shift."""
        if spec.interval is None or callable(duration := spec.period(spec.interval).duration):
            return {}
        n_steps, probability = step_distribution(duration, spec.dt)
        moved = ring.displacement(self.velocity, n_steps * spec.dt, spec.dim_ring)
        shifts = np.arange(spec.dim_ring)[:, None]
        return {
            "ignore interval": Strategy(moved, probability),
            "constant interval": Strategy(moved - shifts, probability),
        }

    def _check_chosen(self, interval: str, spec: TaskSpec) -> None:
        duration = spec.period(interval).duration
        argument = f"timing[{interval!r}]"
        if self.delay != DELAY:
            allowed = "left out where int_delay is given: both say how long the interval lasts"
            raise InvalidArgument(argument, duration, allowed)
        if callable(duration):
            return
        support = step_distribution(duration, spec.dt)[0]
        if support.size == 1:
            ms = float(support[0] * spec.dt)
            allowed = (
                f"more than one duration: Int{self.direction} times the interval of {spec.base}"
            )
            remedy = (
                f"Leave it out to let int_delay vary the interval ({DELAY[0]:g} to {DELAY[1]:g} ms "
                f"by default), or fix it by int_delay=({ms:g}, {ms:g})."
            )
            raise InvalidArgument(argument, duration, allowed, remedy)

    def _warn_if_ambiguous(self, spec: TaskSpec) -> None:
        duration = spec.period(spec.interval or "").duration
        if callable(duration):
            return
        support, _ = step_distribution(duration, spec.dt)
        answers = ring.displacement(self.velocity, support * spec.dt, spec.dim_ring)
        span = int(answers[-1] - answers[0])
        if span >= spec.dim_ring:
            text = (
                f"int_velocity {self.velocity:g} rad/s moves the answer of {spec.base} by "
                f"{answers[0]} to {answers[-1]} of {spec.dim_ring} ring units: more than one turn, "
                "so different intervals share an answer. Lower the velocity or shorten int_delay."
            )
            warnings.warn(text, AmbiguousIntervalWarning, stacklevel=2)


def _check_range(delay: object) -> tuple[float, float]:
    allowed = f"a range (low, high) in ms with 0 <= low <= high <= {DURATION_MS:g}"
    try:
        low, high = (real_number("int_delay", ms, allowed) for ms in cast("Any", delay))
    except (TypeError, ValueError):
        raise InvalidArgument("int_delay", delay, allowed) from None
    if not 0 <= low <= high <= DURATION_MS:
        raise InvalidArgument("int_delay", delay, allowed)
    return low, high
