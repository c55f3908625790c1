"""The methods, a row each: what a network is trained with to have its synapses chosen so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from benchmarks.compare._chains import RidgeArm, TicketArm
from benchmarks.paper._arms import Arm, dense, locality, neighbours, radius_of
from benchmarks.paper._scales import Settings


@dataclass(frozen=True)
class Place:
    """A size and a density: those of a local mask on a sheet.

    Attributes:
        side: Side of the sheet.
        radius: Radius of the local mask.
        every: Gradient steps between two changes of the synapses.
        levels: Prunings of a lottery ticket.
        batches: Batches that a method looks at, where it looks at any.
    """

    side: int
    radius: float
    every: int = 100
    levels: int = 3
    batches: int = 4

    @property
    def n_units(self) -> int:
        """Number of units."""
        return self.side**2

    @property
    def in_degree(self) -> int:
        """Synapses onto each unit."""
        return neighbours(self.side, self.radius)

    @property
    def density(self) -> float:
        """Synapses over N squared."""
        return self.in_degree / self.n_units

    @property
    def label(self) -> str:
        """What it is called."""
        return f"N={self.n_units}, {100 * self.density:.4g} %"


@dataclass(frozen=True)
class Strength:
    """What sets the density of a method that cannot be given one.

    Attributes:
        option: A setting, or an option of the sparsifier.
        values: The first ones that are tried, ascending; more of it leaves fewer synapses.
    """

    option: str
    values: tuple[float, ...]

    def settings(self, own: Settings, value: float) -> Settings:
        """The settings with another strength."""
        options: Settings = own.get("sparsifier_options", {})
        if self.option in options:
            return {**own, "sparsifier_options": {**options, self.option: value}}
        return {**own, self.option: value}


@dataclass(frozen=True)
class Method:
    """One way to choose synapses.

    Attributes:
        name: What it is called.
        settings: Settings of its networks beside start and rates, which say the density.
        grid: Which starts and rates it chooses from.
        kind: What carries out its runs.
        strength: What sets the density, where it is not said by the settings.
        judged: Whether the claim is about it; a control that was added after the runs were seen is
            shown alone.
    """

    name: str
    settings: Callable[[Place], Settings]
    grid: Literal["trained", "reservoir", "ridge"] = "trained"
    kind: type[Arm] = Arm
    strength: Strength | None = None
    judged: bool = True


def by(sparsifier: str, *of_place: str, **options: Any) -> Callable[[Place], Settings]:
    """Settings of a sparsifier that takes a density, from a dense network on.

    Args:
        sparsifier: Its name.
        *of_place: Options that have the place's value.
        **options: Other options.
    """

    def settings(place: Place) -> Settings:
        told = {name: getattr(place, name) for name in ("density", *of_place)}
        made = {"sparsifier": sparsifier, "sparsifier_options": {**told, **options}}
        return {**dense(place.n_units), **made}

    return settings


def softened(sparsifier: str, **options: Any) -> Callable[[Place], Settings]:
    """Settings of a sparsifier that takes no density."""
    told = {"sparsifier": sparsifier, "sparsifier_options": options}
    return lambda place: {**dense(place.n_units), **told}


def random_mask(place: Place) -> Settings:
    """Settings of random synapses of equal in-degree, as a local mask has them."""
    options = {"in_degree": place.in_degree, "self_connections": "always"}
    return {"arch": "random", "size": place.n_units, "mask_options": options}


def random_others(place: Place) -> Settings:
    """Settings of random synapses of equal in-degree, none of them of a unit onto itself."""
    options = {"in_degree": place.in_degree, "self_connections": "never"}
    return {"arch": "random", "size": place.n_units, "mask_options": options}


def small_world(place: Place) -> Settings:
    """Settings of a local mask of about half of the synapses, and others from anywhere."""
    side = place.side
    return {
        "arch": "small_world",
        "size": (side, side),
        "radius": radius_of(side, place.density / 2),
        "mask_options": {"nnz": place.n_units * place.in_degree},
    }


def reservoir(place: Place) -> Settings:
    """Settings of random synapses whose weights stay as they are, those of the inputs too."""
    frozen = {"recurrence": "frozen", "freeze": "input", "nonlinearity": "tanh"}
    return {**random_mask(place), **frozen, "init": "spectral_radius"}


def ticket(place: Place) -> Settings:
    """Settings of a lottery ticket; each level keeps the same share of the one before."""
    keep = place.density ** (1 / place.levels)
    return by("imp", keep=keep)(place)


CONTROL = Method("random, equal in-degree", random_mask)
LOCAL = Method("local", lambda place: locality(place.side, place.radius))
WHOLE = Method("dense", lambda place: dense(place.n_units))
OTHERS = Method("random, none onto itself", random_others)
"""Tells what the control has from the synapses of units onto themselves."""

LOUDER = Method(
    "random, start x 1.4",
    lambda place: {**random_mask(place), "init_gain": 1.4},
    judged=False,
)
"""Tells what `noise_prune` has from keeping large weights more often: with 2500 units its networks
start with a spectral radius of 1.4, and those of the other methods with 1."""

CONTROLS = (CONTROL, LOCAL, WHOLE, OTHERS)
"""What no method chooses synapses for."""

SPARSE: tuple[Method, ...] = (
    CONTROL,
    LOCAL,
    Method("rigl", by("rigl", "every", "batches")),
    Method("set", by("set", "every")),
    Method("snip", by("snip", "batches")),
    WHOLE,
    Method("small-world", small_world),
    Method("srigl", by("srigl", "every", "batches")),
    Method("selfish", by("selfish", "every")),
    Method("grasp", by("grasp", "batches")),
    Method("force", by("force", "batches")),
    Method("synflow", by("synflow")),
    Method("jacobian", by("jacobian", "batches")),
    Method("iterative_snip", by("iterative_snip", "batches")),
    Method("noise_prune", by("noise_prune")),
    Method("magnitude", by("magnitude")),
    Method("random", by("random")),
    OTHERS,
    Method("reservoir, ridge", reservoir, "ridge", RidgeArm),
    Method("reservoir, Adam", reservoir, "reservoir"),
)
"""Methods whose networks have their density from the first gradient step on, and the dense network;
the most telling ones first, as they are carried out in this order."""

FROM_DENSE: tuple[Method, ...] = (
    Method("gradual", by("gradual", "every")),
    Method("imp", ticket, kind=TicketArm),
    Method(
        "l1 proximal",
        lambda place: {**dense(place.n_units), "l1_proximal": 0.3},
        strength=Strength("l1_proximal", (0.1, 0.5)),
    ),
    Method(
        "l0",
        softened("l0", penalty=1e-5, open_at_start=0.2),
        strength=Strength("penalty", (3e-6, 3e-5)),
    ),
    Method(
        "str",
        softened("str", start=-4.0),
        strength=Strength("l2", (1e-4, 1e-3)),
    ),
)
"""Methods that train a dense network first, and those that no density can be given."""
