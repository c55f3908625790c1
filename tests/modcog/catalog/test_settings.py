"""Names and settings: aliases, what each setting changes, and what is refused."""

from __future__ import annotations

import math
from functools import reduce
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import modcog
from modcog.catalog.peers import PEER_KEYWORDS, remedy
from modcog.catalog.settings import (
    COMMON_SETTINGS,
    base_and_modifiers,
    modifier_settings,
    parse_name,
    tasks_of,
)
from modcog.tasks import BASE_TASKS
from tests.every import every
from tests.modcog import helpers


@every("name", helpers.NAMES)
def test_the_released_lower_case_names_are_aliases(name: str) -> None:
    spec = modcog.task(name)
    released = name.lower().replace("_", "")
    for alias in (released, name.lower(), name.upper(), f" {name} ", name.replace("_", "")):
        assert modcog.task(alias) == spec
    env = modcog.make(released)
    assert env.new_trial()["task"] == name


@given(name=helpers.names, flips=st.lists(st.booleans(), min_size=30, max_size=30))
def test_the_case_of_letters_never_matters(name: str, flips: list[bool]) -> None:
    mixed = "".join(c.swapcase() if f else c for c, f in zip(name, flips, strict=False))
    mixed += name[len(flips) :]
    assert parse_name(mixed) == parse_name(name)


def test_a_name_is_taken_apart_in_the_order_of_application() -> None:
    assert parse_name("DlyGo") == ("DlyGo", ())
    assert parse_name("CtxDlyDM1_IntL_SeqR") == ("CtxDlyDM1", (("Int", "L"), ("Seq", "R")))
    assert parse_name("DlyGo_SeqR_IntL") == ("DlyGo", (("Seq", "R"), ("Int", "L")))


CODE_NAMES = (
    *("fdgo", "reactgo", "delaygo", "fdanti", "reactanti", "delayanti", "dm1", "dm2"),
    *("contextdm1", "contextdm2", "multidm", "delaydm1", "delaydm2", "contextdelaydm1"),
    *("contextdelaydm2", "multidelaydm", "dmsgo", "dmsnogo", "dmcgo", "dmcnogo"),
)
FIGURE_NAMES = (
    *("Go", "RT Go", "Dly Go", "Anti", "RT Anti", "Dly Anti", "DM 1", "DM 2", "Ctx DM 1"),
    *("Ctx DM 2", "MultSen DM", "Dly DM 1", "Dly DM 2", "Ctx Dly DM 1", "Ctx Dly DM 2"),
    *("MultSen Dly DM", "DMS", "DNMS", "DMC", "DNMC"),
)


@pytest.mark.parametrize("names", [CODE_NAMES, FIGURE_NAMES])
def test_the_published_names_are_the_tasks_in_order(names: tuple[str, ...]) -> None:
    assert [modcog.task(name).name for name in names] == list(helpers.BASES)
    for name, ours in zip(names, helpers.BASES, strict=True):
        for marks in ("_SeqL", "_IntR", "_IntL_SeqR"):
            if "Int" in marks and BASE_TASKS[ours].interval is None:
                continue
            same = modcog.task(ours + marks)
            assert modcog.task(name + marks) == modcog.task(name + marks.replace("_", "")) == same


def test_nogo_means_that_a_match_asks_to_withhold() -> None:
    for name, respond_to in (("dmsgo", 1), ("dmsnogo", 0), ("dmcgo", 1), ("dmcnogo", 0)):
        trials = helpers.draw(name, 60)
        np.testing.assert_array_equal(trials.responds, trials.match == respond_to)


