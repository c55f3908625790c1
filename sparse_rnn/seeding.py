"""Random streams: everything random in a run is derived from one seed, and nothing is global.

A stream is derived from a seed, a purpose and numbers, as `modcog.hashing` derives those of trials.
This is a twin of it and not an import, as `sparse_rnn.data` alone knows `modcog`; a test says that
both derive the same.
"""

from __future__ import annotations

import hashlib
import json
import operator
from enum import StrEnum, unique
from typing import Any

import numpy as np
import torch

from sparse_rnn.errors import InvalidArgument

STREAMS = 2
"""Version of all streams, that of `modcog.hashing`."""

Seed = int | np.random.SeedSequence
"""A whole number of at least 0, or a `numpy.random.SeedSequence`."""

_ALLOWED = "a whole number of at least 0 or a numpy.random.SeedSequence"


@unique
class Purpose(StrEnum):
    """What a stream is used for: one constant a use, and none that `modcog` has."""

    TRAINING = "sparse_rnn: training trials"
    HELD_OUT = "sparse_rnn: held-out trials"
    FINAL = "sparse_rnn: trials of the evaluation at the end"
    ARRAYS_SPLIT = "sparse_rnn: which trials of arrays are held out"
    ARRAYS_ORDER = "sparse_rnn: order of the trials of arrays"
    ENVIRONMENT = "sparse_rnn: environment of a batch"
    ANALYSIS = "sparse_rnn: trials of one rule slot"
    NETWORK = "sparse_rnn: network"
    MASK_OF_RUN = "sparse_rnn: mask of a run"
    MASK = "sparse_rnn: mask"
    LAYER = "sparse_rnn: recurrent layer"
    RECURRENT_WEIGHTS = "sparse_rnn: recurrent weights"
    INPUT_WEIGHTS = "sparse_rnn: input weights"
    BIAS = "sparse_rnn: bias"
    RECURRENT_BIAS = "sparse_rnn: bias of a gate's recurrent part"
    UNIT_SIGNS = "sparse_rnn: signs of units"
    READOUT_WEIGHTS = "sparse_rnn: readout weights"
    READOUT_BIAS = "sparse_rnn: readout bias"
    NEW_RULES = "sparse_rnn: input weights of new rules"
    NEW_OUTPUTS = "sparse_rnn: readout weights of new outputs"
    NEW_OUTPUT_BIAS = "sparse_rnn: readout bias of new outputs"
    FISHER = "sparse_rnn: answers for the Fisher information"
    NOISE = "sparse_rnn: recurrent noise"
    NOISE_OF_CALL = "sparse_rnn: recurrent noise of a call"
    GRAPHS = "sparse_rnn: graphs to compare with"
    SPARSIFIER = "sparse_rnn: choice of synapses"
    SPARSIFIER_TRIALS = "sparse_rnn: trials that a sparsifier looks at"
    REWIRING = "sparse_rnn: change of synapses after a step"
    GATES = "sparse_rnn: gates of synapses"


def sequence(seed: Seed) -> np.random.SeedSequence:
    """The seed sequence that a seed stands for.

    Raises:
        InvalidArgument: `seed` is neither a whole number of at least 0 nor a seed sequence.
    """
    if isinstance(seed, np.random.SeedSequence):
        return seed
    # Callers without a type checker may pass anything.
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:  # pyright: ignore[reportUnnecessaryIsInstance] - see above
        raise InvalidArgument("seed", seed, _ALLOWED)
    return np.random.SeedSequence(int(seed))


def derive(seed: Seed, purpose: str, *numbers: int) -> np.random.SeedSequence:
    """Derive an independent stream, the same one for every call; see `modcog.hashing.derive`.

    Args:
        seed: A seed; a number n is short for ``SeedSequence(n)``.
        purpose: What the stream is for, one of `Purpose`.
        *numbers: Which of the streams for that purpose.

    Raises:
        InvalidArgument: `seed` is no seed.
    """
    root = sequence(seed)
    parts = [
        STREAMS,
        _plain(root),
        [int(key) for key in root.spawn_key],
        root.pool_size,
        str(purpose),
        [int(number) for number in numbers],
    ]
    digest = hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).digest()
    return np.random.SeedSequence(int.from_bytes(digest, "little"))


def _plain(root: np.random.SeedSequence) -> int | list[int]:
    """Entropy of a seed sequence as plain numbers."""
    entropy: Any = root.entropy
    if isinstance(entropy, int | np.integer):
        return int(entropy)
    try:
        return [operator.index(word) for word in entropy]
    except TypeError:  # lists within lists, which numpy takes as one long list
        raise InvalidArgument("seed", root, _ALLOWED) from None


def generator(seed: Seed, device: torch.device | str = "cpu") -> torch.Generator:
    """A torch generator of its own, seeded from a stream.

    Parameters are drawn on the CPU and then moved, so that a seed means the same on every device.
    """
    state = sequence(seed).generate_state(1, np.uint64)[0]
    # torch reads the seed as a signed number.
    return torch.Generator(device).manual_seed(int(state.view(np.int64)))
