"""The table of features says what the trials show: nothing in it is taken from a name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pytest

import modcog
from modcog.catalog.features import FEATURES, features_of
from modcog.modifiers import MODIFIERS
from modcog.modifiers.sequence import SeqModifier
from tests.every import every
from tests.modcog import helpers

TABLE = modcog.features()
EITHER, BOTH = {"either"}, {"both"}


@cache
def drawn(name: str) -> modcog.Trials:
    return helpers.draw(name, 400)


def shown(trials: modcog.Trials, row: int) -> list[tuple[str, int, int]]:
    """Period, ring and location of the stimuli of a trial."""
    names = trials.tasks[0].period_names
    slots = np.flatnonzero(trials.stimulus_strength[row] > 0)
    columns = (trials.stimulus_period, trials.stimulus_ring, trials.stimulus_location)
    found = [tuple(int(column[row, slot]) for column in columns) for slot in slots]
    return [(names[period], ring, location) for period, ring, location in found]


@every("name", helpers.NAMES)
def test_what_trials_show_is_what_the_table_says(name: str) -> None:
    row, trials = TABLE[name], drawn(name)
    stimuli = [shown(trials, i) for i in range(len(trials))]
    rings = {frozenset(ring for _, ring, _ in trial) for trial in stimuli}
    words = {
        frozenset({0}): "ring1",
        frozenset({1}): "ring2",
        frozenset({0, 1}): "both",
    }
    expected = {words[r] for r in rings} if len(rings) == 1 else {"either"}
    assert {row["modality"]} == expected
    periods = {period for trial in stimuli for period, _, _ in trial}
    assert row["reaction_time"] == ("decision" in periods)
    places = max(len({(period, k) for period, _, k in trial}) for trial in stimuli)
    assert row["two_stimuli"] == (places > 1)
    assert row["match"] == bool((trials.match >= 0).any())
    assert row["withholds"] == (not trials.responds.all())
    assert row["tracks"] == bool(trials.drift.any())


@every("name", helpers.NAMES)
def test_the_answers_are_what_the_table_says(name: str) -> None:
    row, trials = TABLE[name], drawn(name)
    if row["family"] == "reach":
        away = (trials.base_response - trials.stimulus_location[:, 0]) % trials.dim_ring
        assert set(away.tolist()) == {8 if row["anti"] else 0}
    else:
        assert not row["anti"]
    if row["match"]:
        np.testing.assert_array_equal(trials.responds, trials.match == (not row["nonmatch"]))
        sample, test = trials.stimulus_location[:, :2].T
        same = sample // 8 == test // 8 if row["category"] else sample == test
        np.testing.assert_array_equal(same, trials.match == 1)


@pytest.mark.parametrize("name", [n for n in helpers.BASES if TABLE[n]["family"] == "decision"])
def test_the_judged_rings_decide_and_the_others_do_not(name: str) -> None:
    trials, row = drawn(name), TABLE[name]
    rings = {"ring1": [0], "ring2": [1], "both": [0, 1]}
    n_slots = trials.stimulus_ring.shape[1]
    said = np.zeros(len(trials))
    for slot in range(n_slots):
        sign = np.where(trials.stimulus_location[:, slot] == trials.stimulus_location[:, 0], 1, -1)
        counts = np.isin(trials.stimulus_ring[:, slot], rings[str(row["judged"])])
        said += sign * counts * trials.stimulus_strength[:, slot]
    first = trials.base_response == trials.stimulus_location[:, 0]
    np.testing.assert_array_equal(first, said > 0)
    assert row["context"] == (row["judged"] != row["modality"])


@every("name", helpers.NAMES)
def test_a_delay_is_a_time_between_stimuli_or_before_the_answer(name: str) -> None:
    spec = modcog.task(name)
    with_stimulus = [p for p, _, _ in shown(drawn(name), 0)]
    first = spec.period_names.index(with_stimulus[0])
    empty = [p for p in spec.period_names[first:-1] if p not in with_stimulus]
    assert TABLE[name]["delay"] == bool(empty)


@every("name", helpers.NAMES)
def test_modifiers_lengths_and_floors(name: str) -> None:
    row, spec = TABLE[name], modcog.task(name)
    assert "_".join([str(row["base"]), *(k + str(row[k]) for k in MODIFIERS if row[k])]) == name
    assert row["timed"] == (spec.interval if "_Int" in name else None)
    lengths = modcog.trial_lengths(name)
    assert row["shortest_steps"] == lengths.shortest == drawn(name).length.min()
    assert row["longest_steps"] == lengths.longest == drawn(name).length.max()
    assert row["mean_steps"] == lengths.mean
    assert row["chance"] == modcog.chance_level(name)
    assert row["floor"] == modcog.chance_level(name, ignores="evidence")
    levels = modcog.chance_table(name)
    blind = [levels[key].performance for key in ("uniform label", "always fixate")]
    assert row["chance_performance"] == max(*blind, levels["random direction"].performance)
    assert float(str(row["floor_performance"])) >= float(str(row["chance_performance"]))


def test_every_task_has_a_row_and_every_row_the_same_features() -> None:
    assert tuple(TABLE) == modcog.task_names()
    assert {tuple(row) for row in TABLE.values()} == {tuple(FEATURES)}
    assert all(row.meaning for row in FEATURES.values())
    assert json.loads(json.dumps(TABLE)) == TABLE


def test_a_table_is_the_callers_own() -> None:
    modcog.features()["Go"]["anti"] = True
    assert modcog.features()["Go"]["anti"] is False


def test_the_table_tells_all_tasks_apart() -> None:
    told = ("base", "family", "shortest_steps", "mean_steps", "longest_steps")
    rows = [tuple(v for k, v in row.items() if k not in told) for row in TABLE.values()]
    # Simultaneous and delayed tasks differ in the delay, reach tasks in the go cue.
    assert len(set(rows)) == len(rows)


def test_settings_change_lengths_and_floors() -> None:
    row = modcog.features("DM1", dt=20, dim_ring=8)["DM1"]
    assert (row["shortest_steps"], row["chance"]) == (45, 1 / 8)


def test_a_suite_with_a_task_in_two_slots_has_one_row_of_it() -> None:
    assert tuple(modcog.features("mod-cog-84")) == modcog.suite("mod-cog-82")


def test_two_tasks_of_one_name_are_refused() -> None:
    specs = [modcog.task("Go"), modcog.task("Go", timing={"stimulus": 300})]
    with pytest.raises(modcog.InvalidArgument, match="one task of the name Go"):
        modcog.features(specs)


def test_a_duration_of_which_nothing_is_known_has_no_length() -> None:
    spec = modcog.task("Go", timing={"stimulus": lambda _: 300.0})
    row = modcog.features([spec])["Go"]
    assert (row["mean_steps"], row["chance"]) == (None, 1 / 16)


@dataclass(frozen=True)
class Params:
    brought: Any = None

    def features(self, spec: modcog.TaskSpec) -> Mapping[str, Any]:
        del spec
        return dict(self.brought)


def own(**brought: Any) -> modcog.TaskSpec:
    params = Params(tuple(brought.items()))
    return replace(modcog.task("Go"), base="Own", params=params)


def test_a_task_of_ones_own_brings_features_and_has_the_others() -> None:
    table = modcog.features([own(anti=True, colours=3, mood="calm"), "Go"])
    mine, other = table["Own"], table["Go"]
    assert (mine["anti"], mine["colours"], mine["mood"]) == (True, 3, "calm")
    assert (other["anti"], other["colours"], other["mood"]) == (False, None, None)
    assert (mine["modality"], mine["match"]) == (None, False)


def test_a_task_that_brings_none_has_those_that_follow() -> None:
    @dataclass(frozen=True)
    class Silent:
        pass

    row = features_of(replace(modcog.task("DMS_SeqL"), base="Own", params=Silent()))
    assert (row["modality"], row["match"], row["delay"], row["Seq"]) == (None, False, True, "L")


def test_a_modifier_brings_features_as_well() -> None:
    @dataclass(frozen=True)
    class Loud(SeqModifier):
        def features(self, spec: modcog.TaskSpec) -> dict[str, Any]:
            return {"context": True, "loud": spec.base}

    row = features_of(Loud("L").rewrite(modcog.task("Go")))
    assert (row["context"], row["loud"]) == (True, "Go")


@pytest.mark.parametrize(
    ("brought", "told"),
    [
        ({"base": "Go"}, "other than those that follow from the specification; got 'base'"),
        ({"Int": "L"}, "other than those that follow"),
        ({"two words": True}, "named by words of letters, digits and underscores; got 'two words'"),
        ({"anti": (1,)}, r"features of Own: anti must be True or False, .*; got \(1,\)"),
        ({"mood": "very calm"}, "mood must be True or False, a word, a number or None"),
    ],
)
def test_features_that_no_table_could_hold_are_refused(brought: dict[str, Any], told: str) -> None:
    params = Params(tuple(brought.items()))
    spec = replace(modcog.task("Go"), base="Own", params=params)
    with pytest.raises(modcog.InvalidArgument, match=told):
        features_of(spec)
