"""Modifiers: any legal nesting equals its name, and each does only what it says."""

from __future__ import annotations

import itertools
import math
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import modcog
from modcog.envs.wrappers import WRAPPERS
from modcog.modifiers import MODIFIERS
from modcog.tasks import BASE_TASKS
from tests.modcog import helpers

MARKS = [f"{kind}{direction}" for kind in MODIFIERS for direction in "LR"]
TIMED = [name for name in BASE_TASKS if BASE_TASKS[name].interval]
UNTIMED = [name for name in BASE_TASKS if not BASE_TASKS[name].interval]
COMMUTING = [("Int", "Seq")]
"""Pairs of modifiers that give the same trials in either order."""


def legal(base: str, marks: tuple[str, ...]) -> bool:
    kinds = [mark[:-1] for mark in marks]
    return len(set(kinds)) == len(kinds) and ("Int" not in kinds or base in TIMED)


def wrap(env: Any, mark: str) -> Any:
    return WRAPPERS[mark[:-1]](env, mark[-1])


NESTINGS = [
    (base, marks)
    for base in BASE_TASKS
    for n in range(len(MODIFIERS) + 1)
    for marks in itertools.permutations(MARKS, n)
    if legal(base, marks)
]


@given(
    nesting=st.sampled_from(NESTINGS),
    seed=helpers.seeds,
    dt=st.sampled_from([20.0, 50.0, 100.0]),
    dim_ring=st.sampled_from([8, 16, 32]),
)
def test_any_legal_nesting_equals_its_name(
    nesting: tuple[str, tuple[str, ...]], seed: int, dt: float, dim_ring: int
) -> None:
    base, marks = nesting
    name = "_".join([base, *marks])
    nested = modcog.make(base, dt=dt, dim_ring=dim_ring)
    spec = modcog.task(base, dt=dt, dim_ring=dim_ring)
    for mark in marks:
        nested = wrap(nested, mark)
        spec = MODIFIERS[mark[:-1]](mark[-1]).rewrite(spec)
    named = modcog.make(name, dt=dt, dim_ring=dim_ring)
    by_name = modcog.task(name, dt=dt, dim_ring=dim_ring)
    alias = modcog.task(name.lower().replace("_", ""), dt=dt, dim_ring=dim_ring)
    assert spec == by_name == alias == named.unwrapped.modified_by.task_spec
    assert nested.unwrapped.modified_by.task_spec == by_name
    assert by_name.name == name
    for env in (nested, named):
        env.reset(seed=seed)
    for _ in range(3):
        helpers.assert_same_trials(nested.unwrapped.trials, named.unwrapped.trials)
        np.testing.assert_array_equal(nested.unwrapped.ob, named.unwrapped.ob)
        np.testing.assert_array_equal(nested.unwrapped.gt, named.unwrapped.gt)
        assert nested.new_trial() == named.new_trial()


@pytest.mark.parametrize("base", TIMED)
@pytest.mark.parametrize("pair", COMMUTING)
def test_pairs_that_commute(base: str, pair: tuple[str, str]) -> None:
    for one, other in itertools.product("LR", repeat=2):
        marks = [pair[0] + one, pair[1] + other]
        first, second = ("_".join([base, *order]) for order in (marks, marks[::-1]))
        assert second not in helpers.NAMES
        trials, swapped = helpers.draw(first, 30, 5), helpers.draw(second, 30, 5)
        assert helpers.differing(trials, swapped) == set()
        for a, b in zip(modcog.render(trials), modcog.render(swapped), strict=True):
            np.testing.assert_array_equal(a, b)


def test_every_pair_of_modifiers_is_known_to_commute_or_not() -> None:
    assert set(COMMUTING) == set(itertools.combinations(MODIFIERS, 2))


@pytest.mark.parametrize("mark", MARKS)
def test_every_modifier_keeps_the_rules(mark: str) -> None:
    accepted = modcog.check_modifier(MODIFIERS[mark[:-1]](mark[-1]), n_trials=60)
    assert accepted == (len(TIMED) if mark.startswith("Int") else len(BASE_TASKS))


