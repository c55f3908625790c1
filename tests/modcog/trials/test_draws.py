"""Every drawn quantity has a name, can be given, and leaves the others of the seed as they were."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.typing import NDArray
from scipy import stats

import modcog
from modcog.hashing import Space, words
from modcog.trials.draws import Draws, rule_of, trial_keys
from tests.every import every
from tests.modcog import helpers

N = 40

# A value of each quantity that no tie and no other rule forbids.
VALUES: dict[str, Any] = {
    "ring": 1,
    "test_ring": 0,
    "location": 3,
    "separation": 5,
    "sample_location": 11,
    "test_location": 6,
    "match": 1,
    "coherence1": 0.48,
    "coherence2": -0.24,
    "first1": 0.3,
    "second1": 0.6,
    "first2": 1.0,
    "second2": 0.6,
    "noise_key": 2**64 - 2,
}
MODES = {"one value": lambda value: value, "one a trial": lambda value: [value] * N}

# Quantities that say something about each other: what is given moves these, and no others.
LINKED = {
    "match": {"test_location"},
    "test_location": {"sample_location"},
    "sample_location": {"test_location"},
}
# Strengths of a ring differ, and evidence never ties.
EVIDENCE = {"coherence1", "coherence2", "first1", "second1", "first2", "second2"}

CROSS_MODAL = modcog.task("DMS", cross_modal=True, nonmatch="any")
SPECS = [*map(modcog.task, helpers.BASES), modcog.task("DlyGo_IntL_SeqR"), CROSS_MODAL]
CASES = [(spec, quantity) for spec in SPECS for quantity in helpers.quantities(spec)]


@pytest.mark.parametrize("mode", MODES)
@every(("spec", "quantity"), CASES)
def test_what_is_given_is_honoured_and_the_rest_stays(
    spec: modcog.TaskSpec, quantity: str, mode: str
) -> None:
    value = VALUES.get(quantity, 400.0)
    free = modcog.sample(spec, helpers.rng(1), N)
    fixed = modcog.sample(spec, helpers.rng(1), N, {quantity: MODES[mode](value)})
    read = helpers.reader(quantity)
    np.testing.assert_array_equal(read(fixed), np.full(N, value, dtype=read(fixed).dtype))
    if spec.period_names.count(quantity) == 0 or quantity in ("fixation", "delay"):
        assert not np.array_equal(read(free), read(fixed)) or len(set(read(free))) == 1
    linked = LINKED.get(quantity, EVIDENCE if quantity in EVIDENCE else set())
    for other in helpers.quantities(spec):
        if other != quantity and other not in linked:
            np.testing.assert_array_equal(
                helpers.reader(other)(fixed), helpers.reader(other)(free), err_msg=other
            )


def classes(values: NDArray[Any]) -> NDArray[np.int64]:
    """Number the different values, of many by their order of size."""
    numbers = np.unique(values, return_inverse=True)[1]
    return numbers if numbers.max() < 16 else (numbers * 8) // (numbers.max() + 1)


@pytest.mark.parametrize(
    "name", ["Go_IntL", "MultiDM_IntR", "MultiDlyDM_IntL", "DMS_IntL", "DMC_IntR", "DlyAnti_IntR"]
)
def test_quantities_are_independent_of_each_other(name: str) -> None:
    spec = modcog.task(name, timing={"fixation": ("uniform", (200, 500))})
    trials = modcog.sample(spec, helpers.rng(5), 20_000)
    numbers = {key: classes(helpers.reader(key)(trials)) for key in helpers.quantities(spec)}
    varying = {key: values for key, values in numbers.items() if values.max() > 0}
    assert {"fixation", "noise_key"} < set(varying)
    for one, other in itertools.combinations(varying, 2):
        if {one, other} <= EVIDENCE or {one, other} == {"sample_location", "test_location"}:
            continue  # two strengths differ, evidence never ties, a match is the sample
        table = np.zeros((varying[one].max() + 1, varying[other].max() + 1))
        np.add.at(table, (varying[one], varying[other]), 1)
        assert stats.chi2_contingency(table).pvalue > 1e-4, (one, other)
    # Nor do neighbouring trials know of each other.
    for key, values in varying.items():
        table = np.zeros((values.max() + 1,) * 2)
        np.add.at(table, (values[:-1], values[1:]), 1)
        assert stats.chi2_contingency(table).pvalue > 1e-4, key


@every("name", helpers.NAMES)
def test_the_named_quantities_are_all_there_is_to_a_trial(name: str) -> None:
    spec = modcog.task(name)
    trials = modcog.sample(spec, helpers.rng(2), 30)
    again = modcog.sample(spec, helpers.rng(3), 30, helpers.given_of(trials))
    helpers.assert_same_trials(again, trials)


def test_ties_are_avoided_whatever_part_of_the_evidence_is_given() -> None:
    for base in [b for b in helpers.BASES if "DM" in b and b not in ("DMS", "DNMS", "DMC", "DNMC")]:
        spec = modcog.task(base)
        for quantity in EVIDENCE & set(helpers.quantities(spec)):
            values = (0.16, -0.64) if quantity.startswith("coherence") else (0.3, 0.6, 1.0)
            for value in values:
                trials = modcog.sample(spec, helpers.rng(4), 200, {quantity: value})
                assert (helpers.reader(quantity)(trials) == value).all()
                assert trials.responds.all()


@pytest.mark.parametrize(
    ("name", "given_values"),
    [
        ("DM1", {"coherence1": 0}),
        ("MultiDM", {"coherence1": 0.16, "coherence2": -0.16}),
        ("DlyDM2", {"first2": 0.3, "second2": 0.3}),
        ("MultiDlyDM", {"first1": 1, "second1": 0.3, "first2": 0.3, "second2": 1}),
    ],
)
def test_a_given_tie_is_refused(name: str, given_values: dict[str, float]) -> None:
    with pytest.raises(
        modcog.InvalidArgument, match=r"evidence for one place \(a tie has no right"
    ):
        modcog.sample(modcog.task(name), helpers.rng(0), 5, given_values)


@pytest.mark.parametrize("base", helpers.BASES)
def test_an_unknown_quantity_is_refused_with_the_known_ones(base: str) -> None:
    text = f"^trial quantity must be the name of a quantity of {base}; .*'colour'.*{base} draws: "
    with pytest.raises(modcog.UnknownName, match=text):
        modcog.sample(modcog.task(base), helpers.rng(0), 1, {"colour": 1})


def test_a_misspelt_quantity_gets_a_suggestion() -> None:
    with pytest.raises(modcog.UnknownName, match="Did you mean location"):
        modcog.sample(modcog.task("Go"), helpers.rng(0), 1, {"locaton": 1})


REFUSED: list[tuple[str, str, Any, str]] = [
    ("Go", "location", 16, r"a whole number in \[0, 15\]"),
    ("Go", "location", -1, r"a whole number in \[0, 15\]"),
    ("Go", "location", 2.5, "a whole number; got 2.5"),
    ("Go", "location", "left", "a number, or 5 numbers, one a trial"),
    ("Go", "location", [1, 2], "a number, or 5 numbers, one a trial"),
    ("Go", "location", None, "a number, or 5 numbers"),
    ("Go", "ring", 2, r"a whole number in \[0, 1\]"),
    ("Go", "fixation", -10, "a duration in ms; got -10"),
    ("Go", "fixation", float("nan"), "a finite number; got nan"),
    ("Go", "location", float("inf"), "a finite number; got inf"),
    ("DM1", "coherence1", float("nan"), "a finite number"),
    ("Go", "noise_key", -1, "a whole number of at least 0; got -1"),
    ("Go", "stimulus", 0, "a duration in ms above 0"),
    ("DM1", "coherence1", 1.5, r"a signed coherence in \[-1, 1\]"),
    ("DM1", "separation", 16, "lead to another place"),
    ("DlyDM1", "first1", -0.3, "a strength of at least 0"),
    ("DMS", "match", 2, r"a whole number in \[0, 1\]"),
    ("DMC", "test_location", 16, r"a whole number in \[0, 15\]"),
    ("Go", "noise_key", 0.5, "a whole number; got 0.5"),
    ("Go", "noise_key", 3.0, "a whole number of an integer type"),
    ("Go", "noise_key", [2.0**60, 1, 2, 3, 4], "a whole number of an integer type"),
    ("Go", "noise_key", 2**64, "a number, or 5 numbers"),
    ("Go", "location", 2**64 - 1, "a whole number of at most 9223372036854775807"),
    ("DM1", "separation", 2**64 - 5, "a whole number of at most 9223372036854775807"),
    ("DM1", "separation", 1e30, "a whole number of at most"),
    ("DM1", "coherence1", 2**53 + 1, "a number that a float64 holds"),
]


@pytest.mark.parametrize(("name", "quantity", "value", "text"), REFUSED)
def test_values_out_of_range_are_refused(name: str, quantity: str, value: Any, text: str) -> None:
    with pytest.raises(modcog.InvalidArgument, match=f"^{quantity} must be .*{text}"):
        modcog.sample(modcog.task(name), helpers.rng(0), 5, {quantity: value})


@given(location=st.lists(st.integers(0, 15), min_size=1, max_size=30), seed=helpers.seeds)
def test_one_value_a_trial(location: list[int], seed: int) -> None:
    given_values: dict[str, Any] = {"location": location, "ring": np.arange(len(location)) % 2}
    rng = np.random.default_rng(seed)
    trials = modcog.sample(modcog.task("Anti"), rng, len(location), given_values)
    np.testing.assert_array_equal(trials.stimulus_location[:, 0], location)
    np.testing.assert_array_equal(trials.response, (np.array(location) + 8) % 16)


def pairs(go_if: bool, same: NDArray[np.bool_], test: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.where(same == go_if, test, -1)


@pytest.mark.parametrize("name", ["DMS", "DNMS", "DMC", "DNMC"])
def test_a_given_test_decides_the_match(name: str) -> None:
    sample, test = (grid.ravel() for grid in np.mgrid[:16, :16])
    spec = modcog.task(name)
    trials = modcog.sample(
        spec, helpers.rng(0), 256, {"sample_location": sample, "test_location": test}
    )
    same = sample == test if name.endswith("S") else (sample < 8) == (test < 8)
    np.testing.assert_array_equal(trials.match, same)
    np.testing.assert_array_equal(trials.response, pairs(name[1] == "M", same, test))
    wrong = {"sample_location": sample, "test_location": test, "match": ~same}
    with pytest.raises(modcog.InvalidArgument, match="what the given sample and test imply"):
        modcog.sample(spec, helpers.rng(0), 256, wrong)


@pytest.mark.parametrize("name", ["DMS", "DNMS", "DMC", "DNMC"])
@pytest.mark.parametrize("match", [0, 1])
def test_a_given_match_decides_who_responds(name: str, match: int) -> None:
    trials = modcog.sample(modcog.task(name), helpers.rng(0), 50, {"match": match})
    assert (trials.match == match).all()
    assert (trials.responds == (match == (name in ("DMS", "DMC")))).all()


def test_a_given_duration_need_not_be_one_that_could_be_drawn() -> None:
    spec = modcog.task("DlyGo_IntL")
    trials = modcog.sample(spec, helpers.rng(0), 3, {"delay": [0, 130, 1500]})
    assert trials.duration_ms("delay").tolist() == [0, 100, 1500]
    moved = (trials.base_response - trials.response) % 16
    assert moved.tolist() == [0, 1, 15]


KEYS = st.integers(0, 2**64 - 1)


@given(keys=st.lists(KEYS, min_size=1, max_size=6), as_array=st.booleans())
def test_keys_of_noise_are_kept_bit_for_bit(keys: list[int], as_array: bool) -> None:
    value: Any = np.array(keys, dtype=np.uint64) if as_array else keys
    spec = modcog.task("DM1")
    trials = modcog.sample(spec, helpers.rng(0), len(keys), {"noise_key": value})
    assert trials.noise_key.tolist() == keys
    crossed = modcog.conditions(spec, helpers.rng(0), 2, noise_key=value, location=(0, 5))
    assert crossed.noise_key.tolist() == [key for key in keys for _ in range(4)]


def test_the_noise_of_trials_can_be_given_to_others() -> None:
    trials = modcog.sample(modcog.task("DM1"), helpers.rng(0), 50)
    again = modcog.conditions("DM1", helpers.rng(1), noise_key=trials.noise_key)
    np.testing.assert_array_equal(again.noise_key, trials.noise_key)


@pytest.mark.parametrize("key", [0, 1, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1])
def test_one_key_of_noise_in_any_type(key: int) -> None:
    values: list[Any] = [key, np.uint64(key), [key], np.array(key, dtype=np.uint64)]
    values += [[key, 0, 2**63]] if key else []
    for value in values:
        n = np.size(value)
        trials = modcog.sample(modcog.task("Go"), helpers.rng(0), n, {"noise_key": value})
        assert trials.noise_key.tolist()[0] == key


@every(("spec", "quantity"), CASES)
def test_giving_a_quantity_what_it_drew_changes_nothing(
    spec: modcog.TaskSpec, quantity: str
) -> None:
    free = modcog.sample(spec, helpers.rng(6), 500)
    value = helpers.reader(quantity)(free)
    fixed = modcog.sample(spec, helpers.rng(6), 500, {quantity: value})
    helpers.assert_same_trials(fixed, free)


def likely(counts: NDArray[np.int64], expected: NDArray[np.float64]) -> bool:
    """Whether counts may come from these probabilities."""
    possible = expected > 0
    if counts[~possible].any():
        return False
    if possible.sum() < 2:
        return True
    shares = expected[possible] / expected[possible].sum() * counts.sum()
    return bool(stats.chisquare(counts[possible], shares).pvalue > 1e-6)


@every(("spec", "quantity"), CASES)
def test_a_given_value_leaves_the_others_as_they_are_among_trials_that_have_it(
    spec: modcog.TaskSpec, quantity: str
) -> None:
    free = modcog.sample(spec, helpers.rng(7), 20_000)
    drawn = helpers.reader(quantity)(free)
    if quantity == "noise_key" or len(set(drawn.tolist())) == 1:
        return
    value = np.sort(drawn)[len(drawn) // 3]
    among = free[drawn == value]
    fixed = modcog.sample(spec, helpers.rng(8), 4000, {quantity: value})
    for other in ["responds", *helpers.quantities(spec)]:
        if other == "noise_key":
            continue
        read = helpers.READERS.get(other) or (
            helpers.reader(other) if other != "responds" else lambda trials: trials.responds
        )
        both = np.concatenate([read(among), read(fixed)])
        classes_of = np.unique(both, return_inverse=True)[1]
        table = np.stack(
            [
                np.bincount(part, minlength=classes_of.max() + 1)
                for part in np.split(classes_of, [len(among)])
            ]
        )
        if table.shape[1] > 1:
            assert stats.chi2_contingency(table).pvalue > 1e-6, other
        # Nothing comes that never goes with the value.
        assert not table[1][table[0] == 0].any() or len(among) < 1000, other


@pytest.mark.parametrize("name", ["DMS", "DNMS", "DMC", "DNMC"])
@pytest.mark.parametrize("nonmatch", ["opposite", "any"])
def test_a_given_test_leaves_the_match_open(name: str, nonmatch: str) -> None:
    settings = {"nonmatch": nonmatch} if name.endswith("S") else {}
    spec = modcog.task(name, **settings)
    trials = modcog.sample(spec, helpers.rng(0), 8000, {"test_location": 6})
    assert likely(np.bincount(trials.match), np.array([0.5, 0.5]))
    sample = trials.stimulus_location[:, 0]
    alike = sample == 6 if name.endswith("S") else (sample < 8) == (6 < 8)
    np.testing.assert_array_equal(trials.match, alike)
    for match in (0, 1):
        reachable = alike == match
        if name.endswith("S") and nonmatch == "opposite" and not match:
            assert set(sample[reachable].tolist()) == {14}
        elif not name.endswith("S") or not match:
            counts = np.bincount(sample[reachable], minlength=16)
            assert likely(counts, (counts > 0).astype(float))
            assert (counts > 0).sum() == (8 if not name.endswith("S") else 15)
    crossed = modcog.conditions(spec, helpers.rng(1), match=(0, 1), test_location=range(16))
    assert len(crossed) == 32
    np.testing.assert_array_equal(crossed.match, np.repeat([0, 1], 16))
    np.testing.assert_array_equal(crossed.stimulus_location[:, 1], np.tile(range(16), 2))
    test_as_well = modcog.sample(spec, helpers.rng(2), 9, {"match": 1, "test_location": 3})
    assert (test_as_well.match == 1).all()


def test_a_given_strength_does_not_bring_an_equal_one() -> None:
    for name in ("DlyDM2", "CtxDlyDM1", "CtxDlyDM2", "MultiDlyDM"):
        trials = modcog.sample(modcog.task(name), helpers.rng(0), 4000, {"first2": 0.6})
        second = helpers.reader("second2")(trials)
        counts = [int((second == strength).sum()) for strength in (0.3, 1.0)]
        assert sum(counts) == 4000
        assert likely(np.array(counts), np.array([0.5, 0.5])), name
    # An equal pair on a ring that need not decide may be asked for.
    given_values = {"first2": 0.6, "second2": 0.6}
    trials = modcog.sample(modcog.task("MultiDlyDM"), helpers.rng(0), 50, given_values)
    assert (helpers.reader("first1")(trials) != helpers.reader("second1")(trials)).all()


def test_too_many_strengths_are_refused_before_they_fill_the_memory() -> None:
    spec = modcog.task("MultiDlyDM", strengths=tuple(np.linspace(0.2, 1, 40).tolist()))
    with pytest.raises(modcog.InvalidArgument, match=r"^first1, second1, .*at most 1048576"):
        modcog.sample(spec, helpers.rng(0), 3)


@pytest.mark.parametrize("name", ["rule", "hidden 1", "noise_key"])
def test_no_name_of_a_user_meets_an_internal_one(name: str) -> None:
    keys = trial_keys(helpers.rng(0), 4000)
    draws = Draws(keys)
    own = draws.index(name, 4)
    internal = {"rule": rule_of(keys, 4), "hidden": draws.hidden_index(4)}
    if name != "noise_key":  # that one may be given, so it is drawn once
        internal["noise"] = (draws.noise_key() % np.uint64(4)).astype(np.int64)
    for what, values in internal.items():
        table = np.zeros((4, 4))
        np.add.at(table, (own, values), 1)
        assert stats.chi2_contingency(table).pvalue > 1e-4, what


def test_a_name_drawn_by_a_user_is_not_the_duration_of_a_period() -> None:
    keys = trial_keys(helpers.rng(0), 1000)
    spaces = [words(keys, space, "delay") for space in Space]
    assert len(np.unique(np.concatenate(spaces))) == 3000


def test_a_fixed_duration_draws_nothing_and_moves_nothing() -> None:
    one = helpers.draw("DlyGo", 50)
    other = helpers.draw("DlyGo", 50, timing={"delay": ("choice", [300, 700])})
    np.testing.assert_array_equal(one.stimulus_location, other.stimulus_location)
    np.testing.assert_array_equal(one.noise_key, other.noise_key)


def test_a_given_duration_is_refused_by_its_name() -> None:
    with pytest.raises(modcog.InvalidArgument, match="^delay must be at most 100000 steps"):
        modcog.sample(modcog.task("DlyGo"), helpers.rng(0), 2, {"delay": 1e30})
