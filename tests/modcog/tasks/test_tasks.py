"""The table of base tasks, and the options of each family."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from typing import Any

import numpy as np
import pytest
from scipy import stats

import modcog
from modcog.tasks import BASE_TASKS
from tests.every import every
from tests.modcog import helpers

FAMILIES = {
    "reach": ("Go", "RTGo", "DlyGo", "Anti", "RTAnti", "DlyAnti"),
    "decision": (
        *("DM1", "DM2", "CtxDM1", "CtxDM2", "MultiDM"),
        *("DlyDM1", "DlyDM2", "CtxDlyDM1", "CtxDlyDM2", "MultiDlyDM"),
    ),
    "matching": ("DMS", "DNMS", "DMC", "DNMC"),
}
SIMULTANEOUS, DELAYED = FAMILIES["decision"][:5], FAMILIES["decision"][5:]


def test_the_order_of_the_table_is_the_order_of_rule_inputs() -> None:
    # New rows go to the end: a rule input is a position in this table.
    pinned = tuple(itertools.chain.from_iterable(FAMILIES.values()))
    assert tuple(BASE_TASKS)[: len(pinned)] == pinned
    assert len(BASE_TASKS) >= 20


def test_names_are_unique_and_spell_no_modifier() -> None:
    folded = [name.lower() for name in BASE_TASKS]
    assert len(set(folded)) == len(folded)
    for name in BASE_TASKS:
        assert "_" not in name
        assert not name.lower().endswith(("intl", "intr", "seql", "seqr"))


@pytest.mark.parametrize("name", BASE_TASKS)
def test_a_row_agrees_with_its_specification(name: str) -> None:
    spec = BASE_TASKS[name]
    assert spec.base == spec.name == name
    assert spec.interval is None or spec.interval in spec.period_names
    assert spec.modifiers == ()
    for family, members in FAMILIES.items():
        if name in members:
            assert spec.family == family


@pytest.mark.parametrize("name", BASE_TASKS)
def test_the_fraction_of_responses_is_as_declared(name: str) -> None:
    spec = BASE_TASKS[name]
    responds = helpers.draw(spec, 4000).responds
    p = spec.p_response
    assert abs(responds.mean() - p) <= 4.5 * (p * (1 - p) / 4000) ** 0.5


@every("name", BASE_TASKS)
@pytest.mark.parametrize("dim_ring", [4, 8, 16, 32, 64])
def test_every_direction_is_an_answer_on_every_ring(name: str, dim_ring: int) -> None:
    trials = helpers.draw(name, 4000, dim_ring=dim_ring)
    answers = np.bincount(trials.response[trials.responds], minlength=dim_ring)
    assert len(answers) == dim_ring
    assert stats.chisquare(answers).pvalue > 1e-4


@pytest.mark.parametrize("name", [b for b in BASE_TASKS if BASE_TASKS[b].interval == "delay"])
def test_the_delay_alone_may_vanish_besides_fixation(name: str) -> None:
    assert {p.name for p in BASE_TASKS[name].periods if p.may_vanish} == {"fixation", "delay"}
    modcog.check_task(name, timing={"delay": 0, "fixation": 0}, n_trials=50)


def test_the_neurogym_preset_is_a_longer_delay_that_int_replaces() -> None:
    for name in BASE_TASKS:
        plain, preset = BASE_TASKS[name], modcog.task(name, timing="neurogym")
        longer = name in (*DELAYED, *FAMILIES["matching"])
        for period in plain.periods:
            expected = 1000 if longer and period.name == "delay" else period.duration
            assert preset.period(period.name).duration == expected
    integrated = modcog.task("DlyDM1_IntL", timing="neurogym")
    assert integrated.period("delay") == modcog.task("DlyDM1_IntL").period("delay")


# --- decision ------------------------------------------------------------------------------------


def separations(trials: modcog.Trials) -> Counter[int]:
    return Counter(helpers.reader("separation")(trials).tolist())


@pytest.mark.parametrize("name", FAMILIES["decision"])
@pytest.mark.parametrize(("units", "dim_ring"), [(None, 16), (None, 32), (1, 16), (3, 8), (8, 16)])
def test_the_separation_of_places(name: str, units: int | None, dim_ring: int) -> None:
    least = dim_ring // 4 if units is None else units
    trials = helpers.draw(name, 3000, min_separation=units, dim_ring=dim_ring)
    counts = separations(trials)
    assert sorted(counts) == list(range(least, dim_ring - least + 1))
    if len(counts) > 1:
        assert stats.chisquare(list(counts.values())).pvalue > 1e-4


@pytest.mark.parametrize("name", SIMULTANEOUS)
def test_other_coherences_are_shown(name: str) -> None:
    trials = helpers.draw(name, 500, coherences=(0.1, 0.9))
    ring = 2 if name.endswith("2") else 1
    coherence = helpers.reader(f"coherence{ring}")(trials)
    assert set(coherence.tolist()) == {-0.9, -0.1, 0.1, 0.9}


@pytest.mark.parametrize("name", DELAYED)
def test_other_strengths_are_shown(name: str) -> None:
    trials = helpers.draw(name, 500, strengths=[0.2, 0.4])
    ring = 2 if name.endswith("2") else 1
    shown = [helpers.reader(f"{which}{ring}")(trials).tolist() for which in ("first", "second")]
    assert set(zip(*shown, strict=True)) == {(0.2, 0.4), (0.4, 0.2)}


def test_one_coherence_in_the_multi_task_ties_half_the_time_and_is_drawn_again() -> None:
    trials = helpers.draw("MultiDM", 400, coherences=(0.3,))
    one, other = (helpers.reader(f"coherence{ring}")(trials) for ring in (1, 2))
    np.testing.assert_array_equal(one, other)
    assert 0.4 < (one > 0).mean() < 0.6


def test_a_distractor_ring_says_nothing_about_the_answer() -> None:
    for name, ring in [("CtxDM1", 2), ("CtxDM2", 1)]:
        trials = helpers.draw(name, 6000)
        favours_a = helpers.reader(f"coherence{ring}")(trials) > 0
        answer_a = trials.response == trials.stimulus_location[:, 0]
        assert abs((favours_a == answer_a).mean() - 0.5) < 4.5 * 0.5 / 6000**0.5


# --- matching ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["DMS", "DNMS"])
def test_non_matches_lie_opposite_or_anywhere(name: str) -> None:
    for nonmatch, turns in (("opposite", [8]), ("any", range(1, 16))):
        trials = helpers.draw(name, 4000, nonmatch=nonmatch)
        sample, test = trials.stimulus_location.T
        turn = (test - sample) % 16
        assert (turn[trials.match == 1] == 0).all()
        counts = Counter(turn[trials.match == 0].tolist())
        assert sorted(counts) == list(turns)
        if len(counts) > 1:
            assert stats.chisquare(list(counts.values())).pvalue > 1e-4


@pytest.mark.parametrize("name", FAMILIES["matching"])
def test_across_modalities_the_test_has_a_ring_of_its_own(name: str) -> None:
    trials = helpers.draw(name, 2000, cross_modal=True)
    counts = Counter(map(tuple, trials.stimulus_ring.tolist()))
    assert len(counts) == 4
    assert stats.chisquare(list(counts.values())).pvalue > 1e-4
    # Both rings that show something are noisy.
    noisy = trials.noise_std[:, 1:3] > 0
    for slot in (0, 1):
        assert noisy[np.arange(2000), trials.stimulus_ring[:, slot]].all()
    one_ring = trials.stimulus_ring[:, 0] == trials.stimulus_ring[:, 1]
    np.testing.assert_array_equal(noisy.sum(axis=1), np.where(one_ring, 1, 2))


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("DM1", {"coherences": []}, "^coherences must be at least one number, each above 0"),
    ("DM1", {"coherences": (0.0, 0.5)}, "^coherences must be .* above 0"),
    ("DM1", {"coherences": (0.5, 1.5)}, "^coherences must be .* at most 1"),
    ("DM1", {"coherences": "abc"}, "^coherences must be a list of numbers"),
    ("DM1", {"coherences": 0.5}, "^coherences must be a list of numbers"),
    ("DM1", {"coherences": (float("nan"),)}, "^coherences must be"),
    ("DlyDM1", {"strengths": (0.5,)}, "^strengths must be at least two different numbers"),
    ("DlyDM1", {"strengths": (0.5, 0.5)}, "^strengths must be at least two different numbers"),
    ("DlyDM1", {"strengths": (0.0, 0.5)}, "^strengths must be .* above 0"),
    ("DlyDM1", {"strengths": (float("inf"), 0.5)}, "^strengths must be"),
    (
        "DM1",
        {"min_separation": 0},
        "^min_separation must be a whole number of ring units, at least 1",
    ),
    ("DM1", {"min_separation": 1.5}, "^min_separation must be a whole number of ring units"),
    ("DMS", {"nonmatch": "near"}, "^nonmatch must be .*Known names: opposite, any"),
    ("DMS", {"cross_modal": "no"}, "^cross_modal must be True or False; got 'no'"),
    ("DMC", {"cross_modal": 2}, "^cross_modal must be True or False; got 2"),
]


@pytest.mark.parametrize(("name", "settings", "text"), REFUSED)
def test_options_out_of_range_are_refused(name: str, settings: dict[str, Any], text: str) -> None:
    with pytest.raises(modcog.InvalidArgument, match=text):
        modcog.task(name, **settings)


def test_a_separation_of_more_than_half_a_turn_is_refused() -> None:
    with pytest.raises(
        modcog.InvalidArgument, match="min_separation must be at most half a turn, 8"
    ):
        helpers.draw("DM1", min_separation=9)


# --- every option changes something --------------------------------------------------------------

OPTIONS: list[tuple[str, str, Any]] = [
    *((name, "coherences", (0.5,)) for name in SIMULTANEOUS),
    *((name, "strengths", (0.1, 0.9)) for name in DELAYED),
    *((name, "min_separation", 1) for name in FAMILIES["decision"]),
    *((name, "nonmatch", "any") for name in ("DMS", "DNMS")),
    *((name, "cross_modal", True) for name in FAMILIES["matching"]),
]


@pytest.mark.parametrize(("name", "option", "value"), OPTIONS)
def test_every_option_of_a_family_changes_its_trials(name: str, option: str, value: Any) -> None:
    plain, changed = helpers.draw(name, 50), helpers.draw(name, 50, **{option: value})
    assert helpers.differing(plain, changed) & {
        "stimulus_location",
        "stimulus_strength",
        "stimulus_ring",
    }


def test_every_option_of_every_family_is_tested_above() -> None:
    listed = {(name, option) for name, option, _ in OPTIONS}
    for name, spec in BASE_TASKS.items():
        for field in dataclasses.fields(spec.params):
            if field.default is not dataclasses.MISSING:
                assert (name, field.name) in listed
