"""Modifiers as composable wrappers, and `make`, which nests them as a task's name says."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence as SequenceOf
from functools import partial
from types import MappingProxyType
from typing import Any, cast

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from modcog.catalog.settings import base_and_modifiers, slot_names, tasks_of
from modcog.envs.compat import TrialWrapper
from modcog.envs.env import TaskEnv
from modcog.errors import InvalidArgument, ModifierRefused, known_name, unknown_keyword
from modcog.modifiers import MODIFIERS
from modcog.modifiers.integrate import IntModifier
from modcog.modifiers.sequence import SeqModifier
from modcog.ring import VELOCITY
from modcog.trials.spec import TaskSpec


class Modified(TrialWrapper, gym.utils.RecordConstructorArgs):
    """A task modifier of any kind as a wrapper; `Integrate` and `Sequence` are those of the paper.

    It composes specifications and holds no logic of its own.

    Args:
        env: An environment of one task.
        kind: A row of `modcog.modifiers.MODIFIERS`, such as "Int".
        direction: "L" or "R".
        **fields: Further fields of the modifier's data.

    Raises:
        ModifierRefused: The task cannot take the modifier; the message says why.
        UnknownName: There is no modifier of that kind, or it has no such field.

    Example:
        >>> Modified(make("DlyGo"), "Int", "L", delay=(300, 600)).task_spec.name
        'DlyGo_IntL'
    """

    def __init__(self, env: Any, kind: str, direction: str, **fields: Any) -> None:
        known_name("kind", kind, MODIFIERS, "a modifier")
        known = [field.name for field in dataclasses.fields(cast("Any", MODIFIERS[kind]))]
        for name in fields:
            if name not in known[1:]:
                raise unknown_keyword("field", name, known[1:], f"a field of {kind}")
        modifier = MODIFIERS[kind](direction, **fields)
        base = env.unwrapped
        if not isinstance(base, TaskEnv):
            raise InvalidArgument("env", env, "an environment of modcog")
        if len(base.specs) > 1:
            allowed = "an environment of one task"
            raise ModifierRefused("env", f"an environment of {len(base.specs)} tasks", allowed)
        inner = base.modified_by
        if not any(layer is inner for layer in layers(env)):
            allowed = "an environment that no other modifier wraps"
            remedy = "Two wrappers around one environment would share its trial; make another one."
            raise ModifierRefused("env", inner.task_spec.name, allowed, remedy)
        self.task_spec: TaskSpec = modifier.rewrite(inner.task_spec)
        base.show_rules((self.task_spec,))
        super().__init__(env)
        base.set_top(self)
        base.modified_by = self
        # A list, as JSON would have it: gymnasium compares specifications by value.
        recorded: dict[str, Any] = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in dataclasses.asdict(cast("Any", modifier)).items()
        }
        if type(self) is Modified:
            recorded["kind"] = kind
        gym.utils.RecordConstructorArgs.__init__(self, **recorded)

    def new_trial(self, **given: Any) -> dict[str, Any]:
        """Draw the next trial with all modifiers; see `TaskEnv.new_trial`."""
        return self._inner("new_trial").new_trial(**given)

    def seed(self, seed: int | None = None) -> list[int]:
        """Seed the environment; see `TaskEnv.seed`."""
        return self._inner("seed").seed(seed)

    def _inner(self, method: str) -> Any:
        """The outermost layer within that has a method: not every wrapper starts trials."""
        return next(layer for layer in layers(self.env) if hasattr(type(layer), method))

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

    @property
    def rng(self) -> Any:
        """The generator of neurogym's wrappers; see `TaskEnv.rng`."""
        return self.unwrapped.rng

    @property
    def choices(self) -> NDArray[np.int64]:
        """The answers that can be asked for; see `TaskEnv.choices`."""
        return self.unwrapped.choices


class Integrate(Modified):
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
        super().__init__(env, IntModifier.kind, direction, velocity=velocity, delay=delay)


class Sequence(Modified):
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
        super().__init__(env, SeqModifier.kind, direction, velocity=velocity)


def make(
    task: str | TaskSpec | SequenceOf[str | TaskSpec],
    *,
    rewards: Mapping[str, float] | None = None,
    rule_input: bool | None = None,
    rules: object = None,
    terminate: bool = False,
    render_mode: str | None = None,
    **settings: Any,
) -> Any:
    """Make the environment of a task, or of all tasks of a suite.

    Args:
        task: Name of a task ("DlyGo_IntL_SeqR", or an alias such as "dlygointl"), a `TaskSpec`, the
            name of a suite, or a list of tasks. With several tasks each trial draws one.
        rewards: Replacements for some of the default rewards.
        rule_input: Whether the observation ends with rule channels, as in `modcog.BatchSampler`;
            None: as `rules` say, and where they are not given, only where there are several tasks.
        rules: What the rule channels show, as for `modcog.BatchSampler`; None: one-hot, or as
            `rule_input` says.
        terminate: Whether the end of a trial is the end of an episode, so that the step that ends
            one returns `terminated` True; see `modcog.TaskEnv`.
        render_mode: What ``env.render()`` shows of the trial so far: "rgb_array" pixels, "ansi"
            text, and "human" a window of matplotlib that follows the steps; None: nothing.
        **settings: Task settings, as for `modcog.task`: ``dt``, ``dim_ring``, ``noise``, ...

    Returns:
        The bare neurogym `TrialEnv`, within `Integrate` and `Sequence` as the name says.

    Raises:
        UnknownName: A name is not known; the message offers the nearest. Where it is the name of a
            keyword, the error is a `TypeError` as well.
        ModifierRefused: The task cannot take a modifier; the message says why.
        InvalidArgument: A setting is out of range.

    Example:
        >>> from modcog import make
        >>> env = make("DlyGo_IntL_SeqR", dt=20, noise=0)
        >>> ob, info = env.reset(seed=0)
        >>> ob.shape, env.unwrapped.trial["task"]
        ((33,), 'DlyGo_IntL_SeqR')
    """
    options: dict[str, Any] = {"terminate": terminate, "render_mode": render_mode}
    names = slot_names(task)
    if len(names) != 1:
        return TaskEnv(tasks_of(task, **settings), rewards, rule_input, rules, **options)
    base, modifiers = base_and_modifiers(names[0], **settings)
    env: Any = TaskEnv((base,), rewards, rule_input, rules, **options)
    for modifier in modifiers:
        env = WRAPPERS[modifier.kind](env, **dataclasses.asdict(cast("Any", modifier)))
    return env


# Where gymnasium looks for the ways to render; it then adds those that collect pictures in a list.
cast("Any", make).metadata = TaskEnv.metadata

WRAPPERS: Mapping[str, Callable[..., Modified]] = MappingProxyType(
    {
        **{kind: partial(Modified, kind=kind) for kind in MODIFIERS},
        IntModifier.kind: Integrate,
        SeqModifier.kind: Sequence,
    }
)
"""The wrapper of each modifier, whose arguments are the fields of its data."""


def layers(env: Any) -> list[Any]:
    """The environment and everything that it wraps, from outside in."""
    layers = [env]
    while isinstance(layers[-1], gym.Wrapper):
        layers.append(layers[-1].env)
    return layers
