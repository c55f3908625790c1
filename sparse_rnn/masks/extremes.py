"""The two ends of the range of masks: no lateral synapse at all, and all of them."""

from __future__ import annotations

import math

import numpy as np

from sparse_rnn.masks._keys import shown_size
from sparse_rnn.masks._mask import Mask
from sparse_rnn.masks._sizes import Size, check_counts, check_size, sheet_coords


def autapse(n: Size) -> Mask:
    """Connect each unit with itself alone: the autapse pool.

    Khona et al. 2023, section 2.3 (https://doi.org/10.1162/neco_a_01613); the locality mask of
    radius 0.

    Args:
        n: Number of units, or the side lengths of the sheet they lie on.

    Raises:
        InvalidArgument: `n` is not a whole number of at least 1, nor a sequence of such.

    Example:
        >>> from sparse_rnn.masks import autapse
        >>> autapse(625).nnz
        625
    """
    return _everywhere("autapse", n, 1)


def dense(n: Size) -> Mask:
    """Connect every unit with every unit, itself included: the unconstrained network.

    Args:
        n: Number of units, or the side lengths of the sheet they lie on.

    Raises:
        InvalidArgument: `n` is not a whole number of at least 1, nor a sequence of such.

    Example:
        >>> from sparse_rnn.masks import dense
        >>> dense(256).nnz
        65536
    """
    return _everywhere("dense", n, None)


def _everywhere(family: str, n: Size, in_degree: int | None) -> Mask:
    """Units with one synapse, which is their own, or with all of them (None)."""
    sides = check_size("n", n)
    n_units = math.prod(sides)
    in_degree = in_degree or n_units
    check_counts("n", n_units, n_units * in_degree)
    return Mask(
        np.arange(n_units + 1) * in_degree,
        np.tile(np.arange(n_units, dtype=np.int32), in_degree),
        (n_units, n_units),
        coords=sheet_coords(sides),
        family=family,
        parameters={"n": shown_size(sides)},
    )
