"""Do the faults of the released tasks change the comparison of local and dense networks?

Networks are trained on labels that wrap to "fixate", and on DM tasks whose interval is always the
same besides, and evaluated against right labels.
"""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.figure import Figure

import sparse_rnn as srnn
from benchmarks.paper import _drawing as drawing, _faults as faults, _learning as learning
from benchmarks.paper._arms import Arm, Results, Trained, at_end, dense, locality
from benchmarks.paper._experiment import Experiment, Outcome, question
from benchmarks.paper._faults import FAULTS, Fault, Job
from benchmarks.paper._scales import Scale
from benchmarks.paper._statistics import SHARE, Sample, within
from benchmarks.paper.claims import CLAIMS

SIZES = {"smoke": (6, 1), "laptop": (20, 2), "paper": (50, 6)}
"""Side of the sheet and radius of the local mask, by scale."""

LOCAL, DENSE = "local", "dense"
CORRECTED = "as in modcog"
MARGIN = 0.05
"""A lead that changes by less stays as it is."""


@dataclass(frozen=True)
class Analysis:
    """What was learned.

    Attributes:
        performance: Performance against right labels at the end, by condition and network.
        agreement: Share of answers that are the labels trained on, of the same.
        bursts: Gradient steps with a norm above `learning.BURST`, of the same.
        method: Sizes of the trainings.
    """

    performance: dict[str, dict[str, Sample]]
    agreement: dict[str, dict[str, Sample]]
    bursts: dict[str, dict[str, Sample]]
    method: str

    def lead(self, condition: str) -> Sample:
        """Local minus dense, by seed."""
        own = self.performance.get(condition, {})
        return own.get(LOCAL, Sample({})) - own.get(DENSE, Sample({}))


def arms(scale: Scale) -> tuple[Arm, ...]:
    """The two networks."""
    side, radius = SIZES[scale.name]
    return (
        Arm(LOCAL, {**scale.modcog, **locality(side, radius)}, scale.table_seeds),
        Arm(DENSE, {**scale.modcog, **dense(side * side)}, scale.table_seeds),
    )


def jobs(results: Results, scale: Scale) -> list[Job]:
    """The runs on faulty tasks that are not finished."""
    return faults.jobs(arms(scale), FAULTS, results, scale)


def left(results: Results, scale: Scale) -> list[srnn.TrainConfig]:
    """Their settings, to plan with."""
    return [config for config, _, _ in jobs(results, scale)]


def work(results: Results, scale: Scale) -> None:
    """Train both networks on the faulty tasks."""
    faults.train_all(jobs(results, scale))


def analyse(results: Results, scale: Scale) -> Analysis | None:
    """Read the scores of each network under each condition."""
    performance: dict[str, dict[str, Sample]] = {}
    agreement: dict[str, dict[str, Sample]] = {}
    bursts: dict[str, dict[str, Sample]] = {}
    right = Fault("none", CORRECTED, wraps=False)
    for fault in (right, *FAULTS):
        for arm in arms(scale):
            runs: list[Trained] = []
            for config in arm.configs(scale):
                faulty = faults.finished(config, results.folder, fault)
                runs += results.of([config]) if fault is right else faulty
            if runs:
                lost = (
                    results.diverged(arm, scale)
                    if fault is right
                    else faults.diverged(arm, results, scale, fault)
                )
                performance.setdefault(fault.label, {})[arm.label] = at_end(runs, diverged=lost)
                bursts.setdefault(fault.label, {})[arm.label] = learning.bursts(runs)
                agreement.setdefault(fault.label, {})[arm.label] = Sample(
                    {run.config.seed: faults.agreement(run, fault) for run in runs}, bounds=SHARE
                )
    if len(performance) < 2:
        return None
    side, radius = SIZES[scale.name]
    settings = scale.modcog
    method = (
        f"{settings['suite']}, {settings['steps']} steps of {settings['batch_size']} x "
        f"{settings['seq_len']}; local: {side}x{side}, d={radius}; dense: N={side**2}. Performance "
        "is against right labels, on trials of the condition."
    )
    return Analysis(performance, agreement, bursts, method)


def figure(analysis: Analysis) -> Figure:
    """Draw both networks under each condition, and the lead of the local one."""
    drawn, axes = drawing.panels(1, 3, size=(3.6, 4.0))
    for ax, table, name in (
        (axes[0, 0], analysis.performance, "performance, right labels"),
        (axes[0, 1], analysis.agreement, "answers that are the trained label"),
    ):
        for i, network in enumerate((LOCAL, DENSE)):
            samples = [own.get(network, Sample({})) for own in table.values()]
            places = [place + 0.12 * (2 * i - 1) for place in range(len(samples))]
            style = {**drawing.line_style(i), "linestyle": "none"}
            drawing.points(ax, places, samples, label=network, **style)
        ax.set_xticks(range(len(table)), list(table), rotation=30, ha="right")
        drawing.labels(ax, "", name)
        ax.set_xlim(-0.5, len(table) - 0.5)
        ax.set_ylim(0, 1)
    drawing.legend(axes[0, 0])
    drawing.bars(axes[0, 2], {name: analysis.lead(name) for name in analysis.performance})
    drawing.labels(axes[0, 2], "", "local minus dense, performance")
    axes[0, 2].axhline(0, color=drawing.INK, linewidth=0.8)
    return drawn


def outcome(analysis: Analysis) -> Outcome:
    """Decide: the lead of the local network changes by less than the margin."""
    before = analysis.lead(CORRECTED)
    conditions = [name for name in analysis.performance if name != CORRECTED]
    checks = [
        within(
            f"{name}: the lead changes by less than {MARGIN:g}",
            analysis.lead(name) - before,
            -MARGIN,
            MARGIN,
        )
        for name in conditions
    ]
    measured = [
        learning.row(
            f"{network}, {name}",
            sample,
            CLAIMS["released_faults"],
            f"trained labels answered: {analysis.agreement[name][network].mean:.3f}",
        )
        for name, own in analysis.performance.items()
        for network, sample in own.items()
    ] + [
        learning.row(f"local minus dense, {name}", analysis.lead(name), CLAIMS["released_faults"])
        for name in analysis.performance
        if analysis.lead(name).n
    ]
    steps = "; ".join(
        f"{name} {own[DENSE].mean:.1f}" for name, own in analysis.bursts.items() if DENSE in own
    )
    tested = f"Dense, steps with a gradient norm above {learning.BURST:g}: {steps}."
    return Outcome(tuple(checks), tuple(measured), analysis.method, (), tested if steps else "")


EXPERIMENT = Experiment(question(__doc__), arms, analyse, figure, outcome, work, left)
