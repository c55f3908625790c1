"""Every setting of every task changes something or is refused; what is made can be used."""

from __future__ import annotations

import dataclasses
import math
import warnings
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings as hypothesis_settings, strategies as st

import modcog
from modcog.catalog.settings import COMMON_SETTINGS, modifier_settings
from modcog.tasks import BASE_TASKS
from tests.every import every
from tests.modcog import helpers

ODD = st.sampled_from(
    [
        *(0, -1, 1e-18, 1e-9, 1e-3, 0.5, 1, 2, 8, 9, 12, 1e4, 1e9, 1e30, 10**400),
        *(math.nan, math.inf, -math.inf, True, None, "1", [], np.float32(0.25), np.int8(4)),
    ]
)
NUMBER = ODD | st.floats(allow_nan=True, allow_infinity=True) | st.integers(-5, 200)
NUMBERS = st.lists(NUMBER | st.sampled_from([0.3, 0.3, 0.6, 1.0]), max_size=4).map(tuple) | NUMBER
DURATION = (
    NUMBER
    | st.tuples(
        st.sampled_from(["uniform", "choice", "steps", "exponential", "normal", "gamma"]), NUMBERS
    )
    | st.tuples(st.just("choice"), NUMBERS, NUMBERS)
    | NUMBER.map(lambda ms: lambda _: ms)
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "dt": NUMBER | st.sampled_from([1, 7.5, 20, 100, 150, 500]),
    "dim_ring": NUMBER | st.sampled_from([4, 8, 16, 64, 4096, 8192]),
    "noise": NUMBER | st.tuples(NUMBER, NUMBER) | st.sampled_from(["yang", "none"]),
    "bump_width": NUMBER | st.sampled_from([0.2, 1.0, 3.0]),
    "bump_height": NUMBER | st.sampled_from([0.4, 3.0]),
    "timing": st.dictionaries(
        st.sampled_from(
            ["fixation", "stimulus", "delay", "stim1", "sample", "test", "decision", "lunch"]
        ),
        DURATION,
        max_size=2,
    )
    | st.sampled_from(["neurogym", "fast", None]),
    "coherences": NUMBERS,
    "strengths": NUMBERS,
    "min_separation": NUMBER,
    "nonmatch": st.sampled_from(["opposite", "any", "some", 1]),
    "cross_modal": st.sampled_from([True, False, 1, "yes", np.True_]),
    "int_velocity": NUMBER,
    "seq_velocity": NUMBER,
    "int_delay": NUMBERS | st.tuples(NUMBER, NUMBER),
}


def test_all_settings_are_tried() -> None:
    known = {*COMMON_SETTINGS, *modifier_settings()}
    for spec in BASE_TASKS.values():
        options = dataclasses.fields(spec.params)
        known |= {f.name for f in options if f.default is not dataclasses.MISSING}
    assert known == set(VALUES)


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    name = draw(helpers.names)
    kinds = {kind.lower() for kind in ("Int", "Seq") if helpers.sign(name, kind)}
    params = {f.name for f in dataclasses.fields(BASE_TASKS[name.split("_")[0]].params)}
    taken = [
        key
        for key in VALUES
        if key in COMMON_SETTINGS or key in params or key.split("_")[0] in kinds
    ]
    chosen = draw(st.lists(st.sampled_from(taken), min_size=1, max_size=3, unique=True))
    return name, {key: draw(VALUES[key]) for key in chosen}


@given(call=calls())
@hypothesis_settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_a_setting_is_refused_or_the_task_keeps_all_rules(call: tuple[str, dict[str, Any]]) -> None:
    name, chosen = call
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", modcog.AmbiguousIntervalWarning)
        try:
            spec = modcog.task(name, **chosen)
        except modcog.InvalidArgument:
            return
    if spec.dim_ring > 64 or sum(period_steps(spec)) > 2000:
        return  # takes long, and shows no more
    n_trials = 20
    if any(callable(period.duration) for period in spec.periods):
        try:
            modcog.sample(spec, helpers.rng(0), n_trials)
        except modcog.InvalidArgument:
            return
    else:
        for level in modcog.chance_table(spec).values():
            assert 0 <= min(level) <= max(level) <= 1
    modcog.check_task(spec, n_trials=n_trials)


def period_steps(spec: modcog.TaskSpec) -> list[float]:
    longest = []
    for period in spec.periods:
        duration = period.duration
        if callable(duration):
            duration = 0.0
        ms = max(duration[1]) if isinstance(duration, tuple) else duration
        longest.append(ms / spec.dt)
    return longest


def other_values(spec: modcog.TaskSpec) -> dict[str, list[Any]]:
    """Settings of a task with values that are not its own."""
    values: dict[str, list[Any]] = {
        "dt": [50],
        "dim_ring": [8],
        "noise": [0, 0.5, "yang", (2, 0.5)],
    }
    values |= {"bump_width": [0.8], "bump_height": [2]}
    values["timing"] = [
        {period.name: ("choice", (1200, 1300))}
        for period in spec.periods
        if not (period.name == spec.interval and spec.modifiers and spec.modifiers[0].kind == "Int")
    ]
    options = {
        "coherences": (0.5,),
        "strengths": (0.2, 0.9),
        "min_separation": 1,
        "nonmatch": "any",
        "cross_modal": True,
    }
    values |= {key: [value] for key, value in options.items() if hasattr(spec.params, key)}
    for modifier in spec.modifiers:
        values[f"{modifier.kind.lower()}_velocity"] = [1.0]
        if modifier.kind == "Int":
            values["int_delay"] = [(200, 400), (300, 300)]
    return values


@every("name", helpers.NAMES)
def test_every_setting_of_every_task_changes_the_trials(name: str) -> None:
    spec = modcog.task(name)
    plain = modcog.render(helpers.draw(spec, 40))
    for key, values in other_values(spec).items():
        for value in values:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", modcog.AmbiguousIntervalWarning)
                changed = modcog.task(name, **{key: value})
            if key == "noise" and value != "yang" and not any(p.noisy for p in spec.periods):
                continue  # reach tasks carry no sensory noise, as docs/fidelity.md says
            other = modcog.render(helpers.draw(changed, 40))
            arrays = zip(plain[:2], other[:2], strict=True)
            assert not all(np.array_equal(a, b) for a, b in arrays), (key, value)
