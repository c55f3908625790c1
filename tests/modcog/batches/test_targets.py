"""Targets: each kind is what its source says, can be read back, and is the same in every room."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import modcog
from modcog import ring
from modcog.batches.targets import TARGETS
from modcog.scoring.measures import MEASURES
from tests.modcog import helpers

KINDS = ("labels", "ring", "sin_cos")
TASKS = ["DlyGo_IntL_SeqR", "DMS", "Anti_SeqL", "MultiDM"]


def batches(kind: str, tasks: Any = TASKS, **settings: Any) -> modcog.Batch:
    given: dict[str, Any] = {"batch_size": 6, "seq_len": 90, "seed": 4, **settings}
    return modcog.BatchSampler(tasks, targets=kind, **given).batch(1)


def test_labels_are_what_they_were() -> None:
    plain = modcog.BatchSampler(TASKS, batch_size=6, seq_len=90, seed=4).batch(1)
    labels = batches("labels")
    assert labels == plain
    assert labels.targets.dtype == np.int64
    assert labels.target_kind == "labels"


@pytest.mark.parametrize("dim_ring", [4, 16, 36])
def test_ring_targets_are_those_of_yang_et_al(dim_ring: int) -> None:
    labels = batches("labels", dim_ring=dim_ring)
    batch = batches("ring", dim_ring=dim_ring)
    assert batch.targets.dtype == np.float32
    assert batch.targets.shape == (90, 6, 1 + dim_ring)
    theta = 2 * np.pi * np.arange(dim_ring) / dim_ring
    for step, lane in np.ndindex(90, 6):
        row, label = batch.targets[step, lane], labels.targets[step, lane]
        if not batch.mask[step, lane]:
            assert not row.any()
            continue
        assert row[0] == pytest.approx(0.85 if label == 0 else 0.05)
        bump: Any = 0.0
        if label:
            d = np.abs(np.angle(np.exp(1j * (theta - theta[label - 1]))))
            bump = 0.8 * np.exp(-0.5 * (8 * d / np.pi) ** 2)
        np.testing.assert_allclose(row[1:], 0.05 + bump, atol=1e-6)


@pytest.mark.parametrize("name", ["DlyGo", *TASKS, "DlyGo_IntR", "RTGo_SeqR", "DNMC_IntL_SeqL"])
@pytest.mark.parametrize("dt", [100, 20, 1000 / 60])
def test_sin_cos_is_the_angle_that_is_not_rounded(name: str, dt: float) -> None:
    trials = modcog.sample(modcog.task(name, dt=dt), helpers.rng(0), 20)
    targets = modcog.targets_of(trials, "sin_cos")
    labels = modcog.targets_of(trials)
    for lane in range(20):
        length, start = int(trials.length[lane]), int(trials.decision_start[lane])
        expected = np.zeros((length, 3))
        expected[:start, 0] = 1
        for step in range(start, length):
            if trials.responds[lane]:
                seconds = (step - start) * dt / 1000
                angle = trials.angle[lane] + trials.drift_velocity[lane] * seconds
                expected[step] = 0, np.sin(angle), np.cos(angle)
            else:
                expected[step, 0] = 1
        np.testing.assert_allclose(targets[:length, lane], expected, atol=1e-5)
        assert not targets[length:, lane].any()
    # Its direction is at most a unit from the label: each of the two displacements is rounded.
    answered = labels > 0
    angle = np.arctan2(targets[..., 1], targets[..., 2])[answered]
    off = ring.circular_distance(angle, 2 * np.pi * (labels[answered] - 1) / 16)
    assert off.max() <= 2 * np.pi / 16 * 1.0001


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suite", ["cog-20", "mod-cog-168"])
def test_targets_read_back_give_the_labels(kind: str, suite: str) -> None:
    """At 100 ms a step is a whole number of units, and rounding changes nothing."""
    batch = batches(kind, suite)
    labels = batches("labels", suite).targets
    outputs = batch.targets.astype(np.float64)
    if kind == "labels":
        outputs = 50.0 * (labels[..., None] == np.arange(17))
    read = TARGETS[kind].read
    assert read
    answers = read(outputs[batch.mask > 0], 16)
    np.testing.assert_array_equal(answers.label, labels[batch.mask > 0])
    np.testing.assert_array_equal(answers.fixates, labels[batch.mask > 0] == 0)


def test_none_has_no_numbers() -> None:
    batch = batches("none")
    assert batch.targets.shape == (90, 6, 0)
    assert batch.inputs.tobytes() == batches("labels").inputs.tobytes()


@pytest.mark.parametrize("kind", TARGETS)
def test_samplers_say_how_many_outputs(kind: str) -> None:
    sampler = modcog.BatchSampler(TASKS, batch_size=3, seq_len=80, targets=kind)
    batch = sampler.batch(0)
    assert sampler.targets == batch.target_kind == kind
    assert sampler.identity["targets"] == kind
    assert sampler.output_size == {"labels": 17, "ring": 17, "sin_cos": 3, "none": 0}[kind]
    if kind != "labels":
        assert batch.targets.shape[-1] == sampler.output_size
    again = pickle.loads(pickle.dumps(sampler)).shard(0, 1).with_seed(0)
    assert again.batch(0) == batch
    assert sampler.where(lambda trials: trials.responds).batch(0).target_kind == kind


@pytest.mark.parametrize("kind", TARGETS)
def test_every_room_writes_the_same_targets(kind: str) -> None:
    batch = batches(kind)
    same = modcog.targets_of(batch.trials, kind, seq_len=90, n_lanes=6)
    assert same.dtype == batch.targets.dtype
    np.testing.assert_array_equal(same, batch.targets)
    sampler = modcog.BatchSampler(TASKS, targets=kind)
    trials = modcog.sample(modcog.task("DMS"), helpers.rng(2), 4)
    np.testing.assert_array_equal(sampler.batch_of(trials).targets, modcog.targets_of(trials, kind))
    env = modcog.make("DlyGo_IntL_SeqR")
    envs = modcog.make_vec("DlyGo_IntL_SeqR", 3)
    envs.reset(seed=7)
    many = modcog.targets_of(envs.trials, kind)
    for lane in range(3):
        env.reset(seed=7 + lane)
        alone = modcog.targets_of(env.unwrapped.trials, kind)[:, 0]
        np.testing.assert_array_equal(alone, many[: len(alone), lane])
        if kind == "labels":
            np.testing.assert_array_equal(alone, env.unwrapped.gt)


# --- scores --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_perfect_outputs_of_any_kind_are_right(kind: str) -> None:
    batch = batches(kind, "mod-cog-168", batch_size=32)
    outputs = batch.targets
    if kind == "labels":
        outputs = 50.0 * (batch.targets[..., None] == np.arange(17))
    found = modcog.evaluate(outputs, batch)
    for measure in MEASURES:
        assert found.mean(measure) == 1.0
    # What a batch has for targets does not matter: the kind of the outputs can be said.
    assert modcog.evaluate(outputs, batches("none", "mod-cog-168", batch_size=32), kind) == found


@pytest.mark.parametrize("kind", ["ring", "sin_cos"])
def test_wrong_outputs_score_as_wrong_labels_do(kind: str) -> None:
    """The same answers, turned by some units or withheld, have the same scores in all kinds."""
    batch = batches(kind, "cog-20", batch_size=24)
    labels = batches("labels", "cog-20", batch_size=24)
    rng = helpers.rng(3)
    for wrong in (0.0, 0.2, 1.0):
        turned = (labels.targets - 1 + rng.integers(-3, 4, labels.targets.shape)) % 16 + 1
        chosen = np.where(labels.targets > 0, turned, 0)
        chosen = np.where(rng.random(chosen.shape) < wrong, rng.integers(0, 17), chosen)
        logits = 50.0 * (chosen[..., None] == np.arange(17))
        if kind == "ring":
            outputs = 0.05 + 0.8 * (chosen[..., None] == np.arange(17))
        else:
            angle = 2 * np.pi * (chosen - 1) / 16
            answered = chosen > 0
            outputs = np.stack(
                [~answered, answered * np.sin(angle), answered * np.cos(angle)], axis=-1
            ).astype(float)
        one, other = modcog.evaluate(outputs, batch), modcog.evaluate(logits, labels)
        assert one == other
        assert 0 < one.mean("final_accuracy") < 1


def test_yang_s_criterion_of_ring_outputs() -> None:
    """Fixation counts above 0.5; a response within 36 degrees by the population vector."""
    batch = batches("ring", ["Go"])
    outputs = batch.targets.astype(np.float64)
    last = batch.trials.start + batch.trials.length - 1, batch.trials.lane
    for moved, right in ((1, 1.0), (2, 0.0)):  # 22.5 and 45 degrees
        off = outputs.copy()
        off[*last, 1:] = np.roll(outputs[*last][:, 1:], moved, axis=1)
        found = modcog.evaluate(off, batch)
        assert found.mean("performance") == right
        assert found.mean("final_accuracy") == 0
    held = outputs.copy()
    held[*last, 0] = 0.51
    assert modcog.evaluate(held, batch).mean("performance") == 0
    held[*last, 0] = 0.49
    assert modcog.evaluate(held, batch).mean("performance") == 1
    broken = outputs.copy()
    broken[batch.trials.start + 2, batch.trials.lane, 0] = 0.3
    assert modcog.evaluate(broken, batch).mean("performance") == 0
    assert modcog.evaluate(broken, batch).mean("final_accuracy") == 1


# --- refusals ------------------------------------------------------------------------------------


def test_other_kinds_and_outputs_are_refused() -> None:
    for call in (
        lambda: modcog.BatchSampler("Go", targets="rings"),
        lambda: modcog.targets_of(modcog.sample(modcog.task("Go"), helpers.rng(0)), "rings"),
        lambda: modcog.evaluate(np.zeros((90, 6, 17)), batches("labels"), "rings"),
    ):
        with pytest.raises(modcog.UnknownName, match="^targets must be the .* Did you mean ring"):
            call()
    for value in (None, 3, ["ring"]):
        with pytest.raises(modcog.UnknownName, match="^targets must be the name of a kind"):
            modcog.BatchSampler("Go", targets=value)  # pyright: ignore
    with pytest.raises(modcog.InvalidArgument, match=r"^logits must be an array of shape"):
        modcog.evaluate(np.zeros((90, 6, 17)), batches("sin_cos"))
    with pytest.raises(modcog.InvalidArgument, match="^targets must be one of 'labels', 'ring'"):
        modcog.evaluate(np.zeros((90, 6, 17)), batches("none"))
    trials = modcog.sample(modcog.task("Go"), helpers.rng(0), 3)
    with pytest.raises(modcog.InvalidArgument, match="^n_lanes must be at least 3"):
        modcog.targets_of(trials, n_lanes=2)
    trials.response[:] = 99
    with pytest.raises(modcog.InvalidArgument, match="^response must be a ring index"):
        modcog.targets_of(trials, "ring")


# --- other rooms ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TARGETS)
def test_banks_and_datasets_take_all_kinds(kind: str, tmp_path: Any) -> None:
    bank = modcog.trial_bank(TASKS, 3, targets=kind)
    labels = modcog.trial_bank(TASKS, 3)
    n_outputs = modcog.BatchSampler(TASKS, targets=kind).output_size
    axes = () if kind == "labels" else (n_outputs,)
    assert bank.targets.shape == (*bank.mask.shape, *axes)
    np.testing.assert_array_equal(bank.inputs, labels.inputs)
    if read := TARGETS[kind].read:
        outputs = bank.targets if axes else 50.0 * (labels.targets[..., None] == np.arange(17))
        found = read(outputs[bank.mask > 0].astype(np.float64), 16)
        np.testing.assert_array_equal(found.label, labels.targets[bank.mask > 0])
    bank.save(tmp_path / "bank.npz")
    again = modcog.TrialBank.load(tmp_path / "bank.npz")
    np.testing.assert_array_equal(again.targets, bank.targets)
    assert again.targets.dtype == bank.targets.dtype

    dataset = modcog.Dataset(TASKS, batch_size=3, seq_len=70, seed=1, targets=kind)
    inputs, targets = dataset()
    batch = dataset.sampler.batch(0)
    assert batch.target_kind == kind
    np.testing.assert_array_equal(targets, batch.targets)
    first = modcog.Dataset(TASKS, None, 3, 70, None, batch_first=True, seed=1, targets=kind)()
    assert first[1].shape == (3, 70, *axes)
    np.testing.assert_array_equal(first[0].swapaxes(0, 1), inputs)


def test_a_bank_of_other_targets_is_whole(tmp_path: Any) -> None:
    bank = modcog.trial_bank("Go", 2, targets="ring")
    for wrong in (bank.targets[:-1], bank.targets.astype(np.float64), bank.targets[..., None]):
        object.__setattr__(bank, "targets", wrong)
        bank.save(tmp_path / "bank.npz")
        with pytest.raises(modcog.InvalidArgument, match="^path must be a file that TrialBank"):
            modcog.TrialBank.load(tmp_path / "bank.npz")
