"""Does the lead of local masks come from recurrent steps that grow with the in-degree?

Adam moves each weight by about the learning rate, so that one rate for all weights moves what a
unit of a dense network receives farther than under a local mask, by the ratio of the in-degrees.
Each network is trained in the paper's setting, one start and one rate for all, and then with the
start and the rates that are best for it: successive halving over one grid, the same for all, on
seeds that the comparison does not use. A dense network in the paper's setting whose recurrent rate
makes its first steps as large, in spectral norm, as those of the local one tests the mechanism.

Networks are compared at equal updates, at equal work, and in equal time: the one that costs more is
read at the update by which it has done as many multiply-adds as the other one in all of its
training, or has taken as many seconds, evaluations aside.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from scipy import stats
from scipy.sparse.linalg import svds

from benchmarks.paper import _drawing as drawing, _halving as halving, _learning as learning
from benchmarks.paper._arms import MEASURE, Arm, Results, Trained
from benchmarks.paper._experiment import Experiment, Outcome, question
from benchmarks.paper._learning import Learned
from benchmarks.paper._map import DENSE, MAPS, Map, Net, local_net, nets, search
from benchmarks.paper._pool import untrained
from benchmarks.paper._scales import PAPER, Scale
from benchmarks.paper._statistics import Check, Sample, above, within
from benchmarks.paper.claims import CLAIMS
from sparse_rnn import TrainConfig
from sparse_rnn.report.findings import Measurement

FIRST_STEPS = 10
"""Updates whose size in spectral norm is measured."""

MARGIN = 0.05
"""A difference in performance that is too small to matter."""

WORK, TIME = "work", "time"
"""What is equal where networks are not compared at equal updates."""


def paper_arm(net: Net, scale: Scale) -> Arm:
    """A network in the paper's setting."""
    settings = {**scale.modcog, **net.settings, **PAPER}
    return Arm(f"{net.label}, paper's setting", settings, MAPS[scale.name].seeds)


def first_arm(arm: Arm) -> Arm:
    """The same network after its first updates, for the first of its seeds."""
    brief = {"steps": FIRST_STEPS, "eval_every": FIRST_STEPS, "eval_batches": 1, "final_batches": 1}
    return Arm(
        f"{arm.label}, first updates",
        {**arm.settings, **brief},
        arm.seeds[:1] if arm.seeds else None,
    )


def own_arm(net: Net, results: Results, scale: Scale) -> Arm | None:
    """A network with the start and the rates that are best for it; None before they are found."""
    chosen = search(net, scale).chosen(results, scale)
    if chosen is None:
        return None
    return Arm(f"{net.label}, own setting", chosen, MAPS[scale.name].seeds)


def arms(scale: Scale) -> tuple[Arm, ...]:
    """The networks that are known before anything has run: those in the paper's setting."""
    paper = [paper_arm(net, scale) for net in nets(MAPS[scale.name])]
    return (*paper, *map(first_arm, paper))


def next_arms(results: Results, scale: Scale) -> list[Arm]:
    """What can be trained now, that depends on what was found: a round of every search, or more."""
    found: list[Arm] = []
    for net in nets(MAPS[scale.name]):
        found += search(net, scale).next_arms(results, scale)
        own = own_arm(net, results, scale)
        found += [own, first_arm(own)] if own else []
    for side in MAPS[scale.name].sides:
        matched = matched_arm(side, results, scale)
        found += [matched] if matched else []
    return found


def left(results: Results, scale: Scale) -> list[TrainConfig]:
    """The runs that `work` would begin with."""
    return halving.left(next_arms(results, scale), results, scale)


def work(results: Results, scale: Scale) -> None:
    """Search the settings of all networks, round by round, and train with the best."""
    halving.carry_out(next_arms, results, scale)


def update_norm(run: Trained) -> float:
    """Spectral norm of what the first updates did to the recurrent matrix."""
    first, last = (network.rnn.weight_hh.detach() for network in (untrained(run), run.network()))
    mask = run.network().rnn.mask
    change = mask.tocsr().astype(np.float64)
    change.data = (last - first).double().numpy()
    if change.nnz == change.shape[0] and (change - change.T).nnz == 0:
        return float(np.abs(change.data).max())  # autapses: no iteration finds equal values apart
    start = np.ones(change.shape[1])
    return float(svds(change, k=1, v0=start, return_singular_vectors=False)[0])


