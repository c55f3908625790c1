"""Rendered arrays: what stands where, alone as in a batch, for any settings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.typing import NDArray

import modcog
from modcog.rendering.reference import channels
from modcog.trials.plan import concatenate, place
from tests.every import every
from tests.modcog import helpers


def base_answer(trials: modcog.Trials) -> NDArray[np.int64]:
    """The answer that the stimuli of a base task ask for; -1 where none is correct."""
    spec, n = trials.tasks[0], trials.dim_ring
    places, strengths = trials.stimulus_location, trials.stimulus_strength
    if spec.family == "reach":
        return (places[:, 0] + (n // 2 if "Anti" in spec.base else 0)) % n
    if spec.family == "matching":
        same = places[:, 0] == places[:, 1]
        if spec.base.endswith("MC"):
            same = (places[:, 0] >= n // 2) == (places[:, 1] >= n // 2)
        return np.where(same == (spec.base in ("DMS", "DMC")), places[:, 1], -1)
    judged = (0, 1) if "Multi" in spec.base else (int(spec.base[-1]) - 1,)
    signed = strengths * np.where(places == places[:, :1], 1, -1)
    evidence = (signed * np.isin(trials.stimulus_ring, judged)).sum(axis=1)
    return np.where(evidence > 0, places[:, 0], places[:, 1])


@given(spec=helpers.specs(), seed=helpers.seeds)
def test_the_target_is_the_displaced_answer_of_the_base_task(
    spec: modcog.TaskSpec, seed: int
) -> None:
    n = spec.dim_ring
    trials = helpers.draw(spec, 10, seed)
    answer = base_answer(trials)
    np.testing.assert_array_equal(trials.base_response, answer)
    np.testing.assert_array_equal(trials.responds, answer >= 0)
    velocity = {m.kind: m.velocity for m in spec.modifiers}
    if "Int" in velocity:
        assert spec.interval is not None
        turned = helpers.moved(velocity["Int"], trials.duration_ms(spec.interval), n)
        answer = answer + helpers.sign(spec.name, "Int") * turned
    targets = modcog.render(trials).targets
    for row in range(len(trials)):
        label = targets[:, row]
        go, length = int(trials.decision_start[row]), int(trials.length[row])
        assert not label[:go].any()
        assert not label[length:].any()
        drift = helpers.moved(velocity.get("Seq", 0), np.arange(length - go) * spec.dt, n)
        index = (answer[row] + helpers.sign(spec.name, "Seq") * drift) % n
        expected = 1 + index if trials.responds[row] else np.zeros(length - go)
        np.testing.assert_array_equal(label[go:length], expected)


@given(spec=helpers.specs(), seed=helpers.seeds, noise=st.sampled_from([0.0, 1.0, 3.0]))
def test_cues_rule_labels_and_mask_for_any_settings(
    spec: modcog.TaskSpec, seed: int, noise: float
) -> None:
    trials = helpers.draw(replace(spec, noise=noise), 10, seed)
    trials.rule[:] = 1
    observations, targets, mask = modcog.render(trials, n_rules=3)
    step = np.arange(len(targets))[:, None]
    inside, before_go = step < trials.length, step < trials.decision_start
    assert observations.dtype == np.float32
    assert targets.dtype == np.int64
    assert mask.dtype == np.float32
    assert observations.shape == (*targets.shape, 1 + 2 * spec.dim_ring + 3)
    np.testing.assert_array_equal(observations[..., 0], before_go)
    np.testing.assert_array_equal(observations[..., -3:], inside[..., None] * [0, 1, 0])
    np.testing.assert_array_equal(mask, inside)
    assert ((targets >= 0) & (targets <= spec.dim_ring)).all()
    np.testing.assert_array_equal(targets > 0, inside & ~before_go & trials.responds)
    assert not observations[~inside].any()
    assert np.isfinite(observations).all()


@given(spec=helpers.specs(), seed=helpers.seeds)
def test_left_is_the_mirror_image_of_right_for_the_same_draws(
    spec: modcog.TaskSpec, seed: int
) -> None:
    flipped = replace(
        spec,
        modifiers=tuple(
            replace(m, direction="L" if m.direction == "R" else "R") for m in spec.modifiers
        ),
    )
    assert flipped.name == helpers.mirrored(spec.name)
    one, other = helpers.draw(spec, 10, seed), helpers.draw(flipped, 10, seed)
    assert helpers.differing(one, other) <= {"response", "angle", "drift"}
    (seen, labels, _), (seen_too, labels_too, _) = modcog.render(one), modcog.render(other)
    np.testing.assert_array_equal(seen, seen_too)
    responding = labels > 0
    np.testing.assert_array_equal(labels_too > 0, responding)
    about = np.broadcast_to(one.base_response, labels.shape)[responding]
    one_way, other_way = labels[responding] - 1 - about, labels_too[responding] - 1 - about
    assert not ((one_way + other_way) % spec.dim_ring).any()


def test_channels_are_named_and_cover_the_observation() -> None:
    where = channels(8, n_rules=3)
    assert list(where) == ["fixation", "ring1", "ring2", "rule"]
    covered = [i for part in where.values() for i in range(part.start, part.stop)]
    assert covered == list(range(1 + 16 + 3))
    assert channels(8)["rule"] == slice(17, 17)


@pytest.mark.parametrize("name", helpers.EXAMPLES)
def test_every_call_returns_fresh_arrays_and_changes_no_trial(name: str) -> None:
    trials, untouched = helpers.draw(name, 5), helpers.draw(name, 5)
    first = modcog.render(trials, n_rules=1)
    kept = [array.copy() for array in first]
    for array in first:
        array[:] = 7
    for array, before in zip(modcog.render(trials, n_rules=1), kept, strict=True):
        np.testing.assert_array_equal(array, before)
    assert helpers.differing(trials, untouched) == set()


@given(
    name=helpers.names,
    seed=helpers.seeds,
    gaps=st.lists(st.integers(0, 5), min_size=4, max_size=4),
    spare=st.integers(0, 3),
)
def test_trials_stand_at_their_places_and_padding_is_zero(
    name: str, seed: int, gaps: list[int], spare: int
) -> None:
    trials = helpers.draw(name, 4, seed)
    # Two lanes of two trials each, with gaps between them.
    length = trials.length
    start = np.array([gaps[0], 0, gaps[2], 0])
    start[1::2] = start[::2] + length[::2] + gaps[1]
    lane = np.array([1, 1, 3, 3])
    placed = place(trials, lane, start)
    n_time = int((start + length).max()) + spare
    whole = modcog.render(placed, n_rules=2, seq_len=n_time, n_lanes=4 + spare)
    assert whole.targets.shape == (n_time, 4 + spare)
    covered = np.zeros(whole.targets.shape, dtype=bool)
    for row in range(4):
        at = (slice(int(start[row]), int(start[row] + length[row])), int(lane[row]))
        covered[at] = True
        single = place(trials[row : row + 1], np.zeros(1, np.int64), np.zeros(1, np.int64))
        for one, array in zip(modcog.render(single, n_rules=2), whole, strict=True):
            np.testing.assert_array_equal(array[at], one[:, 0])
    for array in whole:
        assert not array[~covered].any()


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"seq_len": 14}, "^seq_len must be at least 15 for these trials; got 14"),
        ({"n_lanes": 2}, "^n_lanes must be at least 3 for these trials; got 2"),
        ({"n_rules": 2}, "^n_rules must be more than 4; got 2"),
    ],
)
def test_arrays_too_small_are_refused(settings: dict[str, int], text: str) -> None:
    trials = helpers.draw("Go", 3)
    trials.rule[:] = 4
    with pytest.raises(modcog.InvalidArgument, match=text):
        modcog.render(trials, **settings)


@every("name", helpers.NAMES)
def test_only_the_noise_depends_on_the_noise_key(name: str) -> None:
    spec = modcog.task(name)
    one = modcog.sample(spec, helpers.rng(1), 20, {"noise_key": np.arange(20)})
    other = modcog.sample(spec, helpers.rng(1), 20, {"noise_key": np.arange(20, 40)})
    (seen, labels, _), (seen_too, labels_too, _) = modcog.render(one), modcog.render(other)
    np.testing.assert_array_equal(labels, labels_too)
    changed = np.unique(np.nonzero(seen != seen_too)[2])
    if spec.family == "reach":
        assert changed.size == 0
    else:
        rings = {"1": range(1, 17), "2": range(17, 33)}
        assert set(changed) <= {*rings["1"], *rings["2"]}
        assert changed.size == 32


@pytest.mark.parametrize("name", helpers.EXAMPLES)
def test_yang_noise_is_on_every_input_at_every_step(name: str) -> None:
    quiet, loud = (
        modcog.render(helpers.draw(name, 200, noise=noise), n_rules=2) for noise in (0, "yang")
    )
    added = (loud.observations - quiet.observations)[quiet.mask > 0].astype(np.float64)
    level = 2**0.5 / 100  # 0.1414 sqrt(ms) at a step of 100 ms
    n = len(added)
    np.testing.assert_allclose(added.std(axis=0), level, rtol=5 / (2 * n) ** 0.5)
    assert np.abs(added.mean(axis=0)).max() < 5 * level / n**0.5
    assert not loud.observations[quiet.mask == 0].any()
    correlation = np.corrcoef(added.T) - np.eye(35)
    assert np.abs(correlation).max() < 5.5 / n**0.5


@pytest.mark.parametrize("dt", [20, 50, 100])
@pytest.mark.parametrize("noise", [0.5, 1.0, 2.0])
def test_the_noise_scales_with_its_level_and_the_time_step(dt: float, noise: float) -> None:
    quiet, loud = (
        modcog.render(helpers.draw("DM1", 200, dt=dt, noise=level)) for level in (0, noise)
    )
    added = loud.observations - quiet.observations
    values = added[added != 0].astype(np.float64)
    expected = noise / dt**0.5
    assert values.std() == pytest.approx(expected, rel=5 / (2 * values.size) ** 0.5)


def test_rendering_mixes_tasks_of_different_noise() -> None:
    quiet = helpers.draw("DM1", 3, noise=0)
    loud = helpers.draw("DM1", 3, noise=1)
    joined = concatenate([quiet, loud])
    joined = place(joined, np.arange(6), np.zeros(6, dtype=np.int64))
    added: Any = modcog.render(joined).observations
    np.testing.assert_array_equal(added[:, :3], modcog.render(quiet).observations)
    np.testing.assert_array_equal(added[:, 3:], modcog.render(loud).observations)
