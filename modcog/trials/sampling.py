"""How trials come about: what a task decides is planned, and every modifier moves the answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modcog.errors import InvalidArgument, instance, whole_number
from modcog.system import limits
from modcog.trials.draws import Draws, trial_keys
from modcog.trials.gate import (
    check_bumps,
    check_trials,
    matches_of,
    rings_of,
    side_by_side,
)
from modcog.trials.interfaces import Modifier, Plan
from modcog.trials.plan import NOISE_GROUPS, Stimulus, Trials, interleave
from modcog.trials.spec import TaskSpec


def plan_trials(
    spec: TaskSpec,
    draws: Draws,
    stimuli: Sequence[Stimulus],
    *,
    response: NDArray[np.int64],
    noisy_rings: ArrayLike = (False, False),
    match: ArrayLike = -1,
) -> Trials:
    """Assemble the trials of one task from what its family decided; durations are drawn here.

    Args:
        spec: The task.
        draws: The named random draws of these trials.
        stimuli: The bumps.
        response: int64 ``[n]``, ring index of the answer; -1 where withholding is correct.
        noisy_rings: bool ``[2]`` or ``[n, 2]``, which rings carry noise in noisy periods.
        match: int64 ``[n]`` or a number, see `Trials.match`.

    Raises:
        InvalidArgument: A value is of another kind or number than said here, or out of range.
        UnknownName: A stimulus names a period that the task does not have.
    """
    instance("spec", spec, TaskSpec, "a TaskSpec")
    n = instance("draws", draws, Draws, "Draws").n
    for stimulus in instance("stimuli", stimuli, Sequence, "a list of Stimulus"):
        instance("stimuli", stimulus, Stimulus, "a list of Stimulus")
    answer = side_by_side("response", [response], n)[:, 0]
    if (least := int(answer.min(initial=0))) < -1:
        raise InvalidArgument("response", least, "a ring index of at least 0, or -1 to withhold")
    answers = answer >= 0
    answer = np.where(answers, answer % spec.dim_ring, -1)
    noise = np.zeros((n, len(NOISE_GROUPS)))
    noise[:, 1:3] = np.where(rings_of(noisy_rings, n), spec.noise_std, 0.0)
    if spec.noise == "yang":
        noise[:] = spec.noise_std
    zeros = np.zeros(n, dtype=np.int64)
    trials = Trials(
        tasks=(spec,),
        task_index=zeros,
        period_steps=draws.period_steps(spec),
        stimulus_period=side_by_side("period", [spec.period_index(s.period) for s in stimuli], n),
        stimulus_ring=side_by_side("ring", [s.ring for s in stimuli], n),
        stimulus_location=side_by_side("location", [s.location for s in stimuli], n)
        % spec.dim_ring,
        stimulus_strength=side_by_side("strength", [s.strength for s in stimuli], n, np.float64),
        noise_std=noise,
        noise_key=draws.noise_key(),
        responds=answers,
        base_response=answer,
        response=answer.copy(),
        drift=np.zeros(n),
        angle=np.where(answers, 2 * np.pi * answer / spec.dim_ring, np.nan),
        match=matches_of(match, n),
        rule=zeros.copy(),
        lane=np.arange(n),
        start=zeros.copy(),
    )
    check_bumps(trials)
    return trials


def sample(
    spec: TaskSpec,
    rng: np.random.Generator,
    n: int = 1,
    given: Mapping[str, ArrayLike] | None = None,
) -> Trials:
    """Draw n trials of a specification; `modcog.sample`, which takes names and seeds as well."""
    keys = trial_keys(rng, whole_number("n", n, "trials", least=0, most=limits.TRIALS))
    trials = sample_keys(spec, keys, given)
    check_trials(trials)
    return trials


def sample_keys(
    spec: TaskSpec, keys: NDArray[np.uint64], given: Mapping[str, ArrayLike] | None = None
) -> Trials:
    """The trials of one task that belong to given keys, not checked; see `sample`.

    Args:
        spec: The task.
        keys: uint64 ``[n]``. A trial is a pure function of the task and its key.
        given: As for `sample`.
    """
    draws = Draws(keys, given)
    plan: Plan = spec.plan
    trials = plan(spec, draws)
    draws.check_all_used(spec.name)
    modifier: Modifier
    for modifier in spec.modifiers:
        trials = modifier.transform(trials)
    return trials


def sample_mixed(
    specs: Sequence[TaskSpec], keys: NDArray[np.uint64], rules: NDArray[np.int64]
) -> Trials:
    """The trials of several tasks that belong to given keys.

    Args:
        specs: The tasks, one per rule slot.
        keys: uint64 ``[n]``.
        rules: int64 ``[n]``, the rule slot of each trial.
    """
    order = np.argsort(rules, kind="stable")
    present, counts = np.unique(rules, return_counts=True)
    rows = np.split(order, np.cumsum(counts)[:-1])
    parts = [sample_keys(specs[rule], keys[own]) for rule, own in zip(present, rows, strict=True)]
    trials = interleave(parts, rows)
    trials.rule[:] = rules
    trials.lane[:] = np.arange(len(trials))  # a place of its own, until they are packed
    check_trials(trials)
    return trials
