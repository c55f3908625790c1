"""How many steps do the input weights of new rules need on a frozen network that knows the others?

The network learned base tasks, Int and Seq alone (a run of the experiment on composition, one-hot
rules); Int x Seq is new. Its rules have inputs with weights as they were drawn, which is what
`sparse_rnn.extend` would add. Then the new tasks alone are trained for a while, in three ways:
these input weights on a network that stays as it is (`new_rules`), all weights from that network,
and all weights from scratch. Each way has its best rate, a factor of the mask's own, by the mean
performance on the way, on a seed that is not compared. A network has learned the new tasks where it
does them four fifths as well as it did its own before; one that never gets there counts with all
of its steps.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmarks.paper import _drawing as drawing, _learning as learning
from benchmarks.paper._arms import MEASURE, Arm, Results, Trained, configs_of
from benchmarks.paper._experiment import Experiment, Outcome, no_arms, question
from benchmarks.paper._scales import Scale, Settings
from benchmarks.paper._statistics import SHARE, Check, Sample, above
from benchmarks.questions import composition
from benchmarks.questions._design import (
    DESIGNS,
    MASKS,
    Design,
    next_searched,
    searched,
    settings_of,
    told,
)
from benchmarks.questions._runs import WarmArm, carry_out, due, starts_of
from benchmarks.questions.claims import CLAIMS
from sparse_rnn import TrainConfig
from sparse_rnn.runs import folder as run_folder

COLUMNS, EVERYTHING, SCRATCH = "rule inputs", "all weights", "from scratch"
WAYS = (COLUMNS, EVERYTHING, SCRATCH)
"""What is trained on the new tasks."""

ENOUGH = 0.8
"""Part of the performance on its own tasks with which a network has learned the new ones."""

BASE: tuple[str, str] = ("one_hot", composition.HELD_OUT)


def base(
    mask: str, results: Results, scale: Scale, *, guess: bool = False, compared: bool = True
) -> Arm | None:
    """The network that learned the others; None where its settings are not found yet.

    Args:
        mask: The mask.
        results: Where the runs lie.
        scale: The scale.
        guess: As for `settings_of`.
        compared: With the seeds that are compared, else with that of the search.
    """
    found = composition.arm((mask, *BASE), results, scale, guess=guess)
    if found is None or compared:
        return found
    seeds = (DESIGNS[scale.name].search_seed,)
    return Arm(f"{found.label}, search", found.settings, seeds)


def settings(way: str, speed: float, own: Settings, design: Design) -> Settings:
    """Settings of a training on the new tasks.

    Args:
        way: What is trained.
        speed: Factor of the learning rate.
        own: The settings that the mask is best with.
        design: The design.
    """
    steps, every = design.new_steps
    made = {
        **own,
        "weights": design.split.test_weights,
        "steps": steps,
        "eval_every": every,
        "lr": float(f"{own['lr'] * speed:.6g}"),
    }
    if way == COLUMNS:
        made |= {"new_rules": len(design.split.test)}
        made["rates"] = {}  # Nothing recurrent is trained.
    return made


def arm(
    mask: str, way: str, speed: float, results: Results, scale: Scale, *, compared: bool = True
) -> Arm | None:
    """A network on the new tasks; None before its base has settings; arguments as for `base`."""
    design = DESIGNS[scale.name]
    own = settings_of(mask, results, scale)
    known = base(mask, results, scale, compared=compared)
    if known is None:
        return None
    label = f"{mask}, {way}" + ("" if compared else f", rate x {speed:g}")
    made = settings(way, speed, own, design)
    if way == SCRATCH:
        return Arm(label, made, known.seeds)
    return WarmArm(label, made, known.seeds, starts_of(results.arm(known, scale)))


def tried(mask: str, way: str, results: Results, scale: Scale) -> list[Arm]:
    """The networks that choose the rate; none where there is no choice, or no base yet."""
    speeds = DESIGNS[scale.name].speeds
    if len(speeds) < 2:
        return []
    found = (arm(mask, way, speed, results, scale, compared=False) for speed in speeds)
    return [one for one in found if one is not None]


def best(mask: str, way: str, results: Results, scale: Scale) -> Arm | None:
    """The network with the best rate, on the seeds that are compared; None before it is known."""
    design = DESIGNS[scale.name]
    speed, among = design.speeds[0], tried(mask, way, results, scale)
    if len(design.speeds) > 1:
        scores: list[float] = []
        for one in among:
            runs = results.arm(one, scale)
            if not runs and not results.diverged(one, scale):
                return None
            scores.append(float(curve(runs[0], design.split.test)[1].mean()) if runs else 0.0)
        if not scores:
            return None
        speed = design.speeds[int(np.argmax(scores))]
    return arm(mask, way, speed, results, scale)


def judged(results: Results, scale: Scale) -> tuple[Arm, ...]:
    """The networks that are compared, as far as they are known."""
    found = [base(mask, results, scale) for mask in MASKS]
    found += [best(mask, way, results, scale) for mask in MASKS for way in WAYS]
    return tuple(one for one in found if one is not None)


def rounds(results: Results, scale: Scale) -> list[Arm]:
    """What can be trained now."""
    found = next_searched(results, scale)
    for mask in MASKS:
        if len(DESIGNS[scale.name].speeds) > 1:
            known = base(mask, results, scale, compared=False)
            found += [known] if known else []
        found += [one for way in WAYS for one in tried(mask, way, results, scale)]
    return [*found, *judged(results, scale)]


def work(results: Results, scale: Scale) -> None:
    """Search settings and rates, and train the networks that are compared."""
    carry_out(rounds, results, scale)


def left(results: Results, scale: Scale) -> list[TrainConfig]:
    """Runs that are not finished, those with settings to be found with guessed ones."""
    design = DESIGNS[scale.name]
    planned: list[Arm] = searched(results, scale)
    for mask in MASKS:
        own = settings_of(mask, results, scale, guess=True)
        seeds = (True, False) if len(design.speeds) > 1 else (True,)
        bases = [base(mask, results, scale, guess=True, compared=these) for these in seeds]
        planned += [one for one in bases if one is not None]
        for way in WAYS:
            # Without their starts, which are not there yet, they cost the same.
            finished = best(mask, way, results, scale)
            for speed in design.speeds if finished is None and len(seeds) > 1 else ():
                made = settings(way, speed, own, design)
                planned.append(Arm(f"{mask}, {way}, {speed:g}", made, (design.search_seed,)))
            made = settings(way, design.speeds[0], own, design)
            planned.append(finished or Arm(f"{mask}, {way}", made, design.seeds))
    return list(configs_of(due(planned, results, scale), scale))


def curve(run: Trained, tasks: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Performance on some tasks, mean over them, at each evaluation on the way.

    Returns:
        The steps ``[points]`` and the performance ``[points]``.
    """
    by_step: dict[int, list[float]] = {}
    with (run.folder / run_folder.EVALUATIONS).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["task"] in tasks:
                by_step.setdefault(int(row["step"]), []).append(float(row[MEASURE]))
    steps = sorted(by_step)
    return np.array(steps), np.array([float(np.mean(by_step[step])) for step in steps])


