"""Typed errors: what they say, what they are, and that they cross process boundaries whole."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import modcog
from modcog.errors import unknown_name, whole_number

TYPED = (modcog.InvalidArgument, modcog.UnknownName, modcog.ModifierRefused)
values = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers(), max_size=3)


@pytest.mark.parametrize("kind", TYPED)
@given(argument=st.text(), value=values, allowed=st.text(), remedy=st.text())
def test_errors_survive_pickling_with_all_they_know(
    kind: Any, argument: str, value: object, allowed: str, remedy: str
) -> None:
    error = kind(argument, value, allowed, remedy)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert str(again) == str(error)
    assert (again.argument, again.value, again.allowed) == (argument, value, allowed)


@pytest.mark.parametrize(
    "call",
    [
        lambda: modcog.task("DlyGoo"),
        lambda: modcog.task("RTGo_IntL"),
        lambda: modcog.task("Go", dt=0),
        lambda: modcog.BatchSampler("Go", batch_size=0),
    ],
)
def test_errors_that_users_meet_survive_pickling(call: Any) -> None:
    with pytest.raises(modcog.InvalidArgument) as caught:
        call()
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), str(again)) == (type(caught.value), str(caught.value))


@pytest.mark.parametrize("kind", TYPED)
def test_one_base_class_catches_all_and_value_error_too(kind: Any) -> None:
    assert issubclass(kind, modcog.ModcogError)
    assert issubclass(kind, ValueError)


def test_a_message_has_the_argument_the_rule_the_value_and_the_remedy() -> None:
    error = modcog.InvalidArgument("dt", -1, "a number of ms above 0", "Use 100.")
    assert str(error) == "dt must be a number of ms above 0; got -1. Use 100."
    assert str(modcog.InvalidArgument("dt", "x", "a number")) == "dt must be a number; got 'x'."


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [
        ("DlyGoo", "DlyGo"),
        ("dlygo_int", "DlyGo_IntL"),
        ("CtxDM3", "CtxDM1"),
        ("DNMS_SeqX", "DNMS_SeqL"),
    ],
)
def test_an_unknown_name_offers_near_ones(wrong: str, nearest: str) -> None:
    error = unknown_name("task", wrong, modcog.task_names(), "a task")
    assert "Did you mean " in str(error)
    assert nearest in str(error)


def test_a_name_like_no_other_gets_the_list_where_it_is_short() -> None:
    assert "Known names: uniform, choice." in str(
        unknown_name("x", "qqq", ("uniform", "choice"), "a y")
    )
    long = str(unknown_name("task", "qqq", modcog.task_names(), "a task"))
    assert "Known names: Go, RTGo, DlyGo" in long
    assert "(168 in all)" in long
    assert len(long) < 300


@given(number=st.integers(-50, 50), least=st.integers(-20, 20))
def test_whole_numbers_are_taken_from_their_least_on(number: int, least: int) -> None:
    for value in (number, np.int64(number), np.array(number)):
        if number >= least:
            result = whole_number("n", value, "trials", least=least)
            assert type(result) is int
            assert result == number
        else:
            with pytest.raises(
                modcog.InvalidArgument, match=f"^n must be .* at least {least}; got"
            ):
                whole_number("n", value, "trials", least=least)


@pytest.mark.parametrize("value", [True, 1.0, 2.5, "3", None, [1], np.float64(2), np.bool_(True)])
def test_what_is_no_whole_number_is_refused(value: object) -> None:
    with pytest.raises(modcog.InvalidArgument, match="n must be a whole number of trials"):
        whole_number("n", value, "trials")


def test_the_ambiguity_of_intervals_is_a_user_warning() -> None:
    assert issubclass(modcog.AmbiguousIntervalWarning, UserWarning)
