"""How do the rule inputs of an autapse pool lie to each other and to its other inputs?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

import modcog
from benchmarks.paper import _drawing as drawing, _learning as learning, _pool as pool
from benchmarks.paper._arms import Results, Trained
from benchmarks.paper._experiment import Experiment, Outcome, question
from benchmarks.paper._pool import Pools
from benchmarks.paper._scales import Scale
from benchmarks.paper._statistics import ANY, SHARE, Check, above, below
from benchmarks.paper.claims import CLAIMS
from sparse_rnn.analysis import (
    Circulant,
    InputOverlap,
    Source,
    circulant_structure,
    input_overlap,
    rule_correlations,
)
from sparse_rnn.training.run import streams

ORTHOGONAL = 0.2
"""Inputs count as orthogonal where the mean size of their cosines is below it: within 12 degrees
of a right angle."""

CIRCULANT = 0.5
"""Share of the variance that a circulant matrix must explain."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """The input weights of one network.

    Attributes:
        rules: Cosines between rule inputs ``[rule, rule]``.
        overlap: Cosines of rule inputs with the others.
        circulant: Structure of the stimulus inputs.
        tasks: Names of the tasks.
        families: Family of each.
    """

    rules: NDArray[np.float64]
    overlap: InputOverlap
    circulant: Circulant
    tasks: tuple[str, ...]
    families: tuple[str, ...]

    def block(self) -> float:
        """Mean cosine of two tasks of a family, minus that of two tasks of different families."""
        family = np.array(self.families)
        same = family[:, None] == family[None, :]
        pairs = ~np.eye(len(family), dtype=bool)
        return float(self.rules[same & pairs].mean() - self.rules[~same].mean())


@dataclass(frozen=True, eq=False)
class Found:
    """A pool after training and before."""

    trained: Inputs
    before: Inputs


def analyse(results: Results, scale: Scale) -> Pools[Found] | None:
    """Compare the inputs of each pool, trained and untrained."""

    def look(run: Trained) -> Found:
        tasks = streams(run.config)[0].tasks
        return Found(inputs(run.network(), tasks), inputs(pool.untrained(run), tasks))

    return pool.examine(results, scale, look)


def inputs(network: Source, tasks: tuple[str, ...]) -> Inputs:
    """Measure the input weights of a network."""
    families = tuple(modcog.task(name).family for name in tasks)
    return Inputs(
        rule_correlations(network),
        input_overlap(network),
        circulant_structure(network),
        tuple(tasks),
        families,
    )


def figure(found: Pools[Found]) -> Figure:
    """Draw the correlations of rules (c), with fixation (d), with stimuli (e), and of stimuli."""
    one = found.example.trained
    drawn = Figure(figsize=(14, 3.9), layout="constrained")
    axes = drawn.subplots(1, 4, width_ratios=(1.25, 0.45, 1.1, 1))
    # The families side by side, in the order in which they first occur.
    first = {family: i for i, family in enumerate(dict.fromkeys(one.families))}
    order = np.argsort([first[family] for family in one.families], kind="stable")
    names = [one.tasks[i] for i in order]
    pictures = (
        (one.rules[np.ix_(order, order)], "c  rule inputs", "", names),
        (one.overlap.fixation[order, None], "d  with fixation", "", names),
        (one.overlap.stimulus[order], "e  with stimuli", "ring 1, ring 2", names),
        (one.circulant.correlation, "   between stimuli", "ring 1, ring 2", None),
    )
    for ax, (values, title, label, rows) in zip(axes, pictures, strict=True):
        image = ax.imshow(
            values, aspect="auto", cmap=drawing.DIVERGING, vmin=-1, vmax=1, interpolation="nearest"
        )
        drawing.title(ax, title)
        drawing.labels(ax, label, "")
        if rows:
            ax.set_yticks(range(len(rows)), rows, fontsize=6)
        ax.set_xticks([])
    for place in np.flatnonzero(np.diff([first[one.families[i]] for i in order])) + 0.5:
        axes[0].axhline(place, color=drawing.INK, linewidth=0.6)
        axes[0].axvline(place, color=drawing.INK, linewidth=0.6)
    drawn.colorbar(image, ax=list(axes), label="cosine")
    return drawn


def checks(found: Pools[Found], arm: str) -> tuple[Check, ...]:
    """The claim for one start."""
    fixation = found.sample(lambda one: _size(one.trained.overlap.fixation), arm, SHARE)
    stimulus = found.sample(lambda one: _size(one.trained.overlap.stimulus), arm, SHARE)
    return (
        above(
            "tasks of a family correlate more than others",
            found.sample(lambda one: one.trained.block(), arm, (-2, 2)),
        ),
        below(f"mean size of cosines with fixation below {ORTHOGONAL:g}", fixation, ORTHOGONAL),
        below(f"mean size of cosines with stimuli below {ORTHOGONAL:g}", stimulus, ORTHOGONAL),
        above(
            f"circulant part of the stimulus correlations above {CIRCULANT:g}",
            found.sample(lambda one: one.trained.circulant.explained, arm, (-math.inf, 1)),
            CIRCULANT,
        ),
    )


def _size(cosines: NDArray[np.float64]) -> float:
    return float(np.abs(cosines).mean())


def outcome(found: Pools[Found]) -> Outcome:
    """Decide the four parts of the claim."""
    values = {
        "Cosine within families minus between": Inputs.block,
        "Size of cosines, rules with fixation": lambda one: _size(one.overlap.fixation),
        "Size of cosines, rules with stimuli": lambda one: _size(one.overlap.stimulus),
        "Circulant part of stimulus correlations": lambda one: one.circulant.explained,
    }
    measured = []
    for name, value in values.items():
        for when in ("trained", "before"):
            sample = found.sample(
                lambda one, v=value, w=when: v(getattr(one, w)),
                bounds=SHARE if name.startswith("Size") else ANY,
            )
            suffix = " before training" if when == "before" else ""
            measured.append(learning.row(name + suffix, sample, CLAIMS["fig3cde"]))
    chance = found.example.trained.overlap.chance
    return Outcome(
        checks(found, pool.MAIN),
        tuple(measured),
        found.method + f" Two random vectors of this length have a cosine of {chance:.3f} (s.d.).",
        tested=pool.other_start(checks(found, pool.OTHER)),
    )


EXPERIMENT = Experiment(question(__doc__), pool.arms, analyse, figure, outcome)
