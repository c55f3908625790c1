"""The specification of the tasks as these tests read it: names, periods, time grid, displacement.

Written from the specification alone. Nothing here comes from modcog: the tests compare the two.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

VELOCITY = 5 * math.pi / 4  # rad/s: 10 ring units per second at n = 16
INT_DELAY_MS = (100.0, 1100.0)
SEQ_DECISION_MS = 1000.0

Duration = float | tuple[float, float]  # ms, or the bounds of a uniform distribution in ms

REACH = ("Go", "Anti", "DlyGo", "DlyAnti", "RTGo", "RTAnti")
DM = ("DM1", "DM2", "CtxDM1", "CtxDM2", "MultiDM")
DLY_DM = ("DlyDM1", "DlyDM2", "CtxDlyDM1", "CtxDlyDM2", "MultiDlyDM")
MATCH = ("DMS", "DNMS", "DMC", "DNMC")
DELAY_TASKS = ("DlyGo", "DlyAnti", *DLY_DM, *MATCH)  # eleven; the paper says twelve
STIMULUS_TIMED = ("Go", "Anti", *DM)  # Int times the stimulus itself (mod-cog-168)
BOTH_RINGS = ("CtxDM1", "CtxDM2", "MultiDM", "CtxDlyDM1", "CtxDlyDM2", "MultiDlyDM")

_REACH_START: dict[str, Duration] = {"fixation": 500.0}
_DM_START: dict[str, Duration] = {"fixation": (200.0, 500.0)}
_PERIODS: Mapping[tuple[str, ...], Mapping[str, Duration]] = {
    ("Go", "Anti"): {**_REACH_START, "stimulus": 500.0, "decision": 500.0},
    ("DlyGo", "DlyAnti"): {**_REACH_START, "stimulus": 500.0, "delay": 500.0, "decision": 500.0},
    ("RTGo", "RTAnti"): {**_REACH_START, "decision": 500.0},
    tuple(DM): {**_DM_START, "stimulus": 500.0, "decision": 200.0},
    tuple(DLY_DM): {
        **_DM_START,
        "stim1": 500.0,
        "delay": 500.0,
        "stim2": 500.0,
        "decision": 200.0,
    },
    tuple(MATCH): {
        "fixation": 300.0,
        "sample": 500.0,
        "delay": 500.0,
        "test": 500.0,
        "decision": 900.0,
    },
}
PERIODS_MS: Mapping[str, Mapping[str, Duration]] = {
    base: periods for bases, periods in _PERIODS.items() for base in bases
}


@dataclass(frozen=True)
class Task:
    """A task name taken apart; the sign of a modifier is +1 for R, -1 for L, 0 without it."""

    base: str
    int_sign: int = 0
    seq_sign: int = 0

    @property
    def name(self) -> str:
        letters = {1: "R", -1: "L"}
        marks = [("Int", self.int_sign), ("Seq", self.seq_sign)]
        return "_".join([self.base, *(kind + letters[sign] for kind, sign in marks if sign)])

    @property
    def mirrored(self) -> Task:
        return replace(self, int_sign=-self.int_sign, seq_sign=-self.seq_sign)

    @property
    def interval(self) -> str | None:
        """The period that Int times."""
        if self.base in DELAY_TASKS:
            return "delay"
        return "stimulus" if self.base in STIMULUS_TIMED else None

    @property
    def withholds(self) -> bool:
        """Whether half of the trials ask for no response."""
        return self.base in MATCH

    def periods_ms(self) -> dict[str, Duration]:
        """Nominal durations of the periods, without an interval that Int draws in steps."""
        periods = dict(PERIODS_MS[self.base])
        if self.int_sign:
            assert self.interval is not None
            del periods[self.interval]
        if self.seq_sign:
            periods["decision"] = SEQ_DECISION_MS
        return periods


def parse(name: str) -> Task:
    base, *marks = name.split("_")
    signs = {"Int": 0, "Seq": 0}
    for mark in marks:
        found = re.fullmatch(r"(Int|Seq)([LR])", mark)
        assert found is not None, mark
        signs[found[1]] = 1 if found[2] == "R" else -1
    return Task(base, signs["Int"], signs["Seq"])


def nearest(value: ArrayLike) -> NDArray[np.int64]:
    """Nearest whole number, half up, after floating-point dust is rounded away."""
    return np.floor(np.round(np.asarray(value, dtype=np.float64), 9) + 0.5).astype(np.int64)


def steps(ms: ArrayLike, dt: float) -> NDArray[np.int64]:
    wanted = np.asarray(ms, dtype=np.float64)
    return np.where(wanted > 0, np.maximum(nearest(wanted / dt), 1), 0)


def interval_steps(dt: float) -> NDArray[np.int64]:
    """The numbers of steps that an Int interval may last, all equally likely."""
    low, high = (round(ms / dt, 9) for ms in INT_DELAY_MS)
    return np.arange(math.ceil(low), math.floor(high) + 1)


def displacement(ms: ArrayLike, n: int) -> NDArray[np.int64]:
    """Ring units travelled in a time: the magnitude alone, the sign comes afterwards."""
    return nearest(VELOCITY * np.asarray(ms, dtype=np.float64) / 1000 * n / (2 * math.pi))


def bumps(n: int) -> NDArray[np.float64]:
    """Row k is the picture of a stimulus of strength 1 at direction k."""
    apart = np.abs(np.arange(n)[:, None] - np.arange(n))
    apart = np.minimum(apart, n - apart) * (2 * math.pi / n)
    return 0.8 * np.exp(-0.5 * (apart / (math.pi / 8)) ** 2)


def generator(name: str, salt: int = 0) -> np.random.Generator:
    """A stream of its own for each task and purpose, the same in every run."""
    return np.random.default_rng([salt, *name.encode()])
