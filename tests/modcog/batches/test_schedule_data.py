"""Schedules as data: they survive JSON, are a class and a row, and refuse what is none."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import modcog
from modcog import schedules
from modcog.batches.schedule_data import Mix, Schedule
from tests.modcog.batches.drawing import BASES, SCHEDULES, sampler, weights_of

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