def steps_to(level: float, steps: NDArray[np.int64], values: NDArray[np.float64]) -> float:
    """The first step at which a curve is at a level; its last step where it never is.

    Example:
        >>> steps_to(0.5, np.array([10, 20, 30]), np.array([0.1, 0.6, 0.4]))
        20.0
        >>> steps_to(0.9, np.array([10, 20, 30]), np.array([0.1, 0.6, 0.4]))
        30.0
    """
    reached = np.flatnonzero(values >= level)
    return float(steps[reached[0]] if reached.size else steps[-1])


@dataclass(frozen=True)
class Way:
    """What became of the new tasks in one way under one mask.

    Attributes:
        steps: Steps to the level, by seed.
        ends: Performance on the new tasks at the end less the level, by seed.
        new: Performance on the new tasks at the end, by seed.
        old: Performance on the old tasks at the end, by seed.
        points: Steps of the evaluations ``[points]``.
        values: Performance on the new tasks there ``[seeds, points]``.
    """

    steps: Sample
    ends: Sample
    new: Sample
    old: Sample
    points: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass(frozen=True)
class Analysis:
    """What was measured.

    Attributes:
        found: By mask and way.
        own: Performance on the tasks that were learned first, by mask.
        method: Sizes, in sentences.
    """

    found: Mapping[tuple[str, str], Way]
    own: Mapping[str, Sample]
    method: str

    def steps(self, mask: str, way: str) -> Sample:
        """Steps to the level; empty where nothing ran."""
        return self.found[mask, way].steps if (mask, way) in self.found else Sample({})


def measured(
    runs: Sequence[Trained], lost: tuple[int, ...], own: Sample, design: Design
) -> Way | None:
    """Measure the runs of one way; None where no run has a level to reach.

    Args:
        runs: The finished runs.
        lost: Seeds that diverged.
        own: Performance on the tasks that were learned first, by seed.
        design: The design.
    """
    split = design.split
    runs = [run for run in runs if run.config.seed in own.by_seed]
    if not runs:
        return None
    seeds = [run.config.seed for run in runs]
    levels = {seed: ENOUGH * value for seed, value in own.by_seed.items()}
    curves = [curve(run, split.test) for run in runs]
    needed = [steps_to(levels[seed], *one) for seed, one in zip(seeds, curves, strict=True)]
    most = float(design.new_steps[0])
    new = composition.over_seeds(runs, split.test, lost)
    return Way(
        Sample.of(seeds, needed, (0.0, most)).counting(lost, most),
        new - Sample(levels),
        new,
        composition.over_seeds(runs, split.train, lost),
        curves[0][0],
        np.stack([values for _, values in curves]),
    )


