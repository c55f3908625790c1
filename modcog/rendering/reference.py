"""Rendering: the only code that writes bumps, cues, noise and labels.

Every array has the axes ``[time, batch, channel]``. The channels of an observation are
``[fixation, ring 1, ring 2, rule]``; a target is 0 for fixation and ``1 + k`` for
direction k.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modcog import ring
from modcog.errors import InvalidArgument, whole_number
from modcog.rendering import noise
from modcog.rendering.rule_input import NO_RULES, RuleInput, of_table, one_hot
from modcog.system import limits
from modcog.trials.gate import check_trials, task_table
from modcog.trials.plan import NOISE_GROUPS, Trials


class Rendered(NamedTuple):
    """Arrays of rendered trials.

    Attributes:
        observations: float32 ``[time, batch, 1 + 2 n + n_rules]``.
        targets: int64 ``[time, batch]``: 0 = fixate, 1 + k = direction k.
        mask: float32 ``[time, batch]``: 1 on the steps of a trial, 0 on padding.
    """

    observations: NDArray[np.float32]
    targets: NDArray[np.int64]
    mask: NDArray[np.float32]


def channels(dim_ring: int, n_rules: int = 0) -> dict[str, slice]:
    """Named slices of the observation's channels.

    Example:
        >>> channels(16, n_rules=20)["ring2"]
        slice(17, 33, None)
    """
    edges = (0, 1, 1 + dim_ring, 1 + 2 * dim_ring, 1 + 2 * dim_ring + n_rules)
    spans = map(slice, edges[:-1], edges[1:])
    return dict(zip(NOISE_GROUPS, spans, strict=True))


class Steps(NamedTuple):
    """All steps of all trials, flattened trial after trial.

    Attributes:
        trial: int64 ``[steps]``, row of the trial.
        step: int64 ``[steps]``, step within the trial.
        row: int64 ``[steps]``, position in a ``[time * batch]`` array.
    """

    trial: NDArray[np.int64]
    step: NDArray[np.int64]
    row: NDArray[np.int64]


def flatten_spans(
    first: NDArray[np.int64], count: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number the steps of spans: for each step, which span and which step of the trial.

    Args:
        first: int64 ``[spans]``, first step of each span within its trial.
        count: int64 ``[spans]``, its number of steps.

    Returns:
        Two int64 arrays ``[sum(count)]``: the span and the step within the trial.
    """
    span = np.repeat(np.arange(count.size), count)
    offset = np.cumsum(count) - count
    step = np.arange(span.size) - (offset - first)[span]
    return span, step


def trial_steps(trials: Trials, n_lanes: int) -> Steps:
    """Flatten whole trials to their steps."""
    length = trials.length
    trial, step = flatten_spans(np.zeros_like(length), length)
    return Steps(trial, step, (trials.start[trial] + step) * n_lanes + trials.lane[trial])


