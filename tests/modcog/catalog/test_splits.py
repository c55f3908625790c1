"""Hold-outs: what is trained and what is tested, by tasks and by conditions."""

from __future__ import annotations

import pickle
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import modcog
from modcog import splits
from modcog.catalog.splits import Split
from tests.modcog import helpers

TABLE = modcog.features()
SUITES = modcog.suites()


def assert_whole(split: Split, suite: tuple[str, ...]) -> None:
    """Every task is in one of the two, once, and every slot is there."""
    assert split.suite == suite
    assert sorted([*split.train, *split.test]) == sorted(set(suite))
    assert split.train
    assert split.test
    for part in (split.train, split.test):
        assert list(part) == sorted(part, key=suite.index)
    assert [suite[slot] for slot in split.untrained] == [n for n in suite if n in split.test]
    assert split.weights == {name: float(name in split.train) for name in suite}
    assert split.test_weights == {name: 1 - weight for name, weight in split.weights.items()}


@pytest.mark.parametrize(
    ("suite", "n"), [("mod-cog-126", 44), ("mod-cog-132", 44), ("mod-cog-168", 72)]
)
def test_compositions_are_held_out_and_their_parts_trained(suite: str, n: int) -> None:
    split = splits.leave_out(suite, "IntxSeq")
    assert_whole(split, modcog.suite(suite))
    assert len(split.test) == n
    for name in split.test:
        base, *marks = name.split("_")
        assert len(marks) == 2
        assert {base, f"{base}_{marks[0]}", f"{base}_{marks[1]}"} <= set(split.train)
    assert not any("Int" in name and "Seq" in name for name in split.train)
    assert splits.leave_out(suite, "SeqxInt") == split


def test_a_task_in_two_slots_is_held_out_in_both() -> None:
    split = splits.leave_out("mod-cog-84", "DlyAnti_IntL")
    assert split.untrained == (22, 82)
    assert split.test == ("DlyAnti_IntL",)
    assert "DlyAnti_IntR" in split.train


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("matching", ("DMS", "DNMS", "DMC", "DNMC")),
        ("DlyGo", ("DlyGo",)),
        ("Anti", ("Anti",)),
        ("anti", ("Anti", "RTAnti", "DlyAnti")),
        ("base=DlyGo | category", ("DlyGo", "DMC", "DNMC")),
        (["delaygo", "DMS"], ("DlyGo", "DMS")),
    ],
)
def test_families_tasks_features_and_lists(what: Any, expected: tuple[str, ...]) -> None:
    split = splits.leave_out("cog-20", what)
    assert_whole(split, modcog.suite("cog-20"))
    assert split.test == expected


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("reech", "what must be the name of a family, a composition, .*Did you mean reach"),
        ("IntxSeg", "Did you mean IntxSeq"),
        ("DlyGoo", "Did you mean DlyGo"),
        ("delay & mach", r"what\[8:12\] must be the name of a feature; got 'mach'"),
        ("IntxSeq", "what must be what holds for some tasks of the suite, and not for all"),
        ("longest_steps<100", "and not for all"),
        ([], "and not for all"),
        (["DlyGo_IntL"], "what must be the name of a task of the suite"),
        (["Goo"], "Did you mean Go"),
        (3, "what must be the name of a family or task, 'IntxSeq', an expression"),
    ],
)
def test_what_holds_for_none_or_all_is_refused(what: Any, told: str) -> None:
    with pytest.raises(modcog.InvalidArgument, match=told):
        splits.leave_out("cog-20", what)


@pytest.mark.parametrize("suite", SUITES)
def test_each_task_is_left_out_once(suite: str) -> None:
    found = splits.leave_one_out(suite)
    names = modcog.suite(suite)
    assert [split.test for split in found] == [(name,) for name in dict.fromkeys(names)]
    for split in found[:3]:
        assert_whole(split, names)


@given(suite=st.sampled_from(SUITES), size=st.integers(1, 19))
def test_sets_that_swap_mix_the_families_and_hold_each_task_once(suite: str, size: int) -> None:
    found = splits.swap(suite, size)
    names = modcog.suite(suite)
    assert sorted(name for split in found for name in split.test) == sorted(set(names))
    sizes = [len(split.test) for split in found]
    assert max(sizes) <= size
    assert max(sizes) - min(sizes) <= 1
    by_family = [Counter(TABLE[name]["family"] for name in split.test) for split in found]
    for family in ("reach", "decision", "matching"):
        counts = [counter[family] for counter in by_family]
        assert max(counts) - min(counts) <= 1
    for split in found:
        assert_whole(split, names)