@pytest.mark.parametrize("base", UNTIMED)
@pytest.mark.parametrize("make", [modcog.task, modcog.make])
def test_a_task_without_an_interval_refuses_int_and_says_why(base: str, make: Any) -> None:
    text = f"a task with an interval before the go cue; got '{base}'.*{base} answers at the go cue"
    for name in (f"{base}_IntL", f"{base}_IntR", f"{base}_IntL_SeqR", f"{base.lower()}intr"):
        with pytest.raises(modcog.ModifierRefused, match=text):
            make(name)
    with pytest.raises(modcog.ModifierRefused, match=text):
        modcog.Integrate(modcog.make(base), "L")
    # After Seq the task is refused by its full name.
    with pytest.raises(modcog.ModifierRefused, match=f"{base}_SeqL answers at the go cue"):
        make(f"{base}_SeqL_IntR")


@pytest.mark.parametrize("kind", MODIFIERS)
@pytest.mark.parametrize("second", "LR")
def test_a_modifier_applies_once(kind: str, second: str) -> None:
    text = f"a task without {kind}; got 'DlyGo_{kind}L'.*already has {kind}L"
    with pytest.raises(modcog.ModifierRefused, match=text):
        modcog.task(f"DlyGo_{kind}L_{kind}{second}")
    with pytest.raises(modcog.ModifierRefused, match=text):
        wrap(modcog.make(f"DlyGo_{kind}L"), kind + second)
    other = "Seq" if kind == "Int" else "Int"
    with pytest.raises(modcog.ModifierRefused, match=f"already has {kind}L"):
        modcog.task(f"DlyGo_{kind}L_{other}R_{kind}{second}")


@pytest.mark.parametrize("kind", MODIFIERS)
@pytest.mark.parametrize("direction", ["", "X", "l", "left", None, 1])
def test_directions_are_l_and_r(kind: str, direction: Any) -> None:
    with pytest.raises(modcog.InvalidArgument, match="^direction must be 'L' or 'R'; got"):
        MODIFIERS[kind](direction)
    with pytest.raises(modcog.InvalidArgument, match="^direction must be 'L' or 'R'; got"):
        WRAPPERS[kind](modcog.make("DlyGo"), direction)


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("base", ["DMS", "DNMS", "DMC", "DNMC"])
def test_withheld_trials_are_left_alone(base: str, mark: str) -> None:
    trials = helpers.draw(f"{base}_{mark}", 200)
    withheld = ~trials.responds
    assert 0.3 < withheld.mean() < 0.7
    targets = modcog.render(trials).targets
    assert not targets[:, withheld].any()
    assert (trials.response[withheld] == -1).all()
    assert not trials.drift[withheld].any()
    # The durations are the modifier's all the same.
    if mark.startswith("Int"):
        assert len(set(trials.duration_ms("delay")[withheld])) > 5
    else:
        assert (trials.duration_ms("decision")[withheld] == 1000).all()


@pytest.mark.parametrize("base", TIMED)
def test_int_moves_the_answer_and_never_the_stimuli(base: str) -> None:
    left, right = (helpers.draw(f"{base}_Int{d}", 300, 3) for d in "LR")
    assert helpers.differing(left, right) == {"response", "angle"}
    plain = helpers.draw(base, 300, 3)
    # The same draws in the same order: only what follows the interval's duration differs.
    same = {"stimulus_location", "stimulus_ring", "stimulus_strength", "base_response", "match"}
    assert not same & helpers.differing(left, plain)
    shift = (right.response - right.base_response)[right.responds] % 16
    interval = right.duration_ms(str(BASE_TASKS[base].interval))[right.responds]
    np.testing.assert_array_equal(shift, interval / 100)
    assert set(shift) == set(range(1, 12))


@pytest.mark.parametrize("base", BASE_TASKS)
def test_seq_starts_at_the_undrifted_answer_and_changes_nothing_before(base: str) -> None:
    plain, left, right = (helpers.draw(base + mark, 100, 3) for mark in ("", "_SeqL", "_SeqR"))
    assert helpers.differing(left, right) == {"drift"}
    assert helpers.differing(plain, right) == {"drift", "period_steps"}
    np.testing.assert_array_equal(plain.period_steps[:, :-1], right.period_steps[:, :-1])
    assert (right.decision_steps == 10).all()
    assert set(right.drift[right.responds]) == {1.0}
    np.testing.assert_array_equal(left.drift, -right.drift)


