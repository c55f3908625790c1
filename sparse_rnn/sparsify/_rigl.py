"""`RigL`: weak synapses give way to those of the largest gradients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sparse_rnn.nn.rewiring import Needs, Rewiring, View
from sparse_rnn.sparsify._evolving import OPTION, Evolving, by_gradient, cosine, exchange, share
from sparse_rnn.system.arguments import whole


@dataclass(frozen=True)
class RigL(Evolving):
    """Drop the synapses of the smallest ``|w|`` and grow as many of the largest ``|G|``.

    Evci et al. 2020 (arXiv:1911.11134), as in their code (github.com/google-research/rigl): of K
    synapses ``share / 2 * (1 + cos(pi * step / end)) * K`` change, rounded down. G is the gradient
    of every possible synapse. Those just dropped may grow again, and then keep their weight; others
    start at 0. The change comes in place of the gradient step. With gates, ``|w|`` and ``|G|`` are
    summed over them.

    Attributes:
        density: As for all methods that change synapses: synapses over N squared.
        every: Gradient steps between two changes.
        share: Share of the synapses that change at first; it falls along a cosine.
        end: Share of the gradient steps after which nothing changes any more.
        batches: Number of batches that G is the mean over: the one of the step, and more.

    Raises:
        InvalidArgument: An option is out of range.

    Example:
        >>> RigL(density=0.1).due(700, steps=1000), RigL(density=0.1).due(800, steps=1000)
        (True, False)
    """

    share: float = 0.3
    end: float = 0.75
    batches: int = 1

    def __post_init__(self) -> None:
        """Check the options."""
        super().__post_init__()
        share(self.share, "share", most=1)
        share(self.end, "end", most=1)
        whole(f"{OPTION}.batches", self.batches, 1)

    def last(self, steps: int) -> int:
        """The last gradient step in place of which synapses may change."""
        return min(int(self.end * steps), steps - 1)

    def needs(self, step: int) -> Needs:
        """The gradients of all possible synapses."""
        return Needs(candidates=self.batches, instead=True) if step else Needs()

    def n_changed(self, view: View, step: int) -> int:
        """How many synapses change in place of a gradient step."""
        return int(cosine(self.share, step, self.end * view.steps) * view.mask.nnz)

    def change(self, view: View, step: int, rng: np.random.Generator) -> Rewiring | None:
        """Exchange the weakest synapses for the most promising ones."""
        return exchange(view, self.n_changed(view, step), by_gradient(view.gradient), rng)
