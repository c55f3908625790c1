"""What each comparison claims, written down before any of its runs was looked at.

A claim here is a prediction of ours and can be refuted. For recurrent networks, published work says
that random synapses are as good as those that most criteria choose; on these tasks nobody has
looked.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from benchmarks.paper.claims import Claim

_ALL = (
    "with the start and the rates that are best for each, {} is ahead of random synapses of equal "
    "in-degree by 0.05 or more: not at equal updates, nor at equal work, nor in equal time."
)

CLAIMS: Mapping[str, Claim] = MappingProxyType(
    {
        "rivals_low": Claim(
            "Our question: rivals at 3 %",
            "At N = 400 and the density of d = 2, "
            + _ALL.format("no method that chooses or moves synapses, and no local mask,"),
        ),
        "rivals_high": Claim(
            "Our question: rivals at 12 %",
            "At N = 400 and the density of d = 4, "
            + _ALL.format("no method that chooses or moves synapses, and no local mask,"),
        ),
        "rivals_dense": Claim(
            "Our question: rivals from dense",
            "At N = 400 and both densities, "
            + _ALL.format("no method that trains a dense network first, lottery tickets included,"),
        ),
        "rivals_large": Claim(
            "Our question: rivals at N = 2500",
            "At N = 2500 and the density of d = 6, "
            + _ALL.format("none of the five methods that are best at N = 400, and no local mask,"),
        ),
    }
)
"""The claims by id of the experiment."""