@every("key", PEER_KEYWORDS)
def test_keywords_of_others_say_what_they_are_called_here(key: str) -> None:
    for call in (modcog.task, modcog.trial_lengths):
        with pytest.raises(modcog.UnknownName) as caught:
            call("DlyGo", **{key: 1})
        assert str(caught.value).endswith(remedy(key))
    told = PEER_KEYWORDS[key]
    known = {*COMMON_SETTINGS, *modifier_settings(), "coherences", "batch_size"}
    assert told in known or told.endswith(".")


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("DlyGoo", "DlyGo"),
        ("DlyGo_IntX", "DlyGo_IntL"),
        ("dlygo_int", "DlyGo_Int"),
        ("DelayGoo", "delaygo"),
        ("ctxdm", "CtxDM1"),
        ("DMS_Seq", "DMS_Seq"),
        ("DNMS2", "DNMS"),
    ],
)
def test_an_unknown_task_is_refused_with_the_nearest_names(wrong: str, near: str) -> None:
    for call in (modcog.task, modcog.make, modcog.BatchSampler, modcog.chance_table):
        with pytest.raises(modcog.UnknownName, match=f"got '{wrong}'.*Did you mean .*{near}"):
            call(wrong)


@pytest.mark.parametrize("wrong", ["", "_", "IntL", "IntL_SeqR", "xyz", "Go_", "GoGo", "Go IntL!"])
def test_what_spells_no_task_is_refused(wrong: str) -> None:
    if wrong == "Go_":
        assert modcog.task(wrong).name == "Go"  # underscores separate and no more
        return
    with pytest.raises(modcog.UnknownName, match="^task must be the name of a task"):
        modcog.task(wrong)


@given(text=st.text(max_size=12))
def test_any_text_is_a_task_or_a_typed_error(text: str) -> None:
    try:
        spec = modcog.task(text)
    except modcog.InvalidArgument:
        return
    assert parse_name(spec.name) == parse_name(text)


@pytest.mark.parametrize("value", [None, 3, b"Go", ["Go"]])
def test_a_task_is_a_name_or_a_specification(value: Any) -> None:
    with pytest.raises(modcog.InvalidArgument, match="^task must be a task name such as"):
        modcog.task(value)


# --- every setting changes something -------------------------------------------------------------

SETTINGS: list[tuple[str, str, Any]] = [
    ("Go", "dt", 50),
    ("Go", "dim_ring", 8),
    ("DM1", "noise", 0.5),
    ("DM1", "noise", "yang"),
    ("Go", "noise", "yang"),
    ("DM1", "noise", (0.5, 1.0)),
    ("CtxDM2_SeqL", "noise", (1.0, 0.5)),
    ("Go", "bump_width", 0.7),
    ("DM1", "bump_width", 0.2),
    ("DMS_SeqR", "bump_height", 1.0),
    ("DlyDM1", "timing", "neurogym"),
    ("DMS", "timing", "neurogym"),
    ("Go", "timing", {"stimulus": 700}),
    ("DlyGo_IntL", "timing", {"delay": ("uniform", (700, 900))}),
    ("DlyGo_SeqL", "timing", {"decision": 700}),
    ("DlyGo_IntL", "int_velocity", 1.0),
    ("DlyGo_IntL_SeqR", "int_velocity", 1.0),
    ("DlyGo_SeqL", "seq_velocity", 1.0),
    ("DlyGo_IntL_SeqR", "seq_velocity", 1.0),
    ("DlyGo_IntL", "int_delay", (100, 300)),
    ("DM1", "coherences", (0.5,)),
    ("DlyDM1", "strengths", (0.5, 0.6)),
    ("DM1", "min_separation", 1),
    ("DMS", "nonmatch", "any"),
    ("DMS", "cross_modal", True),
]


def arrays(source: Any) -> tuple[Any, ...]:
    rendered = modcog.render(source)
    return (rendered.observations, rendered.targets)


def same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(("name", "key", "value"), SETTINGS)
def test_every_setting_changes_the_task_the_environment_and_the_batches(
    name: str, key: str, value: Any
) -> None:
    setting = {key: value}
    assert modcog.task(name, **setting) != modcog.task(name)
    assert not same(arrays(helpers.draw(name, 30)), arrays(helpers.draw(name, 30, **setting)))

    envs = [modcog.make(name), modcog.make(name, **setting)]
    played = []
    for env in envs:
        env.reset(seed=0)
        trials = [env.new_trial() for _ in range(20)]
        played.append(([env.unwrapped.ob.tobytes()], trials))
    assert played[0] != played[1]
    assert envs[1].unwrapped.modified_by.task_spec == modcog.task(name, **setting)

    samplers = [
        modcog.BatchSampler(name, batch_size=4, seq_len=200, seed=0, **s) for s in ({}, setting)
    ]
    plain, changed = (s.batch(0) for s in samplers)
    assert samplers[1].specs == (modcog.task(name, **setting),)
    assert not (
        np.array_equal(plain.inputs, changed.inputs)
        and np.array_equal(plain.targets, changed.targets)
    )


