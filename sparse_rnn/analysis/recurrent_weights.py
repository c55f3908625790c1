"""Recurrent weights: their histogram, the two groups they fall into, and how well."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sparse_rnn.analysis._subject import Source, Subject
from sparse_rnn.analysis._weights import recurrent
from sparse_rnn.errors import InvalidArgument, NotApplicable
from sparse_rnn.system.arguments import finite, whole


@dataclass(frozen=True, eq=False)
class Histogram:
    """A histogram of recurrent weights.

    Attributes:
        counts: int64 ``[bins]``.
        edges: float64 ``[bins + 1]``.
        weights: float64 ``[nnz]`` or ``[gates, nnz]``, the weights themselves.
    """

    counts: NDArray[np.int64]
    edges: NDArray[np.float64]
    weights: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class WeightGroups:
    """Two groups of recurrent weights, those below a threshold and those above.

    Attributes:
        threshold: Between the two groups.
        large: bool, shaped as the weights, True in the upper group.
        counts: Weights in each group, the lower and the upper one.
        means: Mean of each group.
        between: Share of the variance that lies between the groups. Any distribution has some: a
            uniform one 0.75, a normal one 0.64.
        valley: Weights in the emptiest bin between the two means over those in the lower of the
            two highest bins on either side of it: 0 where nothing lies between the groups, 1 where
            there is no gap.
        weights: float64 ``[nnz]`` or ``[gates, nnz]``, the weights themselves.
    """

    threshold: float
    large: NDArray[np.bool_]
    counts: tuple[int, int]
    means: tuple[float, float]
    between: float
    valley: float
    weights: NDArray[np.float64]

    @property
    def names(self) -> tuple[str, str]:
        """What the lower and the upper group are.

        "small" is a group whose weights are small beside those of the other, whatever their signs:
        their root mean square is below half of it. The other is then "large", or "negative". Groups
        that the sign tells apart are "negative" (inhibitory) and "positive" (excitatory). Others
        are "lower" and "upper".
        """
        lower, upper = self.weights[~self.large], self.weights[self.large]
        sizes = [float(np.sqrt((group**2).mean())) for group in (lower, upper)]
        if sizes[0] < 0.5 * sizes[1]:
            return "small", "large"
        if sizes[1] < 0.5 * sizes[0] and lower.max() <= 0:
            return "negative", "small"
        if lower.max() <= 0 <= upper.min():
            return "negative", "positive"
        return "lower", "upper"

    @property
    def negative(self) -> float:
        """Share of all weights that are below 0, and so inhibit."""
        return float((self.weights < 0).mean())


def weight_histogram(
    network: Source, bins: int = 50, limits: tuple[float, float] | None = None
) -> Histogram:
    """Count recurrent weights by size (Khona et al. 2023, section 2.4, Fig. 3f).

    Args:
        network: The network, a finished run, or the folder of one.
        bins: Number of bins.
        limits: The ends of the histogram; None are the smallest and the largest weight.

    Returns:
        The histogram of the weights that exist, of all gates; under Dale's law with their signs.

    Raises:
        InvalidArgument: `bins` is below 1, or the limits do not ascend.
        NotApplicable: The network has no recurrent weights.

    Example:
        >>> import sparse_rnn as srnn
        >>> from sparse_rnn.analysis import weight_histogram
        >>> net = srnn.Network(53, 17, srnn.masks.autapse(100), init="identity")
        >>> weight_histogram(net, bins=4, limits=(0, 2)).counts
        array([  0,   0, 100,   0])
    """
    whole("bins", bins, 1)
    if limits is not None:
        _check_limits(limits)
    weights = _weights(network)
    counts, edges = np.histogram(weights, bins=bins, range=limits)
    return Histogram(counts.astype(np.int64), edges.astype(np.float64), weights)


def weight_groups(network: Source, bins: int = 50) -> WeightGroups:
    """Split recurrent weights into a lower and an upper group (Khona et al. 2023, Fig. 3f).

    The split is the best one of all: that with the least variance within the two groups, which is
    what k-means looks for (in one dimension, the threshold of Otsu 1979,
    https://doi.org/10.1109/TSMC.1979.4310076). A split exists in any network; whether there *are*
    two groups is told by `between` and `valley`, and whether they lie near 0 and 1 by `means`.

    Args:
        network: The network, a finished run, or the folder of one.
        bins: Bins of the histogram that `valley` reads.

    Returns:
        The groups.

    Raises:
        InvalidArgument: `bins` is below 1.
        NotApplicable: The network has no two different recurrent weights.
    """
    whole("bins", bins, 1)
    weights = _weights(network)
    ordered = np.sort(weights, axis=None)
    if ordered[0] == ordered[-1]:
        raise NotApplicable(f"All {ordered.size} recurrent weights are {ordered[0]:g}.")
    centred = ordered - ordered.mean()
    below = np.arange(1, ordered.size)
    total = np.cumsum(centred)[:-1]
    gain = total**2 * ordered.size / (below * (ordered.size - below))
    # Equal weights belong to one group.
    gain[np.diff(ordered) == 0] = -1.0
    split = int(gain.argmax()) + 1
    threshold = float(ordered[split - 1] + ordered[split]) / 2
    means = (float(ordered[:split].mean()), float(ordered[split:].mean()))
    return WeightGroups(
        threshold=threshold,
        large=weights > threshold,
        counts=(split, ordered.size - split),
        means=means,
        between=float(gain.max() / (centred**2).sum()),
        valley=_valley(ordered, means, bins),
        weights=weights,
    )


def _check_limits(limits: object) -> None:
    allowed = "two finite numbers, the smaller one first"
    if not isinstance(limits, tuple | list) or len(limits) != 2:
        raise InvalidArgument("limits", limits, allowed)
    low, high = (finite("limits", end, allowed) for end in limits)
    finite("limits", high, allowed, above=low)


def _weights(network: Source) -> NDArray[np.float64]:
    weights = recurrent(Subject.of(network).network)
    if not weights.size:
        raise NotApplicable("The network has no recurrent weights.")
    return weights


def _valley(ordered: NDArray[np.float64], means: tuple[float, float], bins: int) -> float:
    counts, edges = np.histogram(ordered, bins=bins)
    first, last = (np.searchsorted(edges, mean, side="right") - 1 for mean in means)
    between = counts[first : last + 1]
    lowest = int(first + between.argmin())
    peak = min(counts[: lowest + 1].max(), counts[lowest:].max())
    return float(counts[lowest] / peak) if peak else 0.0