def test_each_task_is_swapped_with_the_next_of_its_set() -> None:
    split = splits.swap("cog-20")[1]
    assert list(split.swapped) == list(split.test)
    assert list(split.swapped.values()) == [*split.test[1:], split.test[0]]


@given(
    suite=st.sampled_from(SUITES),
    fraction=st.floats(0, 1, exclude_min=True, exclude_max=True),
    seed=st.integers(0, 99),
)
def test_a_part_at_random(suite: str, fraction: float, seed: int) -> None:
    split = splits.random(suite, fraction, seed)
    names = modcog.suite(suite)
    assert_whole(split, names)
    n = len(set(names))
    assert len(split.test) == min(max(round(fraction * n), 1), n - 1)
    assert splits.random(suite, fraction, seed) == split


def test_every_task_is_as_often_held_out_at_random() -> None:
    held_out = Counter(n for s in range(400) for n in splits.random("cog-20", 0.25, s).test)
    # Each count is binomial(400, 1/4), of standard deviation 8.7.
    assert all(abs(count - 100) < 40 for count in held_out.values())
    assert len(held_out) == 20


@pytest.mark.parametrize("fraction", [0, 1, -0.5, 1.5, float("nan"), "half", True])
def test_fractions_out_of_range_are_refused(fraction: Any) -> None:
    with pytest.raises(modcog.InvalidArgument, match="fraction must be a number above 0 and below"):
        splits.random("cog-20", fraction)


def test_a_suite_of_one_task_cannot_be_split() -> None:
    for call in (splits.leave_one_out, splits.swap, lambda suite: splits.random(suite, 0.5)):
        with pytest.raises(modcog.InvalidArgument, match="suite must be at least two different"):
            call(["Go", "Go"])
    with pytest.raises(modcog.InvalidArgument, match="size must be a whole number of tasks, at m"):
        splits.swap("cog-20", 20)


def test_a_task_that_no_name_stands_for_is_refused() -> None:
    with pytest.raises(modcog.InvalidArgument, match="suite must be names of tasks, or tasks that"):
        splits.leave_one_out([modcog.task("Go", dt=20), "DMS"])
    assert splits.leave_one_out([modcog.task("Go"), "DMS"]) == splits.leave_one_out(["Go", "DMS"])


# Conditions


def naive(trials: modcog.Trials, row: int, name: str, values: list[float]) -> bool:
    """Whether a trial has one of the values, from what `Trials.describe` says."""
    told = trials.describe(row)
    stimuli = told["stimuli"]
    if name in ("location", "ring", "strength"):
        return any(abs(s[name] - v) < 1e-9 for s in stimuli for v in values)
    if name == "match":
        return (-1 if told["match"] is None else int(told["match"])) in values
    if name in ("response", "base_response"):
        return (-1 if told[name] is None else told[name]) in values
    if name == "coherence":
        groups: dict[tuple[str, int], list[float]] = {}
        for s in stimuli:
            groups.setdefault((s["period"], s["ring"]), []).append(s["strength"])
        found = [abs(pair[0] - pair[1]) for pair in groups.values() if len(pair) == 2]
        return any(abs(c - v) < 1e-6 for c in found for v in values)
    return told["period_ms"].get(name) in values


CHOSEN: dict[str, list[float]] = {
    "location": [0, 5, 9],
    "ring": [1],
    "strength": [0.3, 1.0],
    "coherence": [0.08, 0.64],
    "match": [1],
    "response": [3, -1],
    "base_response": [4, 7],
    "delay": [100, 500, 1100],
    "fixation": [300],
    "decision": [1000],
}


@given(
    names=st.sets(st.sampled_from(sorted(CHOSEN)), min_size=1, max_size=3), together=st.booleans()
)
def test_every_trial_meets_one_of_two_conditions(names: set[str], together: bool) -> None:
    values = {name: CHOSEN[name] for name in names}
    split = splits.conditions(together=together, **values)
    trials = modcog.BatchSampler("mod-cog-168", batch_size=4, seq_len=200).trials(0)
    test = split.test(trials)
    join = all if together else any
    expected = [join(naive(trials, i, k, v) for k, v in values.items()) for i in range(len(trials))]
    assert test.tolist() == expected
    np.testing.assert_array_equal(split.train(trials), ~test)


