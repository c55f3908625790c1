"""On the base tasks, does a local mask learn faster, each network with its own start and rates?"""

from __future__ import annotations

from benchmarks.paper import _fair as fair, fig2a
from benchmarks.paper._arms import Arm, Results
from benchmarks.paper._experiment import Outcome, question
from benchmarks.paper._fair import Fair, Source
from benchmarks.paper._learning import Curves
from benchmarks.paper._map import DENSE, LOCAL
from benchmarks.paper._ranks import Shift
from benchmarks.paper._scales import Scale
from benchmarks.paper._statistics import above
from benchmarks.paper.why_suites import BASE, COMPARISON


def read(results: Results, scale: Scale) -> Fair | None:
    """The networks of `why_suites` on the base tasks."""
    found = COMPARISON.analyse(results, scale)
    if found is None:
        return None
    ground = found.ground(BASE)
    every = tuple(ground.nets)

    def of(curves: Curves) -> Curves:
        labels = {net.label: ground.label(net) for net in every}
        return {name: curves[label] for name, label in labels.items() if label in curves}

    own, source = of(found.own), COMPARISON.name
    return Fair(every, own, of(found.paper), found.n_updates, scale, source) if own else None


def judges(results: Results, scale: Scale) -> tuple[Arm, ...]:
    """Those of them whose settings are found."""
    found = COMPARISON.own_arms(results, scale)
    return tuple(arm for name, arm in found.items() if arm and name.startswith(BASE))


def outcome(found: Fair) -> Outcome:
    """Decide: each local mask has a higher mean performance over all steps than dense."""
    masks = [net for net in found.nets if net.kind.startswith(LOCAL)]
    leads = {
        f"{net.label}, over {whole.label}, mean over all steps": Shift(
            found.area(net), found.area(whole)
        )
        for net in masks
        for whole in (found.of(net.side, DENSE),)
    }
    checks = [above(f"{name}: ahead", lead) for name, lead in leads.items()]
    there = {net.kind for net in masks}
    missing = [d for d in fig2a.SIZES["paper"][1] if f"{LOCAL} d={d}" not in there]
    parts = [f"d={', '.join(map(str, missing))}"] if missing else []
    parts.append(f"whether a small d is best at {fig2a.EARLY} steps")
    return fair.outcome_of("fair_fig2a", found, checks, leads, *parts)


SOURCE = Source(read, judges, COMPARISON.work, COMPARISON.left)
EXPERIMENT = fair.experiment(question(__doc__), outcome, SOURCE)
