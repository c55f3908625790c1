"""Is the lead of local masks a matter of start and rates on other tasks than Mod-Cog, too?

The comparison of `why`, on the 20 base tasks and on the compositions of both modifiers alone, at
one size: each network in the paper's setting, one start and one rate for all, and with the start
and the rates that are best for it there, found on seeds that are not compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import modcog
from benchmarks.paper._experiment import question
from benchmarks.paper._halving import Rung
from benchmarks.paper._map import MAPS, Map
from benchmarks.paper._scales import Scale
from benchmarks.paper._two_settings import Ground, TwoSettings

BASE, COMPOSED = "cog-20", "Int x Seq"
"""The suites: the base tasks, and the compositions among the tasks of `mod-cog-126`."""

AXES: Mapping[str, Map] = {
    "smoke": Map((4,), (1,), 1, ("identity",), (1e-2,), (0.1,), (Rung(5, (100,), 1),), (0,)),
    "laptop": Map(
        (15,),
        (4,),
        4,
        ("fan_in", "identity"),
        (1e-3, 2e-3),
        (1.0, 0.3, 0.1),
        (Rung(250, (100,), 3), Rung(500, (100, 101), 1)),
        (0, 1, 2, 3, 4),
    ),
    "paper": replace(MAPS["paper"], sides=(20,), radii=(2, 4, 6)),
}
"""The networks, the settings to choose from and the rounds of the searches, by scale."""


@cache
def composed() -> tuple[str, ...]:
    """The tasks with both modifiers."""
    return modcog.suite("mod-cog-126", features="Int & Seq")


def grounds(scale: Scale) -> tuple[Ground, ...]:
    """Both suites. The base tasks, which are learned sooner, have half of the steps."""
    base = {**scale.cog20, "steps": max(1, scale.cog20["steps"] // 2)}
    both = {**scale.modcog, "suite": composed()}
    axes = AXES[scale.name]
    return Ground(BASE, base, axes), Ground(COMPOSED, both, axes)


def _tasks(every: tuple[Ground, ...]) -> str:
    base, both = (ground.tasks["steps"] for ground in every)
    return (
        f"{BASE}, {base} steps; the {len(composed())} tasks of mod-cog-126 with Int and Seq, "
        f"{both} steps;"
    )


COMPARISON = TwoSettings("why_suites", grounds, _tasks)
EXPERIMENT = COMPARISON.experiment(question(__doc__))