def target_steps(
    trials: Trials, decision_steps: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Labels of all decision steps, flattened trial after trial.

    Args:
        trials: The trials.
        decision_steps: `Trials.decision_steps`, where they are at hand.

    Returns:
        Three int64 arrays: the trial, the decision step j = 0, 1, ..., and the label (0 where
        no response is correct).
    """
    count = trials.decision_steps if decision_steps is None else decision_steps
    trial, j = flatten_spans(np.zeros(len(trials), dtype=np.int64), count)
    drift = trials.drift[trial]
    moved = np.sign(drift).astype(np.int64) * ring.units(np.abs(drift) * j)
    label = 1 + (trials.response[trial] + moved) % trials.dim_ring
    return trial, j, np.where(trials.responds[trial], label, 0)


def decision_rows(
    trials: Trials, n_lanes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Where the decision steps of `target_steps` lie in arrays of so many lanes.

    Returns:
        What `target_steps` does, and the positions in a ``[time * batch]`` array.
    """
    count = trials.decision_steps
    trial, j, label = target_steps(trials, count)
    step = trials.start[trial] + (trials.length - count)[trial] + j
    return trial, j, label, step * n_lanes + trials.lane[trial]


def array_size(trials: Trials, seq_len: int | None, n_lanes: int | None) -> tuple[int, int]:
    """Steps and lanes of arrays that hold trials at their places.

    Raises:
        InvalidArgument: The trials need more than is asked for.
    """
    needed_steps = int((trials.start + trials.length).max(initial=0))
    needed_lanes = int(trials.lane.max(initial=-1)) + 1
    sizes = (
        ("seq_len", seq_len, needed_steps, limits.SEQ_STEPS),
        ("n_lanes", n_lanes, needed_lanes, limits.TRIALS),
    )
    steps, lanes = (
        needed if size is None else _size(argument, size, needed, most)
        for argument, size, needed, most in sizes
    )
    return steps, lanes


def _size(argument: str, size: int, needed: int, most: int) -> int:
    number = whole_number(argument, size, least=0)
    if number < needed:
        raise InvalidArgument(argument, size, f"at least {needed} for these trials")
    if number > max(most, needed):
        raise InvalidArgument(argument, size, f"at most {most}")
    return number


def allocate(
    trials: Trials, rules: RuleInput, seq_len: int | None, n_lanes: int | None, *, checked: bool
) -> Rendered:
    """Make the arrays of `render`, all zero, and check the trials and that they fit."""
    if not checked:
        check_trials(trials)
    size = array_size(trials, seq_len, n_lanes)
    if rules.n_channels and int(trials.rule.max(initial=0)) >= rules.n_slots:
        raise InvalidArgument("n_rules", rules.n_slots, f"more than {int(trials.rule.max())}")
    n_channels = 1 + 2 * trials.dim_ring + rules.n_channels
    return Rendered(
        np.zeros((*size, n_channels), dtype=np.float32),
        np.zeros(size, dtype=np.int64),
        np.zeros(size, dtype=np.float32),
    )


def render(
    trials: Trials,
    *,
    n_rules: int = 0,
    seq_len: int | None = None,
    n_lanes: int | None = None,
    rules: ArrayLike | None = None,
) -> Rendered:
    """Render trials at their places (`Trials.lane`, `Trials.start`) into fresh arrays.

    Args:
        trials: The plan.
        n_rules: Number of one-hot rule channels; `Trials.rule` is then the active one.
        seq_len: Steps of the arrays; by default as many as the trials need.
        n_lanes: Batch elements of the arrays; by default as many as the trials need.
        rules: In the place of `n_rules`, what the rule channels show in each rule slot:
            ``[rule slots, d]``, such as `BatchSampler.rules`.

    Returns:
        Observations, targets and mask; padding is zero in all three.

    Raises:
        InvalidArgument: A trial does not fit, has a rule without a channel, or is none that can be
            rendered (see `modcog.trials.gate.check_trials`); `rules` is no such array, or given
            together with `n_rules`.
    """
    if rules is None:
        shown = one_hot(whole_number("n_rules", n_rules, least=0, most=limits.RULES))
    elif whole_number("n_rules", n_rules, least=0):
        raise InvalidArgument("n_rules", n_rules, "left out where rules are given")
    else:
        shown = of_table("rules", rules)
    return reference(trials, rules=shown, seq_len=seq_len, n_lanes=n_lanes)


def reference(
    trials: Trials,
    *,
    rules: RuleInput = NO_RULES,
    seq_len: int | None = None,
    n_lanes: int | None = None,
    checked: bool = False,
) -> Rendered:
    """Do what `render` does, also for trials that were checked before.

    Args:
        trials: As for `render`, and so are the others.
        rules: What the rule channels show.
        seq_len: Steps of the arrays.
        n_lanes: Batch elements of the arrays.
        checked: Whether the trials have passed `modcog.trials.gate.check_trials` where they were
        drawn,
            and nobody else has had them since. Wrong ones are then written somewhere, in silence.
    """
    rendered = allocate(trials, rules, seq_len, n_lanes, checked=checked)
    observations, targets, mask = rendered
    lanes: int = mask.shape[1]
    where = channels(trials.dim_ring, rules.n_channels)
    flat = observations.reshape(mask.size, observations.shape[-1])

    steps, decision_start = trial_steps(trials, lanes), trials.decision_start
    mask.reshape(-1)[steps.row] = 1
    fixating = steps.step < decision_start[steps.trial]
    flat[steps.row[fixating], 0] = 1
    if rules.table is not None:
        flat[steps.row, where["rule"]] = rules.table[trials.rule[steps.trial]]
    elif rules.n_channels:
        flat[steps.row, where["rule"].start + trials.rule[steps.trial]] = 1
    _add_stimuli(flat, trials, lanes)

    _, _, label, row = decision_rows(trials, lanes)
    targets.reshape(-1)[row] = label
    _add_noise(flat, trials, lanes, where)
    return rendered


def _add_stimuli(flat: NDArray[np.float32], trials: Trials, n_lanes: int) -> None:
    """Write the bumps; those of one trial and period are summed first, then written once."""
    n = trials.dim_ring
    n_trials, n_periods = trials.period_steps.shape
    table = trials.bumps
    image = np.zeros((n_trials, n_periods, 2, n))
    shown = np.zeros((n_trials, n_periods), dtype=np.bool_)
    rows = np.arange(n_trials)
    for slot in range(trials.stimulus_period.shape[1]):
        period = trials.stimulus_period[:, slot]
        strength = trials.stimulus_strength[:, slot]
        bump = strength[:, None] * table[trials.stimulus_location[:, slot]]
        image[rows, period, trials.stimulus_ring[:, slot]] += bump
        shown[rows, period] |= strength > 0
    trial, period = np.nonzero(shown)
    end = trials.period_steps.cumsum(axis=1)[trial, period]
    count = trials.period_steps[trial, period]
    span, step = flatten_spans(end - count, count)
    row = (trials.start[trial[span]] + step) * n_lanes + trials.lane[trial[span]]
    values = image[trial, period].reshape(-1, 2 * n).astype(np.float32)
    flat[row, 1 : 1 + 2 * n] = values[span]


def _add_noise(
    flat: NDArray[np.float32], trials: Trials, n_lanes: int, where: dict[str, slice]
) -> None:
    """Add the sensory noise, last, to the noisy channel groups of the noisy periods."""
    groups = np.flatnonzero(trials.noise_std.any(axis=0)).tolist()
    if not groups:
        return
    noisy_period = noisy_periods(trials)
    ends = trials.period_steps.cumsum(axis=1)
    for group in groups:
        name = NOISE_GROUPS[group]
        n_channels = where[name].stop - where[name].start
        std = trials.noise_std[:, group].astype(np.float32)
        trial, period = np.nonzero(noisy_period & (std > 0)[:, None])
        if not (n_channels and trial.size):
            continue
        count = trials.period_steps[trial, period]
        span, step = flatten_spans(ends[trial, period] - count, count)
        owner = trial[span]
        row = (trials.start[owner] + step) * n_lanes + trials.lane[owner]
        values = noise.deviates(trials.noise_key[owner], step, group, n_channels)
        flat[row, where[name]] += values * std[owner, None]


def noisy_periods(trials: Trials) -> NDArray[np.bool_]:
    """Which periods of which trials are noisy; bool ``[n, periods]``."""
    table = task_table(trials.tasks, trials.period_steps.shape[1])
    return table.noisy[trials.task_index]
