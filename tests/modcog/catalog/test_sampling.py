"""Whatever draws trials takes a name or a specification, and a seed or a generator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import modcog
from modcog.hashing import generator_of, seed_of
from tests.modcog import helpers


def pictured(figure: Any) -> bytes:
    return b"".join(image.get_array().tobytes() for ax in figure.axes for image in ax.images)


def whole(bank: modcog.TrialBank) -> tuple[bytes, bytes]:
    return bank.inputs.tobytes(), bank.targets.tobytes()


CALLS: dict[str, Callable[[Any, Any], Any]] = {
    "sample": lambda task, rng: modcog.sample(task, rng, 5),
    "conditions": lambda task, rng: modcog.conditions(task, rng, 2, location=[1, 2]),
    "trial_bank": lambda task, rng: whole(modcog.trial_bank(task, 5, rng)),
    "plot_trial": lambda task, rng: pictured(modcog.plot_trial(task, seed=rng)),
}
SEEDS: list[Any] = [7, [7], [7, 0], [0, 7], np.random.SeedSequence(7).spawn(1)[0], 2**70]


@pytest.mark.parametrize("call", CALLS)
def test_a_name_and_its_specification_are_one_task(call: str) -> None:
    draw = CALLS[call]
    assert draw("DlyGo", 3) == draw(modcog.task("DlyGo"), 3) != draw("DlyAnti", 3)
    assert draw(modcog.task("DM1", dt=50), 3) != draw("DM1", 3)
    with pytest.raises(modcog.UnknownName, match="Did you mean DlyGo"):
        draw("DlyG", 3)
    with pytest.raises(modcog.InvalidArgument, match="^tasks? must be"):
        draw(5, 3)


@pytest.mark.parametrize("call", CALLS)
def test_each_seed_is_one_of_its_own_and_a_generator_goes_on(call: str) -> None:
    draw = CALLS[call]
    drawn = [draw("DM1", seed) for seed in SEEDS]
    assert [draw("DM1", seed) for seed in SEEDS] == drawn
    for number, one in enumerate(drawn):
        assert all(one != other for other in drawn[:number])
    rng, again = helpers.rng(1), helpers.rng(1)
    first, second = draw("DM1", rng), draw("DM1", rng)
    assert first != second
    assert [draw("DM1", again), draw("DM1", again)] == [first, second]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("bad", [-1, 0.5, "7", True, [], np.random.PCG64(0)])
def test_what_is_neither_seed_nor_generator_is_refused(call: str, bad: Any) -> None:
    with pytest.raises(
        modcog.InvalidArgument, match=r"^(rng|seed) must be .* or a numpy.random.SeedSequence or Ge"
    ):
        CALLS[call]("DM1", bad)


@given(seed=st.integers(0, 2**130))
@settings(max_examples=30)
def test_a_number_stands_for_the_generator_of_numpy(seed: int) -> None:
    expected = np.random.default_rng(seed).integers(2**60, size=3).tolist()
    assert generator_of(seed).integers(2**60, size=3).tolist() == expected
    spelt = np.random.SeedSequence(seed)
    assert generator_of(spelt).integers(2**60, size=3).tolist() == expected
    assert seed_of(seed).entropy == seed_of(spelt).entropy == seed


def test_the_picture_shows_the_trial_that_is_drawn() -> None:
    for seed in SEEDS:
        trials = modcog.sample("DM1_SeqL", seed)
        shown = modcog.plot_trial("DM1_SeqL", seed=seed)
        assert pictured(shown) == pictured(modcog.plot_trial(trials))


def test_splits_of_conditions_share_a_seed() -> None:
    with pytest.raises(modcog.InvalidArgument, match="^seed must be a seed where split_by is"):
        modcog.trial_bank("Go", 5, helpers.rng(0), split_by="conditions")
