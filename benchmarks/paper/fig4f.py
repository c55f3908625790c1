"""Can a pool of autapses solve the 84 tasks of Mod-Cog if it is only large enough?"""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.figure import Figure

from benchmarks.paper import _drawing as drawing, _learning as learning
from benchmarks.paper._arms import MEASURE, Arm, Results, autapses
from benchmarks.paper._experiment import Experiment, Outcome, question
from benchmarks.paper._learning import Curves
from benchmarks.paper._scales import Scale
from benchmarks.paper._statistics import SHARE, Sample, below
from benchmarks.paper.claims import CLAIMS

SIZES = {
    "smoke": (16, 36),
    "laptop": (100, 400, 900, 2500),
    "paper": (100, 225, 400, 625, 900, 1600, 2500),
}
"""Sizes of the pools, by scale."""

MINUTE_UNITS = 1000
"""Units up to which a pool takes about a minute, 13 to 76 s for 100 to 900 units and 2000 steps, so
that it has the seeds of its scale for such networks."""

LONGER = {"smoke": 2, "laptop": 3, "paper": 3}
"""How many times as long the largest pool is trained once more, by scale: a bound that no pool
passes is about all of learning, and curves still rise when the others end."""

BOUND = CLAIMS["fig4f"].values["Bound"]
"""What the paper says that no pool passes; it is compared with, and enters no measurement."""


@dataclass(frozen=True)
class Analysis:
    """What was learned.

    Attributes:
        found: Learning curves by label.
        sizes: Size of the pool by label.
        longest: Label of the pool that was trained for longer; "" where it did not run.
        tasks: Its performance at the end, or else that of the largest pool, by kind of task.
    """

    found: Curves
    sizes: dict[str, int]
    longest: str
    tasks: dict[str, Sample]


def label(size: int) -> str:
    """What a pool is called."""
    return f"{size} autapses"


def pool_arm(scale: Scale, size: int) -> Arm:
    """A pool; small ones have the seeds of networks that take a minute."""
    seeds = scale.minute_seeds if size <= MINUTE_UNITS else None
    return Arm(label(size), {**scale.modcog, **autapses(size)}, seeds)


def long_arm(scale: Scale) -> Arm:
    """The largest pool, trained for longer."""
    size, steps = SIZES[scale.name][-1], LONGER[scale.name] * scale.modcog["steps"]
    return Arm(f"{label(size)}, {steps} steps", {**scale.modcog, **autapses(size), "steps": steps})


def arms(scale: Scale) -> tuple[Arm, ...]:
    """A pool of each size, and the largest one for longer."""
    return (*(pool_arm(scale, size) for size in SIZES[scale.name]), long_arm(scale))


def analyse(results: Results, scale: Scale) -> Analysis | None:
    """Read the learning curves, and the performance of each kind of task."""
    found = learning.learned(arms(scale), results, scale)
    if not found:
        return None
    largest = list(found.values())[-1]
    kinds: dict[str, dict[int, list[float]]] = {}
    for run in largest.runs:
        for scored in run.scores().rows():
            for_seed = kinds.setdefault(kind(scored["task"]), {}).setdefault(run.config.seed, [])
            for_seed.append(scored[MEASURE])
    tasks = {
        name: Sample(
            {seed: sum(values) / len(values) for seed, values in by_seed.items()}, bounds=SHARE
        ).counting(largest.diverged, worst=SHARE[0])
        for name, by_seed in kinds.items()
    }
    sizes = {label(size): size for size in SIZES[scale.name] if label(size) in found}
    longest = long_arm(scale).label
    return Analysis(found, sizes, longest if longest in found else "", tasks)


def kind(task: str) -> str:
    """Which modifiers a task has.

    Example:
        >>> kind("DlyGo_IntL_SeqR"), kind("Go")
        ('Int and Seq', 'base')
    """
    names = [name for name in ("Int", "Seq") if f"_{name}" in task]
    return " and ".join(names) or "base"


def figure(analysis: Analysis) -> Figure:
    """Draw the learning curves, and the performance at the end over the size."""
    drawn, axes = drawing.panels(1, 3, size=(3.6, 3.2))
    names = [name for name in analysis.found if name != analysis.longest]
    styles = dict(zip(names, drawing.graded(names), strict=True))
    if analysis.longest:
        styles[analysis.longest] = {**drawing.line_style(1), "linestyle": ":"}
    drawing.learning(axes[0, 0], analysis.found, styles)
    drawing.legend(axes[0, 0], loc="best")
    drawing.title(axes[0, 0], "autapse pools on Mod-Cog")
    ends = [learning.final(analysis.found, name) for name in names]
    sizes = [analysis.sizes[name] for name in names]
    drawing.points(axes[0, 1], sizes, ends, color=drawing.PALETTE[0])
    drawing.labels(axes[0, 1], "autapses", "performance at the end")
    drawing.bars(axes[0, 2], analysis.tasks)
    drawing.labels(axes[0, 2], "", "performance at the end")
    drawing.title(axes[0, 2], f"{list(analysis.found)[-1]}, by kind of task")
    for ax in axes[0]:
        ax.set_ylim(0, 1)
        drawing.level(ax, BOUND, "the paper's bound")
    return drawn


def outcome(analysis: Analysis) -> Outcome:
    """Decide: each pool stays below the bound."""
    checks = [
        below(f"{name} below {BOUND:g} at the end", one.final[MEASURE], BOUND)
        for name, one in analysis.found.items()
    ]
    kinds = [
        learning.row(f"{list(analysis.found)[-1]}, {name} tasks", sample, CLAIMS["fig4f"])
        for name, sample in analysis.tasks.items()
    ]
    steps = max(one.n_steps for one in analysis.found.values())
    return Outcome(
        tuple(checks),
        (*learning.rows(analysis.found, CLAIMS["fig4f"]), *kinds),
        learning.told(analysis.found),
        learning.charts(analysis.found),
        f"The claim is about what pools can learn; what was tested is {steps} steps "
        "of the largest pool.",
    )


EXPERIMENT = Experiment(question(__doc__), arms, analyse, figure, outcome)
