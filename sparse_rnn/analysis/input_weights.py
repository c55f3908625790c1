"""Input weights: rules against each other, against the other inputs, and the rings' structure."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sparse_rnn.analysis._subject import Source, Subject
from sparse_rnn.analysis._weights import InputColumns, cosines
from sparse_rnn.errors import NotApplicable


@dataclass(frozen=True, eq=False)
class InputOverlap:
    """Cosines of the rule inputs with the other inputs.

    Attributes:
        fixation: float64 ``[rule]``, with the fixation input.
        stimulus: float64 ``[rule, 2 n]``, with each channel of ring 1 and then of ring 2.
        chance: Standard deviation of the cosine of two random vectors of this length,
            ``1 / sqrt(N)`` for N units of one gate: what "orthogonal" can mean at most.
    """

    fixation: NDArray[np.float64]
    stimulus: NDArray[np.float64]
    chance: float


@dataclass(frozen=True, eq=False)
class Circulant:
    """How circulant the correlations between the stimulus inputs are.

    Attributes:
        correlation: float64 ``[2 n, 2 n]``, cosines between the columns of the stimulus inputs,
            ring 1 and then ring 2.
        circulant: float64 ``[2 n, 2 n]``, the nearest matrix whose four blocks are circulant: each
            entry depends on the two rings and on the difference of the directions alone.
        by_block: float64 ``[2, 2]``, share of the variance within each block that the circulant
            part explains. The diagonals, which are 1 in any network, are left out.
        explained: The same over all four blocks, each about its own mean.
        chance: What it would be for independent random entries.
    """

    correlation: NDArray[np.float64]
    circulant: NDArray[np.float64]
    by_block: NDArray[np.float64]
    explained: float
    chance: float


def rule_correlations(network: Source) -> NDArray[np.float64]:
    """Correlate the rule inputs of the tasks (Khona et al. 2023, section 2.3, Fig. 3c).

    A rule input is what the input weights make of a task's rule, b(task) = W_in u(task): of one-hot
    rules its column, of a run with other rules a sum of columns. The correlation is normalised as
    in the paper: the product of two vectors over their lengths, a cosine. In a cell with gates the
    vector has the weights of all gates.

    Args:
        network: The network, a finished run, or the folder of one.

    Returns:
        float64 ``[rule, rule]``, from -1 to 1 and 1 on the diagonal, in the order of the rule
        slots.

    Raises:
        NotApplicable: The network has no rule inputs.

    Example:
        >>> import sparse_rnn as srnn
        >>> from sparse_rnn.analysis import rule_correlations
        >>> rule_correlations(srnn.Network(53, 17, srnn.masks.autapse(100))).shape
        (20, 20)
    """
    rule = Subject.of(network).columns().rule
    return cosines(rule, rule)


def input_overlap(network: Source) -> InputOverlap:
    """Compare the rule inputs with the other inputs (Khona et al. 2023, Figs. 3d and 3e).

    Args:
        network: The network, a finished run, or the folder of one.

    Returns:
        The cosines.

    Raises:
        NotApplicable: The network has no rule inputs.
    """
    columns = Subject.of(network).columns()
    fixation = cosines(columns.rule, columns.fixation[:, np.newaxis])[:, 0]
    chance = 1 / math.sqrt(len(columns.fixation))
    return InputOverlap(fixation, cosines(columns.rule, columns.stimulus), chance)


def circulant_structure(network: Source) -> Circulant:
    """Correlate the stimulus inputs, and find the circulant part (Khona et al. 2023, Fig. 3e).

    Where the network treats all directions alike, the correlation of two stimulus inputs follows
    from the angle between them: each block of the matrix is circulant. The nearest such block has
    the mean of each wrapped diagonal.

    Args:
        network: The network, a finished run, or the folder of one.

    Returns:
        The correlations and their circulant part.

    Raises:
        NotApplicable: The network has no stimulus inputs, or fewer than four directions.

    Example:
        >>> import sparse_rnn as srnn
        >>> from sparse_rnn.analysis import circulant_structure
        >>> found = circulant_structure(srnn.Network(53, 17, srnn.masks.autapse(100)))
        >>> found.correlation.shape, found.explained < 0.2  # not trained
        ((32, 32), True)
    """
    stimulus = InputColumns.of(Subject.of(network).network).stimulus
    n = stimulus.shape[1] // 2
    if n < 4:
        raise NotApplicable(f"{n} directions are too few for a circulant structure.")
    correlation = cosines(stimulus, stimulus)
    blocks = correlation.reshape(2, n, 2, n).transpose(0, 2, 1, 3)
    offset = (np.arange(n) - np.arange(n)[:, np.newaxis]) % n
    means = np.stack([blocks[:, :, offset == k].mean(axis=-1) for k in range(n)], axis=-1)
    nearest = means[:, :, offset]
    counted = np.ones((2, 2, n, n), dtype=np.bool_)
    counted[[0, 1], [0, 1]] &= offset > 0
    centred = _about_mean(blocks, counted)
    total, left = (centred**2).sum(axis=(2, 3)), ((blocks - nearest) ** 2).sum(axis=(2, 3))
    with np.errstate(invalid="ignore"):
        by_block = np.where(total > 0, 1 - left / total, np.nan)
    # Free numbers of the circulant part over those of the blocks, each less a mean: a block of one
    # ring is symmetric; the two between the rings mirror each other.
    same = (n // 2 - 1) / (n * (n - 1) // 2 - 1)
    between = (n - 1) / (n * n - 1)
    weight = n * (n - 1) / (n * (n - 1) + n * n)
    return Circulant(
        correlation=correlation,
        circulant=nearest.transpose(0, 2, 1, 3).reshape(2 * n, 2 * n),
        by_block=by_block,
        explained=float(1 - left.sum() / total.sum()),
        chance=weight * same + (1 - weight) * between,
    )


def _about_mean(blocks: NDArray[np.float64], counted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Entries less the mean of their block; 0 where they do not count."""
    mean = np.where(counted, blocks, 0).sum(axis=(2, 3)) / counted.sum(axis=(2, 3))
    return np.where(counted, blocks - mean[..., np.newaxis, np.newaxis], 0.0)