def test_every_setting_is_tested_above() -> None:
    tested = {key for _, key, _ in SETTINGS}
    for name in helpers.NAMES:
        with pytest.raises(modcog.UnknownName) as caught:
            modcog.task(name, no_such_setting_qqq=1)
        known = str(caught.value).partition("Known names: ")[2].rstrip(".").split(", ")
        assert len(known) >= 4
        assert set(known) <= tested


@pytest.mark.parametrize(
    ("name", "key", "text"),
    [
        ("Go", "dimring", "Did you mean dim_ring"),
        ("Go", "DT", "Did you mean dt"),
        ("Go", "sigma", "It is called 'noise' here"),
        ("DM1", "cohs", "It is called 'coherences' here"),
        ("DlyGo", "delay", "It is called 'timing' here"),
        ("DlyGo_IntL", "velocity", "It is called 'int_velocity' here"),
        ("DlyGo", "int_velocity", "It needs the modifier Int"),
        ("DlyGo_IntL", "seq_velocity", "It needs the modifier Seq"),
        ("DlyGo_SeqL", "int_delay", "It needs the modifier Int"),
        (
            "Go",
            "coherences",
            "a setting of Go; got an unexpected keyword argument 'coherences'",
        ),
        ("DMC", "nonmatch", "a setting of DMC; got an unexpected keyword argument 'nonmatch'"),
        ("DM1", "strengths", "a setting of DM1; got an unexpected keyword argument 'strengths'"),
    ],
)
def test_a_setting_that_a_task_does_not_know_is_refused(name: str, key: str, text: str) -> None:
    for call in (modcog.task, modcog.make, modcog.chance_level):
        with pytest.raises(modcog.UnknownName, match=text):
            call(name, **{key: 1})


@pytest.mark.parametrize(
    ("timing", "text"),
    [
        ("fast", "^timing must be the name of a timing preset; got 'fast'"),
        (500, "^timing must be a mapping of period -> duration"),
        (None, "^timing must be a mapping of period -> duration"),
        ({"stimulu": 500}, "Did you mean stimulus"),
        ({"delay": 500}, "a period of Go; got 'delay'"),
    ],
)
def test_timing_is_a_mapping_of_known_periods_or_a_preset(timing: Any, text: str) -> None:
    with pytest.raises(modcog.InvalidArgument, match=text):
        modcog.task("Go", timing=timing)


# --- further settings of a specification ----------------------------------------------------------


@every("name", helpers.NAMES)
def test_a_specification_is_configured_further_as_its_name_is(name: str) -> None:
    spec = modcog.task(name)
    assert modcog.task(spec) == spec
    for setting in ({"dt": 50}, {"dim_ring": 32, "noise": 0}, {"timing": {"decision": 600}}):
        assert modcog.task(spec, **setting) == modcog.task(name, **setting)


def test_modifiers_keep_their_settings_when_a_specification_is_configured_further() -> None:
    spec = modcog.task("DlyDM1_IntL", int_velocity=1.0)
    with pytest.raises(modcog.UnknownName, match="a TaskSpec keeps its own"):
        modcog.task(spec, int_velocity=2.0)
    # The preset is a default, so that after the modifiers it comes too late.
    with pytest.raises(modcog.InvalidArgument, match="^timing must be given with a task's name"):
        modcog.task(spec, timing="neurogym")
    assert modcog.task(modcog.task("Go_SeqL"), timing="neurogym") == modcog.task("Go_SeqL")


@given(spec=helpers.names, dt=st.sampled_from([20.0, 100.0]), velocity=st.floats(0.5, 3))
def test_folding_the_modifiers_over_the_base_gives_the_task(
    spec: str, dt: float, velocity: float
) -> None:
    settings: dict[str, Any] = {"dt": dt}
    if "_Int" in spec:
        settings["int_velocity"] = velocity
    base, modifiers = base_and_modifiers(spec, **settings)
    assert base == modcog.task(spec.partition("_")[0], dt=dt)
    folded = reduce(lambda task, modifier: modifier.rewrite(task), modifiers, base)
    assert folded == modcog.task(spec, **settings)


