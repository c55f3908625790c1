"""Conformance checks for tasks and modifiers, for this package's tests and for yours.

Call `check_task` on a task of your own: it draws trials, renders them and raises on the first rule
that they break, saying which.
"""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import numpy as np

from modcog.catalog.settings import task
from modcog.errors import InvalidArgument, ModcogError, ModifierRefused, whole_number
from modcog.rendering.reference import Rendered, channels, render
from modcog.rendering.renderers import automatic_renderer
from modcog.rendering.rule_input import one_hot
from modcog.system.limits import TRIALS
from modcog.tasks import BASE_TASKS
from modcog.timing import step_distribution
from modcog.trials.draws import Draws, trial_keys
from modcog.trials.interfaces import Modifier
from modcog.trials.plan import Trials
from modcog.trials.sampling import sample, sample_keys
from modcog.trials.spec import TaskSpec

FALSE_ALARM = 1e-6
"""Probability at which a right task is called wrong, for each frequency that is tested."""


class ConformanceError(ModcogError, AssertionError):
    """A task or a modifier breaks one of the rules that everything else relies on."""


def check_task(
    name: str | TaskSpec, *, n_trials: int = 500, seed: int = 0, **settings: Any
) -> None:
    """Check that a task keeps the rules of the package.

    The rules: the same seed gives the same trials; labels are 0 before the decision, 1..n in the
    decision of a trial that asks for a response and 0 in one that does not; the fixation input is
    1 exactly before the decision; the rule input is constant; the first decision step asks for
    `Trials.response`; a trial is drawn and rendered alone as it is among others; every period that
    the task needs has at least one step; stimuli lie on rings and directions that exist; the
    durations of each period are those of its distribution, and a fraction `TaskSpec.p_response` of
    the trials asks for a response; both renderers write the same bits (where numba works).

    The two rules about frequencies are tested with exact binomial probabilities. A right task fails
    each of them with a probability below one in a million; with 500 trials, a fraction of responses
    that is off by 0.14 or more is found with a probability above 0.9.

    Args:
        name: The task, by name or as a `TaskSpec`.
        n_trials: How many trials to draw.
        seed: Seed of the draws.
        **settings: As for `modcog.task`.

    Raises:
        ConformanceError: Naming the task and the broken rule.
        InvalidArgument: A setting is refused, or `n_trials` is no whole number above 0.

    Example:
        >>> from modcog import check_task
        >>> check_task("DlyGo_IntL_SeqR")
    """
    spec = task(name, **settings)
    whole_number("n_trials", n_trials, "trials", most=TRIALS)
    trials = _drawn(spec, seed, n_trials)
    again = _drawn(spec, seed, n_trials)
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
    _check_frequencies(spec, trials)
    keys = trial_keys(np.random.default_rng(seed), n_trials)
    for row in range(min(n_trials, 5)):
        alone = render(trials[row : row + 1], n_rules=1, n_lanes=row + 1)
        length = int(trials.length[row])
        same = np.array_equal(alone.observations[:, row], observations[:length, row])
        _require(spec, same, "a trial renders alone as it does among others")
        drawn = sample_keys(spec, keys[row : row + 1])
        for column in fields(Trials):
            if column.name not in ("tasks", "lane"):
                one, other = (
                    getattr(drawn, column.name),
                    getattr(trials, column.name)[row : row + 1],
                )
                same = np.array_equal(one, other, equal_nan=column.name == "angle")
                _require(spec, same, f"a trial is drawn alone as among others ({column.name})")
    length, lanes = observations.shape[:2]
    compiled = automatic_renderer()(trials, rules=one_hot(1), seq_len=length, n_lanes=lanes)
    reference = Rendered(observations, targets, mask)
    for one, other, what in zip(reference, compiled, Rendered._fields, strict=True):
        same = one.tobytes() == other.tobytes()
        _require(spec, same, f"both renderers write the same bits ({what})")


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
        unmoved = spec.plan(spec, Draws(trial_keys(np.random.default_rng(seed), n_trials)))
        trials = modifier.transform(unmoved)
        for column in _LEFT_ALONE:
            same = np.array_equal(getattr(trials, column), getattr(unmoved, column))
            _require(spec, same, f"the modifier leaves {column} as it is")
        check_task(spec, n_trials=n_trials, seed=seed)
    return accepted


_LEFT_ALONE = (
    "responds",
    "match",
    "stimulus_location",
    "stimulus_ring",
    "stimulus_strength",
    "stimulus_period",
    "period_steps",
    "base_response",
    "noise_std",
    "noise_key",
)
"""Columns that no modifier changes."""


def _drawn(spec: TaskSpec, seed: int, n: int) -> Trials:
    """Draw trials; what is refused of them breaks a rule."""
    try:
        return sample(spec, np.random.default_rng(seed), n)
    except InvalidArgument as error:
        rule = "its trials can be drawn and rendered"
        if error.argument in ("response", "base_response"):
            rule = "the first decision step asks for the response"
        elif error.argument.startswith("timing["):
            period = error.argument.removeprefix("timing[").removesuffix("]")
            rule = f"the period {period} has a step"
        raise ConformanceError(f"{spec.name} breaks the rule: {rule}. {error}") from error


def _check_frequencies(spec: TaskSpec, trials: Trials) -> None:
    n = len(trials)
    answered = int(trials.responds.sum())
    rule = f"a fraction p_response = {spec.p_response:g} of the trials asks for a response"
    found = f"{rule}; found {answered} of {n}"
    _require(spec, plausible(answered, n, spec.p_response, FALSE_ALARM), found)
    for period, steps in zip(spec.periods, trials.period_steps.T, strict=True):
        if callable(period.duration):
            continue
        support, probability = step_distribution(period.duration, spec.dt)
        rule = f"the period {period.name!r} lasts as long as {period.duration!r} says"
        _require(spec, np.isin(steps, support).all(), rule)
        alarm = FALSE_ALARM / support.size
        for length, share in zip(support, probability, strict=True):
            count = int((steps == length).sum())
            found = f"{rule}; found {count} of {n} with {length} steps"
            _require(spec, plausible(count, n, float(share), alarm), found)


def plausible(count: int, n: int, p: float, alarm: float) -> bool:
    """Whether so many of n independent events of probability p are no rarer than `alarm`.

    Args:
        count: Events that occurred.
        n: Events that could have.
        p: Probability of each.
        alarm: Two-sided probability of a false alarm; each exact binomial tail has half of it.

    Example:
        >>> plausible(250, 500, 0.5, 1e-6), plausible(310, 500, 0.5, 1e-6)
        (True, False)
    """
    if p in (0.0, 1.0):
        return count == n * p
    k = np.arange(n + 1)
    log_factorial = np.array([math.lgamma(i + 1.0) for i in range(n + 1)])
    log_mass = log_factorial[n] - log_factorial - log_factorial[::-1]
    mass = np.exp(log_mass + k * math.log(p) + (n - k) * math.log1p(-p))
    return bool(min(mass[: count + 1].sum(), mass[count:].sum()) >= alarm / 2)


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
