"""The sentence of a task says what its trials do: the facts are read off drawn trials."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

import modcog
from modcog.tasks import BASE_TASKS

WORDS = {"one unit": 1.0, "two units": 2.0}
MOVES = r"moves (left|right) by (one unit|two units|[\d.]+ units) for every 100 ms"
DRIFTS = r"drifts (left|right) by (one unit|two units|[\d.]+ units) every 100 ms"
SETTINGS = [{}, {"dim_ring": 32}, {"dim_ring": 8, "dt": 50}]


def told(pattern: str, sentence: str) -> float | None:
    """Signed ring units in 100 ms that a sentence tells of, to the right; None without."""
    found = re.search(pattern, sentence)
    if found is None:
        return None
    side, amount = found.groups()
    number = WORDS.get(amount) or float(amount.split()[0])
    return number if side == "right" else -number


def drawn(spec: modcog.TaskSpec, **given: object) -> modcog.Trials:
    if "match" in modcog.sample(spec, np.random.default_rng(0), 1).describe(0):
        given["match"] = getattr(spec.params, "go_if_match", None)
    known = {name: value for name, value in given.items() if value is not None}
    return modcog.sample(spec, np.random.default_rng(0), 1, known)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_all_sentences_tell_the_movements_of_the_trials(settings: dict[str, float]) -> None:
    for name in modcog.task_names():
        spec = modcog.task(name, **settings)
        sentence = modcog.describe(name, **settings)
        drift = drawn(spec).drift[0] * 100 / spec.dt
        assert (told(DRIFTS, sentence) or 0.0) == pytest.approx(drift), name
        if told(MOVES, sentence) is None:
            assert "Int" not in name
            continue
        # The continuous answer after intervals of 300 and of 400 ms.
        angles = [drawn(spec, **{str(spec.interval): ms}).angle[0] for ms in (300.0, 400.0)]
        turn = (angles[1] - angles[0] + np.pi) % (2 * np.pi) - np.pi
        assert told(MOVES, sentence) == pytest.approx(turn * spec.dim_ring / (2 * np.pi)), name


def test_sentences_say_what_is_timed() -> None:
    for name in modcog.task_names():
        sentence = modcog.describe(name)
        assert ("100 ms of delay" in sentence) == ("Int" in name and "delay" in periods(name))
        assert ("the stimulus lasts" in sentence) == (
            "Int" in name and "delay" not in periods(name)
        )


def periods(name: str) -> tuple[str, ...]:
    return modcog.task(name).period_names


def test_each_base_task_has_a_sentence_of_its_own() -> None:
    sentences = {spec.sentence for spec in BASE_TASKS.values()}
    assert "" not in sentences
    assert len(sentences) == len(BASE_TASKS)


@pytest.mark.parametrize("name", ["Go", "RTGo", "DlyGo", "Anti", "RTAnti", "DlyAnti"])
def test_reach_sentences_say_where_and_when(name: str) -> None:
    sentence, spec = BASE_TASKS[name].sentence, BASE_TASKS[name]
    trials = modcog.sample(spec, np.random.default_rng(0), 50, {"location": 3})
    assert ("opposite" in sentence) == bool(np.all(trials.response == 3 + spec.dim_ring // 2))
    assert ("delay" in sentence) == ("delay" in spec.period_names)
    assert ("as soon as it appears" in sentence) == (spec.params.shown_in == "decision")


@pytest.mark.parametrize("name", [name for name, t in BASE_TASKS.items() if t.family == "decision"])
def test_decision_sentences_name_the_rings_that_decide(name: str) -> None:
    sentence, params = BASE_TASKS[name].sentence, BASE_TASKS[name].params
    judged, _, ignored = sentence.partition("whatever")
    rings = {int(ring) - 1 for ring in re.findall(r"ring (\d)", judged)}
    assert (rings or {0, 1}) == set(params.judged)
    assert ("both rings" in sentence) == (len(params.judged) == 2)
    distractors = set(params.shown) - set(params.judged)
    assert {int(ring) - 1 for ring in re.findall(r"ring (\d)", ignored)} == distractors
    assert ("successive" in sentence) == ("delay" in modcog.task(name).period_names)


@pytest.mark.parametrize("name", ["DMS", "DNMS", "DMC", "DNMC"])
def test_matching_sentences_say_when_to_answer(name: str) -> None:
    sentence, spec = BASE_TASKS[name].sentence, BASE_TASKS[name]
    trials = modcog.sample(spec, np.random.default_rng(0), 400)
    places = trials.stimulus_location
    same = places[:, 0] == places[:, 1]
    if "half of the ring" in sentence:
        same = places[:, 0] // 8 == places[:, 1] // 8
    negated = "is not that" in sentence or "the other half" in sentence
    np.testing.assert_array_equal(trials.responds, same != negated)


def test_strangers_tasks_are_called_by_their_name() -> None:
    own = replace(modcog.task("DlyGo_IntL"), base="RingGo", sentence="")
    assert modcog.describe(own).startswith("Do RingGo; the answer moves left by one unit")


def test_unknown_names_are_refused() -> None:
    with pytest.raises(modcog.UnknownName, match="DlyGo"):
        modcog.describe("DlyGoo")