def test_a_coherence_of_one_has_a_place_of_strength_0() -> None:
    rng = helpers.rng(0)
    trials = modcog.conditions("DM1", rng, coherence1=[-1.0, 0.5, 1.0])
    assert splits.conditions(coherence=1).test(trials).tolist() == [True, False, True]
    assert splits.conditions(strength=0).test(trials).tolist() == [False, False, False]


def test_batches_of_the_two_parts_share_no_condition() -> None:
    split = splits.conditions("cog-20", location=[0, 1, 2, 3], delay=500)
    sampler = modcog.BatchSampler("mod-cog-84", batch_size=8, seq_len=120)
    train, test = (
        sampler.where(part, name=name)
        for part, name in [(split.train, "train"), (split.test, "test")]
    )
    for i in range(3):
        trials = train.batch(i).trials
        shown = trials.stimulus_strength > 0
        assert not np.isin(trials.stimulus_location[shown], [0, 1, 2, 3]).any()
        delays = [t["period_ms"].get("delay") for t in map(trials.describe, range(len(trials)))]
        assert 500 not in delays
        assert split.test(test.batch(i).trials).all()


def test_conditions_are_data_that_cross_to_other_processes() -> None:
    one, other = (splits.conditions(location=[0, 1], delay=d) for d in (100, 200))
    assert pickle.loads(pickle.dumps(one)) == one
    assert one == splits.conditions(location=[0, 1], delay=100)
    assert one != other
    assert one.train != one.test


@pytest.mark.parametrize(
    ("held_out", "told"),
    [
        ({}, "held_out must be at least one quantity with values"),
        ({"locatoin": 3}, "'locatoin'. Did you mean location"),
        ({"location": 2.5}, "location must be a whole number of at least 0, or a list of them"),
        ({"location": -1}, "location must be a whole number of at least 0"),
        ({"ring": 2}, "ring must be a whole number from 0 to 1"),
        ({"match": [0, 5]}, "match must be a whole number from -1 to 1"),
        ({"delay": -100}, "delay must be a number of at least 0"),
        ({"strength": []}, "strength must be a number of at least 0, or a list"),
        ({"strength": float("nan")}, "strength must be a number of at least 0"),
        ({"location": "left"}, "location must be"),
        ({"location": True}, "location must be"),
        ({"location": 0, "together": "yes"}, "together must be True or False"),
    ],
)
def test_what_is_no_quantity_or_value_is_refused(held_out: dict[str, Any], told: str) -> None:
    with pytest.raises(modcog.InvalidArgument, match=told):
        splits.conditions("cog-20", **held_out)


def test_a_period_that_no_task_of_the_suite_has_is_refused() -> None:
    with pytest.raises(TypeError, match="got an unexpected keyword argument 'delay'"):
        splits.conditions(["Go", "Anti"], delay=500)


def test_a_direction_that_the_ring_lacks_is_refused_when_trials_are_seen() -> None:
    split = splits.conditions(location=[3, 16])
    with pytest.raises(modcog.InvalidArgument, match="location must be directions of the ring, be"):
        split.train(helpers.draw("Go"))
    assert split.train(helpers.draw("Go", dim_ring=32)).any()


def test_tasks_that_are_held_out_never_occur_in_ten_thousand_trials() -> None:
    split = splits.leave_out("mod-cog-126", "IntxSeq")
    sampler = modcog.BatchSampler(split.suite, weights=split.weights)
    parts = [sampler.trials(i) for i in range(40)]
    assert sum(map(len, parts)) >= 10_000
    assert {str(name) for part in parts for name in part.task} == set(split.train)
    assert not np.isin(np.concatenate([part.rule for part in parts]), split.untrained).any()
    tester = modcog.BatchSampler(split.suite, weights=split.test_weights)
    assert {str(name) for i in range(10) for name in tester.trials(i).task} == set(split.test)
    # The channels of both are those of the whole suite, and those of the untrained are all 0.
    assert sampler.input_size == tester.input_size == 33 + 126
    untrained = 33 + np.array(split.untrained)
    assert not sampler.batch(0).inputs[..., untrained].any()
    assert tester.batch(0).inputs[..., untrained].any()
