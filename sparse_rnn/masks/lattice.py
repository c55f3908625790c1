"""Masks on a sheet of units, where distance decides which synapses exist."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sparse_rnn.errors import InvalidArgument
from sparse_rnn.masks._mask import Mask
from sparse_rnn.masks._sizes import Size, check_size, sheet_coords


def locality(shape: Size, radius: float, *, periodic: bool = True) -> Mask:
    """Connect each unit of a sheet with all units within a radius, itself included.

    The locality mask of Khona et al. 2023, section 2.2 (https://doi.org/10.1162/neco_a_01613):
    ``G[i, j] = 1`` where the Euclidean distance between i and j is at most d. The published weight
    counts need 113 neighbours at d = 6 for every unit, so the sheet is a torus by default.

    Args:
        shape: Side lengths of the sheet in units, such as ``(50, 50)``; a number makes a ring.
            Units are numbered with the last side varying fastest.
        radius: Largest distance of a synapse, in lattice units; at least 0.
        periodic: Whether opposite borders of the sheet touch.

    Returns:
        The mask, with the positions of the units. On a torus smaller than twice the radius each
        pair of units is joined once, by its shortest distance.

    Raises:
        InvalidArgument: `shape` has a side that is no whole number of at least 1, or `radius` is
            negative or not finite.

    Example:
        >>> locality((25, 25), radius=2)
        <Mask locality(shape=(25, 25), radius=2, periodic=True): 625 units, 8125 synapses>
    """
    sides = check_size("shape", shape)
    radius = _check_radius(radius)
    offsets = _stencil(sides, radius, periodic=periodic)
    sources, inside = _neighbours(sides, offsets, periodic=periodic)
    # Absent neighbours get the largest number, so that sorting a row moves them to its end.
    n_units = math.prod(sides)
    sources[~inside] = n_units
    sources.sort(axis=1)
    indices = sources[sources < n_units]
    indptr = np.concatenate([[0], np.cumsum(inside.sum(axis=1))])
    return Mask(
        indptr,
        indices,
        (n_units, n_units),
        coords=sheet_coords(sides),
        family="locality",
        parameters={"shape": sides, "radius": radius, "periodic": periodic},
    )


def _check_radius(radius: object) -> float:
    allowed = "a finite number of lattice units that is at least 0"
    if isinstance(radius, bool) or not isinstance(radius, int | float | np.integer | np.floating):
        raise InvalidArgument("radius", radius, allowed)
    if not math.isfinite(radius) or radius < 0:
        raise InvalidArgument("radius", radius, allowed)
    return int(radius) if radius == int(radius) else float(radius)


def _stencil(sides: tuple[int, ...], radius: float, *, periodic: bool) -> NDArray[np.int64]:
    """Offsets of a unit's neighbours; int64 ``[K, sides]``, each neighbour once."""
    axes: list[NDArray[np.int64]] = []
    for side in sides:
        reach = math.floor(radius)
        # Around a ring of L units the offsets -(L-1)//2 .. L//2 meet every unit once, each by its
        # shorter way; a longer reach would count units twice.
        back, ahead = ((side - 1) // 2, side // 2) if periodic else (side - 1, side - 1)
        axes.append(np.arange(-min(reach, back), min(reach, ahead) + 1))
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(sides))
    # A rounded root of a whole number compares exactly with a radius given as math.sqrt(3);
    # the square of that radius would not.
    return grid[np.sqrt((grid**2).sum(axis=1)) <= radius]


def _neighbours(
    sides: tuple[int, ...], offsets: NDArray[np.int64], *, periodic: bool
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Number of each unit's neighbours, and whether they lie on the sheet; ``[N, K]`` each."""
    n_units = math.prod(sides)
    sources = np.zeros((n_units, len(offsets)), dtype=np.int32)
    inside = np.ones(sources.shape, dtype=np.bool_)
    for axis, side in enumerate(sides):
        own = np.indices(sides, dtype=np.int32, sparse=True)[axis]
        own = np.broadcast_to(own, sides).reshape(n_units, 1)
        position = own + offsets[:, axis].astype(np.int32)
        if periodic:
            position %= side
        else:
            inside &= (position >= 0) & (position < side)
        sources *= side
        sources += position
    return sources, inside
