"""The root of all randomness: seeds, the streams derived from them, and the mixing of words.

Every stream is derived here, from a seed, a purpose and numbers. A purpose is a constant of its
own for each use, so that two uses of one seed share nothing, whatever a caller passes in: not even
a seed sequence that was spawned from another one.

Within a trial, every quantity is a hash of the trial's key and of the quantity's name. The names
of a task, those of its periods and those that are used here alone live in spaces of their own.
"""

from __future__ import annotations

import hashlib
import json
import operator
from collections.abc import Sequence
from enum import StrEnum, unique
from functools import cache
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from modcog.errors import InvalidArgument, whole_number

STREAMS = 2
"""Version of all streams. Trials, weights and masks of two versions differ for the same seed, so
whatever goes on with a stream (a checkpoint, an export) records this number and compares it."""

Seed = int | Sequence[int] | np.random.SeedSequence
"""A whole number of at least 0, a list of them, or a `numpy.random.SeedSequence`."""

Random = Seed | np.random.Generator
"""A seed, or a generator that has one."""

_ALLOWED = "a whole number of at least 0, a list of them, or a numpy.random.SeedSequence"


@unique
class Purpose(StrEnum):
    """What a stream is used for: one constant a use, and never the same for two."""

    BATCHES = "batches"
    CONDITION = "batches that meet conditions"
    SCHEDULED = "batches of a schedule"
    BANK = "trial bank"
    BANK_SPLIT = "conditions of a trial bank's split"
    DATASET = "dataset"
    PLAYED = "dataset of trials that wrappers play"
    WRAPPERS = "what wrappers of an environment draw"
    SAMPLE = "trials of one call, from a seed that is a list"
    RULES = "rule inputs at random"
    HOLD_OUT = "tasks that are held out"


def seed_sequence(seed: object) -> np.random.SeedSequence:
    """The seed sequence that stands for what a caller gives as `seed`.

    A number n is short for ``SeedSequence(n)``, and a list for a ``SeedSequence`` of that list:
    these are equal. All else differs: 1, [1] and [1, 0] are three seeds. ``SeedSequence()`` draws
    its entropy from the system when it is made; its `entropy` repeats it.

    Raises:
        InvalidArgument: It is neither a whole number of at least 0, nor a list of them, nor a seed
            sequence.
    """
    if isinstance(seed, np.random.SeedSequence):
        _plain(seed)  # refused now, and not where the first trial is drawn
        return seed
    if isinstance(seed, tuple | list) and seed:
        numbers = cast("Sequence[object]", seed)
        return np.random.SeedSequence([whole_number("seed", s, least=0) for s in numbers])
    return np.random.SeedSequence(whole_number("seed", seed, least=0))


def derive(seed: Seed, purpose: str, *numbers: int) -> np.random.SeedSequence:
    """Derive an independent stream.

    The seed sequence it returns has no spawn key and 128 bits of entropy, a hash (BLAKE2b) of all
    that went in, written down without ambiguity. A caller's own generators, `SeedSequence.spawn`ed
    ones included, never meet it.

    Args:
        seed: See `seed_sequence`. How many children it has spawned makes no difference.
        purpose: What the stream is for; a constant, such as those of `Purpose`.
        *numbers: Which of the streams for that purpose, whole numbers of at least 0.

    Raises:
        InvalidArgument: `seed` is no seed.

    Example:
        >>> one, other = derive(7, Purpose.BATCHES, 0), derive(7, Purpose.BATCHES, 1)
        >>> one.entropy != other.entropy
        True
        >>> derive(np.random.SeedSequence(7), Purpose.BATCHES, 0).entropy == one.entropy
        True
    """
    root = seed_sequence(seed)
    parts = [
        STREAMS,
        _plain(root),
        [int(key) for key in root.spawn_key],
        root.pool_size,
        str(purpose),
        [int(number) for number in numbers],
    ]
    # JSON tells a number from a list of one, and a text from a number.
    digest = hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).digest()
    return np.random.SeedSequence(int.from_bytes(digest, "little"))


def generator(seed: Seed, purpose: str, *numbers: int) -> np.random.Generator:
    """A generator on a derived stream; arguments and errors as for `derive`."""
    return np.random.Generator(np.random.Philox(derive(seed, purpose, *numbers)))


