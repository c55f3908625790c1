"""What the tests of modcog share: drawing, comparing trials, and settings for property tests."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

import modcog
from modcog.timing import step_distribution

NAMES = modcog.task_names()
BASES = modcog.suite("cog-20")
COLUMNS = tuple(f.name for f in fields(modcog.Trials) if f.name != "tasks")

# One task of each family, plain and with both modifiers, where all 168 would show no more.
EXAMPLES = ("Go", "RTAnti_SeqL", "MultiDM_IntR", "CtxDlyDM1_IntL_SeqR", "DMS_SeqR", "DNMC_IntL")


def rng(*numbers: int) -> np.random.Generator:
    return np.random.default_rng(numbers)


def draw(task: str | modcog.TaskSpec, n: int = 20, seed: int = 0, **settings: Any) -> modcog.Trials:
    return modcog.sample(modcog.task(task, **settings), np.random.default_rng(seed), n)


def differing(one: modcog.Trials, other: modcog.Trials) -> set[str]:
    """Names of the columns in which two sets of trials differ."""
    return {
        name
        for name in COLUMNS
        if not np.array_equal(
            *(np.asarray(getattr(t, name)) for t in (one, other)),
            equal_nan=name in ("angle", "drift"),
        )
    }


def assert_same_trials(one: modcog.Trials, other: modcog.Trials) -> None:
    assert [spec.name for spec in one.tasks] == [spec.name for spec in other.tasks]
    assert differing(one, other) == set()
    for a, b in zip(modcog.render(one), modcog.render(other), strict=True):
        np.testing.assert_array_equal(a, b)


def mirrored(name: str) -> str:
    """The task with every L turned to R and every R to L."""
    base, *marks = name.split("_")
    swap = {"L": "R", "R": "L"}
    return "_".join([base, *(mark[:-1] + swap[mark[-1]] for mark in marks)])


def sign(name: str, kind: str) -> int:
    """+1 for R, -1 for L, 0 without the modifier."""
    return ("_" + kind + "R" in name) - ("_" + kind + "L" in name)


def nearest(value: Any) -> NDArray[np.int64]:
    """Nearest whole number, half up, without floating-point dust."""
    return np.floor(np.round(np.asarray(value, dtype=np.float64), 9) + 0.5).astype(np.int64)


def moved(velocity: float, ms: Any, n: int) -> NDArray[np.int64]:
    """Ring units travelled in a time."""
    return nearest(velocity * np.asarray(ms) / 1000 * n / (2 * math.pi))


# --- the named quantities of a trial -------------------------------------------------------------

Reader = Callable[[modcog.Trials], NDArray[Any]]


def _ring(slot: int) -> Reader:
    return lambda trials: trials.stimulus_ring[:, slot]


def _place(slot: int) -> Reader:
    return lambda trials: trials.stimulus_location[:, slot]


def _slots(trials: modcog.Trials, ring: int) -> NDArray[np.float64]:
    """Strengths of the first and second place on a ring; float64 ``[n, 2]``."""
    return trials.stimulus_strength[:, trials.stimulus_ring[0] == ring]


def _strength(ring: int, which: int) -> Reader:
    return lambda trials: _slots(trials, ring)[:, which]


def _coherence(ring: int) -> Reader:
    return lambda trials: np.round(-np.diff(_slots(trials, ring), axis=1)[:, 0], 9)


def _separation(trials: modcog.Trials) -> NDArray[np.int64]:
    place_a, place_b = trials.stimulus_location[:, :2].T
    return (place_b - place_a) % trials.dim_ring


def _duration(period: str) -> Reader:
    return lambda trials: trials.duration_ms(period)


READERS: Mapping[str, Reader] = {
    "ring": _ring(0),
    "test_ring": _ring(1),
    "location": _place(0),
    "sample_location": _place(0),
    "test_location": _place(1),
    "separation": _separation,
    "coherence1": _coherence(0),
    "coherence2": _coherence(1),
    "first1": _strength(0, 0),
    "second1": _strength(0, 1),
    "first2": _strength(1, 0),
    "second2": _strength(1, 1),
    "match": lambda trials: trials.match,
    "noise_key": lambda trials: trials.noise_key,
}
"""How each drawn quantity is read off the trials; periods are added by `reader`."""


def reader(quantity: str) -> Reader:
    return READERS[quantity] if quantity in READERS else _duration(quantity)


def quantities(spec: modcog.TaskSpec) -> list[str]:
    """Names of everything that a task draws, as the error for an unknown one lists them."""
    try:
        modcog.sample(spec, np.random.default_rng(0), 1, {"no such thing": 1})
    except modcog.UnknownName as error:
        listed = str(error).partition(" draws: ")[2]
        return listed.removesuffix(".").split(", ")
    raise AssertionError("an unknown quantity was accepted")


def given_of(trials: modcog.Trials) -> dict[str, NDArray[Any]]:
    """Every drawn quantity of trials of one task, as `sample` takes it."""
    return {name: reader(name)(trials) for name in quantities(trials.tasks[0])}


# --- strategies ----------------------------------------------------------------------------------

names = st.sampled_from(NAMES)
seeds = st.integers(0, 2**32 - 1)
ring_sizes = st.integers(1, 16).map(lambda quarter: 4 * quarter)
time_steps = st.sampled_from([10.0, 20.0, 1000 / 60, 25.0, 40.0, 50.0, 70.0, 100.0, 125.0]) | (
    st.floats(10, 200)
)
_ms = st.floats(200, 900) | st.integers(200, 900)
_ordered = st.lists(_ms, min_size=2, max_size=2).map(lambda pair: tuple(sorted(pair)))
durations = (
    _ms
    | _ordered.map(lambda bounds: ("uniform", bounds))
    | st.lists(_ms, min_size=1, max_size=4).map(lambda values: ("choice", values))
    | _ordered.map(lambda bounds: ("choice", bounds, (0.25, 0.75)))
    | _ordered.map(lambda bounds: ("exponential", (300, *bounds)))
    | _ordered.map(lambda bounds: ("normal", (500, 150, *bounds)))
    | _ordered.map(lambda bounds: lambda generator: generator.uniform(*bounds))
)
"""Every form of a duration but "steps", which the Int modifier uses; none is below 200 ms."""


@st.composite
def timings(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """New durations for some of the periods of a task."""
    periods = modcog.task(name).period_names
    chosen = draw(st.sets(st.sampled_from(periods), max_size=3))
    return {period: draw(durations) for period in sorted(chosen)}


@st.composite
def specs(draw: st.DrawFn) -> modcog.TaskSpec:
    """Any task with any settings; velocities up to two turns per second."""
    name = draw(names)
    settings: dict[str, Any] = {"dt": draw(time_steps), "dim_ring": draw(ring_sizes)}
    settings["timing"] = draw(timings(name))
    if sign(name, "Int"):
        interval = str(modcog.task(name).interval)
        support = settings["timing"].get(interval)
        if support is not None and not callable(support):
            steps, _ = step_distribution(support, settings["dt"])
            if steps.size == 1:  # which is refused: Int has nothing to time
                del settings["timing"][interval]
    velocities = st.floats(0.1, 4 * math.pi)
    if sign(name, "Int"):
        settings["int_velocity"] = draw(velocities)
    if sign(name, "Seq"):
        settings["seq_velocity"] = draw(velocities)
    with warnings.catch_warnings():
        # Fast velocities make intervals ambiguous; the rules hold for them too.
        warnings.simplefilter("ignore", modcog.AmbiguousIntervalWarning)
        return modcog.task(name, **settings)


# --- processes -----------------------------------------------------------------------------------


def fresh(code: str, cwd: Path) -> Any:
    """Run code in a fresh interpreter outside the checkout; return the JSON that it prints last."""
    result = subprocess.run(
        # matplotlib, which neurogym imports, calls pyparsing by its old names.
        [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", "-c", code],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])
