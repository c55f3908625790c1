"""Are local masks as good as random ones of equal in-degree, each with its own start and rates?"""

from __future__ import annotations

from benchmarks.paper import _fair as fair
from benchmarks.paper._experiment import Outcome, question
from benchmarks.paper._fair import Fair
from benchmarks.paper._map import LOCAL, RANDOM, Net
from benchmarks.paper._statistics import below
from benchmarks.paper.fig5c import DENSITY, MARGIN


def masks(found: Fair, side: int) -> tuple[Net, Net]:
    """The local and the random mask of a size that have the same in-degree."""
    random = found.of(side, RANDOM)
    (local,) = (
        net
        for net in found.nets
        if net.side == side and net.kind.startswith(LOCAL) and net.in_degree == random.in_degree
    )
    return local, random


def outcome(found: Fair) -> Outcome:
    """Decide: at no size is the random mask clearly ahead."""
    pairs = [masks(found, side) for side in found.sides]
    checks = [
        below(
            f"{random.label}, less than {MARGIN:g} ahead of {local.label}",
            found.lead(random, local),
            MARGIN,
        )
        for local, random in pairs
    ]
    leads = {f"{one.label}, over {other.label}": found.lead(one, other) for one, other in pairs}
    shares = [one.in_degree / one.side**2 for one, _ in pairs]
    there = any(DENSITY / 2 <= share <= 2 * DENSITY for share in shares)
    told = " and ".join(f"{share:.0%}" for share in shares)
    parts = [] if there else [f"a sparsity of about {DENSITY:.0%}; the masks have {told}"]
    return fair.outcome_of("fair_fig5c", found, checks, leads, *parts)


EXPERIMENT = fair.experiment(question(__doc__), outcome)
