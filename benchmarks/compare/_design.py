"""Sizes of the comparison, and the networks that it trains: what depends on what."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.compare._methods import CONTROL, Method, Place, Strength
from benchmarks.paper._arms import Arm, Results, nonzero
from benchmarks.paper._halving import Rung, Search
from benchmarks.paper._scales import Scale, Settings
from sparse_rnn import TrainConfig
from sparse_rnn.sweep import store

Grid = tuple[Settings, ...]


@dataclass(frozen=True)
class Effort:
    """What the networks of a size are given.

    Attributes:
        base: Settings of all networks besides those of the scale.
        longer: How many times as many gradient steps the long run of the control has.
        rungs: Rounds of the search; none takes the first of the grid.
        seeds: Seeds of the comparison.
    """

    base: Settings
    longer: int
    rungs: tuple[Rung, ...]
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)


@dataclass(frozen=True)
class Design:
    """Sizes of the comparison at a scale.

    Attributes:
        small: The two densities at the size at which all methods are compared.
        large: The larger size, for the best ones.
        effort: What the networks at the densities of `small` are given.
        large_effort: What those at the larger size are given.
        trained: Starts and rates that a method chooses from.
        reservoir: The same of a reservoir, whose recurrent weights have no rate.
        ridge: Starts and penalties that a readout in closed form chooses from.
        strengths: How many strengths are tried beyond the first ones, for each density.
        best: The methods that were best at the lower density, by name, where the committed finding
            says so; without any the runs are asked.
    """

    small: tuple[Place, Place]
    large: Place
    effort: Effort
    large_effort: Effort
    trained: Grid
    reservoir: Grid
    ridge: Grid
    strengths: int
    best: tuple[str, ...] = ()

    def effort_at(self, place: Place) -> Effort:
        """What the networks of a place are given."""
        return self.large_effort if place == self.large else self.effort


def grid(**axes: Sequence[object]) -> Grid:
    """All combinations of some settings.

    Example:
        >>> grid(lr=(1, 2), init=("torch",))
        ({'lr': 1, 'init': 'torch'}, {'lr': 2, 'init': 'torch'})
    """
    return tuple(
        dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())
    )


def _trained(inits: Sequence[str], rates: Sequence[Settings]) -> Grid:
    return tuple({"init": init, **one} for init in inits for one in rates)


_RATES: tuple[Settings, ...] = (
    {"lr": 1e-3},
    {"lr": 2e-3, "rates": {"recurrent": 0.3}},
    {"lr": 2e-3, "rates": {"recurrent": "in_degree"}},
)
"""The last one gives recurrent weights a rate that follows the in-degree, also on the way."""

_GRIDS: Mapping[str, Grid] = {
    "trained": _trained(("fan_in", "orthogonal"), _RATES),
    "reservoir": grid(init_gain=(0.5, 0.9, 1.3), lr=(1e-3, 1e-2)),
    # The mean square of a state is some 2e-3: a penalty of that size leaves nothing but "fixate".
    "ridge": grid(init_gain=(0.5, 0.9, 1.3), ridge=(1e-6, 1e-4)),
}
SEARCH = 100
"""The seed that settings are chosen on; others follow it, and none of them is compared."""

_SMOKE = Effort(
    base={
        "suite": ("Go", "DlyGo_IntL", "DMS"),
        "steps": 6,
        "eval_every": 3,
        "eval_batches": 1,
        "final_batches": 2,
    },
    longer=2,
    rungs=(),
    seeds=(0, 1),
)
_PAPER = Effort(
    base={},
    longer=5,
    rungs=(Rung(500, (SEARCH,), 3), Rung(1500, (SEARCH, SEARCH + 1, SEARCH + 2), 1)),
)

DESIGNS: Mapping[str, Design] = {
    "smoke": Design(
        small=(Place(4, 1, every=2, levels=2, batches=1), Place(4, 1.5, every=2, batches=1)),
        large=Place(5, 1, every=2, batches=1),
        effort=_SMOKE,
        large_effort=_SMOKE,
        trained=_trained(("fan_in",), ({"lr": 1e-2}, _RATES[2])),
        reservoir=grid(init_gain=(0.9,), lr=(1e-2,)),
        ridge=grid(init_gain=(0.9,), ridge=(1e-1,)),
        strengths=0,
    ),
    "laptop": Design(
        small=(Place(20, 2), Place(20, 4, levels=2)),
        large=Place(50, 6),
        effort=Effort(
            base={"eval_batches": 4},
            longer=3,
            rungs=(Rung(200, (SEARCH,), 2), Rung(400, (SEARCH,), 1)),
        ),
        large_effort=Effort(
            base={"eval_batches": 4, "steps": 1000},
            longer=2,
            rungs=(Rung(200, (SEARCH,), 1),),
        ),
        trained=_GRIDS["trained"],
        reservoir=_GRIDS["reservoir"],
        ridge=_GRIDS["ridge"],
        strengths=2,
        best=("small-world", "magnitude", "selfish", "noise_prune", "set"),
    ),
    "paper": Design(
        small=(Place(20, 2, levels=15), Place(20, 4, levels=9)),
        large=Place(50, 6, levels=14),
        effort=_PAPER,
        large_effort=_PAPER,
        trained=_GRIDS["trained"],
        reservoir=_GRIDS["reservoir"],
        ridge=_GRIDS["ridge"],
        strengths=4,
    ),
}
"""The designs by scale. On a laptop 400 units: a run of 2000 steps takes 45 (3.25 %) to 110 s
(dense) of one core. A step of 2500 units takes 0.11 (local) to 0.18 s (random): these networks have
half as many, and one round of search."""


def affords_dense(place: Place, scale: Scale) -> bool:
    """Whether a dense network of the size of a place can be trained at a scale."""
    return scale.dense_limit is None or place.n_units <= scale.dense_limit


def search(method: Method, place: Place, scale: Scale) -> Search:
    """The search for the start and the rates of a method."""
    design = DESIGNS[scale.name]
    effort = design.effort_at(place)
    own = {**scale.modcog, **effort.base, **method.settings(place)}
    choices: Grid = getattr(design, method.grid)
    label = f"{method.name}, {place.label}"
    return Search(label, tuple({**own, **one} for one in choices), effort.rungs, method.kind)


def strength_arm(method: Method, own: Settings, value: float, strength: Strength) -> Arm:
    """A network that says how many synapses a strength of a method leaves."""
    label = f"{method.name}, {strength.option} {value:g}"
    return Arm(label, strength.settings(own, value), (SEARCH,))


def density_of(arm: Arm, results: Results, scale: Scale) -> float | None:
    """The density that a network reached; None before it ran, 0 where no synapse was left."""
    for run in results.arm(arm, scale):
        network = run.network()
        return nonzero(network, 0.0) / network.rnn.hidden_size**2
    (config,) = arm.configs(scale)
    *_, last = (None, *store.failures(arm.place(results.folder, config)))
    return 0.0 if last and last.gave_up else None


def next_strength(found: Mapping[float, float], density: float) -> float:
    """A strength that may leave a density: between those around it, or beyond them all.

    Args:
        found: The density by strength.
        density: The density that is wanted.

    Example:
        >>> next_strength({1.0: 0.5, 100.0: 0.005}, 0.05)
        10.0
        >>> next_strength({1.0: 0.5, 2.0: 0.1}, 0.05), next_strength({1.0: 0.01}, 0.05)
        (8.0, 0.25)
    """
    weaker = [value for value, left in found.items() if left >= density]
    stronger = [value for value, left in found.items() if left < density]
    if not stronger:
        return 4 * max(weaker)
    if not weaker:
        return min(stronger) / 4
    low, high = max(weaker), min(stronger)
    if low > high:  # What is left need not fall evenly.
        low, high = high, low
    lefts = [math.log(max(found[end], density / 100)) for end in (low, high)]
    span = lefts[1] - lefts[0]
    part = min(max((math.log(density) - lefts[0]) / span, 0.1), 0.9) if span else 0.5
    return float(f"{low * (high / low) ** part:.3g}")


def tried(
    method: Method, place: Place, own: Settings, results: Results, scale: Scale
) -> tuple[dict[float, float], list[Arm]]:
    """The strengths that were tried, with the densities that they left, and what is to be tried."""
    strength, found = method.strength, dict[float, float]()
    if strength is None:
        return found, []
    values = strength.values
    for _ in range(1 + DESIGNS[scale.name].strengths):
        waiting: list[Arm] = []
        for value in values:
            arm = strength_arm(method, own, value, strength)
            left = density_of(arm, results, scale)
            if left is None:
                waiting.append(arm)
            else:
                found[value] = left
        if waiting:
            return found, waiting
        values = (next_strength(found, place.density),)
    return found, []


def nearest(found: Mapping[float, float], density: float) -> float:
    """The strength that left the density that is nearest, as a ratio."""
    return min(found, key=lambda value: abs(math.log(max(found[value], 1e-9) / density)))


def arm(method: Method, place: Place, results: Results, scale: Scale) -> Arm | None:
    """The network that is compared; None before its settings are found."""
    own = search(method, place, scale).chosen(results, scale)
    if own is not None and method.strength is not None:
        found, waiting = tried(method, place, own, results, scale)
        value = None if waiting else nearest(found, place.density)
        own = None if value is None else method.strength.settings(own, value)
    if own is None:
        return None
    return method.kind(
        f"{method.name}, {place.label}", own, DESIGNS[scale.name].effort_at(place).seeds
    )


def long_arm(place: Place, results: Results, scale: Scale) -> Arm | None:
    """The control, trained for longer: what it does with the work and the time of others."""
    short = arm(CONTROL, place, results, scale)
    if short is None:
        return None
    return _for_longer(short, DESIGNS[scale.name].effort_at(place))


def _for_longer(short: Arm, effort: Effort) -> Arm:
    steps: int = short.settings["steps"]
    # Looked at seldom, and by as many batches as the others are at their ends.
    looks = {"eval_every": max(1, steps // 4), "eval_batches": short.settings["final_batches"]}
    settings = {**short.settings, "steps": effort.longer * steps, **looks}
    return Arm(f"{short.label}, long", settings, effort.seeds)


def due(method: Method, place: Place, results: Results, scale: Scale) -> list[Arm]:
    """What can be trained now for a method: a round of the search, a strength, or the network."""
    looked_for = search(method, place, scale)
    own = looked_for.chosen(results, scale)
    if own is None:
        return looked_for.next_arms(results, scale)
    if method.strength is not None:
        waiting = tried(method, place, own, results, scale)[1]
        if waiting:
            return waiting
    found = [arm(method, place, results, scale)]
    if method is CONTROL:
        found.append(long_arm(place, results, scale))
    return [one for one in found if one is not None]


def planned(method: Method, place: Place, results: Results, scale: Scale) -> Iterator[Arm]:
    """All that is to be trained for a method, with guesses for what is not known yet."""
    design, looked_for = DESIGNS[scale.name], search(method, place, scale)
    own = looked_for.chosen(results, scale)
    if own is None:
        own = looked_for.candidates[0]
        sizes = [len(looked_for.candidates), *(rung.keep for rung in looked_for.rungs[:-1])]
        for number, (size, _) in enumerate(zip(sizes, looked_for.rungs, strict=False)):
            yield from looked_for.arms(number, looked_for.candidates[:size])
    strength = method.strength
    if strength is not None:
        found, _ = tried(method, place, own, results, scale)
        n_left = len(strength.values) + design.strengths - len(found)
        guesses = [strength.values[-1] * (2 + n + place.radius) for n in range(n_left)]
        for value in guesses:
            yield strength_arm(method, own, value, strength)
        own = strength.settings(own, guesses[-1] if guesses else nearest(found, place.density))
    effort = design.effort_at(place)
    network = method.kind(looked_for.label, own, effort.seeds)
    yield network
    if method is CONTROL:
        yield _for_longer(network, effort)


def n_updates(method: Method, place: Place, scale: Scale) -> int:
    """Gradient steps that finding the settings of a method took."""
    design, looked_for = DESIGNS[scale.name], search(method, place, scale)
    steps: int = looked_for.candidates[0]["steps"]
    strength = method.strength
    more = steps * (len(strength.values) + design.strengths) if strength else 0
    trainings = 1 + place.levels if method.name == "imp" else 1
    return trainings * looked_for.n_updates + more


def configs(arms: Iterable[Arm], results: Results, scale: Scale) -> list[TrainConfig]:
    """The runs of some networks that are not finished."""
    return [config for one in arms for config in results.missing(one, scale)]
