"""Graphs of one size: as many synapses each, and known answers for known graphs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import sparse_rnn as srnn
from sparse_rnn import analysis
from sparse_rnn.analysis import figures
from sparse_rnn.analysis.graphs import MEASURES, OWN
from sparse_rnn.errors import NotApplicable


def compared(mask: srnn.Mask, **options: int) -> analysis.GraphComparison:
    return analysis.compare_graphs(srnn.Network(35, 17, mask), **{"n_draws": 1, **options})


def test_a_local_network_is_its_own_local_graph() -> None:
    mask = srnn.masks.locality((8, 7), radius=2)
    found = compared(mask)
    assert found.names == (OWN, "local", "random", "small world")
    own, local, random, _ = np.array([found.measures[name] for name in MEASURES]).T
    np.testing.assert_allclose(own, local)
    known = srnn.masks.measures(mask)
    assert found.measures["clustering"][0] == pytest.approx(known.clustering)
    assert found.measures["reciprocity"][0] == known.reciprocity == 1
    # Offsets within 2: itself, four at 1, four at the square root of 2, four at 2.
    assert found.measures["distance"][0] == pytest.approx((4 + 4 * math.sqrt(2) + 8) / 13)
    assert found.measures["spectral_radius"][0] == pytest.approx(13)
    assert random[MEASURES.index("distance")] > own[MEASURES.index("distance")]


@settings(max_examples=15, deadline=None)
@given(st.integers(36, 36 * 36 - 1), st.integers(0, 99))
def test_all_graphs_have_as_many_synapses_and_degrees_as_equal_as_can_be(
    nnz: int, seed: int
) -> None:
    keys = np.random.default_rng(seed).choice(36 * 36, nnz, replace=False)
    mask = srnn.Mask.from_edges(36, keys // 36, keys % 36)
    found = compared(mask, seed=seed)
    assert (found.measures["synapses"] == nnz).all()
    for name, degrees in zip(found.names, found.in_degree, strict=True):
        assert degrees.sum() == nnz
        if name in ("local", "random"):
            assert np.ptp(degrees) <= 1
    assert np.isnan(found.measures["distance"]).all()  # This mask has no sheet.


def test_units_without_a_full_sheet_and_few_synapses_leave_out_what_cannot_be() -> None:
    mask = srnn.Mask.from_edges(7, [0, 1, 2], [1, 2, 0])  # A ring of three.
    found = compared(mask)
    assert found.names == (OWN, "local", "random")
    assert "fewer synapses (3) than units (7)" in found.skipped["small world"]
    assert found.measures["spectral_radius"][0] == pytest.approx(1)
    assert found.measures["out_degree_max"][0] == 1


def test_borders_that_do_not_touch_count_as_such() -> None:
    torus, sheet = (
        compared(srnn.masks.locality((6, 6), radius=2, periodic=periodic))
        for periodic in (True, False)
    )
    assert torus.measures["distance"][2] < sheet.measures["distance"][2]
    np.testing.assert_allclose(sheet.measures["distance"][0], sheet.distance[0].mean())


def test_large_graphs_have_the_spectral_radius_of_small_ones() -> None:
    assert compared(srnn.masks.locality((30, 40), radius=1)).measures["spectral_radius"][
        0
    ] == pytest.approx(5)


@pytest.mark.parametrize("mask", [srnn.masks.dense(6), srnn.Mask.from_edges(6, [], [])])
def test_what_has_no_other_graph_of_its_size_is_refused(mask: srnn.Mask) -> None:
    with pytest.raises(NotApplicable, match="there is one graph of that many"):
        compared(mask)


def test_the_figure_has_a_line_and_a_bar_a_graph() -> None:
    for mask in (srnn.masks.locality((5, 5), 1), srnn.Mask.from_edges(9, range(9), [1] * 9)):
        found = compared(mask)
        axes = figures.graph_figure(found).axes
        assert len(axes) == 6
        assert len(axes[0].get_lines()) == len(found.names)
        heights = [bar.get_height() for bar in axes[3].patches]
        np.testing.assert_allclose(heights, found.measures["clustering"])
