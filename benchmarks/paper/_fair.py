"""Claims of the paper, judged by networks with the start and the rates that are best for each.

No run is made for them alone. They take what `why` or `why_suites` trained: each network at its own
best setting, which a search found on seeds that are not compared, and for pictures the same
networks in the paper's setting. What the claim says about networks that those do not have is
`untested`. Networks are compared by the ranks of their seeds (`benchmarks.paper._ranks`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from benchmarks.paper import _drawing as drawing, _learning as learning, why
from benchmarks.paper._arms import MEASURE, Arm, Results
from benchmarks.paper._experiment import Experiment, Outcome, no_arms
from benchmarks.paper._learning import Curves
from benchmarks.paper._map import MAPS, Net, nets, search
from benchmarks.paper._ranks import Shift
from benchmarks.paper._scales import Scale
from benchmarks.paper._statistics import Check, Sample, above
from benchmarks.paper.claims import CLAIMS, Claim
from sparse_rnn import TrainConfig
from sparse_rnn.report.findings import Measurement

Looks = tuple[Net, ...]
"""The networks that a claim is about."""


@dataclass(frozen=True)
class Fair:
    """Networks in two settings.

    Attributes:
        nets: The networks.
        own: How they learned with their own start and rates, by label.
        paper: How they learned in the paper's setting, by label.
        n_updates: Gradient steps of the searches.
        scale: The scale.
        source: Id of the finding whose networks they are.
    """

    nets: Looks
    own: Curves
    paper: Curves
    n_updates: int
    scale: Scale
    source: str = "why"

    @property
    def sides(self) -> tuple[int, ...]:
        """Sides of the sheets, ascending."""
        return tuple(sorted({net.side for net in self.nets}))

    def of(self, side: int, kind: str) -> Net:
        """The network of a size whose kind begins so."""
        return next(net for net in self.nets if net.side == side and net.kind.startswith(kind))

    def final(self, net: Net) -> Sample:
        """Performance at the end in its own setting; empty where it did not run."""
        return learning.final(self.own, net.label)

    def area(self, net: Net) -> Sample:
        """Mean performance over the whole course; empty where it did not run."""
        return learning.area(self.own, net.label)

    def lead(self, net: Net, other: Net) -> Shift:
        """By how much a network ends above another one."""
        return Shift(self.final(net), self.final(other))

    def leads(self, net: Net, other: Net, *, best_of: int = 1) -> Check:
        """That a network ends above another one."""
        return above(f"{net.label} ahead of {other.label}", self.lead(net, other), best_of=best_of)


def judged_by(found: Fair) -> str:
    """Sizes, searches and chosen settings, for a method text."""
    chosen = "; ".join(f"{label}: {learning.setting(one)}" for label, one in found.own.items())
    return (
        f"{learning.told(found.own, 'Adam')} The networks are those of `{found.source}`, "
        f"each with the start and the rates that are best for it ({found.n_updates} updates of "
        f"searches, on seeds that are not compared): {chosen}. Compared by the ranks of seeds."
    )


@dataclass(frozen=True)
class Source:
    """An experiment that found the settings that are best for each of its networks.

    Attributes:
        read: Reads its networks; None where none of them ran with settings of its own.
        judges: Its networks with settings of their own, as far as those are found.
        work: Carries out its runs.
        left: The runs that are left, to plan with.
    """

    read: Callable[[Results, Scale], Fair | None]
    judges: Callable[[Results, Scale], tuple[Arm, ...]]
    work: Callable[[Results, Scale], None]
    left: Callable[[Results, Scale], Sequence[TrainConfig]]


def _read_map(results: Results, scale: Scale) -> Fair | None:
    every = tuple(nets(MAPS[scale.name]))
    arms = {net.label: why.own_arm(net, results, scale) for net in every}
    own = learning.named(arms, results, scale)
    if not own:
        return None
    paper = learning.named({net.label: why.paper_arm(net, scale) for net in every}, results, scale)
    n_updates = sum(search(net, scale).n_updates for net in every)
    return Fair(every, own, paper, n_updates, scale)


def _judges_map(results: Results, scale: Scale) -> tuple[Arm, ...]:
    found = (why.own_arm(net, results, scale) for net in nets(MAPS[scale.name]))
    return tuple(arm for arm in found if arm is not None)


MAP = Source(_read_map, _judges_map, why.work, why.left)
"""The map of `why`, on Mod-Cog."""


def figure(found: Fair) -> Figure:
    """Draw performance at the end in both settings."""
    drawn, axes = drawing.panels(size=(0.55 * len(found.nets) + 2.2, 3.8))
    ax = axes[0, 0]
    labels = [net.label for net in found.nets]
    for shift, curves, name in (
        (-0.12, found.paper, "in the paper's setting"),
        (0.12, found.own, "each in its own setting"),
    ):
        there = [i for i, label in enumerate(labels) if label in curves]
        samples = [curves[labels[i]].final[MEASURE] for i in there]
        places = [i + shift for i in there]
        style = {"color": drawing.PALETTE[shift > 0], "linestyle": "none"}
        drawing.points(ax, places, samples, label=name, **style)
    ax.set_xticks(np.arange(len(labels)), labels, rotation=45, ha="right")
    ax.set_ylim(0, 1)
    drawing.labels(ax, "", "performance at the end")
    drawing.legend(ax, loc="best")
    return drawn


def measured(leads: Mapping[str, Shift], found: Fair, claim: Claim) -> tuple[Measurement, ...]:
    """The leads by name, then the performance of each network."""
    rows = [learning.row(f"lead, {name}", lead, claim) for name, lead in leads.items() if lead.n]
    return (*rows, *learning.rows(found.own, claim))


def outcome_of(
    name: str, found: Fair, checks: list[Check], leads: Mapping[str, Shift], *untested: str
) -> Outcome:
    """What the twin of a claim has to say."""
    claim = CLAIMS[name]
    curves = learning.charts(found.own)
    return Outcome(
        tuple(checks), measured(leads, found, claim), judged_by(found), curves, untested=untested
    )


def experiment(
    question: str, outcome: Callable[[Fair], Outcome], source: Source = MAP
) -> Experiment:
    """The twin of an experiment, out of the runs of another one."""
    parts = (source.read, figure, outcome, source.work, source.left, source.judges)
    return Experiment(question, no_arms, *parts)
