"""How batches under a schedule are filled: trials drawn each for itself, or blocks within lanes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate, groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from modcog.batches.packing import RAREST, Condition, check_fits, meeting, pack_each, refuse_rare
from modcog.batches.schedule_data import Mix
from modcog.hashing import Space, fractions, successors, words
from modcog.trials.plan import Trials, concatenate, interleave, place
from modcog.trials.sampling import sample_mixed
from modcog.trials.spec import TaskSpec

AT_ONCE = 1 << 14
"""Trials that are drawn at once, at the most, in place of those that met no condition."""


class SlotLengths(NamedTuple):
    """Lengths of the trials of each rule slot in steps; float64 ``[slots]``.

    Attributes:
        mean: Mean.
        square: Mean of the square.
        shortest: The least.
        longest: The greatest; 0 where it is not known.
    """

    mean: NDArray[np.float64]
    square: NDArray[np.float64]
    shortest: NDArray[np.float64]
    longest: NDArray[np.float64]

    @classmethod
    def of(cls, specs: Sequence[TaskSpec], guess: float) -> SlotLengths:
        """Those of some tasks; where a duration is a callable, a guess of the mean has to do.

        A wrong guess costs time, and changes no trial.
        """
        known: dict[TaskSpec, tuple[float, float, float, float]] = {}
        for spec in dict.fromkeys(specs):
            if any(callable(period.duration) for period in spec.periods):
                known[spec] = (guess, guess**2, 1.0, 0.0)
                continue
            length, probability = spec.length_distribution()
            mean, square = float(probability @ length), float(probability @ length**2)
            known[spec] = (mean, square, float(length[0]), float(length[-1]))
        return cls(*np.array([known[spec] for spec in specs]).T)

    def spread(self, mix: Mix, seq_len: int) -> float:
        """By how many steps the trials of a lane may be shorter than on average; an estimate."""
        shares = np.array(mix.shares)
        variance = max(0.0, float(shares @ (self.square - self.mean**2)))
        return 3.5 * math.sqrt(variance * seq_len / float(shares @ self.mean))


class _Places(NamedTuple):
    """Where trials are put: by batch, lane and start.

    Attributes:
        row: Row of each trial among those that were drawn.
        lane: Lane in its batch.
        start: First step.
    """

    row: NDArray[np.int64]
    lane: NDArray[np.int64]
    start: NDArray[np.int64]


class Chunk:
    """Several batches that are drawn together.

    Args:
        specs: The tasks, one per rule slot.
        n_lanes: Lanes of a batch.
        seq_len: Steps of a lane.
        lengths: Of the trials of each slot.
        conditions: What all trials meet.
        keys: uint64 ``[batches]``; what is drawn for a batch follows from its key alone.
    """

    def __init__(
        self,
        specs: Sequence[TaskSpec],
        n_lanes: int,
        seq_len: int,
        lengths: SlotLengths,
        conditions: Sequence[Condition],
        keys: NDArray[np.uint64],
    ) -> None:
        self._specs, self._lengths, self._conditions = specs, lengths, conditions
        self._n_lanes, self._seq_len = n_lanes, seq_len
        self._keys = keys
        self._drawn: list[Trials] = []
        self._n_drawn = 0
        self._places: list[_Places | None] = [None] * len(keys)

    def finished(self) -> tuple[Trials, tuple[int, ...]]:
        """The trials of all batches, once each is filled, and where each begins and the last ends.

        They are ordered by lane and start, and the lanes are numbered from the first batch on.
        """
        found = [one for one in self._places if one is not None]
        row, lane, start = (np.concatenate(column) for column in zip(*found, strict=True))
        drawn = self._drawn[0] if len(self._drawn) == 1 else self._in_order_of_slots()
        return place(drawn[row], lane, start), (0, *accumulate(len(one.row) for one in found))

    def fill(self, mixes: Mapping[int, Mix]) -> None:
        """Fill batches with trials that are drawn each for itself.

        The trial that no longer fits the last lane of a batch is put at the end of its first one,
        where room is left for it. No trial is dropped for its length, and the shares of tasks are
        those asked for.

        Args:
            mixes: How each batch is drawn, by its number among the keys; they ascend.
        """
        draws = {
            mix: _SlotDraw.of(mix, self._n_lanes, self._seq_len, self._lengths)
            for mix in dict.fromkeys(mixes.values())
        }
        todo = np.array(list(mixes), dtype=np.int64)
        n_drawn = np.zeros(len(self._keys), dtype=np.int64)
        owner = row = length = np.zeros(0, dtype=np.int64)
        times = 1
        while todo.size:
            of_each = [draws[mixes[number]] for number in todo.tolist()]
            counts = np.array([draw.n for draw in of_each])
            counts *= max(1, min(times, AT_ONCE // int(counts.sum())))
            times *= 2  # where conditions leave few
            new_owner = np.repeat(todo, counts)
            keys = successors(self._keys[new_owner], n_drawn[new_owner] + _within(counts))
            n_drawn[todo] += counts
            trials = sample_mixed(self._specs, keys, _slots(keys, of_each, counts))
            kept = meeting(self._conditions, trials)
            if len(kept) < len(trials):
                trials = trials[kept]
            # By batch; in front of the trials of each the room for the one that does not fit.
            owner = np.concatenate([todo, owner, new_owner[kept]])
            order = np.argsort(owner, kind="stable")
            owner = owner[order]
            row = np.concatenate([np.full(todo.size, -1), row, self._add(trials)])[order]
            rooms = np.array([draw.room for draw in of_each])
            length = np.concatenate([rooms, length, trials.length])[order]
            bounds = np.append(np.searchsorted(owner, todo), owner.size)
            n_kept = np.diff(bounds) - 1
            for turn in np.flatnonzero(RAREST * n_kept < n_drawn[todo]).tolist():
                refuse_rare(int(n_kept[turn]), int(n_drawn[todo[turn]]))
            full = self._place_each(todo, row, length, bounds)
            todo = todo[~full]
            rest = np.isin(owner, todo) & (row >= 0)
            owner, row, length = owner[rest], row[rest], length[rest]

    def _place_each(
        self,
        numbers: NDArray[np.int64],
        row: NDArray[np.int64],
        length: NDArray[np.int64],
        bounds: NDArray[np.int64],
    ) -> NDArray[np.bool_]:
        """Place the trials of those batches that have enough of them; says which have."""
        found, lane, start, n_placed = pack_each(length, bounds, self._n_lanes, self._seq_len)
        left = bounds[:-1] + n_placed
        full = left < bounds[1:]
        # The room is the first of each batch, and gives its place to the one that does not fit.
        found[found == np.repeat(bounds[:-1], n_placed)] = left
        ends = np.cumsum(n_placed)
        for turn in np.flatnonzero(full).tolist():
            own = slice(int(ends[turn] - n_placed[turn]), int(ends[turn]))
            first_lane = int(numbers[turn]) * self._n_lanes
            # It always fits, but where no room was left as the longest trial is not known.
            fits = start[own] + length[found[own]] <= self._seq_len
            places = _Places(row[found[own]][fits], first_lane + lane[own][fits], start[own][fits])
            self._places[int(numbers[turn])] = places
        return full

    def fill_with_blocks(self, mix: Mix, numbers: Sequence[int]) -> None:
        """Fill the lanes of batches that are drawn alike with blocks of trials of one rule."""
        lane_keys = successors(self._keys[numbers, np.newaxis], np.arange(self._n_lanes)).ravel()
        lane, rule = rules_of_lanes(lane_keys, mix, self._seq_len, self._lengths.shortest)
        first = np.searchsorted(lane, np.arange(lane_keys.size))
        keys = successors(lane_keys[lane], np.arange(lane.size) - first[lane])
        # What is not drawn yet counts with its mean. Those that are drawn are the first ones of
        # their lane.
        length = self._lengths.mean[rule]
        drawn = np.zeros(lane.size, dtype=np.bool_)
        row = np.full(lane.size, -1)
        before = _before(length, first, lane)
        more = before < self._seq_len + self._lengths.spread(mix, self._seq_len)
        while more.any():
            trials = self._meeting(keys[more], rule[more])
            row[more] = self._add(trials)
            length[more] = trials.length
            check_fits(trials.length, self._seq_len)
            drawn |= more
            # A lane is finished where a trial was drawn that ends at its end or beyond.
            before = _before(length, first, lane)
            finished = np.zeros(lane_keys.size, dtype=np.bool_)
            finished[lane[drawn & (before + length >= self._seq_len)]] = True
            more = ~drawn & ~finished[lane] & (before < self._seq_len + length)
        fits = drawn & (before + length <= self._seq_len)
        lane, row, start = lane[fits], row[fits], before[fits].astype(np.int64)
        ends = np.searchsorted(lane, self._n_lanes * np.arange(len(numbers) + 1)).tolist()
        for turn, number in enumerate(numbers):
            own = slice(ends[turn], ends[turn + 1])
            places = _Places(row[own], lane[own] + (number - turn) * self._n_lanes, start[own])
            self._places[number] = places

    def _in_order_of_slots(self) -> Trials:
        """All that was drawn, with its tasks in an order that does not depend on who came first."""
        trials = concatenate(self._drawn)
        present = set(trials.tasks)
        tasks = tuple(spec for spec in dict.fromkeys(self._specs) if spec in present)
        position = {spec: number for number, spec in enumerate(tasks)}
        new_index = np.array([position[spec] for spec in trials.tasks])
        return replace(trials, tasks=tasks, task_index=new_index[trials.task_index])

    def _add(self, trials: Trials) -> NDArray[np.int64]:
        """Keep trials that were drawn; returns their rows."""
        self._drawn.append(trials)
        self._n_drawn += len(trials)
        return np.arange(self._n_drawn - len(trials), self._n_drawn)

    def _meeting(self, keys: NDArray[np.uint64], rules: NDArray[np.int64]) -> Trials:
        """Trials of these rules; one that fails the conditions is drawn again until it does not."""
        trials = sample_mixed(self._specs, keys, rules)
        kept = meeting(self._conditions, trials)
        if len(kept) == len(keys):
            return trials
        parts, rows = [trials[kept]], [kept]
        missing = np.delete(np.arange(len(keys)), kept)
        n_drawn = np.bincount(rules, minlength=len(self._specs))
        n_kept = np.bincount(rules[kept], minlength=len(self._specs))
        number, width = 1, 1
        while missing.size:
            # Which key a trial takes in the end does not depend on how many are tried at a time.
            tried = successors(keys[missing, np.newaxis], np.arange(number, number + width))
            trials = sample_mixed(self._specs, tried.ravel(), np.repeat(rules[missing], width))
            kept = meeting(self._conditions, trials)
            owner, first = np.unique(kept // width, return_index=True)
            parts.append(trials[kept[first]])
            rows.append(missing[owner])
            n_drawn += width * np.bincount(rules[missing], minlength=len(self._specs))
            n_kept += np.bincount(rules[missing[kept // width]], minlength=len(self._specs))
            for slot in np.unique(rules[missing]).tolist():
                of = f"trials of {self._specs[slot].name}"
                refuse_rare(int(n_kept[slot]), int(n_drawn[slot]), of)
            missing = np.delete(missing, owner)
            number += width
            width = min(2 * width, max(1, AT_ONCE // max(1, missing.size)))
        return interleave(parts, rows)


class _SlotDraw(NamedTuple):
    """How trials are drawn each for itself.

    Attributes:
        cumulative: Probabilities of the slots, summed up.
        room: Steps of the longest trial, which are kept free in the first lane; 0 if not known.
        n: How many trials to draw at a time. An estimate: it changes no trial.
    """

    cumulative: NDArray[np.float64]
    room: int
    n: int

    @classmethod
    def of(cls, mix: Mix, n_lanes: int, seq_len: int, lengths: SlotLengths) -> _SlotDraw:
        """Those of a mix."""
        shares = np.array(mix.shares)
        longest = lengths.longest[shares > 0]
        room = int(longest.max()) if longest.all() else 0
        # How many trials the lanes take, and how much that varies, by renewal theory.
        mean = float(shares @ lengths.mean)
        variance = max(0.0, float(shares @ lengths.square) - mean**2)
        n_mean = n_lanes * (seq_len / mean + (variance / mean**2 - 1) / 2) - room / mean
        n_std = math.sqrt(n_lanes * seq_len * variance / mean**3)
        return cls(cumulative(shares), room, 2 + max(0, int(n_mean + 3 * n_std)))

    def slots(self, keys: NDArray[np.uint64]) -> NDArray[np.int64]:
        """The rule slots of trials."""
        uniform = fractions(words(keys, Space.INTERNAL, "rule"))
        return np.searchsorted(self.cumulative, uniform, side="right")


def _slots(
    keys: NDArray[np.uint64], draws: Sequence[_SlotDraw], counts: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The rule slots of the trials of several batches, so many of each, one after another."""
    ends = np.cumsum(counts).tolist()
    parts: list[NDArray[np.int64]] = []
    begin = 0
    for _, group in groupby(zip(draws, ends, strict=True), key=lambda pair: id(pair[0])):
        alike = list(group)
        draw, end = alike[-1]
        parts.append(draw.slots(keys[begin:end]))
        begin = end
    return np.concatenate(parts)


