"""Task specifications: frozen data that say which periods a trial has and how it is drawn.

A `TaskSpec` is what tasks, modifiers, environments and samplers hand to each other. It holds no
state and no randomness, compares by value and survives JSON (`TaskSpec.to_json`,
`modcog.task_from_json`). What it holds of its plan and its modifiers is said in
`modcog.trials.interfaces`: they make trials, which hold specifications.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal, cast

import numpy as np

from modcog.errors import (
    InvalidArgument,
    ModifierRefused,
    real_number,
    truth_value,
    unknown_name,
)
from modcog.ring import (
    BUMP_HEIGHT,
    BUMP_WIDTH,
    check_bump_height,
    check_bump_width,
    check_dim_ring,
)
from modcog.system import limits
from modcog.timing import (
    Duration,
    check_dt,
    check_duration,
    longest_ms,
    shortest_ms,
    step_distribution,
    step_range,
)

Noise = float | tuple[float, float] | Literal["yang"]

SHAPE: Mapping[str, float] = MappingProxyType(
    {"bump_width": BUMP_WIDTH, "bump_height": BUMP_HEIGHT}
)
"""Settings of the bumps and their defaults, which JSON leaves out, as version 0.1.0 had none."""

SHARED_TEXT = "dt, dim_ring and bump"
"""What `TaskSpec.shared` holds, in words."""


@dataclass(frozen=True)
class Period:
    """One period of a trial.

    Attributes:
        name: Name of the period, unique within its task.
        duration: How long it lasts (see `modcog.timing` for the forms).
        noisy: Whether sensory noise is added to the noisy rings during it.
        may_vanish: Whether 0 ms is a legal duration; not so where a stimulus or the response lies.
        set_by_user: Whether the caller chose the duration: no modifier replaces it then.

    Raises:
        InvalidArgument: The duration is negative, unordered, too long or of no known form; a flag
            is no truth value.
    """

    name: str
    duration: Duration
    noisy: bool = False
    may_vanish: bool = False
    set_by_user: bool = False

    def __post_init__(self) -> None:
        """Check the duration and bring it into its frozen form."""
        checked = check_duration(f"timing[{self.name!r}]", self.duration)
        object.__setattr__(self, "duration", checked)
        for name in ("noisy", "may_vanish", "set_by_user"):
            truth_value(name, getattr(self, name))


@dataclass(frozen=True)
class TaskSpec:
    """A task, with its modifiers and settings, as frozen data.

    Attributes:
        base: Name of the base task, such as "DlyGo".
        family: Name of the family: "reach", "decision", "matching", or a user's own.
        periods: The periods of a trial in order; the last one is "decision".
        interval: Name of the period whose length `Integrate` times; None where there is none.
        params: Family parameters, a frozen dataclass of plain values. What else it may bring is
            said in `modcog.trials.interfaces`.
        plan: The function that draws the trials of the family, a
            `modcog.trials.interfaces.Plan`.
        p_response: Probability that the correct behaviour of a trial is a response.
        modifiers: The modifiers in order of application, each a
            `modcog.trials.interfaces.Modifier`.
        dt: Time step in ms.
        dim_ring: Number of ring directions n (a multiple of 4).
        noise: Standard deviation of the sensory noise in sqrt(ms), so that a step has
            ``noise / sqrt(dt)``; 0 is noise-free; a pair is for ring 1 and ring 2; "yang" is 0.1414
            on every input at every step (Yang et al. 2019).
        bump_width: Standard deviation of the bumps on the rings, in rad.
        bump_height: Peak of a bump of strength 1.
        sentence: What the base task asks for, without a full stop; where it is empty, the task is
            called by its name. It is no part of the task's value.

    Raises:
        InvalidArgument: A setting is out of range, `dt` is longer than a period, or a period or the
            trial has more steps than `modcog.system.limits` allows.
    """

    base: str
    family: str
    periods: tuple[Period, ...]
    interval: str | None
    params: Any
    plan: Callable[..., Any] = field(repr=False)
    p_response: float = 1.0
    modifiers: tuple[Any, ...] = ()
    dt: float = 100.0
    dim_ring: int = 16
    noise: Noise = 1.0
    bump_width: float = BUMP_WIDTH
    bump_height: float = BUMP_HEIGHT
    sentence: str = field(default="", compare=False, repr=False)

    def __post_init__(self) -> None:
        """Check what can be checked before any trial is drawn."""
        object.__setattr__(self, "dt", check_dt(self.dt))
        object.__setattr__(self, "dim_ring", check_dim_ring(self.dim_ring))
        object.__setattr__(self, "noise", check_noise(self.noise))
        object.__setattr__(self, "bump_width", check_bump_width(self.bump_width))
        object.__setattr__(self, "bump_height", check_bump_height(self.bump_height))
        names = [period.name for period in self.periods]
        if not names or names[-1] != "decision" or len(set(names)) < len(names):
            raise InvalidArgument("periods", names, "distinct names that end with 'decision'")
        if self.interval is not None and self.interval not in names[:-1]:
            raise InvalidArgument(
                "interval", self.interval, "a period before the decision, or None"
            )
        allowed = "a probability from 0 to 1"
        p_response = real_number("p_response", self.p_response, allowed)
        if not 0 <= p_response <= 1:
            raise InvalidArgument("p_response", self.p_response, allowed)
        for period in self.periods:
            _check_period(period, self.dt)
        longest = sum(longest_ms(period.duration) or 0 for period in self.periods)
        if longest > limits.TRIAL_STEPS * self.dt:
            allowed = f"at most {limits.TRIAL_STEPS} steps of {self.dt:g} ms in all"
            raise InvalidArgument("periods", f"{longest:g} ms", allowed)
        check = getattr(self.params, "check", None)
        if check is not None:
            check(self)

    @property
    def name(self) -> str:
        """Name of the task with its modifiers, such as "DlyGo_IntL_SeqR"."""
        return "_".join([self.base, *(modifier.label for modifier in self.modifiers)])

    @property
    def plan_name(self) -> str:
        """Module and name of the function that draws the trials."""
        return f"{self.plan.__module__}.{getattr(self.plan, '__qualname__', '')}"

    @property
    def tracks(self) -> bool:
        """Whether the response has to follow a moving target through the whole decision."""
        return any(modifier.tracks for modifier in self.modifiers)

    @property
    def period_names(self) -> tuple[str, ...]:
        """Names of the periods in order."""
        return tuple(period.name for period in self.periods)

    @property
    def shared(self) -> tuple[float, ...]:
        """What all trials have to share that are rendered together: time step, ring and bumps."""
        return (self.dt, self.dim_ring, self.bump_width, self.bump_height)

    @property
    def noise_std(self) -> float | tuple[float, float]:
        """Standard deviation of the noise in one step (dimensionless input units).

        Two of them, for ring 1 and ring 2, where `noise` is a pair.
        """
        if isinstance(self.noise, tuple):
            ring1, ring2 = self.noise
            return ring1 / math.sqrt(self.dt), ring2 / math.sqrt(self.dt)
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
            InvalidArgument: A duration is malformed, or shorter than a step; or a modifier that
                the task has cannot work with it.
        """
        timed = replace(self, periods=self.timed_periods(timing, by_user=by_user))
        if by_user:
            timed.check_modifiers()
        return timed

    def with_modifier(self, modifier: Any) -> TaskSpec:
        """Return the specification with one more modifier, which the caller makes fit: `rewrite`.

        Raises:
            ModifierRefused: The task has a modifier of this kind.
        """
        for present in self.modifiers:
            if present.kind == modifier.kind:
                allowed = f"a task without {modifier.kind}"
                remedy = f"{self.name} already has {present.label}; each modifier applies once."
                raise ModifierRefused("task", self.name, allowed, remedy)
        return replace(self, modifiers=(*self.modifiers, modifier))

    def check_modifiers(self) -> None:
        """Apply the modifiers anew, so that each can refuse what has changed since.

        Raises:
            ModifierRefused: A modifier cannot be applied to the task as it is now.
            InvalidArgument: The same, naming the setting that is in its way.
        """
        spec = replace(self, modifiers=())
        for modifier in self.modifiers:
            spec = modifier.rewrite(spec)

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
            "family": self.family,
            "plan": self.plan_name,
            "interval": self.interval,
            "p_response": self.p_response,
            "params": dataclasses.asdict(self.params),
            "periods": [dataclasses.asdict(period) for period in self.periods],
            "modifiers": [
                {"kind": modifier.kind, **dataclasses.asdict(modifier)}
                for modifier in self.modifiers
            ],
            "dt": self.dt,
            "dim_ring": self.dim_ring,
            "noise": self.noise,
            **{key: getattr(self, key) for key, own in SHAPE.items() if getattr(self, key) != own},
        }
        return json.dumps(record)


