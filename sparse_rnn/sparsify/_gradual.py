"""`Gradual`: weak synapses go one after another, while the network learns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from sparse_rnn.errors import IncompatibleState, InvalidArgument
from sparse_rnn.nn.network import Network
from sparse_rnn.nn.rewiring import Rewiring, View
from sparse_rnn.sparsify._evolving import OPTION, Evolving, share
from sparse_rnn.sparsify._schedules import largest
from sparse_rnn.system.arguments import finite


@dataclass(frozen=True)
class Gradual(Evolving):
    """Drop the synapses of the smallest ``|w|`` along a cubic schedule; none comes back.

    Zhu & Gupta 2017 (arXiv:1710.01878), equation 1: of M synapses at first and K at last,
    ``K + (M - K) (1 - p) ** 3`` are left where the share p of the way from `begin` to `end` is
    gone, p of the steps at which something changes. It starts with all synapses of the network, and
    most of them go early.

    Attributes:
        density: Synapses over N squared that are left at last. It has to be given.
        every: Gradient steps between two changes.
        begin: Share of the gradient steps before which nothing changes.
        end: Share of the gradient steps at which the density is reached, at the latest.

    Raises:
        InvalidArgument: An option is out of range, or there is no density.

    Example:
        >>> [Gradual(density=0.1).due(step, steps=1000) for step in (0, 100, 700, 800)]
        [False, True, True, False]
    """

    GROWS: ClassVar[bool] = False

    begin: float = 0.0
    end: float = 0.75
    _given: list[int] = field(default_factory=list[int], init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the options."""
        if self.density is None:
            raise InvalidArgument(f"{OPTION}.density", None, "given for 'gradual'")
        super().__post_init__()
        share(self.end, "end", most=1)
        allowed = f"a number of at least 0 and below end, {self.end:g}"
        finite(f"{OPTION}.begin", self.begin, allowed, least=0)
        if self.begin >= self.end:
            raise InvalidArgument(f"{OPTION}.begin", self.begin, allowed)

    def check(self, network: Network, steps: int) -> None:
        """Refuse a network, or a number of gradient steps, that it cannot serve.

        Raises:
            InvalidArgument: As for all methods that change synapses; or nothing changes between
                `begin` and `end`.
        """
        super().check(network, steps)
        if self.first(steps) > self.last(steps):
            allowed = f"small enough that a step of {steps} lies between begin and end"
            raise InvalidArgument(f"{OPTION}.every", self.every, allowed)

    def first(self, steps: int) -> int:
        """The first gradient step after which something changes."""
        return max(math.ceil(self.begin * steps / self.every), 1) * self.every

    def last(self, steps: int) -> int:
        """The last gradient step after which something changes."""
        return min(int(self.end * steps), steps) // self.every * self.every

    def due(self, step: int, steps: int) -> bool:
        """Whether synapses go after a gradient step of so many."""
        return step % self.every == 0 and self.first(steps) <= step <= self.last(steps)

    def change(self, view: View, step: int, rng: np.random.Generator) -> Rewiring | None:
        """Drop the weakest synapses."""
        assert self.density is not None  # As the options are checked.
        if not self._given:
            self._given.append(view.mask.nnz)
        first, last = self.first(view.steps), self.last(view.steps)
        # The first change is a step on the way, too.
        gone = (step - first + self.every) / (last - first + self.every)
        n_last = round(self.density * view.mask.n_units**2)
        n_left = n_last + round((self._given[0] - n_last) * (1 - gone) ** 3)
        if n_left >= view.mask.nnz:
            return None
        size = np.abs(view.weight).sum(axis=0)
        return view.with_keys(view.keys[largest(size, n_left, rng)])

    def state(self) -> Mapping[str, Tensor]:
        """The number of synapses at first, once that is known."""
        return {"given": torch.tensor(self._given)} if self._given else {}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take back the number of synapses at first.

        Raises:
            IncompatibleState: It is no number.
        """
        given = state.get("given", torch.zeros(0))
        if given.numel() > 1:
            raise IncompatibleState("The checkpoint does not say how many synapses there were")
        self._given[:] = [int(number) for number in given]
