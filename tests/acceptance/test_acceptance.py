"""Acceptance tests 1 to 4 of the specification: labels, go cue, mirror symmetry, time grid.

The numbers in the names are the specification's; 5 to 11 are in the files beside this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import modcog
from tests.acceptance import reading
from tests.every import every

NAMES = modcog.task_names()
DTS = (1, 5, 10, 20, 25, 30, 40, 50, 70, 100, 125, 1000 / 60)
COMPOSED = [name for name in NAMES if "_Int" in name and "_Seq" in name]


def decision_of(trials: modcog.Trials, n_time: int) -> NDArray[np.bool_]:
    """Steps of the decision; bool ``[time, n]``."""
    step = np.arange(n_time)[:, None]
    start, end = trials.period_bounds("decision")
    return (step >= start) & (step < end)


def interval_answer(task: reading.Task, trials: modcog.Trials) -> NDArray[np.int64]:
    """The base response moved by the realised interval; int64 ``[n]``."""
    if not task.int_sign:
        return trials.base_response
    assert task.interval is not None
    moved = reading.displacement(trials.duration_ms(task.interval), trials.dim_ring)
    return (trials.base_response + task.int_sign * moved) % trials.dim_ring


@every("name", NAMES)
def test_1_and_2_labels_and_go_cue(name: str) -> None:
    trials = modcog.sample(modcog.task(name), reading.generator(name, 10), 2000)
    trials.rule[:] = 1
    observations, targets, mask = modcog.render(trials, n_rules=3)
    decision = decision_of(trials, len(targets))
    # 1: every label occurs, none is beyond n, and a response is never called fixation.
    assert set(np.unique(targets)) == set(range(17))
    assert not targets[~decision].any()
    asked = decision & trials.responds
    assert (targets[asked] > 0).all()
    assert not targets[decision & ~trials.responds].any()
    if reading.parse(name).withholds:
        assert 0.4 < trials.responds.mean() < 0.6
    else:
        assert trials.responds.all()
    # 2: exactly 1 before the decision, exactly 0 in it, with the sensory noise on.
    length = trials.length
    inside = np.arange(len(targets))[:, None] < length
    np.testing.assert_array_equal(observations[..., 0], (inside & ~decision).astype(np.float32))
    np.testing.assert_array_equal(observations[..., 33:], inside[..., None] * np.float32([0, 1, 0]))
    np.testing.assert_array_equal(mask, inside.astype(np.float32))


def drawn_durations(trials: modcog.Trials) -> dict[str, NDArray[Any]]:
    """The realised durations of the periods whose durations are drawn."""
    task = reading.parse(trials.tasks[0].name)
    drawn = [period for period, ms in task.periods_ms().items() if isinstance(ms, tuple)]
    if task.int_sign:
        drawn.append(str(task.interval))
    return {period: trials.duration_ms(period) for period in drawn}


def given_of(trials: modcog.Trials, *, mirrored: bool = False) -> dict[str, NDArray[Any]]:
    """The stimuli of drawn trials, or their mirror images, as quantities to give to `sample`."""
    base = reading.parse(trials.tasks[0].name).base
    places = trials.stimulus_location
    if mirrored:
        places = -places % trials.dim_ring
    strength = trials.stimulus_strength
    if base in reading.REACH:
        return {"ring": trials.stimulus_ring[:, 0], "location": places[:, 0]}
    if base in reading.MATCH:
        return {
            "ring": trials.stimulus_ring[:, 0],
            "sample_location": places[:, 0],
            "test_location": places[:, 1],
        }
    apart = (places[:, 1] - places[:, 0]) % trials.dim_ring
    given: dict[str, NDArray[Any]] = {"location": places[:, 0], "separation": apart}
    for slot in range(0, strength.shape[1], 2):
        ring = int(trials.stimulus_ring[0, slot]) + 1
        first, second = strength[:, slot], strength[:, slot + 1]
        if base in reading.DM:
            given[f"coherence{ring}"] = np.round(first - second, 9)
        else:
            given[f"first{ring}"], given[f"second{ring}"] = first, second
    return given


@every("name", NAMES)
def test_3_left_is_the_mirror_image_of_right(name: str) -> None:
    # A task without a modifier is its own mirror image.
    task = reading.parse(name)
    spec, opposite = (modcog.task(t.name, noise=0) for t in (task, task.mirrored))
    trials = modcog.sample(spec, reading.generator(name, 11), 400)
    if task.base in ("DMC", "DNMC"):
        # Directions 0 and n/2 mirror onto themselves and keep their category; all others swap.
        trials = trials[(trials.stimulus_location % 8 != 0).all(axis=1)]
    trials = replace(trials, lane=np.arange(len(trials)))
    given = {**given_of(trials, mirrored=True), **drawn_durations(trials)}
    image = modcog.sample(opposite, np.random.default_rng(0), len(trials), given=given)
    (seen, labels, _), (seen_image, labels_image, _) = map(modcog.render, (trials, image))
    k = np.arange(16)
    reflect = np.concatenate([[0], 1 + (-k % 16)])
    np.testing.assert_array_equal(labels_image, reflect[labels])
    channels = np.concatenate([reflect, 16 + reflect[1:]])
    np.testing.assert_allclose(seen_image, seen[..., channels], atol=1e-6)
    np.testing.assert_allclose(
        np.exp(1j * image.angle[image.responds]), np.exp(-1j * trials.angle[trials.responds])
    )


@every("name", COMPOSED)
def test_3_int_and_seq_is_seq_applied_to_the_int_answer(name: str) -> None:
    task = reading.parse(name)
    integrated = reading.Task(task.base, task.int_sign)
    drawn = modcog.sample(modcog.task(integrated.name), reading.generator(name, 12), 300)
    given = {**given_of(drawn), **drawn_durations(drawn), "noise_key": drawn.noise_key}
    both = modcog.sample(modcog.task(name), np.random.default_rng(1), 300, given=given)
    go, rows = drawn.decision_start, np.arange(300)
    np.testing.assert_array_equal(both.decision_start, go)
    one, composed = modcog.render(drawn), modcog.render(both)
    before = np.arange(len(one.targets))[:, None] < go
    shown = [r.observations[: len(before)] * before[..., None] for r in (one, composed)]
    np.testing.assert_array_equal(*shown)
    answer = one.targets[go, rows]
    for j in range(10):
        moved = task.seq_sign * reading.displacement(j * 100.0, 16)
        expected = np.where(answer > 0, 1 + (answer - 1 + moved) % 16, 0)
        np.testing.assert_array_equal(composed.targets[go + j, rows], expected)
    assert (both.length == go + 10).all()


@every("name", COMPOSED)
def test_3_a_task_name_spells_the_nesting_of_its_wrappers(name: str) -> None:
    base, first, second = name.split("_")
    nested = modcog.make(base)
    nested = modcog.Sequence(modcog.Integrate(nested, first[-1]), second[-1])
    named = modcog.make(name)
    for env in (nested, named):
        env.reset(seed=3)
    for _ in range(3):
        np.testing.assert_array_equal(nested.unwrapped.ob, named.unwrapped.ob)
        np.testing.assert_array_equal(nested.unwrapped.gt, named.unwrapped.gt)
        assert nested.new_trial() == named.new_trial()


@every("name", NAMES)
def test_4_durations_and_shifts_on_every_time_grid(name: str) -> None:
    task = reading.parse(name)
    for dt in DTS:
        rng = reading.generator(name, 13)
        spec = modcog.task(name, dt=dt)
        if task.int_sign:
            assert_durations(modcog.sample(spec, rng, 40), task.periods_ms())
        # Where durations are drawn, give them: then each trial's nominal one is known.
        drawn = [period for period, ms in task.periods_ms().items() if isinstance(ms, tuple)]
        given = {period: rng.uniform(200, 500, size=40) for period in drawn}
        if task.int_sign:
            given[str(task.interval)] = rng.uniform(125, 1100, size=40)
        trials = modcog.sample(spec, rng, 40, given=given)
        nominal = {period: (ms, ms) for period, ms in given.items()}
        assert_durations(trials, {**task.periods_ms(), **nominal})
        assert_drift(trials[:2])  # few, since at 1 ms they are long


def assert_durations(trials: modcog.Trials, nominal_ms: Mapping[str, Any]) -> None:
    """Durations lie within half a step of the nominal ones, and the answer shifts as they are."""
    task, dt = reading.parse(trials.tasks[0].name), trials.dt
    for period, nominal in nominal_ms.items():
        low, high = nominal if isinstance(nominal, tuple) else (nominal, nominal)
        realised = trials.duration_ms(period)
        assert np.all(realised >= low - dt / 2 - 1e-6), (dt, period)
        assert np.all(realised <= high + dt / 2 + 1e-6), (dt, period)
    if task.int_sign and str(task.interval) not in nominal_ms:
        drawn = trials.duration_ms(str(task.interval)) / dt
        assert np.isin(np.round(drawn, 6), reading.interval_steps(dt)).all(), dt
    answer = interval_answer(task, trials)[trials.responds]
    np.testing.assert_array_equal(trials.response[trials.responds], answer)
    units = trials.angle[trials.responds] * trials.dim_ring / (2 * np.pi)
    off = (units - answer + trials.dim_ring / 2) % trials.dim_ring - trials.dim_ring / 2
    assert np.abs(off).max() <= 0.5 + 1e-6, "the continuous angle is half a unit off at most"


def assert_drift(trials: modcog.Trials) -> None:
    task = reading.parse(trials.tasks[0].name)
    targets = modcog.render(trials).targets
    for row in range(len(trials)):
        label = targets[trials.decision_start[row] : trials.length[row], row]
        elapsed = np.arange(len(label)) * trials.dt
        index = trials.response[row] + task.seq_sign * reading.displacement(elapsed, 16)
        np.testing.assert_array_equal(label, (1 + index % 16) * trials.responds[row])


@every("name", NAMES)
def test_4_a_time_step_longer_than_a_period_is_refused(name: str) -> None:
    task = reading.parse(name)
    shortest = min(ms[0] if isinstance(ms, tuple) else ms for ms in task.periods_ms().values())
    for dt in (125, 220, 330, 520, 1101):
        if dt <= shortest:
            trials = modcog.sample(modcog.task(name, dt=dt), np.random.default_rng(0), 20)
            assert (trials.period_steps > 0).all()
        else:
            with pytest.raises(modcog.InvalidArgument, match=r"^dt must be .* got "):
                modcog.task(name, dt=dt)
    if task.int_sign:  # no whole number of steps lies in the interval's range
        long = dict.fromkeys(PERIODS_OF[name], 3000)
        with pytest.raises(modcog.InvalidArgument, match=r"^dt must be .* got 1200"):
            modcog.task(name, dt=1200, timing=long)


PERIODS_OF = {name: tuple(reading.parse(name).periods_ms()) for name in NAMES}


def test_7_no_two_tasks_produce_the_same_trials() -> None:
    seen: dict[bytes, str] = {}
    for name in NAMES:
        trials = modcog.sample(modcog.task(name, noise=0), np.random.default_rng(7), 30)
        observations, targets, _ = modcog.render(trials)
        key = observations.tobytes() + targets.tobytes()
        assert key not in seen, f"{name} produces the trials of {seen[key]}"
        seen[key] = name


@pytest.mark.parametrize("suffix", ["", "_SeqL", "_SeqR"])
def test_7_go_and_anti_have_no_delay(suffix: str) -> None:
    for base in ("Go", "Anti"):
        short, long = (
            modcog.sample(modcog.task(name + suffix), np.random.default_rng(0), 10)
            for name in (base, "Dly" + base)
        )
        decision = 10 if suffix else 5
        assert (short.length == 10 + decision).all()
        assert (long.length == 15 + decision).all()
