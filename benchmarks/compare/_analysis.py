"""What became of the methods: performance at equal updates, at equal work and in equal time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from benchmarks.compare import _design as design_, _work as work
from benchmarks.compare._chains import RidgeArm
from benchmarks.compare._design import DESIGNS
from benchmarks.compare._methods import CONTROL, Method, Place
from benchmarks.paper import _drawing as drawing, _learning as learning
from benchmarks.paper._arms import MEASURE, Arm, Results, at_end, nonzero
from benchmarks.paper._experiment import Outcome
from benchmarks.paper._learning import Learned
from benchmarks.paper._scales import Scale, Settings
from benchmarks.paper._statistics import Check, Sample, below
from benchmarks.paper.claims import Claim
from sparse_rnn.report.findings import Measurement

MARGIN = 0.05
"""A difference in performance that is too small to matter."""

NEAR = 0.1
"""How much more or less of the work, or the time, is as much."""

AXES = ("updates", "work", "time")
"""What is equal where two methods are compared."""


@dataclass(frozen=True)
class Entrant:
    """A method that was trained.

    Attributes:
        method: The method.
        place: Size and density.
        settings: Its settings.
        final: Performance at the end, by seed.
        work: Multiply-adds of all of its trainings, mean over seeds.
        seconds: Seconds of all of its trainings, median over seeds.
        density: Recurrent weights that are there at the end, over N squared, mean over seeds.
        n_updates: Gradient steps that finding its settings took.
        control: The control at the same place; None before it ran.
    """

    method: Method
    place: Place
    settings: Settings
    final: Sample
    work: float
    seconds: float
    density: float
    n_updates: int
    control: Control | None

    @property
    def label(self) -> str:
        """What it is called."""
        return f"{self.method.name}, {self.place.label}"

    def leads(self) -> Iterator[tuple[str, Sample, str]]:
        """The axes, with the lead over the control and how that was read.

        An axis on which the method takes what the control takes, but for `NEAR`, is left out.
        """
        control = self.control
        if control is None or self.method is CONTROL:
            return
        yield AXES[0], self.final - control.final, ""
        long = control.long
        for axis, own, its in (
            (AXES[1], self.work, control.work),
            (AXES[2], self.seconds, control.seconds),
        ):
            step = control.n_steps * own / its
            if long is None or abs(own / its - 1) < NEAR or step < long.steps[0]:
                continue
            last = float(long.steps[-1])
            told = f"the control after {min(step, last):.0f} steps"
            yield axis, self.final - long.at(step), told + (", at less" if step > last else "")


@dataclass(frozen=True)
class Control:
    """Random synapses of equal in-degree, which all others are compared with.

    Attributes:
        final: Performance at the end, by seed.
        n_steps: Its gradient steps.
        work: As of an `Entrant`.
        seconds: As of an `Entrant`.
        long: The same network trained for longer; None before it ran.
    """

    final: Sample
    n_steps: int
    work: float
    seconds: float
    long: Learned | None


@dataclass(frozen=True)
class Analysis:
    """What was measured.

    Attributes:
        entrants: The methods that were trained, by place, in their order.
        method: Sizes, in sentences.
        curves: Learning curves by label.
        lacking: Methods that no seed ran of.
    """

    entrants: tuple[Entrant, ...]
    method: str
    curves: Mapping[str, Learned]
    lacking: tuple[str, ...]

    def places(self) -> dict[str, list[Entrant]]:
        """The methods by place."""
        found: dict[str, list[Entrant]] = {}
        for one in self.entrants:
            found.setdefault(one.place.label, []).append(one)
        return found


def entrant(
    method: Method, place: Place, results: Results, scale: Scale, control: Control | None
) -> Entrant | None:
    """Measure a method; None before its settings are found, or where no seed has a network."""
    arm = design_.arm(method, place, results, scale)
    runs = results.arm(arm, scale) if arm else []
    if arm is None or not runs:
        return None
    final = at_end(runs, MEASURE, results.diverged(arm, scale))
    densities = [
        # Grown synapses may be 0; where no density was asked for, those are gone.
        (nonzero(net, 0.0) if method.strength else net.rnn.mask.nnz) / net.rnn.hidden_size**2
        for net in (run.network() for run in runs)
    ]
    return Entrant(
        method,
        place,
        arm.settings,
        final,
        float(np.mean([work.multiply_adds(arm, run) for run in runs])),
        float(np.median([work.seconds(arm, run) for run in runs])),
        float(np.mean(densities)),
        design_.n_updates(method, place, scale),
        control,
    )


def control_of(place: Place, results: Results, scale: Scale) -> Control | None:
    """Measure the control; None before it ran."""
    own = entrant(CONTROL, place, results, scale, None)
    if own is None:
        return None
    arm = design_.long_arm(place, results, scale)
    found = learning.learned([arm] if arm else [], results, scale)
    long = next(iter(found.values()), None)
    return Control(own.final, own.settings["steps"], own.work, own.seconds, long)


def analyse(
    entered: Sequence[tuple[Method, Place]], results: Results, scale: Scale
) -> Analysis | None:
    """Measure what is finished of some methods; None for nothing, or without a control."""
    found: list[Entrant] = []
    lacking: list[str] = []
    arms: list[Arm] = []
    controls = {place: control_of(place, results, scale) for _, place in entered}
    for method, place in entered:
        one = entrant(method, place, results, scale, controls[place])
        arm = design_.arm(method, place, results, scale)
        if one is None:
            lacking.append(f"{method.name}, {place.label}")
        else:
            found.append(one)
        if one is not None and arm is not None and not isinstance(arm, RidgeArm):
            arms.append(arm)  # A readout in closed form has no course.
    if not any(controls.values()):
        return None
    curves = learning.learned(arms, results, scale)
    design, settings = DESIGNS[scale.name], found[0].settings
    effort = design.effort_at(found[0].place)
    seeds = sorted({seed for rung in effort.rungs for seed in rung.seeds})
    method_text = (
        f"{settings['suite']}, {settings['steps']} steps of {settings['batch_size']} x "
        f"{settings['seq_len']}, Adam, measure: {MEASURE} (Yang et al. 2019), mean over tasks, on "
        f"held-out trials. Each method has the start and the rates that are best for it, by "
        f"successive halving over {len(design.trained)} candidates on seeds "
        f"{', '.join(map(str, seeds)) or 'none'}; all searches here took "
        f"{sum(one.n_updates for one in found)} updates. Work is multiply-adds of all trainings of "
        "a network, and of choosing its synapses; time is that of the machine below, which other "
        f"processes shared. The control was trained {effort.longer} times as long, too, and is "
        "read where it had taken as much work, or time, as the other one, or at its end."
    )
    if not design_.affords_dense(found[0].place, scale):
        method_text += (
            " A dense network of this size takes too long for this scale, and is left out."
        )
    return Analysis(tuple(found), method_text, curves, tuple(lacking))


def chosen(settings: Settings) -> str:
    """Start and rates, in words."""
    start = f"{settings['init']} x {settings.get('init_gain', 1.0):g}"
    if "ridge" in settings:
        return f"{start}, ridge {settings['ridge']:g}"
    factor = settings.get("rates", {}).get("recurrent", 1.0)
    told = f"{start}, rate {settings['lr']:g}, recurrent x {factor}"
    for name in ("l1_proximal", "l2"):
        told += f", {name} {settings[name]:g}" if settings.get(name) else ""
    penalty = settings.get("sparsifier_options", {}).get("penalty")
    return told + (f", penalty {penalty:g}" if penalty else "")


def price(one: Entrant) -> str:
    """What a method costs, in units of the control, and what came of it."""
    parts = [f"density {100 * one.density:.3g} %", chosen(one.settings)]
    if one.control is not None:
        times = one.work / one.control.work, one.seconds / one.control.seconds
        parts.insert(0, "work x {:.3g}, time x {:.3g} of the control".format(*times))
    return "; ".join([*parts, f"search {one.n_updates} updates"])


def outcome(claim: Claim, analysis: Analysis) -> Outcome:
    """Decide: no method leads the control by more than `MARGIN`, on any axis."""
    checks: list[Check] = []
    measured: list[Measurement] = []
    leads = [(one, *lead) for one in analysis.entrants for lead in one.leads()]
    for one, axis, lead, _ in leads:
        text = f"{one.label}: no lead over random of {MARGIN:g} at equal {axis}"
        if one.method.judged:
            checks.append(below(text, lead, MARGIN))
    measured += [learning.row(one.label, one.final, claim, price(one)) for one in analysis.entrants]
    measured += [
        learning.row(f"lead at equal {axis}, {one.label}", lead, claim, told)
        for one, axis, lead, told in leads
        if lead.n
    ]
    return Outcome(
        tuple(checks),
        tuple(measured),
        analysis.method,
        learning.charts(analysis.curves),
        sides(leads),
        analysis.lacking,
    )


def sides(leads: Sequence[tuple[Entrant, str, Sample, str]]) -> str:
    """Say who is ahead of random and who behind, with intervals for as many comparisons."""
    told: list[str] = []
    for axis in AXES:
        judged = [(one, lead) for one, at, lead, _ in leads if at == axis]
        words: dict[str, list[str]] = {"ahead of": [], "behind": []}
        for one, lead in judged:
            low, high = lead.interval(len(judged))
            if low > 0:
                words["ahead of"].append(one.label)
            elif high < 0:
                words["behind"].append(one.label)
        told += [
            f"At equal {axis}, {word} random for {len(judged)} comparisons: "
            f"{'; '.join(names) or 'none'}."
            for word, names in words.items()
            if judged
        ]
    return " ".join(told)


def figure(analysis: Analysis) -> Figure:
    """Draw, for each place, performance by method, and against work and time."""
    places = analysis.places()
    drawn, axes = drawing.panels(len(places), 3, size=(4.6, 4.6))
    for row, (label, entrants) in zip(axes, places.items(), strict=True):
        order = sorted(entrants, key=lambda one: np.nan_to_num(one.final.mean, nan=-1.0))
        for number, one in enumerate(order):
            style = {"color": drawing.PALETTE[one.method is not CONTROL]}
            low, high = (abs(end - one.final.mean) for end in one.final.interval())
            spread = None if math.isnan(low) else [[low], [high]]
            row[0].errorbar(one.final.mean, number, xerr=spread, fmt="o", capsize=2, **style)
        row[0].set_yticks(range(len(order)), [one.method.name for one in order])
        drawing.title(row[0], label)
        drawing.labels(row[0], "performance at the end", "")
        _against(row[1], entrants, [one.work for one in entrants], "multiply-adds", work_of)
        _against(row[2], entrants, [one.seconds for one in entrants], "seconds", seconds_of)
    return drawn


def work_of(control: Control) -> float:
    """Multiply-adds of a step of the control."""
    return control.work / control.n_steps


def seconds_of(control: Control) -> float:
    """Seconds of a step of the control."""
    return control.seconds / control.n_steps


def _against(
    ax: Axes,
    entrants: Sequence[Entrant],
    costs: Sequence[float],
    name: str,
    per_step: Callable[[Control], float],
) -> None:
    control = entrants[0].control
    if control is not None and control.long is not None:
        curve = control.long
        x = (curve.steps * per_step(control)).tolist()
        samples = [curve.at(step) for step in curve.steps]
        drawing.points(ax, x, samples, color=drawing.PALETTE[0], label="random, trained longer")
    for one, cost in zip(entrants, costs, strict=True):
        ax.plot(cost, one.final.mean, ".", color=drawing.PALETTE[one.method is not CONTROL])
        ax.annotate(one.method.name, (cost, one.final.mean), fontsize=6)
    ax.set_xscale("log")
    ax.xaxis.set_minor_formatter(NullFormatter())
    drawing.labels(ax, name, "performance at the end")
