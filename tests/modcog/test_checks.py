"""The conformance checks: every task passes, and each broken rule is found and named."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest

import modcog
from modcog.checks import ConformanceError, plausible
from modcog.modifiers import MODIFIERS
from modcog.rendering import reference as rendering
from modcog.tasks import BASE_TASKS
from modcog.trials.draws import Draws
from tests.every import every
from tests.modcog import helpers


@every("name", helpers.NAMES)
def test_every_task_passes(name: str) -> None:
    modcog.check_task(name, n_trials=40)


@pytest.mark.parametrize("name", helpers.EXAMPLES)
@pytest.mark.parametrize(
    "settings",
    [{"dt": 20}, {"dim_ring": 8}, {"noise": 0}, {"noise": "yang"}, {"timing": {"decision": 300}}],
)
def test_tasks_pass_with_other_settings(name: str, settings: dict[str, Any]) -> None:
    modcog.check_task(name, n_trials=40, **settings)


@pytest.mark.parametrize("kind", MODIFIERS)
@pytest.mark.parametrize("direction", "LR")
def test_every_modifier_passes_on_the_tasks_that_take_it(kind: str, direction: str) -> None:
    accepted = modcog.check_modifier(MODIFIERS[kind](direction), n_trials=30)
    assert accepted == sum(1 for b in BASE_TASKS.values() if kind == "Seq" or b.interval)


# --- broken tasks --------------------------------------------------------------------------------


def broken(
    change: Callable[[modcog.Trials], modcog.Trials], base: str = "DlyGo"
) -> modcog.TaskSpec:
    """A task whose trials are changed after they were drawn properly."""
    spec = BASE_TASKS[base]

    def plan(changed: modcog.TaskSpec, draws: Draws) -> modcog.Trials:
        return change(spec.plan(changed, draws))

    return replace(spec, plan=plan)


def with_column(column: str, value: Any) -> Callable[[modcog.Trials], modcog.Trials]:
    def change(trials: modcog.Trials) -> modcog.Trials:
        old = getattr(trials, column)
        return replace(trials, **{column: np.full_like(old, value)})

    return change


def without_steps(period: str) -> Callable[[modcog.Trials], modcog.Trials]:
    def change(trials: modcog.Trials) -> modcog.Trials:
        period_steps = trials.period_steps.copy()
        period_steps[:, trials.tasks[0].period_index(period)] = 0
        return replace(trials, period_steps=period_steps)

    return change


counter = itertools.count()


def outside_draws(trials: modcog.Trials) -> modcog.Trials:
    """Randomness of its own, which no seed reaches."""
    location = np.full_like(trials.stimulus_location, next(counter) % trials.dim_ring)
    return replace(trials, stimulus_location=location)


def hidden_answer(trials: modcog.Trials) -> modcog.Trials:
    answer = np.full_like(trials.response, next(counter) % trials.dim_ring)
    return replace(trials, response=answer)


BROKEN: dict[str, tuple[Callable[[modcog.Trials], modcog.Trials], str]] = {
    "stimuli from elsewhere": (outside_draws, "same seed, same trials"),
    "answers from elsewhere": (hidden_answer, "same seed, same labels"),
    "no stimulus": (without_steps("stimulus"), "the period 'stimulus' has a step"),
    "answer beyond the ring": (with_column("response", 16), "asks for the response"),
    "no answer where one is asked for": (with_column("response", -1), "asks for the response"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_task_is_found_and_the_rule_is_named(case: str) -> None:
    change, rule = BROKEN[case]
    with pytest.raises(ConformanceError, match=f"^DlyGo breaks the rule: .*{re.escape(rule)}"):
        modcog.check_task(broken(change), n_trials=20)


def test_the_error_is_an_assertion_and_one_of_ours() -> None:
    assert issubclass(ConformanceError, AssertionError)
    assert issubclass(ConformanceError, modcog.ModcogError)


def rendered_badly(
    monkeypatch: pytest.MonkeyPatch, damage: Callable[[Any, modcog.Trials], None]
) -> None:
    """Damage what the checks see of rendered trials."""
    from modcog import checks

    def render(trials: modcog.Trials, **options: Any) -> modcog.Rendered:
        result = rendering.render(trials, **options)
        damage(result, trials)
        return result

    monkeypatch.setattr(checks, "render", render)


def late_cue(result: Any, trials: modcog.Trials) -> None:
    result.observations[trials.decision_start, trials.lane, 0] = 1


def early_label(result: Any, trials: modcog.Trials) -> None:
    result.targets[trials.decision_start - 1, trials.lane] = 1


def silent_decision(result: Any, trials: modcog.Trials) -> None:
    result.targets[trials.length - 1, trials.lane] = 0


def label_outside(result: Any, trials: modcog.Trials) -> None:
    late = trials.responds
    result.targets[(trials.length - 1)[late], trials.lane[late]] = 17


def wandering_rule(result: Any, trials: modcog.Trials) -> None:
    result.observations[3, trials.lane, -1] = 0


def spoken_withholding(result: Any, trials: modcog.Trials) -> None:
    result.targets[trials.length - 1, trials.lane] = np.where(
        trials.responds, result.targets[trials.length - 1, trials.lane], 4
    )


def neighbours_noise(result: Any, trials: modcog.Trials) -> None:
    if len(trials) > 1:
        result.observations[5, :, 1] += 0.5


def afterglow(result: Any, trials: modcog.Trials) -> None:
    shortest = int(trials.length.min())
    late = trials.length == shortest
    if result.observations.shape[0] > shortest:
        result.observations[shortest, trials.lane[late], 1] = 1


DAMAGE: dict[str, tuple[Callable[[Any, modcog.Trials], None], str]] = {
    "late cue": (late_cue, "fixation input is 1 before the go cue"),
    "early label": (early_label, "labels are 0 outside the decision"),
    "silent decision": (silent_decision, "responses have labels 1 to dim_ring"),
    "label outside": (label_outside, "responses have labels 1 to dim_ring"),
    "wandering rule": (wandering_rule, "the rule input is 1 during the trial"),
    "spoken withholding": (spoken_withholding, "withheld trials have label 0"),
    "neighbour's noise": (neighbours_noise, "a trial renders alone as it does among others"),
    "afterglow": (afterglow, "nothing is shown outside the trial"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_damaged_arrays_are_found_and_the_rule_is_named(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    damage, rule = DAMAGE[case]
    rendered_badly(monkeypatch, damage)
    with pytest.raises(ConformanceError, match=f"^DMS_IntL breaks the rule: {re.escape(rule)}"):
        modcog.check_task("DMS_IntL", n_trials=30)


def short_fixation(trials: modcog.Trials) -> modcog.Trials:
    period_steps = trials.period_steps.copy()
    period_steps[::2, 0] = 2
    return replace(trials, period_steps=period_steps)


def always_short(trials: modcog.Trials) -> modcog.Trials:
    period_steps = trials.period_steps.copy()
    period_steps[:, 0] = period_steps[:, 0].min()
    return replace(trials, period_steps=period_steps)


def row_number(trials: modcog.Trials) -> modcog.Trials:
    location = trials.stimulus_location.copy()
    location[:, 0] = np.arange(len(trials)) % trials.dim_ring
    return replace(trials, stimulus_location=location)


@pytest.mark.parametrize(
    ("change", "base", "rule"),
    [
        (with_column("stimulus_ring", 2), "DlyGo", "its trials can be drawn and rendered"),
        (with_column("stimulus_strength", -1.0), "DlyGo", "its trials can be drawn and rendered"),
        (short_fixation, "DlyGo", "the period 'fixation' lasts as long as 500.0 says"),
        (always_short, "DM1", "the period 'fixation' lasts as long as ('uniform', (200.0, 500.0))"),
        (row_number, "DlyGo", "a trial is drawn alone as among others (stimulus_location)"),
    ],
)
def test_trials_of_another_distribution_are_found(
    change: Callable[[modcog.Trials], modcog.Trials], base: str, rule: str
) -> None:
    with pytest.raises(ConformanceError, match=f"^{base} breaks the rule: {re.escape(rule)}"):
        modcog.check_task(broken(change, base), n_trials=200)


@pytest.mark.parametrize(("base", "wrong"), [("DMS", 1.0), ("DMS", 0.36), ("Go", 0.9), ("Go", 0)])
def test_a_wrong_fraction_of_responses_is_found(base: str, wrong: float) -> None:
    spec = replace(BASE_TASKS[base], p_response=wrong)
    with pytest.raises(ConformanceError, match=f"^{base} breaks the rule: a fraction p_response"):
        modcog.check_task(spec, n_trials=1000)


@pytest.mark.parametrize("wrong", [-0.1, 1.1, float("nan"), "0.5", None, True])
def test_a_fraction_of_responses_is_a_probability(wrong: Any) -> None:
    with pytest.raises(modcog.InvalidArgument, match="^p_response must be a probability"):
        replace(BASE_TASKS["Go"], p_response=wrong)


@pytest.mark.parametrize("n", [1, 30, 500])
@pytest.mark.parametrize("p", [0.02, 0.5, 0.9])
def test_false_alarms_are_as_rare_as_stated(n: int, p: float) -> None:
    """Exactly: the probabilities of all counts that are called implausible add up to the alarm."""
    mass = [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
    for alarm in (1e-6, 1e-2):
        called = sum(m for k, m in enumerate(mass) if not plausible(k, n, p, alarm))
        assert called <= alarm * (1 + 1e-9)


def test_a_renderer_that_writes_other_bits_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from modcog import checks

    def render(trials: modcog.Trials, **options: Any) -> modcog.Rendered:
        result = rendering.reference(trials, **options)
        result.observations[4, 0, 1] = np.nextafter(result.observations[4, 0, 1], np.float32(9))
        return result

    monkeypatch.setattr(checks, "automatic_renderer", lambda: render)
    with pytest.raises(ConformanceError, match="both renderers write the same bits .observations"):
        modcog.check_task("Go", n_trials=20)


@pytest.mark.parametrize("n_trials", [0, -1, 2.5, "20", None])
def test_the_number_of_trials_is_checked(n_trials: Any) -> None:
    with pytest.raises(modcog.InvalidArgument, match="^n_trials must be a whole number"):
        modcog.check_task("Go", n_trials=n_trials)


# --- broken modifiers ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Turn:
    """A modifier of one's own: the answer is turned by a constant."""

    kind: ClassVar[str] = "Turn"
    tracks: ClassVar[bool] = False
    units: int = 1

    @property
    def label(self) -> str:
        return f"Turn{self.units}"

    def rewrite(self, spec: modcog.TaskSpec) -> modcog.TaskSpec:
        return replace(spec, modifiers=(*spec.modifiers, self))

    def transform(self, trials: modcog.Trials) -> modcog.Trials:
        turned = np.where(trials.responds, (trials.response + self.units) % trials.dim_ring, -1)
        return replace(trials, response=turned)


