"""The episodes of lanes: which of them are over, and who resets those."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from modcog.envs.compat import (
    FINAL_OBSERVATION,
    ResetNeeded,
    TrialInfo,
    autoreset_mode,
    final_info,
    masked,
)
from modcog.errors import truth_value, whole_number
from modcog.trials.plan import Trials

Infos = dict[str, Any]


class Episodes:
    """When the episodes of lanes end: after so many steps, with a trial, or never.

    Args:
        n_lanes: Number of lanes.
        max_steps: Steps after which a lane is truncated; None for no end.
        mode: When a lane that is over is reset, a name or member of gymnasium's `AutoresetMode`.
        terminate: Whether the end of a trial is the end of its episode.

    Attributes:
        mode: One of `modcog.envs.compat.AUTORESET_MODES`.

    Raises:
        InvalidArgument: `max_steps` is no whole number of at least 1, or `terminate` is no truth
            value.
        UnknownName: There is no such mode.
    """

    def __init__(self, n_lanes: int, max_steps: object, mode: object, terminate: object) -> None:
        self.max_steps = max_steps
        if max_steps is not None:
            self.max_steps = whole_number("max_episode_steps", max_steps, "steps")
        self.mode = autoreset_mode(mode)
        self.terminate = truth_value("terminate", terminate)
        self._elapsed = np.zeros(n_lanes, dtype=np.int64)
        self._over = np.zeros(n_lanes, dtype=np.bool_)  # and not reset yet
        self._none = np.zeros(n_lanes, dtype=np.bool_)

    def restart(self, lanes: NDArray[np.int64]) -> None:
        """Begin an episode in some lanes."""
        self._elapsed[lanes] = 0
        self._over[lanes] = False

    def waiting(self) -> NDArray[np.bool_] | None:
        """The lanes that the next step resets instead of judging; None where there are none.

        Raises:
            ResetNeeded: Some lanes are over and only the caller resets them.
        """
        if not self._over.any():
            return None
        if self.mode == "Disabled":
            allowed = "given after reset(options={'reset_mask': ...}) of the lanes that are over"
            lanes = ", ".join(map(str, np.flatnonzero(self._over)))
            raise ResetNeeded("actions", f"a step of lanes {lanes}", allowed)
        return self._over.copy()

    def count(
        self, trial_ended: NDArray[np.bool_], resetting: NDArray[np.bool_] | None
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Count a step of every lane, and say which are terminated and which truncated by it.

        Args:
            trial_ended: Lanes whose trial ended in this step.
            resetting: Lanes that this step only resets, which begin an episode with it.
        """
        terminated = trial_ended & self.terminate
        truncated = self._none.copy()
        if isinstance(self.max_steps, int):
            self._elapsed += 1
            if resetting is not None:
                self._elapsed[resetting] = 0
            truncated = self._elapsed >= self.max_steps
        self._over = self._none.copy() if self.mode == "SameStep" else terminated | truncated
        return terminated, truncated


def reset_infos(trials: Trials, lanes: NDArray[np.int64], n_lanes: int) -> Infos:
    """What `reset` says of the first trials of some lanes: their rules and tasks, with masks."""
    mask = np.zeros(n_lanes, dtype=np.bool_)
    mask[lanes] = True
    rule = np.zeros(n_lanes, dtype=np.int64)
    task: NDArray[Any] = np.full(n_lanes, None, dtype=object)
    rule[lanes], task[lanes] = trials.rule, trials.task
    return {"rule": rule, "_rule": mask, "task": task, "_task": mask.copy()}


def with_trials(infos: Infos, trials: Trials, lanes: NDArray[np.int64]) -> Infos:
    """Infos of a reset with the trials themselves, each described."""
    trial: NDArray[Any] = np.full(len(infos["_rule"]), None, dtype=object)
    for row, lane in enumerate(lanes.tolist()):
        trial[lane] = TrialInfo(trials.describe(row))
    return {**infos, "trial": trial, "_trial": infos["_rule"].copy()}


def last_infos(
    infos: Infos, observations: NDArray[np.float32], lanes: NDArray[np.int64], ending: Any
) -> Infos:
    """Infos of a step that resets the lanes that end in it: what they showed last is in there.

    Args:
        infos: What the step has to say.
        observations: float32 ``[lanes, channels]``, before the reset.
        lanes: The lanes that end.
        ending: bool ``[lanes]``, the same.
    """
    final: NDArray[Any] = np.full(ending.size, None, dtype=object)
    for lane in lanes.tolist():
        final[lane] = observations[lane]
    return {
        **masked(infos, ~ending),
        FINAL_OBSERVATION: final,
        f"_{FINAL_OBSERVATION}": ending.copy(),
        "final_info": final_info(masked(infos, ending), lanes),
        "_final_info": ending.copy(),
    }
