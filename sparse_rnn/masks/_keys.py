"""Masks from ascending keys of synapses, ``target * N + source``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparse_rnn.errors import InvalidArgument
from sparse_rnn.masks import _sampling as sampling
from sparse_rnn.masks._mask import Mask
from sparse_rnn.masks._sizes import sheet_coords


def mask_of_keys(
    keys: NDArray[np.int64],
    sides: tuple[int, ...],
    family: str,
    parameters: Mapping[str, Any],
    density: str,
) -> Mask:
    """Build the mask of units on a sheet from ascending keys.

    Args:
        keys: int64 ``[nnz]``.
        sides: Side lengths of the sheet.
        family: Name of the family.
        parameters: Its arguments.
        density: The one of them on which the number of synapses depends.

    Raises:
        InvalidArgument: There is no synapse.
    """
    if not keys.size:
        allowed = "higher: as it was drawn, the mask has no synapse at all"
        raise InvalidArgument(density, parameters[density], allowed)
    n_units = math.prod(sides)
    return Mask(
        np.searchsorted(keys, np.arange(n_units + 1) * n_units),
        (keys % n_units).astype(np.int32),
        (n_units, n_units),
        coords=sheet_coords(sides),
        family=family,
        parameters=parameters,
    )


def mask_by_rule(
    family: str,
    keys: NDArray[np.int64],
    sides: tuple[int, ...],
    density: str,
    rule: str,
    seed: sampling.Seed,
    **parameters: Any,
) -> Mask:
    """The mask of a random family: of its keys as drawn and its arguments but for the size."""
    own = {"self_connections": rule, "seed": sampling.seed_record(seed)}
    arguments = {"n": shown_size(sides), **parameters, **own}
    keys = sampling.with_self_rule(keys, math.prod(sides), rule)
    return mask_of_keys(keys, sides, family, arguments, density)


def shown_size(sides: tuple[int, ...]) -> int | tuple[int, ...]:
    """A size as provenance has it: a number of units, or the sides of a sheet."""
    return sides[0] if len(sides) == 1 else sides
