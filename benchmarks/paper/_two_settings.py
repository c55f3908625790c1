"""Networks in two settings: the paper's, and each network in the one that is best for it.

What is compared are the networks of a map with lateral connections, on one ground or several: some
tasks, with sizes and settings to choose from. The settings of its own are found on seeds that are
not compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from matplotlib.figure import Figure

from benchmarks.paper import _drawing as drawing, _halving as halving, _learning as learning
from benchmarks.paper._arms import MEASURE, Arm, Results
from benchmarks.paper._cost import N_OUTPUTS, n_inputs
from benchmarks.paper._experiment import Experiment, Outcome
from benchmarks.paper._halving import Tuned
from benchmarks.paper._learning import Curves
from benchmarks.paper._map import Map, Net, lateral, local_net, search
from benchmarks.paper._ranks import Shift
from benchmarks.paper._scales import PAPER, Scale, Settings
from benchmarks.paper._statistics import Check, Sample, above, within
from benchmarks.paper.claims import CLAIMS
from benchmarks.paper.why import MARGIN, TIME, WORK
from sparse_rnn import TrainConfig
from sparse_rnn.report.findings import Measurement


@dataclass(frozen=True)
class Ground:
    """Where networks are compared.

    Attributes:
        name: What it is called.
        tasks: Settings of all its runs.
        axes: Its networks, the settings to choose from and the rounds of the searches; one size.
    """

    name: str
    tasks: Settings
    axes: Map

    @property
    def nets(self) -> list[Net]:
        """The networks, the dense one first."""
        return lateral(self.axes)

    @property
    def local(self) -> Net:
        """The local network that is judged: that of the middle radius."""
        (side,) = self.axes.sides
        return local_net(side, self.axes)

    def label(self, net: Net) -> str:
        """What a network is called here."""
        return f"{self.name}, {net.label}"

    def work(self, net: Net) -> int:
        """Multiply-adds of a time step of a sequence: each weight once."""
        config = TrainConfig(**self.tasks, **net.settings)
        return net.side**2 * (net.in_degree + n_inputs(config) + N_OUTPUTS)


@dataclass(frozen=True)
class Analysis:
    """What was learned.

    Attributes:
        grounds: Where the networks are compared.
        paper: Curves in the paper's setting, by label.
        own: Curves in each network's own setting, by label.
        n_updates: Gradient steps of the searches.
    """

    grounds: tuple[Ground, ...]
    paper: Curves
    own: Curves
    n_updates: int

    def ground(self, name: str) -> Ground:
        """One of the grounds."""
        return next(one for one in self.grounds if one.name == name)

    def lead(self, found: Curves, ground: Ground, net: Net) -> Shift:
        """By how much a network ends above the dense one."""
        whole = ground.nets[0]
        return Shift(*(learning.final(found, ground.label(one)) for one in (net, whole)))

    def lead_at_equal(self, cost: str, ground: Ground, net: Net) -> Shift:
        """The same with settings of one's own, at equal work or in equal time."""
        whole = ground.nets[0]
        one, other = (self.own.get(ground.label(every)) for every in (net, whole))
        if one is None or other is None:
            return Shift(Sample({}), Sample({}))
        work = ground.work(net) / ground.work(whole)
        shares = {WORK: work, TIME: one.seconds / other.seconds}
        return Shift(*learning.at_equal_cost(one, other, shares[cost]))


