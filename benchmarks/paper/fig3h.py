"""Does adding the input vectors of a trial, without dynamics, give the right output?

The vectors of rule, stimulus and bias are added once each, and read out. The paper does not say
with which factors it added them, so larger factors of the stimulus are tested too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from benchmarks.paper import _drawing as drawing, _learning as learning, _pool as pool
from benchmarks.paper._arms import Results, Trained
from benchmarks.paper._experiment import Experiment, Outcome, question
from benchmarks.paper._pool import Pools
from benchmarks.paper._scales import Scale
from benchmarks.paper._statistics import SHARE, Check, Sample, above
from benchmarks.paper.claims import CLAIMS
from sparse_rnn.analysis import Copies, VectorAddition, vector_addition

TASKS = ("Go", "Anti")
FACTORS = (1, 2, 5, 10)
"""How often the vector of the stimulus is added; the first decides."""

RIGHT = 0.9
"""Part of the directions that must be answered rightly."""


@dataclass(frozen=True, eq=False)
class Found:
    """The sums of one pool, by task and by factor of the stimulus."""

    sums: dict[tuple[str, int], VectorAddition]

    def accuracy(self, task: str, factor: int) -> float:
        """Part of the directions that are answered rightly."""
        return self.sums[task, factor].accuracy


def analyse(results: Results, scale: Scale) -> Pools[Found] | None:
    """Add the vectors of each pool."""

    def look(run: Trained) -> Found:
        return Found(
            {
                (task, factor): vector_addition(
                    run.folder, task, copies=Copies(stimulus=float(factor))
                )
                for task in TASKS
                for factor in FACTORS
            }
        )

    return pool.examine(results, scale, look)


def figure(found: Pools[Found]) -> Figure:
    """Draw the output for each direction on ring 1, in Go (left) and in Anti (right)."""
    drawn, axes = drawing.panels(1, 2, size=(4.2, 3.6))
    for ax, task in zip(axes[0], TASKS, strict=True):
        one = found.example.sums[task, FACTORS[0]]
        rows = one.ring == 0
        logits = one.responding[rows][np.argsort(one.location[rows])]
        likely = np.exp(logits - logits.max(axis=1, keepdims=True))
        likely /= likely.sum(axis=1, keepdims=True)
        image = ax.imshow(
            likely.T,
            origin="lower",
            aspect="auto",
            cmap=drawing.SEQUENTIAL,
            vmin=0,
            vmax=1,
            interpolation="nearest",
        )
        target = one.target[rows][np.argsort(one.location[rows])]
        ax.plot(
            range(len(target)),
            target,
            "s",
            markersize=9,
            markerfacecolor="none",
            markeredgecolor=drawing.PALETTE[1],
            label="target",
        )
        drawing.title(ax, f"{task}, first seed")
        drawing.labels(ax, "direction shown on ring 1", "output (0: fixate)")
    drawing.legend(axes[0, 0], labelcolor=drawing.PAPER, loc="upper left")
    drawn.colorbar(image, ax=list(axes[0]), label="probability")
    return drawn


def checks(found: Pools[Found], arm: str) -> tuple[Check, ...]:
    """The claim for one start."""
    return tuple(
        above(
            f"{task}: right output for more than {RIGHT:.0%} of the directions",
            _accuracy(found, task, FACTORS[0], arm),
            RIGHT,
        )
        for task in TASKS
    )


def _accuracy(found: Pools[Found], task: str, factor: int, arm: str = pool.MAIN) -> Sample:
    return found.sample(lambda one: one.accuracy(task, factor), arm, SHARE)


def outcome(found: Pools[Found]) -> Outcome:
    """Decide for both tasks."""
    measured = [
        learning.row(
            f"{task}, stimulus x {factor}",
            _accuracy(found, task, factor),
            CLAIMS["fig3h"],
            "mean distance from the target "
            f"{found.sample(lambda o, t=task, f=factor: o.sums[t, f].distance).mean:.2f} rad",
        )
        for task in TASKS
        for factor in FACTORS
    ]
    told = []
    for task in TASKS:
        best = max(FACTORS, key=lambda factor, task=task: _accuracy(found, task, factor).mean)
        told.append(f"{task} {_accuracy(found, task, best)} with the stimulus added {best} times")
    return Outcome(
        checks(found, pool.MAIN),
        tuple(measured),
        found.method + " Every direction on each ring once; rule, stimulus and bias added, "
        "fixation off.",
        tested=f"Best of the factors {', '.join(map(str, FACTORS))} by the same seeds, "
        f"which is too favourable: {'; '.join(told)}. "
        + pool.other_start(checks(found, pool.OTHER)),
    )


EXPERIMENT = Experiment(question(__doc__), pool.arms, analyse, figure, outcome)
