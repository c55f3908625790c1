"""Learning curves of the arms of an experiment: what most of the paper's figures show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.paper import _arms
from benchmarks.paper._arms import MEASURE, Arm, Results, Trained
from benchmarks.paper._scales import Scale
from benchmarks.paper._statistics import Sample
from benchmarks.paper.claims import Claim
from sparse_rnn.report.findings import Curve, Measurement
from sparse_rnn.scores import MEASURES

BURST = 100.0
"""A gradient whose norm exceeds it is a burst. Between bursts norms are near 1. Adam changes every
weight by about the learning rate, and what a unit receives by that times its in-degree."""

AXES = ("gradient steps", "performance on held-out trials")


@dataclass(frozen=True, eq=False)
class Learned:
    """The finished runs of an arm and how they learned.

    Attributes:
        arm: The arm.
        runs: Its finished runs.
        steps: Steps ``[points]`` at which all of them were evaluated.
        values: Performance ``[seeds, points]`` there, mean over tasks.
        final: Each measure at the end, mean over tasks, by seed.
        seconds: Median seconds of a gradient step, by seed.
    """

    arm: Arm
    runs: tuple[Trained, ...]
    steps: NDArray[np.float64]
    values: NDArray[np.float64]
    final: Mapping[str, Sample]
    seconds: Sample

    def at(self, step: int) -> Sample:
        """Performance at the last evaluation up to a step, by seed."""
        before = np.flatnonzero(self.steps <= step)
        if not before.size:
            return Sample({})
        seeds = (run.config.seed for run in self.runs)
        return Sample.of(seeds, self.values[:, before[-1]])

    def area(self) -> Sample:
        """Mean performance over the whole course, by seed: high where learning is fast."""
        seeds = (run.config.seed for run in self.runs)
        return Sample.of(seeds, self.values.mean(axis=1))

    @property
    def n_steps(self) -> int:
        """Gradient steps that the runs took."""
        return self.arm.settings["steps"]


Curves = Mapping[str, Learned]
"""What was learned, by label; arms without a finished run are left out."""


def learned(arms: Iterable[Arm], results: Results, scale: Scale) -> dict[str, Learned]:
    """Read the learning curves of all arms that have a finished run."""
    found: dict[str, Learned] = {}
    for arm in arms:
        runs = tuple(results.arm(arm, scale))
        if runs:
            final = {name: _arms.at_end(runs, name) for name in MEASURES}
            seconds = _arms.seconds_per_step(runs)
            found[arm.label] = Learned(arm, runs, *_arms.curves(runs), final, seconds)
    return found


def bursts(runs: Iterable[Trained]) -> Sample:
    """Gradient steps with a norm above `BURST`, by seed."""
    return Sample(
        {run.config.seed: float((run.history()["grad_norm"] > BURST).sum()) for run in runs}
    )


def final(found: Curves, label: str, measure: str = MEASURE) -> Sample:
    """A measure of an arm at the end; empty where the arm did not run."""
    return found[label].final[measure] if label in found else Sample({})


def at(found: Curves, label: str, step: int) -> Sample:
    """Performance of an arm at a step; empty where the arm did not run."""
    return found[label].at(step) if label in found else Sample({})


def area(found: Curves, label: str) -> Sample:
    """Mean performance of an arm over its course; empty where the arm did not run."""
    return found[label].area() if label in found else Sample({})


def row(name: str, sample: Sample, claim: Claim, note: str = "", unit: str = "") -> Measurement:
    """A measured quantity beside the paper's value of that name.

    Raises:
        InvalidArgument: The sample is empty.
    """
    values = list(sample.by_seed.values())
    spread = f"the paper's s.d. is {claim.spread[name]:g}" if name in claim.spread else ""
    told = "; ".join(filter(None, (note, spread)))
    return Measurement.of(name, values, paper=claim.values.get(name), unit=unit, note=told)


def rows(found: Curves, claim: Claim) -> list[Measurement]:
    """Performance of each arm at the end; the other measures are in the note."""
    return [
        row(label, one.final[MEASURE], claim, other_measures(one)) for label, one in found.items()
    ]


def other_measures(one: Learned) -> str:
    """The means of what is not compared: the other measures, and how unsteady learning was."""
    final_, decision, _, track = (one.final[name].mean for name in MEASURES)
    return (
        f"after {one.n_steps} steps, final accuracy {final_:.3f}, decision accuracy "
        f"{decision:.3f}, performance at every step {track:.3f}, gradient norm above {BURST:g} in "
        f"{bursts(one.runs).mean:.1f} steps"
    )


def charts(found: Curves, panel: str = "") -> tuple[Curve, ...]:
    """The learning curves for an interactive chart."""
    return tuple(
        Curve.of(label, one.steps, one.values, AXES, panel) for label, one in found.items()
    )


def best(found: Curves, labels: Iterable[str], step: int | None = None) -> str:
    """The label with the highest mean performance, of those that ran; "" for none.

    Args:
        found: The curves.
        labels: Labels to choose from.
        step: The step at which they are compared; None for the end.
    """
    samples = {
        label: final(found, label) if step is None else at(found, label, step)
        for label in labels
        if label in found
    }
    return max(samples, key=lambda label: np.nan_to_num(samples[label].mean, nan=-1), default="")


def single_seeds(found: Curves) -> str:
    """Say which arms have a single seed at their scale, as a sentence after others."""
    names = [label for label, one in found.items() if not one.arm.decides]
    return f" One seed, shown and not judged: {', '.join(names)}." if names else ""


def told(found: Curves) -> str:
    """Sizes of the trainings, for a method text."""
    settings = next(iter(found.values())).arm.settings
    return (
        f"{settings['suite']}, {settings['steps']} steps of {settings['batch_size']} x "
        f"{settings['seq_len']}, Adam at {settings['lr']:g}, relu, measure: {MEASURE} (Yang et al. "
        "2019), mean over tasks, on held-out trials."
    )