def first_norm(arm: Arm, results: Results, scale: Scale) -> float:
    """`update_norm` of a network; NaN where it did not run."""
    runs = results.arm(first_arm(arm), scale)
    return update_norm(runs[0]) if runs else math.nan


def matched_arm(side: int, results: Results, scale: Scale) -> Arm | None:
    """A dense network whose first updates are as large as those of the local one."""
    axes = MAPS[scale.name]
    (whole,) = (net for net in nets(axes) if net.side == side and net.kind == DENSE)
    sizes = [
        first_norm(paper_arm(net, scale), results, scale) for net in (local_net(side, axes), whole)
    ]
    if not np.isfinite(sizes).all():
        return None
    factor = float(f"{sizes[0] / sizes[1]:.2g}")
    arm = paper_arm(whole, scale)
    settings = {**arm.settings, "rates": {"recurrent": factor}}
    return Arm(f"{whole.label}, first updates matched", settings, axes.seeds)


@dataclass(frozen=True)
class Analysis:
    """What was learned.

    Attributes:
        axes: The axes of the map.
        paper: Curves in the paper's setting, by label of the network.
        own: Curves in each network's own setting.
        matched: Curves of the dense network with matched updates, by side.
        norms: Spectral norm of the first updates in the paper's setting, and in the own one.
        bursts: In-degree times recurrent rate, and bursts in the first round, of all candidates.
        n_updates: Gradient steps that the searches took.
    """

    axes: Map
    paper: dict[str, Learned]
    own: dict[str, Learned]
    matched: dict[int, Learned]
    norms: dict[str, tuple[float, float]]
    bursts: tuple[tuple[float, float], ...]
    n_updates: int

    def leads(self, found: Mapping[str, Learned], side: int) -> dict[str, Sample]:
        """Performance of every sparse network less that of the dense one, by kind."""
        own = [net for net in nets(self.axes) if net.side == side]
        whole = found.get(own[0].label)
        return {
            net.kind: found[net.label].final[MEASURE] - whole.final[MEASURE]
            for net in own[1:]
            if whole is not None and net.label in found
        }

    def lead_at_equal(self, cost: str, net: Net) -> Sample:
        """As `leads` in the own setting, at equal work or in equal time."""
        (whole,) = (one for one in nets(self.axes) if one.side == net.side and one.kind == DENSE)
        local, other = self.own.get(net.label), self.own.get(whole.label)
        if local is None or other is None:
            return Sample({})
        shares = {WORK: net.work / whole.work, TIME: local.seconds / other.seconds}
        ours, theirs = learning.at_equal_cost(local, other, shares[cost])
        return ours - theirs


def analyse(results: Results, scale: Scale) -> Analysis | None:
    """Read the curves, the searches and the first updates."""
    axes = MAPS[scale.name]
    every = list(nets(axes))

    paper = {net.label: paper_arm(net, scale) for net in every}
    own = {net.label: own_arm(net, results, scale) for net in every}
    sides = {str(side): matched_arm(side, results, scale) for side in axes.sides}
    matched = learning.named(sides, results, scale)
    found = learning.named(paper, results, scale)
    if not found:
        return None
    norms = {
        label: (
            first_norm(paper[label], results, scale),
            first_norm(arm, results, scale) if (arm := own[label]) else math.nan,
        )
        for label in paper
    }
    return Analysis(
        axes,
        found,
        learning.named(own, results, scale),
        {int(side): one for side, one in matched.items()},
        norms,
        tuple(_bursts(every, results, scale)),
        sum(search(net, scale).n_updates for net in every),
    )


def _bursts(every: list[Net], results: Results, scale: Scale) -> Iterator[tuple[float, float]]:
    """For each candidate of the first rounds, in-degree times recurrent rate, and its bursts."""
    for net in every:
        looked_for = search(net, scale)
        for arm in looked_for.arms(0, looked_for.candidates):
            factor: float = arm.settings.get("rates", {}).get("recurrent", 1.0)
            size = net.in_degree * float(arm.settings["lr"]) * factor
            for run in results.arm(arm, scale):
                yield size, float(len(run.history().bursts()))