@pytest.mark.parametrize("base", UNTIMED)
def test_the_stimulus_of_a_reaction_time_task_stays_on_while_the_answer_drifts(base: str) -> None:
    trials = helpers.draw(f"{base}_SeqR", 20)
    ob, targets, _ = modcog.render(trials)
    assert (ob[:, :, 1:].max(axis=2) > 0.7).sum(axis=0).tolist() == [10] * 20
    first = targets[trials.decision_start, np.arange(20)]
    np.testing.assert_array_equal(first, 1 + trials.base_response)


@pytest.mark.parametrize("base", TIMED)
def test_the_users_durations_win_over_the_modifiers(base: str) -> None:
    interval = str(BASE_TASKS[base].interval)
    timing = {interval: ("choice", (400, 600)), "decision": 700}
    spec = modcog.task(f"{base}_IntR_SeqL", timing=timing)
    trials = helpers.draw(spec, 50)
    interval_ms = trials.duration_ms(interval)
    assert set(interval_ms) == {400, 600}
    assert (trials.duration_ms("decision") == 700).all()
    shift = (trials.response - trials.base_response)[trials.responds] % 16
    np.testing.assert_array_equal(shift, interval_ms[trials.responds] / 100)
    # In the wrapper form too.
    env = modcog.make(base, timing=timing)
    env = modcog.Sequence(modcog.Integrate(env, "R"), "L")
    assert env.task_spec == spec


@pytest.mark.parametrize("base", TIMED)
@pytest.mark.parametrize("fixed", [400, ("uniform", (400, 400)), ("choice", (400, 410))])
def test_a_fixed_interval_is_refused_unless_int_delay_says_so(base: str, fixed: Any) -> None:
    interval = str(BASE_TASKS[base].interval)
    match = rf"^timing\['{interval}'\] must be more than one duration.*int_delay=\(400, 400\)"
    for call in (
        lambda: modcog.task(f"{base}_IntR", timing={interval: fixed}),
        lambda: modcog.task(modcog.task(f"{base}_IntR"), timing={interval: fixed}),
        lambda: modcog.task(f"{base}_IntR").with_timing({interval: fixed}),
        lambda: modcog.make(f"{base}_IntR", timing={interval: fixed}),
        lambda: modcog.Integrate(modcog.make(base, timing={interval: fixed}), "R"),
        lambda: modcog.BatchSampler([base, f"{base}_IntR"], timing={interval: fixed}),
    ):
        with pytest.raises(modcog.InvalidArgument, match=match):
            call()
    trials = helpers.draw(f"{base}_IntR", 20, int_delay=(400, 400))
    assert (trials.duration_ms(interval) == 400).all()
    both = {"timing": {interval: ("uniform", (200, 800))}, "int_delay": (100, 500)}
    with pytest.raises(modcog.InvalidArgument, match="left out where int_delay is given"):
        modcog.task(f"{base}_IntR", **both)


def test_int_delay_is_the_range_of_the_interval() -> None:
    trials = helpers.draw("DlyGo_IntR", 2000, int_delay=(0, 600))
    assert sorted(set(trials.duration_ms("delay"))) == [0, 100, 200, 300, 400, 500, 600]
    shift = (trials.response - trials.base_response) % 16
    np.testing.assert_array_equal(shift, trials.duration_ms("delay") / 100)
    env = modcog.Integrate(modcog.make("DlyGo"), "R", delay=(0, 600))
    assert env.task_spec == modcog.task("DlyGo_IntR", int_delay=[0, 600])


@pytest.mark.parametrize(
    "delay", [(1100, 100), (-1, 500), (100,), (1, 2, 3), 500, "ab", None, (0, float("inf"))]
)
def test_int_delay_is_an_ordered_range(delay: Any) -> None:
    with pytest.raises(
        modcog.InvalidArgument, match=r"^int_delay must be a range \(low, high\) in ms"
    ):
        modcog.task("DlyGo_IntL", int_delay=delay)


