"""The compiled renderer: one pass over the trials, with the bits of `modcog.rendering.reference`.

Needs numba, which is optional; `modcog.rendering.reference.render` is the reference. It runs on one
thread without holding the interpreter's lock, so that several batches can be rendered side by side.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from modcog.rendering import noise
from modcog.rendering.compiling import kept_njit
from modcog.rendering.reference import Rendered, allocate, channels, noisy_periods
from modcog.rendering.rule_input import NO_RULES, RuleInput
from modcog.trials.plan import NOISE_GROUPS, Trials


class _Plan(NamedTuple):
    """The columns of `Trials` that are rendered, as numba takes them."""

    lane: NDArray[np.int64]
    start: NDArray[np.int64]
    rule: NDArray[np.int64]
    n_periods: NDArray[np.int64]
    period_steps: NDArray[np.int64]
    noisy: NDArray[np.bool_]
    stimulus_period: NDArray[np.int64]
    stimulus_ring: NDArray[np.int64]
    stimulus_location: NDArray[np.int64]
    stimulus_strength: NDArray[np.float64]
    noise_std: NDArray[np.float32]
    noise_key: NDArray[np.uint64]
    responds: NDArray[np.bool_]
    response: NDArray[np.int64]
    drift: NDArray[np.float64]


class _Tables(NamedTuple):
    """What all trials share."""

    bumps: NDArray[np.float64]
    quantiles: NDArray[np.float32]
    counters: NDArray[np.uint64]
    groups: NDArray[np.int64]
    rules: NDArray[np.float32]


def render(
    trials: Trials,
    *,
    rules: RuleInput = NO_RULES,
    seq_len: int | None = None,
    n_lanes: int | None = None,
    checked: bool = False,
) -> Rendered:
    """Render trials; the arguments, result and errors of `modcog.rendering.reference.reference`."""
    rendered = allocate(trials, rules, seq_len, n_lanes, checked=checked)
    n = trials.dim_ring
    edges = [0, *(where.stop for where in channels(n, rules.n_channels).values())]
    plan = _Plan(
        lane=trials.lane,
        start=trials.start,
        rule=trials.rule,
        n_periods=trials.decision_index + 1,
        period_steps=trials.period_steps,
        noisy=noisy_periods(trials),
        stimulus_period=trials.stimulus_period,
        stimulus_ring=trials.stimulus_ring,
        stimulus_location=trials.stimulus_location,
        stimulus_strength=trials.stimulus_strength,
        noise_std=trials.noise_std.astype(np.float32),
        noise_key=trials.noise_key,
        responds=trials.responds,
        response=trials.response,
        drift=trials.drift,
    )
    n_channels = tuple(int(size) for size in np.diff(edges))
    counters = noise.all_counters(int(trials.length.max(initial=0)), n_channels)
    # A copy: numba compiles anew for what is read-only or lies otherwise in memory.
    shown = _NO_TABLE if rules.table is None else rules.table.copy()
    tables = _Tables(trials.bumps, noise.quantiles(), counters, np.array(edges), shown)
    _fill(*(array.reshape(-1) for array in rendered), plan, tables, rendered.mask.shape[1])
    return rendered


_SHIFTS = (np.uint64(30), np.uint64(27), np.uint64(31))
_MULTIPLIERS = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_LOW = np.uint64(0xFFFF)
_NEXT = np.uint64(16)
_ONE, _FOUR = np.uintp(1), np.uintp(4)
_N_GROUPS = len(NOISE_GROUPS)
_NO_TABLE = np.zeros((1, 0), dtype=np.float32)


@kept_njit(inline="always")
def _mix(word: Any) -> Any:
    """Scramble one word as `modcog.hashing.mix` does."""
    word ^= word >> _SHIFTS[0]
    word *= _MULTIPLIERS[0]
    word ^= word >> _SHIFTS[1]
    word *= _MULTIPLIERS[1]
    return word ^ (word >> _SHIFTS[2])


@kept_njit(inline="always")
def _draw(shown: Any, image: Any, trial: Any, period: Any, plan: Any, tables: Any) -> None:
    """Write what each step of a period shows, but for the noise: one row of observations."""
    n = np.uintp(tables.bumps.shape[0])
    for k in range(shown.size):
        shown[k] = 0
    if period < plan.n_periods[trial] - 1:
        shown[0] = 1
    after = _ONE + 2 * n
    if tables.rules.shape[1]:
        for k in range(np.uintp(tables.rules.shape[1])):
            shown[after + k] = tables.rules[plan.rule[trial], k]
    elif shown.size > after:
        shown[after + np.uintp(plan.rule[trial])] = 1
    any_shown = False
    for slot in range(plan.stimulus_period.shape[1]):
        strength = plan.stimulus_strength[trial, slot]
        if plan.stimulus_period[trial, slot] == period and strength > 0:
            if not any_shown:
                any_shown = True
                for k in range(image.size):
                    image[k] = 0
            first = n * np.uintp(plan.stimulus_ring[trial, slot])
            location = np.uintp(plan.stimulus_location[trial, slot])
            for k in range(n):
                image[first + k] += strength * tables.bumps[location, k]
    if any_shown:
        for k in range(np.uintp(image.size)):
            shown[_ONE + k] = np.float32(image[k])


@kept_njit(inline="always")
def _add_noise(
    observations: Any, row: Any, key: Any, group_and_step: Any, std: Any, tables: Any
) -> None:
    """Add the deviates of a channel group at a step of the trial; `row` is where its row begins."""
    group, step = group_and_step
    at = row + np.uintp(tables.groups[group])
    end = row + np.uintp(tables.groups[group + 1])
    number = np.uintp(0)
    while at < end:
        word = _mix(key ^ tables.counters[group, step, number])
        number += _ONE
        for _ in range(min(_FOUR, end - at)):
            observations[at] += tables.quantiles[word & _LOW] * std
            word >>= _NEXT
            at += _ONE


@kept_njit(nogil=True)
def _fill(observations: Any, targets: Any, mask: Any, plan: Any, tables: Any, n_lanes: int) -> None:
    """Write all trials into arrays of zeros, each of one axis.

    Indices are unsigned, as numba asks of others at each use whether they are negative; and no row
    becomes an array of its own, to which it would count the references.
    """
    n_channels = np.uintp(tables.groups[-1])
    n = tables.bumps.shape[0]
    shown, image = np.empty(n_channels, np.float32), np.empty(2 * n)
    for trial in range(plan.lane.size):
        key, drift = plan.noise_key[trial], plan.drift[trial]
        place = np.uintp(plan.start[trial] * n_lanes + plan.lane[trial])
        last = plan.n_periods[trial] - 1
        step = np.uintp(0)
        for period in range(last + 1):
            noisy = plan.noisy[trial, period]
            responds = period == last and plan.responds[trial]
            _draw(shown, image, trial, period, plan, tables)
            for j in range(plan.period_steps[trial, period]):
                row = place * n_channels
                for k in range(n_channels):
                    observations[row + k] = shown[k]
                mask[place] = 1
                if noisy:
                    for group in range(_N_GROUPS):
                        std = plan.noise_std[trial, group]
                        if std > 0:
                            _add_noise(observations, row, key, (group, step), std, tables)
                if responds:
                    # Nine digits and then half up, as `modcog.ring.units` rounds.
                    units = np.floor(np.rint(abs(drift) * j * 1e9) / 1e9 + 0.5)
                    moved = np.int64(np.sign(drift) * units)
                    targets[place] = 1 + (plan.response[trial] + moved) % n
                place += np.uintp(n_lanes)
                step += _ONE