YANG_NOISE = math.sqrt(2.0) / 10
"""Input noise of Yang et al. (2019) in sqrt(ms): 0.01 sqrt(2 / alpha) with alpha = dt / 100 ms."""


def check_noise(noise: object) -> Noise:
    """Return the noise level as a float, a pair of them, or "yang".

    Raises:
        InvalidArgument: Neither a finite number of at least 0, nor two of them, nor "yang".
    """
    if isinstance(noise, str) and noise == "yang":
        return "yang"
    if isinstance(noise, tuple | list) or (isinstance(noise, np.ndarray) and noise.ndim):
        levels = tuple(cast("Sequence[object]", noise))
        if len(levels) != 2:
            raise InvalidArgument("noise", noise, "one number, or two: for ring 1 and for ring 2")
        ring1, ring2 = (_noise_level(level, noise) for level in levels)
        # One level for both is one level: equal tasks, whichever way it is spelt.
        return ring1 if ring1 == ring2 else (ring1, ring2)
    return _noise_level(noise, noise)


def _noise_level(value: object, noise: object) -> float:
    allowed = f"a finite number of at least 0 (in sqrt(ms)), at most {limits.LEVEL:g}, or 'yang'"
    if noise is not value:
        allowed = f"two finite numbers of at least 0 (in sqrt(ms)), at most {limits.LEVEL:g}"
    level = real_number("noise", value, allowed)
    if not 0 <= level <= limits.LEVEL:
        raise InvalidArgument("noise", noise, allowed)
    return level


