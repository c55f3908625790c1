"""Schedules: what is drawn is what was asked for, and each batch is a function of its number."""

from __future__ import annotations

import itertools
import json
import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray
from scipy import stats

import modcog
from modcog import schedules
from modcog.batches.packing import pack, pack_each
from modcog.batches.schedule_data import Mix, Schedule
from tests.modcog import helpers

BASES = modcog.suite("cog-20")
SMALL: dict[str, Any] = {"batch_size": 3, "seq_len": 60}
WEIGHTS = {"Go": 3, "DMS": 0, "Anti": 0.5}


def weights_of(index: int) -> Any:
    """A function as a schedule; named, so that it can be pickled."""
    return {BASES[index % 20]: 5, BASES[(index + 1) % 20]: 0}


SCHEDULES: Mapping[str, Any] = {
    "constant": schedules.constant(WEIGHTS),
    "stages": schedules.stages([(["Go", "Anti"], 4), (["DMS"], 3), (None, 1)]),
    "ramp": schedules.ramp(["Go", "DMS"], None, 9, shape="cosine"),
    "interleave": schedules.interleave(["Go"], schedules.blocks(2), WEIGHTS),
    "blocks": schedules.blocks(("geometric", 3)),
    "hidden": schedules.blocks(("uniform", (1, 4)), WEIGHTS, hidden=True),
    "recorded": schedules.recorded([(0, None), (5, ["DMS", "DNMS"]), (11, weights_of(2))]),
    "function": weights_of,
    "nested": schedules.stages([(weights_of, 3), (schedules.interleave(["DMC"], weights_of), 9)]),
}


def sampler(schedule: Any = None, tasks: Any = "cog-20", **arguments: Any) -> modcog.BatchSampler:
    return modcog.BatchSampler(tasks, **{**SMALL, "schedule": schedule, **arguments})


def counts(one: modcog.BatchSampler, numbers: Sequence[int] | range) -> NDArray[np.int64]:
    return sum(np.bincount(one.trials(i).rule, minlength=len(one.tasks)) for i in numbers)


def chi_square(found: NDArray[np.int64], shares: NDArray[np.float64]) -> float:
    """The probability of counts so far from what was asked for; what was not must be 0."""
    assert not found[shares == 0].any()
    drawn = shares > 0
    expected = shares[drawn] / shares[drawn].sum() * found.sum()
    return float(stats.chisquare(found[drawn], expected).pvalue)


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


# --- blocks --------------------------------------------------------------------------------------


def runs(trials: modcog.Trials) -> list[list[tuple[int, int]]]:
    """For each lane the rules of its blocks and how many trials each has."""
    lanes = [trials.rule[trials.lane == lane].tolist() for lane in np.unique(trials.lane)]
    return [[(rule, len(list(group))) for rule, group in itertools.groupby(one)] for one in lanes]


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


# --- data ----------------------------------------------------------------------------------------

names = st.lists(st.sampled_from(BASES), min_size=1, max_size=3)
weightings = (
    st.none()
    | names
    | st.dictionaries(st.sampled_from(BASES[:5]), st.floats(0, 1e6) | st.integers(0, 9))
    | st.lists(st.floats(0.1, 10), min_size=20, max_size=20)
    | st.just("cog-20")
)
block_lengths = (
    st.integers(1, 9)
    | st.tuples(st.just("geometric"), st.floats(1, 50))
    | st.tuples(st.just("uniform"), st.tuples(st.integers(1, 4), st.integers(4, 9)))
    | st.tuples(st.just("choice"), st.lists(st.integers(1, 9), min_size=1, max_size=4))
)
leaves = (
    st.builds(schedules.constant, weightings)
    | st.builds(
        schedules.ramp,
        weightings,
        weightings,
        st.integers(1, 99),
        shape=st.sampled_from(["linear", "cosine"]),
    )
    | st.builds(schedules.blocks, block_lengths, weightings, hidden=st.booleans())
)
any_schedule = st.recursive(
    leaves,
    lambda parts: (
        st.builds(
            schedules.stages, st.lists(st.tuples(parts, st.integers(1, 9)), min_size=1, max_size=3)
        )
        | st.lists(parts, min_size=1, max_size=3).map(lambda some: schedules.interleave(*some))
    ),
    max_leaves=5,
)


@settings(max_examples=40)
@given(schedule=any_schedule, index=st.integers(0, 20))
def test_a_schedule_survives_json(schedule: schedules.Schedule, index: int) -> None:
    text = schedule.to_json()
    again = schedules.from_json(text)
    assert again == schedule
    assert hash(again) == hash(schedule)
    assert again.to_json() == text
    one, other = sampler(schedule), sampler(again)
    assert one.trials(index) == other.trials(index)
    assert json.loads(json.dumps(one.identity)) == other.identity


