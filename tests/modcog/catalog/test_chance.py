"""The scores of simple strategies: the specification's numbers, and strategies that are played."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import modcog
from modcog.catalog.chance import BLIND
from modcog.errors import UnknownName
from modcog.scoring.measures import score_trials
from tests.every import every
from tests.modcog import helpers

MATCH = ("DMS", "DNMS", "DMC", "DNMC")
DM = ("DM1", "DM2", "CtxDM1", "CtxDM2", "MultiDM")
DLY_DM = ("DlyDM1", "DlyDM2", "CtxDlyDM1", "CtxDlyDM2", "MultiDlyDM")


def is_match(name: str) -> bool:
    return name.partition("_")[0] in MATCH


@every("name", helpers.NAMES)
def test_blind_strategies_score_as_the_specification_says(name: str) -> None:
    table = modcog.chance_table(name)
    half = is_match(name)
    uniform = (1 / 17, (0.5 * 1 + 0.5 * 3) / 17 if half else 3 / 17)
    assert table["uniform label"] == pytest.approx(uniform)
    assert table["always fixate"] == ((0.5, 0.5) if half else (0, 0))
    p = 0.5 if half else 1
    assert table["random direction"] == pytest.approx((p / 16, p * 3 / 16))
    assert modcog.chance_level(name) == (0.5 if half else 1 / 16)


@pytest.mark.parametrize(
    ("name", "strategy", "final_accuracy", "performance"),
    [
        *((name, "either place", 0.5, 0.5) for name in (*DM, *DLY_DM, "DM1_SeqL", "DlyDM1_IntR")),
        *((name, "always respond", 0.5, 0.5) for name in (*MATCH, "DMS_IntL_SeqR")),
        *((f"CtxDM{i}", f"judge ring {3 - i}", 0.5, 0.5) for i in (1, 2)),
        *((f"CtxDlyDM{i}", f"judge ring {3 - i}", 0.5, 0.5) for i in (1, 2)),
        *((f"CtxDM{i}", "judge both rings", 0.75, 0.75) for i in (1, 2)),
        *((f"CtxDlyDM{i}", "judge both rings", 0.75, 0.75) for i in (1, 2)),
        *(("MultiDM", f"judge ring {i}", 0.7857142857, 0.7857142857) for i in (1, 2)),
        *(("MultiDlyDM", f"judge ring {i}", 0.8, 0.8) for i in (1, 2)),
        *((f"{base}_IntL", "ignore interval", 0, 1 / 11) for base in ("DlyGo", "Go", *DM, *DLY_DM)),
        *((f"{base}_IntR", "ignore interval", 0.5, 0.5 + 0.5 / 11) for base in MATCH),
        *((f"{base}_IntR", "constant interval", 1 / 11, 3 / 11) for base in ("DlyAnti", *DLY_DM)),
        *((f"{base}_IntR_SeqL", "ignore drift", 0, 0) for base in ("DlyGo", *DLY_DM)),
        *((f"{base}_SeqL", "ignore drift", 0.5, 0.5) for base in MATCH),
    ],
)
def test_strategies_score_as_the_specification_says(
    name: str, strategy: str, final_accuracy: float, performance: float
) -> None:
    level = modcog.chance_table(name)[strategy]
    assert level == pytest.approx((final_accuracy, performance), abs=1e-9)


def test_close_places_make_a_coin_flip_look_better() -> None:
    # With separations from one unit on, the other place is accepted on 2 of 15 trials.
    level = modcog.chance_table("DM1", min_separation=1)["either place"]
    assert level == pytest.approx((0.5, 0.5 + 0.5 * 2 / 15))


def test_a_finer_ring_accepts_more_neighbours() -> None:
    # 36 degrees are 3.2 units of a ring of 32: seven directions are accepted.
    assert modcog.chance_table("Go", dim_ring=32)["random direction"] == pytest.approx(
        (1 / 32, 7 / 32)
    )
    assert modcog.chance_level("Go", dim_ring=32) == 1 / 32
    assert modcog.chance_level("DMS", dim_ring=32) == 0.5
    # On a ring of 4 nothing but the answer is.
    assert modcog.chance_table("Go", dim_ring=4)["random direction"] == (0.25, 0.25)


@every("name", helpers.NAMES)
def test_the_table_has_the_strategies_that_mean_something(name: str) -> None:
    table = modcog.chance_table(name)
    assert set(BLIND) <= set(table)
    assert ("always respond" in table) == is_match(name)
    assert ("either place" in table) == (modcog.task(name).family == "decision")
    assert ("ignore interval" in table) == ("constant interval" in table) == ("_Int" in name)
    assert ("ignore drift" in table) == ("_Seq" in name)
    for level in table.values():
        assert 0 <= level.final_accuracy <= 1
        assert level.final_accuracy <= level.performance + 1e-12 <= 1 + 1e-9
    assert modcog.chance_level(name) == max(table[s].final_accuracy for s in BLIND)


def test_callable_durations_leave_out_what_cannot_be_known() -> None:
    timing = {"delay": lambda _: 500.0, "decision": lambda _: 1000.0}
    table = modcog.chance_table("DlyGo_IntL_SeqR", timing=timing)
    assert set(table) == set(BLIND)


# --- strategies that are played against drawn trials ---------------------------------------------


def answers(trials: modcog.Trials, strategy: str, rng: np.random.Generator) -> NDArray[np.int64]:
    """Labels of a strategy at the last decision step; the right label where it has no opinion."""
    n = len(trials)
    places = trials.stimulus_location
    last = trials.decision_steps - 1
    drift = np.sign(trials.drift).astype(int) * helpers.nearest(np.abs(trials.drift) * last)
    right = np.where(trials.responds, 1 + (trials.response + drift) % 16, 0)

    def at(base: NDArray[np.int64]) -> NDArray[np.int64]:
        """The label that this answer of the base task leads to."""
        shift = trials.response - trials.base_response + drift
        return np.where(trials.responds, 1 + (base + shift) % 16, 0)

    signed = trials.stimulus_strength * np.where(places == places[:, :1], 1, -1)
    if strategy.startswith("judge"):
        rings = {"1": [0], "2": [1], "s": [0, 1]}[strategy[-1]]
        evidence = np.round((signed * np.isin(trials.stimulus_ring, rings)).sum(axis=1), 9)
        evidence = np.where(evidence == 0, rng.choice([-1, 1], n), evidence)
        return at(np.where(evidence > 0, places[:, 0], places[:, 1]))
    if strategy == "ignore interval":
        return np.where(trials.responds, 1 + (trials.base_response + drift) % 16, 0)
    if strategy == "ignore drift":
        return np.where(trials.responds, 1 + trials.response, 0)
    return {
        "uniform label": lambda: rng.integers(17, size=n),
        "always fixate": lambda: np.zeros(n, dtype=np.int64),
        "random direction": lambda: rng.integers(1, 17, size=n),
        "always respond": lambda: np.where(right > 0, right, 1),
        "either place": lambda: at(places[np.arange(n), rng.integers(2, size=n)]),
    }[strategy]()


PLAYED = [
    (name, strategy)
    for name in (
        "Go",
        "DM1_SeqR",
        "CtxDM1",
        "CtxDlyDM2_IntL",
        "MultiDM",
        "MultiDlyDM",
        "DMS",
        "DlyGo_IntL_SeqR",
    )
    for strategy in modcog.chance_table(name)
    if strategy != "constant interval"
]


@every(("name", "strategy"), PLAYED)
def test_a_strategy_that_is_played_scores_what_the_table_says(name: str, strategy: str) -> None:
    trials = helpers.draw(name, 2500, seed=8)
    labels = answers(trials, strategy, helpers.rng(9))
    final = np.zeros((int(trials.length.max()), len(trials)), dtype=np.int64)
    final[trials.length - 1, np.arange(len(trials))] = labels
    logits: Any = 50.0 * (final[..., None] == np.arange(17))
    scores = score_trials(logits, trials)
    level = modcog.chance_table(name)[strategy]
    for expected, got in zip(level, (scores.final_accuracy, scores.performance), strict=True):
        error = (expected * (1 - expected) / len(trials)) ** 0.5
        assert abs(got.mean() - expected) <= 4.5 * error + 1e-12


def test_two_floors() -> None:
    floors = {
        name: modcog.chance_level(name, ignores="evidence") for name in modcog.suite("cog-20")
    }
    for name, floor in floors.items():
        assert floor >= modcog.chance_level(name)
        decides = modcog.task(name).family == "decision"
        # Either place is right half of the time; responding always is, on match tasks.
        assert floor == (0.5 if decides or modcog.task(name).p_response < 1 else 1 / 16), name
    with pytest.raises(UnknownName, match="Did you mean stimuli"):
        modcog.chance_level("Go", ignores="stimulus")


STRATEGY_RINGS = {"judge ring 1": (0,), "judge ring 2": (1,), "judge both rings": (0, 1)}


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("MultiDlyDM", {"strengths": (0.3, 0.3, 0.6)}),
        ("MultiDlyDM", {"strengths": (0.3, 0.3, 0.6, 1.0)}),
        ("CtxDlyDM1", {"strengths": (0.3, 0.3, 0.6, 1.0)}),
        ("MultiDM", {"coherences": (0.1, 0.1, 0.4)}),
        ("CtxDM2", {"coherences": (0.1, 0.1, 0.4)}),
    ],
)
def test_values_that_are_listed_twice_count_twice(name: str, settings: dict[str, Any]) -> None:
    n = 4000
    trials = helpers.draw(name, n, 3, **settings)
    table = modcog.chance_table(name, **settings)
    ring, strength = trials.stimulus_ring, trials.stimulus_strength
    place = trials.stimulus_location
    first = place == place[:, :1]
    for strategy, rings in STRATEGY_RINGS.items():
        if strategy not in table:
            continue
        shown = np.isin(ring, rings) * strength
        evidence = np.round((shown * np.where(first, 1, -1)).sum(axis=1), 9)
        right = (trials.response == place[:, 0]) == (evidence > 0)
        measured = float(np.where(evidence == 0, 0.5, right).mean())
        expected = table[strategy].final_accuracy
        assert abs(measured - expected) <= 4.5 * math.sqrt(expected * (1 - expected) / n)


def test_a_family_of_ones_own_may_be_called_decision() -> None:
    spec = replace(modcog.task("Go"), family="decision")
    assert "either place" not in modcog.chance_table(spec)


@pytest.mark.parametrize("name", ["DM1", "DlyDM1", "MultiDM_IntL", "CtxDlyDM2_SeqR"])
def test_a_separation_beyond_the_ring_is_refused_when_the_task_is_made(name: str) -> None:
    with pytest.raises(modcog.InvalidArgument, match="^min_separation must be at most half a turn"):
        modcog.task(name, min_separation=9)
    with pytest.raises(modcog.InvalidArgument, match="^min_separation must be at most half a turn"):
        modcog.task(modcog.task(name, min_separation=8), dim_ring=8)
    table = modcog.chance_table(name, min_separation=8)
    assert all(0 <= min(level) <= max(level) <= 1 for level in table.values())
