"""Schedules: what is drawn is what was asked for, and each batch is a function of its number."""

from __future__ import annotations

import itertools
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import modcog
from modcog import schedules
from tests.modcog import helpers
from tests.modcog.batches.drawing import (
    BASES,
    SCHEDULES,
    SMALL,
    WEIGHTS,
    chi_square,
    counts,
    sampler,
)

# --- pure functions of the number ----------------------------------------------------------------


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_batch_alone_is_that_in_order_of_a_shard_and_after_pickling(name: str) -> None:
    schedule = SCHEDULES[name]
    in_order = list(itertools.islice(sampler(schedule), 14))
    shards = [sampler(schedule).shard(rank, 3) for rank in range(3)]
    for index, batch in enumerate(in_order):
        assert shards[index % 3].batch(index // 3) == batch
    again = pickle.loads(pickle.dumps(sampler(schedule)))
    for index in (13, 2, 7, 8):
        assert sampler(schedule).batch(index) == in_order[index]
        assert again.batch(index) == in_order[index]


@settings(max_examples=30)
@given(
    name=st.sampled_from(sorted(SCHEDULES)),
    seed=helpers.seeds,
    order=st.lists(st.integers(0, 30), min_size=2, max_size=8),
    lanes=st.integers(1, 4),
)
def test_batches_do_not_depend_on_the_order_of_asking(
    name: str, seed: int, order: list[int], lanes: int
) -> None:
    one = sampler(SCHEDULES[name], seed=seed, batch_size=lanes)
    for index in order:
        alone = sampler(SCHEDULES[name], seed=seed, batch_size=lanes)
        assert one.trials(index) == alone.trials(index)


@pytest.mark.parametrize("name", SCHEDULES)
def test_seeds_and_batches_share_no_trial(name: str) -> None:
    keys = [
        sampler(SCHEDULES[name], seed=seed).trials(i).noise_key
        for seed in (0, [0], 1)
        for i in (0, 1, 2, 1000, 10**12)
    ]
    together = np.concatenate([*keys, sampler().trials(0).noise_key])
    assert len(np.unique(together)) == len(together)


def test_other_weights_share_no_trial_and_proportional_ones_all() -> None:
    weightings: list[Any] = [{"Go": 2}, {"Go": 3}, ["Go"], ["Go", "DMS"], {"Go": 0}]
    keys = [modcog.BatchSampler("cog-20", weights=w).trials(0).noise_key for w in weightings]
    keys += [sampler(schedules.blocks(n)).trials(0).noise_key for n in (1, 2)]
    together = np.concatenate(keys)
    assert len(np.unique(together)) == len(together)
    for scale in (0.1, 1 / 3, 1e300, 7):
        scaled = modcog.BatchSampler(["Go", "DMS"], weights=[scale, 3 * scale], **SMALL)
        assert scaled.trials(4) == sampler(None, ["Go", "DMS"], weights=[1, 3]).trials(4)
    # What is equal there is equal here.
    staged = sampler(schedules.stages([(["Go"], 5), (None, 1)]))
    assert staged.trials(4) == modcog.BatchSampler("cog-20", weights=["Go"], **SMALL).trials(4)


def test_every_call_returns_arrays_of_its_own() -> None:
    one = sampler(SCHEDULES["blocks"])
    for column in helpers.COLUMNS:
        getattr(one.trials(0), column)[:] = 0
    assert one.trials(0) == sampler(SCHEDULES["blocks"]).trials(0)


def test_equal_weights_are_the_stream_without_weights() -> None:
    plain = sampler()
    for weights in ({}, {"Go": 1}, [2.5] * 20, "cog-20", list(BASES)):
        equal = modcog.BatchSampler("cog-20", weights=weights, **SMALL)
        assert equal.batch(3) == plain.batch(3)
        assert equal.identity == plain.identity
    assert sampler(WEIGHTS and schedules.constant(WEIGHTS)).identity != plain.identity


# --- what was asked for --------------------------------------------------------------------------


@pytest.mark.parametrize("lanes", [1, 2, 30])
def test_frequencies_are_the_weights_however_small_a_batch_is(lanes: int) -> None:
    # Tasks of 9 to 27 steps in lanes of 60: whatever was dropped for its length would show.
    one = modcog.BatchSampler("cog-20", weights=WEIGHTS, batch_size=lanes, seq_len=60)
    shares = np.array([WEIGHTS.get(name, 1) for name in BASES], dtype=float)
    found = counts(one, range(6000 // lanes))
    assert found.sum() > 15_000
    assert chi_square(found, shares) > 1e-3


def test_tasks_that_are_held_out_never_occur() -> None:
    weights = dict.fromkeys(modcog.suite("mod-cog-84")[::3], 0)
    one = modcog.BatchSampler("mod-cog-84", weights=weights, batch_size=20)
    trials = [one.trials(i) for i in range(120)]
    assert sum(map(len, trials)) > 10_000
    seen = {name for t in trials for name in (*t.task.tolist(), *(s.name for s in t.tasks))}
    assert seen == set(one.tasks) - set(weights)
    # Their rule channels are there, and nothing is written to them.
    batch = one.batch(0)
    assert batch.inputs.shape[-1] == 33 + 84
    held_out = [33 + one.tasks.index(name) for name in weights]
    assert not batch.inputs[..., held_out].any()


def test_lengths_follow_the_weights() -> None:
    one = modcog.BatchSampler("mod-cog-84", weights=["Go", "DMS_SeqL", "DlyGo_IntL"], batch_size=40)
    length = np.concatenate([one.trials(i).length for i in range(40)])
    assert one.lengths is not None
    assert abs(length.mean() - one.lengths.mean) < 5 * one.lengths.std / np.sqrt(len(length))
    assert length.min() == one.lengths.shortest
    assert length.max() == one.lengths.longest
    assert one.seq_len == 4 * one.lengths.longest
    assert one.lengths == modcog.trial_lengths("mod-cog-84", ["Go", "DMS_SeqL", "DlyGo_IntL"])
    assert modcog.BatchSampler("cog-20", weights=["Go"], seq_len=15).seq_len == 15
    with pytest.raises(modcog.InvalidArgument, match="^seq_len must be at least 27 steps, the lo"):
        modcog.BatchSampler("cog-20", weights=WEIGHTS, seq_len=20)
    assert sampler(SCHEDULES["stages"]).lengths is None


def test_repeated_tasks_have_a_weight_each() -> None:
    tasks = ["Go", "Anti", "Go"]
    by_name = modcog.BatchSampler(tasks, weights={"Anti": 2}, batch_size=50, seq_len=60)
    by_slot = modcog.BatchSampler(tasks, weights=[1, 2, 1], batch_size=50, seq_len=60)
    assert by_name.batch(1) == by_slot.batch(1)
    assert chi_square(counts(by_slot, range(30)), np.array([1.0, 2, 1])) > 1e-3
    assert not counts(modcog.BatchSampler(tasks, weights=[0, 2, 1], **SMALL), range(9))[0]


def test_callables_as_durations_leave_the_weights_right() -> None:
    def long_at_times(rng: np.random.Generator) -> float:
        return 500.0 if rng.random() < 0.5 else 3000.0

    spec = modcog.task("DlyGo", timing={"delay": long_at_times})
    one = modcog.BatchSampler([spec, "Go"], weights=[1, 2], batch_size=50, seq_len=200)
    found = counts(one, range(30))
    assert found[0] / found.sum() == pytest.approx(1 / 3, abs=0.02)
    in_blocks = one.with_schedule(schedules.blocks(2))
    assert (in_blocks.trials(3).start[1:] > 0).any()
    for schedule in (schedules.blocks(2), schedules.constant([1, 2])):
        short = modcog.BatchSampler([spec, "Go"], schedule=schedule, batch_size=50, seq_len=30)
        with pytest.raises(modcog.InvalidArgument, match="^seq_len must be at least 45, a trial"):
            short.batch(0)


def test_stages_begin_where_they_should_and_the_last_one_stays() -> None:
    one = sampler(schedules.stages([(["Go", "Anti"], 100), (["DMS"], 50)]), batch_size=10)
    for index, expected in ((0, {"Go", "Anti"}), (99, {"Go", "Anti"}), (100, {"DMS"})):
        assert set(one.trials(index).task) == expected
    assert all(set(one.trials(index).task) == {"DMS"} for index in (149, 150, 10**6))


def test_a_stage_counts_batches_from_its_begin() -> None:
    ramp = schedules.ramp(["Go"], ["DMS"], 4)
    one = sampler(schedules.stages([(["Anti"], 5), (ramp, 20)]), batch_size=60)
    shares = [float(np.mean(one.trials(5 + i).task == "DMS")) for i in range(6)]
    assert shares[0] == 0
    assert shares[4:] == [1, 1]
    np.testing.assert_allclose(shares[1:4], [0.25, 0.5, 0.75], atol=0.12)


@pytest.mark.parametrize(
    ("shape", "done"),
    [
        ("linear", [0, 0.25, 0.5, 0.75, 1, 1]),
        ("cosine", [0, 0.1464466094, 0.5, 0.8535533906, 1, 1]),
    ],
)
def test_a_ramp_mixes_probabilities(shape: str, done: list[float]) -> None:
    ramp = schedules.ramp([1, 3], {"Go": 0}, 100, shape=shape).resolve(["Go", "DMS"])
    for index, share in zip((0, 25, 50, 75, 100, 10**9), done, strict=True):
        np.testing.assert_allclose(ramp.at(index).shares, [(1 - share) / 4, 0.75 + share / 4])
    one = sampler(ramp, ["Go", "DMS"], batch_size=200)
    assert chi_square(counts(one, [50]), np.array(ramp.at(50).shares)) > 1e-3


def test_interleaved_schedules_take_turns_with_batches_of_their_own() -> None:
    one = sampler(schedules.interleave(["Go"], schedules.stages([(["DMS"], 2), (["Anti"], 1)])))
    seen = [set(one.trials(i).task) for i in range(8)]
    assert seen == [{"Go"}, {"DMS"}, {"Go"}, {"DMS"}, {"Go"}, {"Anti"}, {"Go"}, {"Anti"}]


def test_a_function_says_what_each_batch_is_drawn_from() -> None:
    def one_each(index: int) -> list[str]:
        return [BASES[index]]

    def misspelled(index: int) -> dict[str, int]:
        return {"Goo": index}

    one = sampler(one_each, batch_size=5)
    assert all(set(one.trials(i).task) == {BASES[i]} for i in range(20))
    wrong = sampler(misspelled)
    with pytest.raises(modcog.UnknownName, match=r"^schedule\(4\) must be the name of a task of"):
        wrong.batch(4)


def test_a_function_is_asked_again_for_what_was_drawn_ahead() -> None:
    weights = ["Go"]

    def as_it_stands(_: int) -> list[str]:
        return weights

    one = sampler(as_it_stands)
    for index in range(30):
        assert set(one.trials(index).task) == set(weights)
        weights = [BASES[index % 20]]  # decided on the way, from scores of before
