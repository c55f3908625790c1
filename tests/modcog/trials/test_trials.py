"""Trials: a struct of arrays that is drawn, selected, joined and described."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import modcog
from modcog.trials.plan import concatenate, place
from tests.every import every
from tests.modcog import helpers


@every("name", helpers.NAMES)
def test_a_seed_decides_the_trials(name: str) -> None:
    one, same, other = (helpers.draw(name, 30, seed) for seed in (1, 1, 2))
    helpers.assert_same_trials(one, same)
    assert {"noise_key", "stimulus_location", "response"} <= helpers.differing(one, other)


@every("name", helpers.NAMES)
def test_trials_drawn_one_by_one_are_those_drawn_together(name: str) -> None:
    spec, stream = modcog.task(name), helpers.rng(4)
    one_by_one = concatenate([modcog.sample(spec, stream, 1) for _ in range(12)])
    together = modcog.sample(spec, helpers.rng(4), 12)
    assert helpers.differing(one_by_one, together) == {"lane"}


@every("name", helpers.NAMES)
def test_columns_have_one_row_a_trial_and_their_types(name: str) -> None:
    trials = helpers.draw(name, 7)
    assert len(trials) == 7
    for column in helpers.COLUMNS:
        values = getattr(trials, column)
        assert len(values) == 7, column
    assert trials.task.tolist() == [name] * 7
    assert trials.responds.dtype == np.bool_
    assert trials.noise_key.dtype == np.uint64
    assert trials.lane.tolist() == list(range(7))
    assert not trials.start.any()
    np.testing.assert_array_equal(trials.length, trials.period_steps.sum(axis=1))
    np.testing.assert_array_equal(trials.decision_start + trials.decision_steps, trials.length)
    withheld = ~trials.responds
    assert (trials.response[withheld] == trials.base_response[withheld]).all()
    assert (trials.response[withheld] == -1).all()
    assert (trials.drift[withheld] == 0).all()
    assert np.isnan(trials.angle[withheld]).all()
    assert ((trials.response >= 0) & (trials.response < 16))[trials.responds].all()


@given(name=helpers.names, n=st.integers(0, 40), seed=helpers.seeds, data=st.data())
def test_selecting_rows_selects_them_in_every_column(
    name: str, n: int, seed: int, data: st.DataObject
) -> None:
    trials = helpers.draw(name, n, seed)
    rows = data.draw(st.lists(st.integers(0, n - 1), max_size=5) if n else st.just([]))
    chosen = trials[np.array(rows, dtype=np.int64)]
    assert len(chosen) == len(rows)
    for column in helpers.COLUMNS:
        np.testing.assert_array_equal(getattr(chosen, column), getattr(trials, column)[rows])
    mask = np.isin(np.arange(n), rows)
    assert helpers.differing(trials[mask], trials[np.flatnonzero(mask)]) == set()
    if n:
        assert len(trials[-1]) == 1
        helpers.assert_same_trials(trials[n - 1], trials[-1:])


def test_a_selection_does_not_share_memory() -> None:
    trials = helpers.draw("Go", 5)
    trials[:3].rule[:] = 9
    assert not trials.rule.any()


@pytest.mark.parametrize("n", [-1, 1.5, "2", None, True])
def test_the_number_of_trials_is_a_whole_number(n: Any) -> None:
    with pytest.raises(
        modcog.InvalidArgument, match="^n must be a whole number of trials, at least 0"
    ):
        modcog.sample(modcog.task("Go"), helpers.rng(0), n)


def test_no_trials_are_trials_too() -> None:
    for name in helpers.EXAMPLES:
        trials = helpers.draw(name, 0)
        assert len(trials) == 0
        assert trials.length.shape == trials.task.shape == (0,)


chosen_names = st.lists(helpers.names, min_size=1, max_size=5)


@given(names=chosen_names, seed=helpers.seeds)
def test_joined_trials_render_as_their_parts_do(names: list[str], seed: int) -> None:
    parts = [helpers.draw(name, 3, seed + i) for i, name in enumerate(names)]
    joined = concatenate(parts)
    assert joined.task.tolist() == [name for name in names for _ in range(3)]
    joined = place(joined, np.arange(len(joined)), np.zeros(len(joined), dtype=np.int64))
    together = modcog.render(joined)
    for i, part in enumerate(parts):
        alone = modcog.render(part)
        n_time, lanes = len(alone.targets), slice(3 * i, 3 * i + 3)
        for one, whole in zip(alone, together, strict=True):
            np.testing.assert_array_equal(one, whole[:n_time, lanes])
            assert not whole[n_time:, lanes].any()


def test_joining_keeps_one_entry_for_each_task() -> None:
    parts = [helpers.draw(name, 2) for name in ("Go", "DMS", "Go")]
    joined = concatenate(parts)
    assert [spec.name for spec in joined.tasks] == ["Go", "DMS"]
    assert joined.task_index.tolist() == [0, 0, 1, 1, 0, 0]
    # Go has three periods, DMS five.
    assert joined.period_steps[0].tolist() == [5, 5, 5, 0, 0]
    assert joined.decision_index.tolist() == [2, 2, 4, 4, 2, 2]
    assert joined.decision_steps.tolist() == [5, 5, 9, 9, 5, 5]


def test_trials_that_cannot_be_joined_are_refused() -> None:
    with pytest.raises(modcog.InvalidArgument, match="^parts must be at least one Trials"):
        concatenate([])
    for settings in ({"dt": 50}, {"dim_ring": 8}):
        parts = [helpers.draw("Go"), helpers.draw("Go", **settings)]
        with pytest.raises(modcog.InvalidArgument, match="trials with one dt, dim_ring and bump"):
            concatenate(parts)


@given(spec=helpers.specs(), seed=helpers.seeds)
def test_periods_follow_each_other_without_gaps(spec: modcog.TaskSpec, seed: int) -> None:
    trials = helpers.draw(spec, 10, seed)
    at = np.zeros(10, dtype=np.int64)
    for name in spec.period_names:
        start, end = trials.period_bounds(name)
        np.testing.assert_array_equal(start, at)
        assert (end >= start).all()
        np.testing.assert_allclose(trials.duration_ms(name), (end - start) * spec.dt)
        at = end
    np.testing.assert_array_equal(at, trials.length)


def test_a_period_that_only_some_tasks_have() -> None:
    trials = concatenate([helpers.draw("Go", 2), helpers.draw("DlyGo", 1)])
    start, end = trials.period_bounds("delay")
    assert (start.tolist(), end.tolist()) == ([-1, -1, 10], [-1, -1, 15])
    np.testing.assert_array_equal(trials.duration_ms("delay"), [np.nan, np.nan, 500])
    with pytest.raises(modcog.UnknownName, match="^period must be the name of a period of Go"):
        trials.period_bounds("test")


@every("name", helpers.NAMES)
def test_a_described_trial_is_plain_and_true(name: str) -> None:
    trials = helpers.draw(name, 6)
    spec = trials.tasks[0]
    for row in range(6):
        record = json.loads(json.dumps(trials.describe(row)))
        assert record["task"] == name
        assert list(record["period_ms"]) == list(spec.period_names)
        assert sum(record["period_ms"].values()) == pytest.approx(trials.length[row] * 100)
        assert record["noise_key"] == int(trials.noise_key[row])
        assert record["responds"] == trials.responds[row]
        answers = [record["base_response"], record["response"], record["angle"]]
        if record["responds"]:
            assert answers[:2] == [trials.base_response[row], trials.response[row]]
            assert 0 <= record["angle"] < 2 * np.pi
            assert record["drift_velocity"] == pytest.approx(
                helpers.sign(name, "Seq") * 5 * np.pi / 4
            )
        else:
            assert answers == [None, None, None]
        assert (record["match"] is None) == (spec.family != "matching")
        for stimulus in record["stimuli"]:
            assert stimulus["period"] in spec.period_names
            assert stimulus["angle"] == pytest.approx(stimulus["location"] * np.pi / 8)
            assert stimulus["strength"] > 0


@given(spec=helpers.specs(), seed=helpers.seeds)
def test_the_continuous_answer_is_at_most_half_a_unit_from_the_label(
    spec: modcog.TaskSpec, seed: int
) -> None:
    trials = helpers.draw(spec, 20, seed)
    unit = 2 * np.pi / spec.dim_ring
    away = trials.angle[trials.responds] / unit - trials.response[trials.responds]
    away = (away + spec.dim_ring / 2) % spec.dim_ring - spec.dim_ring / 2
    assert np.all(np.abs(away) <= 0.5 + 1e-6)
