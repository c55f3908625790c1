"""Masks against brute force, and the laws that every family keeps."""

from __future__ import annotations

import copy
import dataclasses
import functools
import itertools
import math
import pickle
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, strategies as st

import sparse_rnn as srnn
from sparse_rnn import masks
from tests.sparse_rnn.mask_families import FAMILIES, OTHERS, SIZE

SHEETS = ("locality", "small_world", "distance_rule")
"""Families in which places count."""

SIDES = st.lists(st.integers(1, 6), min_size=1, max_size=3).map(tuple)
RADII = st.one_of(
    st.floats(0, 7),
    st.integers(0, 7),
    st.integers(0, 40).map(math.sqrt),  # exactly on a shell of neighbours
)


def brute_force(sides: tuple[int, ...], radius: float, *, periodic: bool) -> np.ndarray:
    """All pairs of units, one by one."""
    units = list(itertools.product(*(range(side) for side in sides)))
    mask = np.zeros((len(units), len(units)), dtype=bool)
    for i, here in enumerate(units):
        for j, there in enumerate(units):
            steps = [abs(a - b) for a, b in zip(here, there, strict=True)]
            if periodic:
                steps = [min(step, side - step) for step, side in zip(steps, sides, strict=True)]
            mask[i, j] = math.sqrt(sum(step * step for step in steps)) <= radius
    return mask


@given(SIDES, RADII, st.booleans())
def test_locality_is_the_brute_force_of_its_definition(
    sides: tuple[int, ...], radius: float, periodic: bool
) -> None:
    mask = masks.locality(sides, radius, periodic=periodic)
    np.testing.assert_array_equal(mask.to_dense(), brute_force(sides, radius, periodic=periodic))


def test_the_sheet_has_no_border_only_if_it_is_periodic() -> None:
    torus = masks.locality((8, 8), 2).in_degree()
    open_sheet = masks.locality((8, 8), 2, periodic=False).in_degree()
    assert set(torus) == {13}
    assert open_sheet.min() == 6
    assert open_sheet.max() == 13


def test_the_extremes_of_locality_are_the_other_families() -> None:
    assert masks.locality((5, 4), 0) == masks.autapse((5, 4))
    assert masks.locality((5, 4), 10) == masks.dense((5, 4))


def test_every_family_is_tested() -> None:
    assert list(FAMILIES) == list(masks.MASKS)


@pytest.mark.parametrize("name", FAMILIES)
def test_families_keep_the_laws(name: str) -> None:
    masks.check_mask_family(masks.MASKS[name], SIZE, **FAMILIES[name])
    mask = masks.build(name, SIZE, **FAMILIES[name])
    dense = mask.to_dense()
    assert mask.family == name
    assert mask.shape == (30, 30)
    assert mask.nnz == dense.sum() == mask.indices.size
    assert dense.diagonal().all() or name not in ("locality", "autapse", "dense")
    assert mask.density == pytest.approx(dense.mean(), abs=0, rel=1e-15)
    np.testing.assert_array_equal(mask.in_degree(), dense.sum(1))
    np.testing.assert_array_equal(mask.out_degree(), dense.sum(0))
    np.testing.assert_array_equal(mask.tocsr().toarray(), dense)
    np.testing.assert_array_equal(np.argwhere(dense)[:, 0], mask.targets())
    np.testing.assert_array_equal(np.argwhere(dense)[:, 1], mask.indices)
    assert mask.coords is not None
    np.testing.assert_array_equal(mask.coords, list(np.ndindex(5, 6)))


@pytest.mark.parametrize("name", [name for name in FAMILIES if name not in SHEETS])
def test_a_number_of_units_is_a_sheet_of_one_side(name: str) -> None:
    assert masks.build(name, 30, **FAMILIES[name]) == masks.build(name, (30,), **FAMILIES[name])


@pytest.mark.parametrize("name", SHEETS)
def test_a_number_of_units_is_no_sheet(name: str) -> None:
    said = r"must be the sides of a sheet; got 30\. Write \(5, 6\) or 5x6 for a sheet, \(30,\) or"
    with pytest.raises(srnn.SparseRnnError, match=f"^shape {said} 30x1 for a ring"):
        masks.build(name, 30, **FAMILIES[name])
    ring = masks.build(name, (30,), **FAMILIES[name])
    assert ring == masks.build(name, (30, 1), **FAMILIES[name])
    for size in (30, "30"):
        with pytest.raises(srnn.SparseRnnError, match=f"^size {said}"):
            srnn.TrainConfig(arch=name, size=size, mask_options=FAMILIES[name])
    config = srnn.TrainConfig(arch=name, size=(30,), mask_options=FAMILIES[name])
    assert srnn.TrainConfig.from_json(config.to_json()) == config