def generator_of(random: Random, argument: str = "rng") -> np.random.Generator:
    """The generator that a caller gives, or that stands for the seed that a caller gives.

    A whole number 7 stands for ``numpy.random.default_rng(7)``, as it does in gymnasium. So does
    a `numpy.random.SeedSequence` of one number. numpy takes [7] and [7, 0] for 7; here these are
    streams of their own.

    Args:
        random: The seed or generator.
        argument: Its name, for the error.

    Raises:
        InvalidArgument: It is neither.
    """
    if isinstance(random, np.random.Generator):
        return random
    root = _root(random, argument)
    if isinstance(_plain(root), int):
        return np.random.default_rng(root)
    return generator(root, Purpose.SAMPLE)


def seed_of(random: Random, argument: str = "seed") -> np.random.SeedSequence:
    """The seed that a caller gives, or one that is drawn from the generator that a caller gives.

    Args:
        random: The seed or generator; two seeds of one generator differ.
        argument: Its name, for the error.

    Raises:
        InvalidArgument: It is neither.
    """
    if isinstance(random, np.random.Generator):
        return np.random.SeedSequence(int.from_bytes(random.bytes(16), "little"))
    return _root(random, argument)


def _root(seed: Seed, argument: str) -> np.random.SeedSequence:
    try:
        return seed_sequence(seed)
    except InvalidArgument:
        raise InvalidArgument(argument, seed, f"{_ALLOWED} or Generator") from None


def _plain(root: np.random.SeedSequence) -> int | list[int]:
    """Entropy of a seed sequence as plain numbers."""
    entropy: Any = root.entropy
    if isinstance(entropy, int | np.integer):
        return int(entropy)
    try:
        return [operator.index(word) for word in entropy]
    except TypeError:  # lists within lists, which numpy takes as one long list
        raise InvalidArgument("seed", root, _ALLOWED) from None


def content_of(array: NDArray[np.float32]) -> dict[str, Any]:
    """What tells an array from others, in JSON types: its shape and a digest of its numbers.

    Args:
        array: float32, of any shape.
    """
    content = np.ascontiguousarray(array, "<f4").tobytes()
    digest = hashlib.blake2b(content, digest_size=16).hexdigest()
    return {"shape": list(array.shape), "digest": digest}


_MULTIPLIERS = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_SHIFTS = (np.uint64(30), np.uint64(27), np.uint64(31))


def mix(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble 64-bit words, a bijection; works in place and returns its argument.

    It is the finaliser of SplitMix64 (Steele et al. 2014, https://doi.org/10.1145/2714064.2660195).
    """
    words ^= words >> _SHIFTS[0]
    words *= _MULTIPLIERS[0]
    words ^= words >> _SHIFTS[1]
    words *= _MULTIPLIERS[1]
    words ^= words >> _SHIFTS[2]
    return words


@unique
class Space(StrEnum):
    """Whose a name is: equal names of two spaces are two quantities."""

    QUANTITY = "quantity"
    PERIOD = "period"
    INTERNAL = "internal"


@cache
def salt(space: Space, name: str) -> np.uint64:
    """A number for a name, the same on every machine."""
    digest = hashlib.blake2b(name.encode(), digest_size=8, person=space.encode()).digest()
    return np.uint64(int.from_bytes(digest, "little"))


def words(keys: NDArray[np.uint64], space: Space, name: str) -> NDArray[np.uint64]:
    """Uniform 64-bit words of one quantity of the trials with these keys; uint64 ``[n]``."""
    return mix(keys ^ salt(space, name))


def word_of(content: str) -> np.uint64:
    """A number for a text, the same on every machine; texts that differ have others."""
    digest = hashlib.blake2b(content.encode(), digest_size=8, person=b"content").digest()
    return np.uint64(int.from_bytes(digest, "little"))


_STEP = np.uint64(0x9E3779B97F4A7C15)


def successors(keys: NDArray[np.uint64], numbers: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Word number i of the stream that begins at a key, by SplitMix64; uint64, as both broadcast.

    Example:
        >>> successors(np.zeros(2, np.uint64), np.arange(2))
        array([16294208416658607535,  7960286522194355700], dtype=uint64)
    """
    return mix(keys + (numbers.astype(np.uint64) + np.uint64(1)) * _STEP)


def fractions(words: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Uniform numbers in [0, 1), multiples of 2**-53, from uniform words."""
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


def below(size: int | NDArray[np.int64], words: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Uniform whole numbers in [0, size) from uniform words; off by less than size / 2**32."""
    bound = np.asarray(size).astype(np.uint64)
    return ((words >> np.uint64(32)) * bound >> np.uint64(32)).astype(np.int64)
