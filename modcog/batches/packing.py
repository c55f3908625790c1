"""The endless stream of packed trials behind a sampler: a pure function of a batch's number.

The stream comes in blocks of batches. Each block has a random generator of its own, derived from
the seed and the block's number, so that no state is kept and any batch can be reached directly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modcog import hashing
from modcog.errors import InvalidArgument
from modcog.hashing import Purpose
from modcog.trials.draws import rule_of, trial_keys
from modcog.trials.gate import check_trials
from modcog.trials.plan import Trials, concatenate, place
from modcog.trials.sampling import sample_mixed
from modcog.trials.spec import TaskSpec

BLOCK_TRIALS = 1 << 13
BLOCK_TRIALS_PER_SLOT = 128
"""Trials drawn at a time, at the least: the cost per task then vanishes in the cost per trial."""

RAREST = 10_000
"""A condition that fewer than one in so many trials meet is refused: batches would take minutes."""

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
        conditions: What all trials meet. As many conditions as there are, so many others are the
            trials that they are asked of.
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
        return block_batches(len(self.specs), self.mean_length, self.n_lanes * self.seq_len)

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

    def renewed(self, **changes: Any) -> TrialStream:
        """The stream with some other attributes."""
        return replace(self, _blocks={}, **changes)

    def __getstate__(self) -> dict[str, Any]:
        """State without the drawn trials: a copy in another process draws them anew."""
        return {**self.__dict__, "_blocks": {}}

    def _block(self, number: int) -> Trials:
        """Draw a block of batches, or find it among the two that were drawn last."""
        known = self._blocks.get(number)
        if known is not None:
            return known
        if self.conditions:
            # Not the trials of the stream without conditions, on which a network may be trained.
            depth = len(self.conditions)
            rng = hashing.generator(self.seeds, Purpose.CONDITION, depth, number)
        else:
            rng = hashing.generator(self.seeds, Purpose.BATCHES, number)
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
            drawn = sample_mixed(self.specs, keys, rules)
            parts.append(drawn[meeting(self.conditions, drawn)] if self.conditions else drawn)
            n_drawn += n
            refuse_rare(sum(map(len, parts)), n_drawn)
            # Far from full, packing is not worth trying.
            if sum(int(part.length.sum()) for part in parts) < capacity / 2:
                continue
            trials = parts[0] if len(parts) == 1 else concatenate(parts)
            order, lane, start = pack(trials.length, n_lanes, self.seq_len)
            if len(order) < len(trials):
                packed = place(trials[order], lane, start)
                if self.conditions:  # which have had the trials in their hands
                    check_trials(packed)
                return packed


def block_batches(n_slots: int, mean_length: float, n_steps: int) -> int:
    """How many batches of `n_steps` steps are worth drawing at a time."""
    block = max(BLOCK_TRIALS, BLOCK_TRIALS_PER_SLOT * n_slots)
    return max(1, round(block * mean_length / n_steps))


def meeting(conditions: Sequence[Condition], trials: Trials) -> NDArray[np.int64]:
    """The rows of those trials that meet all conditions, ascending.

    Raises:
        InvalidArgument: A condition returns something else than a truth value for each trial.
    """
    rows = np.arange(len(trials))
    for condition in conditions:
        wanted = np.asarray(condition(trials))
        if wanted.dtype != np.bool_ or wanted.shape != (len(trials),):
            found = f"one that returns {wanted.dtype} {list(wanted.shape)}"
            allowed = "a function of Trials that returns bool [n], one a trial"
            raise InvalidArgument("condition", found, allowed)
        trials, rows = trials[wanted], rows[wanted]
    return rows


def refuse_rare(n_kept: int, n_drawn: int, of: str = "trials") -> None:
    """Refuse conditions that too few trials meet.

    Raises:
        InvalidArgument: Enough trials were drawn to tell.
    """
    if n_drawn >= 10 * RAREST and n_kept * RAREST < n_drawn:
        found = f"met by {n_kept} of {n_drawn} {of}"
        raise InvalidArgument("condition", found, f"met by one trial in {RAREST} or more")


def check_fits(length: NDArray[np.int64], seq_len: int) -> None:
    """Refuse trials that are longer than a lane; of callable durations that is known late.

    Raises:
        InvalidArgument: There is one.
    """
    longest = int(length.max(initial=0))
    if longest > seq_len:
        raise InvalidArgument("seq_len", seq_len, f"at least {longest}, a trial's length")


def pack(
    length: NDArray[np.int64], n_lanes: int, seq_len: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Fill lanes with trials in order, each lane until the next trial does not fit.

    The trial that does not fit goes into the next lane, and to its end. It is longer than trials
    are on average, and would show networks long trials first, which they see from the zero state.
    What opens a lane is then the trial after it, whatever its length: it always fits where a lane
    holds two trials of any length. Of lanes that hold k trials of any length, the first k - 1
    places have trials of every length as often as the stream has them.

    Args:
        length: int64 ``[n]``, lengths of the trials in steps.
        n_lanes: Number of lanes.
        seq_len: Steps of each lane.

    Returns:
        The trials that found a place, by lane and start, and the lane and first step of each.

    Raises:
        InvalidArgument: A trial is longer than a lane.
    """
    order, lane, start, _ = pack_each(length, np.array([0, length.size]), n_lanes, seq_len)
    return order, lane, start


def pack_each(
    length: NDArray[np.int64], bounds: NDArray[np.int64], n_lanes: int, seq_len: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Fill the lanes of several batches, each from trials of its own, as `pack` does.

    Args:
        length: int64 ``[n]``, lengths of the trials in steps.
        bounds: int64 ``[batches + 1]``, where the trials of each batch begin, and where they end.
        n_lanes: Number of lanes of a batch.
        seq_len: Steps of each lane.

    Returns:
        As `pack`, batch after batch; and how many trials of each batch found a place, int64
        ``[batches]``. Those are its first ones.

    Raises:
        InvalidArgument: A trial is longer than a lane.
    """
    check_fits(length, seq_len)
    before = np.cumsum(length) - length
    # For each trial, the first one that no longer fits a lane which begins with it.
    next_first = np.searchsorted(before + length, before + seq_len, side="right")
    end_of = np.repeat(bounds[1:], np.diff(bounds))
    following = np.minimum(next_first, end_of).tolist()
    begins: list[int] = []
    ends: list[int] = []
    numbers: list[int] = []
    placed: list[int] = []
    for first, end in pairwise(bounds.tolist()):
        at = first
        for number in range(n_lanes):
            if at == end:
                break
            begins.append(at)
            at = following[at]
            ends.append(at)
            numbers.append(number)
        placed.append(at - first)
    begin, count = np.array(begins, dtype=np.int64), np.array(ends, dtype=np.int64)
    count -= begin
    after_lane = np.cumsum(count)
    order = np.arange(1, 1 + int(count.sum())) + np.repeat(begin - (after_lane - count), count)
    order[after_lane - 1] = begin
    after = np.cumsum(length[order])
    before_lane = np.repeat((after - length[order])[after_lane - count], count)
    start = after - length[order] - before_lane
    return order, np.repeat(np.array(numbers, dtype=np.int64), count), start, np.array(placed)
