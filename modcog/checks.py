"""Conformance checks for tasks and modifiers, for this package's tests and for yours.

Call `check_task` on a task of your own: it draws trials, renders them and raises on the first rule
that they break, saying which.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from modcog.configure import task
from modcog.draws import Draws, trial_keys
from modcog.errors import ModcogError, ModifierRefused
from modcog.rendering import channels, render
from modcog.spec import Modifier, TaskSpec
from modcog.tasks import BASE_TASKS
from modcog.trials import Trials, sample


class ConformanceError(ModcogError, AssertionError):
    """A task or a modifier breaks one of the rules that everything else relies on."""


def check_task(
    name: str | TaskSpec, *, n_trials: int = 500, seed: int = 0, **settings: Any
) -> None:
    """Check that a task keeps the rules of the package.

    The rules: the same seed gives the same trials; labels are 0 before the decision, 1..n in the
    decision of a trial that asks for a response and 0 in one that does not; the fixation input is
    1 exactly before the decision; the rule input is constant; the first decision step asks for
    `Trials.response`; a trial renders alone as it does among others; every period that the task
    needs has at least one step.

    Args:
        name: The task, by name or as a `TaskSpec`.
        n_trials: How many trials to draw.
        seed: Seed of the draws.
        **settings: As for `modcog.task`.

    Raises:
        ConformanceError: Naming the task and the broken rule.

    Example:
        >>> check_task("DlyGo_IntL_SeqR")
    """
    spec = task(name, **settings)
    trials = sample(spec, np.random.default_rng(seed), n_trials)
    again = sample(spec, np.random.default_rng(seed), n_trials)
    observations, targets, mask = render(trials, n_rules=1)
    repeated = render(again, n_rules=1)
    _require(spec, np.array_equal(observations, repeated.observations), "same seed, same trials")
    _require(spec, np.array_equal(targets, repeated.targets), "same seed, same labels")
    _check_labels(spec, trials, targets)
    where = channels(spec.dim_ring, 1)
    step = np.arange(len(observations))[:, None]
    before_go = (step < trials.decision_start).astype(np.float32)
    inside = mask.astype(bool)
    if spec.noise != "yang":
        fixation = observations[..., 0]
        _require(spec, np.array_equal(fixation, before_go), "fixation input is 1 before the go cue")
        rule = observations[..., where["rule"]][..., 0]
        _require(spec, np.array_equal(rule, mask), "the rule input is 1 during the trial")
    _require(spec, np.all(observations[~inside] == 0), "nothing is shown outside the trial")
    for period, steps in zip(spec.periods, trials.period_steps.T, strict=True):
        if not period.may_vanish:
            _require(spec, np.all(steps > 0), f"the period {period.name!r} has a step")
    for row in range(min(n_trials, 5)):
        alone = render(trials[row : row + 1], n_rules=1, n_lanes=row + 1)
        length = int(trials.length[row])
        same = np.array_equal(alone.observations[:, row], observations[:length, row])
        _require(spec, same, "a trial renders alone as it does among others")


def check_modifier(modifier: Modifier, *, n_trials: int = 200, seed: int = 0) -> int:
    """Check that a modifier keeps the rules of the package, on every base task that takes it.

    The rules: a task that cannot take it is refused with `ModifierRefused`; it leaves stimuli,
    noise, and who responds as they are; it appends itself to the task's modifiers; the modified
    task, named by its label, passes `check_task`.

    Args:
        modifier: The modifier's data, such as ``IntModifier("L")``.
        n_trials: How many trials to draw of each task.
        seed: Seed of the draws.

    Returns:
        The number of base tasks that take the modifier.

    Raises:
        ConformanceError: Naming the task and the broken rule.
    """
    accepted = 0
    for name, base in BASE_TASKS.items():
        try:
            spec = modifier.rewrite(base)
        except ModifierRefused:
            continue
        accepted += 1
        _require(spec, spec.modifiers == (modifier,), "the modifier stands in the specification")
        _require(spec, spec.name == f"{name}_{modifier.label}", "the label stands in the name")
        check_task(spec, n_trials=n_trials, seed=seed)
        trials = sample(spec, np.random.default_rng(seed), n_trials)
        unmoved = spec.plan(spec, Draws(trial_keys(np.random.default_rng(seed), n_trials)))
        for column in ("responds", "match", "stimulus_location", "stimulus_ring", "noise_key"):
            same = np.array_equal(getattr(trials, column), getattr(unmoved, column))
            _require(spec, same, f"the modifier leaves {column} as it is")
    return accepted


def _check_labels(spec: TaskSpec, trials: Trials, targets: np.ndarray[Any, Any]) -> None:
    step = np.arange(len(targets))[:, None]
    decision = (step >= trials.decision_start) & (step < trials.length)
    _require(spec, np.all(targets[~decision] == 0), "labels are 0 outside the decision")
    asked = decision & trials.responds
    _require(spec, np.all(targets[decision & ~asked] == 0), "withheld trials have label 0")
    inside = (targets[asked] >= 1) & (targets[asked] <= spec.dim_ring)
    _require(spec, np.all(inside), "responses have labels 1 to dim_ring")
    first = targets[trials.decision_start, np.arange(len(trials))]
    answer = np.where(trials.responds, 1 + trials.response, 0)
    _require(spec, np.array_equal(first, answer), "the first decision step asks for the response")


def _require(spec: TaskSpec, holds: object, rule: str) -> None:
    if not holds:
        raise ConformanceError(f"{spec.name} breaks the rule: {rule}.")
