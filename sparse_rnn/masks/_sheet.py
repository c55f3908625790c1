"""Neighbourhoods on a sheet of units, for the families that need them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sparse_rnn.errors import InvalidArgument
from sparse_rnn.masks._sizes import check_counts


def check_radius(radius: object) -> float:
    """Return a radius in lattice units, whole ones as int.

    Raises:
        InvalidArgument: It is negative or not finite.
    """
    allowed = "a finite number of lattice units that is at least 0"
    if isinstance(radius, bool) or not isinstance(radius, int | float | np.integer | np.floating):
        raise InvalidArgument("radius", radius, allowed)
    if not math.isfinite(radius) or radius < 0:
        raise InvalidArgument("radius", radius, allowed)
    return int(radius) if radius == int(radius) else float(radius)


def within(
    sides: tuple[int, ...], radius: float, *, periodic: bool
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Units within a radius of each unit, itself included.

    Args:
        sides: Side lengths of the sheet.
        radius: Largest Euclidean distance, in lattice units.
        periodic: Whether opposite borders touch.

    Returns:
        The rows of a mask: `indptr` ``[N + 1]`` and ascending `indices` ``[nnz]``.
    """
    offsets = _stencil(sides, radius, periodic=periodic)
    n_units = math.prod(sides)
    check_counts("radius", n_units, n_units * min(n_units, len(offsets)))
    sources, inside = _neighbours(sides, offsets, periodic=periodic)
    # Absent neighbours get the largest number, so that sorting a row moves them to its end.
    sources[~inside] = n_units
    sources.sort(axis=1)
    indptr = np.concatenate([[0], np.cumsum(inside.sum(axis=1))])
    return indptr, sources[sources < n_units]


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
