"""The stream of trials behind a sampler: packing, shards, conditions, independence."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.typing import NDArray
from scipy import stats

import modcog
from modcog.batches.packing import pack
from tests.modcog import helpers

SMALL: dict[str, Any] = {"batch_size": 3, "seq_len": 60}


def assert_same_batch(a: modcog.Batch, b: modcog.Batch) -> None:
    helpers.assert_same_trials(a.trials, b.trials)
    for name in ("inputs", "targets", "mask"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


@given(
    lengths=st.lists(st.integers(1, 12), min_size=1, max_size=80),
    n_lanes=st.integers(1, 9),
    seq_len=st.integers(12, 60),
)
def test_packing_fills_lanes_and_what_did_not_fit_comes_last(
    lengths: list[int], n_lanes: int, seq_len: int
) -> None:
    order, lane, start = pack(np.array(lengths), n_lanes, seq_len)
    # The definition, one trial at a time.
    lanes: list[list[int]] = [[]]
    for trial, length in enumerate(lengths):
        if sum(lengths[i] for i in lanes[-1]) + length > seq_len:
            lanes.append([])
        lanes[-1].append(trial)
    expected = [
        (trial, number, sum(lengths[i] for i in (*members[1:], members[0])[:place]))
        for number, members in enumerate(lanes[:n_lanes])
        for place, trial in enumerate((*members[1:], members[0]))
    ]
    assert list(zip(order.tolist(), lane.tolist(), start.tolist(), strict=True)) == expected
    # What decides who is first is the order of the stream, never a length.
    n_always = seq_len // max(lengths)
    for members in lanes[: min(n_lanes, len(lanes) - 1)]:
        assert len(members) >= n_always
        in_place = order[lane == lanes.index(members)][: n_always - 1]
        np.testing.assert_array_equal(in_place, members[0] + 1 + np.arange(len(in_place)))


def shares(sampler: modcog.BatchSampler, n_batches: int) -> dict[str, NDArray[np.int64]]:
    """How often each task comes in all, in first place and in last place."""
    counts = {
        name: np.zeros(len(sampler.tasks), dtype=np.int64) for name in ("all", "first", "last")
    }
    for i in range(n_batches):
        trials = sampler.trials(i)
        is_last = np.append(np.diff(trials.lane) != 0, True)
        for name, rows in (("all", slice(None)), ("first", trials.start == 0), ("last", is_last)):
            counts[name] += np.bincount(trials.rule[rows], minlength=len(sampler.tasks))
    return counts


def test_every_task_is_as_often_first_as_any_other() -> None:
    sampler = modcog.BatchSampler("cog-20", batch_size=256, seq_len=60, seed=0)
    counts = shares(sampler, 150)
    assert counts["first"].sum() == 150 * 256
    assert stats.chisquare(counts["first"]).pvalue > 1e-4
    assert stats.chisquare(counts["all"]).pvalue > 1e-4
    # The bias that is left, as the documentation of `BatchSampler` states it.
    last = dict(zip(sampler.tasks, counts["last"] / counts["last"].sum(), strict=True))
    assert last["DMS"] == pytest.approx(0.076, abs=0.005)
    assert last["RTGo"] == pytest.approx(0.027, abs=0.005)


def test_places_say_nothing_of_a_task_in_lanes_of_many_trials() -> None:
    sampler = modcog.BatchSampler("cog-20", batch_size=64, seed=3)
    assert sampler.lengths is not None
    always = sampler.seq_len // sampler.lengths.longest
    assert always == 4
    counts = np.zeros((always - 1, 20))
    for i in range(150):
        trials = sampler.trials(i)
        for place in range(always - 1):
            rows = np.searchsorted(trials.lane, np.arange(64)) + place
            assert (trials.lane[rows] == np.arange(64)).all()
            counts[place] += np.bincount(trials.rule[rows], minlength=20)
    for place in counts:
        assert stats.chisquare(place).pvalue > 1e-4


def test_a_trial_longer_than_a_lane_is_refused() -> None:
    with pytest.raises(modcog.InvalidArgument, match="^seq_len must be at least 9"):
        pack(np.array([3, 9]), 2, 8)


@given(world_size=st.integers(1, 7), index=st.integers(0, 40), seed=helpers.seeds)
def test_shards_together_are_the_stream(world_size: int, index: int, seed: int) -> None:
    sampler = modcog.BatchSampler("cog-20", seed=seed, **SMALL)
    shards = [sampler.shard(rank, world_size) for rank in range(world_size)]
    whole = sampler.batch(index)
    assert_same_batch(shards[index % world_size].batch(index // world_size), whole)


def test_a_shard_can_be_sharded_again() -> None:
    sampler = modcog.BatchSampler("cog-20", **SMALL)
    inner = sampler.shard(1, 2).shard(2, 3)
    for i in range(3):
        assert_same_batch(inner.batch(i), sampler.batch(1 + 2 * (2 + 3 * i)))


@pytest.mark.parametrize(("rank", "world_size"), [(2, 2), (-1, 2), (0, 0), (0.5, 2), (True, 2)])
def test_shards_out_of_range_are_refused(rank: Any, world_size: Any) -> None:
    with pytest.raises(modcog.InvalidArgument, match="^(rank|world_size) must be"):
        modcog.BatchSampler("cog-20", **SMALL).shard(rank, world_size)


def test_only_trials_that_meet_the_condition_are_drawn() -> None:
    sampler = modcog.BatchSampler("DMS", **SMALL).where(lambda trials: trials.match == 1)
    few = sampler.where(lambda trials: trials.response < 2)
    for i in range(20):
        assert (sampler.batch(i).trials.match == 1).all()
        trials = few.batch(i).trials
        assert (trials.match == 1).all()
        assert (trials.response < 2).all()
        assert set(trials.lane.tolist()) == {0, 1, 2}
    assert_same_batch(few.batch(3), few.batch(3))
    # The sampler that it came from is as it was.
    assert (modcog.BatchSampler("DMS", **SMALL).batch(0).trials.match == 0).any()


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (lambda trials: trials.match == 7, "^condition must be met by one trial in 10000 or more"),
        (lambda trials: trials.match, r"^condition must be a function .* bool \[n\]"),
        (lambda trials: trials.responds[:3], r"bool \[n\].*returns bool \[3\]"),
    ],
)
def test_conditions_that_cannot_work_are_refused(
    condition: Callable[[modcog.Trials], Any], text: str
) -> None:
    with pytest.raises(modcog.InvalidArgument, match=text):
        modcog.BatchSampler("DMS", **SMALL).where(condition).batch(0)


def test_threads_and_copies_see_one_stream() -> None:
    sampler = modcog.BatchSampler("mod-cog-84", seed=4, **SMALL)
    indices = [0, 700, 3, 1500, 2, 701]
    expected = [modcog.BatchSampler("mod-cog-84", seed=4, **SMALL).batch(i) for i in indices]
    seen: dict[int, modcog.Batch] = {}

    def draw(position: int) -> None:
        seen[position] = sampler.batch(indices[position])

    threads = [threading.Thread(target=draw, args=(i,)) for i in range(len(indices))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for position, batch in enumerate(expected):
        assert_same_batch(seen[position], batch)
    small = pickle.dumps(sampler)
    assert len(small) < 200_000, "drawn trials do not travel"
    assert_same_batch(pickle.loads(small).batch(700), expected[1])


def test_neighbouring_batches_are_independent() -> None:
    sampler = modcog.BatchSampler("Go", batch_size=1, seq_len=15, seed=0)
    places = np.array([sampler.trials(i).response[0] for i in range(4000)])
    table, _, _ = np.histogram2d(places[:-1], places[1:], bins=16)
    assert stats.chi2_contingency(table).pvalue > 1e-4


def test_every_rule_slot_is_drawn_alike_and_in_any_order() -> None:
    sampler = modcog.BatchSampler("cog-20", batch_size=40, seq_len=300, seed=2)
    trials = [sampler.trials(i) for i in range(30)]
    rules = np.concatenate([t.rule for t in trials])
    assert stats.chisquare(np.bincount(rules, minlength=20)).pvalue > 1e-4
    pairs, _, _ = np.histogram2d(rules[:-1], rules[1:], bins=20)
    assert stats.chi2_contingency(pairs).pvalue > 1e-4


def test_trials_of_ones_own_become_a_batch() -> None:
    sampler = modcog.BatchSampler("mod-cog-84", dt=50)
    rng = np.random.default_rng(0)
    spec = modcog.task("DMC_IntL", dt=50)
    trials = modcog.conditions(spec, rng, sample_location=range(16), match=(0, 1))
    batch = sampler.batch_of(trials)
    assert batch.inputs.shape[1:] == (32, sampler.input_size)
    assert len(batch.inputs) == trials.length.max()
    slot = sampler.tasks.index("DMC_IntL")
    assert (batch.trials.rule == slot).all()
    alone = modcog.render(trials, n_rules=1)
    np.testing.assert_array_equal(batch.inputs[..., :33], alone.observations[..., :33])
    np.testing.assert_array_equal(batch.inputs[..., 33 + slot], alone.observations[..., 33])
    np.testing.assert_array_equal(batch.targets, alone.targets)
    oracle = np.eye(17)[batch.targets] * 50
    assert modcog.evaluate(oracle, batch).mean("trajectory_performance") == 1


def test_foreign_trials_are_refused() -> None:
    sampler = modcog.BatchSampler("cog-20")
    rng = np.random.default_rng(0)
    with pytest.raises(modcog.InvalidArgument, match="trials of DlyGo_IntL"):
        sampler.batch_of(modcog.sample(modcog.task("DlyGo_IntL"), rng, 3))
    with pytest.raises(modcog.InvalidArgument, match="with its settings"):
        sampler.batch_of(modcog.sample(modcog.task("DlyGo", dt=20), rng, 3))
    with pytest.raises(modcog.InvalidArgument, match="at least one trial"):
        sampler.batch_of(modcog.sample(modcog.task("DlyGo"), rng, 0))
