"""Loss weights: a name, an array, or a function of the trials."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import modcog

SIZE = (60, 4)


def sampler(loss_mask: Any, **settings: Any) -> modcog.BatchSampler:
    given: dict[str, Any] = {"batch_size": 4, "seq_len": 60, "seed": 2, **settings}
    return modcog.BatchSampler(["DMS", "Go_SeqL"], loss_mask=loss_mask, **given)


PLAIN = sampler("uniform").batch(0)


def only_dms(trials: modcog.Trials) -> Any:
    return np.where(trials.task == "DMS", 3.0, 0.5)


@pytest.mark.parametrize(
    "weights",
    [2.0, np.arange(60.0)[:, None], np.array([1, 0, 2, 3]), np.arange(240.0).reshape(SIZE), True],
    ids=["number", "steps", "lanes", "both", "truth"],
)
def test_an_array_is_the_same_for_all_batches(weights: Any) -> None:
    ours = sampler(weights)
    for index in (0, 3):
        batch, plain = ours.batch(index), sampler("uniform").batch(index)
        assert batch.mask.dtype == np.float32
        np.testing.assert_allclose(batch.mask, plain.mask * np.broadcast_to(weights, SIZE))
        assert batch.inputs.tobytes() == plain.inputs.tobytes()
    assert ours.identity["loss_mask"]["shape"] == list(np.shape(weights))


def test_a_function_weighs_trials_or_steps() -> None:
    batch = sampler(only_dms).batch(0)
    for row, trial in enumerate(batch.trials.task):
        t = batch.trials
        lane, start, end = t.lane[row], t.start[row], t.start[row] + t.length[row]
        assert (batch.mask[start:end, lane] == (3.0 if trial == "DMS" else 0.5)).all()
    assert not batch.mask[PLAIN.mask == 0].any()
    assert sampler(only_dms).identity["loss_mask"] is None
    table = np.arange(240.0).reshape(SIZE)
    by_step = sampler(lambda _: table).batch(0)
    np.testing.assert_allclose(by_step.mask, PLAIN.mask * table)


def test_a_weight_a_trial_is_no_weight_a_lane() -> None:
    """As many trials as lanes: one number each is one a trial, whatever the lanes."""
    trials = modcog.sample(modcog.task("DMS"), np.random.default_rng(0), 4)
    mask = sampler(lambda t: np.arange(len(t))).batch_of(trials).mask
    for lane in range(4):
        assert set(mask[:, lane]) <= {0, lane}


def test_an_array_belongs_to_the_sampler() -> None:
    mine = np.ones(SIZE)
    ours = sampler(mine)
    before = ours.batch(0)
    mine[:] = 5
    assert ours.batch(0) == before
    assert pickle.loads(pickle.dumps(ours)).batch(1) == ours.batch(1)
    assert ours.with_seed(2).batch(1) == ours.batch(1)
    named = sampler(only_dms)
    assert pickle.loads(pickle.dumps(named)).shard(1, 2).batch(0) == named.batch(1)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("yangs", "^loss_mask must be the name of a loss mask; got 'yangs'. Did you mean yang"),
        (np.ones((60, 3)), r"^loss_mask must be one that broadcasts to \(60, 4\)"),
        (np.ones((2, 60, 4)), "^loss_mask must be one that broadcasts"),
        (np.full(4, -1.0), "^loss_mask must be finite numbers from 0 to"),
        (np.nan, "^loss_mask must be finite numbers"),
        (np.inf, "^loss_mask must be finite numbers"),
        (None, "^loss_mask must be a name, numbers, or a function"),
        ([[1, 2], [3]], "^loss_mask must be a name, numbers, or a function"),
        (["uniform"], "^loss_mask must be a name, numbers, or a function"),
        (1j, "^loss_mask must be a name, numbers"),
    ],
)
def test_other_weights_are_refused_at_once(weights: Any, message: str) -> None:
    with pytest.raises(modcog.InvalidArgument, match=message):
        sampler(weights)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda _: np.ones(3), r"^loss_mask must be one that returns \[\d+\], a weight a tri"),
        (lambda _: 1.0, "^loss_mask must be one that returns"),
        (lambda trials: np.full(len(trials), np.nan), "^loss_mask must be finite"),
        (lambda trials: trials.task, "^loss_mask must be a name, numbers"),
    ],
)
def test_what_a_function_returns_is_checked(function: Any, message: str) -> None:
    with pytest.raises(modcog.InvalidArgument, match=message):
        sampler(function).batch(0)


def test_an_array_of_other_size_is_refused_where_a_batch_has_another_one() -> None:
    trials = modcog.sample(modcog.task("DMS"), np.random.default_rng(0), 7)
    with pytest.raises(modcog.InvalidArgument, match="^loss_mask must be one that broadcasts"):
        sampler(np.ones(SIZE)).batch_of(trials)
    assert sampler(2.0).batch_of(trials).mask.max() == 2
