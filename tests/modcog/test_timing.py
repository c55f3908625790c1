"""Durations: their forms, their quantisation, and their exact distribution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import stats

import modcog
from modcog import timing
from modcog.trials.draws import trial_keys
from tests.modcog import helpers

DTS = (1, 5, 10, 20, 25, 30, 40, 50, 70, 100, 125, 1000 / 60)
LEAST_P = 1e-4

ms = st.floats(0, 3000) | st.integers(0, 3000)
ordered = st.lists(ms, min_size=2, max_size=2).map(lambda pair: tuple(sorted(pair)))


def _chosen(values: list[float], weights: list[int]) -> Any:
    weights[0] += 1
    return ("choice", values, [weight / sum(weights) for weight in weights])


def _normal(drawn: tuple[float, float, Any]) -> Any:
    """A normal whose mean lies within its bounds, as narrow or wide as is wanted."""
    place, spread, (low, high) = drawn
    mean = low + place * (high - low)
    return ("normal", (mean, max(spread * (high - low), 1), low, high))


distributions = (
    ms
    | ordered.map(lambda bounds: ("uniform", bounds))
    | st.lists(ms, min_size=1, max_size=6).map(lambda values: ("choice", values))
    | st.lists(st.tuples(ms, st.integers(0, 5)), min_size=1, max_size=6).map(
        lambda pairs: _chosen([ms for ms, _ in pairs], [weight for _, weight in pairs])
    )
    | st.tuples(st.floats(1, 1e5), ordered).map(lambda v: ("exponential", (v[0], *v[1])))
    | st.tuples(st.floats(0, 1), st.floats(0.05, 50), ordered).map(_normal)
)


def _draw(duration: Any, dt: float, words: Any) -> Any:
    drawn = timing.draw_steps("timing['x']", duration, dt, lambda: words)
    return np.broadcast_to(np.asarray(drawn, dtype=np.int64), words.shape)


@given(duration=st.floats(0, 5000), dt=st.sampled_from(DTS) | st.floats(0.5, 500))
def test_the_nearest_number_of_steps_is_at_most_half_a_step_off(duration: float, dt: float) -> None:
    n_steps = int(timing.steps(duration, dt))
    if duration == 0:
        assert n_steps == 0
    else:
        assert n_steps >= 1
        assert abs(n_steps * dt - duration) <= dt / 2 + 1e-6 or (n_steps == 1 and duration < dt)


@given(whole=st.integers(0, 5000), dt=st.sampled_from(DTS))
def test_whole_steps_stay_whole_on_every_grid(whole: int, dt: float) -> None:
    assert timing.steps(whole * dt, dt) == whole
    assert timing.steps((whole + 0.5) * dt, dt) == whole + 1  # half up


@pytest.mark.parametrize("dt", DTS)
def test_the_nominal_durations_on_the_usual_grids(dt: float) -> None:
    nominal = np.array([200.0, 300.0, 500.0, 900.0, 1000.0])
    realised = timing.steps(nominal, dt) * dt
    assert np.all(np.abs(realised - nominal) <= dt / 2 + 1e-9)
    assert timing.steps(1000, 1000 / 60) == 60
    np.testing.assert_array_equal(
        timing.steps([0, 1e-9, 1, 49, 149.9, 150], 100), [0, 1, 1, 1, 1, 2]
    )


@given(duration=distributions, dt=st.sampled_from(DTS), seed=helpers.seeds)
def test_draws_lie_in_the_exact_support(duration: Any, dt: float, seed: int) -> None:
    checked = timing.check_duration("timing['x']", duration)
    support, probability = timing.step_distribution(checked, dt)
    assert probability.sum() == pytest.approx(1)
    assert np.all(probability > -1e-12)
    assert np.all(np.diff(support) > 0)
    drawn = _draw(checked, dt, trial_keys(np.random.default_rng(seed), 200))
    assert drawn.dtype == np.int64
    assert drawn.shape == (200,)
    assert np.isin(drawn, support[probability > 0]).all()


FORMS = {
    "number": 340,
    "numpy number": np.float32(250),
    "uniform": ("uniform", (200, 500)),
    "uniform from 0": ("uniform", (0, 260)),
    "uniform within a step": ("uniform", (460, 540)),
    "choice": ("choice", [100, 200, 200, 700]),
    "choice as an array": ("choice", np.array([100, 400])),
    "list instead of tuple": ["uniform", [310, 320]],
    "steps": ("steps", (100, 1100)),
    "steps off the grid": ("steps", (130, 610)),
    "exponential": ("exponential", (300, 200, 1500)),
    "exponential from 0": ("exponential", (100, 0, 400)),
    "steep exponential": ("exponential", (20, 150, 900)),
    "flat exponential": ("exponential", (1e8, 150, 900)),
    "exponential within a step": ("exponential", (50, 460, 540)),
    "normal": ("normal", (500, 120, 200, 900)),
    "half a normal": ("normal", (0, 250, 0, 900)),
    "lower part of a normal": ("normal", (900, 200, 0, 500)),
    "far tail of a normal": ("normal", (200, 50, 600, 900)),
    "far tail before a normal": ("normal", (900, 50, 100, 500)),
    "choice with probabilities": ("choice", (200, 400, 410, 900), (0.5, 0.2, 0.25, 0.05)),
    "choice that leaves one out": ["choice", [200, 400, 600], [0.75, 0, 0.25]],
    "choice of an array": ("choice", np.array([100, 400]), np.array([0.1, 0.9])),
}


@pytest.mark.parametrize("dt", [20, 70, 100])
@pytest.mark.parametrize("form", FORMS)
def test_draws_have_the_exact_distribution(form: str, dt: float) -> None:
    duration = timing.check_duration("timing['x']", FORMS[form])
    support, probability = timing.step_distribution(duration, dt)
    drawn = _draw(duration, dt, trial_keys(helpers.rng(int(dt)), 20_000))
    assert set(drawn.tolist()) <= set(support[probability > 0].tolist())
    counts = np.bincount(drawn, minlength=support[-1] + 1)[support]
    assert_likely(counts, probability)


def assert_likely(counts: Any, probability: Any) -> None:
    """Counts that draws with these probabilities come to; rare ones are taken together."""
    expected = probability * counts.sum()
    often = expected > 10
    assert counts[often].all()
    seen, due = (np.append(x[often], x[~often].sum()) for x in (counts, expected))
    if due[-1] < 1e-9:
        assert seen[-1] == 0
        seen, due = seen[:-1], due[:-1]
    if len(seen) > 1:
        assert stats.chisquare(seen, due).pvalue > LEAST_P


SCIPY: dict[str, tuple[Any, Any]] = {
    "exponential": (
        ("exponential", (300, 200, 1500)),
        stats.truncexpon((1500 - 200) / 300, loc=200, scale=300),
    ),
    "normal": (("normal", (500, 120, 200, 900)), stats.truncnorm(-2.5, 10 / 3, loc=500, scale=120)),
    "tail": (("normal", (200, 50, 600, 900)), stats.truncnorm(8, 14, loc=200, scale=50)),
    "other tail": (("normal", (900, 50, 100, 500)), stats.truncnorm(-16, -8, loc=900, scale=50)),
}


@pytest.mark.parametrize("dt", [10, 70, 100])
@pytest.mark.parametrize("case", SCIPY)
def test_the_distributions_are_those_of_scipy(case: str, dt: float) -> None:
    given_form, continuous = SCIPY[case]
    duration = timing.check_duration("timing['x']", given_form)
    support, probability = timing.step_distribution(duration, dt)
    edges = np.append((support - 0.5) * dt, np.inf)
    np.testing.assert_allclose(probability, np.diff(continuous.cdf(edges)), atol=1e-9)
    assert support @ probability * dt == pytest.approx(continuous.mean(), abs=dt / 2)
    low, high = given_form[1][-2:]
    assert (timing.shortest_ms(duration), timing.longest_ms(duration)) == (low, high)


def test_an_exponential_tells_whoever_waits_nothing() -> None:
    support, probability = timing.step_distribution(("exponential", (400.0, 50.0, 2e4)), 100)
    left = probability[::-1].cumsum()[::-1]
    hazard = (probability / left)[1:-20]
    np.testing.assert_allclose(hazard, 1 - np.exp(-100 / 400), rtol=0.01)
    assert support[0] == 1


def test_trials_and_exact_lengths_agree_on_all_distributions() -> None:
    stimulus, delay = ("exponential", (300, 200, 900)), ("normal", (600, 200, 200, 1200))
    spec = modcog.task(
        "DlyGo_IntL",
        dt=50,
        timing={
            "fixation": ("choice", (200, 500), (0.25, 0.75)),
            "stimulus": stimulus,
            "delay": delay,
        },
    )
    again = modcog.task_from_json(spec.to_json())
    assert again == spec
    length, probability = spec.length_distribution()
    drawn = modcog.sample(again, 3, 20_000).length
    counts = np.bincount(drawn, minlength=length[-1] + 1)[length]
    assert counts.sum() == len(drawn)
    assert_likely(counts, probability)
    batches = modcog.BatchSampler([spec, "Go"], batch_size=2, seq_len="auto", dt=50)
    assert batches.lengths is not None
    assert batches.lengths.longest == length[-1]
    assert batches.identity["tasks"][0]["periods"][1]["duration"][0] == "exponential"


def test_a_choice_that_is_never_made_is_left_out() -> None:
    duration = timing.check_duration("x", ("choice", (0, 200, 1e9), (0, 1, 0)))
    assert duration == ("choice", (200.0,), (1.0,))
    assert timing.longest_ms(duration) == 200


def test_the_uniform_fixation_at_100_ms_as_the_specification_has_it() -> None:
    support, probability = timing.step_distribution(("uniform", (200.0, 500.0)), 100)
    np.testing.assert_array_equal(support, [2, 3, 4, 5])
    np.testing.assert_allclose(probability, [1 / 6, 1 / 3, 1 / 3, 1 / 6])
    assert support @ probability * 100 == pytest.approx(350)


@given(
    bounds=st.lists(st.integers(0, 2000), min_size=2, max_size=2).map(sorted),
    dt=st.sampled_from(DTS),
)
def test_steps_are_uniform_over_the_whole_steps_within_a_range(
    bounds: list[int], dt: float
) -> None:
    low, high = timing.step_range(tuple(bounds), dt)
    inside = [k for k in range(2100) if bounds[0] - 1e-6 <= k * dt <= bounds[1] + 1e-6]
    assert list(range(low, high + 1)) == inside


def test_a_callable_is_called_once_a_trial_with_the_generator_of_that_trial() -> None:
    seen: list[np.random.Generator] = []

    def one_of_two(generator: np.random.Generator) -> float:
        seen.append(generator)
        return float(generator.choice([240.0, 360.0]))

    words = trial_keys(helpers.rng(1), 50)
    drawn = _draw(one_of_two, 100, words)
    assert len(set(map(id, seen))) == 50
    alone = [int(_draw(one_of_two, 100, words[i : i + 1])[0]) for i in range(50)]
    assert alone == drawn.tolist()
    assert set(drawn.tolist()) == {2, 4}
    trials = helpers.draw("DlyGo", 50, timing={"delay": one_of_two})
    assert set(trials.duration_ms("delay").tolist()) == {200.0, 400.0}


@pytest.mark.parametrize("bad", [-1.0, float("nan"), "long", None])
def test_a_callable_must_return_a_duration(bad: Any) -> None:
    with pytest.raises(
        modcog.InvalidArgument, match=r"^timing\['delay'\] must be a .*number of ms"
    ):
        helpers.draw("DlyGo", 2, timing={"delay": lambda _: bad})


def returning(ms_of_it: float) -> Callable[[np.random.Generator], float]:
    return lambda _: ms_of_it


@pytest.mark.parametrize(
    "form",
    [
        300,
        300.0,
        np.int64(300),
        np.float32(300),
        ("choice", [300]),
        ("uniform", (300, 300)),
        ["choice", (300,)],
        ("steps", (300, 300)),
        ("exponential", (50, 300, 300)),
        ("normal", (500, 1, 300, 300)),
        ("choice", (300,), (1,)),
        ("choice", (200, 300), (0, 1)),
        returning(300),
    ],
)
def test_all_forms_of_one_duration_give_the_same_trials(form: Any) -> None:
    spec = modcog.task("DlyGo", timing={"delay": form})
    assert (helpers.draw(spec).duration_ms("delay") == 300).all()
    assert (helpers.draw(spec).length == 18).all()


REFUSED = {
    "negative": (-1, "negative"),
    "infinite": (float("inf"), "finite"),
    "not a number": (float("nan"), "finite"),
    "text": ("500", "a number of ms, "),
    "boolean": (True, "a number of ms"),
    "none": (None, "a number of ms"),
    "unordered": (("uniform", (500, 200)), "low <= high"),
    "three bounds": (("uniform", (1, 2, 3)), "low <= high"),
    "negative bound": (("uniform", (-5, 200)), "not negative"),
    "unordered steps": (("steps", (500, 200)), "low <= high"),
    "empty choice": (("choice", []), "at least one duration"),
    "text in a choice": (("choice", ["a"]), "a number of ms"),
    "no list": (("uniform", 500), "a list of ms"),
    "no such distribution": (("unifrom", (1, 2)), "Did you mean uniform?"),
    "too long a tuple": (("uniform", 200, 500), "a number of ms, "),
    "no mean": (("exponential", (200, 500)), r"('exponential', (mean, low, high)) in ms"),
    "a mean of 0": (("exponential", (0, 200, 500)), "mean > 0"),
    "unordered exponential": (("exponential", (9, 500, 200)), "low <= high"),
    "a deviation of 0": (("normal", (300, 0, 200, 500)), "std > 0"),
    "a normal elsewhere": (("normal", (5000, 1, 200, 500)), "has durations from low to high"),
    "no bounds": (("normal", (300, 50)), "(mean, std, low, high)"),
    "too few probabilities": (("choice", (200, 500), (1,)), "a choice with 2 probabilities"),
    "probabilities of 0.9": (("choice", (200, 500), (0.4, 0.5)), "that add up to 1"),
    "a negative probability": (("choice", (200, 500), (1.5, -0.5)), "each at least 0"),
    "text for a probability": (("choice", (200, 500), ("a", 1)), "a choice with 2 probabilities"),
    "no list of probabilities": (("choice", (200, 500), 1), "a choice with 2 probabilities"),
    "probabilities of a uniform": (("uniform", (200, 500), (0.5, 0.5)), "a number of ms, "),
}


@pytest.mark.parametrize("case", REFUSED)
def test_malformed_durations_are_refused(case: str) -> None:
    value, text = REFUSED[case]
    with pytest.raises(modcog.InvalidArgument, match=r"^timing\['delay'\] must be") as caught:
        modcog.task("DlyGo", timing={"delay": value})
    assert text in str(caught.value)


@pytest.mark.parametrize("dt", [0, -20, float("nan"), float("inf"), "100", None, True])
def test_the_time_step_is_a_positive_number(dt: Any) -> None:
    with pytest.raises(modcog.InvalidArgument, match=r"^dt must be a number of ms above 0; got"):
        modcog.task("Go", dt=dt)


@pytest.mark.parametrize("dt", [20, np.int32(20), np.float32(20), np.float64(20)])
def test_the_time_step_may_be_any_kind_of_number(dt: Any) -> None:
    assert modcog.task("Go", dt=dt) == modcog.task("Go", dt=20.0)


def test_the_exact_distribution_of_a_callable_is_refused() -> None:
    with pytest.raises(modcog.InvalidArgument, match="duration must be a number or a distribution"):
        timing.step_distribution(lambda _: 5.0, 100)


@pytest.mark.parametrize(
    ("duration", "shortest"),
    [
        (500.0, 500),
        (0.0, None),
        (("uniform", (0.0, 40.0)), 40),
        (("choice", (0.0, 30.0, 20.0)), 20),
        (("steps", (1.0, 2.0)), None),
        (("exponential", (3.0, 0.0, 40.0)), 40),
        (("normal", (3.0, 1.0, 5.0, 40.0)), 5),
        (("choice", (0.0, 30.0, 20.0), (0.5, 0.25, 0.25)), 20),
        (returning(3), None),
    ],
)
def test_the_shortest_duration_that_a_step_has_to_fit_in(duration: Any, shortest: Any) -> None:
    assert timing.shortest_ms(duration) == shortest
