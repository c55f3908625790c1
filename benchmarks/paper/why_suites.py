"""Is the lead of local masks a matter of start and rates on other tasks than Mod-Cog, too?

The comparison of `why`, on the 20 base tasks and on the compositions of both modifiers alone, at
one size: each network in the paper's setting, one start and one rate for all, and with the start
and the rates that are best for it there, found on seeds that are not compared.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np
from matplotlib.figure import Figure

import modcog
from benchmarks.paper import _drawing as drawing, _halving as halving, _learning as learning
from benchmarks.paper._arms import MEASURE, Arm, Results
from benchmarks.paper._experiment import Experiment, Outcome, question
from benchmarks.paper._halving import Rung, Tuned
from benchmarks.paper._learning import Curves
from benchmarks.paper._map import LOCAL, MAPS, Map, Net, lateral, search
from benchmarks.paper._ranks import Shift
from benchmarks.paper._scales import PAPER, Scale, Settings
from benchmarks.paper._statistics import Check, above, within
from benchmarks.paper.claims import CLAIMS
from benchmarks.paper.why import MARGIN
from sparse_rnn import TrainConfig
from sparse_rnn.report.findings import Measurement

BASE, COMPOSED = "cog-20", "Int x Seq"
"""The suites: the base tasks, and the compositions among the tasks of `mod-cog-126`."""

AXES: Mapping[str, Map] = {
    "smoke": Map((4,), (1,), 1, ("identity",), (1e-2,), (0.1,), (Rung(5, (100,), 1),), (0,)),
    "laptop": Map(
        (15,),
        (4,),
        4,
        ("fan_in", "identity"),
        (1e-3, 2e-3),
        (1.0, 0.3, 0.1),
        (Rung(250, (100,), 3), Rung(500, (100, 101), 1)),
        (0, 1, 2, 3, 4),
    ),
    "paper": replace(MAPS["paper"], sides=(20,), radii=(2, 4, 6)),
}
"""The networks, the settings to choose from and the rounds of the searches, by scale."""


@cache
def composed() -> tuple[str, ...]:
    """The tasks with both modifiers."""
    return modcog.suite("mod-cog-126", features="Int & Seq")


def suites(scale: Scale) -> dict[str, Settings]:
    """Settings of all runs on each suite. The base tasks, which are learned sooner, have half."""
    return {
        BASE: {**scale.cog20, "steps": max(1, scale.cog20["steps"] // 2)},
        COMPOSED: {**scale.modcog, "suite": composed()},
    }


def label(suite: str, net: Net) -> str:
    """What a network is called on a suite."""
    return f"{suite}, {net.label}"


def compared(scale: Scale) -> list[tuple[str, Net]]:
    """All networks on both suites, the dense one first on each."""
    every = lateral(AXES[scale.name])
    return [(suite, net) for suite in suites(scale) for net in every]


def paper_arms(scale: Scale) -> dict[str, Arm]:
    """The networks in the paper's setting, by label."""
    axes = AXES[scale.name]
    return {
        label(suite, net): Arm(
            f"{label(suite, net)}, paper's setting",
            {**suites(scale)[suite], **net.settings, **PAPER},
            axes.seeds,
        )
        for suite, net in compared(scale)
    }


def tuned(scale: Scale) -> dict[str, Tuned]:
    """The networks and the searches for the settings that are best for them, by label."""
    axes = AXES[scale.name]
    made: dict[str, Tuned] = {}
    for suite, net in compared(scale):
        found = search(net, scale, axes, suites(scale)[suite])
        made[label(suite, net)] = Tuned(replace(found, label=label(suite, net)), axes.seeds)
    return made


def arms(scale: Scale) -> tuple[Arm, ...]:
    """The networks in the paper's setting."""
    return tuple(paper_arms(scale).values())


def own_arms(results: Results, scale: Scale) -> dict[str, Arm | None]:
    """The networks with settings of their own, by label; None before those are found."""
    return {name: one.arm(results, scale) for name, one in tuned(scale).items()}


def next_arms(results: Results, scale: Scale) -> list[Arm]:
    """What can be trained now, that depends on what was found."""
    return [arm for one in tuned(scale).values() for arm in one.next_arms(results, scale)]


def left(results: Results, scale: Scale) -> list[TrainConfig]:
    """All runs of `work` that are not finished, to plan with."""
    planned = [arm for one in tuned(scale).values() for arm in one.planned(results, scale)]
    return halving.left(planned, results, scale)


work = partial(halving.carry_out, next_arms)
"""Search the settings of all networks, and train with the best."""


def judged(results: Results, scale: Scale) -> tuple[Arm, ...]:
    """The networks in both settings."""
    own = (arm for arm in own_arms(results, scale).values() if arm)
    return (*arms(scale), *own)


