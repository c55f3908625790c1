"""Learning curves of the arms of an experiment: what most of the paper's figures show."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.paper import _arms
from benchmarks.paper._arms import MEASURE, Arm, Results, Trained
from benchmarks.paper._scales import Scale
from benchmarks.paper._statistics import SHARE, Quantity, Sample
from benchmarks.paper.claims import Claim
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.evaluation.history import BURST_RULE as BURST_RULE
from sparse_rnn.evaluation.scores import MEASURES
from sparse_rnn.report.findings import Curve, Measurement

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
        diverged: Seeds that diverged; they count with a performance of 0, the worst, throughout.
        steps: Steps ``[points]`` at which all finished runs were evaluated.
        values: Performance ``[seeds, points]`` there, mean over tasks: those of the runs, then of
            the seeds that diverged.
        final: Each measure at the end, mean over tasks, by seed.
        seconds: Seconds of a gradient step.
    """

    arm: Arm
    runs: tuple[Trained, ...]
    diverged: tuple[int, ...]
    steps: NDArray[np.float64]
    values: NDArray[np.float64]
    final: Mapping[str, Sample]
    seconds: float

    def at(self, step: float) -> Sample:
        """Performance at a step, by seed: between two looks on the line between them.

        Beyond the last look it is what was seen there; before the first one nothing is known.
        """
        if step < self.steps[0]:
            return Sample({})
        return self._sample(np.array([np.interp(step, self.steps, row) for row in self.values]))

    def area(self) -> Sample:
        """Mean performance over the whole course, by seed: high where learning is fast."""
        return self._sample(self.values.mean(axis=1))

    def _sample(self, values: NDArray[np.float64]) -> Sample:
        seeds = [*(run.config.seed for run in self.runs), *self.diverged]
        return Sample.of(seeds, values, SHARE).counting(self.diverged, worst=SHARE[0])

    @property
    def n_steps(self) -> int:
        """Gradient steps that the runs took."""
        return self.arm.settings["steps"]


Curves = Mapping[str, Learned]
"""What was learned, by label; arms without a finished run are left out."""


def learned(arms: Iterable[Arm], results: Results, scale: Scale) -> dict[str, Learned]:
    """Read the learning curves of all arms that have a finished run.

    An arm that diverged with all of its seeds has no curves, and no check about it is decided.
    """
    found: dict[str, Learned] = {}
    for arm in arms:
        runs = tuple(results.arm(arm, scale))
        if runs:
            diverged = results.diverged(arm, scale)
            final = {name: _arms.at_end(runs, name, diverged) for name in MEASURES}
            steps, curves = _arms.curves(runs)
            curves = np.concatenate([curves, np.zeros((len(diverged), len(steps)))])
            seconds = _arms.seconds_per_step(runs)
            found[arm.label] = Learned(arm, runs, diverged, steps, curves, final, seconds)
    return found


def named(arms: Mapping[str, Arm | None], results: Results, scale: Scale) -> dict[str, Learned]:
    """As `learned`, by names other than the labels of arms; those that are None are left out."""
    known = {name: arm for name, arm in arms.items() if arm is not None}
    curves = learned(known.values(), results, scale)
    return {name: curves[arm.label] for name, arm in known.items() if arm.label in curves}


def bursts(runs: Iterable[Trained]) -> Sample:
    """Gradient steps with a norm above `BURST`, by seed."""
    return Sample(
        {run.config.seed: float((run.history()["grad_norm"] > BURST).sum()) for run in runs}
    )


def final(found: Curves, label: str, measure: str = MEASURE) -> Sample:
    """A measure of an arm at the end; empty where the arm did not run."""
    return found[label].final[measure] if label in found else Sample({})


def at(found: Curves, label: str, step: float) -> Sample:
    """Performance of an arm at a step; empty where the arm did not run."""
    return found[label].at(step) if label in found else Sample({})


def area(found: Curves, label: str) -> Sample:
    """Mean performance of an arm over its course; empty where the arm did not run."""
    return found[label].area() if label in found else Sample({})


def at_equal_cost(one: Learned, other: Learned, share: float) -> tuple[Sample, Sample]:
    """Performance of two networks once both have cost the same: all of the one that costs less.

    Args:
        one: A network.
        other: Another one.
        share: What a step of the first costs, in steps of the second.

    Returns:
        That of the first, and that of the second.
    """
    steps = min(one.n_steps, other.n_steps / share)
    return _after(one, steps), _after(other, steps * share)


def _after(one: Learned, steps: float) -> Sample:
    """Performance after some steps; after all of them, that of the larger evaluation."""
    whole = math.isclose(steps, one.n_steps, rel_tol=1e-9)
    return one.final[MEASURE] if whole else one.at(steps)


def row(name: str, sample: Quantity, claim: Claim, note: str = "", unit: str = "") -> Measurement:
    """A measured quantity beside the paper's value of that name.

    Raises:
        InvalidArgument: The sample is empty.
    """
    if not sample.n:
        raise InvalidArgument("sample", sample, "of at least one seed")
    low, high = (None if math.isnan(end) else end for end in sample.interval())
    lost = sorted(sample.lost)
    diverged = f"diverged: seeds {', '.join(map(str, lost))}" if lost else ""
    counted = "" if sample.unknown or not lost else ", counted at worst"
    spread = f"the paper's s.d. is {claim.spread[name]:g}" if name in claim.spread else ""
    told = "; ".join(filter(None, (note, diverged + counted, spread)))
    paper = claim.values.get(name)
    return Measurement(name, sample.centre, low, high, sample.n, paper, unit, told)


def step_rows(found: Curves) -> list[Measurement]:
    """Seconds of a gradient step of each network."""
    return [
        Measurement(f"a step, {label}", one.seconds, None, None, len(one.runs), None, "s")
        for label, one in found.items()
    ]


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
    made: list[Curve] = []
    for label, one in found.items():
        points = [Sample.of(range(len(one.values)), at, SHARE) for at in one.values.T]
        ends = np.array([point.interval() for point in points])
        known = len(one.values) > 1
        made.append(
            Curve(
                label,
                tuple(one.steps.tolist()),
                tuple(point.mean for point in points),
                tuple(ends[:, 0].tolist()) if known else None,
                tuple(ends[:, 1].tolist()) if known else None,
                *AXES,
                panel,
                one.arm.settings.get("arch", ""),
            )
        )
    return tuple(made)


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


def setting(one: Learned) -> str:
    """Start and rates of an arm, for a method text."""
    settings = one.arm.settings
    factor = settings.get("rates", {}).get("recurrent", 1.0)
    return f"{settings['init']}, {settings['lr']:g}, recurrent x {factor:g}"


def told(found: Curves, optimiser: str = "") -> str:
    """Sizes of the trainings, for a method text.

    Args:
        found: The curves.
        optimiser: Optimiser and rate in words; "" for Adam at the rate of the first curve.
    """
    settings = next(iter(found.values())).arm.settings
    return (
        f"{settings['suite']}, {settings['steps']} steps of {settings['batch_size']} x "
        f"{settings['seq_len']}, {optimiser or 'Adam at ' + format(settings['lr'], 'g')}, relu, "
        f"measure: {MEASURE} (Yang et al. 2019), mean over tasks, on held-out trials."
    )