def analyse(results: Results, scale: Scale) -> Analysis | None:
    """Read the curves."""
    design = DESIGNS[scale.name]
    found: dict[tuple[str, str], Way] = {}
    own: dict[str, Sample] = {}
    rates: list[str] = []
    for mask in MASKS:
        known = base(mask, results, scale)
        if known is None:
            continue
        finished = results.arm(known, scale)
        own[mask] = composition.over_seeds(
            finished, design.split.train, results.diverged(known, scale)
        )
        for way in WAYS:
            one = best(mask, way, results, scale)
            if one is not None:
                runs, lost = results.arm(one, scale), results.diverged(one, scale)
                way_found = measured(runs, lost, own[mask], design)
                if way_found is not None:
                    found[mask, way] = way_found
                    rates.append(f"{mask}, {way}: {one.settings['lr']:g}")
    if not found:
        return None
    steps, every = design.new_steps
    method = (
        f"{told(results, scale)} {len(design.split.test)} new tasks after {design.steps} steps on "
        f"the other {len(design.split.train)}; up to {steps} steps on the new ones, looked at "
        f"every {every}. Rates on the new tasks: {'; '.join(rates)}."
    )
    return Analysis(found, own, method)


def figure(analysis: Analysis) -> Figure:
    """Draw performance on the new tasks by step, a panel a mask, and the steps to the level."""
    drawn, axes = drawing.panels(1, 1 + len(MASKS), size=(3.2, 3.2))
    for ax, mask in zip(axes[0], MASKS, strict=False):
        for number, way in enumerate(WAYS):
            one = analysis.found.get((mask, way))
            if one is not None:
                samples = [Sample.of(range(len(at)), at, SHARE) for at in one.values.T]
                style = {"color": drawing.PALETTE[number], "label": way}
                drawing.points(ax, one.points.tolist(), samples, **style)
        if analysis.own.get(mask, Sample({})).n:
            drawing.level(ax, ENOUGH * analysis.own[mask].mean, "learned")
        ax.set_ylim(0, 1)
        drawing.title(ax, mask)
        drawing.labels(ax, "gradient steps", "performance on the new tasks")
    drawing.legend(axes[0, 0])
    for number, way in enumerate(WAYS):
        samples = [analysis.steps(mask, way) for mask in MASKS]
        x = [place + 0.15 * number for place in range(len(MASKS))]
        style = {"color": drawing.PALETTE[number], "linestyle": ""}
        drawing.points(axes[0, -1], x, samples, **style)
    axes[0, -1].set_xticks(range(len(MASKS)), list(MASKS))
    drawing.labels(axes[0, -1], "", "steps to the level")
    return drawn


def outcome(analysis: Analysis) -> Outcome:
    """Decide: rule inputs are enough, sooner than from scratch, later than all weights."""
    checks: list[Check] = []
    for mask in MASKS:
        one = analysis.found.get((mask, COLUMNS))
        ends = one.ends if one else Sample({})
        checks.append(above(f"{mask}: {COLUMNS} reach the level", ends))
        alone, scratch, every = (analysis.steps(mask, w) for w in (COLUMNS, SCRATCH, EVERYTHING))
        text = f"{mask}: {SCRATCH} needs more steps than {COLUMNS}"
        checks.append(above(text, scratch - alone))
        checks.append(above(f"{mask}: {COLUMNS} need more steps than {EVERYTHING}", alone - every))
    claim = CLAIMS["new_rule"]
    rows = []
    for (mask, way), one in analysis.found.items():
        if one.steps.n:
            rows.append(learning.row(f"steps: {mask}, {way}", one.steps, claim))
    for (mask, way), one in analysis.found.items():
        rows.append(learning.row(f"new tasks at the end: {mask}, {way}", one.new, claim))
    for (mask, way), one in analysis.found.items():
        if way != SCRATCH:
            rows.append(learning.row(f"old tasks at the end: {mask}, {way}", one.old, claim))
    for mask, sample in analysis.own.items():
        if sample.n:
            rows.append(learning.row(f"old tasks before: {mask}", sample, claim))
    return Outcome(tuple(checks), tuple(rows), analysis.method)


EXPERIMENT = Experiment(
    question(__doc__),
    no_arms,
    analyse,
    figure,
    outcome,
    work,
    left,
    judged,
    CLAIMS["new_rule"],
    "benchmarks.questions",
)
