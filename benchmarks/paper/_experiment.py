"""`Experiment`: what a figure or table of the paper consists of, and how it becomes a finding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from benchmarks.paper import _statistics as statistics
from benchmarks.paper._arms import Arm, Results, configs_of
from benchmarks.paper._origin import stamp, taken, trained_with
from benchmarks.paper._scales import Scale
from benchmarks.paper._statistics import Check
from benchmarks.paper.claims import CLAIMS, Claim
from sparse_rnn import TrainConfig
from sparse_rnn.report import findings
from sparse_rnn.report.findings import Curve, Finding, Measurement

FIGURE_TYPES = (".svg", ".pdf")
LONGEST_LIST = 6
"""Checks that a reason lists in full."""


@dataclass(frozen=True)
class Outcome:
    """What an experiment has to say about its claim.

    Attributes:
        checks: The parts of the claim, decided.
        measured: The values, beside those of the paper.
        method: Sizes, steps and measure in a sentence or two.
        curves: Learning curves and the like, for interactive charts.
        tested: What was tested to explain the verdict, in a sentence, or "".
        untested: Parts of the claim that no check is about, in words.
    """

    checks: tuple[Check, ...]
    measured: tuple[Measurement, ...]
    method: str
    curves: tuple[Curve, ...] = ()
    tested: str = ""
    untested: tuple[str, ...] = ()


def _nothing_left(results: Results, scale: Scale) -> Sequence[TrainConfig]:
    del results, scale
    return ()


@dataclass(frozen=True)
class Experiment:
    """One experiment, as data and four functions.

    Attributes:
        question: What is asked; the first line of the module's docstring.
        arms: Its networks at a scale; none where nothing is trained.
        analyse: Measures the finished runs, whichever there are; None where there is too little.
        figure: Draws what `analyse` returned.
        outcome: Decides the claim by what `analyse` returned.
        work: Carries out what a sweep cannot, before `analyse`; returns when it is finished.
        left: The runs that `work` would carry out now, to plan with.
        judged: The networks that are judged, where earlier runs say which; None for `arms`.
        claim: What is claimed; None where it stands in the paper's table.
        program: The module that carries the experiment out.
    """

    question: str
    arms: Callable[[Scale], tuple[Arm, ...]]
    analyse: Callable[[Results, Scale], Any]
    figure: Callable[[Any], Figure]
    outcome: Callable[[Any], Outcome]
    work: Callable[[Results, Scale], None] | None = None
    left: Callable[[Results, Scale], Sequence[TrainConfig]] = _nothing_left
    judged: Callable[[Results, Scale], tuple[Arm, ...]] | None = None
    claim: Claim | None = None
    program: str = "benchmarks.paper"

    def runs(self, scale: Scale) -> tuple[TrainConfig, ...]:
        """The runs that a sweep carries out."""
        return configs_of(self.arms(scale), scale)

    def judges(self, results: Results, scale: Scale) -> tuple[Arm, ...]:
        """The networks that the finding is about."""
        return self.arms(scale) if self.judged is None else self.judged(results, scale)


def question(docstring: str | None) -> str:
    """The first line of a docstring, or its first paragraph where that is longer."""
    return " ".join((docstring or "").strip().split("\n\n")[0].split())


def no_arms(scale: Scale) -> tuple[Arm, ...]:
    """The networks of an experiment that trains none."""
    del scale
    return ()


def evaluate(
    name: str, experiment: Experiment, results: Results, scale: Scale, folder: Path
) -> Finding:
    """Measure, draw, decide and write the finding.

    Args:
        name: Id of the experiment.
        experiment: The experiment.
        results: Where the finished runs lie.
        scale: The scale.
        folder: Where the finding and its figure go.
    """
    analysis = experiment.analyse(results, scale)
    if analysis is None:
        for suffix in FIGURE_TYPES:  # Nothing may remain of another time.
            (folder / (name + suffix)).unlink(missing_ok=True)
        return findings.write(not_run(name, experiment, scale), folder)
    outcome = experiment.outcome(analysis)
    blank = not_run(name, experiment, scale)
    runs = results.of(configs_of(experiment.judges(results, scale), scale))
    left_out = unfinished(experiment, results, scale)
    finding = replace(
        blank,
        verdict=statistics.verdict(outcome.checks, outcome.untested),
        measured=outcome.measured,
        reason=" ".join(filter(None, (reason(outcome.checks, outcome.untested), outcome.tested))),
        method=" ".join(
            filter(
                None,
                (
                    outcome.method,
                    left_out,
                    taken(runs),
                    trained_with(runs, blank.commit),
                    statistics.RULE,
                ),
            )
        ),
        curves=outcome.curves,
        seeds=tuple(sorted({run.config.seed for run in runs})) or scale.seeds,
    )
    return findings.write(finding, folder, {name: experiment.figure(analysis)})


def unfinished(experiment: Experiment, results: Results, scale: Scale) -> str:
    """Name the networks of which not all seeds ran, or some diverged; "" for none."""
    parts: dict[str, list[str]] = {"Not run": [], "Not run whole": [], "Diverged": []}
    for arm in experiment.judges(results, scale):
        lost = results.diverged(arm, scale)
        ran, wanted = len(results.arm(arm, scale)) + len(lost), len(arm.configs(scale))
        if not ran:
            parts["Not run"].append(arm.label)
        elif ran < wanted:
            parts["Not run whole"].append(f"{arm.label} ({ran} of {wanted} seeds)")
        if lost:
            parts["Diverged"].append(f"{arm.label} (seeds {', '.join(map(str, lost))})")
    return " ".join(f"{word}: {', '.join(names)}." for word, names in parts.items() if names)


def not_run(name: str, experiment: Experiment, scale: Scale) -> Finding:
    """The finding of an experiment of which nothing ran."""
    claim = experiment.claim or CLAIMS[name]
    return Finding(
        id=name,
        title=claim.title,
        question=experiment.question,
        claim=claim.text,
        scale=scale.name,
        verdict=statistics.NOT_RUN,
        reason="No run that could decide it has finished at this scale.",
        method="",
        command=f"python -m {experiment.program} {name} --scale {scale.name}",
        **stamp(),
    )


def reason(checks: Sequence[Check], untested: Sequence[str] = ()) -> str:
    """Say which parts of a claim hold, which do not, and which were not tested."""
    together = statistics.refuting(checks)
    groups = (("Fails", False), ("Open", None), ("Holds", True))
    parts: list[str] = []
    for word, state in groups:
        texts = [
            f"{check.text}{check.numbers}" for check in checks if check.state(together) is state
        ]
        more = f"; and {len(texts) - LONGEST_LIST} more" if len(texts) > LONGEST_LIST else ""
        if texts:
            parts.append(f"{word}: " + "; ".join(texts[:LONGEST_LIST]) + more + ".")
    if untested:
        parts.append("Not tested: " + "; ".join(untested) + ".")
    return " ".join(parts)