def _within(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """0, 1, ... within each of several groups of so many."""
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)


def cumulative(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """For ``searchsorted(..., side="right")`` of numbers in [0, 1): a slot with 0 is never met."""
    table = np.minimum(np.cumsum(shares), 1.0)
    table[np.flatnonzero(shares)[-1] :] = 1.0  # which rounding may have missed
    return table


def rules_of_lanes(
    keys: NDArray[np.uint64], mix: Mix, seq_len: int, shortest: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rule slots of the trials of lanes that hold blocks.

    Args:
        keys: uint64 ``[lanes]``.
        mix: How they are drawn.
        seq_len: Steps of a lane.
        shortest: Least length of the trials of each slot.

    Returns:
        Lane and rule slot of each trial, by lane and in order; enough trials to fill each lane.
    """
    assert mix.block is not None  # or there are no blocks
    shares = np.array(mix.shares)
    # For each slot what may follow it, and last what may come first.
    tables = [cumulative(shares)] * (len(shares) + 1)
    drawn = np.flatnonzero(shares)
    if len(drawn) > 1:
        for slot in drawn.tolist():
            others = np.where(np.arange(len(shares)) == slot, 0.0, shares)
            tables[slot] = cumulative(others / others.sum())
    follows = np.stack(tables)
    lanes = np.arange(len(keys))
    previous = np.full(len(keys), len(shares))
    n_steps = np.zeros(len(keys))
    found: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]] = []
    while lanes.size:
        own = successors(keys[lanes], np.full(lanes.size, len(found)))
        uniform = fractions(words(own, Space.INTERNAL, "rule of a block"))
        rule = (follows[previous[lanes]] <= uniform[:, np.newaxis]).sum(axis=1)
        n_trials = mix.block.draw(fractions(words(own, Space.INTERNAL, "length of a block")))
        enough = np.ceil((seq_len - n_steps[lanes]) / shortest[rule]).astype(np.int64)
        n_trials = np.minimum(n_trials, enough)
        found.append((lanes, rule, n_trials))
        previous[lanes] = rule
        n_steps[lanes] += n_trials * shortest[rule]
        lanes = lanes[n_steps[lanes] < seq_len]
    lane, rule, n_trials = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.argsort(lane, kind="stable")
    return np.repeat(lane[order], n_trials[order]), np.repeat(rule[order], n_trials[order])


def _before(
    length: NDArray[np.float64], first: NDArray[np.int64], lane: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The sum of the lengths before each trial of a lane."""
    before = np.cumsum(length) - length
    return before - before[first][lane]
