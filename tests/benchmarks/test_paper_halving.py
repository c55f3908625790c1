"""Successive halving: who goes on, on which seeds, and that the search reads the disk alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sparse_rnn as srnn
from benchmarks.paper import _halving as halving, _map as the_map
from benchmarks.paper._arms import Arm, Results
from benchmarks.paper._halving import Rung, Search
from benchmarks.paper._scales import SCALES, TEST, Scale
from benchmarks.paper._statistics import Sample
from sparse_rnn import sweep

RATES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
CANDIDATES = tuple({"arch": "dense", "size": 9, "lr": rate} for rate in RATES)
SEARCH = Search("a network", CANDIDATES, (Rung(5, (100,), 3), Rung(9, (100, 101), 1)))


class Made(Results):
    """Runs that exist as soon as they are asked for, unless a round is held back.

    Args:
        scores: Performance by learning rate and seed; None where the run diverged.
        rounds: Rounds that are finished.
    """

    def __init__(self, scores: Any, rounds: int = 2) -> None:
        super().__init__(Path("nowhere"))
        object.__setattr__(self, "scores", scores)
        object.__setattr__(self, "steps", [rung.steps for rung in SEARCH.rungs[:rounds]])

    def arm(self, arm: Arm, scale: Scale) -> list[Any]:
        if arm.settings["steps"] not in self.steps:
            return []
        return [c for c in arm.configs(scale) if self.scores(c.lr, c.seed) is not None]

    def diverged(self, arm: Arm, scale: Scale) -> tuple[int, ...]:
        if arm.settings["steps"] not in self.steps:
            return ()
        return tuple(c.seed for c in arm.configs(scale) if self.scores(c.lr, c.seed) is None)


@pytest.fixture(autouse=True)
def read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Performance of a made-up run, as `_arms.at_end` reads it from files."""

    def at_end(runs: list[Any], _measure: str, diverged: tuple[int, ...]) -> Sample:
        scores = CURRENT[0].scores
        return Sample({c.seed: scores(c.lr, c.seed) for c in runs}).counting(diverged, worst=0.0)

    monkeypatch.setattr(halving, "at_end", at_end)


CURRENT: list[Any] = [None]


def survivors(number: int, made: Made) -> list[float] | None:
    CURRENT[0] = made
    found = SEARCH.survivors(number, made, TEST)
    return None if found is None else [one["lr"] for one in found]


def test_the_best_of_each_round_go_on() -> None:
    made = Made(lambda lr, seed: lr if seed == 100 else 1 - lr)
    assert survivors(0, made) == list(RATES)
    assert survivors(1, made) == [0.6, 0.5, 0.4]
    # Over both seeds all are equal: the order of the round before decides.
    assert survivors(2, made) == [0.6]
    assert SEARCH.chosen(made, TEST) == CANDIDATES[-1]
    assert SEARCH.next_arms(made, TEST) == []


def test_a_candidate_that_diverged_is_the_worst() -> None:
    made = Made(lambda lr, _: None if lr > 0.35 else lr)
    assert survivors(1, made) == [0.3, 0.2, 0.1]


@pytest.mark.parametrize("rounds", [0, 1])
def test_a_round_that_is_not_finished_is_what_comes_next(rounds: int) -> None:
    made = Made(lambda lr, _: lr, rounds)
    assert survivors(rounds + 1, made) is None
    waiting = SEARCH.next_arms(made, TEST)
    assert {arm.settings["steps"] for arm in waiting} == {SEARCH.rungs[rounds].steps}
    assert [arm.settings["lr"] for arm in waiting] == survivors(rounds, made)
    assert SEARCH.chosen(made, TEST) is None


def test_updates_are_counted() -> None:
    assert SEARCH.n_updates == 6 * 1 * 5 + 3 * 2 * 9


@pytest.mark.parametrize("name", SCALES)
def test_nothing_is_chosen_on_the_seeds_that_are_compared(name: str) -> None:
    axes = the_map.MAPS[name]
    searched = {seed for rung in axes.rungs for seed in rung.seeds}
    assert not searched & set(axes.seeds)
    assert axes.rungs[-1].keep == 1


@pytest.mark.parametrize("name", SCALES)
def test_every_network_has_the_same_grid_and_the_in_degree_that_it_says(name: str) -> None:
    scale = SCALES[name]
    grids = set()
    for net in the_map.nets(the_map.MAPS[name]):
        settings = [dict(one) for one in the_map.search(net, scale).candidates]
        keys = ("init", "lr", "rates")
        grids.add(tuple(str({key: one.get(key) for key in keys}) for one in settings))
        if net.side <= 20:
            mask = srnn.TrainConfig(**settings[0]).build_mask()
            assert np.all(mask.in_degree() == net.in_degree)
            # The start "identity" needs them.
            assert np.all(mask.tocsr().diagonal() == 1)
    assert len(grids) == 1


@pytest.mark.parametrize("fails", [False, True])
def test_rounds_of_equal_size_follow_each_other_until_nothing_is_left(
    monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    done: list[int] = []
    started: list[list[int]] = []

    def rounds(_results: Results, _scale: Scale) -> list[Arm]:
        steps = 1 + len(set(done))
        return [Arm("a network", {**CANDIDATES[0], "steps": steps}, (0, 1))] if steps < 4 else []

    def run(configs: list[srnn.TrainConfig], *_: Any, **__: Any) -> None:
        started.append([config.steps for config in configs])
        done.extend([] if fails else started[-1])

    monkeypatch.setattr(sweep, "run", run)
    halving.carry_out(rounds, Results(Path("nowhere")), TEST)
    assert started == ([[1, 1]] if fails else [[1, 1], [2, 2], [3, 3]])
