"""`Selfish`: random growth, and a share of dropped synapses that falls along a cosine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sparse_rnn.nn.rewiring import Rewiring, View
from sparse_rnn.sparsify._evolving import at_random, cosine, exchange
from sparse_rnn.sparsify._set import Set


@dataclass(frozen=True)
class Selfish(Set):
    """Drop the synapses of the smallest ``|w|`` and grow as many at random, fewer and fewer.

    What Selfish-RNN (Liu et al. 2021, arXiv:2101.09048) does for one recurrent matrix: `Set` at the
    end of each epoch, here of `every` gradient steps, whose share falls along a cosine to 0 at the
    last step. Their averaged gradient steps (SNT-ASGD) are an optimiser, and not a part of it.
    Unlike their released code it removes weights by their size whatever the sign, and grows exactly
    as many as it drops.

    Attributes:
        density: As for all methods that change synapses: synapses over N squared.
        every: Gradient steps between two changes: an epoch.
        share: Share of the synapses that change at first.

    Raises:
        InvalidArgument: An option is out of range.

    Example:
        >>> Selfish(density=0.1)
        Selfish(density=0.1, every=100, share=0.5)
    """

    share: float = 0.5

    def change(self, view: View, step: int, rng: np.random.Generator) -> Rewiring | None:
        """Exchange the weakest synapses."""
        n_changed = int(cosine(self.share, step, view.steps) * view.mask.nnz)
        return exchange(view, n_changed, at_random(view.mask.n_units), rng)
