"""Trial banks: what is in them, and what a file of one survives."""

from __future__ import annotations

import itertools
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

import modcog
from modcog.batches.bank import SPLITS, conditions_of
from modcog.trials.draws import Draws
from modcog.trials.plan import Stimulus
from modcog.trials.sampling import plan_trials
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


def shown(bank: modcog.TrialBank) -> set[bytes]:
    """The different trials of a bank without noise, whatever the rule."""
    n_rules = bank.inputs.shape[-1] - 33
    columns = bank.inputs[..., : bank.inputs.shape[-1] - n_rules].swapaxes(0, 1)
    return {trial.tobytes() for trial in columns}


@pytest.mark.parametrize("name", ["Go", "DMS_IntL", "MultiDM", "CtxDlyDM2", "DNMC"])
@pytest.mark.parametrize("seed", [0, 5])
def test_conditions_belong_to_one_split(name: str, seed: int) -> None:
    banks = [
        modcog.trial_bank(name, 300, seed, split=split, split_by="conditions", noise=0)
        for split in SPLITS
    ]
    for one, other in itertools.combinations(map(shown, banks), 2):
        assert one
        assert other
        assert not one & other
    assert {len(bank) for bank in banks} == {300}
    if name == "Go":
        # All there are, each in its split: a ring and a direction.
        assert sum(len(shown(bank)) for bank in banks) == 32
        by_trials = [modcog.trial_bank(name, 300, seed, split=split) for split in SPLITS]
        assert shown(by_trials[0]) & shown(by_trials[1])


def test_splits_by_conditions_are_those_of_the_seed_and_go_on() -> None:
    short, long = (
        modcog.trial_bank(["Go", "DM1"], n, 3, split="test", split_by="conditions") for n in (4, 9)
    )
    np.testing.assert_array_equal(short.response[:4], long.response[:4])
    np.testing.assert_array_equal(short.response[4:], long.response[9:13])
    others = modcog.trial_bank("Go", 200, 4, split="test", split_by="conditions")
    assert shown(others) != shown(
        modcog.trial_bank("Go", 200, 3, split="test", split_by="conditions")
    )
    sizes = [
        len(shown(modcog.trial_bank("Go", 200, seed, split=split, split_by="conditions")))
        for seed in range(30)
        for split in SPLITS
    ]
    shares = np.reshape(sizes, (30, 3)).mean(axis=0) / 32
    np.testing.assert_allclose(shares, (0.5, 0.25, 0.25), atol=0.06)


def test_the_order_of_stimuli_is_no_part_of_a_condition() -> None:
    spec = modcog.task("DM1")
    one, other = (
        modcog.sample(spec, helpers.rng(0), 1, {"location": a, "separation": s, "coherence1": c})
        for a, s, c in ((3, 5, 0.32), (8, 11, -0.32))
    )
    np.testing.assert_array_equal(conditions_of(one), conditions_of(other))
    given = {"location": 3, "separation": 5, "coherence1": -0.32, "fixation": 200}
    another = modcog.sample(spec, helpers.rng(0), 1, given)
    assert conditions_of(another) != conditions_of(one)


def test_a_split_without_a_condition_is_refused() -> None:
    def plan(spec: modcog.TaskSpec, draws: Draws) -> modcog.Trials:
        zeros = np.zeros(draws.n, dtype=np.int64)
        return plan_trials(spec, draws, [Stimulus("stimulus", 0, zeros)], response=zeros)

    spec = replace(modcog.task("Go"), base="Same", plan=plan)
    errors: list[str] = []
    for split in SPLITS:
        try:
            modcog.trial_bank([spec], 3, split=split, split_by="conditions")
        except modcog.InvalidArgument as error:
            errors.append(str(error))
    text = "split must be one that a condition of Same falls into"
    assert [error.startswith(text) for error in errors] == [True, True]


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


