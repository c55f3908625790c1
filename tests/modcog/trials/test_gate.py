"""The gate: what a plan function, a modifier or a caller can get wrong is refused, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given

import modcog
from modcog.checks import ConformanceError
from modcog.rendering import reference as rendering, renderers
from modcog.rendering.rule_input import one_hot
from modcog.system import limits
from modcog.tasks import BASE_TASKS
from modcog.trials.draws import Draws
from modcog.trials.gate import check_trials, task_table
from modcog.trials.plan import Stimulus, concatenate
from modcog.trials.sampling import plan_trials
from modcog.trials.spec import Period, TaskSpec
from tests.every import every
from tests.modcog import helpers

RENDERERS = [rendering.reference, renderers.automatic_renderer()]


def changed(column: str, value: Any, row: Any = 3) -> Callable[[modcog.Trials], modcog.Trials]:
    def change(trials: modcog.Trials) -> modcog.Trials:
        values = getattr(trials, column).copy()
        values[row] = value
        return replace(trials, **{column: values})

    return change


def same_place(trials: modcog.Trials) -> modcog.Trials:
    return replace(trials, lane=np.zeros_like(trials.lane), start=trials.start + 5)


BROKEN: dict[str, tuple[Callable[[modcog.Trials], modcog.Trials], str]] = {
    "ring 2": (changed("stimulus_ring", 2), "^stimulus_ring must be 0 or 1; got .*trial 3, of DMS"),
    "ring -1": (changed("stimulus_ring", -1), "^stimulus_ring must be 0 or 1"),
    "negative strength": (
        changed("stimulus_strength", -0.5),
        "^stimulus_strength must be a",
    ),
    "no strength": (changed("stimulus_strength", np.nan), "^stimulus_strength must be a"),
    "huge strength": (changed("stimulus_strength", 1e30), "^stimulus_strength must be a"),
    "location 16": (changed("stimulus_location", 16), "^stimulus_location must be from 0 to 15"),
    "location -1": (changed("stimulus_location", -1), "^stimulus_location must be from 0 to 15"),
    "period 5": (changed("stimulus_period", 5), "^stimulus_period must be the index of a period"),
    "noise": (changed("noise_std", -1.0), "^noise_std must be a finite number"),
    "no noise": (changed("noise_std", np.inf), "^noise_std must be a finite number"),
    "response 16": (changed("response", 16), "^response must be a ring index"),
    "response -2": (changed("response", -2), "^response must be a ring index"),
    "base response": (changed("base_response", 99), "^base_response must be a ring index"),
    "responds": (changed("responds", value=False, row=slice(None)), "^base_response must be"),
    "angle": (changed("angle", np.nan, row=slice(None)), "^angle must be finite where"),
    "drift": (changed("drift", np.nan), "^drift must be a finite number"),
    "fast drift": (changed("drift", 1e18), "^drift must be a finite number"),
    "match": (changed("match", 2), "^match must be 1, 0 or -1"),
    "rule": (changed("rule", -1), "^rule must be from 0"),
    "lane": (changed("lane", -1), "^lane must be from 0"),
    "start": (changed("start", -1), "^start must be from 0"),
    "far start": (changed("start", 2**60), "^start must be from 0"),
    "negative steps": (changed("period_steps", -1), "^period_steps must be from 0"),
    "many steps": (changed("period_steps", 10**6), "^period_steps must be from 0 to 100000"),
    "no test": (changed("period_steps", 0, (3, 3)), r"^timing\['test'\] must be longer than 0 ms"),
    "task": (changed("task_index", 1), "^task_index must be from 0 to 0, "),
    "one place": (same_place, "^start must be after the end of the trial before it"),
    "type": (
        lambda trials: replace(trials, response=trials.response.astype(float)),
        "^response must be a int64 array",
    ),
    "rows": (
        lambda trials: replace(trials, rule=trials.rule[:-1]),
        "^rule must be one row a trial",
    ),
    "list": (lambda trials: replace(trials, rule=[0] * 20), "^rule must be a int64 array"),
    "axes": (
        lambda trials: replace(trials, stimulus_ring=trials.stimulus_ring[:, 0]),
        "^stimulus_ring must be a int64 array with 2 axes",
    ),
    "slots": (
        lambda trials: replace(trials, stimulus_ring=trials.stimulus_ring[:, :1]),
        "^stimulus columns and noise_std must be",
    ),
    "no tasks": (lambda trials: replace(trials, tasks=()), "^task"),
}


@every("case", BROKEN)
@pytest.mark.parametrize("render", RENDERERS)
def test_broken_trials_reach_no_renderer(case: str, render: Any) -> None:
    change, match = BROKEN[case]
    trials = helpers.draw("DMS", 20)
    with pytest.raises(modcog.InvalidArgument, match=match):
        render(change(trials), rules=one_hot(1), seq_len=100, n_lanes=20)
    sampler = modcog.BatchSampler("DMS", batch_size=4)
    # The sampler looks up rules by task and gives places of its own.
    placed = ("rule", "lane", "start", "far start", "one place", "no tasks", "rows", "list", "task")
    if case not in placed:
        with pytest.raises(modcog.InvalidArgument, match=match):
            sampler.batch_of(change(trials))


@given(spec=helpers.specs(), seed=helpers.seeds)
def test_drawn_trials_pass(spec: TaskSpec, seed: int) -> None:
    trials = helpers.draw(spec, 10, seed)
    check_trials(trials)
    check_trials(trials[:0])
    check_trials(trials[[3, 1]])


def test_trials_of_tasks_with_other_periods_pass_together() -> None:
    parts = [helpers.draw(name, 5) for name in ("RTGo", "MultiDlyDM", "DMS_IntL_SeqR")]
    trials = concatenate(parts)
    trials.lane[:] = np.arange(15)
    check_trials(trials)
    later = changed("period_steps", 1, (0, 4))(trials)  # RTGo has two periods
    with pytest.raises(modcog.InvalidArgument, match="0 after the last period of the task"):
        check_trials(later)
    wrong = changed("stimulus_period", 2, 0)(trials)
    with pytest.raises(modcog.InvalidArgument, match="the index of a period of the task"):
        check_trials(wrong)
    with pytest.raises(modcog.InvalidArgument, match="all with one dt, dim_ring and bump"):
        task_table((modcog.task("Go"), modcog.task("Go", dt=50)), 5)
    with pytest.raises(modcog.InvalidArgument, match="^period_steps must be at least 5"):
        task_table((modcog.task("DlyDM1"),), 4)


# --- plan functions ------------------------------------------------------------------------------


def planned(**wrong: Any) -> TaskSpec:
    """Go, with something wrong in what its plan function returns."""

    def plan(spec: TaskSpec, draws: Draws) -> modcog.Trials:
        location = draws.index("location", 16)
        right: dict[str, Any] = {
            "ring": draws.index("ring", 2),
            "location": location,
            "strength": 1.0,
            "response": location,
            "match": -1,
            "noisy_rings": (False, True),
        }
        given = {**right, **wrong}
        stimulus = Stimulus("stimulus", given["ring"], given["location"], given["strength"])
        return plan_trials(
            spec,
            draws,
            [stimulus],
            response=given["response"],
            match=given["match"],
            noisy_rings=given["noisy_rings"],
        )

    return replace(BASE_TASKS["Go"], base="Planned", plan=plan)


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"ring": 2}, "^stimulus_ring must be 0 or 1"),
        ({"ring": 0.5}, "^ring must be whole numbers"),
        ({"strength": -1}, "^stimulus_strength must be a finite number"),
        ({"strength": np.nan}, "^stimulus_strength must be a finite number"),
        ({"strength": "1"}, "^strength must be numbers"),
        ({"strength": np.ones(3)}, "^strength must be numbers, a single one or one a trial"),
        ({"location": 1.5}, "^location must be whole numbers"),
        ({"response": np.full(20, 2.0)}, "^response must be whole numbers"),
        ({"response": np.full(20, -3)}, "^response must be a ring index of at least 0, or -1"),
        ({"match": 0.5}, "^match must be whole numbers"),
        ({"noisy_rings": (np.nan, True)}, "^noisy_rings must be truth values"),
        ({"noisy_rings": (True, True, True)}, "^noisy_rings must be truth values"),
    ],
)
def test_what_a_plan_function_gets_wrong_is_refused(wrong: dict[str, Any], match: str) -> None:
    spec = planned(**wrong)
    modcog.check_task(planned())
    for call in (
        lambda: modcog.sample(spec, helpers.rng(0), 20),
        lambda: spec.plan(spec, Draws(np.arange(20, dtype=np.uint64))),
    ):
        with pytest.raises(modcog.InvalidArgument, match=match):
            call()
    with pytest.raises(modcog.InvalidArgument):
        modcog.BatchSampler(spec).batch(0)
    with pytest.raises(ConformanceError, match="^Planned breaks the rule: "):
        modcog.check_task(spec, n_trials=20)


def test_a_callable_duration_of_0_is_refused_as_the_number_is() -> None:
    text = r"^timing\['stimulus'\] must be longer than 0 ms"
    with pytest.raises(modcog.InvalidArgument, match=text):
        modcog.task("Go", timing={"stimulus": 0})
    spec = modcog.task("Go", timing={"stimulus": lambda _: 0, "fixation": lambda _: 0})
    with pytest.raises(modcog.InvalidArgument, match=text):
        modcog.sample(spec, helpers.rng(0), 3)
    with pytest.raises(modcog.InvalidArgument, match=text):
        modcog.make(spec).reset(seed=0)
    vanishing = modcog.task("Go", timing={"fixation": lambda _: 0})
    assert set(helpers.draw(vanishing, 3).length) == {10}


# --- limits --------------------------------------------------------------------------------------


@pytest.mark.parametrize("duration", [("uniform", (900, 300)), ("choice", ()), -1, "long", 1e30])
def test_a_period_checks_its_duration(duration: Any) -> None:
    with pytest.raises(modcog.InvalidArgument, match=r"^timing\['delay'\] must be"):
        Period("delay", duration)
    assert Period("delay", ["uniform", [100, 200]]) == Period("delay", ("uniform", (100.0, 200.0)))


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (
            lambda: modcog.task("DlyGo", timing={"delay": 1e30}),
            r"^timing.* at most 1e\+09",
        ),
        (
            lambda: modcog.task("DlyGo", timing={"delay": 1e8}),
            r"^timing.* at most 100000",
        ),
        (lambda: modcog.task("DlyGo", dt=1e-18), "^dt must be at least 0.005"),
        (lambda: modcog.task("DlyGo_IntL", int_delay=(100, 1e12)), "^int_delay must be a range"),
        (lambda: modcog.task("DlyGo", dim_ring=8192), "^dim_ring .* at most 4096"),
        (lambda: modcog.task("Go_SeqL", seq_velocity=1e9), "^seq_velocity .* at most 10000"),
        (lambda: modcog.task("DM1", noise=1e9), r"^noise .* at most 1e\+06"),
        (
            lambda: helpers.draw("Go", 10**9),
            "^n must be .* at most 10000000",
        ),
        (lambda: modcog.trial_bank("Go", 10**9), "^n must be a whole number of trials, at most"),
        (lambda: modcog.conditions("Go", helpers.rng(0), 10**9), "^repeats must be .* at most"),
        (
            lambda: modcog.conditions("Go", helpers.rng(0), 10**6, location=range(16)),
            "^levels must be at most 10000000 trials",
        ),
        (lambda: modcog.BatchSampler("Go", batch_size=10**9), "^batch_size must be .* at most"),
        (lambda: modcog.BatchSampler("Go", seq_len=10**9), "^seq_len must be .* at most"),
        (lambda: modcog.make_vec("Go", 10**9), "^num_envs must be .* at most"),
        (lambda: modcog.Dataset("Go", max_batch=1e12), "^max_batch must be"),
        (lambda: modcog.task("Go", dt=10**400), "^dt must be a number of ms above 0"),
    ],
)
def test_sizes_beyond_their_limits_are_refused_before_work_starts(
    call: Callable[[], Any], match: str
) -> None:
    with pytest.raises(modcog.InvalidArgument, match=match):
        call()


def test_an_export_of_too_many_batches_is_refused(tmp_path: Any) -> None:
    sampler = modcog.BatchSampler("Go", batch_size=1)
    with pytest.raises(modcog.InvalidArgument, match="^n_batches must be .* at most 1000000000"):
        modcog.export(sampler, tmp_path / "data.npz", 10**12)
    assert not list(tmp_path.iterdir())


def test_a_given_duration_has_the_same_limit() -> None:
    with pytest.raises(modcog.InvalidArgument, match=f"at most {limits.PERIOD_STEPS} steps"):
        modcog.sample(modcog.task("DlyGo"), helpers.rng(0), 2, {"delay": 1e30})


@pytest.mark.parametrize("reward", ["-0.1", None, np.nan, True, 1e30, [1]])
def test_rewards_are_numbers(reward: Any) -> None:
    for make in (modcog.make, lambda *a, **k: modcog.make_vec(*a, 2, **k)):
        with pytest.raises(modcog.InvalidArgument, match=r"^rewards\['abort'\] must be a finite"):
            make("Go", rewards={"abort": reward})
        with pytest.raises(modcog.InvalidArgument, match="^rewards must be a mapping"):
            make("Go", rewards=[1.0])
        assert make("Go", rewards={"abort": np.float32(-0.5)}).unwrapped.rewards["abort"] == -0.5


def test_a_condition_that_edits_trials_is_found_out() -> None:
    def edits(trials: modcog.Trials) -> Any:
        trials.stimulus_ring[:] = 2
        return np.ones(len(trials), dtype=np.bool_)

    with pytest.raises(modcog.InvalidArgument, match="^stimulus_ring must be 0 or 1"):
        modcog.BatchSampler("Go", batch_size=2, seq_len=60).where(edits).batch(0)


def test_trials_of_a_task_that_is_not_there_are_refused() -> None:
    trials = changed("task_index", 7)(helpers.draw("Go", 5))
    with pytest.raises(modcog.InvalidArgument, match="^task_index must be from 0 to 0"):
        modcog.BatchSampler("Go").batch_of(trials)


@pytest.mark.parametrize("make", [modcog.make, lambda task: modcog.make_vec(task, 3)])
@pytest.mark.parametrize("tasks", ["DlyDM1", ["DlyDM1", "DlyDM1"]])
def test_what_is_given_to_an_environment_passes_the_gate(make: Any, tasks: Any) -> None:
    env = make(tasks)
    env.reset(seed=0)
    with pytest.raises(modcog.InvalidArgument, match="^stimulus_strength must be a finite number"):
        env.reset(options={"trial": {"first1": 1e30}})


def test_trials_are_checked_once_on_their_way_into_a_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sampler = modcog.BatchSampler("cog-20", batch_size=2, seq_len=60)
    envs = modcog.make_vec("Go", 2)
    envs.reset(seed=0)
    first = sampler.batch(0)  # draws the block, which is checked as a whole
    checked: list[int] = []
    monkeypatch.setattr(rendering, "check_trials", lambda trials: checked.append(len(trials)))
    sampler.batch(1)
    for _ in range(40):
        envs.step([0, 0])
    assert not checked
    sampler.batch_of(first.trials)  # which others have had in their hands
    assert checked == [len(first.trials)]
