"""What differs between the environment libraries that are installed, in one place.

neurogym is an extra. Where it is installed, our environments are its `TrialEnv` and our wrappers
its `TrialWrapper`, so that its tools take them; elsewhere gymnasium's classes are the bases, and
everything but those tools works. Gymnasium 0.29 and 1.x differ in what vector environments say of
lanes that they reset, and in what they make of a dictionary in an info.
"""

from __future__ import annotations

import functools
from collections.abc import ItemsView, KeysView, Mapping, ValuesView
from typing import TYPE_CHECKING, Any, cast

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from modcog.errors import InvalidArgument, unknown_name

if TYPE_CHECKING:
    TrialEnv, TrialWrapper = gym.Env[NDArray[np.float32], Any], gym.Wrapper[Any, Any, Any, Any]
else:
    try:
        from neurogym.core import TrialEnv as TrialEnv, TrialWrapper as TrialWrapper
    except ImportError as _error:
        TrialWrapper = gym.Wrapper
        _REMEDY = (
            f"This is for neurogym, which cannot be imported ({_error}). From a checkout of the "
            'repository, install it with: pip install ".[neurogym]"'
        )

        class TrialEnv(gym.Env):
            """Gymnasium's class, which says of neurogym's ways to write a trial where they are."""

            @property
            def add_ob(self) -> Any:
                """Missing.

                Raises:
                    AttributeError: Always.
                """
                raise AttributeError(_REMEDY)

            add_period = add_randn = set_groundtruth = set_ob = add_ob


HANDS_ARGUMENTS_ON = hasattr(gym, "VectorizeMode")
"""Whether `gymnasium.make_vec` hands its arguments to a vector entry point; 0.29 keeps them."""

_MODE: Any = getattr(gym.vector, "AutoresetMode", None)  # None in 0.29

AUTORESET_MODES = ("NextStep", "SameStep", "Disabled")
"""When a lane that is over is reset, as gymnasium 1.1 and later call it: in the next step, in the
same one, or by the caller alone."""

FINAL_OBSERVATION = "final_obs" if _MODE else "final_observation"


class FromId(gym.vector.VectorEnv):
    """A vector environment that an entry point of an id may have made.

    Attributes:
        made_from_id: How it was made: the call of `modcog.make_vec`, or None.
    """

    made_from_id: functools.partial[Any] | None = None

    @property
    def spec(self) -> Any:
        """The specification of gymnasium."""
        return self._spec

    # A property, where gymnasium has an attribute: 0.29 says its arguments by setting it.
    @spec.setter
    def spec(self, spec: Any) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        self._spec, made = spec, self.made_from_id
        if HANDS_ARGUMENTS_ON or spec is None or made is None:
            return
        # gymnasium 0.29 shows the arguments of its `make_vec` here alone.
        for name, value in spec.kwargs.items():
            if name in made.keywords and differ(made.keywords[name], value):
                raise InvalidArgument(name, value, f"as in vector_kwargs, {made.keywords[name]!r}")
        if not spec.kwargs.keys() <= made.keywords.keys():
            vars(self).update(vars(made(**spec.kwargs)))
            self._spec = spec


class ResetNeeded(InvalidArgument, gym.error.ResetNeeded):
    """A step was asked of an environment whose episode is over, or has not begun."""


