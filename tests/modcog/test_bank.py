"""Trial banks: what is in them, and what a file of one survives."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

import modcog
from modcog.bank import SPLITS
from tests.modcog import helpers

COLUMNS = [f.name for f in fields(modcog.TrialBank)]


def assert_same_bank(a: modcog.TrialBank, b: modcog.TrialBank) -> None:
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)


def test_every_task_of_every_suite_fits_its_bank() -> None:
    bank = modcog.trial_bank("mod-cog-168", 3, seed=1)
    assert len(bank) == 3 * 168
    assert bank.task.tolist() == [name for name in modcog.suite("mod-cog-168") for _ in range(3)]
    np.testing.assert_array_equal(bank.rule, np.repeat(np.arange(168), 3))
    step = np.arange(len(bank.inputs))[:, None]
    inside = step < bank.length
    np.testing.assert_array_equal(bank.mask, inside)
    np.testing.assert_array_equal(bank.period >= 0, inside)
    decision = bank.period == bank.period_names.tolist().index("decision")
    assert not bank.targets[~decision].any()
    np.testing.assert_array_equal(bank.targets[decision & bank.responds] > 0, True)
    np.testing.assert_array_equal(bank.inputs[..., 0], inside & ~decision)
    first = decision.argmax(axis=0)
    answer = bank.targets[first, np.arange(len(bank))] - 1
    np.testing.assert_array_equal(answer, bank.response)


def test_columns_say_what_the_name_says() -> None:
    bank = modcog.trial_bank(["DlyAnti_IntL_SeqR", "DMS", "CtxDM2_SeqL"], 40, seed=3)
    assert set(bank.modifiers.tolist()) == {"IntL_SeqR", "", "SeqL"}
    assert dict(zip(bank.base.tolist(), bank.family.tolist(), strict=True)) == {
        "DlyAnti": "reach",
        "DMS": "matching",
        "CtxDM2": "decision",
    }
    anti = bank.base == "DlyAnti"
    np.testing.assert_array_equal((bank.direction[anti] + 8) % 16, bank.base_response[anti])
    assert set(bank.match[~anti].tolist()) == {-1, 0, 1}
    np.testing.assert_array_equal(np.isnan(bank.angle), ~bank.responds)
    shown = bank.inputs[..., 1:33] > 0.75
    stim = bank.period == bank.period_names.tolist().index("stimulus")
    lit = shown[stim.argmax(axis=0)[0], 0]
    assert lit.nonzero()[0] % 16 == bank.direction[0]


def test_a_slot_does_not_depend_on_the_others() -> None:
    alone = modcog.trial_bank("DM1", 5, seed=2)
    among = modcog.trial_bank(["DM1", "Go"], 5, seed=2)
    np.testing.assert_array_equal(alone.targets, among.targets[: len(alone.targets), :5])
    longer = modcog.trial_bank("DM1", 9, seed=2)
    np.testing.assert_array_equal(alone.response, longer.response[:5])


def test_splits_and_seeds_share_nothing() -> None:
    banks = [
        modcog.trial_bank("DM1", 50, seed=seed, split=split)
        for seed in (0, 1, [0, 1])
        for split in SPLITS
    ]
    noise = [tuple(column) for bank in banks for column in bank.inputs[5, :, 1:33].tolist()]
    assert len(set(noise)) == len(noise)
    assert_same_bank(banks[0], modcog.trial_bank("DM1", 50, seed=0, split="train"))


def test_a_bank_survives_its_file(tmp_path: Path) -> None:
    bank = modcog.trial_bank("cog-20", 4, dt=50)
    path = tmp_path / "bank.npz"
    bank.save(path)
    assert_same_bank(modcog.TrialBank.load(path), bank)
    with np.load(path, allow_pickle=False) as file:
        assert set(file.files) == set(COLUMNS)
    modcog.trial_bank("Go", 2).save(path)
    assert len(modcog.TrialBank.load(path)) == 2
    assert [p.name for p in tmp_path.iterdir()] == ["bank.npz"]


def test_a_failed_save_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bank.npz"
    modcog.trial_bank("Go", 2).save(path)
    before = path.read_bytes()

    def full(*args: object, **kwargs: object) -> None:
        del args, kwargs
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(OSError, match="No space left"):
        modcog.trial_bank("Anti", 2).save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["bank.npz"]


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        modcog.TrialBank.load(tmp_path / "absent.npz")
    other = tmp_path / "other.npz"
    np.savez(other, inputs=np.zeros(3))
    torn = tmp_path / "torn.npz"
    modcog.trial_bank("Go", 2).save(torn)
    torn.write_bytes(torn.read_bytes()[:-200])
    pickled = tmp_path / "pickled.npz"
    np.savez(pickled, **{name: np.array([None]) for name in COLUMNS})
    for path in (other, torn, pickled):
        with pytest.raises(modcog.InvalidArgument, match="^path must be a file that TrialBank"):
            modcog.TrialBank.load(path)


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(modcog.UnknownName, match="Did you mean validation"):
        modcog.trial_bank("Go", 3, split="valid")
    with pytest.raises(modcog.InvalidArgument, match="^n must be a whole number of trials"):
        modcog.trial_bank("Go", 0)
    with pytest.raises(modcog.InvalidArgument, match="^seed must be"):
        modcog.trial_bank("Go", 3, seed=-1)
    with pytest.raises(modcog.UnknownName, match="Did you mean cog-20"):
        modcog.trial_bank("cog20", 3)


@pytest.mark.parametrize("name", helpers.BASES)
def test_conditions_are_all_combinations(name: str) -> None:
    spec = modcog.task(name)
    quantity = {"Match": "sample_location"}.get(name, "location")
    if spec.family == "matching":
        quantity = "sample_location"
    trials = modcog.conditions(
        spec, helpers.rng(0), 3, **{quantity: range(16)}, fixation=(400, 700)
    )
    assert len(trials) == 16 * 2 * 3
    read = helpers.reader(quantity)(trials).reshape(16, 2, 3)
    np.testing.assert_array_equal(read, np.arange(16)[:, None, None] + np.zeros((16, 2, 3)))
    fixation = trials.duration_ms("fixation").reshape(16, 2, 3)
    np.testing.assert_array_equal(fixation, np.broadcast_to([[400], [700]], (16, 2, 3)))
    # What is not chosen is drawn anew in each trial.
    assert len(set(trials.noise_key.tolist())) == len(trials)


def test_conditions_refuse_what_cannot_be() -> None:
    rng = helpers.rng(0)
    with pytest.raises(modcog.UnknownName, match="DlyGo draws: ring, location"):
        modcog.conditions("DlyGo", rng, colour=[1, 2])
    with pytest.raises(modcog.InvalidArgument, match="^location must be a number, or a list"):
        modcog.conditions("DlyGo", rng, location=[])
    with pytest.raises(modcog.InvalidArgument, match="^location must be"):
        modcog.conditions("DlyGo", rng, location=["left"])
    with pytest.raises(modcog.InvalidArgument, match="^location must be a whole number in"):
        modcog.conditions("DlyGo", rng, location=[0, 16])
    with pytest.raises(modcog.InvalidArgument, match="^repeats must be"):
        modcog.conditions("DlyGo", rng, 0, location=[0])
