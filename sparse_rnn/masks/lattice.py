"""Masks on a sheet of units, where distance decides which synapses exist."""

from __future__ import annotations

import math

from sparse_rnn.masks._mask import Mask
from sparse_rnn.masks._sheet import check_radius, within
from sparse_rnn.masks._sizes import Size, check_sheet, sheet_coords
from sparse_rnn.system.arguments import flag


def locality(shape: Size, radius: float, *, periodic: bool = True) -> Mask:
    """Connect each unit of a sheet with all units within a radius, itself included.

    The locality mask of Khona et al. 2023, section 2.2 (https://doi.org/10.1162/neco_a_01613):
    ``G[i, j] = 1`` where the Euclidean distance between i and j is at most d. The published weight
    counts need 113 neighbours at d = 6 for every unit, so the sheet is a torus by default.

    Args:
        shape: Side lengths of the sheet in units, such as ``(50, 50)``; ``(400,)`` is a ring.
            Units are numbered with the last side varying fastest.
        radius: Largest distance of a synapse, in lattice units; at least 0.
        periodic: Whether opposite borders of the sheet touch.

    Returns:
        The mask, with the positions of the units. On a torus smaller than twice the radius each
        pair of units is joined once, by its shortest distance.

    Raises:
        InvalidArgument: `shape` is a number, or has a side that is no whole number of at least 1;
            `radius` is negative or not finite; or there are too many synapses.

    Example:
        >>> from sparse_rnn.masks import locality
        >>> locality((25, 25), radius=2)
        <Mask locality(shape=(25, 25), radius=2, periodic=True): 625 units, 8125 synapses>
    """
    sides = check_sheet("shape", shape)
    radius = check_radius(radius)
    periodic = flag("periodic", periodic)
    indptr, indices = within(sides, radius, periodic=periodic)
    n_units = math.prod(sides)
    return Mask(
        indptr,
        indices,
        (n_units, n_units),
        coords=sheet_coords(sides),
        family="locality",
        parameters={"shape": sides, "radius": radius, "periodic": periodic},
    )