class Nameless(Turn):
    def rewrite(self, spec: modcog.TaskSpec) -> modcog.TaskSpec:
        return spec


class Meddling(Turn):
    def transform(self, trials: modcog.Trials) -> modcog.Trials:
        moved = (trials.stimulus_location + 1) % trials.dim_ring
        return replace(trials, stimulus_location=moved)


class Overbearing(Turn):
    def transform(self, trials: modcog.Trials) -> modcog.Trials:
        responds = np.ones_like(trials.responds)
        return replace(
            trials, responds=responds, response=np.where(trials.responds, trials.response, 0)
        )


class Picky(Turn):
    def rewrite(self, spec: modcog.TaskSpec) -> modcog.TaskSpec:
        if spec.family != "reach":
            raise modcog.ModifierRefused("task", spec.name, "a reach task")
        return super().rewrite(spec)


def test_a_modifier_of_ones_own_can_be_checked() -> None:
    assert modcog.check_modifier(Turn(), n_trials=20) == len(BASE_TASKS)
    assert modcog.check_modifier(Picky(2), n_trials=20) == 6
    trials = helpers.draw(Turn(3).rewrite(modcog.task("Go_SeqR")), 20)
    assert trials.task[0] == "Go_SeqR_Turn3"
    assert ((trials.response - trials.base_response) % 16 == 3).all()


@pytest.mark.parametrize(
    ("modifier", "rule"),
    [
        (Nameless(), "the modifier stands in the specification"),
        (Meddling(), "the modifier leaves stimulus_location as it is"),
        (Overbearing(), "the modifier leaves responds as it is"),
    ],
)
def test_a_broken_modifier_is_found_and_the_rule_is_named(modifier: Any, rule: str) -> None:
    with pytest.raises(ConformanceError, match=f"breaks the rule: {re.escape(rule)}"):
        modcog.check_modifier(modifier, n_trials=30)
