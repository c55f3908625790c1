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

# Quantities that say something about each other: what is given decides what may follow.
LINKED = {
    "match": {"test_location"},
    "test_location": {"match"},
    "sample_location": {"test_location"},
}
# Evidence of the same judged rings: a tie that the given value makes is drawn again.
EVIDENCE = {"coherence1", "coherence2", "first1", "second1", "first2", "second2"}

CROSS_MODAL = modcog.task("DMS", cross_modal=True, nonmatch="any")
SPECS = [*map(modcog.task, helpers.BASES), modcog.task("DlyGo_IntL_SeqR"), CROSS_MODAL]
CASES = [(spec, quantity) for spec in SPECS for quantity in helpers.quantities(spec)]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("spec", "quantity"), CASES, ids=lambda v: getattr(v, "name", v))
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


@pytest.mark.parametrize("name", helpers.NAMES)
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
    text = f"^trial quantity must be the name of a quantity of {base}; got 'colour'.*{base} draws: "
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
