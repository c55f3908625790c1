"""The networks of the map: architectures by size, and the settings that each may choose from."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from benchmarks.paper._arms import autapses, dense, locality, neighbours
from benchmarks.paper._cost import N_INPUTS, N_OUTPUTS
from benchmarks.paper._halving import Rung, Search
from benchmarks.paper._scales import Scale, Settings

DENSE, LOCAL, RANDOM = "dense", "local", "random"
"""Begin the kinds of networks."""


@dataclass(frozen=True)
class Map:
    """The axes of the map.

    Attributes:
        sides: Sides of the sheets.
        radii: Radii of the local masks.
        random_as: Radius whose in-degree the random mask has.
        inits: Starts.
        rates: Learning rates of input and readout.
        factors: Factors of them for recurrent weights.
        rungs: Rounds of the search.
        seeds: Seeds of the comparison.
    """

    sides: tuple[int, ...]
    radii: tuple[int, ...]
    random_as: int
    inits: tuple[str, ...]
    rates: tuple[float, ...]
    factors: tuple[float, ...]
    rungs: tuple[Rung, ...]
    seeds: tuple[int, ...]


_STARTS = ("fan_in", "identity", "orthogonal", "spectral_radius", "torch")
MAPS: Mapping[str, Map] = {
    "smoke": Map(
        (4,),
        (1,),
        1,
        ("identity",),
        (1e-2,),
        (1.0, 0.1),
        (Rung(10, (100,), 1),),
        (0, 1),
    ),
    "laptop": Map(
        (15, 20),
        (2, 4, 6),
        4,
        _STARTS,
        (1e-3, 2e-3),
        (1.0, 0.3, 0.1),
        (Rung(250, (100,), 10), Rung(500, (100, 101), 3), Rung(1000, (100, 101, 102), 1)),
        (0, 1, 2, 3, 4),
    ),
    "paper": Map(
        (15, 20, 30, 50),
        (2, 4, 6),
        4,
        _STARTS,
        (5e-4, 1e-3, 2e-3, 4e-3),
        (1.0, 0.3, 0.1, 0.03),
        (Rung(500, (100,), 16), Rung(1000, (100, 101), 5), Rung(2500, (100, 101, 102), 1)),
        tuple(range(15)),
    ),
}
"""The map by scale."""


@dataclass(frozen=True)
class Net:
    """One architecture at one size.

    Attributes:
        side: Side of the sheet.
        kind: Which mask.
        settings: Settings of the mask.
        in_degree: Synapses onto each unit.
    """

    side: int
    kind: str
    settings: Settings
    in_degree: int

    @property
    def label(self) -> str:
        """What it is called."""
        return f"N={self.side**2}, {self.kind}"

    @property
    def n_weights(self) -> int:
        """Weights on Mod-Cog, those of input and readout included, without biases."""
        ends = N_INPUTS["mod-cog-84"] + N_OUTPUTS
        return self.side**2 * (self.in_degree + ends)

    @property
    def work(self) -> int:
        """Multiply-adds of a time step of a sequence: each weight once."""
        return self.n_weights


def nets(axes: Map) -> Iterator[Net]:
    """The networks of the map, for each size the dense one first."""
    for side in axes.sides:
        n = side * side
        yield Net(side, DENSE, dense(n), n)
        for d in axes.radii:
            yield Net(side, f"local d={d}", locality(side, d), neighbours(side, d))
        degree = neighbours(side, axes.random_as)
        # As a local mask has them, and as the start "identity" needs them.
        options = {"in_degree": degree, "self_connections": "always"}
        settings = {"arch": "random", "size": n, "mask_options": options}
        yield Net(side, f"random, in-degree {degree}", settings, degree)
        yield Net(side, "autapses", autapses(n), 1)


def lateral(axes: Map) -> list[Net]:
    """The networks of a map that have lateral connections, for each size the dense one first."""
    return [net for net in nets(axes) if net.in_degree > 1]


def local_net(side: int, axes: Map) -> Net:
    """The local network of a size that claims are about: that of the middle radius."""
    radius = axes.radii[len(axes.radii) // 2]
    (found,) = (net for net in nets(axes) if net.side == side and net.kind == f"local d={radius}")
    return found


def search(
    net: Net, scale: Scale, axes: Map | None = None, tasks: Settings | None = None
) -> Search:
    """The search for the start and the rates of a network.

    Args:
        net: The network.
        scale: The scale.
        axes: Which starts, rates and rounds; None for those of the scale's map.
        tasks: Settings of all its runs; None for those on Mod-Cog.
    """
    axes = MAPS[scale.name] if axes is None else axes
    grid = itertools.product(axes.inits, axes.rates, axes.factors)
    candidates = tuple(
        {
            **(scale.modcog if tasks is None else tasks),
            **net.settings,
            "init": init,
            "lr": rate,
            "rates": {"recurrent": factor},
        }
        for init, rate, factor in grid
    )
    return Search(net.label, candidates, axes.rungs)
