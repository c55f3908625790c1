"""What do the two modifiers do to a trial?

The five pictures of the paper: an interval task with a short and a long delay, a drift to either
side, and both modifiers at once. That the pictures show what they should is checked on many trials.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

import modcog
from benchmarks.paper._arms import Results
from benchmarks.paper._experiment import Experiment, Outcome, no_arms, question
from benchmarks.paper._scales import Scale
from benchmarks.paper._statistics import fact
from modcog.plotting.trial import draw_trial
from sparse_rnn.report.findings import Measurement

PICTURES = (
    ("a", "DlyGo_IntL", {"delay": 300}),
    ("b", "DlyGo_IntL", {"delay": 900}),
    ("c", "Go_SeqL", {}),
    ("d", "Go_SeqR", {}),
    ("e", "DlyGo_IntL_SeqR", {"delay": 600}),
)
"""Panel, task, and what is fixed of its trial."""

SETTINGS = {"dt": 20, "noise": 0}
"""A fine time step and no noise, for pictures."""

LOCATION = 4
SHORT_S = 0.5
N_TRIALS = {"smoke": 50, "laptop": 2000, "paper": 2000}


@dataclass(frozen=True, eq=False)
class Drawn:
    """Trials of the tasks.

    Attributes:
        pictures: The trial of each panel.
        speed: Displacement of the answer over the delay in rad/s, of the tasks with Int by name.
        error: Largest deviation of a trial's answer from that speed in rad, of the same.
        drift: Ring units a step by which the answer moves, a value a trial, of all tasks.
    """

    pictures: dict[str, modcog.Trials]
    speed: dict[str, float]
    error: dict[str, float]
    drift: dict[str, NDArray[np.float64]]


def analyse(results: Results, scale: Scale) -> Drawn:
    """Draw the pictures' trials, and many trials of each task."""
    del results
    pictures = {
        panel: modcog.sample(
            modcog.task(name, **SETTINGS),
            np.random.default_rng(0),
            1,
            {"location": LOCATION, "ring": 0, **given},
        )
        for panel, name, given in PICTURES
    }
    speed: dict[str, float] = {}
    error: dict[str, float] = {}
    drift: dict[str, NDArray[np.float64]] = {}
    for name in dict.fromkeys(name for _, name, _ in PICTURES):
        spec = modcog.task(name, **SETTINGS)
        trials = modcog.sample(spec, np.random.default_rng(scale.seeds[0]), N_TRIALS[scale.name])
        drift[name] = trials.drift
        if "Int" in name:
            start = 2 * np.pi * trials.base_response / trials.dim_ring
            delay_s = trials.duration_ms("delay") / 1000
            moved = _around(trials.angle - start)
            # Longer delays carry the answer more than half around the ring.
            short = delay_s <= SHORT_S
            speed[name] = float(np.median(moved[short] / delay_s[short]))
            error[name] = float(np.abs(_around(moved - speed[name] * delay_s)).max())
    return Drawn(pictures, speed, error, drift)


def _around(angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """Angles from -pi to pi."""
    return (angle + np.pi) % (2 * np.pi) - np.pi


def figure(drawn: Drawn) -> Figure:
    """Draw the five trials side by side."""
    picture = Figure(figsize=(15, 6), layout="constrained")
    heights = [0.45, 1.5, 1.5, 0.45, 1.7]
    axes = picture.subplots(5, len(PICTURES), squeeze=False, sharex="col", height_ratios=heights)
    for column, (panel, name, _) in enumerate(PICTURES):
        draw_trial(axes[:, column], drawn.pictures[panel])
        axes[0, column].set_title(f"{panel}  {name}", loc="left", fontsize=10, pad=14)
    return picture


def outcome(drawn: Drawn) -> Outcome:
    """Decide: the answer moves in proportion to the delay, and drifts to the named side."""
    left, right = drawn.drift["Go_SeqL"], drawn.drift["Go_SeqR"]
    both = drawn.drift["DlyGo_IntL_SeqR"]
    checks = [
        fact(
            f"{name}: the answer moves by the same angle for each second of the delay",
            drawn.error[name] < 1e-6 < abs(speed),
        )
        for name, speed in drawn.speed.items()
    ]
    checks += [
        fact(
            "SeqL and SeqR drift at the same speed to opposite sides",
            bool(np.ptp(left) == 0 and np.ptp(right) == 0 and left[0] == -right[0] != 0),
        ),
        fact("without Seq nothing drifts", not np.any(drawn.drift["DlyGo_IntL"])),
        fact(
            "with both, the answer drifts as under SeqR alone",
            bool(np.ptp(both) == 0 and both[0] == right[0]),
        ),
    ]
    measured = [
        Measurement(f"{name}: displacement a second of delay", speed, None, None, 0, None, "rad/s")
        for name, speed in drawn.speed.items()
    ]
    measured += [
        Measurement(
            f"{name}: drift a step of {SETTINGS['dt']} ms",
            float(drift.mean()),
            None,
            None,
            0,
            None,
            "ring units",
        )
        for name, drift in drawn.drift.items()
    ]
    n_trials = len(left)
    return Outcome(
        tuple(checks), tuple(measured), f"{n_trials} trials of each task, without noise."
    )


EXPERIMENT = Experiment(question(__doc__), no_arms, analyse, figure, outcome)
