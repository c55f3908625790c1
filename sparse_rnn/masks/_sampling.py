"""Random choices of synapses, exact and without a loop over units.

A synapse is a key: ``target * N + source``. Ascending keys are the order of a mask's edges.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sparse_rnn.errors import InvalidArgument
from sparse_rnn.seeding import Purpose, derive

Seed = int | np.random.SeedSequence | np.random.Generator
"""Where a random mask is drawn from. The same number or seed sequence gives the same mask; a
generator gives the next one."""

Keys = NDArray[np.int64]


def generator(seed: object) -> np.random.Generator:
    """Return the generator that a seed stands for.

    Raises:
        InvalidArgument: `seed` is no seed.
    """
    if isinstance(seed, np.random.Generator):
        return seed
    if isinstance(seed, np.random.SeedSequence):
        return np.random.default_rng(derive(seed, Purpose.MASK))
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        allowed = "a whole number of at least 0, a numpy.random.SeedSequence or a Generator"
        raise InvalidArgument("seed", seed, allowed)
    return np.random.default_rng(derive(int(seed), Purpose.MASK))


def seed_record(seed: Seed) -> int | str:
    """Return what a mask's provenance says of its seed.

    A generator is named by its kind alone: what it draws depends on what it drew before.

    Example:
        >>> seed_record(7), seed_record(np.random.SeedSequence(7, spawn_key=(3,)))
        (7, 'SeedSequence(entropy=7, spawn_key=(3,))')
    """
    if isinstance(seed, np.random.Generator):
        return f"Generator({type(seed.bit_generator).__name__})"
    if isinstance(seed, np.random.SeedSequence):
        return f"SeedSequence(entropy={seed.entropy!r}, spawn_key={seed.spawn_key!r})"
    return int(seed)


def distinct(rng: np.random.Generator, counts: object, sizes: object) -> Keys:
    """Choose distinct things from each of several groups, all subsets equally likely.

    Args:
        rng: Where the choice is drawn from.
        counts: How many to choose, int ``[groups]``.
        sizes: How many there are, int ``[groups]``; things are numbered through all groups.

    Returns:
        Numbers of the chosen things, ascending.

    Example:
        >>> distinct(np.random.default_rng(0), counts=[3, 1], sizes=[3, 1])
        array([0, 1, 2, 3])
    """
    wanted = np.asarray(counts, dtype=np.int64)
    there = np.broadcast_to(np.asarray(sizes, dtype=np.int64), wanted.shape)
    starts = np.cumsum(there) - there
    # Of more than half of a group it is cheaper to choose those that are left out.
    inverted = wanted > there // 2
    drawn = np.where(inverted, there - wanted, wanted)
    keys = _draw(rng, drawn, there, starts)
    if not inverted.any():
        return keys
    left_out = np.repeat(inverted, drawn)
    first = np.repeat(starts[inverted], there[inverted])
    n_before = np.cumsum(there[inverted]) - there[inverted]
    every = first + np.arange(first.size) - np.repeat(n_before, there[inverted])
    stays = np.ones(every.size, dtype=np.bool_)
    stays[np.searchsorted(every, keys[left_out])] = False
    return np.sort(np.concatenate([keys[~left_out], every[stays]]), kind="stable")


def _draw(rng: np.random.Generator, counts: Keys, sizes: Keys, starts: Keys) -> Keys:
    """Draw with replacement, and draw repeated ones anew until there are none.

    No thing differs from another of its group in this, so all subsets are equally likely.
    """
    have = np.empty(0, dtype=np.int64)
    group = np.repeat(np.arange(counts.size), counts)
    while group.size:
        fresh = starts[group] + rng.integers(0, sizes[group])
        # A stable sort merges the ascending part that is there with the new one.
        merged = np.sort(np.concatenate([have, np.sort(fresh)]), kind="stable")
        repeated = merged[1:] == merged[:-1]
        have = merged[np.concatenate([[True], ~repeated])]
        group = np.searchsorted(starts, merged[1:][repeated], side="right") - 1
    return have


def skip(ranks: Keys, taken: Keys) -> Keys:
    """Return the keys with given ranks among those that are not taken.

    Args:
        ranks: Ranks from 0, ascending.
        taken: The taken keys, ascending.

    Example:
        >>> skip(np.arange(4), np.array([0, 2, 3]))
        array([1, 4, 5, 6])
    """
    return ranks + np.searchsorted(taken - np.arange(taken.size), ranks, side="right")


def diagonal(n_units: int) -> Keys:
    """Keys of all self-connections."""
    return np.arange(n_units, dtype=np.int64) * (n_units + 1)


def with_self_rule(keys: Keys, n_units: int, rule: str) -> Keys:
    """Remove or complete the self-connections of ascending keys."""
    if rule == "random":
        return keys
    others = keys[keys % (n_units + 1) != 0]
    return others if rule == "never" else merge(others, diagonal(n_units))


def merge(one: Keys, other: Keys) -> Keys:
    """All keys of two ascending lists that have none in common, ascending."""
    return np.sort(np.concatenate([one, other]), kind="stable")
