"""Trials as an environment with wrappers of other makers plays them, packed into lanes.

A wrapper acts on trials in `new_trial`, as neurogym's and its users' trial wrappers do, or on steps
in `step`. Lanes show trials that nobody acts in: what a wrapper makes of a step is not theirs to
show, and an environment that has such a wrapper is refused.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from modcog.envs.compat import TrialWrapper
from modcog.envs.env import TaskEnv
from modcog.envs.wrappers import Integrate, Modified, Sequence as SequenceWrapper, layers
from modcog.errors import InvalidArgument

_OURS = (Integrate, SequenceWrapper, Modified)
_WITHOUT_EFFECT: tuple[type[Any], ...] = tuple(
    getattr(gym.wrappers, name)
    for name in ("OrderEnforcing", "PassiveEnvChecker", "TimeLimit", "RecordEpisodeStatistics")
)
"""Wrappers that leave observations and labels as they are; also those of rewards and actions."""


def foreign_wrappers(env: Any) -> list[Any]:
    """The wrappers of an environment that may change what its trials are, from outside in.

    Raises:
        InvalidArgument: One of them changes what a step returns.
    """
    acting = acts_on_steps(env)
    if acting is not None:
        kind = type(acting)
        allowed = (
            "an environment whose wrappers act on new_trial: a dataset shows trials in which "
            "nobody acts"
        )
        remedy = f"{kind.__name__} acts on step; leave it out."
        if kind.__name__ == "Noise":
            remedy += " The noise of observations is a setting: modcog.make(..., noise=1.0)."
        raise InvalidArgument("env", env, allowed, remedy)
    found = [
        layer
        for layer in layers(env)[:-1]
        if type(layer) not in _OURS and not _plain(type(layer), "new_trial")
    ]
    if type(env.unwrapped) is not TaskEnv:
        found.append(env.unwrapped)
    return found


def acts_on_steps(env: Any) -> Any:
    """The outermost wrapper that may change what a step returns, so that trials are not all; None.

    Wrappers of rewards and actions, and gymnasium's that check and count, change neither
    observations nor labels.
    """
    for layer in layers(env)[:-1]:
        kind = type(layer)
        if kind in _OURS or kind in _WITHOUT_EFFECT:
            continue
        if isinstance(layer, gym.RewardWrapper | gym.ActionWrapper) and _plain(kind, "new_trial"):
            continue
        if isinstance(layer, gym.ObservationWrapper) or not _plain(kind, "step"):
            return layer
    return None


def _plain(kind: type[Any], method: str) -> bool:
    """Whether a class of wrappers leaves a method as its base classes have it."""
    bases = (gym.Wrapper, gym.RewardWrapper, gym.ActionWrapper, TrialWrapper)
    own = getattr(kind, method, None)
    return own is None or any(own is getattr(base, method, None) for base in bases)


class Rollouts:
    """Copies of an environment side by side, each with its own stream, that play whole trials.

    Args:
        env: The environment; it stays as it is.
        seeds: The seed of each lane.
        seq_len: Steps of a lane in each batch.
    """

    def __init__(self, env: Any, seeds: Sequence[int], seq_len: int) -> None:
        self._envs = [copy.deepcopy(env) for _ in seeds]
        self._seq_len = seq_len
        self._next: list[tuple[NDArray[np.float32], NDArray[np.int64]]] = []
        for lane, seed in zip(self._envs, seeds, strict=True):
            lane.reset()
            _outermost(lane, "seed").seed(seed)
            self._next.append(self._play(lane))

    def batch(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """The next trials of all lanes, as many as fit; what is left of a lane is padding.

        Returns:
            float32 ``[seq_len, lanes, channels]`` and int64 ``[seq_len, lanes]``.
        """
        n_channels = self._next[0][0].shape[1]
        inputs = np.zeros((self._seq_len, len(self._envs), n_channels), dtype=np.float32)
        targets = np.zeros(inputs.shape[:2], dtype=np.int64)
        for lane, env in enumerate(self._envs):
            start = 0
            while start + len(self._next[lane][1]) <= self._seq_len:
                ob, gt = self._next[lane]
                inputs[start : start + len(gt), lane] = ob
                targets[start : start + len(gt), lane] = gt
                start += len(gt)
                self._next[lane] = self._play(env)
        return inputs, targets

    def _play(self, env: Any) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        ob, gt = next_trial(env)
        if len(gt) > self._seq_len:
            raise InvalidArgument("seq_len", self._seq_len, f"at least {len(gt)} steps, a trial")
        return ob, gt


def next_trial(env: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Start a trial; observations ``[steps, ...]`` and right answers ``[steps, ...]``, as copies.

    Raises:
        InvalidArgument: It has none of its own kind, or observations of another shape than its
            space.
    """
    _outermost(env, "new_trial").new_trial()
    ob, gt = (np.array(getattr(_outermost(env, name), name)) for name in ("ob", "gt"))
    if ob.shape != (len(gt), *env.observation_space.shape):
        allowed = f"an environment whose trials are [steps, {env.observation_space.shape[0]}]"
        raise InvalidArgument("env", f"a trial of {list(ob.shape)}", allowed)
    return ob, gt


def _outermost(env: Any, name: str) -> Any:
    """The outermost wrapper, or the environment, that has an attribute of its own."""
    for layer in layers(env):
        if hasattr(type(layer), name) or name in vars(layer):
            return layer
    raise InvalidArgument("env", env, f"an environment with {name!r} after new_trial()")