@pytest.mark.parametrize("name", FAMILIES)
def test_every_option_changes_the_mask(name: str) -> None:
    """What is given is used; `seed`, and what is for files alone, have their own tests."""
    mask = masks.build(name, SIZE, **FAMILIES[name])
    others = OTHERS.get(name, {})
    for_files = {"nodes", "source", "target", "weight", "aggregate", "synapses"}
    assert set(others) == set(masks.options(name)) - {"seed"} - for_files
    for option, value in others.items():
        changed = masks.build(name, SIZE, **{**FAMILIES[name], option: value})
        assert changed != mask, option
        assert option == "graph" or changed.parameters[option] == value


@pytest.mark.parametrize(
    ("name", "options", "argument"),
    [
        ("erdos_renyi", {"probability": 1e-9}, "probability"),
        ("modular", {"n_modules": 3, "p_in": 1e-9, "p_out": 0}, "p_in"),
        ("modular", {"n_modules": 30, "p_in": 1, "p_out": 0, "self_connections": "never"}, "p_in"),
    ],
)
def test_a_mask_without_any_synapse_is_refused(
    name: str, options: dict[str, Any], argument: str
) -> None:
    with pytest.raises(srnn.SparseRnnError, match=f"^{argument} must be higher: .* no synapse at"):
        masks.build(name, SIZE, **options)
    with pytest.raises(srnn.SparseRnnError, match="no synapse at all"):
        srnn.TrainConfig(arch=name, size=SIZE, mask_options=options).build_mask()


@given(st.integers(1, 40), st.floats(0.001, 6), st.integers(0, 99))
def test_masks_have_what_was_asked_for_or_are_refused(n: int, mean: float, seed: int) -> None:
    for name in ("distance_rule", "scale_free"):
        more = {"decay_rate": 0.3} if name == "distance_rule" else {"exponent": 9.0}
        try:
            mask = masks.build(name, (n,), mean_in_degree=mean, seed=seed, **more)
        except srnn.SparseRnnError:
            continue
        assert mask.nnz >= 1
        slack = 5 * math.sqrt(mean * n) if name == "distance_rule" else 0.5
        assert abs(mask.nnz - mean * n) <= slack + 0.5


@pytest.mark.parametrize(
    ("name", "size", "options"),
    [
        ("dense", 10**6, {}),
        ("random", 10**6, {"in_degree": 10**5}),
        ("erdos_renyi", 10**6, {"probability": 0.5}),
        ("locality", (4000, 4000), {"radius": 100}),
        ("locality", (4000, 4000), {"radius": 1e300}),
        ("small_world", (4000, 4000), {"radius": 0, "nnz": 10**12}),
        ("watts_strogatz", 10**6, {"neighbours": 10**5, "rewiring": 0.1}),
        ("distance_rule", (1000, 1000), {"decay_rate": 0, "mean_in_degree": 10**5}),
        ("modular", 10**6, {"n_modules": 2, "p_in": 1, "p_out": 0}),
        ("scale_free", 10**6, {"mean_in_degree": 10**5}),
    ],
)
def test_masks_too_large_to_build_are_refused_at_once(
    name: str, size: Any, options: dict[str, Any]
) -> None:
    with pytest.raises(srnn.SparseRnnError, match=r"at most 1073741824 synapses"):
        masks.build(name, size, **options)