@dataclass(frozen=True)
class TwoSettings:
    """The comparison of networks in both settings, as an experiment.

    Attributes:
        name: Id of the claim.
        grounds: Where the networks are compared, by scale.
        tasks: What is trained where, for the method text.
    """

    name: str
    grounds: Callable[[Scale], tuple[Ground, ...]]
    tasks: Callable[[tuple[Ground, ...]], str]

    def paper_arms(self, scale: Scale) -> dict[str, Arm]:
        """The networks in the paper's setting, by label."""
        return {
            ground.label(net): Arm(
                f"{ground.label(net)}, paper's setting",
                {**ground.tasks, **net.settings, **PAPER},
                ground.axes.seeds,
            )
            for ground in self.grounds(scale)
            for net in ground.nets
        }

    def tuned(self, scale: Scale) -> dict[str, Tuned]:
        """The networks and the searches for the settings that are best for them, by label."""
        return {
            ground.label(net): Tuned(
                replace(search(net, scale, ground.axes, ground.tasks), label=ground.label(net)),
                ground.axes.seeds,
            )
            for ground in self.grounds(scale)
            for net in ground.nets
        }

    def arms(self, scale: Scale) -> tuple[Arm, ...]:
        """The networks in the paper's setting."""
        return tuple(self.paper_arms(scale).values())

    def own_arms(self, results: Results, scale: Scale) -> dict[str, Arm | None]:
        """The networks with settings of their own, by label; None before those are found."""
        return {name: one.arm(results, scale) for name, one in self.tuned(scale).items()}

    def next_arms(self, results: Results, scale: Scale) -> list[Arm]:
        """What can be trained now, that depends on what was found."""
        return [arm for one in self.tuned(scale).values() for arm in one.next_arms(results, scale)]

    def left(self, results: Results, scale: Scale) -> list[TrainConfig]:
        """All runs of `work` that are not finished, to plan with."""
        every = self.tuned(scale).values()
        planned = [arm for one in every for arm in one.planned(results, scale)]
        return halving.left(planned, results, scale)

    def work(self, results: Results, scale: Scale) -> None:
        """Search the settings of all networks, and train with the best."""
        halving.carry_out(self.next_arms, results, scale)

    def judged(self, results: Results, scale: Scale) -> tuple[Arm, ...]:
        """The networks in both settings."""
        own = (arm for arm in self.own_arms(results, scale).values() if arm)
        return (*self.arms(scale), *own)

    def analyse(self, results: Results, scale: Scale) -> Analysis | None:
        """Read the learning curves."""
        paper = learning.named(self.paper_arms(scale), results, scale)
        own = learning.named(self.own_arms(results, scale), results, scale)
        if not (paper or own):
            return None
        n_updates = sum(one.search.n_updates for one in self.tuned(scale).values())
        return Analysis(self.grounds(scale), paper, own, n_updates)

    def outcome(self, found: Analysis) -> Outcome:
        """Decide, on each ground: a lead in the paper's setting, none with own settings."""
        claim = CLAIMS[self.name]
        checks: list[Check] = []
        rows: list[Measurement] = []
        for ground in found.grounds:
            kind, lead = ground.local.kind, partial(found.lead, ground=ground, net=ground.local)
            margin = f"leads by less than {MARGIN:g} with settings of its own"
            checks += [
                above(f"{ground.name}: {kind} leads in the paper's setting", lead(found.paper)),
                within(f"{ground.name}: {kind} {margin}", lead(found.own), -math.inf, MARGIN),
            ]
            rows += [
                learning.row(f"lead, {name}", one, claim)
                for name, one in _leads(found, ground).items()
                if one.n
            ]
            rows += [
                learning.row(f"{ground.label(net)}, {setting}", sample, claim)
                for net in ground.nets
                for setting, curves in (("paper's setting", found.paper), ("own", found.own))
                if (sample := learning.final(curves, ground.label(net), MEASURE)).n
            ]
        rows += learning.step_rows(found.own)
        chosen = "; ".join(f"{label}: {learning.setting(one)}" for label, one in found.own.items())
        batch = found.grounds[-1].tasks
        method = (
            f"{self.tasks(found.grounds)} of {batch['batch_size']} x {batch['seq_len']}, Adam, "
            f"relu, measure: {MEASURE} (Yang et al. 2019), mean over tasks, on held-out trials. "
            f"Searches took {found.n_updates} updates, on seeds that are not compared. Own "
            f"settings: {chosen or 'not found yet'}. Compared by the ranks of seeds. At equal "
            "work, or in equal time, the network that costs more is read after as many "
            "multiply-adds, or seconds without evaluations, as the other one took in all."
        )
        curves = tuple(
            curve
            for ground in found.grounds
            for curve in learning.charts(
                {
                    name: one
                    for name, one in found.own.items()
                    if name.startswith(f"{ground.name},")
                },
                ground.name,
            )
        )
        return Outcome(tuple(checks), tuple(rows), method, curves)

    def experiment(self, question: str) -> Experiment:
        """As the machinery has it."""
        parts = (self.arms, self.analyse, figure, self.outcome, self.work, self.left, self.judged)
        return Experiment(question, *parts)


def _leads(found: Analysis, ground: Ground) -> Mapping[str, Shift]:
    """Leads over the dense network, in both settings and at equal cost, by what they are of."""
    sparse = ground.nets[1:]
    leads = {
        f"{ground.label(net)}, {name}": found.lead(curves, ground, net)
        for name, curves in (("paper's setting", found.paper), ("own settings", found.own))
        for net in sparse
    }
    at_equal_cost = {
        f"{ground.label(net)}, own settings, equal {cost}": found.lead_at_equal(cost, ground, net)
        for cost in (WORK, TIME)
        for net in sparse
    }
    return {**leads, **at_equal_cost}


def figure(found: Analysis) -> Figure:
    """Draw performance in both settings, a panel for each ground."""
    drawn, axes = drawing.panels(1, len(found.grounds), size=(3.8, 3.8))
    for ax, ground in zip(axes[0], found.grounds, strict=True):
        x = np.arange(len(ground.nets), dtype=float)
        for shift, curves, name in (
            (-0.12, found.paper, "in the paper's setting"),
            (0.12, found.own, "each in its own setting"),
        ):
            samples = [learning.final(curves, ground.label(net)) for net in ground.nets]
            style = {"color": drawing.PALETTE[shift > 0], "linestyle": "none"}
            drawing.points(ax, (x + shift).tolist(), samples, label=name, **style)
        ax.set_xticks(x, [net.kind for net in ground.nets], rotation=30, ha="right")
        ax.set_ylim(0, 1)
        drawing.title(ax, ground.name)
        drawing.labels(ax, "", "performance at the end")
    drawing.legend(axes[0, -1], loc="best")
    return drawn
