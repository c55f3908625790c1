"""Is the lead of local masks a matter of start and rates in a larger network, too?

The comparison of `why` with 900 units on Mod-Cog, and with two starts to choose from: each network
in the paper's setting, one start and one rate for all, and with the start and the rates that are
best for it, found on seeds that are not compared. A dense network of 2500 units takes too long for
a search.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from benchmarks.paper._experiment import question
from benchmarks.paper._map import MAPS, Map
from benchmarks.paper._scales import Scale
from benchmarks.paper._two_settings import Ground, TwoSettings
from benchmarks.paper.why_suites import AXES as FEWER

AXES: Mapping[str, Map] = {
    "smoke": FEWER["smoke"],
    "laptop": replace(FEWER["laptop"], sides=(30,), radii=(2, 4, 6)),
    "paper": replace(MAPS["paper"], sides=(30,)),
}
"""The networks, the settings to choose from and the rounds of the searches, by scale."""


def grounds(scale: Scale) -> tuple[Ground, ...]:
    """Mod-Cog, with networks of one size."""
    return (Ground("Mod-Cog", scale.modcog, AXES[scale.name]),)


def _tasks(every: tuple[Ground, ...]) -> str:
    (ground,) = every
    return f"{ground.tasks['suite']}, {ground.tasks['steps']} steps"


COMPARISON = TwoSettings("why_large", grounds, _tasks)
EXPERIMENT = COMPARISON.experiment(question(__doc__))
