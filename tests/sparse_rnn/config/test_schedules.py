"""Learning-rate schedules: their laws over the whole table, and their shapes."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, strategies as st

import sparse_rnn as srnn
from sparse_rnn.config.schedules import SCHEDULES, Course, factor
from sparse_rnn.errors import InvalidArgument

COURSES = st.builds(
    Course,
    steps=st.integers(1, 500),
    decay=st.floats(0, 1),
    decay_every=st.integers(1, 100),
)


@pytest.mark.parametrize("name", SCHEDULES)
@given(course=COURSES, warmup=st.integers(0, 50))
def test_rates_begin_at_1_and_fall(name: str, course: Course, warmup: int) -> None:
    rates = [factor(name, step, course) for step in range(1, course.steps + 1)]
    assert rates[0] == pytest.approx(1)
    assert all(one >= other for one, other in itertools.pairwise(rates))
    if name != "step":
        assert rates[-1] >= course.decay - 1e-12
    warm = [factor(name, step, course, warmup) for step in range(1, course.steps + 1)]
    assert warm[0] == pytest.approx(1 / (warmup + 1))
    assert warm[warmup:] == rates[warmup:]
    assert all(one <= other for one, other in zip(warm, rates, strict=True))


def test_shapes() -> None:
    course = Course(100, 0.2, 40)
    assert [factor("constant", step, course) for step in (1, 50, 100)] == [1, 1, 1]
    assert factor("cosine", 51, course) == pytest.approx(0.6)
    assert factor("linear", 51, course) == pytest.approx(0.6)
    assert factor("cosine", 11, course) > factor("linear", 11, course)
    steps = [factor("step", step, course) for step in (1, 40, 41, 80, 81)]
    assert steps == pytest.approx([1, 1, 0.2, 0.2, 0.04])


def test_the_rate_of_a_run_is_recorded_step_by_step() -> None:
    config = srnn.FitConfig(suite="Go", steps=8, lr=0.5, schedule="step", decay=0.5, decay_every=3)
    assert [config.rate(step) for step in range(1, 9)] == [0.5, 0.5, 0.5, *[0.25] * 3, 0.125, 0.125]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"schedule": "cosin"}, "schedule must be the name of a schedule; got 'cosin'. Did you"),
        ({"schedule": "step"}, "decay_every must be given for the schedule 'step'; got None."),
        ({"decay_every": 3}, "decay_every must be left out for this schedule; got 3."),
        ({"decay": 1.5}, "decay must be less than or equal to 1; got 1.5."),
        ({"warmup": -1}, "warmup must be greater than or equal to 0; got -1."),
        ({"stop_at": 1.2}, "stop_at must be at most 1, which is every trial right; got 1.2."),
        ({"stop_measure": "accuracy"}, "stop_measure must be the name of a measure"),
        ({"l1": -1.0}, "l1 must be greater than or equal to 0; got -1.0."),
        ({"l2": float("inf")}, "l2 must be a finite number; got inf."),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        srnn.FitConfig(**settings)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"checkpoint_every": 0}, "checkpoint_every must be greater than or equal to 1; got 0."),
        ({"checkpoint_seconds": 0}, "checkpoint_seconds must be greater than 0; got 0."),
        ({"threads": 0}, "threads must be greater than or equal to 1; got 0."),
        ({"levels": (0.5, 2.0)}, "levels must be less than or equal to 1; got 2.0."),
        ({"checkpoint": 3}, "got an unexpected keyword argument 'checkpoint'."),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        srnn.RunOptions(**options)
    assert message in str(caught.value)
