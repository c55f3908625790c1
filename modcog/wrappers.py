"""Modifiers as composable wrappers, and `make`, which nests them as a task's name says."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence as SequenceOf
from functools import partial
from types import MappingProxyType
from typing import Any, cast

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from modcog.configure import base_and_modifiers, slot_names, tasks_of
from modcog.env import TaskEnv, TrialWrapper
from modcog.errors import InvalidArgument, ModifierRefused, unknown_name
from modcog.modifiers import MODIFIERS, IntModifier, SeqModifier
from modcog.ring import VELOCITY
from modcog.spec import Modifier, TaskSpec


class _ModifierWrapper(TrialWrapper):
    """A task modifier as a wrapper: it composes specifications and holds no logic of its own."""

    def __init__(self, env: Any, modifier: Modifier) -> None:
        base = env.unwrapped
        if not isinstance(base, TaskEnv):
            raise InvalidArgument("env", env, "an environment of modcog")
        if base.n_rules:
            allowed = "an environment of one task"
            raise ModifierRefused("env", f"an environment of {base.n_rules} tasks", allowed)
        inner = base.modified_by
        if not any(layer is inner for layer in _layers(env)):
            allowed = "an environment that no other modifier wraps"
            remedy = "Two wrappers around one environment would share its trial; make another one."
            raise ModifierRefused("env", inner.task_spec.name, allowed, remedy)
        self.task_spec: TaskSpec = modifier.rewrite(inner.task_spec)
        super().__init__(env)
        base.set_top(self)
        base.modified_by = self

    def new_trial(self, **given: Any) -> dict[str, Any]:
        """Draw the next trial with all modifiers; see `TaskEnv.new_trial`."""
        return self.unwrapped.new_trial(**given)

    def seed(self, seed: int | None = None) -> list[int]:
        """Seed the environment; see `TaskEnv.seed`."""
        return self.unwrapped.seed(seed)

    @property
    def spec(self) -> Any:
        """The specification of gymnasium, with the wrappers that it names."""
        return super().spec

    @spec.setter
    def spec(self, spec: Any) -> None:
        # gymnasium 0.29's `make_vec` sets it on whatever an entry point returns.
        self.unwrapped.spec = spec

    @property
    def unwrapped(self) -> TaskEnv:
        """The environment without its wrappers."""
        return cast("TaskEnv", self.env.unwrapped)

    @property
    def ob(self) -> NDArray[np.float32]:
        """Observations of the current trial; float32 ``[steps, channels]``."""
        return self.unwrapped.ob

    @property
    def gt(self) -> NDArray[np.int64]:
        """Labels of the current trial; int64 ``[steps]``."""
        return self.unwrapped.gt

    @property
    def trial(self) -> dict[str, Any] | None:
        """The current trial as a dictionary."""
        return self.unwrapped.trial


class Integrate(_ModifierWrapper, gym.utils.RecordConstructorArgs):
    """Let the answer move with the length of an interval (`_IntL`, `_IntR`; paper, Section 2.4).

    Args:
        env: An environment of one task that has an interval before the go cue.
        direction: "L" or "R".
        velocity: Angular velocity in rad/s.
        delay: Range (low, high) in ms of the interval.

    Raises:
        ModifierRefused: The task has no interval to time, or is integrated already.

    Example:
        >>> import modcog
        >>> env = modcog.Integrate(modcog.make("DlyGo"), "L")
        >>> env.task_spec.name
        'DlyGo_IntL'
    """

    def __init__(
        self,
        env: Any,
        direction: str,
        *,
        velocity: float = VELOCITY,
        delay: SequenceOf[float] = (100.0, 1100.0),
    ) -> None:
        modifier = IntModifier(direction, velocity, cast("tuple[float, float]", delay))
        _ModifierWrapper.__init__(self, env, modifier)
        gym.utils.RecordConstructorArgs.__init__(
            # A list, as JSON would have it: gymnasium compares specifications by value.
            self,
            direction=direction,
            velocity=modifier.velocity,
            delay=list(modifier.delay),
        )


class Sequence(_ModifierWrapper, gym.utils.RecordConstructorArgs):
    """Let the answer drift during the response (`_SeqL`, `_SeqR`; paper, Section 2.4).

    Args:
        env: An environment of one task.
        direction: "L" or "R".
        velocity: Angular velocity in rad/s.

    Raises:
        ModifierRefused: The task's answer drifts already.

    Example:
        >>> import modcog
        >>> env = modcog.Sequence(modcog.Integrate(modcog.make("DlyGo"), "L"), "R")
        >>> env.task_spec.name
        'DlyGo_IntL_SeqR'
    """

    def __init__(self, env: Any, direction: str, *, velocity: float = VELOCITY) -> None:
        modifier = SeqModifier(direction, velocity)
        _ModifierWrapper.__init__(self, env, modifier)
        gym.utils.RecordConstructorArgs.__init__(
            self, direction=direction, velocity=modifier.velocity
        )


class Modified(_ModifierWrapper, gym.utils.RecordConstructorArgs):
    """Apply a modifier of any kind; `Integrate` and `Sequence` are those of the paper.

    Args:
        env: An environment of one task.
        kind: A row of `modcog.modifiers.MODIFIERS`, such as "Int".
        direction: "L" or "R".
        **fields: Further fields of the modifier's data.

    Raises:
        ModifierRefused: The task cannot take the modifier; the message says why.
        UnknownName: There is no modifier of that kind.

    Example:
        >>> Modified(make("DlyGo"), "Int", "L", delay=(300, 600)).task_spec.name
        'DlyGo_IntL'
    """

    def __init__(self, env: Any, kind: str, direction: str, **fields: Any) -> None:
        if kind not in MODIFIERS:
            raise unknown_name("kind", kind, MODIFIERS, "a modifier")
        _ModifierWrapper.__init__(self, env, MODIFIERS[kind](direction, **fields))
        recorded: dict[str, Any] = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in fields.items()
        }
        gym.utils.RecordConstructorArgs.__init__(self, kind=kind, direction=direction, **recorded)


def make(
    task: str | TaskSpec | SequenceOf[str | TaskSpec],
    *,
    rewards: Mapping[str, float] | None = None,
    **settings: Any,
) -> Any:
    """Make the environment of a task, or of all tasks of a suite.

    Args:
        task: Name of a task ("DlyGo_IntL_SeqR", or an alias such as "dlygointl"), a `TaskSpec`, the
            name of a suite, or a list of tasks. With several tasks each trial draws one, and the
            observation ends with a one-hot rule.
        rewards: Replacements for some of the default rewards.
        **settings: Task settings, as for `modcog.task`: ``dt``, ``dim_ring``, ``noise``, ...

    Returns:
        The bare neurogym `TrialEnv`, within `Integrate` and `Sequence` as the name says.

    Raises:
        UnknownName: A name is not known; the message offers the nearest.
        ModifierRefused: The task cannot take a modifier; the message says why.
        InvalidArgument: A setting is out of range.

    Example:
        >>> env = make("DlyGo_IntL_SeqR", dt=20, noise=0)
        >>> ob, info = env.reset(seed=0)
        >>> ob.shape, env.unwrapped.trial["task"]
        ((33,), 'DlyGo_IntL_SeqR')
    """
    names = slot_names(task)
    if len(names) != 1:
        return TaskEnv(tasks_of(task, **settings), rewards)
    base, modifiers = base_and_modifiers(names[0], **settings)
    env: Any = TaskEnv((base,), rewards)
    for modifier in modifiers:
        wrap = WRAPPERS.get(modifier.kind) or partial(Modified, kind=modifier.kind)
        env = wrap(env, **dataclasses.asdict(cast("Any", modifier)))
    return env


WRAPPERS: Mapping[str, type[Integrate] | type[Sequence]] = MappingProxyType(
    {"Int": Integrate, "Seq": Sequence}
)
"""The modifiers that have a wrapper of their own; its arguments are the fields of their data."""


def _layers(env: Any) -> list[Any]:
    """The environment and everything that it wraps, from outside in."""
    layers = [env]
    while isinstance(layers[-1], gym.Wrapper):
        layers.append(layers[-1].env)
    return layers