# --- lists of tasks ------------------------------------------------------------------------------


def test_a_suite_a_name_a_specification_and_a_list_are_lists_of_tasks() -> None:
    go = modcog.task("Go")
    assert tasks_of("Go") == tasks_of(["Go"]) == tasks_of(go) == tasks_of([go]) == (go,)
    assert tasks_of(name for name in ("Go", "dms")) == (go, modcog.task("DMS"))
    for suite in modcog.suites():
        assert tuple(spec.name for spec in tasks_of(suite)) == modcog.suite(suite)


def test_a_setting_reaches_the_tasks_that_know_it() -> None:
    specs = tasks_of(
        ["Go", "DM1", "DMS_IntL", "DlyDM1_SeqR"],
        dt=50,
        coherences=(0.5,),
        nonmatch="any",
        int_velocity=1.0,
        timing={"delay": ("choice", (300, 500)), "stimulus": 400},
    )
    delay = ("choice", (300, 500))
    timing = {"delay": delay, "stimulus": 400}
    assert specs == (
        modcog.task("Go", dt=50, timing={"stimulus": 400}),
        modcog.task("DM1", dt=50, coherences=(0.5,), timing={"stimulus": 400}),
        modcog.task("DMS_IntL", dt=50, nonmatch="any", int_velocity=1.0, timing={"delay": delay}),
        modcog.task("DlyDM1_SeqR", dt=50, timing={"delay": delay}),
    )
    assert timing == {"delay": ("choice", (300, 500)), "stimulus": 400}


@pytest.mark.parametrize("call", [tasks_of, modcog.BatchSampler, modcog.make, modcog.trial_lengths])
def test_lists_of_tasks_that_make_no_sense_are_refused(call: Any) -> None:
    for nothing in ([], (), iter([])):
        with pytest.raises(
            modcog.InvalidArgument, match="^tasks must be a list of at least one task"
        ):
            call(nothing)
    mixed = [modcog.task("Go"), modcog.task("DMS", dt=50)]
    with pytest.raises(
        modcog.InvalidArgument, match="^tasks must be tasks with one dt, dim_ring and bump"
    ):
        call(mixed)
    with pytest.raises(
        modcog.UnknownName,
        match="these tasks; got an unexpected keyword argument 'colour'",
    ):
        call(["Go", "DMS"], colour=1)
    with pytest.raises(modcog.UnknownName, match="a period of these tasks; got 'lunch'"):
        call(["Go", "DMS"], timing={"lunch": 1})
    with pytest.raises(
        modcog.InvalidArgument, match="^tasks must be the name of a suite, or a list"
    ):
        call(5)
    with pytest.raises(modcog.InvalidArgument, match="^task must be a task name"):
        call(["Go", 5])


def test_one_velocity_in_rad_per_s_means_the_same_on_every_ring() -> None:
    for dim_ring in (8, 16, 64):
        trials = helpers.draw(
            "DlyGo_IntR", 50, dim_ring=dim_ring, int_velocity=math.pi / 2, int_delay=(1000, 1000)
        )
        # A quarter turn in one second.
        quarter = (trials.response - trials.base_response) % dim_ring
        assert (quarter == dim_ring // 4).all()


@pytest.mark.parametrize("dt", [20, 100])
def test_the_noise_of_yang_et_al_is_told_with_its_unit(dt: float) -> None:
    with pytest.raises(modcog.UnknownName, match=r"sqrt\(200\) \* sigma_x at a tau of 100 ms"):
        modcog.task("DM1", sigma_x=0.01)
    # Their deviates have sqrt(2 / alpha) * sigma_x, with alpha = dt / tau.
    theirs = np.sqrt(2 * 100 / dt) * 0.01
    assert modcog.task("DM1", dt=dt, noise=np.sqrt(200) * 0.01).noise_std == pytest.approx(theirs)
    assert modcog.task("DM1", dt=dt, noise="yang").noise_std == pytest.approx(theirs)
