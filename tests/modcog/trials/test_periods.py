"""Labels of periods: which period each step of a batch belongs to."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import modcog
from modcog.trials.periods import period_labels
from tests.modcog import helpers

SOURCES = ["Go", "mod-cog-168", ["DMS_IntL", "RTGo_SeqR", "CtxDlyDM1", "DMS_IntL"]]


@pytest.mark.parametrize("source", SOURCES)
@given(index=st.integers(0, 1000))
@settings(max_examples=5, deadline=None)
def test_each_step_has_the_period_that_its_trial_is_in(source: object, index: int) -> None:
    sampler = modcog.BatchSampler(source, batch_size=3, seq_len=150)
    batch = sampler.batch(index)
    assert batch.period.dtype == np.int8
    assert batch.period.shape == (150, 3)
    assert batch.period_names == sampler.batch(0).period_names
    expected = np.full(batch.period.shape, -1)
    for row in range(len(batch.trials)):
        one = batch.trials[row : row + 1]
        for name in one.tasks[int(one.task_index[0])].period_names:
            first, end = (int(bound[0] + one.start[0]) for bound in one.period_bounds(name))
            expected[first:end, one.lane[0]] = batch.period_names.index(name)
    np.testing.assert_array_equal(batch.period, expected)
    np.testing.assert_array_equal(batch.period < 0, batch.mask == 0)


def test_names_are_those_of_all_tasks_of_the_sampler() -> None:
    sampler = modcog.BatchSampler(["Go", "DMS"], batch_size=2, seq_len=60)
    every = ("fixation", "stimulus", "decision", "sample", "delay", "test")
    alone = sampler.where(lambda trials: trials.match >= 0).batch(0)
    assert alone.period_names == sampler.batch(0).period_names == every
    assert set(alone.period[alone.period >= 0].tolist()) == {0, 2, 3, 4, 5}
    chosen = sampler.batch_of(modcog.conditions("DMS", helpers.rng(0), delay=[200, 700]))
    assert chosen.period_names == every
    assert (chosen.period == every.index("delay")).sum(axis=0).tolist() == [2, 7]


def test_a_batch_of_ones_own_names_the_periods_of_its_trials() -> None:
    batch = modcog.BatchSampler(["Go", "DMS"], batch_size=2, seq_len=60).batch(0)
    trials = modcog.sample(modcog.task("Go"), helpers.rng(0), 2)
    own = modcog.Batch(*modcog.render(trials), trials)
    assert own.period_names == ("fixation", "stimulus", "decision")
    assert own.period[:, 1].tolist() == [0] * 5 + [1] * 5 + [2] * 5
    assert replace(batch, mask=batch.mask * 2).period_names == batch.period_names
    again = pickle.loads(pickle.dumps(batch))
    np.testing.assert_array_equal(again.period, batch.period)


def test_the_bank_has_the_same_labels() -> None:
    bank = modcog.trial_bank(["Go", "DMC_IntR"], 5, seed=4)
    step = np.arange(len(bank.inputs))[:, None]
    np.testing.assert_array_equal(bank.period >= 0, step < bank.length)
    decides = bank.period == bank.period_names.tolist().index("decision")
    np.testing.assert_array_equal(decides, (bank.inputs[..., 0] == 0) & (bank.mask > 0))


def test_labels_that_cannot_be_are_refused() -> None:
    trials = modcog.sample(modcog.task("DlyGo"), helpers.rng(0), 2)
    names = ("fixation", "stimulus", "delay", "decision")
    with pytest.raises(modcog.UnknownName, match="a period of DlyGo.*delay"):
        period_labels(trials, (names[0], names[1], names[3]), 20, 2)
    with pytest.raises(modcog.InvalidArgument, match="^trials must be in 19 x 2 steps"):
        period_labels(trials, names, 19, 2)
    with pytest.raises(modcog.InvalidArgument, match="^trials must be in 20 x 1 steps"):
        period_labels(trials, names, 20, 1)
    with pytest.raises(modcog.InvalidArgument, match="^period_names must be at most 128"):
        period_labels(trials, tuple(map(str, range(129))), 20, 2)
