"""Directions, bumps, distances and displacements."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st

import modcog
from modcog import ring
from tests.modcog import helpers

velocities = st.floats(0.01, 50)
times_ms = st.lists(st.floats(0, 5000), min_size=1, max_size=10)
angles = st.floats(-20, 20)


@given(n=helpers.ring_sizes)
def test_direction_k_lies_at_its_angle(n: int) -> None:
    theta = ring.directions(n)
    assert theta[0] == 0
    np.testing.assert_allclose(np.diff(theta), 2 * math.pi / n)
    assert theta[-1] + 2 * math.pi / n == pytest.approx(2 * math.pi)
    # Back from the angle to the index.
    np.testing.assert_array_equal(helpers.nearest(theta * n / (2 * math.pi)), np.arange(n))


@given(n=helpers.ring_sizes)
def test_bumps_peak_at_their_direction_and_are_rotations_of_each_other(n: int) -> None:
    table = ring.bumps(n)
    np.testing.assert_array_equal(table.argmax(axis=1), np.arange(n))
    np.testing.assert_allclose(np.diag(table), 0.8)
    for k in range(n):
        np.testing.assert_allclose(table[k], np.roll(table[0], k), atol=1e-12)
    # Mirror image: a bump at -k is the bump at k read backwards.
    back = -np.arange(n) % n
    np.testing.assert_allclose(table[back][:, back], table, atol=1e-12)


def test_the_width_of_a_bump_is_an_angle() -> None:
    # Every second channel of a finer ring is the coarser one.
    np.testing.assert_allclose(ring.bumps(32)[::2, ::2], ring.bumps(16), atol=1e-12)
    # One standard deviation, pi/8, is one unit of a ring of 16.
    assert ring.bumps(16)[0, 1] == pytest.approx(0.8 * math.exp(-0.5))


@given(
    n=helpers.ring_sizes,
    width=st.floats(1e-3, 1e3),
    height=st.floats(1e-3, 1e6),
)
def test_bumps_of_any_width_and_height(n: int, width: float, height: float) -> None:
    table = ring.bumps(n, width, height)
    np.testing.assert_array_equal(np.diag(table), height)
    away = ring.circular_distance(ring.directions(n), 0)
    expected = height * np.exp(-(away**2) / (2 * width**2))
    np.testing.assert_allclose(table[0], expected, rtol=1e-9, atol=1e-12 * height)
    trials = helpers.draw("DM1", 3, dim_ring=n, noise=0, bump_width=width, bump_height=height)
    np.testing.assert_array_equal(trials.bumps, table)
    (a, b), (strong, weak) = trials.stimulus_location[0], trials.stimulus_strength[0]
    shown = modcog.render(trials).observations[int(trials.period_steps[0, 0]), 0, 1 : 1 + n]
    np.testing.assert_array_equal(shown, (strong * table[a] + weak * table[b]).astype(np.float32))


@given(a=angles, b=angles, turns=st.integers(-3, 3))
def test_distance_is_symmetric_at_most_half_a_turn_and_blind_to_turns(
    a: float, b: float, turns: int
) -> None:
    distance = float(ring.circular_distance(a, b))
    assert 0 <= distance <= math.pi + 1e-9
    assert distance == pytest.approx(float(ring.circular_distance(b, a)), abs=1e-9)
    assert distance == pytest.approx(
        float(ring.circular_distance(a + 2 * math.pi * turns, b)), abs=1e-9
    )
    assert math.cos(distance) == pytest.approx(math.cos(a - b), abs=1e-9)


def test_the_default_velocity_is_10_units_per_second_on_a_ring_of_16() -> None:
    assert pytest.approx(5 * math.pi / 4) == ring.VELOCITY
    assert ring.units_per_second(ring.VELOCITY, 16) == pytest.approx(10)
    at_100 = ring.displacement(ring.VELOCITY, np.arange(0, 1200, 100), 16)
    np.testing.assert_array_equal(at_100, np.arange(12))
    at_20 = ring.displacement(ring.VELOCITY, np.arange(0, 300, 20), 16)
    np.testing.assert_array_equal(at_20, [0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3])


@given(velocity=velocities, ms=times_ms, n=helpers.ring_sizes)
def test_a_displacement_is_at_most_half_a_unit_off(
    velocity: float, ms: list[float], n: int
) -> None:
    exact = velocity * np.array(ms) / 1000 * n / (2 * math.pi)
    units = ring.displacement(velocity, ms, n)
    assert units.dtype == np.int64
    assert np.all(np.abs(units - exact) <= 0.5 + 1e-8)
    assert np.all(units >= 0)
    # The sign is the caller's, so that left is the exact mirror image of right.
    np.testing.assert_array_equal(ring.displacement(-velocity, ms, n), units)


@given(whole=st.integers(0, 1000), dust=st.floats(-1e-11, 1e-11))
def test_a_half_goes_up_and_dust_does_not_matter(whole: int, dust: float) -> None:
    assert ring.units(whole + 0.5 + dust) == whole + 1
    assert ring.units(whole + dust) == whole


@given(velocity=velocities, ms=times_ms, n=helpers.ring_sizes)
def test_longer_times_never_move_less(velocity: float, ms: list[float], n: int) -> None:
    assert np.all(np.diff(ring.displacement(velocity, sorted(ms), n)) >= 0)


@given(n=st.integers(-100, 100))
def test_ring_sizes_are_multiples_of_four(n: int) -> None:
    if n >= 4 and n % 4 == 0:
        assert ring.check_dim_ring(n) == n
        assert type(ring.check_dim_ring(np.int32(n))) is int
    else:
        with pytest.raises(
            modcog.InvalidArgument, match=f"^dim_ring must be a multiple of 4 .*; got {n}"
        ):
            modcog.task("Go", dim_ring=n)


@pytest.mark.parametrize("value", [16.0, "16", None, True, [16]])
def test_ring_sizes_are_whole_numbers(value: object) -> None:
    with pytest.raises(modcog.InvalidArgument, match="^dim_ring must be a multiple of 4"):
        ring.check_dim_ring(value)


@given(value=st.text(max_size=3) | st.integers() | st.none())
def test_directions_are_l_and_r(value: object) -> None:
    assume(value not in ("L", "R"))
    assert (ring.sign_of("R"), ring.sign_of("L")) == (1, -1)
    with pytest.raises(modcog.InvalidArgument, match="^direction must be 'L' or 'R'; got"):
        ring.sign_of(value)


def test_left_and_right_are_mirror_images_in_every_form() -> None:
    left, right = ring.SIDES["L"], ring.SIDES["R"]
    assert left.sign == -right.sign
    for degrees in (22.5, 180.0):
        assert ring.to_the_side(right.sign * degrees) == f"{degrees:g}° to the {right.word}"
        assert ring.to_the_side(left.sign * degrees) == f"{degrees:g}° to the {left.word}"
    for side in (left, right):
        assert ring.drift_in_words(side.sign * 1.0).startswith(f"drifts {side.word} by 57.2")


@pytest.mark.parametrize("letter", ["L", "R"])
def test_words_signs_and_targets_of_a_side_agree(letter: str) -> None:
    side = ring.SIDES[letter]
    moved = modcog.conditions(f"DlyGo_Int{letter}", 0, location=8, delay=300)
    assert moved.response.tolist() == [8 + 3 * side.sign]
    assert f"moves {side.word} by one unit" in modcog.describe(f"DlyGo_Int{letter}")
    drifting = modcog.conditions(f"Go_Seq{letter}", 0, location=8)
    assert np.sign(drifting.drift_velocity).tolist() == [side.sign]
    assert f"drifts {side.word} by one unit" in modcog.describe(f"Go_Seq{letter}")


ROOT = Path(ring.__file__).resolve().parents[1]
DECIDED = {"modcog/ring.py", "docs/concepts/ring.md", "docs/fidelity.md"}
"""Where the turn of a side is said: its definition, its table, and what the paper writes."""


def test_no_other_text_has_a_word_of_its_own_for_left_and_right() -> None:
    kinds = {".py", ".md", ".js", ".html"}
    folders = [ROOT / name for name in ("modcog", "sparse_rnn", "docs")]
    there = [path for folder in folders if folder.is_dir() for path in folder.rglob("*")]
    files = [path for path in (*there, ROOT / "README.md") if path.suffix in kinds]
    own = re.compile(
        r"clock-?wise|leftward|rightward|[-+\u2212]\d+(\.\d+)? ?(°/s|rad/s|deg/s)", re.I
    )
    # Measured numbers of the reproduction have units and signs, by the same convention.
    allowed = DECIDED | {"docs/results.md"}
    found = {path.relative_to(ROOT).as_posix() for path in files if own.search(path.read_text())}
    assert found - allowed == set()


def test_the_table_of_the_documents_is_that_of_the_code() -> None:
    page = ROOT / "docs/concepts/ring.md"
    if not page.is_file():
        pytest.skip("a package without its documents")
    rows = re.findall(r"^\| ([LR]) \| (\w+) \| (\w+) \| (\S) \| (\S+) \|", page.read_text(), re.M)
    for letter, word, numbers, sign, turn in rows:
        side = ring.SIDES[letter]
        assert (word, turn) == (side.word, side.turn)
        assert (numbers, sign) == (("grow", "+") if side.sign > 0 else ("fall", "\u2212"))
    assert [row[0] for row in rows] == list(ring.SIDES)
