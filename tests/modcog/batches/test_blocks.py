"""Blocks of a task, and what goes with schedules: hidden rules, packing, conditions."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.typing import NDArray

import modcog
from modcog import schedules
from modcog.batches.packing import pack, pack_each
from tests.modcog.batches.drawing import SMALL, WEIGHTS, chi_square, runs, sampler


@pytest.mark.parametrize("weights", [None, WEIGHTS, ["Go", "DMS"]], ids=str)
def test_blocks_are_as_long_as_asked_and_in_order(weights: Any) -> None:
    one = sampler(schedules.blocks(3, weights), batch_size=20, seq_len=200)
    for index in range(5):
        trials = one.trials(index)
        for lane in runs(trials):
            # A block that came again would be one of 6.
            assert [n for _, n in lane[:-1]] == [3] * (len(lane) - 1)
            assert 1 <= lane[-1][1] <= 3
        ends = trials.start + trials.length
        starts_lane = np.append(True, np.diff(trials.lane) > 0)
        assert not trials.start[starts_lane].any()
        np.testing.assert_array_equal(trials.start[~starts_lane], ends[:-1][~starts_lane[1:]])
        # A lane is full: what no longer fitted was not longer than the longest trial.
        assert ends[np.append(starts_lane[1:], True)].min() > 200 - 27
        assert ends.max() <= 200


def test_a_single_task_is_followed_by_itself() -> None:
    trials = sampler(schedules.blocks(2, ["DMS"]), seq_len=200).trials(0)
    assert set(trials.task) == {"DMS"}
    assert np.bincount(trials.lane).min() >= 200 // 27


def test_uniform_blocks_give_every_task_its_share_of_first_places() -> None:
    one = sampler(schedules.blocks(2), batch_size=100, seq_len=120)
    first = np.concatenate([t.rule[t.start == 0] for t in map(one.trials, range(50))])
    assert len(first) == 5000
    assert chi_square(np.bincount(first, minlength=20), np.ones(20)) > 1e-3


def test_the_next_block_is_drawn_by_the_weights_of_the_others() -> None:
    weights = np.array([4.0, 2, 1, 0])
    tasks = ["Go", "Anti", "DlyGo", "DMS"]
    one = sampler(schedules.blocks(1, weights), tasks, batch_size=200, seq_len=150)
    pairs = np.zeros((4, 4), dtype=np.int64)
    for index in range(10):
        trials = one.trials(index)
        same = np.diff(trials.lane) == 0
        np.add.at(pairs, (trials.rule[:-1][same], trials.rule[1:][same]), 1)
    assert not pairs[3].any()
    for slot in range(3):
        # Not the last place of a lane, where long trials are rarer.
        others = np.where(np.arange(4) == slot, 0, weights)
        assert chi_square(pairs[slot], others) > 1e-4


LENGTHS: Mapping[Any, Callable[[int], float]] = {
    ("uniform", (2, 4)): lambda n: 1 / 3 if 2 <= n <= 4 else 0,
    ("choice", (1, 5, 5)): lambda n: {1: 1 / 3, 5: 2 / 3}.get(n, 0),
    ("geometric", 2.5): lambda n: 0.4 * 0.6 ** (n - 1),
}


@pytest.mark.parametrize("length", LENGTHS, ids=str)
def test_lengths_of_blocks_have_their_distribution(length: Any) -> None:
    # The first block of a lane of 30 trials is never cut short.
    one = sampler(schedules.blocks(length, ["Go", "Anti"]), batch_size=500, seq_len=450)
    first = [lane[0][1] for index in range(4) for lane in runs(one.trials(index))]
    found = np.bincount(first, minlength=12)[1:12]
    expected = np.array([LENGTHS[length](n) for n in range(1, 12)])
    assert chi_square(found, expected) > 1e-3


def test_hidden_rules_leave_channels_of_zeros_and_all_else() -> None:
    shown, hidden = (
        sampler(schedules.blocks(2, hidden=hidden), noise="yang") for hidden in (False, True)
    )
    one, other = shown.batch(2), hidden.batch(2)
    assert one.trials == other.trials
    assert len(set(other.trials.rule)) > 1
    np.testing.assert_array_equal(one.inputs[..., :33], other.inputs[..., :33])
    assert one.inputs[..., 33:].any()
    assert other.inputs.shape == one.inputs.shape
    assert not other.inputs[..., 33:].any()
    np.testing.assert_array_equal(one.targets, other.targets)
    # Trials of one's own are shown as those of the schedule.
    assert not hidden.batch_of(one.trials).inputs[..., 33:].any()
    assert shown.batch_of(one.trials).inputs[..., 33:].any()


def test_where_only_some_batches_hide_the_rule_ones_own_trials_are_refused() -> None:
    one = sampler(schedules.interleave(None, schedules.blocks(2, hidden=True)))
    assert [bool(one.batch(i).inputs[..., 33:].any()) for i in range(4)] == [True, False] * 2
    shard = one.shard(1, 2)
    assert not any(shard.batch(i).inputs[..., 33:].any() for i in range(3))
    trials = one.trials(1)
    with pytest.raises(modcog.InvalidArgument, match="one that hides the rule in all batches or"):
        one.batch_of(trials)
    assert one.with_schedule(None).batch_of(trials).inputs[..., 33:].any()


# --- packing -------------------------------------------------------------------------------------


@given(
    lengths=st.lists(st.lists(st.integers(0, 12), max_size=40), min_size=1, max_size=6),
    n_lanes=st.integers(1, 5),
    seq_len=st.integers(12, 60),
)
def test_packing_several_batches_is_packing_each(
    lengths: list[list[int]], n_lanes: int, seq_len: int
) -> None:
    bounds = np.array([0, *itertools.accumulate(map(len, lengths))])
    length = np.concatenate([np.array(one, dtype=np.int64) for one in lengths])
    order, lane, start, placed = pack_each(length, bounds, n_lanes, seq_len)
    ends = np.cumsum(placed)
    for number, own in enumerate(lengths):
        rows = slice(ends[number] - placed[number], ends[number])
        alone = pack(np.array(own, dtype=np.int64), n_lanes, seq_len)
        for one, other in zip(
            (order[rows] - bounds[number], lane[rows], start[rows]), alone, strict=True
        ):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("lanes", [1, 2, 5])
def test_what_fits_the_last_lane_no_longer_ends_the_first(lanes: int) -> None:
    one = modcog.BatchSampler("cog-20", weights=WEIGHTS, batch_size=lanes, seq_len=60)
    for index in range(20):
        trials = one.trials(index)
        end = trials.start + trials.length
        assert end.max() <= 60
        assert sorted(set(trials.lane.tolist())) == list(range(lanes))
        for lane in range(lanes):
            own = trials.lane == lane
            np.testing.assert_array_equal(trials.start[own][1:], end[own][:-1])
            assert trials.start[own][0] == 0


# --- conditions ----------------------------------------------------------------------------------


def test_conditions_go_with_weights() -> None:
    plain = modcog.BatchSampler("cog-20", weights={"Go": 0}, **SMALL)
    one = plain.where(lambda trials: trials.responds, name="responds")
    trials = [one.trials(i) for i in range(30)]
    assert all(t.responds.all() and "Go" not in t.task for t in trials)
    keys = {key for t in trials for key in t.noise_key.tolist()}
    assert not keys & {key for i in range(30) for key in plain.trials(i).noise_key.tolist()}
    assert one.trials(7) == plain.where(lambda trials: trials.responds).trials(7)


def test_conditions_leave_blocks_as_they_are() -> None:
    def few(trials: modcog.Trials) -> NDArray[np.bool_]:
        return (trials.stimulus_location[:, 0] == 3) & trials.responds

    one = sampler(schedules.blocks(3), batch_size=10, seq_len=200)
    met = one.where(few)
    for index in range(3):
        trials = met.trials(index)
        assert few(trials).all()
        for lane, other in zip(runs(trials), runs(one.trials(index)), strict=True):
            assert [n for _, n in lane[:-1]] == [3] * (len(lane) - 1)
            assert len({rule for rule, _ in lane} | {rule for rule, _ in other}) > 1
    assert one.where(few).trials(2) == met.trials(2)
    in_order = [one.where(few).shard(0, 1).trials(i) for i in (0, 1, 2)]
    assert in_order[2] == met.trials(2)


def test_conditions_that_a_task_never_meets_are_refused_in_blocks() -> None:
    one = sampler(schedules.blocks(3, ["Go", "DMS"])).where(lambda trials: trials.match == 1)
    with pytest.raises(modcog.InvalidArgument, match=r"met by 0 of \d+ trials of Go"):
        one.batch(0)
    none = modcog.BatchSampler("DMS", weights=[1], **SMALL).with_schedule(lambda _: [1])
    with pytest.raises(modcog.InvalidArgument, match=r"^condition must be met by one trial in"):
        none.where(lambda trials: trials.match == 7).batch(0)