def _check_period(period: Period, dt: float) -> None:
    argument = f"timing[{period.name!r}]"
    duration = period.duration
    shortest = shortest_ms(duration)
    if shortest is not None and shortest < dt:
        allowed = f"at most {shortest:g} ms, the shortest duration of the period {period.name!r}"
        raise InvalidArgument("dt", dt, allowed)
    longest = longest_ms(duration)
    if longest is None:
        return
    if longest > limits.PERIOD_STEPS * dt:
        if period.set_by_user:
            allowed = f"at most {limits.PERIOD_STEPS} steps of {dt:g} ms"
            raise InvalidArgument(argument, duration, allowed)
        least = f"at least {longest / limits.PERIOD_STEPS:g}"
        most = f"{period.name!r} lasts up to {longest:g} ms, at most {limits.PERIOD_STEPS} steps"
        raise InvalidArgument("dt", dt, f"{least} ({most})")
    if isinstance(duration, tuple) and duration[0] == "steps":
        low, high = step_range(duration[1], dt)
        if low > high:
            allowed = f"short enough that a whole number of steps lies in {duration[1]} ms"
            raise InvalidArgument("dt", dt, allowed)
    if not period.may_vanish and step_distribution(duration, dt)[0][0] == 0:
        raise InvalidArgument(argument, duration, "longer than 0 ms: the trial needs this period")
