"""Task specifications: frozen data that say which periods a trial has and how it is drawn.

A `TaskSpec` is what tasks, modifiers, environments and samplers hand to each other. It holds no
state and no randomness, compares by value and survives JSON (`TaskSpec.to_json`,
`modcog.task_from_json`).
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

import numpy as np

from modcog.errors import InvalidArgument, ModifierRefused, unknown_name
from modcog.ring import check_dim_ring
from modcog.timing import (
    Duration,
    check_dt,
    check_duration,
    shortest_ms,
    step_distribution,
    step_range,
)

if TYPE_CHECKING:
    from modcog.draws import Draws
    from modcog.trials import Trials

Noise = float | Literal["yang"]


@dataclass(frozen=True)
class Period:
    """One period of a trial.

    Attributes:
        name: Name of the period, unique within its task.
        duration: How long it lasts (see `modcog.timing` for the forms).
        noisy: Whether sensory noise is added to the noisy rings during it.
        may_vanish: Whether 0 ms is a legal duration; not so where a stimulus or the response lies.
        set_by_user: Whether the caller chose the duration: no modifier replaces it then.
    """

    name: str
    duration: Duration
    noisy: bool = False
    may_vanish: bool = False
    set_by_user: bool = False


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


@dataclass(frozen=True)
class TaskSpec:
    """A task, with its modifiers and settings, as frozen data.

    Attributes:
        base: Name of the base task, such as "DlyGo".
        family: Name of the family: "reach", "decision", "matching", or a user's own.
        periods: The periods of a trial in order; the last one is "decision".
        interval: Name of the period whose length `Integrate` times; None where there is none.
        params: Family parameters, a frozen dataclass of plain values.
        plan: The function that draws the trials of the family.
        p_response: Probability that the correct behaviour of a trial is a response.
        modifiers: The modifiers in order of application.
        dt: Time step in ms.
        dim_ring: Number of ring directions n (a multiple of 4).
        noise: Standard deviation of the sensory noise in sqrt(ms), so that a step has
            ``noise / sqrt(dt)``; 0 is noise-free; "yang" is 0.1414 on every input at every step
            (Yang et al. 2019).

    Raises:
        InvalidArgument: A setting is out of range, or `dt` is longer than a period.
    """

    base: str
    family: str
    periods: tuple[Period, ...]
    interval: str | None
    params: Any
    plan: Callable[[TaskSpec, Draws], Trials] = field(repr=False)
    p_response: float = 1.0
    modifiers: tuple[Modifier, ...] = ()
    dt: float = 100.0
    dim_ring: int = 16
    noise: Noise = 1.0

    def __post_init__(self) -> None:
        """Check what can be checked before any trial is drawn."""
        object.__setattr__(self, "dt", check_dt(self.dt))
        object.__setattr__(self, "dim_ring", check_dim_ring(self.dim_ring))
        object.__setattr__(self, "noise", check_noise(self.noise))
        names = [period.name for period in self.periods]
        if not names or names[-1] != "decision" or len(set(names)) < len(names):
            raise InvalidArgument("periods", names, "distinct names that end with 'decision'")
        for period in self.periods:
            _check_period(period, self.dt)

    @property
    def name(self) -> str:
        """Name of the task with its modifiers, such as "DlyGo_IntL_SeqR"."""
        return "_".join([self.base, *(modifier.label for modifier in self.modifiers)])

    @property
    def tracks(self) -> bool:
        """Whether the response has to follow a moving target through the whole decision."""
        return any(modifier.tracks for modifier in self.modifiers)

    @property
    def period_names(self) -> tuple[str, ...]:
        """Names of the periods in order."""
        return tuple(period.name for period in self.periods)

    @property
    def noise_std(self) -> float:
        """Standard deviation of the noise in one step (dimensionless input units)."""
        level = YANG_NOISE if self.noise == "yang" else float(self.noise)
        return level / math.sqrt(self.dt)

    def period_index(self, name: str) -> int:
        """Position of a period.

        Raises:
            UnknownName: The task has no such period.
        """
        if name not in self.period_names:
            raise unknown_name("period", name, self.period_names, f"a period of {self.name}")
        return self.period_names.index(name)

    def period(self, name: str) -> Period:
        """The period of that name; raises `UnknownName` as `period_index` does."""
        return self.periods[self.period_index(name)]

    def with_timing(self, timing: Mapping[str, object], *, by_user: bool = True) -> TaskSpec:
        """Return the specification with other durations.

        Args:
            timing: Duration by period name.
            by_user: Marks the durations as the caller's choice: they win over all defaults, and
                modifiers leave them alone.

        Raises:
            UnknownName: The task has no such period.
            InvalidArgument: A duration is malformed, or shorter than a step.
        """
        return replace(self, periods=self.timed_periods(timing, by_user=by_user))

    def timed_periods(
        self, timing: Mapping[str, object], *, by_user: bool = True
    ) -> tuple[Period, ...]:
        """The periods with other durations, for callers that change `dt` at the same time."""
        periods = list(self.periods)
        for name, duration in timing.items():
            index = self.period_index(name)
            checked = check_duration(f"timing[{name!r}]", duration)
            periods[index] = replace(periods[index], duration=checked, set_by_user=by_user)
        return tuple(periods)

    def length_distribution(self) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Exact distribution of the trial length.

        Returns:
            The possible lengths in steps (int64, ascending) and their probabilities (float64).

        Raises:
            InvalidArgument: A duration is a callable, of which nothing is known in advance.

        Example:
            >>> import modcog
            >>> modcog.task("DlyGo").length_distribution()
            (array([20]), array([1.]))
        """
        probability = np.ones(1)
        shortest = 0
        for period in self.periods:
            support, mass = step_distribution(period.duration, self.dt)
            dense = np.zeros(int(support[-1] - support[0]) + 1)
            dense[support - support[0]] = mass
            probability = np.convolve(probability, dense)
            shortest += int(support[0])
        possible = np.flatnonzero(probability)
        return possible + shortest, probability[possible]

    def to_json(self) -> str:
        """Write the specification as JSON; `modcog.task_from_json` reads it back.

        Raises:
            InvalidArgument: A duration is a callable, which JSON cannot hold.
        """
        for period in self.periods:
            if callable(period.duration):
                allowed = "a number or a distribution where a task is written as JSON"
                raise InvalidArgument(f"timing[{period.name!r}]", period.duration, allowed)
        record: dict[str, Any] = {
            "base": self.base,
            "params": dataclasses.asdict(self.params),
            "periods": [dataclasses.asdict(period) for period in self.periods],
            "modifiers": [
                {"kind": modifier.kind, **dataclasses.asdict(modifier)}  # type: ignore[call-overload]
                for modifier in self.modifiers
            ],
            "dt": self.dt,
            "dim_ring": self.dim_ring,
            "noise": self.noise,
        }
        return json.dumps(record)


