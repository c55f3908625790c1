"""Do networks with the default settings compare as they do with settings of their own?

The defaults of `TrainConfig` are a start at which units hand on what they hold, the identity where
each has a synapse onto itself, one learning rate for all masks, and a recurrent rate that falls
with the in-degree. Of the learning rates of the map, the one is taken that is best with it for all
networks of the map together, on seeds that are not compared. Settings of its own are those that
`why` finds for each network. Beside them stands a drawn start, of one gain under every mask, with
the rates of the defaults.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from matplotlib.figure import Figure

from benchmarks.paper import _drawing as drawing, _halving as halving, _learning as learning, why
from benchmarks.paper._arms import MEASURE, Arm, Results, at_end
from benchmarks.paper._experiment import Experiment, Outcome, no_arms, question
from benchmarks.paper._learning import Curves
from benchmarks.paper._map import DENSE, MAPS, Map, Net, local_net, nets
from benchmarks.paper._scales import Scale, Settings
from benchmarks.paper._statistics import Check, Sample, within
from benchmarks.paper.claims import CLAIMS
from sparse_rnn import TrainConfig
from sparse_rnn.report.findings import Measurement

RATES: Settings = {"rates": {"recurrent": "in_degree"}}
START: Settings = {"init": "permutation", **RATES}
"""What the defaults have for all masks besides the learning rate."""

DRAWN: Settings = {"init": "fan_in", **RATES}
"""The same with a drawn start."""


def brief_arm(net: Net, rate: float, scale: Scale) -> Arm:
    """A network that is trained to choose the learning rate, as in the last round of `why`."""
    rung = MAPS[scale.name].rungs[-1]
    settings = {**scale.modcog, **net.settings, **START, "lr": rate, **rung.brief}
    return Arm(f"{net.label}, defaults at {rate:g}, {rung.steps} steps", settings, rung.seeds)


Scores = Mapping[float, Mapping[str, float]]
"""Mean performance by learning rate, and by label of the network."""


def scores(results: Results, scale: Scale) -> Scores | None:
    """What each network reaches with each learning rate; None before all have run."""
    axes = MAPS[scale.name]
    found: dict[float, dict[str, float]] = {rate: {} for rate in axes.rates}
    for rate, net in itertools.product(axes.rates, nets(axes)):
        arm = brief_arm(net, rate, scale)
        if results.missing(arm, scale):
            return None
        ends = at_end(results.arm(arm, scale), MEASURE, results.diverged(arm, scale))
        found[rate][net.label] = ends.mean
    return found


def over_networks(found: Scores) -> dict[float, float]:
    """Mean over networks by learning rate."""
    return {rate: float(np.mean(list(ends.values()))) for rate, ends in found.items()}


def full_arm(net: Net, start: Settings, rate: float, scale: Scale) -> Arm:
    """A network with a start, and the rates of the defaults."""
    settings = {**scale.modcog, **net.settings, **start, "lr": rate}
    return Arm(f"{net.label}, start {start['init']}", settings, MAPS[scale.name].seeds)


def _chosen(results: Results, scale: Scale) -> float | None:
    found = scores(results, scale)
    if found is None:
        return None
    means = over_networks(found)
    return max(means, key=lambda rate: means[rate])


def full_arms(start: Settings, results: Results, scale: Scale) -> dict[str, Arm]:
    """The networks with a start, by label; none before the learning rate is chosen."""
    rate = _chosen(results, scale)
    if rate is None:
        return {}
    return {net.label: full_arm(net, start, rate, scale) for net in nets(MAPS[scale.name])}


def _both(results: Results, scale: Scale) -> list[Arm]:
    starts = (START, DRAWN)
    return [arm for start in starts for arm in full_arms(start, results, scale).values()]


def choosing_arms(scale: Scale) -> list[Arm]:
    """The networks that choose the learning rate."""
    axes = MAPS[scale.name]
    return [brief_arm(net, rate, scale) for net in nets(axes) for rate in axes.rates]


def next_arms(results: Results, scale: Scale) -> list[Arm]:
    """What can be trained now: what chooses the rate, then the networks with it."""
    return _both(results, scale) or choosing_arms(scale)


def left(results: Results, scale: Scale) -> list[TrainConfig]:
    """All runs that are not finished, to plan with."""
    axes = MAPS[scale.name]
    guess = [
        full_arm(net, start, axes.rates[0], scale) for start in (START, DRAWN) for net in nets(axes)
    ]
    planned = _both(results, scale) or [*choosing_arms(scale), *guess]
    return halving.left(planned, results, scale)


def judged(results: Results, scale: Scale) -> tuple[Arm, ...]:
    """The networks with the defaults, with a drawn start, and with settings of their own."""
    own = (why.own_arm(net, results, scale) for net in nets(MAPS[scale.name]))
    return (*_both(results, scale), *(arm for arm in own if arm))


@dataclass(frozen=True)
class Analysis:
    """What was learned.

    Attributes:
        axes: The axes of the map.
        scores: What each network reached with each learning rate, where that was chosen.
        defaults: Curves with the defaults, by label of the network.
        drawn: Curves with a drawn start.
        own: Curves with settings of one's own.
        paper: Curves in the paper's setting.
    """

    axes: Map
    scores: Scores
    defaults: Curves
    drawn: Curves
    own: Curves
    paper: Curves

    def cost(self, found: Curves, net: Net) -> Sample:
        """By how much a network ends below its own setting."""
        return learning.final(self.own, net.label) - learning.final(found, net.label)

    def shift(self, found: Curves, net: Net) -> Sample:
        """By how much its lead over the dense network exceeds the one with own settings."""
        (whole,) = (one for one in nets(self.axes) if (one.side, one.kind) == (net.side, DENSE))
        return self.cost(found, whole) - self.cost(found, net)


def analyse(results: Results, scale: Scale) -> Analysis | None:
    """Read the learning curves."""
    axes = MAPS[scale.name]
    every = list(nets(axes))
    defaults, drawn = (
        learning.named(full_arms(start, results, scale), results, scale) for start in (START, DRAWN)
    )
    own = learning.named(
        {net.label: why.own_arm(net, results, scale) for net in every}, results, scale
    )
    paper = learning.named({net.label: why.paper_arm(net, scale) for net in every}, results, scale)
    if not defaults:
        return None
    return Analysis(axes, scores(results, scale) or {}, defaults, drawn, own, paper)


def figure(analysis: Analysis) -> Figure:
    """Draw performance at the end in each setting, a panel a size."""
    sides = analysis.axes.sides
    drawn, panels = drawing.panels(1, len(sides), size=(4.4, 2.9), sharex=True)
    settings = {
        "paper's setting": analysis.paper,
        f"{DRAWN['init']}, rates of the defaults": analysis.drawn,
        "defaults": analysis.defaults,
        "setting of its own": analysis.own,
    }
    for side, ax in zip(sides, panels[0], strict=True):
        here = [net for net in nets(analysis.axes) if net.side == side]
        for number, (name, found) in enumerate(settings.items()):
            there = [i for i, net in enumerate(here) if net.label in found]
            samples = [found[here[i].label].final[MEASURE] for i in there]
            heights = [i + (number - 1.5) * 0.18 for i in there]
            drawing.across(ax, samples, heights, label=name, color=drawing.PALETTE[number])
        ax.set_yticks(range(len(here)), [net.kind for net in here])
        ax.set_ylim(len(here) - 0.5, -0.5)
        drawing.title(ax, f"{side * side} units")
        drawing.labels(ax, "performance at the end", "")
    drawing.legend(panels[0, 0], loc="lower left", bbox_to_anchor=(0, 1.12), ncols=2)
    return drawn


def _checks(found: Analysis) -> Iterator[tuple[str, Check | None]]:
    """What the claim says of each size, and the check where it can be made."""
    for side in found.axes.sides:
        local, margin = local_net(side, found.axes), f"{why.MARGIN:g}"
        (whole,) = (net for net in nets(found.axes) if (net.side, net.kind) == (side, DENSE))
        for net in (whole, local):
            text = f"{net.label} ends less than {margin} below settings of its own"
            yield text, _check(text, found.cost(found.defaults, net), -math.inf)
        text = f"N={side * side}, the lead of {local.kind} is within {margin} of that with own ones"
        yield text, _check(text, found.shift(found.defaults, local), -why.MARGIN)


def _check(text: str, sample: Sample, low: float) -> Check | None:
    return within(text, sample, low, why.MARGIN) if sample.n else None


def outcome(analysis: Analysis) -> Outcome:
    """Decide: little is lost with the defaults, and they compare as own settings do."""
    claim = CLAIMS["why_defaults"]
    checks = list(_checks(analysis))
    every = list(nets(analysis.axes))
    rows: list[Measurement] = []
    for start, curves in (("", analysis.defaults), (f"{DRAWN['init']}, ", analysis.drawn)):
        rows += [
            learning.row(f"{start}below own settings, {net.label}", cost, claim)
            for net in every
            if (cost := analysis.cost(curves, net)).n
        ]
        rows += [
            learning.row(f"{start}lead beyond that with own settings, {net.label}", shift, claim)
            for net in every
            if net.kind != DENSE and (shift := analysis.shift(curves, net)).n
        ]
    chosen = [
        (f"{rate:g}, {label}", end, 1)
        for rate, ends in analysis.scores.items()
        for label, end in ends.items()
    ]
    chosen += [
        (f"{rate:g}, mean over networks", mean, len(every))
        for rate, mean in over_networks(analysis.scores).items()
    ]
    means = [
        Measurement(f"choosing the rate, {name}", end, None, None, n, None, "")
        for name, end, n in chosen
    ]
    rung = analysis.axes.rungs[-1]
    told = ", ".join(f"{rate:g}" for rate in analysis.scores)
    method = (
        f"{learning.told(analysis.defaults)} Start {START['init']}, or {DRAWN['init']}, recurrent "
        "rates by in-degree. "
        f"The rate is the best of {told} for all networks together, after {rung.steps} steps, on "
        f"seeds {', '.join(map(str, rung.seeds))}."
    )
    return Outcome(
        tuple(check for _, check in checks if check),
        (*rows, *means, *learning.rows(analysis.defaults, claim)),
        method,
        learning.charts(analysis.defaults),
        untested=tuple(text for text, check in checks if check is None),
    )


EXPERIMENT = Experiment(
    question(__doc__),
    no_arms,
    analyse,
    figure,
    outcome,
    partial(halving.carry_out, next_arms),
    left,
    judged,
)
