"""The stream of trials under a schedule: each batch is drawn for itself, from its own number.

What is drawn for batch i depends on the arguments, the seed, the number i and on what the schedule
says of i: not on other batches, so that weights may change from any batch to the next. Several
batches are drawn at a time, since a task costs as much for ten trials as for one; how many changes
no bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modcog.batches.filling import Chunk, SlotLengths
from modcog.batches.packing import Condition, block_batches
from modcog.batches.schedule_data import Mix, Schedule
from modcog.hashing import Purpose, derive, successors
from modcog.trials.gate import check_trials
from modcog.trials.plan import COLUMNS, STIMULUS, Trials
from modcog.trials.spec import TaskSpec


@dataclass(frozen=True, eq=False)
class _Drawn:
    """Batches that were drawn at once: numbers first, first + stride, ...

    Attributes:
        first: Number of the first one.
        stride: Difference of their numbers.
        mixes: How each was drawn.
        bounds: Where the trials of each begin, and where those of the last one end.
        trials: The trials of all; their lanes are numbered from the first batch on.
        n_lanes: Lanes of a batch.
    """

    first: int
    stride: int
    mixes: list[Mix]
    bounds: tuple[int, ...]
    trials: Trials
    n_lanes: int

    def find(self, index: int, mix: Mix) -> Trials | None:
        """A copy of the trials of a batch, if it is among these and is drawn so."""
        number, rest = divmod(index - self.first, self.stride)
        if rest or not 0 <= number < len(self.mixes) or self.mixes[number] != mix:
            return None
        return self.copy(number)

    def copy(self, number: int) -> Trials:
        """The trials of one of the batches."""
        trials = _alone(self.trials, slice(self.bounds[number], self.bounds[number + 1]))
        trials.lane[:] -= number * self.n_lanes
        return trials


@dataclass(frozen=True, eq=False)
class ScheduledStream:
    """Trials of many tasks, packed into lanes, batch after batch as a schedule says.

    Attributes:
        specs: The tasks, one per rule slot.
        n_lanes: Lanes of a batch.
        seq_len: Steps of a lane.
        schedule: What says how each batch is drawn; resolved.
        seeds: Where the keys of the trials come from.
        conditions: What all trials meet. As many conditions as there are, so many others are the
            trials that they are asked of.
    """

    specs: tuple[TaskSpec, ...]
    n_lanes: int
    seq_len: int
    schedule: Schedule
    seeds: np.random.SeedSequence
    conditions: tuple[Condition, ...] = ()
    _recent: dict[int, _Drawn] = field(default_factory=dict[int, _Drawn], repr=False)

    def trials(self, index: int) -> Trials:
        """The trials of batch number `index`, ordered by lane and start; a copy."""
        mix = self.schedule.at(index)
        n_batches, stride = 1, 1
        for drawn in list(self._recent.values()):
            found = drawn.find(index, mix)
            if found is not None:
                return found
            n_drawn = len(drawn.mixes)
            if index == drawn.first + drawn.stride * n_drawn:  # they are asked for in order
                n_batches, stride = min(4 * n_drawn, self._most), drawn.stride
            elif n_batches == 1:  # perhaps those of a shard
                stride = max(1, index - drawn.first)
        mixes = [mix, *self._ahead(range(index, index + stride * n_batches, stride)[1:])]
        drawn = self._draw(range(index, index + stride * len(mixes), stride), mixes)
        # Threads may share the stream: each of these steps is atomic, and a batch that is drawn
        # twice is drawn equal.
        self._recent[index] = drawn
        for old in list(self._recent)[:-2]:
            self._recent.pop(old, None)
        return drawn.copy(0)

    def renewed(self, **changes: Any) -> ScheduledStream:
        """The stream with some other attributes."""
        return replace(self, _recent={}, **changes)

    def __getstate__(self) -> dict[str, Any]:
        """State without the drawn trials: a copy in another process draws them anew."""
        return {**self.__dict__, "_recent": {}}

    @cached_property
    def lengths(self) -> SlotLengths:
        """Lengths of the trials of each slot."""
        return SlotLengths.of(self.specs, min(self.seq_len, 20))

    @cached_property
    def _root(self) -> NDArray[np.uint64]:
        # Not the trials of the stream with fewer conditions, on which a network may be trained.
        root = derive(self.seeds, Purpose.SCHEDULED, len(self.conditions))
        return root.generate_state(1, np.uint64).astype(np.uint64)

    @property
    def _most(self) -> int:
        mean = float(self.lengths.mean.mean())
        return block_batches(len(self.specs), mean, self.n_lanes * self.seq_len)

    def _ahead(self, indices: range) -> Iterator[Mix]:
        """How the next batches will be drawn, up to the first one of which nothing is known yet."""
        for index in indices:
            try:
                yield self.schedule.at(index)
            except Exception:  # A caller's function may fail in any way; drawn itself, it raises.
                return

    def _draw(self, indices: range, mixes: list[Mix]) -> _Drawn:
        """Draw some batches."""
        # The key of a batch, by its number and how it is drawn; the keys of its trials or lanes
        # follow from it.
        keys = successors(self._root, np.array(indices))
        keys ^= np.array([mix.word() for mix in mixes])
        chunk = Chunk(self.specs, self.n_lanes, self.seq_len, self.lengths, self.conditions, keys)
        in_blocks: dict[Mix, list[int]] = {}
        for number, mix in enumerate(mixes):
            if mix.block is not None:
                in_blocks.setdefault(mix, []).append(number)
        chunk.fill({number: mix for number, mix in enumerate(mixes) if mix.block is None})
        for mix, numbers in in_blocks.items():
            chunk.fill_with_blocks(mix, numbers)
        trials, bounds = chunk.finished()
        if self.conditions:  # which have had the trials in their hands
            check_trials(trials)
        return _Drawn(indices.start, indices.step, mixes, bounds, trials, self.n_lanes)


def _alone(trials: Trials, rows: slice) -> Trials:
    """A copy of the trials of one batch, without what those drawn with it have left in them.

    Tasks that do not occur are no longer listed, and columns that only they use are gone.
    """
    present = np.bincount(trials.task_index[rows], minlength=len(trials.tasks)) > 0
    tasks = tuple(compress(trials.tasks, present.tolist()))
    shown = np.flatnonzero(trials.stimulus_strength[rows].any(axis=0))
    n_stimuli = 1 + int(shown[-1]) if shown.size else 1
    widths = {"period_steps": max(len(spec.periods) for spec in tasks)}
    widths |= dict.fromkeys(STIMULUS, n_stimuli)
    columns: dict[str, NDArray[Any]] = {}
    for name in COLUMNS:
        column = getattr(trials, name)
        columns[name] = (column[rows, : widths[name]] if name in widths else column[rows]).copy()
    columns["task_index"] = (np.cumsum(present) - 1)[columns["task_index"]]
    return Trials(tasks, **columns)
