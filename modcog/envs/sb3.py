"""Vector environments for Stable-Baselines3, whose agents step lanes by an interface of its own.

Stable-Baselines3 is imported when `as_vec_env` is called; nothing here needs it before.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modcog.envs.compat import FINAL_OBSERVATION, TrialInfo, reset_options
from modcog.envs.vector import TaskVectorEnv
from modcog.errors import InvalidArgument, unknown_name

Info = dict[str, Any]
Indices = int | Iterable[int] | None


def as_vec_env(envs: TaskVectorEnv) -> Any:
    """Hand a vector environment to Stable-Baselines3 as one of its `VecEnv`.

    All lanes are stepped at once, which is many times faster than its `DummyVecEnv` of as many
    environments, and the same in every number: observations, rewards, ends and infos.

    Args:
        envs: The vector environment, as `modcog.make_vec` returns it. Episodes end where it says:
            with `terminate` or `max_episode_steps`.

    Returns:
        A `stable_baselines3.common.vec_env.VecEnv`. Its ``get_attr`` gives an attribute of `envs`,
        which all lanes share; of the methods of an environment its ``env_method`` knows ``render``
        alone, and ``set_attr`` sets nothing.

    Raises:
        ImportError: Stable-Baselines3 is not installed.
        InvalidArgument: `envs` is no vector environment of this package, or resets its lanes
            otherwise than in the same step.

    Example:
        >>> import modcog
        >>> from modcog.envs.sb3 import as_vec_env
        >>> envs = modcog.make_vec("Go", 64, terminate=True)
        >>> as_vec_env(envs)  # doctest: +SKIP
        <modcog.envs.sb3.TaskVecEnv object at 0x...>

        An agent then learns from it: ``PPO("MlpPolicy", as_vec_env(envs)).learn(100_000)``.
    """
    if not isinstance(envs, TaskVectorEnv):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidArgument("envs", envs, "a vector environment of modcog.make_vec")
    mode = str(getattr(envs.autoreset_mode, "value", envs.autoreset_mode))
    if mode != "SameStep":
        allowed = "a vector environment that resets a lane in the step that ends it"
        remedy = "Leave out autoreset_mode of modcog.make_vec."
        raise InvalidArgument("envs", f"one with autoreset_mode {mode!r}", allowed, remedy)
    try:
        base = importlib.import_module("stable_baselines3.common.vec_env").VecEnv
    except ImportError as error:
        remedy = 'From a checkout of the repository, install it with: pip install ".[rl]"'
        raise ImportError(f"Stable-Baselines3 cannot be imported ({error}). {remedy}") from error
    kind = type("TaskVecEnv", (_Lanes, base), {"__module__": __name__, "__doc__": _Lanes.__doc__})
    return kind(envs)


class _Lanes:
    """A `modcog.TaskVectorEnv` as Stable-Baselines3 steps lanes."""

    num_envs: int
    reset_infos: list[Info]
    _seeds: list[int | None]
    _options: list[Info]

    def __init__(self, envs: TaskVectorEnv) -> None:
        self.envs = envs
        self._actions: Any = None
        base: Any = super()
        base.__init__(envs.num_envs, envs.single_observation_space, envs.single_action_space)

    def reset(self) -> NDArray[np.float32]:
        """Start a first trial in every lane; seeds and options given before are used once."""
        options = _merged(self._options)
        seeds = None if all(seed is None for seed in self._seeds) else self._seeds
        observations, infos = self.envs.reset(seed=seeds, options=options)
        self.reset_infos = _lane_infos(infos, self.num_envs)
        self._seeds = [None] * self.num_envs
        self._options = [{} for _ in range(self.num_envs)]
        return observations

    def step_async(self, actions: NDArray[np.int64]) -> None:
        """Take the actions of all lanes for the step that `step_wait` does."""
        self._actions = actions

    def step_wait(
        self,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], list[Info]]:
        """Step all lanes; observations, rewards, ends, and the info of each lane."""
        observations, rewards, terminated, truncated, found = self.envs.step(self._actions)
        infos = _lane_infos(found, self.num_envs)
        for lane, cut in enumerate((truncated & ~terminated).tolist()):
            infos[lane]["TimeLimit.truncated"] = cut
        done = terminated | truncated
        begun = self.envs.trials if done.any() else None
        for lane in np.flatnonzero(done).tolist():
            assert begun is not None
            first = TrialInfo(begun.describe(lane))
            self.reset_infos[lane] = {"rule": first["rule"], "task": first["task"], "trial": first}
            infos[lane]["terminal_observation"] = found[FINAL_OBSERVATION][lane]
        if self.envs.performance.size:
            ended = self.envs.ended
            for row, lane in enumerate(ended.lane.tolist()):
                infos[lane]["trial"] = TrialInfo(ended.describe(row))
        return observations, rewards.astype(np.float32), done, infos

    def close(self) -> None:
        """Close the vector environment."""
        self.envs.close()

    def get_attr(self, attr_name: str, indices: Indices = None) -> list[Any]:
        """An attribute of the vector environment, once for each lane."""
        return [getattr(self.envs, attr_name) for _ in self._lanes(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Indices = None) -> None:
        """Refuse: what lanes share is given to `modcog.make_vec`.

        Raises:
            InvalidArgument: Always.
        """
        del value, indices
        raise InvalidArgument("attr_name", attr_name, "given to modcog.make_vec instead")

    def env_method(
        self, method_name: str, *args: Any, indices: Indices = None, **kwargs: Any
    ) -> list[Any]:
        """What ``render`` shows of each lane.

        Raises:
            UnknownName: Another method is asked for.
        """
        if method_name != "render" or args or kwargs:
            raise unknown_name("method_name", method_name, ("render",), "a method of all lanes")
        shown = self.envs.render()
        return [shown and shown[lane] for lane in self._lanes(indices)]

    def env_is_wrapped(self, wrapper_class: type[Any], indices: Indices = None) -> list[bool]:
        """False for each lane: no wrapper of gymnasium is around one."""
        del wrapper_class
        return [False for _ in self._lanes(indices)]

    def get_images(self) -> Sequence[Any]:
        """The picture of each lane, where `render_mode` is "rgb_array"."""
        return self.envs.render() or ()

    def _lanes(self, indices: Indices) -> Iterable[int]:
        if indices is None:
            return range(self.num_envs)
        return [indices] if isinstance(indices, int) else indices


def _merged(options: Sequence[object]) -> Info | None:
    """Options of lanes as those of the vector environment; None where there are none.

    Raises:
        InvalidArgument: Some lanes fix other quantities than the rest.
        UnknownName: There is no such option.
    """
    given: list[Mapping[str, Any]] = [
        reset_options(each, ("trial",)).get("trial", {}) for each in options
    ]
    names = set(given[0])
    if any(set(each) != names for each in given):
        allowed = "quantities of the first trial, the same ones for each lane"
        raise InvalidArgument("options", given, allowed)
    return {"trial": {name: [each[name] for each in given] for name in names}} if names else None


def _lane_infos(infos: Mapping[str, Any], n_lanes: int) -> list[Info]:
    """The info of each lane; of a lane that was reset, what the step before that had to say."""
    final = infos.get("final_info", {})
    last = final if isinstance(final, Mapping) else {}  # in gymnasium 0.29 one mapping a lane
    found: list[Info] = [{} for _ in range(n_lanes)]
    over = infos.get("_final_info", np.zeros(n_lanes, dtype=np.bool_))
    for source, lanes in ((infos, ~over), (last, over)):
        for name in [name for name in source if not name.startswith("_")]:
            if name in ("final_info", FINAL_OBSERVATION):
                continue
            values = source[name].tolist()
            for lane in np.flatnonzero(source[f"_{name}"] & lanes).tolist():
                found[lane][name] = values[lane]
    if not last and over.any():
        for lane in np.flatnonzero(over).tolist():
            found[lane] = {name: value.item() for name, value in final[lane].items()}
    return found