@pytest.mark.parametrize("split", SPLITS)
def test_a_bank_of_conditions_shows_all_combinations(split: str) -> None:
    chosen = {"location": range(16), "delay": [300, 700]}
    bank = modcog.trial_bank(
        ["DlyGo_IntR", "DlyAnti"], 3, 5, split=split, conditions=chosen, given={"ring": 1}
    )
    assert len(bank) == 2 * 16 * 2 * 3
    place, delay = (np.tile(np.repeat(v, k), r) for v, k, r in ((range(16), 6, 2), ([3, 7], 3, 32)))
    np.testing.assert_array_equal(bank.direction, place)
    label = bank.period_names.tolist().index("delay")
    np.testing.assert_array_equal((bank.period == label).sum(axis=0), delay)
    np.testing.assert_array_equal(bank.response[:96], (place + delay)[:96] % 16)
    np.testing.assert_array_equal(bank.response[96:], (place[96:] + 8) % 16)
    stimulus = bank.period == bank.period_names.tolist().index("stimulus")
    assert not bank.inputs[stimulus, 1:17].any()


def test_what_is_given_is_fixed_and_leaves_the_rest_as_it_was() -> None:
    plain = modcog.trial_bank("DlyGo_IntL", 20, 3)
    one = modcog.trial_bank("DlyGo_IntL", 20, 3, given={"location": 5})
    assert set(one.direction.tolist()) == {5}
    np.testing.assert_array_equal(one.length, plain.length)
    each = modcog.trial_bank("DlyGo_IntL", 20, 3, given={"location": plain.direction})
    assert_same_bank(each, plain)
    longer = modcog.trial_bank("DlyGo_IntL", 30, 3, given={"location": 5})
    np.testing.assert_array_equal(longer.length[:20], one.length)


def test_given_quantities_do_not_join_splits_by_conditions() -> None:
    banks = [
        modcog.trial_bank("DM1", 200, 1, split=split, split_by="conditions", noise=0, given=given)
        for split in SPLITS
        for given in ({}, {"location": 3, "coherence1": [0.64]})
    ]
    for bank in banks[1::2]:
        assert set(bank.direction.tolist()) == {3}
    seen = [shown(one) | shown(other) for one, other in zip(banks[::2], banks[1::2], strict=True)]
    for one, other in itertools.combinations(seen, 2):
        assert not one & other


REFUSED: dict[str, tuple[dict[str, object], str]] = {
    "twice": (
        {"given": {"location": 3}, "conditions": {"location": [1, 2]}},
        "^location must be in given or in conditions, not in both",
    ),
    "no such quantity": ({"given": {"colour": 1}}, "Go draws: ring, location"),
    "not of all tasks": ({"tasks": ["DlyGo", "Go"], "given": {"delay": 300}}, "Go draws: ring"),
    "no such level": ({"conditions": {"location": [1, 16]}}, "^location must be a whole number in"),
    "no level": ({"conditions": {"location": []}}, "^location must be a number, or a list"),
    "one a trial too few": ({"given": {"location": [1, 2]}}, "^location must be a number, or 3"),
    "too many": ({"n": 10**6, "conditions": {"location": range(16)}}, "^levels must be at most"),
    "conditions that are split": (
        {"split_by": "conditions", "conditions": {"location": [1]}},
        "^location must be a single value, in given, where split_by is 'conditions'",
    ),
    "one a trial that is split": (
        {"split_by": "conditions", "given": {"location": [1, 2, 3]}},
        "^location must be a single value, in given, where split_by is 'conditions'",
    ),
    "no mapping": ({"given": 3}, "^given must be a mapping"),
    "a list of names": ({"conditions": ["location"]}, "^conditions must be a mapping"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_quantities_that_cannot_be_fixed_are_refused(case: str) -> None:
    arguments, text = REFUSED[case]
    with pytest.raises(modcog.InvalidArgument, match=text):
        modcog.trial_bank(**{"tasks": "Go", "n": 3, **arguments})


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(modcog.UnknownName, match="Did you mean validation"):
        modcog.trial_bank("Go", 3, split="valid")
    with pytest.raises(modcog.UnknownName, match="Did you mean conditions"):
        modcog.trial_bank("Go", 3, split_by="condition")
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


def test_a_file_whose_arrays_lie_before_its_beginning_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bank.npz"
    modcog.trial_bank("Go", 1, seed=0).save(path)
    content = bytearray(path.read_bytes())
    end = content.rindex(b"PK\x05\x06")  # where the zip says at which byte its directory begins
    begin = int.from_bytes(content[end + 16 : end + 20], "little")
    content[end + 16 : end + 20] = (begin + 9).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(modcog.InvalidArgument, match=r"bank\.npz"):
        modcog.TrialBank.load(path)
