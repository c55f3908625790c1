"""Random streams: everything random in a run descends from one seed, and nothing is global."""

from __future__ import annotations

import numpy as np
import torch

from sparse_rnn.errors import InvalidArgument

Seed = int | np.random.SeedSequence
"""A whole number of at least 0, or a `numpy.random.SeedSequence`."""


def sequence(seed: Seed) -> np.random.SeedSequence:
    """Return a fresh seed sequence, so that spawning from it leaves the caller's untouched.

    Raises:
        InvalidArgument: `seed` is neither a whole number of at least 0 nor a seed sequence.
    """
    if isinstance(seed, np.random.SeedSequence):
        return np.random.SeedSequence(seed.entropy, spawn_key=seed.spawn_key)
    # Callers without a type checker may pass anything.
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:  # pyright: ignore[reportUnnecessaryIsInstance]
        allowed = "a whole number of at least 0 or a numpy.random.SeedSequence"
        raise InvalidArgument("seed", seed, allowed)
    return np.random.SeedSequence(int(seed))


def spawn(seed: Seed, n_streams: int) -> list[np.random.SeedSequence]:
    """Derive independent streams from a seed; the same ones for every call."""
    return sequence(seed).spawn(n_streams)


def mask_stream(seed: Seed) -> np.random.SeedSequence:
    """Stream of a run's seed that a random mask is drawn from.

    It is the fourth; the first three are those of the weights, the training trials and the held-out
    trials.
    """
    return spawn(seed, 4)[3]


def generator(seed: Seed, device: torch.device | str = "cpu") -> torch.Generator:
    """A torch generator of its own, seeded from a stream.

    Parameters are drawn on the CPU and then moved, so that a seed means the same on every device.
    """
    state = sequence(seed).generate_state(1, np.uint64)[0]
    # torch reads the seed as a signed number.
    return torch.Generator(device).manual_seed(int(state.view(np.int64)))
