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
    one_hot = rules.table is None and rules.n_channels > 0
    _fill(rendered.observations, rendered.targets, rendered.mask, plan, tables, one_hot)
    return rendered


_SHIFTS = (np.uint64(30), np.uint64(27), np.uint64(31))
_MULTIPLIERS = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_LOW = np.uint64(0xFFFF)
_NEXT = np.uint64(16)
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


@kept_njit(nogil=True)
def _add_noise(row: Any, key: Any, counters: Any, std: Any, quantiles: Any) -> None:
    """Add the deviates of one channel group at one step; `row` is that group."""
    channel = 0
    for counter in counters[: (row.size + 3) // 4]:
        word = _mix(key ^ counter)
        for _ in range(min(4, row.size - channel)):
            row[channel] += quantiles[word & _LOW] * std
            word >>= _NEXT
            channel += 1


@kept_njit(nogil=True)
def _draw_image(image: Any, trial: int, period: int, plan: Any, bumps: Any) -> Any:
    """Sum the bumps that a trial shows in a period; returns whether there are any."""
    image[:] = 0.0
    shown = False
    for slot in range(plan.stimulus_period.shape[1]):
        strength = plan.stimulus_strength[trial, slot]
        if plan.stimulus_period[trial, slot] == period and strength > 0:
            shown = True
            bump = bumps[plan.stimulus_location[trial, slot]]
            part = image[plan.stimulus_ring[trial, slot]]
            for k in range(bump.size):
                part[k] += strength * bump[k]
    return shown


@kept_njit(nogil=True)
def _fill(observations: Any, targets: Any, mask: Any, plan: Any, tables: Any, one_hot: Any) -> None:
    """Write all trials into arrays of zeros."""
    n = tables.bumps.shape[0]
    groups = tables.groups
    image = np.empty((2, n), dtype=np.float64)
    picture = image.reshape(2 * n)
    for trial in range(plan.lane.size):
        lane, time, step = plan.lane[trial], plan.start[trial], 0
        drift = plan.drift[trial]
        # Without a table it has one empty row.
        rule = tables.rules[min(plan.rule[trial], tables.rules.shape[0] - 1)]
        for period in range(plan.n_periods[trial]):
            decides = period == plan.n_periods[trial] - 1
            shown = _draw_image(image, trial, period, plan, tables.bumps)
            for j in range(plan.period_steps[trial, period]):
                row = observations[time, lane]
                mask[time, lane] = 1
                if not decides:
                    row[0] = 1
                if one_hot:
                    row[1 + 2 * n + plan.rule[trial]] = 1
                else:
                    part = row[1 + 2 * n :]
                    for k in range(rule.size):
                        part[k] = rule[k]
                if shown:
                    for k in range(2 * n):
                        row[1 + k] = np.float32(picture[k])
                if plan.noisy[trial, period]:
                    for group in range(_N_GROUPS):
                        std = plan.noise_std[trial, group]
                        if std > 0:
                            part = row[groups[group] : groups[group + 1]]
                            counters = tables.counters[group, step]
                            key = plan.noise_key[trial]
                            _add_noise(part, key, counters, std, tables.quantiles)
                if decides and plan.responds[trial]:
                    # Nine digits and then half up, as `modcog.ring.units` rounds.
                    units = np.floor(np.rint(abs(drift) * j * 1e9) / 1e9 + 0.5)
                    moved = np.int64(np.sign(drift) * units)
                    targets[time, lane] = 1 + (plan.response[trial] + moved) % n
                time += 1
                step += 1
