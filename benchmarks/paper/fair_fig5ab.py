"""Is an intermediate radius ahead of both ends and of dense, each with its own start and rates?"""

from __future__ import annotations

from benchmarks.paper import _fair as fair, fig5ab
from benchmarks.paper._experiment import Outcome, question
from benchmarks.paper._fair import Fair
from benchmarks.paper._map import DENSE, LOCAL, Net
from benchmarks.paper._ranks import Shift
from benchmarks.paper._statistics import Check


def extreme(net: Net) -> bool:
    """Whether a mask is at an end: autapses alone, or more than half of all synapses."""
    return net.in_degree == 1 or 2 * net.in_degree > net.side**2


def outcome(found: Fair) -> Outcome:
    """Decide: on each sheet a radius between the ends leads both ends and the dense network."""
    checks: list[Check] = []
    leads: dict[str, Shift] = {}
    wanted = [side for side, _ in fig5ab.SHEETS["paper"] if side not in found.sides]
    untested = [f"sheets of {side}x{side} units" for side in wanted]
    for side in found.sides:
        masks = [
            net
            for net in found.nets
            if net.side == side and (net.kind.startswith(LOCAL) or net.in_degree == 1)
        ]
        between = [net for net in masks if not extreme(net)]
        ran = [net for net in between if found.final(net).n]
        if not ran:
            untested.append(f"sheets of {side}x{side} units")
            continue
        top = max(ran, key=lambda net: found.final(net).mean)
        for other in (*filter(extreme, masks), found.of(side, DENSE)):
            checks.append(found.leads(top, other, best_of=len(between)))
            leads[f"{top.label}, over {other.label}"] = found.lead(top, other)
    return fair.outcome_of("fair_fig5ab", found, checks, leads, *untested)


EXPERIMENT = fair.experiment(question(__doc__), outcome)
