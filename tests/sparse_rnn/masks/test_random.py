"""Laws of the random mask families."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import sparse_rnn as srnn
from sparse_rnn import masks
from sparse_rnn.masks._sampling import distinct, skip
from tests.sparse_rnn.mask_families import FAMILIES, SIZE

SEEDS = st.integers(0, 2**32 - 1)
SIDES = st.lists(st.integers(1, 6), min_size=1, max_size=3).map(tuple)
RULES = st.sampled_from(["random", "never", "always"])
RANDOM = [name for name in FAMILIES if "seed" in masks.options(name)]


def torus_shifts(mask: srnn.Mask, sides: tuple[int, ...]) -> list[np.ndarray]:
    """The mask as matrices seen from each unit, the same ones if it is translation-invariant."""
    dense = mask.to_dense()
    seen = []
    for unit, place in enumerate(np.ndindex(*sides)):
        seen.append(np.roll(dense[unit].reshape(sides), [-p for p in place], range(len(sides))))
    return seen


@given(SIDES, st.floats(0, 5))
def test_locality_is_symmetric_and_the_same_everywhere_on_the_torus(
    sides: tuple[int, ...], radius: float
) -> None:
    mask = masks.locality(sides, radius)
    np.testing.assert_array_equal(mask.to_dense(), mask.to_dense().T)
    first, *others = torus_shifts(mask, sides)
    for other in others:
        np.testing.assert_array_equal(other, first)
    open_sheet = masks.locality(sides, radius, periodic=False).to_dense()
    np.testing.assert_array_equal(open_sheet, open_sheet.T)


def test_random_families_are_listed() -> None:
    assert RANDOM == [
        "random",
        "erdos_renyi",
        "small_world",
        "watts_strogatz",
        "distance_rule",
        "modular",
        "scale_free",
        "degree_preserving",
    ]


@pytest.mark.parametrize("name", RANDOM)
def test_seeds_decide_the_mask_and_nothing_else_does(name: str) -> None:
    build = lambda seed: masks.build(name, SIZE, **FAMILIES[name], seed=seed)  # noqa: E731 - one line of one test
    assert build(3) == build(3) == build(np.int64(3)) == build(np.random.SeedSequence(3))
    assert build(3) != build(4)
    # What a caller draws from the same seed says nothing about the mask.
    assert build(3) != build(np.random.default_rng(3))
    sequence = np.random.SeedSequence(3, spawn_key=(1,))
    assert build(sequence) == build(np.random.SeedSequence(3, spawn_key=(1,))) != build(3)
    generator = np.random.default_rng(3)
    assert build(generator) != build(generator)
    assert build(3).parameters["seed"] == 3
    assert build(sequence).parameters["seed"] == "SeedSequence(entropy=3, spawn_key=(1,))"
    assert build(generator).parameters["seed"] == "Generator(PCG64)"


@pytest.mark.parametrize(
    "name", [name for name in RANDOM[:2] + RANDOM[4:] if "self_connections" in masks.options(name)]
)
@pytest.mark.parametrize("rule", ["never", "always"])
def test_self_connections_follow_the_rule(name: str, rule: str) -> None:
    mask = masks.build(name, SIZE, **FAMILIES[name], self_connections=rule, seed=1)
    np.testing.assert_array_equal(mask.to_dense().diagonal(), rule == "always")


def test_self_connections_are_drawn_as_others_unless_there_is_a_rule() -> None:
    for name in set(RANDOM) - {"watts_strogatz", "small_world", "distance_rule"}:
        own = [
            masks.build(name, SIZE, **FAMILIES[name], seed=seed).to_dense().diagonal().mean()
            for seed in range(20)
        ]
        assert 0 < np.mean(own) < 1, name


@given(SIDES, st.data(), SEEDS)
def test_random_has_exactly_the_in_degree(
    sides: tuple[int, ...], data: st.DataObject, seed: int
) -> None:
    n_units = math.prod(sides)
    rule = data.draw(RULES if n_units > 1 else st.sampled_from(["random", "always"]))
    in_degree = data.draw(st.integers(1, n_units - (rule == "never")))
    mask = masks.random(sides, in_degree, self_connections=rule, seed=seed)
    assert set(mask.in_degree()) == {in_degree}
    if rule != "random":
        np.testing.assert_array_equal(mask.to_dense().diagonal(), rule == "always")


def test_every_set_of_sources_is_equally_likely() -> None:
    # 10 sets of 2 sources of 5, counted over 4000 rows; 3.3 is the 99.9 % quantile of chi2/df.
    rng = np.random.default_rng(0)
    keys = distinct(rng, np.full(4000, 2), np.full(4000, 5)).reshape(4000, 2) % 5
    _, counts = np.unique(keys @ [5, 1], return_counts=True)
    assert len(counts) == 10
    assert ((counts - 400) ** 2 / 400).sum() / 9 < 3.3


@given(st.lists(st.integers(0, 30), min_size=1, max_size=8), st.data(), SEEDS)
def test_choices_are_distinct_and_as_many_as_asked_for(
    sizes: list[int], data: st.DataObject, seed: int
) -> None:
    counts = [data.draw(st.integers(0, size)) for size in sizes]
    chosen = distinct(np.random.default_rng(seed), counts, sizes)
    assert (np.diff(chosen) > 0).all()
    borders = np.cumsum([0, *sizes])
    found = np.histogram(chosen, bins=np.arange(borders[-1] + 1))[0] if borders[-1] else []
    by_group = [sum(found[a:b]) for a, b in itertools.pairwise(borders)]
    assert by_group == counts


@given(st.sets(st.integers(0, 40)))
def test_skip_leaves_out_what_is_taken(taken: set[int]) -> None:
    free = [key for key in range(60) if key not in taken]
    ranks = np.arange(len(free))
    np.testing.assert_array_equal(skip(ranks, np.array(sorted(taken), dtype=np.int64)), free)


@given(SIDES, st.floats(0, 3), st.booleans(), st.data(), SEEDS)
def test_small_world_has_the_local_synapses_and_exactly_nnz(
    sides: tuple[int, ...], radius: float, periodic: bool, data: st.DataObject, seed: int
) -> None:
    local = masks.locality(sides, radius, periodic=periodic)
    nnz = data.draw(st.integers(local.nnz, local.n_units**2))
    mask = masks.small_world(sides, radius, nnz, periodic=periodic, seed=seed)
    assert mask.nnz == nnz
    assert (mask.to_dense() >= local.to_dense()).all()
    if nnz == local.nnz:
        assert mask == local


@given(st.integers(3, 30), st.data(), SEEDS, st.sampled_from([0.0, 0.2, 1.0]))
def test_watts_strogatz_keeps_the_in_degree(
    n_units: int, data: st.DataObject, seed: int, rewiring: float
) -> None:
    neighbours = 2 * data.draw(st.integers(1, (n_units - 1) // 2))
    mask = masks.watts_strogatz(n_units, neighbours, rewiring, seed=seed)
    assert set(mask.in_degree()) == {neighbours}
    assert not mask.to_dense().diagonal().any()
    if rewiring == 0:
        ring = masks.locality((n_units,), neighbours / 2).to_dense() & ~np.eye(n_units, dtype=bool)
        np.testing.assert_array_equal(mask.to_dense(), ring)


def test_watts_strogatz_rewires_as_many_as_it_says() -> None:
    ring = masks.watts_strogatz(2000, 10, 0)
    rewired = masks.watts_strogatz(2000, 10, 0.3, seed=1)
    stayed = (ring.to_dense() & rewired.to_dense()).sum() / ring.nnz
    assert stayed == pytest.approx(0.7, abs=0.02)
    with_self = masks.watts_strogatz(50, 4, 0.3, self_connections="always")
    assert set(with_self.in_degree()) == {5}


@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("rule", ["random", "never", "always"])
@pytest.mark.parametrize(("decay_rate", "mean"), [(0, 20), (0.4, 20), (2.5, 3), (80.0, 4)])
def test_distance_rule_is_exponential_with_the_mean_in_degree(
    periodic: bool, rule: str, decay_rate: float, mean: float
) -> None:
    sides = (40, 50)
    options: Mapping[str, Any] = {"periodic": periodic, "self_connections": rule}
    mask = masks.distance_rule(sides, decay_rate, mean, seed=2, **options)
    assert mask.nnz / mask.n_units == pytest.approx(mean, rel=0.03)
    if decay_rate == 0.4 and rule == "random":
        assert mask.coords is not None
        steps = np.abs(mask.coords[mask.targets()] - mask.coords[mask.indices])
        if periodic:
            steps = np.minimum(steps, np.array(sides) - steps)
        at_1, at_6 = (np.isclose(np.linalg.norm(steps, axis=1), d).sum() for d in (1, 6))
        # As many pairs lie at distance 1 as at distance 6, on a torus.
        if periodic:
            assert math.log(at_1 / at_6) == pytest.approx(0.4 * 5, abs=0.15)


def test_distance_rule_without_decay_or_with_all_synapses() -> None:
    assert masks.distance_rule((4, 5), 0.3, 20) == masks.dense(20)
    full = masks.distance_rule((4, 5), 0.3, 19, self_connections="never")
    np.testing.assert_array_equal(full.to_dense(), ~np.eye(20, dtype=bool))
    own = masks.distance_rule((4, 5), 0.3, 1, self_connections="always")
    assert own == masks.autapse(20)
    # On an open sheet corners have fewer near units, so fewer sources.
    degrees = masks.distance_rule((30, 30), 0.8, 12, periodic=False, seed=0).in_degree()
    sheet = degrees.reshape(30, 30)
    assert sheet[:3, :3].mean() < sheet[10:20, 10:20].mean() - 3


def test_erdos_renyi_and_modular_have_their_probabilities() -> None:
    assert masks.erdos_renyi(500, 0.2, seed=1).density == pytest.approx(0.2, abs=0.005)
    assert masks.erdos_renyi(6, 1) == masks.dense(6)
    mask = masks.modular(302, 3, 0.4, 0.05, seed=1)
    module = np.repeat([0, 1, 2], [101, 101, 100])
    same = module[:, None] == module
    dense = mask.to_dense()
    assert dense[same].mean() == pytest.approx(0.4, abs=0.01)
    assert dense[~same].mean() == pytest.approx(0.05, abs=0.005)
    assert masks.modular(6, 1, 1, 0) == masks.dense(6)


def test_scale_free_has_exactly_its_synapses_and_hubs() -> None:
    mask = masks.scale_free(3000, 8, seed=1)
    assert mask.nnz == 24_000
    even = masks.random(3000, 8, seed=1)
    assert mask.in_degree().max() > 5 * even.in_degree().max()
    assert mask.out_degree().max() > 3 * even.out_degree().max()
    assert masks.scale_free(3000, 8, exponent=2.2, seed=1).in_degree().max() > (
        mask.in_degree().max()
    )
    # Hubs as targets are not hubs as sources.
    assert abs(np.corrcoef(mask.in_degree(), mask.out_degree())[0, 1]) < 0.1


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("random", {"in_degree": 31}, "in_degree must be a whole number from 1 to 30; got 31."),
        (
            "random",
            {"in_degree": 30, "self_connections": "never"},
            "in_degree must be a whole number from 1 to 29; got 30.",
        ),
        ("random", {"in_degree": 2.0}, "in_degree must be a whole number from 1 to 30; got 2.0."),
        (
            "random",
            {"in_degree": 2, "self_connections": "nevr"},
            "self_connections must be 'random' or 'never' or 'always'; got 'nevr'. "
            "Did you mean 'never'?",
        ),
        ("random", {"in_degree": 2, "seed": -1}, "seed must be a whole number of at least 0"),
        ("random", {"in_degree": 2, "seed": None}, "seed must be a whole number of at least 0"),
        ("erdos_renyi", {"probability": 0}, "probability must be above 0"),
        ("erdos_renyi", {"probability": 1.1}, "probability must be a number from 0 to 1; got 1.1."),
        ("erdos_renyi", {"probability": math.nan}, "probability must be a number from 0 to 1"),
        ("small_world", {"radius": 1, "nnz": 149}, "nnz must be from 150, the synapses within"),
        ("small_world", {"radius": 1, "nnz": 901}, "to 900, N**2; got 901."),
        ("small_world", {"radius": -1, "nnz": 90}, "radius must be a finite number"),
        ("small_world", {"radius": 1, "nnz": 190, "periodic": 1}, "periodic must be True or False"),
        ("watts_strogatz", {"neighbours": 3, "rewiring": 0}, "neighbours must be even"),
        ("watts_strogatz", {"neighbours": 30, "rewiring": 0}, "whole number from 2 to 29"),
        ("watts_strogatz", {"neighbours": 2, "rewiring": 2}, "rewiring must be a number from 0"),
        (
            "watts_strogatz",
            {"neighbours": 2, "rewiring": 0, "self_connections": "random"},
            "self_connections must be 'never' or 'always'; got 'random'.",
        ),
        ("distance_rule", {"decay_rate": -1, "mean_in_degree": 3}, "decay_rate must be a number"),
        ("distance_rule", {"decay_rate": 1, "mean_in_degree": 31}, "to 30; got 31."),
        ("modular", {"n_modules": 31, "p_in": 1, "p_out": 0}, "n_modules must be a whole number"),
        ("modular", {"n_modules": 3, "p_in": 0, "p_out": 0}, "p_in must be above 0 where p_out"),
        ("modular", {"n_modules": 3, "p_in": "1", "p_out": 0}, "p_in must be a number from 0 to"),
        ("scale_free", {"mean_in_degree": 3, "exponent": 2}, "exponent must be above 2; got 2."),
        ("scale_free", {"mean_in_degree": 30}, "mean_in_degree must be lower for so few units"),
    ],
)
def test_refusals_name_the_option_its_value_and_what_is_allowed(
    name: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(srnn.SparseRnnError) as caught:
        masks.build(name, SIZE, **options)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("random", {}, "in_degree must be given for 'random' masks"),
        ("random", {"indegree": 3}, "Did you mean 'in_degree'?"),
        ("dense", {"in_degree": 3}, "it is an option of random; this family has no options"),
        ("modular", {"radius": 3}, "it is an option of locality, small_world; the options here"),
        ("random", {"colour": 3}, "no family takes it; the options here are in_degree"),
    ],
)
def test_options_of_other_families_are_refused_with_where_they_belong(
    name: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(srnn.SparseRnnError) as caught:
        masks.build(name, SIZE, **options)
    assert message in str(caught.value)


def test_the_published_controls_have_the_published_numbers_of_synapses() -> None:
    assert masks.random((50, 50), 113).nnz == masks.locality((50, 50), 6).nnz == 282_500
    of_radius_8 = masks.locality((50, 50), 8)
    for radius in range(9):
        mask = masks.small_world((50, 50), radius, of_radius_8.nnz, seed=radius)
        assert mask.nnz == of_radius_8.nnz
    assert mask == of_radius_8
