"""What a seed draws is the same with every version of numpy and gymnasium, and stays as it was.

Results that were published name a seed. Other tests say that trials obey their description; that
they are these trials is said here alone.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from numpy.typing import NDArray

import modcog


def digest(*arrays: NDArray[np.integer] | NDArray[np.bool_]) -> str:
    """A digest of whole numbers, whatever their type is."""
    parts = (f"{array.shape}".encode() + array.astype("<i8").tobytes() for array in arrays)
    return hashlib.sha256(b"".join(parts)).hexdigest()[:16]


BATCHES = {
    "cog-20": "015a05538af02f04",
    "mod-cog-84": "45b821da43fe25ee",
    "mod-cog-168": "299ea6b47f395987",
}


@pytest.mark.parametrize("suite", BATCHES)
def test_batches_are_those_of_before(suite: str) -> None:
    batch = modcog.BatchSampler(suite, batch_size=64, seq_len=200, seed=7).batch(3)
    trials = batch.trials
    drawn = (trials.rule, trials.period_steps, trials.stimulus_location, trials.response)
    assert digest(batch.targets, *drawn, trials.noise_key.view(np.int64)) == BATCHES[suite]


def test_environments_play_the_trials_of_before() -> None:
    labels: list[NDArray[np.int64]] = []
    for name in modcog.task_names()[:168]:
        env = modcog.make(name)
        env.reset(seed=11)
        first = env.unwrapped.gt
        env.unwrapped.new_trial()
        labels += [first, np.array([-1]), env.unwrapped.gt]
    assert digest(np.concatenate(labels)) == "83cd1a88409befb1"