@dataclass(frozen=True)
class Analysis:
    """What was learned.

    Attributes:
        compared: The networks by suite, the dense one first on each.
        paper: Curves in the paper's setting, by label.
        own: Curves in each network's own setting, by label.
        settings: Settings of all runs, by suite.
        n_updates: Gradient steps of the searches.
    """

    compared: tuple[tuple[str, Net], ...]
    paper: Curves
    own: Curves
    settings: Mapping[str, Settings]
    n_updates: int

    @property
    def suites(self) -> tuple[str, ...]:
        """The suites, in order."""
        return tuple(dict.fromkeys(suite for suite, _ in self.compared))

    def of(self, suite: str) -> list[Net]:
        """The networks of a suite, the dense one first."""
        return [net for one, net in self.compared if one == suite]

    def lead(self, found: Curves, suite: str, net: Net) -> Shift:
        """By how much a network ends above the dense one."""
        whole = self.of(suite)[0]
        return Shift(*(learning.final(found, label(suite, one)) for one in (net, whole)))


def analyse(results: Results, scale: Scale) -> Analysis | None:
    """Read the learning curves."""
    paper = learning.named(paper_arms(scale), results, scale)
    own = learning.named(own_arms(results, scale), results, scale)
    if not (paper or own):
        return None
    n_updates = sum(one.search.n_updates for one in tuned(scale).values())
    return Analysis(tuple(compared(scale)), paper, own, suites(scale), n_updates)


def figure(analysis: Analysis) -> Figure:
    """Draw performance in both settings, a panel for each suite."""
    drawn, axes = drawing.panels(1, len(analysis.suites), size=(3.8, 3.8))
    for ax, suite in zip(axes[0], analysis.suites, strict=True):
        every = analysis.of(suite)
        x = np.arange(len(every), dtype=float)
        for shift, found, name in (
            (-0.12, analysis.paper, "in the paper's setting"),
            (0.12, analysis.own, "each in its own setting"),
        ):
            samples = [learning.final(found, label(suite, net)) for net in every]
            style = {"color": drawing.PALETTE[shift > 0], "linestyle": "none"}
            drawing.points(ax, (x + shift).tolist(), samples, label=name, **style)
        ax.set_xticks(x, [net.kind for net in every], rotation=30, ha="right")
        ax.set_ylim(0, 1)
        drawing.title(ax, suite)
        drawing.labels(ax, "", "performance at the end")
    drawing.legend(axes[0, -1], loc="best")
    return drawn


def outcome(analysis: Analysis) -> Outcome:
    """Decide, on each suite: a lead in the paper's setting, none with settings of one's own."""
    claim = CLAIMS["why_suites"]
    checks: list[Check] = []
    rows: list[Measurement] = []
    for suite in analysis.suites:
        local = _local(analysis.of(suite))
        lead = partial(analysis.lead, suite=suite, net=local)
        margin = f"leads by less than {MARGIN:g} with settings of its own"
        checks += [
            above(f"{suite}: {local.kind} leads in the paper's setting", lead(analysis.paper)),
            within(f"{suite}: {local.kind} {margin}", lead(analysis.own), -math.inf, MARGIN),
        ]
        for name, found in (("paper's setting", analysis.paper), ("own settings", analysis.own)):
            rows += [
                learning.row(f"lead, {label(suite, net)}, {name}", one, claim)
                for net in analysis.of(suite)[1:]
                if (one := analysis.lead(found, suite, net)).n
            ]
        rows += [
            learning.row(f"{name}, {one}", sample, claim)
            for net in analysis.of(suite)
            for name in (label(suite, net),)
            for one, found in (("paper's setting", analysis.paper), ("own", analysis.own))
            if (sample := learning.final(found, name, MEASURE)).n
        ]
    chosen = "; ".join(f"{label}: {learning.setting(one)}" for label, one in analysis.own.items())
    steps = {suite: settings["steps"] for suite, settings in analysis.settings.items()}
    batch = analysis.settings[COMPOSED]
    method = (
        f"{BASE}, {steps[BASE]} steps; the {len(composed())} tasks of mod-cog-126 with Int and "
        f"Seq, {steps[COMPOSED]} steps; of {batch['batch_size']} x {batch['seq_len']}, Adam, "
        f"relu, measure: {MEASURE} (Yang et al. 2019), mean over tasks, on held-out trials. "
        f"Searches took {analysis.n_updates} updates, on seeds that are not compared. Own "
        f"settings: {chosen or 'not found yet'}. Compared by the ranks of seeds."
    )
    curves = tuple(
        curve
        for suite in analysis.suites
        for curve in learning.charts(
            {name: one for name, one in analysis.own.items() if name.startswith(f"{suite},")}, suite
        )
    )
    return Outcome(tuple(checks), tuple(rows), method, curves)


def _local(every: list[Net]) -> Net:
    """The local network of the middle radius."""
    local = [net for net in every if net.kind.startswith(LOCAL)]
    return local[len(local) // 2]


EXPERIMENT = Experiment(question(__doc__), arms, analyse, figure, outcome, work, left, judged)