@given(st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_masks_survive_networkx_edge_lists_pickle_and_copies(n_units: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    dense = rng.random((n_units, n_units)) < 0.4
    targets, sources = np.nonzero(dense)
    order = rng.permutation(len(targets))
    mask = srnn.Mask.from_edges(n_units, targets[order], sources[order])
    np.testing.assert_array_equal(mask.to_dense(), dense)

    graph = mask.to_networkx()
    assert graph.number_of_nodes() == n_units
    # networkx has row = source; a mask has row = target.
    np.testing.assert_array_equal(nx.to_numpy_array(graph, dtype=int).T, dense)
    ends = list(graph.edges)
    again = srnn.Mask.from_edges(n_units, [i for _, i in ends], [j for j, _ in ends])
    for other in (again, pickle.loads(pickle.dumps(mask)), copy.deepcopy(mask)):
        assert other == mask
        assert hash(other) == hash(mask)


def test_masks_differ_by_their_edges() -> None:
    one = srnn.Mask.from_edges(3, [0, 1], [0, 2])
    assert one != srnn.Mask.from_edges(3, [0, 2], [0, 2])
    assert one != srnn.Mask.from_edges(4, [0, 1], [0, 2])
    assert one != "mask"


def test_arrays_of_a_mask_cannot_be_changed() -> None:
    mask = masks.locality((4, 4), 1)
    for array in (mask.indptr, mask.indices, mask.coords):
        assert array is not None
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    with pytest.raises(TypeError):
        mask.parameters["radius"] = 2


@pytest.mark.parametrize(
    ("indptr", "indices", "shape", "argument"),
    [
        ([0, 1], [0], (1, 2), "shape"),
        ([0], [], (0, 0), "shape"),
        ([0, 1], [0], (2, 2), "indptr"),
        ([0, 2, 1], [0], (2, 2), "indptr"),
        ([1, 1, 1], [0], (2, 2), "indptr"),
        ([0, 1, 1], [2], (2, 2), "indices"),
        ([0, 1, 1], [-1], (2, 2), "indices"),
        ([0, 2, 2], [1, 0], (2, 2), "indices"),
        ([0, 2, 2], [1, 1], (2, 2), "indices"),
        ([0, 1, 1], [0.5], (2, 2), "indices"),
    ],
)
def test_edges_that_are_no_mask_are_refused(
    indptr: list[int], indices: list[int], shape: tuple[int, int], argument: str
) -> None:
    arrays = np.asarray(indptr), np.asarray(indices, dtype=None if indices else np.int32)
    with pytest.raises(srnn.SparseRnnError, match=f"^{argument} must be") as caught:
        srnn.Mask(*arrays, shape)
    assert caught.value.argument == argument


def test_edges_of_units_that_do_not_exist_are_refused() -> None:
    with pytest.raises(srnn.SparseRnnError, match=r"^sources must be in 0\.\.2; got '0\.\.3'"):
        srnn.Mask.from_edges(3, [0, 1], [0, 3])
    with pytest.raises(srnn.SparseRnnError, match=r"^sources must be as many as targets"):
        srnn.Mask.from_edges(3, [0, 1], [0])
    with pytest.raises(srnn.SparseRnnError, match=r"^coords must be of shape"):
        srnn.Mask.from_edges(3, [0], [0], coords=[[0.0]])


@pytest.mark.parametrize(
    "size", [0, -1, 2.5, True, "20", (), (4, 0), (4, 2.0), None, (2**16, 2**16)]
)
@pytest.mark.parametrize("name", FAMILIES)
def test_sizes_that_are_none_are_refused(name: str, size: object) -> None:
    if "graph" in masks.options(name) and size is None:
        return  # The size of the graph itself.
    with pytest.raises(srnn.SparseRnnError, match=r"must be (a whole number|at most)"):
        masks.build(name, size, **FAMILIES[name])


@pytest.mark.parametrize("radius", [-1, math.nan, math.inf, "2", True, None])
def test_radii_that_are_none_are_refused(radius: object) -> None:
    with pytest.raises(srnn.SparseRnnError, match=r"^radius must be a finite number"):
        masks.locality((4, 4), radius)


def test_names_and_options_that_do_not_exist_are_refused_with_the_nearest() -> None:
    with pytest.raises(srnn.SparseRnnError, match=r"'localty'\. Did you mean 'locality'\?"):
        masks.build("localty", 4)
    with pytest.raises(srnn.SparseRnnError, match="Known names: locality, autapse, dense"):
        masks.build("zebra", 4)
    with pytest.raises(srnn.SparseRnnError, match="radius must be left out for 'dense' masks"):
        masks.build("dense", 4, radius=1)
    with pytest.raises(srnn.SparseRnnError, match="radius must be given for 'locality' masks"):
        masks.build("locality", 4)
    with pytest.raises(srnn.SparseRnnError, match="no family takes it"):
        masks.build("dense", 4, colour="red")


def edgy(size: masks.Size, reach: int = 1, *, seed: int = 0) -> srnn.Mask:
    """A family that breaks the rule that a test gives it.

    Args:
        size: Number of units.
        reach: How far.
        seed: Where it is drawn from.
    """
    return masks.build("locality", masks.check_size("size", size), radius=reach + 0 * seed)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"family": "other"}, "edgy: the mask's family is 'edgy', not 'other'."),
        ({"parameters": {}}, "edgy: the mask's parameters have the option reach."),
        ({"parameters": {"reach": math.nan}}, "edgy: the mask's parameters survive JSON."),
        ({}, "edgy: other seeds give other masks."),
    ],
)
def test_families_that_break_a_rule_are_told_which(changes: dict[str, Any], rule: str) -> None:
    @functools.wraps(edgy)
    def broken(*args: Any, **kwargs: Any) -> srnn.Mask:
        rest = {"family": "edgy", "parameters": {"reach": 1}, **changes}
        return dataclasses.replace(edgy(*args, **kwargs), **rest)

    with pytest.raises(masks.ConformanceError) as caught:
        masks.check_mask_family(broken, 9, reach=1)
    assert str(caught.value) == rule


