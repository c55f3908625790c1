"""The endless stream of packed trials behind a sampler: a pure function of a batch's number.

The stream comes in blocks of batches. Each block has a random generator of its own, found from the
seed and the block's number, so that no state is kept and any batch can be reached directly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from modcog.draws import rule_of, trial_keys
from modcog.errors import InvalidArgument, whole_number
from modcog.spec import TaskSpec
from modcog.trials import Trials, concatenate, place, sample_mixed

BLOCK_TRIALS = 1 << 13
BLOCK_TRIALS_PER_SLOT = 128
"""Trials drawn at a time, at the least: the cost per task then vanishes in the cost per trial."""

RAREST = 10_000
"""A condition that fewer than one in so many trials meet is refused: batches would take minutes."""

Seed = int | Sequence[int] | np.random.SeedSequence

Condition = Callable[[Trials], NDArray[np.bool_]]
"""Says which trials are wanted; bool ``[n]``."""


@dataclass(frozen=True, eq=False)
class TrialStream:
    """Trials of many tasks, packed into lanes, batch after batch.

    Attributes:
        specs: The tasks, one per rule slot; each trial's slot is drawn uniformly.
        n_lanes: Lanes of a batch.
        seq_len: Steps of a lane.
        mean_length: Mean length of a trial in steps; an estimate will do, but it is an argument of
            the stream as the others are.
        seeds: Where the generators of the blocks come from.
        conditions: What all trials meet.
    """

    specs: tuple[TaskSpec, ...]
    n_lanes: int
    seq_len: int
    mean_length: float
    seeds: np.random.SeedSequence
    conditions: tuple[Condition, ...] = ()
    _blocks: dict[int, Trials] = field(default_factory=dict[int, Trials], repr=False)

    @property
    def block_batches(self) -> int:
        """Batches of a block."""
        block = max(BLOCK_TRIALS, BLOCK_TRIALS_PER_SLOT * len(self.specs))
        return max(1, round(block * self.mean_length / (self.n_lanes * self.seq_len)))

    def trials(self, index: int) -> Trials:
        """The trials of batch number `index`, ordered by lane and start; a copy."""
        number, position = divmod(index, self.block_batches)
        trials = self._block(number)
        first_lane = position * self.n_lanes
        # Lanes ascend within a block, so the trials of a batch are consecutive.
        bounds = np.searchsorted(trials.lane, [first_lane, first_lane + self.n_lanes])
        mine = trials[int(bounds[0]) : int(bounds[1])]
        mine.lane[:] -= first_lane
        return mine

    def __getstate__(self) -> dict[str, Any]:
        """State without the drawn trials: a copy in another process draws them anew."""
        return {**self.__dict__, "_blocks": {}}

    def _block(self, number: int) -> Trials:
        """Draw a block of batches, or find it among the two that were drawn last."""
        known = self._blocks.get(number)
        if known is not None:
            return known
        key = (*self.seeds.spawn_key, number)
        seeds = np.random.SeedSequence(self.seeds.entropy, spawn_key=key)
        rng = np.random.Generator(np.random.Philox(seeds))
        block = self._packed(rng, self.block_batches * self.n_lanes)
        # Threads may share the stream: each of these steps is atomic, and a block that is drawn
        # twice is drawn equal.
        self._blocks[number] = block
        for old in list(self._blocks)[:-2]:
            self._blocks.pop(old, None)
        return block

    def _packed(self, rng: np.random.Generator, n_lanes: int) -> Trials:
        """Draw trials until the lanes are full."""
        capacity = n_lanes * self.seq_len
        n = int(capacity / self.mean_length) + 16
        parts: list[Trials] = []
        n_drawn = 0
        while True:
            keys = trial_keys(rng, n)
            rules = rule_of(keys, len(self.specs))
            parts.append(self._wanted(sample_mixed(self.specs, keys, rules)))
            n_drawn += n
            n_kept = sum(map(len, parts))
            if n_drawn >= 10 * RAREST and n_kept * RAREST < n_drawn:
                found = f"met by {n_kept} of {n_drawn} trials"
                raise InvalidArgument("condition", found, f"met by one trial in {RAREST} or more")
            # Far from full, packing is not worth trying.
            if sum(int(part.length.sum()) for part in parts) < capacity / 2:
                continue
            trials = parts[0] if len(parts) == 1 else concatenate(parts)
            kept, lane, start = pack(trials.length, n_lanes, self.seq_len)
            if kept < len(trials):
                return place(trials[:kept], lane, start)

    def _wanted(self, trials: Trials) -> Trials:
        """Those trials that meet all conditions."""
        for condition in self.conditions:
            wanted = np.asarray(condition(trials))
            if wanted.dtype != np.bool_ or wanted.shape != (len(trials),):
                found = f"one that returns {wanted.dtype} {list(wanted.shape)}"
                allowed = "a function of Trials that returns bool [n], one a trial"
                raise InvalidArgument("condition", found, allowed)
            trials = trials[wanted]
        return trials


def pack(
    length: NDArray[np.int64], n_lanes: int, seq_len: int
) -> tuple[int, NDArray[np.int64], NDArray[np.int64]]:
    """Fill lanes with trials in order, each lane until the next trial does not fit.

    Args:
        length: int64 ``[n]``, lengths of the trials in steps.
        n_lanes: Number of lanes.
        seq_len: Steps of each lane.

    Returns:
        How many trials found a place, and the lane and the first step of each of those.

    Raises:
        InvalidArgument: A trial is longer than a lane.
    """
    if int(length.max(initial=0)) > seq_len:
        raise InvalidArgument("seq_len", seq_len, f"at least {int(length.max())}, a trial's length")
    before = np.cumsum(length) - length
    # For each trial, the first one that no longer fits a lane which begins with it.
    next_first = np.searchsorted(before + length, before + seq_len, side="right").tolist()
    firsts = [0]
    while len(firsts) <= n_lanes and firsts[-1] < length.size:
        firsts.append(next_first[firsts[-1]])
    kept = firsts[-1]
    lane = np.repeat(np.arange(len(firsts) - 1), np.diff(firsts))
    start = before[:kept] - before[np.array(firsts, dtype=np.int64)[lane]]
    return kept, lane, start


def seed_sequence(seed: object) -> np.random.SeedSequence:
    """A seed sequence from what a caller may give as `seed`.

    Raises:
        InvalidArgument: It is neither a whole number, nor a list of them, nor a seed sequence.
    """
    if isinstance(seed, np.random.SeedSequence):
        return seed
    if isinstance(seed, tuple | list) and seed:
        numbers = cast("Sequence[object]", seed)
        return np.random.SeedSequence([whole_number("seed", s, least=0) for s in numbers])
    return np.random.SeedSequence(whole_number("seed", seed, least=0))
