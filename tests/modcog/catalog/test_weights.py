"""Weights by what tasks are."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

import modcog
from modcog import schedules
from modcog.catalog.weights import frozen_weights, probabilities

SUITE = modcog.suite("mod-cog-84")
EXPRESSIONS = ("delay", "match | Int", "~delay & Seq=L", "family=reach", "longest_steps<20")


def shares(weights: object) -> list[float]:
    return list(probabilities(frozen_weights(weights), SUITE))


@given(st.sampled_from(EXPRESSIONS), st.floats(0.1, 10))
def test_an_expression_weighs_the_tasks_that_it_holds_for(text: str, weight: float) -> None:
    meant = modcog.suite("mod-cog-84", features=text)
    assert shares({text: weight}) == pytest.approx(shares(dict.fromkeys(meant, weight)))


def test_a_name_goes_before_expressions_and_the_last_expression_counts() -> None:
    given_ = {"DlyGo": 5, "delay": 2, "delay & ~match": 3}
    found = shares(given_)
    by_task = dict(zip(SUITE, found, strict=True))
    assert by_task["DlyGo"] / by_task["DlyAnti"] == pytest.approx(5 / 3)
    assert by_task["DMS"] / by_task["Go"] == pytest.approx(2)


def test_they_say_where_an_expression_makes_no_sense() -> None:
    with pytest.raises(modcog.UnknownName, match=r"weights\['dely & match'\]\[0:4\].*delay"):
        modcog.BatchSampler("cog-20", weights={"dely & match": 1})
    with pytest.raises(modcog.UnknownName, match="or an expression of features"):
        modcog.BatchSampler("cog-20", weights={"Gp": 1})
    with pytest.raises(modcog.UnknownName, match="name of a task"):
        modcog.BatchSampler("cog-20", weights=["delay"])


def test_all_who_take_weights_take_expressions() -> None:
    weights = {"delay": 0}
    kept = modcog.suite("cog-20", features="~delay")
    assert modcog.trial_lengths("cog-20", weights) == modcog.trial_lengths("cog-20", list(kept))
    for schedule in (schedules.constant(weights), schedules.stages([(weights, 3)])):
        again = schedules.from_json(schedule.to_json())
        sampler = modcog.BatchSampler("cog-20", schedule=again, seed=0)
        assert set(sampler.trials(0).task) <= set(kept)