def test_a_family_explains_its_options() -> None:
    def silent(size: masks.Size, reach: int = 1) -> srnn.Mask:
        rest = {"family": "silent", "parameters": {"reach": reach}}
        sides = masks.check_size("size", size)
        return dataclasses.replace(masks.locality(sides, reach), **rest)

    with pytest.raises(masks.ConformanceError, match="says under Args what reach means"):
        masks.check_mask_family(silent, 9)


def lazy(size: masks.Size, in_degree: int, spare: bool = False) -> srnn.Mask:
    """A family with fewer synapses than were asked for, and an option without effect.

    Args:
        size: Number of units.
        in_degree: Synapses onto each unit.
        spare: Nothing.
    """
    sides = masks.check_size("size", size)
    mask = masks.random(sides, in_degree - 1 if in_degree > 3 else in_degree)
    rest = {"family": "lazy", "parameters": {"in_degree": in_degree, "spare": spare}}
    return dataclasses.replace(mask, **rest)


def test_a_family_keeps_its_budget_and_ignores_no_option() -> None:
    with pytest.raises(masks.ConformanceError, match="4 synapses onto each unit, as it was asked"):
        masks.check_mask_family(lazy, 9, in_degree=4)
    with pytest.raises(masks.ConformanceError, match="the option spare changes the mask"):
        masks.check_mask_family(lazy, 9, in_degree=2)


def test_a_family_draws_from_its_seed_alone() -> None:
    def loose(size: masks.Size) -> srnn.Mask:
        """A family that uses the global generator.

        Args:
            size: Number of units.
        """
        np.random.random()  # noqa: NPY002, TID251 - what is found out
        return dataclasses.replace(masks.autapse(size), family="loose")

    with pytest.raises(masks.ConformanceError, match="the global generator is neither used nor"):
        masks.check_mask_family(loose, 9)

    def empty(size: masks.Size) -> srnn.Mask:
        """A family without synapses.

        Args:
            size: Number of units.
        """
        (n,) = masks.check_size("size", size)
        return srnn.Mask.from_edges(n, np.empty(0, int), np.empty(0, int), family="empty")

    with pytest.raises(masks.ConformanceError, match="a mask has at least one synapse"):
        masks.check_mask_family(empty, 9)


def test_a_family_has_a_digest_of_its_edges() -> None:
    class Sized(srnn.Mask):
        digest = "of their number alone"  # what is found out

    class Counted(srnn.Mask):
        made = 0

        @functools.cached_property
        def digest(self) -> str:
            Counted.made += 1
            return str(Counted.made)

    for kind, rule in (
        (Sized, "masks with other synapses have other digests"),
        (Counted, "the same mask has the same digest"),
    ):

        def odd(size: masks.Size, kind: type[srnn.Mask] = kind) -> srnn.Mask:
            """A family of masks of another class.

            Args:
                size: Number of units.
                kind: The class.
            """
            mask = masks.autapse(size)
            return kind(mask.indptr, mask.indices, mask.shape, family="odd")

        with pytest.raises(masks.ConformanceError, match=rule):
            masks.check_mask_family(odd, 9)
