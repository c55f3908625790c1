"""`SRigL`: RigL with equal in-degrees, in which units that lack strong synapses lose all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sparse_rnn.nn.rewiring import Rewiring, View
from sparse_rnn.sparsify._evolving import share
from sparse_rnn.sparsify._rigl import RigL
from sparse_rnn.sparsify._schedules import largest


@dataclass(frozen=True)
class SRigL(RigL):
    """Exchange synapses as `RigL` does, and give all active units the same in-degree.

    Lasby et al. 2023 (arXiv:2305.02299), section 3.1: as many synapses of the smallest ``|w|`` as
    in RigL are dropped, over the whole matrix. Salient are those that stay, and as many of the
    largest ``|G|`` among the others. A unit with fewer than ``gamma`` times its share of them is
    ablated: it loses all its inputs for good, and the others share them out. Each of these then
    regrows its synapses of the largest ``|G|`` until it has its share.

    Here the number of synapses stays exactly the same: where it cannot be shared out evenly, the
    units with the most salient synapses have one more. A matrix whose in-degrees differ at first
    (no density, and such a mask) gets equal ones at the first change.

    Attributes:
        density: As for all methods that change synapses: synapses over N squared.
        every: Gradient steps between two changes.
        share: As for `RigL`.
        end: As for `RigL`.
        batches: As for `RigL`.
        gamma: Share of its synapses that have to be salient for a unit to stay active; 0 ablates
            none.

    Raises:
        InvalidArgument: An option is out of range.

    Example:
        >>> SRigL(density=0.1, gamma=0.5).needs(100)
        Needs(candidates=1, batches=0, instead=True)
    """

    gamma: float = 0.3

    def __post_init__(self) -> None:
        """Check the options."""
        super().__post_init__()
        if self.gamma != 0:
            share(self.gamma, "gamma", most=1)

    def change(self, view: View, step: int, rng: np.random.Generator) -> Rewiring | None:
        """Exchange synapses, and share them out among the active units."""
        n_changed, n_units, nnz = self.n_changed(view, step), view.mask.n_units, view.mask.nnz
        if n_changed < 1:
            return None
        active = view.mask.in_degree() > 0
        size = np.abs(view.weight).sum(axis=0)
        kept = view.keys[largest(size, nnz - n_changed, rng)]
        promise = view.gradient.flatten()
        promise[kept] = -1.0
        grown = largest(promise, n_changed, rng)
        salient = np.bincount(np.concatenate([kept, grown]) // n_units, minlength=n_units)
        wanted = active & (salient >= self.gamma * (nnz / active.sum()))
        # As many of the best as are needed to hold all synapses, if so many are to go.
        order = np.lexsort((rng.random(n_units), -salient, ~active))
        wanted[order[: -(-nnz // n_units)]] = True
        degrees = shared(nnz, wanted, order)
        staying = best(view.keys, size, kept, degrees, rng)
        promise[:] = view.gradient.flatten()
        promise[staying] = -1.0
        lacking = degrees - np.bincount(staying // n_units, minlength=n_units)
        rows = promise.reshape(n_units, n_units)
        new = [
            unit * n_units + largest(rows[unit], lacking[unit], rng)
            for unit in np.flatnonzero(lacking)
        ]
        return view.with_keys(np.concatenate([staying, *new]))


def shared(
    n_synapses: int, active: NDArray[np.bool_], order: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Share out synapses to the active units, so that no two of them differ by more than one.

    Args:
        n_synapses: How many.
        active: bool ``[N]``.
        order: int64 ``[N]``, units; the first active ones get one more where it does not come out.

    Example:
        >>> shared(7, np.array([True, False, True, True]), np.array([3, 2, 1, 0]))
        array([2, 0, 2, 3])
    """
    each, rest = divmod(n_synapses, int(active.sum()))
    degrees = np.where(active, each, 0)
    degrees[order[active[order]][:rest]] += 1
    return degrees


def best(
    keys: NDArray[np.int64],
    size: NDArray[np.float64],
    kept: NDArray[np.int64],
    degrees: NDArray[np.int64],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """The kept synapses, but no more onto a unit than its in-degree: those of the largest weights.

    Args:
        keys: int64 ``[nnz]``, the number of each synapse; ascending.
        size: float64 ``[nnz]``, its ``|w|``.
        kept: Numbers of those that are kept.
        degrees: int64 ``[N]``, the in-degrees that are wanted.
        rng: Orders equal weights.
    """
    weights = size[np.searchsorted(keys, kept)]
    target = kept // degrees.size
    order = np.lexsort((rng.random(kept.size), -weights, target))
    counts = np.bincount(target, minlength=degrees.size)
    place = np.arange(kept.size) - np.repeat(np.cumsum(counts) - counts, counts)
    return kept[order[place < degrees[target[order]]]]
