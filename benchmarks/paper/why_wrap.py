"""Does the label wrap of the released tasks help dense networks because they then burst less?

On labels that wrap to "fixate" the dense network of `released_faults` came closer to the local one.
Here the wrap meets the quantity that `why` is about: the dense network has one rate for all
weights, or a recurrent rate that is smaller by as much as its in-degree is larger than the local
one's. If the wrap helps by fewer bursts, it has nothing left to help with in the second case.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

import sparse_rnn as srnn
from benchmarks.paper import _drawing as drawing, _faults as faults, _learning as learning, why
from benchmarks.paper._arms import Arm, Results, at_end, dense, locality, neighbours
from benchmarks.paper._experiment import Experiment, Outcome, question
from benchmarks.paper._faults import FAULTS, Job
from benchmarks.paper._ranks import Shift
from benchmarks.paper._scales import PAPER, Scale
from benchmarks.paper._statistics import Sample, above, within
from benchmarks.paper.claims import CLAIMS

SIZES = {
    "smoke": (4, 1, (0,)),
    "laptop": (15, 4, (0, 1, 2, 3, 4)),
    "paper": (20, 4, tuple(range(15))),
}
"""Side of the sheet, radius of the local mask and seeds, by scale: networks of `why`."""

WRAP = FAULTS[0]
LOCAL, DENSE, MATCHED = "local", "dense", "dense, recurrent rate by in-degree"
RIGHT, WRAPPED = "right labels", "labels wrapped"


def arms(scale: Scale) -> tuple[Arm, ...]:
    """The networks, in the paper's setting but for the recurrent rate of one."""
    side, radius, seeds = SIZES[scale.name]
    whole = {**scale.modcog, **dense(side * side), **PAPER}
    factor = float(f"{neighbours(side, radius) / side**2:.2g}")
    return (
        Arm(LOCAL, {**scale.modcog, **locality(side, radius), **PAPER}, seeds),
        Arm(DENSE, whole, seeds),
        Arm(MATCHED, {**whole, "rates": {"recurrent": factor}}, seeds),
    )


def jobs(results: Results, scale: Scale) -> list[Job]:
    """The runs on wrapped labels that are not finished."""
    return faults.jobs(arms(scale), (WRAP,), results, scale)


def left(results: Results, scale: Scale) -> list[srnn.TrainConfig]:
    """Their settings, to plan with."""
    return [config for config, _, _ in jobs(results, scale)]


def work(results: Results, scale: Scale) -> None:
    """Train all networks on wrapped labels."""
    faults.train_all(jobs(results, scale))


@dataclass(frozen=True)
class Analysis:
    """What was learned.

    Attributes:
        performance: Performance against right labels at the end, by network and labels.
        bursts: Steps with a gradient norm above `learning.BURST`, of the same.
        method: Sizes of the trainings.
    """

    performance: Mapping[tuple[str, str], Sample]
    bursts: Mapping[tuple[str, str], Sample]
    method: str

    def gain(self, name: str) -> Shift:
        """By how much a network ends higher with wrapped labels."""
        return _shift(self.performance, (name, WRAPPED), (name, RIGHT))

    def calmer(self, name: str) -> Shift:
        """How many bursts fewer it has with wrapped labels."""
        return _shift(self.bursts, (name, RIGHT), (name, WRAPPED))


def _shift(
    table: Mapping[tuple[str, str], Sample], ours: tuple[str, str], other: tuple[str, str]
) -> Shift:
    return Shift(table.get(ours, Sample({})), table.get(other, Sample({})))


def analyse(results: Results, scale: Scale) -> Analysis | None:
    """Read performance and bursts of each network with each kind of labels."""
    performance: dict[tuple[str, str], Sample] = {}
    bursts: dict[tuple[str, str], Sample] = {}
    for arm in arms(scale):
        wrapped = [
            run
            for config in arm.configs(scale)
            for run in faults.finished(config, results.folder, WRAP)
        ]
        for labels, runs, lost in (
            (RIGHT, results.arm(arm, scale), results.diverged(arm, scale)),
            (WRAPPED, wrapped, faults.diverged(arm, results, scale, WRAP)),
        ):
            if runs:
                performance[arm.label, labels] = at_end(runs, diverged=lost)
                worst = float(arm.settings["steps"])
                bursts[arm.label, labels] = learning.bursts(runs).counting(lost, worst=worst)
    if not performance:
        return None
    side, radius, _ = SIZES[scale.name]
    settings = scale.modcog
    method = (
        f"{settings['suite']}, {settings['steps']} steps of {settings['batch_size']} x "
        f"{settings['seq_len']}, Adam at {PAPER['lr']:g}, start {PAPER['init']}; local: "
        f"{side}x{side}, d={radius}; dense: N={side**2}. Performance is against right labels, on "
        f"trials of the condition. A burst is a gradient norm above {learning.BURST:g}. Compared "
        "by the ranks of seeds."
    )
    return Analysis(performance, bursts, method)


def figure(analysis: Analysis) -> Figure:
    """Draw performance and bursts with both kinds of labels."""
    drawn, axes = drawing.panels(1, 2, size=(4.0, 3.8))
    names = (LOCAL, DENSE, MATCHED)
    for ax, table, name in (
        (axes[0, 0], analysis.performance, "performance, right labels"),
        (axes[0, 1], analysis.bursts, "bursts"),
    ):
        for i, labels in enumerate((RIGHT, WRAPPED)):
            samples = [table.get((one, labels), Sample({})) for one in names]
            places = (np.arange(len(names)) + 0.12 * (2 * i - 1)).tolist()
            style = {"color": drawing.PALETTE[i], "linestyle": "none"}
            drawing.points(ax, places, samples, label=labels, **style)
        ax.set_xticks(range(len(names)), names, rotation=30, ha="right")
        drawing.labels(ax, "", name)
    axes[0, 0].set_ylim(0, 1)
    axes[0, 1].set_yscale("symlog")
    drawing.legend(axes[0, 0], loc="best")
    return drawn


def outcome(analysis: Analysis) -> Outcome:
    """Decide: the wrap helps and calms at one rate for all, and does nothing at a matched one."""
    claim = CLAIMS["why_wrap"]
    checks = (
        above(f"{DENSE}: better with wrapped labels", analysis.gain(DENSE)),
        above(f"{DENSE}: fewer bursts with wrapped labels", analysis.calmer(DENSE)),
        within(
            f"{MATCHED}: wrapped labels change it by less than {why.MARGIN:g}",
            analysis.gain(MATCHED),
            -why.MARGIN,
            why.MARGIN,
        ),
    )
    rows = [
        learning.row(f"gain by the wrap, {name}", gain, claim)
        for name in (LOCAL, DENSE, MATCHED)
        if (gain := analysis.gain(name)).n
    ]
    for what, table in (("", analysis.performance), (", bursts", analysis.bursts)):
        rows += [
            learning.row(f"{name}, {labels}{what}", sample, claim)
            for (name, labels), sample in table.items()
        ]
    return Outcome(checks, tuple(rows), analysis.method)


EXPERIMENT = Experiment(question(__doc__), arms, analyse, figure, outcome, work, left)
