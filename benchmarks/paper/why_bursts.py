"""Do larger recurrent steps make gradients burst, and do bursts make the lead of sparse masks?

All networks of `why` begin its search with the same starts and rates, one short run each, so that
sparse networks and the dense one of their size can be compared at equal settings. Over these runs
three things are correlated by rank: in-degree times recurrent rate with the largest gradient of the
first updates, and with the number of bursts; and the bursts that the dense network has beyond those
of a sparse one, with the lead of the sparse one. Intervals draw whole settings. The spectral radius
of the recurrent weights is taken before and after the first updates, in both settings of `why`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from benchmarks.paper import _drawing as drawing, _learning as learning, why
from benchmarks.paper._arms import MEASURE, Arm, Results, at_end
from benchmarks.paper._experiment import Experiment, Outcome, no_arms, question
from benchmarks.paper._map import DENSE, MAPS, Net, nets, search
from benchmarks.paper._pool import untrained
from benchmarks.paper._ranks import Association
from benchmarks.paper._scales import Scale, Settings
from benchmarks.paper._statistics import Sample, above
from benchmarks.paper.claims import CLAIMS
from sparse_rnn import Network
from sparse_rnn.report.findings import Measurement

SETTINGS = ("paper's setting", "own setting")

MANY = 20
"""Bursts beyond which an axis is logarithmic."""


@dataclass(frozen=True)
class Brief:
    """One short run.

    Attributes:
        net: Its network.
        setting: Start and rates in words.
        size: In-degree times recurrent rate.
        gradient: Largest norm of the gradient in the first updates, before clipping; infinite
            where the run diverged.
        bursts: Updates at which gradient or loss burst; all of them where the run diverged.
        performance: Performance at its end; 0 where it diverged.
    """

    net: Net
    setting: str
    size: float
    gradient: float
    bursts: float
    performance: float


@dataclass(frozen=True)
class Analysis:
    """What was found.

    Attributes:
        briefs: The short runs.
        radii: Spectral radius before and after the first updates, by label and setting.
        steps: Updates of a short run.
    """

    briefs: tuple[Brief, ...]
    radii: Mapping[tuple[str, str], tuple[float, float]]
    steps: int

    def by_setting(self, value: str) -> Association:
        """How in-degree times recurrent rate goes with what followed, over all networks."""
        groups: dict[str, list[tuple[float, float]]] = {}
        for one in self.briefs:
            groups.setdefault(one.setting, []).append((one.size, getattr(one, value)))
        return Association(groups)

    def pairs(self) -> Iterator[tuple[Brief, Brief]]:
        """Each sparse network and the dense one of its size and setting."""
        whole = {(one.net.side, one.setting): one for one in self.briefs if one.net.kind == DENSE}
        for one in self.briefs:
            other = whole.get((one.net.side, one.setting))
            if one.net.kind != DENSE and other is not None:
                yield one, other

    def lead(self) -> Association:
        """How bursts of the dense network alone go with the lead of a sparse one."""
        groups: dict[str, list[tuple[float, float]]] = {}
        for one, other in self.pairs():
            pair = (other.bursts - one.bursts, one.performance - other.performance)
            groups.setdefault(one.setting, []).append(pair)
        return Association(groups)

    def mean_lead(self, *, burst: bool) -> Sample:
        """Mean lead of sparse networks where the dense one burst, or did not; a value a setting."""
        names = list(dict.fromkeys(one.setting for one in self.briefs))
        values: dict[int, list[float]] = {}
        for one, other in self.pairs():
            if (other.bursts > 0) is burst:
                number = names.index(one.setting)
                values.setdefault(number, []).append(one.performance - other.performance)
        return Sample(
            {number: sum(leads) / len(leads) for number, leads in values.items()}, bounds=(-1, 1)
        )


def analyse(results: Results, scale: Scale) -> Analysis | None:
    """Read the first round of the searches of `why`, and the first updates."""
    every = list(nets(MAPS[scale.name]))
    briefs = tuple(brief for net in every for brief in _briefs(net, results, scale))
    if not briefs:
        return None
    radii: dict[tuple[str, str], tuple[float, float]] = {}
    for net in every:
        arms = (why.paper_arm(net, scale), why.own_arm(net, results, scale))
        for setting, arm in zip(SETTINGS, arms, strict=True):
            runs = results.arm(why.first_arm(arm), scale) if arm else []
            if runs:
                networks = (untrained(runs[0]), runs[0].network())
                radii[net.label, setting] = (radius(networks[0]), radius(networks[1]))
    return Analysis(briefs, radii, MAPS[scale.name].rungs[0].steps)


def _briefs(net: Net, results: Results, scale: Scale) -> Iterator[Brief]:
    looked_for = search(net, scale)
    for arm in looked_for.arms(0, looked_for.candidates):
        size = net.in_degree * rate(arm.settings)
        runs, lost = results.arm(arm, scale), results.diverged(arm, scale)
        for run in runs:
            history = run.history()
            norms = history["grad_norm"][: why.FIRST_STEPS]
            yield Brief(
                net,
                setting(arm.settings),
                size,
                float(norms.max()),
                float(len(history.bursts())),
                at_end([run], MEASURE).mean,
            )
        for _ in lost:
            n_steps = float(arm.settings["steps"])
            yield Brief(net, setting(arm.settings), size, math.inf, n_steps, 0.0)


def rate(settings: Settings) -> float:
    """Learning rate of recurrent weights."""
    factor: float = settings.get("rates", {}).get("recurrent", 1.0)
    return factor * settings["lr"]


def setting(settings: Settings) -> str:
    """Start and rates."""
    return f"{settings['init']}, {settings['lr']:g}, recurrent {rate(settings):g}"


def radius(network: Network) -> float:
    """Largest size of an eigenvalue of the recurrent weights."""
    matrix = network.rnn.mask.tocsr().astype(np.float64)
    matrix.data = network.rnn.weight_hh.detach().double().numpy()
    return float(np.abs(np.linalg.eigvals(matrix.toarray())).max())


def judged(results: Results, scale: Scale) -> tuple[Arm, ...]:
    """The first round of each search."""
    del results
    return tuple(
        arm
        for net in nets(MAPS[scale.name])
        for found in (search(net, scale),)
        for arm in found.arms(0, found.candidates)
    )


def figure(analysis: Analysis) -> Figure:
    """Draw gradients and bursts over the size of steps, the lead over bursts, spectral radii."""
    drawn, axes = drawing.panels(2, 2, size=(3.8, 3.4))
    steps, bursts, leads, radii = axes.flat
    size = [one.size for one in analysis.briefs]
    for ax, value, name in (
        (steps, "gradient", f"largest gradient of the first {why.FIRST_STEPS} updates"),
        (bursts, "bursts", f"bursts in {analysis.steps} updates"),
    ):
        ax.plot(
            size, [getattr(one, value) for one in analysis.briefs], ".", color=drawing.PALETTE[0]
        )
        ax.set_xscale("log")
        ax.set_yscale(_counted(analysis) if value == "bursts" else "log")
        drawing.labels(ax, "in-degree x recurrent rate", name)
    bursts.set_ylim(bottom=-0.5)  # None is as far down as there is.
    points = [pair for group in analysis.lead().groups.values() for pair in group]
    if points:
        more, lead = np.array(points).T
        leads.plot(more, lead, ".", color=drawing.PALETTE[0])
        leads.set_xscale(_counted(analysis))
    drawing.labels(leads, "bursts of dense beyond those of sparse", "lead of sparse")
    for i, name in enumerate(SETTINGS):
        both = [ends for (_, one), ends in analysis.radii.items() if one == name]
        if both:
            radii.plot(*np.array(both).T, "o", color=drawing.PALETTE[i], label=name)
    if analysis.radii:
        drawing.legend(radii)
    drawing.labels(radii, "spectral radius at the start", "after the first updates")
    return drawn


def _counted(analysis: Analysis) -> str:
    """The scale for numbers of bursts: a run that diverged may have hundreds."""
    return "symlog" if max(one.bursts for one in analysis.briefs) > MANY else "linear"


def outcome(analysis: Analysis) -> Outcome:
    """Decide: all three go together."""
    claim = CLAIMS["why_bursts"]
    named = {
        "in-degree x recurrent rate with the largest first gradient": analysis.by_setting(
            "gradient"
        ),
        "in-degree x recurrent rate with bursts": analysis.by_setting("bursts"),
        "bursts of dense beyond those of sparse with the lead of sparse": analysis.lead(),
    }
    checks = [above(f"{name}: rank correlation above 0", one) for name, one in named.items()]
    rows = [
        learning.row(f"rank correlation, {name}", one, claim)
        for name, one in named.items()
        if one.n
    ]
    for burst, words in ((False, "no burst"), (True, "bursts")):
        lead = analysis.mean_lead(burst=burst)
        if lead.n:
            rows.append(learning.row(f"lead of sparse, {words} in dense", lead, claim))
    radii = [
        Measurement(f"spectral radius, {label}, {name}, {when}", value, None, None, 1, None, "")
        for (label, name), ends in analysis.radii.items()
        for when, value in zip(("start", f"after {why.FIRST_STEPS} updates"), ends, strict=True)
    ]
    settings = {one.setting for one in analysis.briefs}
    method = (
        f"{len(analysis.briefs)} runs of {analysis.steps} updates, the first round of the searches "
        f"of `why`: each network with the same {len(settings)} starts and rates. A burst is "
        f"{learning.BURST_RULE}. Rank correlations with bootstrap intervals over settings. "
        "A run that diverged counts with bursts at each update and a performance of 0."
    )
    return Outcome(tuple(checks), (*rows, *radii), method)


EXPERIMENT = Experiment(
    question(__doc__), no_arms, analyse, figure, outcome, why.work, why.left, judged
)