@given(velocity=st.floats(0.2, 5), dt=helpers.time_steps, direction=st.sampled_from("LR"))
def test_velocities_set_the_shift_and_the_drift(velocity: float, dt: float, direction: str) -> None:
    sign = 1 if direction == "R" else -1
    integrated = helpers.draw(f"DlyGo_Int{direction}", 20, dt=dt, int_velocity=velocity)
    shift = sign * helpers.moved(velocity, integrated.duration_ms("delay"), 16)
    expected = (integrated.base_response + shift) % 16
    np.testing.assert_array_equal(integrated.response, expected)
    drifting = helpers.draw(f"Go_Seq{direction}", 5, dt=dt, seq_velocity=velocity)
    np.testing.assert_allclose(drifting.drift_velocity, sign * velocity)
    targets = modcog.render(drifting).targets[int(drifting.decision_start[0]) :]
    drift = sign * helpers.moved(velocity, np.arange(len(targets)) * dt, 16)
    np.testing.assert_array_equal(targets, 1 + (drifting.base_response + drift[:, None]) % 16)


def test_each_velocity_is_its_own() -> None:
    spec = modcog.task("DlyGo_IntL_SeqR", int_velocity=1.0, seq_velocity=2.0)
    assert [m.velocity for m in spec.modifiers] == [1.0, 2.0]
    env = modcog.Integrate(modcog.make("DlyGo"), "L", velocity=1.0)
    assert modcog.Sequence(env, "R", velocity=2.0).task_spec == spec


# --- intervals that share an answer --------------------------------------------------------------

TURN_PER_SECOND = 2 * math.pi


@pytest.mark.parametrize(
    ("settings", "ambiguous"),
    [
        ({}, False),
        ({"int_velocity": 0.95 * TURN_PER_SECOND}, False),
        ({"int_velocity": 1.01 * TURN_PER_SECOND}, True),
        ({"int_velocity": 2 * TURN_PER_SECOND}, True),
        ({"int_velocity": 2 * TURN_PER_SECOND, "int_delay": (100, 500)}, False),
        ({"int_delay": (100, 2000)}, True),
        ({"int_velocity": 3 * TURN_PER_SECOND, "int_delay": (700, 700)}, False),
        ({"timing": {"delay": ("uniform", (100, 3000))}}, True),
        ({"timing": {"delay": lambda _: 500}, "int_velocity": 50}, False),
    ],
)
def test_a_warning_where_intervals_span_a_turn_and_only_there(
    settings: dict[str, Any], ambiguous: bool
) -> None:
    for make in (modcog.task, modcog.make):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            make("DlyGo_IntR", **settings)
        kinds = {warning.category for warning in caught}
        assert kinds == ({modcog.AmbiguousIntervalWarning} if ambiguous else set())


def test_the_warning_says_what_to_do() -> None:
    text = (
        r"int_velocity 12 rad/s moves the answer of DlyGo by 3 to 34 of 16 ring units: more than "
        r"one turn.*Lower the velocity or shorten int_delay"
    )
    with pytest.warns(modcog.AmbiguousIntervalWarning, match=text):
        modcog.task("DlyGo_IntL", int_velocity=12)


@given(velocity=st.floats(0.5, 12), dim_ring=st.sampled_from([4, 16, 32]))
def test_without_the_warning_no_two_intervals_share_an_answer_by_turning(
    velocity: float, dim_ring: int
) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        modcog.task("DlyGo_IntR", int_velocity=velocity, dim_ring=dim_ring)
    moved = helpers.moved(velocity, np.arange(100, 1101, 100), dim_ring)
    assert bool(caught) == (moved[-1] - moved[0] >= dim_ring)


@pytest.mark.parametrize(
    "delay", [("steps", (500, 500)), ("uniform", (460, 540)), ("choice", (480, 520)), 500]
)
def test_a_fixed_interval_is_refused_with_the_setting_that_fixes_it(delay: Any) -> None:
    with pytest.raises(modcog.InvalidArgument, match=r"int_delay=\(500, 500\)"):
        modcog.task("DlyGo_IntL", timing={"delay": delay})
    fixed = modcog.task("DlyGo_IntL", int_delay=(500, 500))
    assert set(helpers.draw(fixed, 20).duration_ms("delay")) == {500.0}
