"""A conformance check for mask families, for this package's tests and for yours."""

from __future__ import annotations

import inspect
import json
import math
import pickle
from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args

import numpy as np

from sparse_rnn.errors import InvalidArgument, SparseRnnError
from sparse_rnn.masks._mask import Mask
from sparse_rnn.masks._options import Option, read_options, size_argument, takes_sheet
from sparse_rnn.masks._sizes import Size, check_size


class ConformanceError(SparseRnnError, AssertionError):
    """A mask family breaks one of the rules that everything else relies on."""


def check_mask_family(function: Callable[..., Mask], size: Size, **options: Any) -> None:
    """Check that a mask family keeps the rules of the package.

    The rules: it returns a `Mask` of as many units as the size says, with at least one synapse,
    whose provenance is the function's name and the given options, and survives JSON; the same
    arguments give the same mask and leave the global generator alone; its digest is the same again,
    and another one where a synapse is elsewhere; a number of units is a sheet of one side, or is
    refused; the docstring says what each option means; each option changes the mask, or other
    values of it are refused. A budget is kept: `nnz` synapses in all, `in_degree`
    onto each unit, `mean_in_degree` onto a unit on average, as exactly as chance allows. A family
    with the option `seed` takes a number, a seed sequence and a generator, and draws other masks
    for other seeds.

    Args:
        function: The mask family.
        size: Number of units, or the side lengths of a sheet.
        **options: Options of the family, under which it is not the same mask for all seeds.

    Raises:
        ConformanceError: Naming the family and the broken rule.

    Example:
        >>> from sparse_rnn.masks import check_mask_family
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
    before = _global_generator()
    mask = built(size)
    after = _global_generator()
    require(isinstance(mask, Mask), "a family returns a Mask")  # pyright: ignore[reportUnnecessaryIsInstance] - anybody's function
    require(mask.n_units == n_units, f"a size of {n_units} units gives a mask of as many")
    require(mask.family == name, f"the mask's family is {name!r}, not {mask.family!r}")
    lost = [option for option in options if option not in mask.parameters]
    require(not lost, f"the mask's parameters have the option {', '.join(lost)}")
    require(_survives_json(mask), "the mask's parameters survive JSON")
    require(mask.nnz, "a mask has at least one synapse")
    require(built(size) == mask, "the same arguments give the same mask")
    require(built(size).digest == mask.digest, "the same mask has the same digest")
    require(_elsewhere(mask).digest != mask.digest, "masks with other synapses have other digests")
    require(before == after, "the global generator is neither used nor changed")
    require(pickle.loads(pickle.dumps(mask)) == mask, "a mask survives pickle")
    if takes_sheet(function):
        require(_refused(built, n_units), "a number of units is refused where there is a sheet")
    else:
        require(built((n_units,)) == built(n_units), "a number of units is a sheet of one side")
    silent = [option.name for option in known.values() if not option.about]
    require(not silent, f"the docstring says under Args what {', '.join(silent)} means")
    require(inspect.getdoc(function), "a family has a docstring")
    missed = _missed_budget(mask, options)
    require(not missed, f"the mask has {missed}, as it was asked for")
    for option in known.values():
        if option.name != "seed":
            made = list(_with_others(built, size, option, options.get(option.name, option.default)))
            changes = not made or any(other != mask for other in made)
            require(changes, f"the option {option.name} changes the mask")
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


def _global_generator() -> bytes:
    state: Any = np.random.get_state()  # noqa: NPY002, TID251 - to see that nobody draws from it
    return state[1].tobytes() + bytes(str(state[2:]), "ascii")


def _refused(built: Callable[..., Mask], size: Size, **options: Any) -> bool:
    try:
        built(size, **options)
    except InvalidArgument:
        return True
    return False


def _with_others(
    built: Callable[..., Mask], size: Size, option: Option, value: object
) -> Iterator[Mask]:
    """Masks with other values of an option, those that are not refused."""
    others: list[Any] = []
    if isinstance(value, bool):
        others = [not value]
    elif isinstance(value, int):
        others = [value + 1, value - 1, value + 2, 2 * value, value // 2]
    elif isinstance(value, float):
        others = [2 * value, value / 2, value + 1, value - 1]
    elif isinstance(value, str):
        others = [word for kind in option.kinds for word in get_args(kind) if word != value]
    for other in others:
        try:
            yield built(size, **{option.name: other})
        except InvalidArgument:
            continue


def _elsewhere(mask: Mask) -> Mask:
    """The mask with its last synapse from another unit, or without it where all units have one."""
    targets, sources = mask.targets(), mask.indices.copy()
    free = np.setdiff1d(np.arange(mask.n_units), sources[targets == targets[-1]])
    if not len(free):
        return type(mask).from_edges(mask.n_units, targets[:-1], sources[:-1])
    sources[-1] = free[0]
    return type(mask).from_edges(mask.n_units, targets, sources)


def _missed_budget(mask: Mask, options: Mapping[str, Any]) -> str:
    """The budget that a mask does not keep, in words; "" if it keeps all."""
    if "nnz" in options and mask.nnz != options["nnz"]:
        return f"{options['nnz']} synapses"
    if "in_degree" in options and np.any(mask.in_degree() != options["in_degree"]):
        return f"{options['in_degree']} synapses onto each unit"
    if "mean_in_degree" in options:
        expected = options["mean_in_degree"] * mask.n_units
        # A number of independent synapses has at most the variance of a Poisson distribution.
        if abs(mask.nnz - expected) > 1 + 5 * math.sqrt(expected):
            return f"{options['mean_in_degree']} synapses onto a unit on average"
    return ""


def _survives_json(mask: Mask) -> bool:
    shown = {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in mask.parameters.items()
    }
    try:
        return json.loads(json.dumps(shown, allow_nan=False)) == shown
    except (TypeError, ValueError):
        return False