def figure(analysis: Analysis) -> Figure:
    """Draw performance and the first updates, a row a network, in each setting."""
    sides = analysis.axes.sides
    drawn, panels = drawing.panels(len(sides), 2, size=(4.4, 2.6), sharex="col")
    for side, (ends, steps) in zip(sides, panels, strict=True):
        here = [net for net in nets(analysis.axes) if net.side == side]
        (whole,) = (net for net in here if net.kind == DENSE)
        matched = analysis.matched.get(side)
        for number, (name, found) in enumerate(
            (
                ("paper's setting", analysis.paper),
                ("first updates matched", {whole.label: matched} if matched else {}),
                ("setting of its own", analysis.own),
            )
        ):
            there = [i for i, net in enumerate(here) if net.label in found]
            samples = [found[here[i].label].final[MEASURE] for i in there]
            heights = [i + (number - 1) * 0.2 for i in there]
            drawing.across(ends, samples, heights, label=name, color=drawing.PALETTE[number])
        for setting in (0, 1):
            values = [analysis.norms[net.label][setting] for net in here]
            heights = [i + (2 * setting - 1) * 0.2 for i in range(len(here))]
            steps.plot(values, heights, "o", markersize=4, color=drawing.PALETTE[2 * setting])
        for ax, told in ((ends, "performance"), (steps, "norm of the first updates")):
            ax.set_yticks(range(len(here)), [net.kind for net in here])
            ax.set_ylim(len(here) - 0.5, -0.5)
            drawing.title(ax, f"{side * side} units: {told}")
    panels[0, 1].set_xscale("log")
    drawing.labels(panels[-1, 0], "performance at the end", "")
    drawing.labels(panels[-1, 1], f"spectral norm of the first {FIRST_STEPS} updates", "")
    drawing.legend(panels[0, 0], loc="lower left", bbox_to_anchor=(0, 1.12), ncols=2)
    return drawn


def outcome(analysis: Analysis) -> Outcome:
    """Decide: a lead in the paper's setting, none with settings of one's own."""
    axes, claim = analysis.axes, CLAIMS["why"]
    checks: list[Check] = []
    measured: list[Measurement] = []
    untested: list[str] = []
    for side in axes.sides:
        size = f"N={side * side}"
        kind = local_net(side, axes).kind
        in_paper = analysis.leads(analysis.paper, side)
        in_own = analysis.leads(analysis.own, side)
        if kind in in_paper:
            checks.append(above(f"{size}, {kind} leads in the paper's setting", in_paper[kind]))
        if side in analysis.matched:
            whole = analysis.matched[side].final[MEASURE]
            local = analysis.paper[local_net(side, axes).label].final[MEASURE]
            text = f"{size}, no lead of {kind} over a dense network with matched first updates"
            checks.append(within(text, local - whole, -math.inf, MARGIN))
        else:
            untested.append(f"{size}: matched first updates")
        if kind in in_own:
            text = f"{size}, {kind} leads by less than {MARGIN:g} with settings of its own"
            checks.append(within(text, in_own[kind], -math.inf, MARGIN))
        else:
            untested.append(f"{size}: settings of its own")
        for where, leads in (("paper's setting", in_paper), ("own settings", in_own)):
            measured += [
                learning.row(f"lead, {size}, {one}, {where}", lead, claim)
                for one, lead in leads.items()
                if lead.n
            ]
        sparse = [net for net in nets(axes) if net.side == side and net.kind != DENSE]
        for net, cost in itertools.product(sparse, (WORK, TIME)):
            lead = analysis.lead_at_equal(cost, net)
            if lead.n:
                name = f"lead, {net.label}, own settings, equal {cost}"
                measured.append(learning.row(name, lead, claim))
    measured += learning.step_rows(analysis.own)
    if len({size for size, _ in analysis.bursts}) > 1:
        size, count = np.array(analysis.bursts).T
        if np.ptp(count) > 0:
            rank = float(stats.spearmanr(size, count).statistic)
            name = "rank correlation of in-degree x recurrent rate with bursts"
            measured.append(Measurement(name, rank, None, None, len(count), None, ""))
    chosen = "; ".join(f"{label}: {learning.setting(one)}" for label, one in analysis.own.items())
    method = (
        f"{learning.told(analysis.paper)} Searches took {analysis.n_updates} updates, on seeds "
        f"{', '.join(map(str, axes.rungs[-1].seeds))}. Own settings: {chosen or 'not found yet'}."
    )
    return Outcome(
        tuple(checks),
        (*measured, *learning.rows(analysis.paper, claim)),
        method,
        learning.charts(analysis.own),
        untested=tuple(untested),
    )


EXPERIMENT = Experiment(question(__doc__), arms, analyse, figure, outcome, work, left)
