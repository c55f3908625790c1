"""What methods share that change the synapses while a network is trained."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sparse_rnn.errors import InvalidArgument
from sparse_rnn.masks import Mask
from sparse_rnn.nn.network import Network
from sparse_rnn.nn.rewiring import Needs, Rewiring, View
from sparse_rnn.sparsify import _subject as subject
from sparse_rnn.sparsify._random import random
from sparse_rnn.sparsify._result import Sparsified
from sparse_rnn.sparsify._schedules import largest
from sparse_rnn.system.arguments import finite, whole

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

OPTION = "sparsifier_options"
"""What the names of options begin with in messages."""


@dataclass(frozen=True)
class Evolving:
    """A method that changes the synapses every so many gradient steps; abstract.

    Attributes:
        density: Synapses over N squared. The run then starts with so many of those of its mask,
            drawn at random with equal in-degrees, and their weights rescaled to them
            (`sparse_rnn.sparsify.random`). None starts with the mask as it is.
        every: Gradient steps between two changes.
    """

    GROWS: ClassVar[bool] = True
    CHANGES: ClassVar[bool] = True

    density: float | None = None
    every: int = 100

    def __post_init__(self) -> None:
        """Check the options."""
        if self.density is not None:
            share(self.density, "density", most=1)
        whole(f"{OPTION}.every", self.every, 1)

    def check(self, network: Network, steps: int) -> None:
        """Refuse a network, or a number of gradient steps, that it cannot serve.

        Raises:
            InvalidArgument: The density is more than that of the network, its recurrent weights
                cannot change, or the run ends before the synapses change.
        """
        check_network(self, network)
        last = self.last(steps)
        if last < self.every:
            allowed = f"at most {last}, the last step of {steps} at which synapses change"
            raise InvalidArgument(f"{OPTION}.every", self.every, allowed)

    def last(self, steps: int) -> int:
        """The last gradient step after which the synapses may change."""
        return steps - 1

    def due(self, step: int, steps: int) -> bool:
        """Whether the synapses change after a gradient step of so many; step 0 is the start."""
        if step == 0:
            return self.density is not None
        return step % self.every == 0 and step <= self.last(steps)

    def needs(self, step: int) -> Needs:
        """Nothing but the weights."""
        del step
        return Needs()

    def rewire(self, view: View, step: int, rng: np.random.Generator) -> Rewiring | None:
        """Choose the synapses; None leaves them as they are."""
        if step > 0:
            return self.change(view, step, rng)
        assert self.density is not None  # Else nothing is due.
        return begun(view, random(view.network, self.density, seed=rng))

    def change(self, view: View, step: int, rng: np.random.Generator) -> Rewiring | None:
        """Choose the synapses after a gradient step."""
        raise NotImplementedError

    def state(self) -> Mapping[str, Tensor]:
        """Nothing."""
        return {}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Nothing."""
        del state


def share(value: Any, name: str, *, most: float) -> float:
    """Check an option that is a share.

    Raises:
        InvalidArgument: It is no number above 0 and at most `most`.
    """
    allowed = f"a number above 0 and at most {most:g}"
    return finite(f"{OPTION}.{name}", value, allowed, above=0, most=most)


def check_network(method: Any, network: Network) -> None:
    """Refuse a network whose synapses a method cannot choose.

    Raises:
        InvalidArgument: Its recurrence is frozen, the density is more than its own, or synapses
            would grow under Dale's law, where a weight of 0 has no gradient, or where the backend
            serves no others.
    """
    rnn = network.rnn
    if rnn.recurrence == "frozen":
        raise InvalidArgument("recurrence", "frozen", "trained, with a sparsifier")
    if method.GROWS and rnn.unit_signs is not None:
        allowed = "None with a sparsifier that grows synapses: under Dale's law their size starts "
        raise InvalidArgument("inhibitory", rnn.inhibitory, allowed + "at 0, and stays there")
    if method.GROWS:
        units = np.arange(rnn.hidden_size)
        rnn.check_mask(Mask.from_edges(units.size, units, np.roll(units, 1)))
    if method.density is None:
        return
    try:
        subject.budget(network, method.density)
    except InvalidArgument as error:
        remedy = "A sparsifier needs a mask with more synapses than its density: take another arch."
        raise InvalidArgument(f"{OPTION}.density", method.density, error.allowed, remedy) from error


def begun(view: View, found: Sparsified) -> Rewiring:
    """What a method chose at the start: weights are rescaled to the new in-degrees."""
    return Rewiring(found.mask, found.origin, found.weights(view.network.rnn.weight_hh))


def cosine(start: float, step: int, end: float) -> float:
    """``start / 2 * (1 + cos(pi * step / end))``.

    Example:
        >>> cosine(0.3, 0, 100), round(cosine(0.3, 50, 100), 3)
        (0.3, 0.15)
    """
    return start / 2 * (1 + math.cos(math.pi * step / end))


Grow = Callable[[Numbers, int, np.random.Generator], Numbers]
"""``grow(kept, n, rng)``: numbers of n synapses that are not among the kept ones."""


def exchange(view: View, n: int, grow: Grow, rng: np.random.Generator) -> Rewiring | None:
    """Drop the n synapses of the smallest weights, and grow as many.

    A synapse that is dropped and grown keeps its weight and what the optimiser knows of it, as in
    the code of RigL.

    Args:
        view: The network.
        n: How many; None of them is no change.
        grow: Chooses those that grow among all that are not kept, those just dropped included.
        rng: Orders equal weights.
    """
    if n < 1:
        return None
    kept = view.keys[largest(np.abs(view.weight).sum(axis=0), view.mask.nnz - n, rng)]
    return view.with_keys(np.concatenate([kept, grow(kept, n, rng)]))


def at_random(n_units: int) -> Grow:
    """Grow any of the other synapses among so many units, each equally likely."""
    n_pairs = n_units**2

    def grow(kept: Numbers, n: int, rng: np.random.Generator) -> Numbers:
        ranks = np.sort(rng.choice(n_pairs - kept.size, n, replace=False, shuffle=False))
        # The absent one of rank r comes after all kept ones with at most r absent ones before.
        return ranks + np.searchsorted(kept - np.arange(kept.size), ranks, side="right")

    return grow


def by_gradient(gradient: Floats) -> Grow:
    """Grow those of the largest ``|G|``.

    Args:
        gradient: ``|G|``, float64 ``[N, N]``.
    """

    def grow(kept: Numbers, n: int, rng: np.random.Generator) -> Numbers:
        scores = gradient.flatten()
        scores[kept] = -1.0
        return largest(scores, n, rng)

    return grow
