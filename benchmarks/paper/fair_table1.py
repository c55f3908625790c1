"""Do local masks lead dense networks of equal units or weights, each with its own start and rates?

On each size of the map two masks are compared with the dense network of equal units, and with the
smaller dense networks that have about as many weights. The networks of 2500 units, and those that
an L1 penalty makes sparse, are in the map only where a scale says so.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.paper import _fair as fair, table1
from benchmarks.paper._experiment import Outcome, question
from benchmarks.paper._fair import Fair
from benchmarks.paper._map import DENSE, MAPS, Net
from benchmarks.paper._scales import SCALES, Scale

RADII = {"smoke": (1,), "laptop": (2, 4), "paper": (4, 6)}
"""Radii of the two masks of each size, by scale; in the paper's table there are two, too."""

AS_MANY = 0.25
"""Part by which numbers of weights differ that are about equal."""


def pairs(found: Fair) -> Iterator[tuple[Net, Net]]:
    """A local mask and the dense network that it is compared with."""
    for side in found.sides:
        for d in RADII[found.scale.name]:
            net = found.of(side, f"local d={d}")
            yield net, found.of(side, DENSE)
            for smaller in found.sides:
                other = found.of(smaller, DENSE)
                if smaller < side and abs(other.n_weights / net.n_weights - 1) <= AS_MANY:
                    yield net, other


def untested(scale: Scale) -> tuple[str, ...]:
    """The comparisons of the paper's table that the map does not have."""
    sides = MAPS[scale.name].sides
    there = {f"Dense {side * side}" for side in sides} | {
        f"LM-RNN {side}x{side}, d={d}" for side in sides for d in RADII[scale.name]
    }
    paper, parts = SCALES["paper"], list[str]()
    for sheet in table1.SHEETS["paper"]:
        masks = [arm.label for arm in table1.local_arms(paper, sheet)]
        whole = [arm.label for arm in table1.dense_arms(paper, sheet)]
        for other in (*whole, f"L1 {sheet.n_units}"):
            missing = [mask for mask in masks if not {mask, other} <= there]
            if missing:
                parts.append(f"{' and '.join(missing)} against {other}")
    return tuple(parts)


def outcome(found: Fair) -> Outcome:
    """Decide: each local mask leads each dense network that it is compared with."""
    compared = list(pairs(found))
    checks = [found.leads(*pair) for pair in compared]
    leads = {f"{net.label}, over {other.label}": found.lead(net, other) for net, other in compared}
    return fair.outcome_of("fair_table1", found, checks, leads, *untested(found.scale))


EXPERIMENT = fair.experiment(question(__doc__), outcome)
