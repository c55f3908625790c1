"""The reach family: answer towards, or away from, one remembered or present stimulus.

Go, Anti, DlyGo, DlyAnti, RTGo and RTAnti of Yang et al. (2019, Methods). One ring, chosen by a
fair coin, shows one bump of strength 1. Go and Anti answer after the stimulus, DlyGo and DlyAnti
after a further delay, RTGo and RTAnti at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modcog.errors import truth_value
from modcog.trials.draws import Draws
from modcog.trials.interfaces import Feature
from modcog.trials.plan import Stimulus, Trials
from modcog.trials.sampling import plan_trials
from modcog.trials.spec import Period, TaskSpec


@dataclass(frozen=True)
class ReachParams:
    """Parameters of a reach task.

    Attributes:
        opposite: Whether the answer is the direction opposite to the stimulus.
        shown_in: Name of the period during which the stimulus is shown.

    Raises:
        InvalidArgument: `opposite` is no truth value, or the task has no such period.
    """

    opposite: bool
    shown_in: str

    def __post_init__(self) -> None:
        """Check."""
        truth_value("opposite", self.opposite)

    def check(self, spec: TaskSpec) -> None:
        """Refuse a period that the task does not have."""
        spec.period_index(self.shown_in)

    def conditions(self, spec: TaskSpec) -> dict[str, NDArray[np.int64]]:
        """Each direction on each ring."""
        ring, location = np.divmod(np.arange(2 * spec.dim_ring), spec.dim_ring)
        return {"ring": ring, "location": location}

    def features(self, spec: TaskSpec) -> dict[str, Feature]:
        """One ring shows one place."""
        del spec
        return {
            "modality": "either",
            "judged": "either",
            "anti": self.opposite,
            "reaction_time": self.shown_in == "decision",
        }


def plan_reach(spec: TaskSpec, draws: Draws) -> Trials:
    """Draw the trials of a reach task: ``ring`` (0, 1) and ``location`` (0..n-1)."""
    params: ReachParams = spec.params
    ring = draws.index("ring", 2)
    location = draws.index("location", spec.dim_ring)
    half_turn = spec.dim_ring // 2
    return plan_trials(
        spec,
        draws,
        [Stimulus(params.shown_in, ring, location)],
        response=location + half_turn if params.opposite else location,
    )


def _reach(
    base: str, params: ReachParams, middle: tuple[Period, ...], interval: str | None, sentence: str
) -> TaskSpec:
    fixation = Period("fixation", 500.0, may_vanish=True)
    periods = (fixation, *middle, Period("decision", 500.0))
    return TaskSpec(base, "reach", periods, interval, params, plan_reach, sentence=sentence)


_STIMULUS = Period("stimulus", 500.0)
_DELAY = Period("delay", 500.0, may_vanish=True)

_PRO = ReachParams(opposite=False, shown_in="stimulus")
_OPPOSITE = ReachParams(opposite=True, shown_in="stimulus")
_PRO_AT_ONCE = ReachParams(opposite=False, shown_in="decision")
_OPPOSITE_AT_ONCE = ReachParams(opposite=True, shown_in="decision")

GO = _reach(
    "Go",
    _PRO,
    (_STIMULUS,),
    "stimulus",
    "Answer in the direction of the stimulus once it has gone",
)
RT_GO = _reach(
    "RTGo",
    _PRO_AT_ONCE,
    (),
    None,
    "Answer in the direction of the stimulus as soon as it appears",
)
DLY_GO = _reach(
    "DlyGo",
    _PRO,
    (_STIMULUS, _DELAY),
    "delay",
    "Hold the direction of the stimulus over a delay, then answer in it",
)
ANTI = _reach(
    "Anti",
    _OPPOSITE,
    (_STIMULUS,),
    "stimulus",
    "Answer opposite to the stimulus once it has gone",
)
RT_ANTI = _reach(
    "RTAnti",
    _OPPOSITE_AT_ONCE,
    (),
    None,
    "Answer opposite to the stimulus as soon as it appears",
)
DLY_ANTI = _reach(
    "DlyAnti",
    _OPPOSITE,
    (_STIMULUS, _DELAY),
    "delay",
    "Hold the direction of the stimulus over a delay, then answer opposite to it",
)
