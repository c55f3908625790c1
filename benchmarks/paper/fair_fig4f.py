"""With the start and the rates that are best for it, does a pool of autapses stay below 50 %?"""

from __future__ import annotations

from benchmarks.paper import _fair as fair, fig4f
from benchmarks.paper._experiment import Outcome, question
from benchmarks.paper._fair import Fair
from benchmarks.paper._statistics import below

POOL = "autapses"


def outcome(found: Fair) -> Outcome:
    """Decide: each pool stays below the bound.

    A level and 5 seeds: no rule by ranks could decide it, so that the mean does.
    """
    pools = [found.of(side, POOL) for side in found.sides]
    checks = [
        below(f"{pool.label}, below {fig4f.BOUND:g} at the end", found.final(pool), fig4f.BOUND)
        for pool in pools
    ]
    largest = pools[-1].side ** 2
    missing = sorted(size for size in fig4f.SIZES["paper"] if size > largest)
    parts = [f"pools of {', '.join(map(str, missing))} autapses"] if missing else []
    return fair.outcome_of("fair_fig4f", found, checks, {}, *parts)


EXPERIMENT = fair.experiment(question(__doc__), outcome)
