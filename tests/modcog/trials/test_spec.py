"""Specifications: frozen, comparable, checked at once, and the same after JSON and pickling."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given

import modcog
from modcog.modifiers import MODIFIERS
from modcog.tasks import BASE_TASKS
from modcog.trials.plan import concatenate
from modcog.trials.spec import YANG_NOISE
from tests.every import every
from tests.modcog import helpers


def through_json(spec: modcog.TaskSpec) -> modcog.TaskSpec:
    return modcog.task_from_json(spec.to_json())


ROUND_TRIPS = {
    "json": through_json,
    "pickle": lambda spec: pickle.loads(pickle.dumps(spec)),
    "copy": copy.deepcopy,
}


@pytest.mark.parametrize("how", ROUND_TRIPS)
@every("name", helpers.NAMES)
def test_every_task_survives(name: str, how: str) -> None:
    spec = modcog.task(name)
    again = ROUND_TRIPS[how](spec)
    assert again == spec
    assert hash(again) == hash(spec)
    assert again.name == name
    helpers.assert_same_trials(helpers.draw(again, 5), helpers.draw(spec, 5))


SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "grid": ("DlyGo", {"dt": 1000 / 60, "dim_ring": 32}),
    "numpy numbers": (
        "DM1_IntL",
        {"dt": np.float32(20), "dim_ring": np.int64(8), "noise": np.int8(2)},
    ),
    "yang noise": ("CtxDM1_SeqR", {"noise": "yang"}),
    "noise per ring": ("MultiDM", {"noise": [0, np.float32(2.5)]}),
    "bumps": ("DMC_IntR", {"bump_width": np.float32(0.5), "bump_height": 2}),
    "exponential": ("DlyGo_IntL", {"timing": {"delay": ["exponential", [400, 200, 1500]]}}),
    "normal": ("DMS", {"timing": {"delay": ("normal", np.array([400, 99.5, 200, 1500]))}}),
    "probabilities": ("Go", {"timing": {"stimulus": ("choice", [300, 500], np.array([0.1, 0.9]))}}),
    "preset": ("DlyDM1", {"timing": "neurogym"}),
    "durations": (
        "DMS_IntL",
        {"timing": {"sample": ("uniform", [200, 400]), "test": ("choice", np.array([300, 500]))}},
    ),
    "the user's interval": ("DlyGo_IntL", {"timing": {"delay": ("uniform", (300, 600))}}),
    "velocities": ("DlyGo_IntL_SeqR", {"int_velocity": 1, "seq_velocity": np.float64(2.5)}),
    "interval": ("DlyGo_IntL", {"int_delay": [0, 600]}),
    "coherences": ("MultiDM", {"coherences": np.array([0.1, 0.2])}),
    "strengths": ("DlyDM2", {"strengths": [0.2, 0.9]}),
    "separation": ("DM2_SeqL", {"min_separation": np.int64(1)}),
    "matching": ("DMS", {"nonmatch": "any", "cross_modal": True}),
}


@pytest.mark.parametrize("how", ROUND_TRIPS)
@pytest.mark.parametrize("case", SETTINGS)
def test_settings_survive(case: str, how: str) -> None:
    name, settings = SETTINGS[case]
    spec = modcog.task(name, **settings)
    again = ROUND_TRIPS[how](spec)
    assert again == spec != modcog.task(name)
    helpers.assert_same_trials(helpers.draw(again), helpers.draw(spec))


def test_a_callable_duration_cannot_be_written_as_json() -> None:
    spec = modcog.task("Go", timing={"fixation": lambda _: 500.0})
    with pytest.raises(modcog.InvalidArgument, match=r"^timing\['fixation'\] must be a number or"):
        spec.to_json()


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "3", '{"base": "Go"}', '"Go"'])
def test_text_that_is_no_specification_is_refused(text: str) -> None:
    with pytest.raises(modcog.InvalidArgument, match="^text must be JSON that TaskSpec.to_json"):
        modcog.task_from_json(text)


def edited(**changes: Any) -> str:
    record = json.loads(modcog.task("DlyGo_IntL").to_json())
    record.update(changes)
    return json.dumps({key: value for key, value in record.items() if value is not ...})


def test_json_with_unknown_names_or_missing_parts_is_refused() -> None:
    with pytest.raises(modcog.UnknownName, match="base must be .* Did you mean DlyGo"):
        modcog.task_from_json(edited(base="DlyGoo"))
    with pytest.raises(modcog.UnknownName, match="kind must be the name of a modifier; got 'Imt'"):
        modcog.task_from_json(edited(modifiers=[{"kind": "Imt", "direction": "L"}]))
    with pytest.raises(modcog.InvalidArgument, match="text must be a complete specification"):
        modcog.task_from_json(edited(modifiers=[{"kind": "Int", "way": "L"}]))
    with pytest.raises(modcog.InvalidArgument, match="direction must be 'L' or 'R'; got 'X'"):
        modcog.task_from_json(edited(modifiers=[{"kind": "Int", "direction": "X"}]))
    with pytest.raises(modcog.InvalidArgument, match="^dt must be a number of ms above 0; got -1"):
        modcog.task_from_json(edited(dt=-1))
    record = json.loads(edited())
    del record["dt"]
    with pytest.raises(modcog.InvalidArgument, match="text must be a complete specification"):
        modcog.task_from_json(json.dumps(record))


def test_json_is_plain_and_names_its_parts() -> None:
    record = json.loads(modcog.task("DlyGo_IntL_SeqR", dt=20).to_json())
    assert record["base"] == "DlyGo"
    assert record["dt"] == 20
    assert [m["kind"] + m["direction"] for m in record["modifiers"]] == ["IntL", "SeqR"]
    assert [p["name"] for p in record["periods"]] == ["fixation", "stimulus", "delay", "decision"]


def test_a_specification_is_frozen_and_compares_by_value() -> None:
    spec = modcog.task("DlyGo_IntL")
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.dt = 20.0
    assert spec == modcog.task("dlygointl")
    assert len({spec, modcog.task("DlyGo_IntL"), modcog.task("DlyGo_IntR")}) == 2


@every("name", helpers.NAMES)
def test_properties_follow_from_the_name(name: str) -> None:
    spec = modcog.task(name)
    assert spec.name == name
    assert spec.tracks == ("_Seq" in name)
    assert spec.period_names[-1] == "decision"
    assert [spec.period_index(p) for p in spec.period_names] == list(range(len(spec.periods)))
    assert spec.period("decision") == spec.periods[-1]


def test_an_unknown_period_is_refused_with_the_known_ones() -> None:
    spec = modcog.task("DlyGo")
    for call in (spec.period, spec.period_index, lambda p: spec.with_timing({p: 500})):
        with pytest.raises(modcog.UnknownName, match="a period of DlyGo; got 'dellay'.*mean delay"):
            call("dellay")


def test_new_durations_are_marked_as_the_users() -> None:
    spec = modcog.task("DlyGo")
    assert not any(period.set_by_user for period in spec.periods)
    changed = spec.with_timing({"delay": 700})
    assert [p.name for p in changed.periods if p.set_by_user] == ["delay"]
    assert changed.period("delay").duration == 700
    assert spec.period("delay").duration == 500
    defaults = spec.with_timing({"delay": 700}, by_user=False)
    assert not defaults.period("delay").set_by_user


@pytest.mark.parametrize(
    ("noise", "dt", "std"),
    [(1.0, 100, 0.1), (1.0, 25, 0.2), (2, 100, 0.2), (0, 100, 0), ("yang", 100, 0.014142)],
)
def test_noise_per_step(noise: Any, dt: float, std: float) -> None:
    assert modcog.task("DM1", noise=noise, dt=dt).noise_std == pytest.approx(std, rel=1e-4)
    assert pytest.approx(0.1414, abs=1e-4) == YANG_NOISE


@pytest.mark.parametrize("levels", [(0.5, 2.0), (0.0, 1.0), (3, 0), np.array([1.0, 2.0])])
@pytest.mark.parametrize("name", ["DM1", "DM2", "MultiDM_SeqR", "DMS", "Go"])
def test_each_ring_has_its_noise(name: str, levels: Any) -> None:
    both = modcog.task(name, noise=levels, dt=25)
    std = np.asarray(levels) / 5
    np.testing.assert_array_equal(both.noise_std, std)
    trials, plain = helpers.draw(both), helpers.draw(name, noise=1.0, dt=25)
    np.testing.assert_allclose(trials.noise_std[:, 1:3], plain.noise_std[:, 1:3] * 5 * std)
    assert not trials.noise_std[:, [0, 3]].any()
    for ring in (0, 1):  # as with this level on both
        alone = helpers.draw(name, noise=float(levels[ring]), dt=25)
        own = slice(1 + 16 * ring, 17 + 16 * ring)
        np.testing.assert_array_equal(
            modcog.render(trials).observations[..., own],
            modcog.render(alone).observations[..., own],
        )


def test_one_level_for_both_rings_is_one_level() -> None:
    assert modcog.task("DM1", noise=[2, 2.0]) == modcog.task("DM1", noise=2)


@pytest.mark.parametrize(
    ("noise", "text"),
    [
        ((1,), "^noise must be one number, or two"),
        ((1, 2, 3), "^noise must be one number, or two"),
        ([], "^noise must be one number, or two"),
        (np.ones((2, 2)), "^noise must be two finite numbers"),
        ((1, "yang"), "^noise must be two finite numbers"),
        ((1, -1), "^noise must be two finite numbers"),
        ((1, float("nan")), "^noise must be two finite numbers"),
        (np.array(1.0), "^noise must be a finite number"),
    ],
)
def test_noise_of_rings_is_two_numbers(noise: Any, text: str) -> None:
    with pytest.raises(modcog.InvalidArgument, match=text):
        modcog.task("DM1", noise=noise)


def test_what_0_1_0_wrote_says_nothing_of_bumps() -> None:
    assert "bump" not in modcog.task("DM1").to_json()
    shaped = modcog.task("DM1", bump_height=1)
    assert json.loads(shaped.to_json())["bump_height"] == 1
    assert "bump_width" not in shaped.to_json()


@pytest.mark.parametrize("bad", [0, -1, float("nan"), float("inf"), "wide", None, True, 1e7])
@pytest.mark.parametrize("key", ["bump_width", "bump_height"])
def test_bumps_have_a_width_and_a_height(key: str, bad: Any) -> None:
    with pytest.raises(modcog.InvalidArgument, match=f"^{key} must be a"):
        modcog.task("DM1", **{key: bad})


@pytest.mark.parametrize("key", ["bump_width", "bump_height"])
def test_trials_of_other_bumps_are_not_mixed(key: str) -> None:
    one, other = modcog.task("Go"), modcog.task("DMS", **{key: 0.5})
    text = "dt, dim_ring and bump"
    with pytest.raises(modcog.InvalidArgument, match=f"^tasks must be tasks with one {text}"):
        modcog.BatchSampler([one, other])
    with pytest.raises(modcog.InvalidArgument, match=f"^parts must be trials with one {text}"):
        concatenate([helpers.draw(one), helpers.draw(other)])
    with pytest.raises(modcog.InvalidArgument, match=f"^tasks must be .* all with one {text}"):
        modcog.render(replace(helpers.draw(one), tasks=(one, other)))


@pytest.mark.parametrize("noise", [-0.1, float("nan"), float("inf"), "loud", None, True])
def test_noise_is_a_number_of_at_least_0(noise: Any) -> None:
    with pytest.raises(
        modcog.InvalidArgument, match="^noise must be a finite number of at least 0"
    ):
        modcog.task("DM1", noise=noise)


@pytest.mark.parametrize("velocity", [0, -1.0, float("nan"), float("inf"), "fast", None, True])
@pytest.mark.parametrize("key", ["int_velocity", "seq_velocity"])
def test_velocities_are_positive_numbers(key: str, velocity: Any) -> None:
    name = "DlyGo_IntL" if key == "int_velocity" else "DlyGo_SeqL"
    with pytest.raises(modcog.InvalidArgument, match=f"^{key} must be a finite number of rad/s"):
        modcog.task(name, **{key: velocity})


@pytest.mark.parametrize("base", helpers.BASES)
def test_a_time_step_longer_than_a_period_is_refused(base: str) -> None:
    spec = BASE_TASKS[base]
    shortest = min(
        d[1][0] if isinstance(d, tuple) else d for d in (p.duration for p in spec.periods)
    )
    assert replace(spec, dt=shortest).dt == shortest
    text = f"^dt must be at most {shortest:g} ms, the shortest duration of the period"
    with pytest.raises(modcog.InvalidArgument, match=text):
        replace(spec, dt=shortest + 1)


def test_a_time_step_that_no_interval_can_hold_is_refused() -> None:
    with pytest.raises(modcog.InvalidArgument, match="a whole number of steps lies in"):
        modcog.task("DlyGo_IntL", dt=70, int_delay=(80, 130))


def test_a_period_that_the_trial_needs_cannot_vanish() -> None:
    for name, period in [("Go", "stimulus"), ("DlyGo", "decision"), ("DMS", "test")]:
        for duration in (0, ("choice", [0, 500]), ("uniform", (0, 0)), ("steps", (0, 500))):
            with pytest.raises(modcog.InvalidArgument, match="longer than 0 ms: the trial needs"):
                modcog.task(name, timing={period: duration})
    for name, period in [("Go", "fixation"), ("DlyGo", "delay")]:
        trials = helpers.draw(name, timing={period: 0})
        assert (trials.duration_ms(period) == 0).all()


def test_the_last_period_is_the_decision_and_names_are_distinct() -> None:
    spec = modcog.task("DlyGo")
    for periods in ((), spec.periods[:-1], (*spec.periods[:1], *spec.periods), spec.periods[::-1]):
        with pytest.raises(
            modcog.InvalidArgument, match="^periods must be distinct names that end"
        ):
            replace(spec, periods=periods)


@given(spec=helpers.specs())
def test_lengths_lie_in_their_exact_distribution(spec: modcog.TaskSpec) -> None:
    length = helpers.draw(spec, 50).length
    if any(callable(period.duration) for period in spec.periods):
        with pytest.raises(modcog.InvalidArgument, match="duration must be a number or a distr"):
            spec.length_distribution()
        return
    support, probability = spec.length_distribution()
    assert probability.sum() == pytest.approx(1)
    assert np.all(np.diff(support) > 0)
    assert np.isin(length, support).all()


def test_a_second_modifier_of_a_kind_is_refused() -> None:
    spec = modcog.task("DlyGo_IntL")
    assert spec.with_modifier(MODIFIERS["Seq"]("L")).name == "DlyGo_IntL_SeqL"
    with pytest.raises(modcog.ModifierRefused, match="a task without Int.*already has IntL"):
        spec.with_modifier(MODIFIERS["Int"]("R"))


@pytest.mark.parametrize(
    "changes", [{"p_response": 1.0}, {"interval": "sample"}, {"interval": None}]
)
def test_all_that_a_specification_says_is_in_its_text(changes: dict[str, Any]) -> None:
    spec = replace(modcog.task("DMS"), **changes)
    assert modcog.task_from_json(spec.to_json()) == spec


def test_a_text_as_the_first_version_wrote_it_is_read() -> None:
    spec = modcog.task("DMS_IntL", dt=20)
    record = json.loads(spec.to_json())
    for key in ("family", "plan", "interval", "p_response"):
        del record[key]
    assert modcog.task_from_json(json.dumps(record)) == spec


INT = json.loads(modcog.task("DlyGo_IntL").to_json())


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"p_respons": 0.3}, "Did you mean p_response"),
        ({"plan": "mine.plan"}, "^plan must be 'modcog.tasks.reach.plan_reach'"),
        ({"family": "mine"}, "^family must be 'reach'"),
        ({"params": {"opposite": "no", "shown_in": "stimulus"}}, "^opposite must be True or False"),
        ({"params": {"opposite": False, "shown_in": "lunch"}}, "^period must be the name of a"),
        ({"modifiers": INT["modifiers"] * 2}, "^task must be a task without Int"),
        ({"interval": None}, "^task must be a task with an interval"),
        ({"periods": [{**p, "noisy": "no"} for p in INT["periods"]]}, "^noisy must be True or"),
    ],
)
def test_what_a_text_says_beyond_a_specification_is_refused(
    changes: dict[str, Any], text: str
) -> None:
    with pytest.raises(modcog.InvalidArgument, match=text):
        modcog.task_from_json(json.dumps({**INT, **changes}))


def test_the_text_of_a_task_of_ones_own_is_not_read_as_another() -> None:
    spec = replace(modcog.task("DMS"), plan=modcog.task("DMC").plan)
    with pytest.raises(modcog.InvalidArgument, match="^plan must be 'modcog.tasks.matching"):
        modcog.task_from_json(spec.to_json())