YANG_NOISE = math.sqrt(2.0) / 10
"""Input noise of Yang et al. (2019) in sqrt(ms): 0.01 sqrt(2 / alpha) with alpha = dt / 100 ms."""


def check_noise(noise: object) -> Noise:
    """Return the noise level as a float or "yang".

    Raises:
        InvalidArgument: Neither a finite number of at least 0 nor "yang".
    """
    if noise == "yang":
        return "yang"
    allowed = "a finite number of at least 0 (in sqrt(ms)) or 'yang'"
    if isinstance(noise, bool) or not isinstance(noise, int | float | np.integer | np.floating):
        raise InvalidArgument("noise", noise, allowed)
    if not math.isfinite(noise) or noise < 0:
        raise InvalidArgument("noise", noise, allowed)
    return float(noise)


def _check_period(period: Period, dt: float) -> None:
    argument = f"timing[{period.name!r}]"
    duration = period.duration
    shortest = shortest_ms(duration)
    if shortest is not None and shortest < dt:
        allowed = f"at most {shortest:g} ms, the shortest duration of the period {period.name!r}"
        raise InvalidArgument("dt", dt, allowed)
    if callable(duration):
        return
    if isinstance(duration, tuple) and duration[0] == "steps":
        low, high = step_range(duration[1], dt)
        if low > high:
            allowed = f"short enough that a whole number of steps lies in {duration[1]} ms"
            raise InvalidArgument("dt", dt, allowed)
    if not period.may_vanish and step_distribution(duration, dt)[0][0] == 0:
        raise InvalidArgument(argument, duration, "longer than 0 ms: the trial needs this period")


def check_velocity(argument: str, velocity: object) -> float:
    """Return an angular velocity in rad/s as a float.

    Raises:
        InvalidArgument: Not a finite number above 0; the direction says which way.
    """
    allowed = "a finite number of rad/s above 0 (the direction L or R gives the sign)"
    if isinstance(velocity, bool) or not isinstance(
        velocity, int | float | np.integer | np.floating
    ):
        raise InvalidArgument(argument, velocity, allowed)
    if not (math.isfinite(velocity) and velocity > 0):
        raise InvalidArgument(argument, velocity, allowed)
    return float(velocity)


def refuse_second(kind: str, spec: TaskSpec) -> None:
    """Refuse a modifier of a kind that the task already has.

    Raises:
        ModifierRefused: Naming the one that is there.
    """
    for present in spec.modifiers:
        if present.kind == kind:
            allowed = f"a task without {kind}"
            remedy = f"{spec.name} already has {present.label}; each modifier applies once."
            raise ModifierRefused("task", spec.name, allowed, remedy)
