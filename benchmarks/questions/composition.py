"""Does a network that learned Int and Seq alone do Int x Seq?

Networks learn base tasks, each plain, with Int and with Seq, and are tested on those with both,
whose rule inputs they have and never saw. One-hot and orthogonal rules say nothing of what a task
is made of; "factors" say all of it. Beside them: what they do on the tasks that they learned,
networks that were trained on Int x Seq too, with as many steps, and the best strategy that does
without a part of the task (`modcog.chance_table`): that looks at no stimulus, weighs no evidence,
or measures no interval. One search for each mask serves all encodings.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

import modcog
from benchmarks.paper import _drawing as drawing, _learning as learning
from benchmarks.paper._arms import MEASURE, Arm, Results, Trained, configs_of
from benchmarks.paper._experiment import Experiment, Outcome, no_arms, question
from benchmarks.paper._scales import Scale
from benchmarks.paper._statistics import SHARE, Check, Sample, above
from benchmarks.questions._design import DESIGNS, MASKS, next_searched, searched, settings_of, told
from benchmarks.questions._runs import carry_out, due
from benchmarks.questions.claims import CLAIMS
from sparse_rnn import TrainConfig
from sparse_rnn.evaluation.scores import TaskScores

COMPOSED = "factors"
"""The encoding that the claim is about."""

HELD_OUT, TRAINED_TOO = "held out", "trained too"
"""What becomes of Int x Seq in training."""

Cell = tuple[str, str, str]
"""Mask, rules, and what becomes of Int x Seq."""


def arm(cell: Cell, results: Results, scale: Scale, *, guess: bool = False) -> Arm | None:
    """The network of a cell; None where the settings of its mask are not found yet.

    Args:
        cell: The cell.
        results: Where the runs lie.
        scale: The scale.
        guess: As for `settings_of`.
    """
    design, (mask, rules, trained) = DESIGNS[scale.name], cell
    settings = settings_of(mask, results, scale, guess=guess)
    if not settings:
        return None
    weights = {"weights": design.split.weights} if trained == HELD_OUT else {}
    label = f"{mask}, {rules}, Int x Seq {trained}"
    return Arm(label, {**settings, "rules": rules, **weights}, design.seeds)


def cells(scale: Scale) -> list[Cell]:
    """All cells."""
    design = DESIGNS[scale.name]
    return list(itertools.product(MASKS, design.rules, (HELD_OUT, TRAINED_TOO)))


def judged(results: Results, scale: Scale) -> tuple[Arm, ...]:
    """The networks that are compared, as far as their settings are found."""
    found = (arm(cell, results, scale) for cell in cells(scale))
    return tuple(one for one in found if one is not None)


def rounds(results: Results, scale: Scale) -> list[Arm]:
    """What can be trained now."""
    return [*next_searched(results, scale), *judged(results, scale)]


def work(results: Results, scale: Scale) -> None:
    """Search settings, and train the networks that are compared."""
    carry_out(rounds, results, scale)


def left(results: Results, scale: Scale) -> list[TrainConfig]:
    """Runs that are not finished, those with settings to be found with guessed ones."""
    planned = (arm(cell, results, scale, guess=True) for cell in cells(scale))
    compared = [one for one in planned if one is not None]
    return list(configs_of(due([*searched(results, scale), *compared], results, scale), scale))


def mean_of(scores: TaskScores, tasks: Iterable[str], measure: str = MEASURE) -> float:
    """Mean of a measure over some tasks; NaN where one was not scored."""
    values = dict(zip(scores.tasks, getattr(scores, measure), strict=True))
    return float(np.mean([values.get(task, np.nan) for task in tasks]))


def over_seeds(runs: Sequence[Trained], tasks: Sequence[str], lost: Iterable[int]) -> Sample:
    """Performance on some tasks at the end, by seed; a seed that diverged counts as 0."""
    values = [mean_of(run.scores(), tasks) for run in runs]
    return Sample.of([run.config.seed for run in runs], values, SHARE).counting(lost, SHARE[0])


def floor(tasks: Iterable[str]) -> float:
    """Performance of the best strategy that does without a part of each task, mean over them.

    Example:
        >>> round(floor(["DlyGo"]), 4), round(floor(["DlyGo_IntL"]), 4)
        (0.1875, 0.2727)
    """
    tables = (modcog.chance_table(task).values() for task in tasks)
    return float(np.mean([max(level.performance for level in table) for table in tables]))


@dataclass(frozen=True)
class Analysis:
    """What was measured, by mask, rules and what became of Int x Seq.

    Attributes:
        composed: Performance on Int x Seq.
        others: Performance on the other tasks.
        floor: Performance on Int x Seq that needs no composition.
        rules: The encodings.
        method: Sizes, in sentences.
    """

    composed: Mapping[Cell, Sample]
    others: Mapping[Cell, Sample]
    floor: float
    rules: tuple[str, ...]
    method: str

    def on_composed(self, mask: str, rules: str, trained: str = HELD_OUT) -> Sample:
        """Performance on Int x Seq; empty where there is no run."""
        return self.composed.get((mask, rules, trained), Sample({}))


def analyse(results: Results, scale: Scale) -> Analysis | None:
    """Read the evaluations at the end."""
    split = DESIGNS[scale.name].split
    composed: dict[Cell, Sample] = {}
    others: dict[Cell, Sample] = {}
    for cell in cells(scale):
        one = arm(cell, results, scale)
        runs = results.arm(one, scale) if one else []
        if one and runs:
            lost = results.diverged(one, scale)
            composed[cell] = over_seeds(runs, split.test, lost)
            others[cell] = over_seeds(runs, split.train, lost)
    if not composed:
        return None
    design = DESIGNS[scale.name]
    method = f"{told(results, scale)} {design.steps} steps each."
    return Analysis(composed, others, floor(split.test), design.rules, method)


def figure(analysis: Analysis) -> Figure:
    """Draw, for each mask and encoding, held-out compositions between floor and ceiling."""
    drawn, axes = drawing.panels(1, len(MASKS), size=(3.6, 3.4), sharey=True)
    for ax, mask in zip(axes[0], MASKS, strict=True):
        series = (
            ("tasks that were learned", analysis.others, HELD_OUT),
            ("Int x Seq, trained too", analysis.composed, TRAINED_TOO),
            ("Int x Seq, held out", analysis.composed, HELD_OUT),
        )
        for number, (label, found, trained) in enumerate(series):
            samples = [found.get((mask, rules, trained), Sample({})) for rules in analysis.rules]
            x = [place + 0.15 * (number - 1) for place in range(len(samples))]
            style = {"color": drawing.PALETTE[number], "linestyle": "", "label": label}
            drawing.points(ax, x, samples, **style)
        drawing.level(ax, analysis.floor, "floor")
        ax.set_xticks(range(len(analysis.rules)), list(analysis.rules))
        ax.set_ylim(0, 1)
        drawing.title(ax, mask)
        drawing.labels(ax, "rule inputs", "performance" if mask == MASKS[0] else "")
    drawing.legend(axes[0, 0], loc="lower left")
    return drawn


def outcome(analysis: Analysis) -> Outcome:
    """Decide: above the floor and the other encodings, below networks that were trained on it."""
    checks: list[Check] = []
    for mask in MASKS:
        mine = analysis.on_composed(mask, COMPOSED)
        over = Sample({seed: value - analysis.floor for seed, value in mine.by_seed.items()})
        over = over.counting(mine.unknown)
        checks.append(above(f"{mask}, {COMPOSED}: above the floor of {analysis.floor:.3f}", over))
        for rules in analysis.rules:
            if rules != COMPOSED:
                lead = mine - analysis.on_composed(mask, rules)
                checks.append(above(f"{mask}: {COMPOSED} ahead of {rules}", lead))
        ceiling = analysis.on_composed(mask, COMPOSED, TRAINED_TOO)
        text = f"{mask}, {COMPOSED}: networks trained on Int x Seq are ahead"
        checks.append(above(text, ceiling - mine))
    claim = CLAIMS["composition"]
    # What the claim is about comes first.
    order = sorted(analysis.composed, key=lambda cell: (cell[2] != HELD_OUT, cell[1] != COMPOSED))
    rows = [
        learning.row(f"Int x Seq {cell[2]}: {cell[0]}, {cell[1]}", analysis.composed[cell], claim)
        for cell in order
    ]
    rows += [
        learning.row(f"learned tasks: {mask}, {rules}", sample, claim)
        for (mask, rules, trained), sample in analysis.others.items()
        if trained == HELD_OUT
    ]
    for rules in analysis.rules:
        for mask in MASKS[:2]:
            lead = analysis.on_composed(mask, rules) - analysis.on_composed("dense", rules)
            if lead.n:
                name = f"Int x Seq held out: {mask} less dense, {rules}"
                rows.append(learning.row(name, lead, claim))
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
    CLAIMS["composition"],
    "benchmarks.questions",
)