class TrialInfo(list[dict[str, Any]]):
    """The trial that ended, for an info: read like a mapping, written by `json` as a list of one.

    Not a dictionary, since the vector environments of gymnasium 1.x take the dictionaries of an
    info apart and make an array of each entry, which can hold neither None beside numbers nor a
    whole number of 64 bits. A list they leave whole, and `json` knows what to do with it.

    Args:
        trial: What `Trials.describe` says of it.

    Example:
        >>> trial = TrialInfo({"task": "Go", "response": None})
        >>> trial["task"], dict(trial)
        ('Go', {'task': 'Go', 'response': None})
    """

    def __init__(self, trial: Mapping[str, Any]) -> None:
        super().__init__([dict(trial)])

    def __getitem__(self, name: Any) -> Any:
        """An entry by its name; by a number, as of any list, the whole dictionary."""
        return super().__getitem__(0)[name] if isinstance(name, str) else super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        """Whether there is an entry of this name."""
        return name in super().__getitem__(0)

    def __eq__(self, other: object) -> bool:
        """Whether the other one, or a dictionary, has the same entries."""
        return self[0] == other if isinstance(other, dict) else super().__eq__(other)

    __hash__ = None  # pyright: ignore[reportAssignmentType] - as of any list

    def __reduce__(self) -> tuple[type[TrialInfo], tuple[dict[str, Any]]]:
        """Pickle by the entries."""
        return type(self), (self[0],)

    def get(self, name: str, default: Any = None) -> Any:
        """An entry by its name, or a default."""
        return self[0].get(name, default)

    def keys(self) -> KeysView[str]:
        """Names of the entries."""
        return self[0].keys()

    def values(self) -> ValuesView[Any]:
        """The entries."""
        return self[0].values()

    def items(self) -> ItemsView[str, Any]:
        """Names and entries."""
        return self[0].items()


def autoreset_mode(mode: object) -> str:
    """One of `AUTORESET_MODES` from what a caller gives: it, its name, or gymnasium's member.

    Raises:
        UnknownName: There is no such mode.

    Example:
        >>> autoreset_mode("NEXT_STEP")
        'NextStep'
    """
    asked = getattr(mode, "value", mode)
    spelt = {name.lower(): name for name in AUTORESET_MODES}
    found = spelt.get(asked.replace("_", "").lower()) if isinstance(asked, str) else None
    if found is None:
        raise unknown_name("autoreset_mode", mode, AUTORESET_MODES, "a way to reset lanes")
    return found


def as_gymnasium(mode: str) -> Any:
    """Gymnasium's own member for one of `AUTORESET_MODES`; the text itself in 0.29."""
    return _MODE(mode) if _MODE else mode


def differ(one: Any, other: Any) -> bool:
    """Whether two values of an argument differ, which may be arrays."""
    arrays = isinstance(one, np.ndarray) or isinstance(other, np.ndarray)
    return not np.array_equal(one, other) if arrays else bool(one != other)


def reset_options(options: object, known: tuple[str, ...]) -> dict[str, Any]:
    """The options of a reset, each of them known.

    Raises:
        InvalidArgument: They are no mapping, or ``trial`` is none.
        UnknownName: There is an option that is not known.
    """
    if options is None:
        return {}
    if not isinstance(options, Mapping):
        raise InvalidArgument("options", options, "a mapping, or None")
    chosen = dict(cast("Mapping[str, Any]", options))
    for name in chosen:
        if name not in known:
            raise unknown_name("options", name, known, "an option of reset")
    if not isinstance(chosen.get("trial", {}), Mapping):
        allowed = "a mapping from quantities to values"
        raise InvalidArgument("options['trial']", chosen["trial"], allowed)
    return chosen


def masked(infos: Mapping[str, Any], lanes: NDArray[np.bool_]) -> dict[str, Any]:
    """Infos of some lanes alone, each entry with its mask."""
    chosen: dict[str, Any] = {}
    for name in [name for name in infos if not name.startswith("_")]:
        mask = infos[f"_{name}"] & lanes
        chosen[name], chosen[f"_{name}"] = np.where(mask, infos[name], 0), mask
        chosen[name] = chosen[name].astype(infos[name].dtype)
    return chosen


def final_info(infos: dict[str, Any], lanes: NDArray[np.int64]) -> Any:
    """The infos of the last steps as gymnasium has them: arrays in 1.x, dictionaries in 0.29."""
    if _MODE:
        return infos
    names = [name for name in infos if not name.startswith("_")]
    final: NDArray[Any] = np.full(len(infos["_gt"]), None, dtype=object)
    for lane in lanes:
        final[lane] = {name: infos[name][lane] for name in names if infos[f"_{name}"][lane]}
    return final
