"""The running trial as neurogym's tools look at it."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modcog.catalog.lengths import lengths_of
from modcog.envs.compat import TrialEnv
from modcog.trials.spec import TaskSpec


class TrialView(TrialEnv):
    """A trial and a clock, and what neurogym reads of them.

    Attributes:
        ob: float32 ``[steps, channels]``, observations of the current trial.
        gt: int64 ``[steps]``, labels of the current trial.
        t: Time since its start in ms.
        t_ind: Steps since its start.
        start_t: Start of each period in ms; `end_t` its end.
        start_ind: First step of each period; `end_ind` the step after its last.
    """

    ob: NDArray[np.float32]
    gt: NDArray[np.int64]
    t: float
    t_ind: int
    start_t: dict[str, float]
    end_t: dict[str, float]
    start_ind: dict[str, int]
    end_ind: dict[str, int]

    @property
    @abstractmethod
    def _tasks(self) -> tuple[TaskSpec, ...]:
        """The tasks with the modifiers that wrap this environment, one per rule slot."""

    @property
    def timing(self) -> dict[str, Any]:
        """Duration of each period, modifiers applied; of the first task where there are several."""
        return {period.name: period.duration for period in self._tasks[0].periods}

    def in_period(self, period: str, t: float | None = None) -> bool:
        """Whether the current time, or time t in ms, lies in a period."""
        now = self.t if t is None else t
        return self.start_t[period] <= now < self.end_t[period]

    def view_ob(self, period: str | None = None) -> NDArray[np.float32]:
        """Observations of a period, or of the whole trial."""
        if period is None:
            return self.ob
        return self.ob[self.start_ind[period] : self.end_ind[period]]

    def view_groundtruth(self, period: str) -> NDArray[np.int64]:
        """Labels of a period."""
        return self.gt[self.start_ind[period] : self.end_ind[period]]

    @property
    def gt_now(self) -> np.int64:
        """Label of the current step."""
        return self.gt[self.t_ind]

    @property
    def ob_now(self) -> NDArray[np.float32]:
        """Observation of the current step."""
        return self.ob[self.t_ind]

    def trial_length_stats(self, num_trials: int = 0) -> dict[str, float]:
        """Exact statistics of the trial length in steps; `num_trials` is neurogym's and unused."""
        del num_trials
        lengths = lengths_of(self._tasks)
        return {
            "mean": lengths.mean,
            "std": lengths.std,
            "percentile_95": lengths.percentile_95,
            "max": lengths.longest,
        }
