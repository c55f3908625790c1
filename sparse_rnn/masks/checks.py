"""A conformance check for mask families, for this package's tests and for yours."""

from __future__ import annotations

import inspect
import json
import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np

from sparse_rnn.errors import SparseRnnError
from sparse_rnn.masks._mask import Mask
from sparse_rnn.masks._options import read_options, size_argument
from sparse_rnn.masks._sizes import Size, check_size


class ConformanceError(SparseRnnError, AssertionError):
    """A mask family breaks one of the rules that everything else relies on."""


def check_mask_family(function: Callable[..., Mask], size: Size, **options: Any) -> None:
    """Check that a mask family keeps the rules of the package.

    The rules: it returns a `Mask` of as many units as the size says, whose provenance is the
    function's name and the given options, and survives JSON; the same arguments give the same mask;
    a number of units is a sheet of one side; the docstring says what each option means. A family
    with the option `seed` takes a number, a seed sequence and a generator, and draws other masks
    for other seeds.

    Args:
        function: The mask family.
        size: Number of units, or the side lengths of a sheet.
        **options: Options of the family, under which it is not the same mask for all seeds.

    Raises:
        ConformanceError: Naming the family and the broken rule.

    Example:
        >>> from sparse_rnn.masks import random
        >>> check_mask_family(random, (4, 5), in_degree=3)
    """
    name = getattr(function, "__name__", repr(function))
    known = read_options(function)

    def require(kept: object, rule: str) -> None:
        if not kept:
            raise ConformanceError(f"{name}: {rule}.")

    def built(size: Size, **more: Any) -> Mask:
        return function(**{size_argument(function): size}, **{**options, **more})

    n_units = math.prod(check_size("size", size))
    mask = built(size)
    require(isinstance(mask, Mask), "a family returns a Mask")  # pyright: ignore[reportUnnecessaryIsInstance]
    require(mask.n_units == n_units, f"a size of {n_units} units gives a mask of as many")
    require(mask.family == name, f"the mask's family is {name!r}, not {mask.family!r}")
    lost = [option for option in options if option not in mask.parameters]
    require(not lost, f"the mask's parameters have the option {', '.join(lost)}")
    require(_survives_json(mask), "the mask's parameters survive JSON")
    require(built(size) == mask, "the same arguments give the same mask")
    require(pickle.loads(pickle.dumps(mask)) == mask, "a mask survives pickle")
    require(built((n_units,)) == built(n_units), "a number of units is a sheet of one side")
    silent = [option.name for option in known.values() if not option.about]
    require(not silent, f"the docstring says under Args what {', '.join(silent)} means")
    require(inspect.getdoc(function), "a family has a docstring")
    if "seed" in known:
        several = [built(size, seed=seed) for seed in range(10)]
        require(any(other != several[0] for other in several), "other seeds give other masks")
        sequence, again = np.random.SeedSequence([3, 1]), np.random.SeedSequence([3, 1])
        require(built(size, seed=sequence) == built(size, seed=again), "a seed sequence is a seed")
        generator = np.random.default_rng(0)
        require(
            any(built(size, seed=generator) != several[0] for _ in range(10)),
            "a generator is drawn from where it stands",
        )


def _survives_json(mask: Mask) -> bool:
    shown = {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in mask.parameters.items()
    }
    try:
        return json.loads(json.dumps(shown, allow_nan=False)) == shown
    except (TypeError, ValueError):
        return False