@dataclass(frozen=True)
class Rounds(Schedule):
    """A schedule of one's own: one task after another, `n` batches each, round and round."""

    kind = "rounds"

    n: int
    n_slots: int = 0

    def resolve(self, names: Sequence[str]) -> Schedule:
        return replace(self, n_slots=len(names))

    def at(self, index: int, /) -> Mix:
        return Mix(tuple(np.eye(self.n_slots)[index // self.n % self.n_slots].tolist()))

    def support(self) -> tuple[bool, ...]:
        return (True,) * self.n_slots


def test_a_schedule_is_a_class_and_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def rounds(n: int, n_slots: int) -> Schedule:
        return Rounds(n, n_slots)

    monkeypatch.setattr(schedules, "KINDS", {**schedules.KINDS, "rounds": (Rounds, rounds)})
    schedule = schedules.stages([(["DMS"], 3), (Rounds(2), 9)])
    assert schedules.from_json(schedule.to_json()) == schedule
    one = sampler(schedule)
    assert [one.trials(3 + i).task[0] for i in range(5)] == ["Go", "Go", "RTGo", "RTGo", "DlyGo"]
    assert one.trials(4) == sampler(schedules.from_json(schedule.to_json())).trials(4)


def test_functions_are_no_data() -> None:
    for name in ("function", "nested"):
        one = sampler(SCHEDULES[name])
        with pytest.raises(modcog.InvalidArgument, match=r"^schedule must be data.*recorded"):
            one.schedule.to_json()
    assert sampler(weights_of).identity["schedule"] is None
    record = sampler(SCHEDULES["nested"]).identity["schedule"]
    assert record["parts"][0] is None
    assert record["parts"][1]["parts"][1] is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        '{"kind": "blocks"}',
        '{"kind": "constants", "weights": null}',
        '{"kind": "constant", "weights": null, "more": 1}',
        '{"kind": "constant", "weights": [null]}',
        '{"kind": "constant", "weights": [NaN]}',
        '{"kind": "stages", "starts": [0, 4], "parts": [{"kind": "constant", "weights": null}]}',
        '{"kind": "stages", "starts": [1], "parts": [{"kind": "constant", "weights": null}]}',
        '{"kind": "stages", "starts": 0, "parts": 0}',
        '{"kind": "interleave", "parts": []}',
        '{"kind": "interleave", "parts": [null]}',
        '{"kind": "blocks", "weights": null, "length": 0, "hidden": false}',
        '{"kind": "blocks", "weights": null, "length": 2, "hidden": 1}',
        "[" * 100_000,
    ],
)
def test_what_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(modcog.InvalidArgument):
        schedules.from_json(text)


# --- closed loops --------------------------------------------------------------------------------


@settings(max_examples=25)
@given(
    decisions=st.lists(st.tuples(st.integers(1, 6), names), min_size=1, max_size=4),
    data=st.data(),
)
def test_what_is_decided_later_changes_nothing_before(
    decisions: list[tuple[int, list[str]]], data: st.DataObject
) -> None:
    starts = [0, *itertools.accumulate(gap for gap, _ in decisions)]
    log: list[tuple[int, Any]] = [(0, None)]
    one = sampler(schedules.recorded(log))
    seen: list[modcog.Trials] = []
    for start, (_, weights) in zip(starts[1:], decisions, strict=True):
        seen += [one.trials(i) for i in range(len(seen), start)]
        log.append((start, weights))
        one = one.with_schedule(schedules.recorded(log))
    # A run that is resumed knows the log alone.
    resumed = sampler(schedules.from_json(schedules.recorded(log).to_json()))
    index = data.draw(st.integers(0, len(seen) - 1))
    assert resumed.trials(index) == seen[index]
    assert set(resumed.trials(starts[-1]).task) <= set(decisions[-1][1])


@pytest.mark.parametrize(
    ("evaluations", "most", "starts"),
    [
        ([], None, [0]),
        ([(10, 0.5), (20, 0.8)], None, [0]),
        ([(10, 0.5), (20, 0.9)], None, [0, 20]),
        ([(10, 0.95), (20, 0.9)], None, [0, 10, 20]),
        ([(10, 0.95), (20, 0.9), (30, 1)], None, [0, 10, 20]),
        ([], 15, [0, 15, 30]),
        ([(10, 0.9)], 15, [0, 10, 25]),
        ([(10, 0.1), (20, 0.9)], 15, [0, 15, 20]),
        ([(15, 0.9)], 15, [0, 15, 30]),
    ],
)
def test_stages_end_at_the_criterion(
    evaluations: list[tuple[int, float]], most: int | None, starts: list[int]
) -> None:
    plan: list[Any] = [["Go"], ["DMS"], None]
    found = schedules.to_criterion(plan, evaluations, criterion=0.9, most=most)
    assert found == schedules.recorded(list(zip(starts, plan, strict=False)))


@given(
    scores=st.lists(st.floats(0, 1), max_size=12),
    most=st.none() | st.integers(1, 40),
    n_known=st.integers(0, 12),
)
def test_scores_of_later_change_nothing_before(
    scores: list[float], most: int | None, n_known: int
) -> None:
    evaluations = [(10 * (i + 1), score) for i, score in enumerate(scores)]
    known = evaluations[:n_known]
    one, other = (
        schedules.to_criterion([["Go"], ["DMS"], ["Anti"]], some, criterion=0.8, most=most)
        for some in (known, evaluations)
    )
    names = ["Go", "DMS", "Anti"]
    until = 10 * (n_known + 1)
    for index in range(until):
        assert one.resolve(names).at(index) == other.resolve(names).at(index)


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: sampler(["Go"]), "^schedule must be a schedule of modcog.schedules, or a func"),
        (lambda: sampler(3), "^schedule must be a schedule"),
        (lambda: sampler(weights_of, weights=["Go"]), "^weights must be left out where a sched"),
        (lambda: sampler(weights={"Goo": 1}), "^weights must be the name of a task of the.* Go"),
        (lambda: sampler(weights=[1, 2]), "^weights must be 20 weights, one a rule slot"),
        (lambda: sampler(weights=[0] * 20), "^weights must be above 0 for one task or more"),
        (lambda: sampler(weights={"Go": -1}), r"^weights\['Go'\] must be a finite number of at"),
        (lambda: sampler(weights={"Go": float("nan")}), r"^weights\['Go'\] must be a finite"),
        (lambda: sampler(weights={"Go": "1"}), r"^weights\['Go'\] must be a finite"),
        (lambda: sampler(weights={3: 1}), "^weights must be a mapping from task names"),
        (lambda: sampler(weights=[]), "^weights must be a mapping from task names"),
        (lambda: sampler(weights="mod-cog-84"), "^weights must be the name of a task of the sam"),
        (lambda: schedules.stages([]), "^plan must be a list of pairs"),
        (lambda: schedules.stages([["Go"]]), "^plan must be a list of pairs"),
        (lambda: schedules.stages([(["Go"], 0)]), "^plan must be a whole number of batches"),
        (lambda: schedules.stages([(3, 1)]), "^weights must be a mapping"),
        (lambda: schedules.interleave(), "^parts must be one schedule or more"),
        (lambda: schedules.ramp(["Go"], None, 0), "^n_batches must be a whole number"),
        (lambda: schedules.ramp(["Go"], None, 3, shape="cos"), "^shape must be.*cosine"),
        (lambda: sampler(schedules.ramp(["Goo"], None, 3)), "^start must be the name of a task"),
        (lambda: sampler(schedules.ramp(None, ["Goo"], 3)), "^end must be the name of a task"),
        (lambda: schedules.blocks(0), "^length must be a whole number of trials of a block"),
        (lambda: schedules.blocks(("gaussian", 3)), "^length must be the name of a distribution"),
        (lambda: schedules.blocks(("geometric", 0.5)), "^length must be a mean from 1"),
        (lambda: schedules.blocks(("uniform", (4, 2))), "^length must be .*low <= high"),
        (lambda: schedules.blocks(("uniform", 4)), "^length must be .'uniform', a list"),
        (lambda: schedules.blocks(("choice",)), "^length must be a pair"),
        (lambda: schedules.blocks(2, hidden=2), "^hidden must be True or False"),
        (lambda: schedules.recorded([(1, None)]), "^decisions must be about batches that ascend"),
        (lambda: schedules.recorded([(0, None), (0, None)]), "^decisions must be about batches"),
        (lambda: schedules.to_criterion([], [], criterion=1), "^plan must be one stage or more"),
        (
            lambda: schedules.to_criterion([None], [(2, 1), (1, 1)], criterion=1),
            "^evaluations must be after numbers of batches that ascend",
        ),
        (
            lambda: schedules.to_criterion([None], [(2, float("nan"))], criterion=1),
            "^evaluations must be a score that is a number",
        ),
    ],
)
def test_wrong_arguments_are_refused(call: Callable[[], Any], text: str) -> None:
    with pytest.raises(modcog.InvalidArgument, match=text):
        call()


def test_another_schedule_keeps_all_other_arguments() -> None:
    one = sampler(None, seed=7).where(lambda trials: trials.responds, name="responds").shard(1, 2)
    other = one.with_schedule(SCHEDULES["constant"])
    both = one.identity, other.identity
    assert {key for key in both[0] if both[0][key] != both[1][key]} == {"schedule"}
    assert other.trials(3).responds.all()
    assert other.with_schedule().batch(2) == one.batch(2)
    assert "schedule of constant" in repr(other)
    assert "schedule" not in repr(one)
    assert other.with_seed(3).trials(0) == other.with_seed(3).trials(0)
    assert other.with_seed(3).trials(0) != other.trials(0)
    with pytest.raises(modcog.InvalidArgument, match="^seq_len must be at least 27"):
        modcog.BatchSampler("cog-20", weights=["Go"], seq_len=15).with_schedule(None)
