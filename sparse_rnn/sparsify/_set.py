"""`Set`: sparse evolutionary training, in which weak synapses give way to random ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sparse_rnn.nn.rewiring import Rewiring, View
from sparse_rnn.sparsify._evolving import Evolving, at_random, exchange, share


@dataclass(frozen=True)
class Set(Evolving):
    """Drop the synapses of the smallest ``|w|`` and grow as many at random.

    Mocanu et al. 2018 (https://doi.org/10.1038/s41467-018-04316-3), after the code of Evci et al.
    (github.com/google-research/rigl): after every so many gradient steps, but for the last one.
    Grown weights are 0. With gates, ``|w|`` is summed over them.

    Attributes:
        density: As for all methods that change synapses: synapses over N squared.
        every: Gradient steps between two changes.
        share: Share of the synapses that change, rounded down.

    Raises:
        InvalidArgument: An option is out of range.

    Example:
        >>> Set(density=0.1, share=0.5).due(200, steps=300)
        True
    """

    share: float = 0.3

    def __post_init__(self) -> None:
        """Check the options."""
        super().__post_init__()
        share(self.share, "share", most=1)

    def change(self, view: View, step: int, rng: np.random.Generator) -> Rewiring | None:
        """Exchange the weakest synapses."""
        del step
        return exchange(view, int(self.share * view.mask.nnz), at_random(view.mask.n_units), rng)
