"""Do the weights of autapses fall into two groups, and what is lost without either?"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmarks.paper import _drawing as drawing, _learning as learning, _pool as pool
from benchmarks.paper._arms import MEASURE, Results, Trained
from benchmarks.paper._experiment import Experiment, Outcome, question
from benchmarks.paper._pool import Pools
from benchmarks.paper._scales import Scale
from benchmarks.paper._statistics import ANY, SHARE, Bounds, Check, Sample, above, below, within
from benchmarks.paper.claims import CLAIMS
from sparse_rnn.analysis import (
    AblationEffect,
    Part,
    WeightGroups,
    ablation_effect,
    weight_groups,
)
from sparse_rnn.evaluation.scores import TaskScores

REACTION = ("RTGo", "RTAnti")
"""The tasks that the paper says survive."""

MATCHING = ("DMS", "DNMS", "DMC", "DNMC")
NEAR = 0.2
"""A group lies near 0 or 1 where its mean does by this much."""

GAP = 0.5
"""There are two groups where the valley between them is below this part of the lower peak."""

LOST = 0.05
"""A loss of performance below it is none."""

DIFFERENCE = (-1.0, 1.0)
"""Bounds of what is lost or won of an accuracy."""

CHANCE = 0.1
"""Accuracies above chance by less are at chance."""


@dataclass(frozen=True, eq=False)
class Found:
    """The weights of one pool, and what it does without some of them.

    Attributes:
        groups: Small and large weights.
        effect: Scores without the small ones, the large ones, and the units of either.
    """

    groups: WeightGroups
    effect: AblationEffect

    def loss(self, part: int) -> float:
        """Mean performance lost without a part."""
        return self.effect.before.mean(MEASURE) - self.effect.after[part].mean(MEASURE)

    def over_chance(self, part: int, tasks: tuple[str, ...] | None = None) -> float:
        """Mean final accuracy over chance without a part, all tasks but `REACTION` by default."""
        scores = self.effect.after[part]
        return float(_rows(scores, tasks, scores.final_accuracy - scores.chance).mean())

    def reaction_loss(self, part: int) -> float:
        """Mean performance that the reaction-time tasks lose without a part."""
        before, after = self.effect.before, self.effect.after[part]
        return float(_rows(before, REACTION, before.performance - after.performance).mean())

    def matching(self, part: int) -> float:
        """Mean final accuracy of the matching tasks without a part."""
        scores = self.effect.after[part]
        return float(_rows(scores, MATCHING, scores.final_accuracy).mean())


PARTS = ("small weights", "large weights", "units with small weights", "units with large weights")


def _rows(
    scores: TaskScores, tasks: tuple[str, ...] | None, values: NDArray[np.float64]
) -> NDArray[np.float64]:
    wanted = [task not in REACTION if tasks is None else task in tasks for task in scores.tasks]
    return values[np.array(wanted)]


def analyse(results: Results, scale: Scale) -> Pools[Found] | None:
    """Group the weights of each pool and take each group out."""

    def look(run: Trained) -> Found:
        groups = weight_groups(run.folder)
        small, large = ~groups.large, groups.large
        edges = {PARTS[0]: Part(edges=small), PARTS[1]: Part(edges=large)}
        units = {PARTS[2]: Part(units=small), PARTS[3]: Part(units=large)}
        effect = ablation_effect(
            run.folder, {**edges, **units}, trials_per_task=pool.TRIALS[scale.name]
        )
        return Found(groups, effect)

    return pool.examine(results, scale, look)


def figure(found: Pools[Found]) -> Figure:
    """Draw the histogram of weights (f), and the accuracies without each group (g)."""
    drawn = Figure(figsize=(12.5, 4.2), layout="constrained")
    axes = drawn.subplots(1, 2, width_ratios=(1, 2.6))
    for i, (arm, pools) in enumerate(found.by_arm.items()):
        one = next(iter(pools.values()))
        axes[0].hist(
            one.groups.weights.ravel(), bins=50, histtype="step", label=arm, **drawing.line_style(i)
        )
        axes[0].axvline(one.groups.threshold, color=drawing.PALETTE[i], linestyle=":")
    drawing.plain(axes[0])
    drawing.labels(axes[0], "autapse weight (dotted: between the groups)", "autapses")
    drawing.legend(axes[0])
    drawing.title(axes[0], "f")
    effect = found.example.effect
    parts = {"whole network": effect.before, PARTS[0]: effect.after[0], PARTS[1]: effect.after[1]}
    place = np.arange(len(effect.tasks))
    for i, (name, scores) in enumerate(parts.items()):
        label = name if i == 0 else f"without {name}"
        axes[1].bar(
            place + (i - 1) * 0.27,
            scores.final_accuracy,
            width=0.25,
            color=drawing.PALETTE[i],
            label=label,
        )
    for at, level in zip(place, effect.before.chance, strict=True):
        axes[1].plot(
            [at - 0.45, at + 0.45],
            [level, level],
            color=drawing.INK,
            linewidth=1,
            label="chance" if at == 0 else None,
        )
    drawing.plain(axes[1])
    axes[1].set_xticks(place, effect.tasks, rotation=60, ha="right")
    axes[1].set_ylim(0, 1)
    drawing.labels(axes[1], "", "final accuracy, first seed")
    drawing.legend(axes[1], ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    drawing.title(axes[1], "g")
    return drawn


def checks(found: Pools[Found], arm: str) -> tuple[Check, ...]:
    """The claim for one start."""

    def sample(value: Callable[[Found], float], bounds: Bounds = ANY) -> Sample:
        return found.sample(value, arm, bounds)

    return (
        within("small weights near 0", sample(lambda one: one.groups.means[0]), -NEAR, NEAR),
        within("large weights near 1", sample(lambda one: one.groups.means[1]), 1 - NEAR, 1 + NEAR),
        below(
            f"a gap between the groups (valley below {GAP:g})",
            sample(lambda one: one.groups.valley, (0, math.inf)),
            GAP,
        ),
        below(
            f"without small weights less than {LOST:g} of the performance is lost",
            sample(lambda one: one.loss(0), DIFFERENCE),
            LOST,
        ),
        below(
            f"without large weights all but {' and '.join(REACTION)} are less than {CHANCE:g} "
            "above chance",
            sample(lambda one: one.over_chance(1), DIFFERENCE),
            CHANCE,
        ),
        below(
            f"without large weights {' and '.join(REACTION)} lose less than {CHANCE:g}",
            sample(lambda one: one.reaction_loss(1), DIFFERENCE),
            CHANCE,
        ),
    )


def outcome(found: Pools[Found]) -> Outcome:
    """Decide the six parts of the claim."""
    values = {
        "Mean of the small weights": lambda one: one.groups.means[0],
        "Mean of the large weights": lambda one: one.groups.means[1],
        "Part of weights that are large": lambda one: one.groups.counts[1] / sum(one.groups.counts),
        "Performance of the whole network": lambda one: one.effect.before.mean(MEASURE),
        "Performance without small weights": lambda one: one.effect.after[0].mean(MEASURE),
        "Performance without large weights": lambda one: one.effect.after[1].mean(MEASURE),
        "Matching tasks without large weights": lambda one: one.matching(1),
    }
    samples = {
        f"{name}{suffix}": found.sample(value, arm, ANY if name.startswith("Mean") else SHARE)
        for suffix, arm in (("", pool.MAIN), (", init torch", pool.OTHER))
        for name, value in values.items()
    }
    units = found.sample(lambda one: one.loss(2), bounds=DIFFERENCE)
    apart = above("loss", units - found.sample(lambda one: one.loss(0), bounds=DIFFERENCE))
    return Outcome(
        checks(found, pool.MAIN),
        tuple(learning.row(name, one, CLAIMS["fig3fg"]) for name, one in samples.items() if one.n),
        found.method + " Weights are split where the variance within the two groups is least; an "
        "ablated weight is 0, its unit stays.",
        tested=f"Taking out the units with small weights instead loses {units}, more by "
        f"{apart.sample}. " + pool.other_start(checks(found, pool.OTHER)),
    )


EXPERIMENT = Experiment(question(__doc__), pool.arms, analyse, figure, outcome)
